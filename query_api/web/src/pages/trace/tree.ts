/**
 * The tree of a trace as typed arrays in depth-first order.
 *
 * A row is a place in that order. A subtree is the run of rows from its root to `end`, so that
 * collapsing it is one jump and 100,000 spans need neither recursion nor an object each.
 */

import type { SpanColumns } from "../../api/types";

/** How a span stands. */
export const State = { Ok: 0, Error: 1, Running: 2 } as const;

export interface SpanTree {
  /** Rows: every span, and one group for each parent that is not stored. */
  count: number;
  /** Row -> index into the columns; -1 for a missing parent's group. */
  span: Int32Array;
  depth: Int32Array;
  /** Row -> the row after the last of its subtree. */
  end: Int32Array;
  /** Row -> the parent's row; -1 for a root. */
  parent: Int32Array;
  /** Row -> place among its siblings from 1, and how many they are. */
  place: Int32Array;
  siblings: Int32Array;
  state: Uint8Array;
  /** Row -> errors in the subtree, itself included. */
  errors: Int32Array;
  /** Row -> tokens of the subtree; NaN when no span in it reported any. */
  tokens: Float64Array;
  /** Row -> microseconds from the trace's start; a running span ends with the trace. */
  start: Float64Array;
  stop: Float64Array;
  /** The trace's length in microseconds. */
  length: number;
  /** Row -> span id; of a missing parent's group the id that is not stored. */
  id: string[];
  rowOf: Map<string, number>;
}

/** `duplicates`: spans that report a model call a second time; their tokens are not added up. */
export function buildTree(
  columns: SpanColumns,
  missingParents: Record<string, string>,
  duplicates: Record<string, string> = {},
): SpanTree {
  const nodes = groupOrphans(columns, missingParents);
  const order = depthFirst(nodes.parent);
  const tree = layOut(columns, nodes.groups, order);
  rollUp(tree, columns, duplicates);
  return tree;
}

interface Nodes {
  /** Spans first, then one node a missing parent. */
  parent: Int32Array;
  groups: string[];
}

function groupOrphans(columns: SpanColumns, missingParents: Record<string, string>): Nodes {
  const spans = columns.span_id.length;
  const groups = [...new Set(Object.values(missingParents))];
  const nodeOf = new Map(groups.map((id, index) => [id, spans + index]));
  const parent = new Int32Array(spans + groups.length).fill(-1);
  for (let node = 0; node < spans; node++) {
    const lost = columns.parent[node] < 0 ? missingParents[columns.span_id[node]] : undefined;
    parent[node] = lost === undefined ? columns.parent[node] : nodeOf.get(lost)!;
  }
  return { parent, groups };
}

interface Order {
  /** Row -> node. */
  node: Int32Array;
  depth: Int32Array;
  parent: Int32Array;
  place: Int32Array;
  siblings: Int32Array;
}

function depthFirst(parentOf: Int32Array): Order {
  const count = parentOf.length;
  const { first, next } = childLists(parentOf);
  const order: Order = {
    node: new Int32Array(count),
    depth: new Int32Array(count),
    parent: new Int32Array(count),
    place: new Int32Array(count),
    siblings: new Int32Array(count),
  };
  const seen = new Uint8Array(count);
  let row = 0;
  const walk = (root: number, place: number): void => {
    const stack = [{ node: root, parent: -1, depth: 0, place }];
    for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
      if (seen[top.node]) continue;
      seen[top.node] = 1;
      const here = row++;
      order.node[here] = top.node;
      order.parent[here] = top.parent;
      order.depth[here] = top.depth;
      order.place[here] = top.place;
      const from = stack.length;
      let children = 0;
      for (let child = first[top.node]; child >= 0; child = next[child]) {
        children++;
        stack.push({ node: child, parent: here, depth: top.depth + 1, place: children });
      }
      reverseFrom(stack, from);
    }
  };
  let roots = 0;
  for (let node = 0; node < count; node++) if (parentOf[node] < 0) walk(node, ++roots);
  // Spans that name each other as parents hang on no root; show them all the same.
  for (let node = 0; node < count; node++) if (!seen[node]) walk(node, ++roots);
  countSiblings(order);
  return order;
}

