/** Every score in one figure, with how many rows it rests on. */

import type { ReactNode } from "react";

import type { Evaluation, ScoreSummary } from "../../api/types";
import { tokenSplit } from "../../components/Fact";
import { ScoreValue } from "../../components/ScoreValue";
import { formatDuration, formatInteger } from "../../format";
import { EvaluationDetails } from "./EvaluationHead";
import styles from "./EvaluationPage.module.css";

export function ScoreCards({ evaluation }: { evaluation: Evaluation }) {
  const { latency_ms: latency } = evaluation;
  return (
    <>
      <div className={styles.cards} role="group" aria-label="Scores">
        {evaluation.scores.map((score) => (
          <ScoreCard key={score.path} score={score} />
        ))}
        {latency && (
          <Card
            title="Mean model latency"
            value={formatDuration(latency.mean)}
            note={`p50 ${formatDuration(latency.p50)} · p95 ${formatDuration(latency.p95)}`}
          />
        )}
        {evaluation.total_tokens !== null && (
          <Card
            title="Tokens"
            value={formatInteger(evaluation.total_tokens)}
            note={tokenSplit(evaluation)}
          />
        )}
        <Card
          title="Predictions"
          value={formatInteger(evaluation.row_count)}
          note={
            evaluation.error_count > 0 ? (
              <span className={styles.error}>
                {formatInteger(evaluation.error_count)} with an error
              </span>
            ) : (
              "no errors"
            )
          }
        />
      </div>
      <EvaluationDetails evaluation={evaluation} />
    </>
  );
}

function ScoreCard({ score }: { score: ScoreSummary }) {
  const isBoolean = score.type === "boolean";
  const scored = `${formatInteger(score.scored_count)} / ${formatInteger(score.row_count)} scored`;
  return (
    <Card
      title={score.path}
      value={<ScoreValue score={score} />}
      note={isBoolean ? `${formatInteger(score.true_count)} true · ${scored}` : `mean · ${scored}`}
    >
      {isBoolean && score.mean !== null && (
        <div className={styles.share} aria-hidden="true">
          <span style={{ width: `${score.mean * 100}%` }} />
        </div>
      )}
    </Card>
  );
}

interface CardProps {
  title: string;
  value: ReactNode;
  note: ReactNode;
  children?: ReactNode;
}

function Card({ title, value, note, children }: CardProps) {
  return (
    <section className={styles.card} aria-label={title}>
      <h2 title={title}>{title}</h2>
      <p className={styles.value}>{value}</p>
      {children}
      <p className={styles.note}>{note}</p>
    </section>
  );
}
