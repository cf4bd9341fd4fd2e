/** The evaluations of a project, newest first. */

import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useMemo } from "react";

import { evaluationsQuery, serverQuery } from "../../api/queries";
import type { Evaluation, EvaluationList } from "../../api/types";
import { Button } from "../../components/Button";
import { type Column, DataGrid } from "../../components/DataGrid";
import { Ago, StatusMark } from "../../components/marks";
import { EmptyState, ProblemNotice, Skeleton, Snippet } from "../../components/notices";
import page from "../../components/Page.module.css";
import { ScoreValue } from "../../components/ScoreValue";
import { useTitle } from "../../components/Shell";
import { formatDuration, formatInteger } from "../../format";
import { useLiveList } from "../../liveList";
import { evaluationSnippet } from "../../snippets";
import styles from "./EvaluationsPage.module.css";

const route = getRouteApi("/p/$project/evaluations");
const evaluationsOf = (list: EvaluationList) => list.evaluations;
const evaluationKey = (evaluation: Evaluation) => evaluation.evaluation_id;

export function EvaluationsPage() {
  const { project } = route.useParams();
  const navigate = route.useNavigate();
  useTitle("Evaluations", project);
  const evaluations = useLiveList(evaluationsQuery(project), evaluationsOf, evaluationKey);
  const columns = useMemo(() => evaluationColumns(project), [project]);

  if (evaluations.isEmpty) return <NoEvaluations project={project} />;
  return (
    <>
      <div className={page.head}>
        <h1>Evaluations</h1>
        {evaluations.newCount > 0 && (
          <Button primary onClick={evaluations.showNew}>
            {formatInteger(evaluations.newCount)} new
          </Button>
        )}
      </div>
      {evaluations.error && (
        <div className={page.pad}>
          <ProblemNotice error={evaluations.error} what="Evaluations" onRetry={evaluations.retry} />
        </div>
      )}
      {evaluations.isPending && <Skeleton />}
      {evaluations.rows.length > 0 && (
        <DataGrid
          label="Evaluations"
          noun="evaluation"
          columns={columns}
          rows={evaluations.rows}
          rowKey={evaluationKey}
          rowHeight={44}
          hasMore={evaluations.hasMore}
          loadingMore={evaluations.loadingMore}
          onMore={evaluations.loadMore}
          onOpen={({ evaluation_id: evaluation }) =>
            void navigate({
              to: "/p/$project/evaluations/$evaluation",
              params: { project, evaluation },
            })
          }
        />
      )}
    </>
  );
}

function evaluationColumns(project: string): Column<Evaluation>[] {
  return [
    {
      id: "name",
      header: "Evaluation",
      width: 200,
      grow: 2,
      title: evaluationTitle,
      cell: (evaluation) => (
        <span className={styles.name}>
          <StatusMark status={evaluation.status} look="icon" />
          <Link
            to="/p/$project/evaluations/$evaluation"
            params={{ project, evaluation: evaluation.evaluation_id }}
          >
            {evaluationTitle(evaluation)}
          </Link>
        </span>
      ),
    },
    {
      id: "model",
      header: "Model",
      width: 130,
      grow: 1,
      title: (evaluation) => evaluation.model.name,
      cell: (evaluation) => evaluation.model.name || "–",
    },
    {
      id: "dataset",
      header: "Dataset",
      width: 130,
      grow: 1,
      title: (evaluation) => evaluation.dataset.name,
      cell: (evaluation) => evaluation.dataset.name || "–",
    },
    {
      id: "scores",
      header: "Scores",
      width: 260,
      grow: 4,
      title: (evaluation) => evaluation.scores.map((score) => score.path).join(", ") || undefined,
      cell: (evaluation) => (
        <>
          {evaluation.scores.map((score) => (
            <span key={score.path} className={styles.score}>
              <span>{score.path}</span> <ScoreValue score={score} />
            </span>
          ))}
        </>
      ),
    },
    {
      id: "rows",
      header: "Rows",
      width: 80,
      align: "end",
      cell: (evaluation) => formatInteger(evaluation.row_count),
    },
    {
      id: "errors",
      header: "Errors",
      width: 76,
      align: "end",
      cell: (evaluation) => (
        <span className={evaluation.error_count ? styles.errors : styles.none}>
          {formatInteger(evaluation.error_count)}
        </span>
      ),
    },
    {
      id: "duration",
      header: "Duration",
      width: 96,
      align: "end",
      cell: (evaluation) => formatDuration(evaluation.duration_ms),
    },
    {
      id: "start",
      header: "Started",
      width: 130,
      align: "end",
      cell: (evaluation) => <Ago time={evaluation.start_time} />,
    },
  ];
}

function evaluationTitle(evaluation: Evaluation): string {
  return evaluation.display_name || evaluation.name;
}

function NoEvaluations({ project }: { project: string }) {
  const { data: server } = useQuery(serverQuery);
  return (
    <EmptyState
      title={`No evaluations in ${project} yet`}
      waiting="Waiting for the first evaluation; this page turns live by itself."
    >
      <p>An evaluation runs a model over a dataset and scores every answer. For example:</p>
      {server && <Snippet title="Python" code={evaluationSnippet(project, server)} />}
    </EmptyState>
  );
}
