import { expect, test } from "vitest";

import type { EvaluationRow, JsonObject, ScoreSummary } from "../../api/types";
import { cellText, inputColumns, inputsOf, rowKey, scoreOf, shortScoreNames } from "./rows";

function row(inputs: JsonObject, scores: JsonObject = {}): EvaluationRow {
  return { index: 0, trial: 0, inputs, scores } as EvaluationRow;
}

function score(path: string, scorer = path.split(".")[0]): ScoreSummary {
  return { path, scorer } as ScoreSummary;
}

test("expected answers stand apart from the inputs", () => {
  const rows = [row({ expected: "4", question: "2+2?" }), row({ hint: 1, label_id: 2 })];
  expect(inputColumns(rows)).toEqual({
    inputs: ["question", "hint"],
    expected: ["expected", "label_id"],
  });
});

test("an example that is no object is one column", () => {
  expect(inputsOf({ inputs: "2+2?" } as EvaluationRow)).toEqual({ input: "2+2?" });
  expect(inputColumns([{ inputs: null } as EvaluationRow]).inputs).toEqual([]);
});

test("a score is found by its path below its scorer", () => {
  const scored = row(
    {},
    { match: { correct: false, deep: { x: 0.5 } }, plain: 3, "a.b": { c: 1 } },
  );
  const found = ["match.correct", "match.deep.x", "plain", "match.other", "gone.x"].map((path) =>
    scoreOf(scored, score(path)),
  );
  expect(found).toEqual([false, 0.5, 3, undefined, undefined]);
  expect(scoreOf(scored, score("a.b.c", "a.b"))).toBe(1);
});

test("score names are short where that is unambiguous", () => {
  const scores = ["match.correct", "judge.correct", "length.words", "plain"].map((p) => score(p));
  expect(shortScoreNames(scores)).toEqual(["match.correct", "judge.correct", "words", "plain"]);
});

test("the first trial needs no mention in a row's key", () => {
  expect([rowKey({ index: 3, trial: 0 }), rowKey({ index: 3, trial: 1 })]).toEqual(["3", "3.1"]);
});

test("a cell is one line of text, cut when it is long", () => {
  expect([null, "a", 0, false, { a: [1] }].map(cellText)).toEqual([
    "–",
    "a",
    "0",
    "false",
    '{"a":[1]}',
  ]);
  expect(cellText("x".repeat(400))).toHaveLength(301);
});
