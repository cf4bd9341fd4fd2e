/** The columns of the rows grid; which there are depends on the dataset and the scorers. */

import { Link } from "@tanstack/react-router";

import type { EvaluationRow, Json, ScoreSummary } from "../../api/types";
import type { Column } from "../../components/DataGrid";
import { tokenSplit } from "../../components/Fact";
import { RowScore } from "../../components/ScoreValue";
import { formatDuration, formatInteger } from "../../format";
import styles from "./EvaluationPage.module.css";
import { cellText, inputColumns, inputsOf, scoreOf, shortScoreNames } from "./rows";

export function rowColumns(
  project: string,
  scores: ScoreSummary[],
  trials: number,
  rows: EvaluationRow[],
): Column<EvaluationRow>[] {
  const { inputs, expected } = inputColumns(rows);
  return [
    { id: "index", header: "#", width: 56, align: "end", cell: (row) => row.index },
    ...(trials > 1 ? [TRIAL] : []),
    ...[...inputs, ...expected].map((name) => textColumn(name, (row) => inputsOf(row)[name])),
    textColumn("output", (row) => row.output, "Output"),
    ...scoreColumns(scores),
    ...(rows.some(hasErrors) ? [ERRORS] : []),
    LATENCY,
    TOKENS,
    traceColumn(project),
  ];
}

const TRIAL: Column<EvaluationRow> = {
  id: "trial",
  header: "Trial",
  width: 56,
  align: "end",
  cell: (row) => row.trial,
};

const ERRORS: Column<EvaluationRow> = {
  id: "errors",
  header: "Errors",
  width: 120,
  grow: 1,
  title: (row) => errorText(row) || undefined,
  cell: (row) =>
    hasErrors(row) ? (
      <span className={styles.rowError}>{errorText(row)}</span>
    ) : (
      <span className={styles.dim}>–</span>
    ),
};

const LATENCY: Column<EvaluationRow> = {
  id: "latency",
  header: "Latency",
  width: 84,
  align: "end",
  cell: (row) => formatDuration(row.latency_ms),
};

const TOKENS: Column<EvaluationRow> = {
  id: "tokens",
  header: "Tokens",
  width: 76,
  align: "end",
  title: (row) => (row.total_tokens === null ? undefined : tokenSplit(row)),
  cell: (row) => formatInteger(row.total_tokens),
};

function textColumn(
  id: string,
  value: (row: EvaluationRow) => Json | undefined,
  header = id,
): Column<EvaluationRow> {
  const text = (row: EvaluationRow) => cellText(value(row));
  return { id: `text-${id}`, header, width: 120, grow: 3, title: text, cell: text };
}

function scoreColumns(scores: ScoreSummary[]): Column<EvaluationRow>[] {
  const names = shortScoreNames(scores);
  return scores.map((score, at) => ({
    id: `score-${score.path}`,
    header: names[at],
    headerTitle: score.path,
    width: 92,
    grow: 1,
    align: score.type === "number" ? "end" : undefined,
    cell: (row) => <RowScore value={scoreOf(row, score)} />,
  }));
}

function traceColumn(project: string): Column<EvaluationRow> {
  return {
    id: "trace",
    header: "Trace",
    width: 64,
    cell: (row) => (
      <Link
        to="/p/$project/traces/$trace"
        params={{ project, trace: row.trace_id }}
        search={{ span: row.span_id }}
        aria-label={`Trace of row ${row.index}`}
      >
        Trace
      </Link>
    ),
  };
}

function hasErrors(row: EvaluationRow): boolean {
  return Object.keys(row.errors).length > 0;
}

function errorText(row: EvaluationRow): string {
  return Object.entries(row.errors)
    .map(([who, text]) => `${who}: ${text}`)
    .join("; ");
}
