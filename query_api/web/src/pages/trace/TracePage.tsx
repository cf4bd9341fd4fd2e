/** One trace: its facts, its tree, and the span that is selected in it. */

import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";

import { traceQuery } from "../../api/queries";
import type { Trace } from "../../api/types";
import { copyText } from "../../components/Button";
import { Notice, ProblemNotice, Skeleton } from "../../components/notices";
import page from "../../components/Page.module.css";
import { useTitle } from "../../components/Shell";
import { Splitter } from "../../components/Splitter";
import { formatInteger } from "../../format";
import { spanLink } from "./links";
import { Minimap } from "./Minimap";
import { useRestingParameter } from "./selection";
import { SpanDetail } from "./SpanDetail";
import { SpanTree, type TreeCommands } from "./SpanTree";
import { TraceHead } from "./TraceHead";
import { TraceTools } from "./TraceTools";
import {
  buildTree,
  collapsibleIds,
  errorRows,
  matchingRows,
  neighbour,
  revealed,
  type SpanTree as Tree,
  visibleRows,
} from "./tree";
import { around, type Zoom } from "./zoom";

const route = getRouteApi("/p/$project/traces/$trace");
const NONE: ReadonlySet<string> = new Set();

export function TracePage() {
  const { project, trace: traceId } = route.useParams();
  const query = useQuery(traceQuery(project, traceId));
  useTitle(query.data?.name ?? "Trace", project);
  if (query.isPending) return <Skeleton />;
  if (!query.data) {
    return (
      <div className={page.pad}>
        <ProblemNotice error={query.error} what="The trace" onRetry={() => void query.refetch()} />
      </div>
    );
  }
  // A trace of its own state: another trace starts with nothing collapsed or selected.
  return <TraceView key={traceId} trace={query.data} />;
}

function TraceView({ trace }: { trace: Trace }) {
  const tree = useMemo(
    () => buildTree(trace.spans, trace.missing_parents, trace.duplicates),
    [trace],
  );
  const view = useTreeView(trace, tree);
  const detail = useRef<HTMLElement>(null);
  const commands = useCommands(trace, tree, view, detail);
  return (
    <>
      <TraceHead trace={trace} />
      <Notices trace={trace} tree={tree} spanId={view.spanId} />
      <Splitter
        name="trace"
        label="Width of the tree"
        firstPercent={56}
        first={
          <>
            <TraceTools
              query={view.query}
              onQuery={view.setQuery}
              matches={view.matches}
              errorCount={view.errors.length}
              selected={view.selected}
              commands={commands}
            />
            <Minimap
              tree={tree}
              columns={trace.spans}
              zoom={view.zoom}
              onZoom={(zoom) => view.setZoom(isWhole(zoom, tree) ? null : zoom)}
            />
            <SpanTree
              tree={tree}
              columns={trace.spans}
              shown={view.shown}
              collapsed={view.collapsed}
              selected={view.selected}
              query={view.query}
              zoom={view.zoom}
              commands={commands}
            />
          </>
        }
        second={<SpanDetail ref={detail} trace={trace} tree={tree} row={view.selected} />}
      />
    </>
  );
}

function isWhole(zoom: Zoom, tree: Tree): boolean {
  return zoom.from <= 0 && zoom.to >= tree.length;
}

type View = ReturnType<typeof useTreeView>;

/** What is selected, searched, collapsed and zoomed to. */
function useTreeView(trace: Trace, tree: Tree) {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const [spanId, setSpanId] = useRestingParameter(search.span, (span) => {
    void navigate({ search: (now) => ({ ...now, span }), replace: true });
  });
  const [query = "", setQuery] = useRestingParameter(search.q, (q) => {
    void navigate({ search: (now) => ({ ...now, q: q || undefined }), replace: true });
  });
  const selected = (spanId !== undefined && tree.rowOf.get(spanId)) || 0;
  const [collapsed, setCollapsed] = useState(NONE);
  const [zoom, setZoom] = useState<Zoom | null>(null);

  const shown = useMemo(() => visibleRows(tree, collapsed), [tree, collapsed]);
  const errors = useMemo(() => errorRows(tree), [tree]);
  const matches = useMemo(() => matchingRows(tree, trace.spans, query), [tree, trace.spans, query]);
  const select = useCallback(
    (row: number) => {
      setSpanId(tree.id[row]);
      setCollapsed((now) => revealed(tree, now, row));
    },
    [tree, setSpanId],
  );
  // A link to a span, or the back button, must show it even where its parents are collapsed.
  useEffect(() => setCollapsed((now) => revealed(tree, now, selected)), [tree, selected]);
  return {
    spanId,
    selected,
    select,
    query,
    setQuery,
    collapsed,
    setCollapsed,
    shown,
    errors,
    matches,
    zoom: zoom ?? { from: 0, to: tree.length },
    setZoom,
  };
}

function useCommands(
  trace: Trace,
  tree: Tree,
  view: View,
  detail: React.RefObject<HTMLElement | null>,
): TreeCommands {
  const { select, setCollapsed } = view;
  const toggle = useCallback(
    (row: number) => {
      select(row);
      setCollapsed((now) => toggled(now, tree.id[row]));
    },
    [tree, select, setCollapsed],
  );
  const jump = (rows: Int32Array, step: 1 | -1) => {
    const row = neighbour(rows, view.selected, step);
    if (row >= 0) select(row);
  };
  return {
    select,
    toggle,
    expandAll: () => setCollapsed(NONE),
    collapseAll: () => {
      select(outermost(tree, view.selected));
      setCollapsed(collapsibleIds(tree));
    },
    findError: (step) => jump(view.errors, step),
    findMatch: (step) => jump(view.matches, step),
    zoomTo: (row) => view.setZoom(around(tree.start[row], tree.stop[row], tree.length)),
    copyLink: () => void copyText(spanLink(trace, tree.id[view.selected])),
    openDetail: () => detail.current?.focus(),
  };
}

function toggled(ids: ReadonlySet<string>, id: string): ReadonlySet<string> {
  const next = new Set(ids);
  if (!next.delete(id)) next.add(id);
  return next;
}

/** The row's ancestor that stays visible when all is collapsed. */
function outermost(tree: Tree, row: number): number {
  let at = row;
  while (tree.depth[at] > 1) at = tree.parent[at];
  return at;
}

interface NoticesProps {
  trace: Trace;
  tree: Tree;
  spanId: string | undefined;
}

function Notices({ trace, tree, spanId }: NoticesProps) {
  const [dismissed, setDismissed] = useState<string>();
  const isLost = spanId !== undefined && !tree.rowOf.has(spanId) && spanId !== dismissed;
  return (
    <>
      {isLost && (
        <Notice onDismiss={() => setDismissed(spanId)}>
          Span <code>{spanId}</code> is not in this trace. It may not have arrived yet.
        </Notice>
      )}
      {trace.shown_span_count < trace.span_count && (
        <Notice>
          Showing {formatInteger(trace.shown_span_count)} of {formatInteger(trace.span_count)}{" "}
          spans, the earliest ones.
        </Notice>
      )}
    </>
  );
}
