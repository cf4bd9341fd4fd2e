import { describe, expect, test } from "vitest";

import type { Feedback } from "../../api/types";
import { saidIn, scoreOf } from "./feedback";

describe("a score that was typed", () => {
  test.each([
    ["true", { value: true }],
    [" false ", { value: false }],
    ["0.5", { value: 0.5 }],
    ["-1e3", { value: -1000 }],
    ["good", { label: "good" }],
    ["Infinity", { label: "Infinity" }],
  ])("%s is a truth, a number or a word", (text, judged) => {
    expect(scoreOf(" tone ", text, "")).toEqual({ kind: "score", name: "tone", ...judged });
  });

  test("carries its explanation only when there is one", () => {
    expect(scoreOf("tone", "1", " why ")).toMatchObject({ explanation: "why" });
    expect(scoreOf("tone", "1", "  ")).not.toHaveProperty("explanation");
  });
});

const nothing = { emoji: null, text: null, name: null, value: null, label: null };

test.each([
  [{ kind: "reaction", emoji: "👍" }, "👍"],
  [{ kind: "note", text: "fine" }, "fine"],
  [{ kind: "score", name: "tone", value: false }, "tone: false"],
  [{ kind: "score", name: "tone", value: 0, label: "bad" }, "tone: 0 · bad"],
])("what was said is one line", (said, line) => {
  expect(saidIn({ ...nothing, ...said } as Feedback)).toBe(line);
});
