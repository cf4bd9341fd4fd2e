import { expect, test } from "vitest";

import { mergeNewest } from "./liveList";

const row = (id: string, status = "ok") => ({ id, status });
const key = (item: { id: string }) => item.id;

test("known rows are renewed in place and new ones are counted", () => {
  const merged = mergeNewest([row("b", "running"), row("a")], [row("c"), row("b")], key);
  expect(merged).toEqual({ rows: [row("b"), row("a")], newCount: 1 });
});

test("before the first poll nothing changes", () => {
  expect(mergeNewest([row("a")], undefined, key)).toEqual({ rows: [row("a")], newCount: 0 });
});
