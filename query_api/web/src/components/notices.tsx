/** What a page shows when it has no data: an error, nothing yet, or still loading. */

import type { ReactNode } from "react";

import { Problem } from "../api/client";
import { Button, CopyButton, IconButton } from "./Button";
import { CrossIcon, WarningIcon } from "./icons";
import styles from "./notices.module.css";

interface ProblemProps {
  error: Error;
  /** What was asked, as in "Traces could not be loaded". */
  what: string;
  /** What was to happen to it, instead of "loaded". */
  done?: string;
  onRetry?: () => void;
}

export function ProblemNotice({ error, what, done = "loaded", onRetry }: ProblemProps) {
  const problem = error instanceof Problem ? error : null;
  return (
    <div role="alert" className={styles.problem}>
      <span className={styles.icon}>
        <WarningIcon />
      </span>
      <div className={styles.text}>
        <p>
          <strong>{what} could not be {done}.</strong> {error.message}
        </p>
        {problem && problem.status > 0 && (
          <p className={styles.request}>
            {problem.title} ({problem.status})
            {problem.requestId && (
              <>
                {" · request "}
                <code>{problem.requestId}</code>
              </>
            )}
          </p>
        )}
      </div>
      {onRetry && <Button onClick={onRetry}>Retry</Button>}
    </div>
  );
}

interface NoticeProps {
  children: ReactNode;
  onDismiss?: () => void;
}

export function Notice({ children, onDismiss }: NoticeProps) {
  return (
    <div role="status" className={styles.notice}>
      <WarningIcon />
      <span>{children}</span>
      {onDismiss && (
        <IconButton label="Dismiss" onClick={onDismiss}>
          <CrossIcon />
        </IconButton>
      )}
    </div>
  );
}

interface EmptyProps {
  title: string;
  children: ReactNode;
  /** The page polls and turns live by itself. */
  waiting?: string;
}

export function EmptyState({ title, children, waiting }: EmptyProps) {
  return (
    <section className={styles.empty}>
      <h2>{title}</h2>
      {children}
      {waiting && (
        <p className={styles.waiting} role="status">
          <span className={styles.pulse} />
          {waiting}
        </p>
      )}
    </section>
  );
}

export function Snippet({ code, title }: { code: string; title: string }) {
  return (
    <figure className={styles.snippet}>
      <figcaption className={styles.snippetHead}>
        {title}
        <CopyButton text={code} label="Copy the code" />
      </figcaption>
      <pre tabIndex={0} aria-label={title}>
        <code>{code}</code>
      </pre>
    </figure>
  );
}

const WIDTHS = ["92%", "78%", "85%", "64%", "88%", "71%", "80%", "58%"];

export function Skeleton({ lines = 8 }: { lines?: number }) {
  return (
    <div className={styles.skeleton} aria-busy="true">
      <p className="visually-hidden">Loading</p>
      {WIDTHS.slice(0, lines).map((width) => (
        <span key={width} style={{ width }} />
      ))}
    </div>
  );
}