function childLists(parentOf: Int32Array): { first: Int32Array; next: Int32Array } {
  const first = new Int32Array(parentOf.length).fill(-1);
  const next = new Int32Array(parentOf.length).fill(-1);
  for (let node = parentOf.length - 1; node >= 0; node--) {
    const parent = parentOf[node];
    if (parent < 0) continue;
    next[node] = first[parent];
    first[parent] = node;
  }
  return { first, next };
}

function reverseFrom<T>(items: T[], from: number): void {
  for (let low = from, high = items.length - 1; low < high; low++, high--) {
    [items[low], items[high]] = [items[high], items[low]];
  }
}

function countSiblings(order: Order): void {
  const children = new Int32Array(order.node.length);
  let roots = 0;
  for (const parent of order.parent) {
    if (parent < 0) roots++;
    else children[parent]++;
  }
  for (let row = 0; row < order.parent.length; row++) {
    const parent = order.parent[row];
    order.siblings[row] = parent < 0 ? roots : children[parent];
  }
}

function layOut(columns: SpanColumns, groups: string[], order: Order): SpanTree {
  const spans = columns.span_id.length;
  const count = order.node.length;
  const tree: SpanTree = {
    count,
    span: new Int32Array(count),
    depth: order.depth,
    end: new Int32Array(count),
    parent: order.parent,
    place: order.place,
    siblings: order.siblings,
    state: new Uint8Array(count),
    errors: new Int32Array(count),
    tokens: new Float64Array(count).fill(NaN),
    start: new Float64Array(count).fill(Infinity),
    stop: new Float64Array(count).fill(-Infinity),
    length: traceLength(columns),
    id: new Array<string>(count),
    rowOf: new Map(),
  };
  for (let row = 0; row < count; row++) {
    const node = order.node[row];
    tree.span[row] = node < spans ? node : -1;
    tree.id[row] = node < spans ? columns.span_id[node] : groups[node - spans];
    tree.rowOf.set(tree.id[row], row);
    if (node < spans) placeSpan(tree, row, columns);
  }
  return tree;
}

function traceLength(columns: SpanColumns): number {
  let length = 0;
  for (let span = 0; span < columns.span_id.length; span++) {
    length = Math.max(length, columns.start_us[span] + (columns.duration_us[span] ?? 0));
  }
  return length;
}

function placeSpan(tree: SpanTree, row: number, columns: SpanColumns): void {
  const span = tree.span[row];
  const start = columns.start_us[span];
  const duration = columns.duration_us[span];
  tree.start[row] = start;
  tree.stop[row] = duration === null ? tree.length : start + duration;
  if (columns.status[span] === "error") {
    tree.state[row] = State.Error;
    tree.errors[row] = 1;
  } else if (columns.status[span] === "running" || duration === null) {
    tree.state[row] = State.Running;
  }
}

/** From the last row to the first: every child is folded before its parent is read. */
function rollUp(tree: SpanTree, columns: SpanColumns, duplicates: Record<string, string>): void {
  for (let row = tree.count - 1; row >= 0; row--) {
    tree.end[row] = Math.max(tree.end[row], row + 1);
    const isLeaf = Number.isNaN(tree.tokens[row]);
    if (isLeaf) tree.tokens[row] = ownTokens(columns, tree.span[row]);
    const parent = tree.parent[row];
    if (parent < 0) continue;
    tree.end[parent] = Math.max(tree.end[parent], tree.end[row]);
    tree.errors[parent] += tree.errors[row];
    // A parent that repeats its children's tokens must not count them twice.
    if (!Number.isNaN(tree.tokens[row])) {
      const isSecond = isLeaf && tree.id[row] in duplicates;
      tree.tokens[parent] = (tree.tokens[parent] || 0) + (isSecond ? 0 : tree.tokens[row]);
    }
    if (tree.span[parent] < 0) {
      tree.start[parent] = Math.min(tree.start[parent], tree.start[row]);
      tree.stop[parent] = Math.max(tree.stop[parent], tree.stop[row]);
    }
  }
}

