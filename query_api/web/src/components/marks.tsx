/** Small marks that say how a span stands and what it is; never by colour alone. */

import type { ReactNode } from "react";

import type { Status } from "../api/types";
import { formatAgo, formatTime } from "../format";
import { CheckIcon, CrossIcon } from "./icons";
import styles from "./marks.module.css";

interface StatusLook {
  text: string;
  icon: ReactNode;
  tone: string;
}

const STATUS: Record<Status, StatusLook> = {
  ok: { text: "OK", icon: <CheckIcon />, tone: styles.ok },
  error: { text: "Error", icon: <CrossIcon />, tone: styles.error },
  running: { text: "Running", icon: <span className={styles.spinner} />, tone: styles.running },
  // It never ended, and its process is taken for dead.
  lost: { text: "Lost", icon: <CrossIcon />, tone: styles.error },
  // OpenTelemetry's libraries leave the status alone when nothing went wrong.
  unset: { text: "Done", icon: <CheckIcon />, tone: styles.ok },
};

interface StatusProps {
  status: Status;
  /** Icon: the icon alone, its text for screen readers. Pill: on a ground of its own. */
  look?: "text" | "icon" | "pill";
}

export function StatusMark({ status, look = "text" }: StatusProps) {
  const { text, icon, tone } = STATUS[status] ?? STATUS.unset;
  const pill = look === "pill" ? ` ${styles.pill}` : "";
  return (
    <span className={`${styles.status} ${tone}${pill}`} title={look === "icon" ? text : undefined}>
      {icon}
      <span className={look === "icon" ? "visually-hidden" : undefined}>{text}</span>
    </span>
  );
}

interface Kind {
  letter: string;
  colour: string;
}

const KINDS: Record<string, Kind> = {
  agent: { letter: "A", colour: "var(--accent)" },
  chain: { letter: "C", colour: "var(--accent)" },
  embedding: { letter: "E", colour: "var(--warn)" },
  evaluation: { letter: "V", colour: "var(--magenta)" },
  guardrail: { letter: "G", colour: "var(--ok)" },
  llm: { letter: "L", colour: "var(--violet)" },
  prediction: { letter: "P", colour: "var(--magenta)" },
  retriever: { letter: "R", colour: "var(--warn)" },
  scorer: { letter: "S", colour: "var(--magenta)" },
  summary: { letter: "Σ", colour: "var(--magenta)" },
  tool: { letter: "T", colour: "var(--ok)" },
};

const PLAIN: Kind = { letter: "·", colour: "var(--dim)" };

export function kindColour(kind: string): string {
  return (KINDS[kind] ?? PLAIN).colour;
}

export function KindBadge({ kind, named = false }: { kind: string; named?: boolean }) {
  const { letter, colour } = KINDS[kind] ?? PLAIN;
  return (
    <span
      className={named ? `${styles.kind} ${styles.named}` : styles.kind}
      style={{ "--kind": colour } as React.CSSProperties}
      title={kind}
    >
      {named ? kind : <span aria-hidden="true">{letter}</span>}
      {named ? null : <span className="visually-hidden">{kind}</span>}
    </span>
  );
}

export function Chip({ children, title }: { children: ReactNode; title?: string }) {
  return (
    <span className={styles.chip} title={title}>
      <span>{children}</span>
    </span>
  );
}

/** A time as its age, the exact time on hover. */
export function Ago({ time }: { time: string | null }) {
  if (!time) return <span>–</span>;
  return (
    <time dateTime={time} title={`${formatTime(time)} (${time})`}>
      {formatAgo(time)}
    </time>
  );
}
