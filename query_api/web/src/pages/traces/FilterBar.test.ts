import { expect, test } from "vitest";

import { faultIn } from "./FilterBar";

test("the fault is cut out of the expression", () => {
  expect(faultIn("status = oops", 9, 4)).toEqual({ before: "status = ", fault: "oops", after: "" });
});

test("positions count characters, so an emoji is one", () => {
  expect(faultIn("'😀' = x y", 6, 1)).toEqual({ before: "'😀' = ", fault: "x", after: " y" });
});

test("a fault at the end still shows", () => {
  expect(faultIn("a =", 3, 0)).toEqual({ before: "a =", fault: "\u00a0", after: "" });
});

test("a fault without a position marks nothing", () => {
  expect(faultIn("a =", null, null)).toEqual({ before: "a =", fault: "", after: "" });
});
