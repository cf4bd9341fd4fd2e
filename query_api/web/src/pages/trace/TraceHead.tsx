/** The facts of a whole trace. */

import { Link } from "@tanstack/react-router";

import type { Trace } from "../../api/types";
import { CopyButton } from "../../components/Button";
import { Fact, tokenSplit } from "../../components/Fact";
import { Ago, Chip, KindBadge, StatusMark } from "../../components/marks";
import { formatDuration, formatInteger } from "../../format";
import styles from "./TracePage.module.css";

const TWICE =
  "Two instrumentations report the same model calls. Their tokens count once; one of them can be switched off.";

export function TraceHead({ trace }: { trace: Trace }) {
  const duplicates = Object.keys(trace.duplicates).length;
  return (
    <header className={styles.head}>
      <div className={styles.title}>
        <KindBadge kind={trace.kind} named />
        <h1 title={trace.name}>{trace.name || "(no name)"}</h1>
        <StatusMark status={trace.status} look="pill" />
        {trace.kind === "evaluation" && (
          <Link
            to="/p/$project/evaluations/$evaluation"
            params={{ project: trace.project, evaluation: trace.root_span_id }}
          >
            Open the evaluation
          </Link>
        )}
        <span className={styles.id}>
          <code>{trace.trace_id}</code>
          <CopyButton text={trace.trace_id} label="Copy the trace id" />
        </span>
      </div>
      <dl className={styles.facts}>
        <Fact name="Duration">{formatDuration(trace.duration_ms)}</Fact>
        <Fact name="Started">
          <Ago time={trace.start_time} />
        </Fact>
        <Fact name="Spans">{formatInteger(trace.span_count)}</Fact>
        {trace.error_count > 0 && (
          <Fact name="Errors">
            <span className={styles.error}>{formatInteger(trace.error_count)}</span>
          </Fact>
        )}
        {trace.total_tokens !== null && (
          <Fact name="Tokens">
            <span title={tokenSplit(trace)}>{formatInteger(trace.total_tokens)}</span>
          </Fact>
        )}
        {duplicates > 0 && (
          <Fact name="Duplicate instrumentation">
            <span title={TWICE}>{formatInteger(duplicates)} spans</span>
          </Fact>
        )}
        {trace.models.length > 0 && (
          <Fact name={trace.models.length > 1 ? "Models" : "Model"}>
            {trace.models.slice(0, 3).map((model) => (
              <Chip key={model} title={model}>
                {model}
              </Chip>
            ))}
            {trace.models.length > 3 && `+${trace.models.length - 3}`}
          </Fact>
        )}
        {trace.service_name && <Fact name="Service">{trace.service_name}</Fact>}
        {trace.environment && <Fact name="Environment">{trace.environment}</Fact>}
        {trace.session_id && <Fact name="Session">{trace.session_id}</Fact>}
        {trace.user_id && <Fact name="User">{trace.user_id}</Fact>}
      </dl>
    </header>
  );
}
