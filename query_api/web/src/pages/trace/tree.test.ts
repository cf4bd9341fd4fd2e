import { describe, expect, test } from "vitest";

import type { SpanColumns } from "../../api/types";
import {
  buildTree,
  collapsibleIds,
  errorRows,
  matchingRows,
  neighbour,
  revealed,
  shownIndex,
  State,
  visibleRows,
} from "./tree";

interface Sketch {
  id: string;
  parent?: number;
  status?: string;
  tokens?: number;
  start?: number;
  duration?: number | null;
}

function columns(spans: Sketch[]): SpanColumns {
  return {
    span_id: spans.map((span) => span.id),
    parent: spans.map((span) => span.parent ?? -1),
    name: spans.map((span) => `call ${span.id}`),
    kind: spans.map(() => "span"),
    status: spans.map((span) => span.status ?? "ok"),
    start_us: spans.map((span) => span.start ?? 0),
    duration_us: spans.map((span) => (span.duration === undefined ? 10 : span.duration)),
    input_tokens: spans.map(() => null),
    output_tokens: spans.map(() => null),
    total_tokens: spans.map((span) => span.tokens ?? null),
    model: spans.map(() => null),
  };
}

// a ── b ── d
//  │    └─ e
//  └── c
const family = columns([
  { id: "a" },
  { id: "b", parent: 0 },
  { id: "c", parent: 0 },
  { id: "d", parent: 1 },
  { id: "e", parent: 1 },
]);

function names(spans: SpanColumns, rows: Iterable<number>, tree = buildTree(spans, {})): string {
  return [...rows].map((row) => spans.span_id[tree.span[row]]).join("");
}

describe("order", () => {
  test("rows stand in depth-first order, siblings by start", () => {
    const tree = buildTree(family, {});
    expect(names(family, tree.span.keys())).toBe("abdec");
    expect([...tree.depth]).toEqual([0, 1, 2, 2, 1]);
    expect([...tree.end]).toEqual([5, 4, 3, 4, 5]);
    expect([...tree.parent]).toEqual([-1, 0, 1, 1, 0]);
  });

  test("every row knows its place among its siblings", () => {
    const tree = buildTree(family, {});
    expect([...tree.place]).toEqual([1, 1, 1, 2, 2]);
    expect([...tree.siblings]).toEqual([1, 2, 2, 2, 2]);
  });

  test("a parent that starts after its child is still its parent", () => {
    const spans = columns([
      { id: "child", parent: 1, start: 1 },
      { id: "late", start: 2 },
    ]);
    expect(buildTree(spans, {}).rowOf).toEqual(
      new Map([
        ["late", 0],
        ["child", 1],
      ]),
    );
  });

  test("spans that are each other's parent are all shown", () => {
    const spans = columns([
      { id: "x", parent: 1 },
      { id: "y", parent: 0 },
      { id: "z", parent: 2 },
    ]);
    const tree = buildTree(spans, {});
    expect(names(spans, visibleRows(tree, new Set()), tree)).toBe("xyz");
  });

  test("a chain of 100,000 spans is built without recursion", () => {
    const deep = columns(
      Array.from({ length: 100_000 }, (_, n) => ({ id: `${n}`, parent: n - 1 })),
    );
    expect(buildTree(deep, {}).depth[99_999]).toBe(99_999);
  });
});

describe("collapsing", () => {
  test("a collapsed row hides its whole subtree", () => {
    const tree = buildTree(family, {});
    expect(names(family, visibleRows(tree, new Set(["b"])))).toBe("abc");
  });

  test("collapse all leaves the outermost level open", () => {
    const tree = buildTree(family, {});
    expect(names(family, visibleRows(tree, collapsibleIds(tree)))).toBe("abc");
  });

  test("revealing a row opens its ancestors and nothing else", () => {
    const tree = buildTree(family, {});
    expect(revealed(tree, new Set(["a", "b", "c"]), 2)).toEqual(new Set(["c"]));
  });
});

test("a hidden row is found at the nearest shown row above it", () => {
  const shown = Int32Array.of(0, 1, 4);
  expect([0, 1, 2, 3, 4, 9].map((row) => shownIndex(shown, row))).toEqual([0, 1, 1, 1, 2, 2]);
});

