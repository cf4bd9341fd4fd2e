import { expect, test } from "vitest";

import { joinProject } from "./router";

test.each([
  ["/p/a%2Fb/traces", "/p/a%2Fb/traces"],
  ["/p/a/b/traces", "/p/a%2Fb/traces"],
  [
    "/p/a/b/traces/0af7651916cd43dd8448eb211c80319c",
    "/p/a%2Fb/traces/0af7651916cd43dd8448eb211c80319c",
  ],
  ["/p/a/b/evaluations", "/p/a%2Fb/evaluations"],
  ["/p/a/traces", "/p/a/traces"],
  ["/p/a/traces/0af7651916cd43dd8448eb211c80319c", "/p/a/traces/0af7651916cd43dd8448eb211c80319c"],
  ["/p/tracesfan/b/tracesx", "/p/tracesfan/b/tracesx"],
])("%s means %s", (asked, meant) => {
  expect(joinProject(new URL(asked, "http://localhost")).pathname).toBe(meant);
});
