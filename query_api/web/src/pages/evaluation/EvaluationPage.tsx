/** One evaluation: its scores, what ran on what, and every row. */

import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useEffect, useMemo } from "react";

import { evaluationQuery, evaluationRowsQuery, LIVE_POLL_MS } from "../../api/queries";
import type { Evaluation, EvaluationRow } from "../../api/types";
import { DataGrid } from "../../components/DataGrid";
import { ProblemNotice, Skeleton } from "../../components/notices";
import page from "../../components/Page.module.css";
import { useTitle } from "../../components/Shell";
import { Splitter } from "../../components/Splitter";
import { rowColumns } from "./columns";
import { EvaluationHead } from "./EvaluationHead";
import styles from "./EvaluationPage.module.css";
import { RowDetail } from "./RowDetail";
import { rowKey } from "./rows";
import { ScoreCards } from "./ScoreCards";

const route = getRouteApi("/p/$project/evaluations/$evaluation");

export function EvaluationPage() {
  const { project, evaluation: evaluationId } = route.useParams();
  const query = useQuery(evaluationQuery(project, evaluationId));
  const evaluation = query.data;
  useTitle(evaluation?.display_name || evaluation?.name || "Evaluation", project);
  if (query.isPending) return <Skeleton />;
  if (!evaluation) {
    return (
      <div className={page.pad}>
        <ProblemNotice
          error={query.error}
          what="The evaluation"
          onRetry={() => void query.refetch()}
        />
      </div>
    );
  }
  return (
    <>
      <EvaluationHead project={project} evaluation={evaluation} />
      <ScoreCards evaluation={evaluation} />
      <Rows key={evaluationId} project={project} evaluation={evaluation} />
    </>
  );
}

interface RowsProps {
  project: string;
  evaluation: Evaluation;
}

function Rows({ project, evaluation }: RowsProps) {
  const { row: wanted } = route.useSearch();
  const navigate = route.useNavigate();
  const { query, rows, total } = useRows(project, evaluation, wanted);
  const columns = useMemo(
    () => rowColumns(project, evaluation.scores, evaluation.trials, rows),
    [project, evaluation.scores, evaluation.trials, rows],
  );
  const open = (row: EvaluationRow | undefined) =>
    void navigate({ search: { row: row && rowKey(row) }, replace: true });
  if (query.isPending) return <Skeleton />;
  if (query.error && rows.length === 0) {
    return (
      <div className={page.pad}>
        <ProblemNotice error={query.error} what="Rows" onRetry={() => void query.refetch()} />
      </div>
    );
  }
  if (rows.length === 0) return <p className={styles.none}>No predictions have arrived yet.</p>;

  const at = wanted === undefined ? -1 : rows.findIndex((row) => rowKey(row) === wanted);
  const grid = (
    <DataGrid
      label="Rows"
      noun="row"
      columns={columns}
      rows={rows}
      rowKey={rowKey}
      total={total}
      hasMore={query.hasNextPage}
      loadingMore={query.isFetchingNextPage}
      onMore={() => void query.fetchNextPage()}
      selected={at < 0 ? undefined : wanted}
      onOpen={open}
    />
  );
  if (at < 0) return <div className={styles.rows}>{grid}</div>;
  return (
    <div className={styles.rows}>
      <Splitter
        name="rows"
        label="Width of the rows"
        firstPercent={62}
        first={grid}
        second={
          <RowDetail
            key={wanted}
            project={project}
            row={rows[at]}
            onPrevious={at > 0 ? () => open(rows[at - 1]) : undefined}
            onNext={at < rows.length - 1 ? () => open(rows[at + 1]) : undefined}
            onClose={() => open(undefined)}
          />
        }
      />
    </div>
  );
}

function useRows(project: string, evaluation: Evaluation, wanted: string | undefined) {
  const isRunning = evaluation.status === "running";
  const query = useInfiniteQuery({
    ...evaluationRowsQuery(project, evaluation.evaluation_id),
    refetchInterval: isRunning ? LIVE_POLL_MS : false,
  });
  const rows = useMemo(() => query.data?.pages.flatMap((one) => one.rows) ?? [], [query.data]);
  const { refetch, fetchNextPage, hasNextPage, isFetching } = query;
  // The last rows may have come after the last poll.
  useEffect(() => {
    if (!isRunning) void refetch();
  }, [isRunning, refetch]);
  // A link to a row further down: read on until it is there.
  const isThere = wanted === undefined || rows.some((row) => rowKey(row) === wanted);
  useEffect(() => {
    if (!isThere && hasNextPage && !isFetching) void fetchNextPage();
  }, [isThere, hasNextPage, isFetching, fetchNextPage]);
  return { query, rows, total: query.data?.pages.at(-1)?.total };
}
