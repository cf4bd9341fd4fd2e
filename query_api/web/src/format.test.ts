import { describe, expect, test } from "vitest";

import {
  formatAgo,
  formatBytes,
  formatCompact,
  formatDuration,
  formatFraction,
  formatInteger,
  formatScore,
  plural,
} from "./format";

test.each([
  [null, "–"],
  [0, "0 ms"],
  [0.0001, "1 µs"],
  [0.42, "420 µs"],
  [0.9996, "1.00 ms"],
  [3.2149, "3.21 ms"],
  [42.25, "42.3 ms"],
  [999.4, "999 ms"],
  [999.6, "1.00 s"],
  [12_440, "12.4 s"],
  [59_960, "1 m 00 s"],
  [185_000, "3 m 05 s"],
  [3_599_600, "1 h 00 m"],
  [7_620_000, "2 h 07 m"],
])("a duration of %s ms reads %s", (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
});

test.each([
  [null, "–"],
  [0, "0"],
  [999, "999"],
  [1234, "1.2k"],
  [99_960, "100k"],
  [999_960, "1.0M"],
  [12_345_678, "12.3M"],
])("%s is %s in a narrow column", (value, text) => {
  expect(formatCompact(value)).toBe(text);
});

test.each([
  [null, "–"],
  [5, "5"],
  [0.83333, "0.833"],
  [0.00004, "4.0e-5"],
  [-12.3456, "-12.3"],
  [1234.56, "1,235"],
])("a score of %s reads %s", (value, text) => {
  expect(formatScore(value)).toBe(text);
});

describe("others", () => {
  test("fractions are percents", () => {
    expect([0.5, 1 / 3, 1].map(formatFraction)).toEqual(["50%", "33.3%", "100%"]);
  });

  test("bytes are decimal", () => {
    expect([812, 2048, 1_400_000].map(formatBytes)).toEqual(["812 B", "2.0 kB", "1.4 MB"]);
  });

  test("integers are grouped", () => {
    expect(formatInteger(1_234_567)).toBe("1,234,567");
  });

  test("a count agrees with its noun", () => {
    expect([plural(1, "span"), plural(2, "span"), plural(0, "query", "queries")]).toEqual([
      "1 span",
      "2 spans",
      "0 queries",
    ]);
  });

  test("the age of a time is told in its largest unit", () => {
    const now = Date.parse("2026-11-23T12:00:00Z");
    const ago = (seconds: number) => formatAgo(new Date(now - seconds * 1000).toISOString(), now);
    expect([2, 12, 200, 18_000, 200_000].map(ago)).toEqual([
      "just now",
      "12 s ago",
      "3 m ago",
      "5 h ago",
      "2 d ago",
    ]);
  });
});
