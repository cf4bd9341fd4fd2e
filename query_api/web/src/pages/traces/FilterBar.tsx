/** The `where` of the list: typed text, applied with Enter, its faults underlined. */

import { Popover } from "radix-ui";
import { type FormEvent, useEffect, useRef, useState } from "react";

import { Problem } from "../../api/client";
import { Button } from "../../components/Button";
import field from "../../components/field.module.css";
import { SearchIcon } from "../../components/icons";
import styles from "./FilterBar.module.css";

interface Props {
  where: string;
  /** What the server said about this very `where`. */
  problem: Problem | null;
  onApply: (where: string) => void;
}

export function FilterBar({ where, problem, onApply }: Props) {
  const [text, setText] = useState(where);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => setText(where), [where]);
  useSlashKey(input);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onApply(text.trim());
  };
  const use = (example: string) => {
    setText(example);
    onApply(example);
  };
  return (
    <form role="search" className={styles.form} onSubmit={submit}>
      <div className={styles.line}>
        <div className={styles.input}>
          <SearchIcon />
          <input
            ref={input}
            className={field.field}
            aria-label="Filter traces"
            aria-invalid={problem !== null}
            aria-describedby={problem ? "filter-problem" : undefined}
            placeholder="Filter, e.g. status = 'error' AND duration_ms > 1000"
            spellCheck={false}
            autoComplete="off"
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
        </div>
        <Button type="submit">Apply</Button>
        {where && <Button onClick={() => use("")}>Clear</Button>}
        <FilterHelp onUse={use} />
      </div>
      {problem && <FilterProblem where={where} problem={problem} />}
    </form>
  );
}

/** `/` jumps to the filter while nothing is being typed elsewhere. */
function useSlashKey(input: React.RefObject<HTMLInputElement | null>) {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const typing = (event.target as Element).closest("input, textarea, select");
      if (event.key !== "/" || typing || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      input.current?.focus();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [input]);
}

function FilterProblem({ where, problem }: { where: string; problem: Problem }) {
  const { before, fault, after } = faultIn(where, problem.position, problem.length);
  return (
    <div id="filter-problem" role="alert" className={styles.error}>
      <pre>
        {before}
        <mark>{fault}</mark>
        {after}
      </pre>
      <p>{problem.message}</p>
    </div>
  );
}

interface Fault {
  before: string;
  fault: string;
  after: string;
}

/** Cut the text at the fault. Positions count characters, not UTF-16 units; the end shows a space. */
export function faultIn(where: string, position: number | null, length: number | null): Fault {
  const characters = [...where];
  if (position === null) return { before: where, fault: "", after: "" };
  const start = Math.min(position, characters.length);
  const stop = start + Math.max(1, length ?? 1);
  return {
    before: characters.slice(0, start).join(""),
    fault: characters.slice(start, stop).join("") || "\u00a0",
    after: characters.slice(stop).join(""),
  };
}

const EXAMPLES = [
  { where: "status = 'error'", means: "Traces that failed" },
  { where: "duration_ms > 1000", means: "Slower than a second" },
  { where: "name ILIKE '%answer%'", means: "A part of the name, letter case aside" },
  { where: "span_count > 100 AND error_count = 0", means: "Large ones without any error" },
  { where: "environment = 'production'", means: "From one deployment" },
  { where: "input ILIKE '%refund%'", means: "A word in the input" },
  { where: "attributes.\"http.route\" = '/chat'", means: "Any attribute of the root span" },
];

function FilterHelp({ onUse }: { onUse: (where: string) => void }) {
  return (
    <Popover.Root>
      <Popover.Trigger asChild>
        <Button>Examples</Button>
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content
          className={styles.help}
          aria-label="Filter examples"
          align="end"
          sideOffset={6}
        >
          <h2>Filter examples</h2>
          <ul>
            {EXAMPLES.map(({ where, means }) => (
              <li key={where}>
                <Popover.Close onClick={() => onUse(where)}>
                  <code>{where}</code>
                  <small>{means}</small>
                </Popover.Close>
              </li>
            ))}
          </ul>
          <p>
            Text stands in single quotes; <code>AND</code>, <code>OR</code>, <code>NOT</code>,{" "}
            <code>IN</code>, <code>LIKE</code> and parentheses combine.
          </p>
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}