/** What the span itself reported; NaN when it reported nothing. */
export function ownTokens(columns: SpanColumns, span: number): number {
  if (span < 0) return NaN;
  const { total_tokens: total, input_tokens: input, output_tokens: output } = columns;
  if (total[span] !== null) return total[span];
  if (input[span] === null && output[span] === null) return NaN;
  return (input[span] ?? 0) + (output[span] ?? 0);
}

export function hasChildren(tree: SpanTree, row: number): boolean {
  return tree.end[row] > row + 1;
}

/** The rows that are shown, in order, when those with the given ids are collapsed. */
export function visibleRows(tree: SpanTree, collapsed: ReadonlySet<string>): Int32Array {
  const rows = new Int32Array(tree.count);
  let shown = 0;
  for (let row = 0; row < tree.count;) {
    rows[shown++] = row;
    row = collapsed.size > 0 && collapsed.has(tree.id[row]) ? tree.end[row] : row + 1;
  }
  return rows.subarray(0, shown);
}

/** Every id that can be collapsed, except the outermost ones: one level stays open. */
export function collapsibleIds(tree: SpanTree): Set<string> {
  const ids = new Set<string>();
  for (let row = 0; row < tree.count; row++) {
    if (tree.depth[row] > 0 && hasChildren(tree, row)) ids.add(tree.id[row]);
  }
  return ids;
}

/** The collapsed ids without the row's ancestors, so that the row shows. */
export function revealed(
  tree: SpanTree,
  collapsed: ReadonlySet<string>,
  row: number,
): ReadonlySet<string> {
  const open = new Set(collapsed);
  for (let at = tree.parent[row]; at >= 0; at = tree.parent[at]) open.delete(tree.id[at]);
  return open.size === collapsed.size ? collapsed : open;
}

/** Where a row stands among the shown ones; the nearest one above it when it is hidden. */
export function shownIndex(shown: Int32Array, row: number): number {
  let low = 0;
  let high = shown.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (shown[middle] <= row) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Rows whose name, kind, model or id holds the text, letter case aside. */
export function matchingRows(tree: SpanTree, columns: SpanColumns, text: string): Int32Array {
  const wanted = text.trim().toLowerCase();
  if (!wanted) return new Int32Array();
  const rows: number[] = [];
  for (let row = 0; row < tree.count; row++) {
    const span = tree.span[row];
    if (span >= 0 && spanMatches(columns, span, wanted)) rows.push(row);
  }
  return Int32Array.from(rows);
}

function spanMatches(columns: SpanColumns, span: number, wanted: string): boolean {
  return (
    columns.name[span].toLowerCase().includes(wanted) ||
    columns.kind[span] === wanted ||
    columns.span_id[span] === wanted ||
    (columns.model[span]?.toLowerCase().includes(wanted) ?? false)
  );
}

export function errorRows(tree: SpanTree): Int32Array {
  const rows: number[] = [];
  for (let row = 0; row < tree.count; row++) if (tree.state[row] === State.Error) rows.push(row);
  return Int32Array.from(rows);
}

/** The next of the sorted rows after (or before) the given one, around the end; -1 if none. */
export function neighbour(rows: Int32Array, row: number, step: 1 | -1): number {
  if (rows.length === 0) return -1;
  if (step > 0) return rows.find((candidate) => candidate > row) ?? rows[0];
  return rows.findLast((candidate) => candidate < row) ?? rows[rows.length - 1];
}
