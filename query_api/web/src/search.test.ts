import { expect, test } from "vitest";

import { keepKeys, parseSearch, stringifySearch } from "./search";

test.each(["5e10000000000000", "12345678901234567890", "0000000000000001", "true", "null"])(
  "%s stays text",
  (span) => {
    expect(parseSearch(`?span=${span}`)).toEqual({ span });
    expect(stringifySearch({ span })).toBe(`?span=${span}`);
  },
);

test("a filter survives the way through the URL", () => {
  const search = { where: `"correct" = false AND name LIKE '%a+b&c=1#%'`, sort: "-duration_ms" };
  expect(parseSearch(stringifySearch(search))).toEqual(search);
});

test("what is not set leaves no trace in the URL", () => {
  expect(stringifySearch({ where: "", sort: undefined, span: null })).toBe("");
});

test("a route keeps only the keys it knows", () => {
  expect(keepKeys("span", "q")({ span: "ab", q: "", other: "x" })).toEqual({ span: "ab" });
});
