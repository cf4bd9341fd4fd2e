/** One row of the tree: what the span is, what it used, when it ran. */

import { memo } from "react";

import type { SpanColumns, Status } from "../../api/types";
import { ChevronIcon, CrossIcon, WarningIcon } from "../../components/icons";
import { KindBadge, kindColour, StatusMark } from "../../components/marks";
import { formatCompact, formatDuration, formatInteger, plural } from "../../format";
import styles from "./SpanTree.module.css";
import { ownTokens, type SpanTree, State } from "./tree";
import { shareOf, type Zoom } from "./zoom";

/** Deeper spans are not indented further, so that their names keep some room. */
const MAX_INDENT = 24;

interface Props {
  id: string;
  tree: SpanTree;
  columns: SpanColumns;
  row: number;
  top: number;
  /** Undefined for a row without children. */
  open: boolean | undefined;
  selected: boolean;
  query: string;
  zoom: Zoom;
  onSelect: (row: number) => void;
  onToggle: (row: number) => void;
}

export const SpanRow = memo(function SpanRow(props: Props) {
  const { id, tree, row, top, open, selected, onSelect, onToggle } = props;
  const depth = Math.min(tree.depth[row], MAX_INDENT);
  return (
    <div
      id={id}
      role="treeitem"
      aria-level={tree.depth[row] + 1}
      aria-posinset={tree.place[row]}
      aria-setsize={tree.siblings[row]}
      aria-expanded={open}
      aria-selected={selected}
      className={styles.row}
      style={{ transform: `translateY(${top}px)`, "--depth": depth } as React.CSSProperties}
      onClick={() => onSelect(row)}
      onDoubleClick={() => open !== undefined && onToggle(row)}
    >
      <span className={styles.label}>
        <span
          className={open ? `${styles.toggle} ${styles.open}` : styles.toggle}
          onClick={(event) => {
            if (open === undefined) return;
            event.stopPropagation();
            onToggle(row);
          }}
        >
          {open !== undefined && <ChevronIcon />}
        </span>
        {tree.span[row] < 0 ? <MissingLabel tree={tree} row={row} /> : <SpanLabel {...props} />}
      </span>
      <Tokens {...props} />
      <span className={styles.figure}>
        {tree.state[row] === State.Running && <span title="so far">≥ </span>}
        {formatDuration((tree.stop[row] - tree.start[row]) / 1000)}
      </span>
      <Lane {...props} />
    </div>
  );
});

function MissingLabel({ tree, row }: { tree: SpanTree; row: number }) {
  return (
    <>
      <span className={styles.lost}>
        <WarningIcon />
      </span>
      <span className={`${styles.name} ${styles.lost}`} title={tree.id[row]}>
        Missing parent {tree.id[row]}
      </span>
    </>
  );
}

function SpanLabel({ tree, columns, row, query }: Props) {
  const span = tree.span[row];
  const name = columns.name[span] || "(no name)";
  const model = columns.model[span];
  const state = tree.state[row];
  const failed = state === State.Error;
  const below = tree.errors[row] - (failed ? 1 : 0);
  return (
    <>
      <KindBadge kind={columns.kind[span]} />
      {state !== State.Ok && <StatusMark status={columns.status[span] as Status} look="icon" />}
      <span className={failed ? `${styles.name} ${styles.failed}` : styles.name} title={name}>
        <Highlighted text={name} query={query} />
      </span>
      {below > 0 && (
        <span className={styles.errors} title={`${plural(below, "error")} below`}>
          <CrossIcon />
          {formatCompact(below)}
          <span className="visually-hidden"> errors below</span>
        </span>
      )}
      {model && !name.includes(model) && <span className={styles.model}>{model}</span>}
    </>
  );
}

function Highlighted({ text, query }: { text: string; query: string }) {
  const wanted = query.trim().toLowerCase();
  const at = wanted ? text.toLowerCase().indexOf(wanted) : -1;
  if (at < 0) return text;
  return (
    <>
      {text.slice(0, at)}
      <mark>{text.slice(at, at + wanted.length)}</mark>
      {text.slice(at + wanted.length)}
    </>
  );
}

function Tokens({ tree, columns, row }: Props) {
  const tokens = tree.tokens[row];
  if (Number.isNaN(tokens)) return <span className={styles.figure} />;
  const own = tree.span[row] >= 0 && tokens === ownTokens(columns, tree.span[row]);
  return (
    <span
      className={own ? styles.figure : `${styles.figure} ${styles.sum}`}
      title={`${formatInteger(tokens)} tokens${own ? "" : " in the spans below"}`}
    >
      {own ? "" : "Σ "}
      {formatCompact(tokens)}
    </span>
  );
}

function Lane({ tree, columns, row, zoom }: Props) {
  const from = shareOf(zoom, tree.start[row]);
  const to = shareOf(zoom, tree.stop[row]);
  const span = tree.span[row];
  const failed = tree.state[row] === State.Error;
  const colour = span < 0 ? "var(--warn)" : kindColour(columns.kind[span]);
  const look = [
    styles.bar,
    tree.state[row] === State.Running && styles.running,
    span < 0 && styles.group,
  ];
  return (
    <span className={styles.lane} aria-hidden="true">
      {from <= 1 && to >= 0 && (
        <span
          className={look.filter(Boolean).join(" ")}
          style={
            {
              // Never wholly past the right edge: the last instant of a trace shows too.
              left: `min(${Math.max(from, 0) * 100}%, 100% - 2px)`,
              width: `${(Math.min(to, 1) - Math.max(from, 0)) * 100}%`,
              "--bar": failed ? "var(--err)" : colour,
            } as React.CSSProperties
          }
        />
      )}
    </span>
  );
}
