/** What the grid of an evaluation's rows shows: which columns, which score, which row. */

import type { EvaluationRow, Json, JsonObject, ScoreSummary } from "../../api/types";

/** Names under which datasets keep the wanted answer; shown next to the output. */
const EXPECTED = /^(expected|target|label|answer|reference|ground_?truth|gold|ideal|correct)(_|$)/i;

export interface InputColumns {
  inputs: string[];
  expected: string[];
}

/** The example's columns; an example that is no object is one column of its own. */
export function inputsOf({ inputs }: EvaluationRow): JsonObject {
  if (inputs === null) return {};
  return typeof inputs === "object" && !Array.isArray(inputs) ? inputs : { input: inputs };
}

/** Every column that some row has, in the order of their first appearance. */
export function inputColumns(rows: EvaluationRow[]): InputColumns {
  const names = [...new Set(rows.flatMap((row) => Object.keys(inputsOf(row))))];
  return {
    inputs: names.filter((name) => !EXPECTED.test(name)),
    expected: names.filter((name) => EXPECTED.test(name)),
  };
}

/** A row's value of one score; undefined where the scorer gave none. */
export function scoreOf(row: EvaluationRow, score: ScoreSummary): Json | undefined {
  let value: Json | undefined = row.scores[score.scorer];
  const rest = score.path.slice(score.scorer.length + 1);
  for (const key of rest ? rest.split(".") : []) {
    if (value === null || typeof value !== "object") return undefined;
    value = (value as Record<string, Json>)[key];
  }
  return value;
}

/** `correct` for `exact_match.correct`, unless another score ends the same way. */
export function shortScoreNames(scores: ScoreSummary[]): string[] {
  const last = scores.map((score) => score.path.split(".").at(-1)!);
  return scores.map((score, at) =>
    last.filter((name) => name === last[at]).length > 1 ? score.path : last[at],
  );
}

/** `3` is the first trial of row 3, `3.1` its second one. */
export function rowKey({ index, trial }: { index: number; trial: number }): string {
  return trial ? `${index}.${trial}` : String(index);
}

const CELL_CHARACTERS = 300;

/** One line for a cell. */
export function cellText(value: Json | undefined): string {
  if (value === undefined || value === null) return "–";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > CELL_CHARACTERS ? `${text.slice(0, CELL_CHARACTERS)}…` : text;
}