describe("roll-up", () => {
  test("an error is counted by every ancestor", () => {
    const spans = structuredClone(family);
    spans.status[3] = spans.status[4] = "error";
    const tree = buildTree(spans, {});
    expect([...tree.errors]).toEqual([2, 2, 1, 1, 0]);
    expect([...errorRows(tree)]).toEqual([2, 3]);
  });

  test("a span's own tokens count only when no descendant has any", () => {
    const spans = structuredClone(family);
    spans.total_tokens = [100, 60, 5, 20, 30];
    expect([...buildTree(spans, {}).tokens]).toEqual([55, 50, 20, 30, 5]);
  });

  test("input and output stand in for a total that was not reported", () => {
    const spans = columns([{ id: "a" }]);
    spans.input_tokens[0] = 7;
    expect([...buildTree(spans, {}).tokens]).toEqual([7]);
  });

  test("a call that is reported twice adds up once, and a wrapper does not stand in for it", () => {
    const spans = columns([
      { id: "a" },
      { id: "b", parent: 0, tokens: 7 },
      { id: "c", parent: 0, tokens: 7 },
      { id: "d", parent: 2, tokens: 7 },
    ]);
    expect([...buildTree(spans, {}, { d: "b" }).tokens]).toEqual([7, 7, 0, 7]);
    expect([...buildTree(spans, {}, { c: "d", d: "b" }).tokens]).toEqual([7, 7, 0, 7]);
    expect([...buildTree(spans, {}, { c: "d" }).tokens]).toEqual([14, 7, 7, 7]);
  });

  test("unknown tokens stay unknown, and 0 is known", () => {
    const spans = columns([{ id: "a" }, { id: "b", parent: 0, tokens: 0 }, { id: "c" }]);
    expect([...buildTree(spans, {}).tokens]).toEqual([0, 0, NaN]);
  });
});

describe("times", () => {
  test("a running span lasts until the trace's end", () => {
    const spans = columns([
      { id: "a", status: "running", duration: null },
      { id: "b", parent: 0, start: 40, duration: 60 },
    ]);
    const tree = buildTree(spans, {});
    expect(tree.length).toBe(100);
    expect(tree.stop[0]).toBe(100);
    expect(tree.state[0]).toBe(State.Running);
  });
});

describe("orphans", () => {
  const spans = columns([
    { id: "root", start: 0, duration: 100 },
    { id: "lost1", start: 20, duration: 10 },
    { id: "lost2", start: 50, duration: 30 },
    { id: "child", parent: 1, start: 22, duration: 1 },
  ]);
  const tree = buildTree(spans, { lost1: "gone", lost2: "gone" });

  test("spans of one missing parent stand together under a row of its own", () => {
    expect([...tree.span]).toEqual([0, -1, 1, 3, 2]);
    expect([...tree.depth]).toEqual([0, 0, 1, 2, 1]);
    expect(tree.rowOf.get("gone")).toBe(1);
  });

  test("the missing parent's row spans its children", () => {
    expect([tree.start[1], tree.stop[1]]).toEqual([20, 80]);
  });
});

describe("finding", () => {
  test("names, kinds, models and ids match", () => {
    const spans = structuredClone(family);
    spans.kind[4] = "llm";
    spans.model[2] = "GPT-7";
    const tree = buildTree(spans, {});
    expect([...matchingRows(tree, spans, "CALL d")]).toEqual([2]);
    expect([...matchingRows(tree, spans, "llm")]).toEqual([3]);
    expect([...matchingRows(tree, spans, "gpt")]).toEqual([4]);
    expect([...matchingRows(tree, spans, "a")].length).toBeGreaterThan(0);
    expect([...matchingRows(tree, spans, "  ")]).toEqual([]);
  });

  test("the next and the previous hit go around the end", () => {
    const hits = Int32Array.of(2, 5, 9);
    expect(neighbour(hits, 5, 1)).toBe(9);
    expect(neighbour(hits, 9, 1)).toBe(2);
    expect(neighbour(hits, 2, -1)).toBe(9);
    expect(neighbour(Int32Array.of(), 2, 1)).toBe(-1);
  });
});
