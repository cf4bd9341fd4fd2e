/** One row in full, beside the grid. */

import { Link } from "@tanstack/react-router";

import type { EvaluationRow } from "../../api/types";
import { IconButton } from "../../components/Button";
import { Fact, tokenSplit } from "../../components/Fact";
import { ChevronIcon, CrossIcon } from "../../components/icons";
import { JsonTree } from "../../components/JsonTree";
import { StatusMark } from "../../components/marks";
import { Payload, Section } from "../../components/Payload";
import { RowScore } from "../../components/ScoreValue";
import { formatDuration, formatInteger } from "../../format";
import { inputColumns, inputsOf } from "./rows";
import styles from "./RowDetail.module.css";

interface Props {
  project: string;
  row: EvaluationRow;
  onPrevious?: () => void;
  onNext?: () => void;
  onClose: () => void;
}

export function RowDetail({ project, row, onPrevious, onNext, onClose }: Props) {
  const { inputs, expected } = inputColumns([row]);
  const given = inputsOf(row);
  return (
    <section className={styles.detail} aria-label={`Row ${row.index}`}>
      <header className={styles.head}>
        <h2>
          Row {row.index}
          {row.trial > 0 && `, trial ${row.trial}`}
        </h2>
        <StatusMark status={row.status} look="pill" />
        <span className={styles.spacer} />
        <Link
          to="/p/$project/traces/$trace"
          params={{ project, trace: row.trace_id }}
          search={{ span: row.span_id }}
        >
          Open its trace
        </Link>
        <span className={styles.up}>
          <IconButton label="Previous row" disabled={!onPrevious} onClick={onPrevious}>
            <ChevronIcon />
          </IconButton>
        </span>
        <span className={styles.down}>
          <IconButton label="Next row" disabled={!onNext} onClick={onNext}>
            <ChevronIcon />
          </IconButton>
        </span>
        <IconButton label="Close" onClick={onClose}>
          <CrossIcon />
        </IconButton>
      </header>
      <dl className={styles.facts}>
        <Fact name="Latency">{formatDuration(row.latency_ms)}</Fact>
        {row.total_tokens !== null && (
          <Fact name="Tokens">
            {formatInteger(row.total_tokens)} ({tokenSplit(row)})
          </Fact>
        )}
        {row.example_digest && (
          <Fact name="Example">
            <code title={`sha256 ${row.example_digest}`}>{row.example_digest.slice(0, 7)}</code>
          </Fact>
        )}
      </dl>
      {Object.entries(row.errors).map(([who, text]) => (
        <p key={who} role="note" className={styles.error}>
          <strong>{who}</strong> {text}
        </p>
      ))}
      {[...inputs, ...expected].map((name) => (
        <Payload key={name} title={name} value={given[name]} />
      ))}
      <Payload title="Output" value={row.output} />
      <Scores row={row} />
    </section>
  );
}

function Scores({ row }: { row: EvaluationRow }) {
  const scores = Object.entries(row.scores);
  return (
    <Section title="Scores">
      {scores.length === 0 && <span className={styles.none}>None.</span>}
      <dl className={styles.scores}>
        {scores.map(([scorer, value]) => (
          <div key={scorer}>
            <dt>{scorer}</dt>
            <dd>
              {value !== null && typeof value === "object" ? (
                <JsonTree value={value} />
              ) : (
                <RowScore value={value} />
              )}
            </dd>
          </div>
        ))}
      </dl>
    </Section>
  );
}
