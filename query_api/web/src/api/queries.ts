/** One function a resource: its cache key and how it is fetched. */

import {
  type InfiniteData,
  infiniteQueryOptions,
  keepPreviousData,
  queryOptions,
  type UseInfiniteQueryOptions,
  type UseQueryOptions,
} from "@tanstack/react-query";

import { apiPath, getContent, getJson, Problem } from "./client";
import type {
  Evaluation,
  EvaluationList,
  JsonObject,
  ProjectList,
  RowPage,
  Server,
  Span,
  Trace,
  TracePage,
} from "./types";

export const POLL_MS = 5_000;
export const LIVE_POLL_MS = 2_000;
const LATE_STALE_MS = 30_000;
const RECENT_MS = 3_600_000;
const LARGE_TRACE_SPANS = 5_000;
const LIST_PAGE = 100;
const ROW_PAGE = 200;

export interface TraceFilter {
  where: string;
  sort: string;
}

/** The pages read so far, and the first page as it is now. */
export interface ListQuery<Page> {
  pages: UseInfiniteQueryOptions<Page, Error, InfiniteData<Page>, readonly unknown[], Cursor>;
  newest: UseQueryOptions<Page>;
}

type Cursor = string | null;

function listQuery<Page extends { next_cursor: Cursor }>(
  key: unknown[],
  path: (cursor: Cursor) => string,
): ListQuery<Page> {
  return {
    pages: {
      queryKey: key,
      queryFn: ({ signal, pageParam }) => getJson<Page>(path(pageParam), signal),
      initialPageParam: null,
      getNextPageParam: (page) => page.next_cursor,
      // Never refetched by itself: rows that are being read must not move.
      staleTime: Infinity,
      placeholderData: keepPreviousData,
    },
    newest: {
      queryKey: ["newest", ...key],
      queryFn: ({ signal }) => getJson<Page>(path(null), signal),
      gcTime: 0,
    },
  };
}

export const serverQuery = queryOptions({
  queryKey: ["server"],
  queryFn: ({ signal }) => getJson<Server>(apiPath(["server"]), signal),
  staleTime: Infinity,
});

export const projectsQuery = queryOptions({
  queryKey: ["projects"],
  queryFn: ({ signal }) => getJson<ProjectList>(apiPath(["projects"]), signal),
});

/** A project's traces, page by page. */
export function tracesQuery(project: string, filter: TraceFilter) {
  return listQuery<TracePage>(["traces", project, filter], (cursor) =>
    apiPath(["projects", project, "traces"], { ...filter, cursor, limit: LIST_PAGE }),
  );
}

export function traceQuery(project: string, traceId: string) {
  return queryOptions({
    queryKey: ["trace", project, traceId],
    queryFn: ({ signal }) => getJson<Trace>(apiPath(tracePath(project, traceId)), signal),
    refetchInterval: ({ state }) =>
      state.data ? pollOf(state.data) : isNotThere(state.error) && LIVE_POLL_MS,
    // Comparing tens of thousands of entries to keep old references costs more than it saves.
    structuralSharing: false,
  });
}

/** How often a trace that may still grow is read again; a large one less often. */
function pollOf(trace: Trace): number | false {
  const age_ms = Date.now() - new Date(trace.start_time).getTime();
  const awaitsParents = Object.keys(trace.missing_parents).length > 0 && age_ms < RECENT_MS;
  if (trace.status !== "running" && !awaitsParents) return false;
  return trace.span_count > LARGE_TRACE_SPANS ? 5 * LIVE_POLL_MS : LIVE_POLL_MS;
}

/** A program prints its trace's address before the trace has arrived. */
function isNotThere(error: Error | null): boolean {
  return error instanceof Problem && error.status === 404;
}

export function spanQuery(project: string, traceId: string, spanId: string) {
  return queryOptions({
    queryKey: ["span", project, traceId, spanId],
    queryFn: ({ signal }) =>
      getJson<Span>(apiPath([...tracePath(project, traceId), "spans", spanId]), signal),
    placeholderData: keepPreviousData,
    refetchInterval: (query) => (query.state.data?.status === "running" ? LIVE_POLL_MS : false),
    // Logs and scores may come long after the end: look again when the span is opened again.
    staleTime: (query) => (query.state.data?.status === "running" ? 0 : LATE_STALE_MS),
  });
}

export function otlpQuery(project: string, traceId: string, spanId: string) {
  return queryOptions({
    queryKey: ["otlp", project, traceId, spanId],
    queryFn: ({ signal }) =>
      getJson<JsonObject>(
        apiPath([...tracePath(project, traceId), "spans", spanId, "otlp"]),
        signal,
      ),
  });
}

function tracePath(project: string, traceId: string): string[] {
  return ["projects", project, "traces", traceId];
}

/** A project's evaluations, page by page. */
export function evaluationsQuery(project: string) {
  return listQuery<EvaluationList>(["evaluations", project], (cursor) =>
    apiPath(["projects", project, "evaluations"], { cursor, limit: LIST_PAGE }),
  );
}

export function evaluationQuery(project: string, evaluationId: string) {
  return queryOptions({
    queryKey: ["evaluation", project, evaluationId],
    queryFn: ({ signal }) =>
      getJson<Evaluation>(apiPath(["projects", project, "evaluations", evaluationId]), signal),
    refetchInterval: (query) => (query.state.data?.status === "running" ? LIVE_POLL_MS : false),
  });
}

export function evaluationRowsQuery(project: string, evaluationId: string) {
  return infiniteQueryOptions({
    queryKey: ["evaluation-rows", project, evaluationId],
    queryFn: ({ signal, pageParam }) =>
      getJson<RowPage>(
        apiPath(["projects", project, "evaluations", evaluationId, "rows"], {
          limit: ROW_PAGE,
          cursor: pageParam,
        }),
        signal,
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
  });
}

/** Content by its digest: it never changes. */
export function blobQuery(project: string, digest: string) {
  return queryOptions({
    queryKey: ["blob", project, digest],
    queryFn: ({ signal }) => getContent(apiPath(["projects", project, "blobs", digest]), signal),
    staleTime: Infinity,
    retry: 1,
  });
}
