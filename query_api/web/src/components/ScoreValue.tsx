/** Scores as people read them: a share of true for booleans, a mean for numbers. */

import type { Json, ScoreSummary } from "../api/types";
import { formatFraction, formatScore } from "../format";
import { CheckIcon, CrossIcon } from "./icons";
import styles from "./ScoreValue.module.css";

/** The one number of a score over all rows; "–" while no row has it. */
export function ScoreValue({ score }: { score: ScoreSummary }) {
  return (
    <strong className={styles.number}>
      {score.type === "boolean" ? formatFraction(score.mean) : formatScore(score.mean)}
    </strong>
  );
}

/** The score of one row. Booleans are a sign and a word, so that they never look like 0 and 1. */
export function RowScore({ value }: { value: Json | undefined }) {
  if (value === undefined || value === null) return <span className={styles.none}>–</span>;
  if (typeof value === "boolean") {
    return (
      <span className={value ? styles.yes : styles.no}>
        {value ? <CheckIcon /> : <CrossIcon />}
        {value ? "true" : "false"}
      </span>
    );
  }
  if (typeof value === "number") return <span>{formatScore(value)}</span>;
  return <span>{typeof value === "string" ? value : JSON.stringify(value)}</span>;
}
