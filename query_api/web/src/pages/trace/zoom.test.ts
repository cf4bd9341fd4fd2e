import { expect, test } from "vitest";

import { around, shareOf, stretch } from "./zoom";

test("a moment lies at its share of the stretch", () => {
  expect([100, 150, 200].map((at) => shareOf({ from: 100, to: 200 }, at))).toEqual([0, 0.5, 1]);
});

test("a trace without length puts everything at its start", () => {
  expect(shareOf({ from: 0, to: 0 }, 0)).toBe(0);
});

test("a stretch drawn backwards, and past the end, is the same stretch", () => {
  expect(stretch({ from: 0, to: 200 }, 1.4, 0.25)).toEqual({ from: 50, to: 200 });
});

test("zooming to a span leaves room around it but stays in the trace", () => {
  expect(around(100, 200, 1000)).toEqual({ from: 95, to: 205 });
  expect(around(0, 1000, 1000)).toEqual({ from: 0, to: 1000 });
});
