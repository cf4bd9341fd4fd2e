/** Above the tree: search in the trace, errors, collapse, keys. */

import { Popover } from "radix-ui";
import type { KeyboardEvent } from "react";

import { IconButton } from "../../components/Button";
import field from "../../components/field.module.css";
import {
  ChevronIcon,
  CrossIcon,
  FoldIcon,
  KeyboardIcon,
  SearchIcon,
  UnfoldIcon,
} from "../../components/icons";
import { formatInteger } from "../../format";
import type { TreeCommands } from "./SpanTree";
import styles from "./TracePage.module.css";

interface Props {
  query: string;
  onQuery: (query: string) => void;
  matches: Int32Array;
  errorCount: number;
  selected: number;
  commands: TreeCommands;
}

export function TraceTools({ query, onQuery, matches, errorCount, selected, commands }: Props) {
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Enter") commands.findMatch(event.shiftKey ? -1 : 1);
    if (event.key === "Escape") onQuery("");
  };
  const place = matches.indexOf(selected) + 1;
  return (
    <div className={styles.tools} role="toolbar" aria-label="Tree">
      <div className={styles.search}>
        <SearchIcon />
        <input
          className={field.field}
          type="text"
          aria-label="Search in this trace"
          placeholder="Name, kind or model"
          spellCheck={false}
          value={query}
          onChange={(event) => onQuery(event.target.value)}
          onKeyDown={onKeyDown}
        />
      </div>
      {query && (
        <>
          <IconButton
            label="Previous match (N)"
            disabled={matches.length === 0}
            onClick={() => commands.findMatch(-1)}
          >
            <Turned degrees={-90} />
          </IconButton>
          <IconButton
            label="Next match (n)"
            disabled={matches.length === 0}
            onClick={() => commands.findMatch(1)}
          >
            <Turned degrees={90} />
          </IconButton>
          <span className={styles.count} role="status">
            {matches.length === 0
              ? "no match"
              : `${place || "–"} of ${formatInteger(matches.length)}`}
          </span>
        </>
      )}
      <span className={styles.spacer} />
      {errorCount > 0 && (
        <IconButton label="Next error (e)" onClick={() => commands.findError(1)}>
          <span className={styles.error}>
            <CrossIcon />
          </span>
          <Turned degrees={90} />
        </IconButton>
      )}
      <IconButton label="Collapse all ([)" onClick={commands.collapseAll}>
        <FoldIcon />
      </IconButton>
      <IconButton label="Expand all (])" onClick={commands.expandAll}>
        <UnfoldIcon />
      </IconButton>
      <Keys />
    </div>
  );
}

function Turned({ degrees }: { degrees: number }) {
  return (
    <span style={{ display: "inline-flex", transform: `rotate(${degrees}deg)` }}>
      <ChevronIcon />
    </span>
  );
}

const KEYS: [string[], string][] = [
  [["↑", "↓"], "Previous, next span"],
  [["←", "→"], "Collapse or to the parent, expand or to the first child"],
  [["Home", "End", "PgUp", "PgDn"], "Move far"],
  [["[", "]"], "Collapse all, expand all"],
  [["n", "N"], "Next, previous match"],
  [["e", "E"], "Next, previous error"],
  [["z"], "Zoom the waterfall to the span"],
  [["Enter"], "To the span's detail"],
  [["y"], "Copy a link to the span"],
];

function Keys() {
  return (
    <Popover.Root>
      <Popover.Trigger asChild>
        <IconButton label="Keys">
          <KeyboardIcon />
        </IconButton>
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content className={styles.keys} aria-label="Keys" align="end" sideOffset={6}>
          <h2>Keys while the tree has the focus</h2>
          <dl>
            {KEYS.map(([keys, does]) => (
              <div key={does} style={{ display: "contents" }}>
                <dt>
                  {keys.map((key) => (
                    <kbd key={key}>{key}</kbd>
                  ))}
                </dt>
                <dd>{does}</dd>
              </div>
            ))}
          </dl>
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}
