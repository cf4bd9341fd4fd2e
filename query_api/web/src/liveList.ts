/** A list that is read page by page while its beginning is watched for what is new. */

import {
  type InfiniteData,
  useInfiniteQuery,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import { useEffect, useMemo } from "react";

import { LIVE_POLL_MS, type ListQuery, POLL_MS } from "./api/queries";

interface LiveList<Row> {
  rows: Row[];
  /** Rows that came since; they are shown when the reader asks. */
  newCount: number;
  showNew: () => void;
  isPending: boolean;
  isEmpty: boolean;
  /** The rows are those of the former question. */
  isOld: boolean;
  error: Error | null;
  retry: () => void;
  hasMore: boolean;
  loadingMore: boolean;
  loadMore: () => void;
}

export function useLiveList<Page, Row>(
  list: ListQuery<Page>,
  rowsOf: (page: Page) => Row[],
  keyOf: (row: Row) => string,
): LiveList<Row> {
  const client = useQueryClient();
  const query = useInfiniteQuery(list.pages);
  const isCurrent = query.isSuccess && !query.isPlaceholderData;
  const loaded = useMemo(() => query.data?.pages.flatMap(rowsOf) ?? [], [query.data, rowsOf]);
  const isEmpty = isCurrent && loaded.length === 0;
  const newest = useQuery({
    ...list.newest,
    enabled: isCurrent,
    refetchInterval: isEmpty ? LIVE_POLL_MS : POLL_MS,
  });
  const merged = useMemo(
    () => mergeNewest(loaded, newest.data && rowsOf(newest.data), keyOf),
    [loaded, newest.data, rowsOf, keyOf],
  );
  const showNew = () => {
    if (!newest.data) return;
    const begun: InfiniteData<Page, null> = { pages: [newest.data], pageParams: [null] };
    client.setQueryData(list.pages.queryKey, begun);
  };
  // An empty list has no rows that could move under the reader's eyes: it fills by itself.
  useEffect(() => {
    if (isEmpty && merged.newCount > 0) showNew();
  });
  return {
    rows: merged.rows,
    newCount: isEmpty ? 0 : merged.newCount,
    showNew,
    isPending: query.isPending,
    isEmpty,
    isOld: query.isPlaceholderData,
    error: query.error,
    retry: () => void query.refetch(),
    hasMore: query.hasNextPage,
    loadingMore: query.isFetchingNextPage,
    loadMore: () => void query.fetchNextPage(),
  };
}

/** Rows that are known are renewed in their places; the others are only counted. */
export function mergeNewest<Row>(
  loaded: Row[],
  newest: Row[] | undefined,
  keyOf: (row: Row) => string,
): { rows: Row[]; newCount: number } {
  if (!newest) return { rows: loaded, newCount: 0 };
  const fresh = new Map(newest.map((row) => [keyOf(row), row]));
  const rows = loaded.map((row) => {
    const renewed = fresh.get(keyOf(row));
    fresh.delete(keyOf(row));
    return renewed ?? row;
  });
  return { rows, newCount: fresh.size };
}
