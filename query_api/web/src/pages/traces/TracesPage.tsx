/** The traces of a project: filter, sort, load more; new ones are announced, not pushed in. */

import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useMemo } from "react";

import { Problem } from "../../api/client";
import { serverQuery, tracesQuery } from "../../api/queries";
import type { TracePage, TraceSummary } from "../../api/types";
import { Button } from "../../components/Button";
import { DataGrid } from "../../components/DataGrid";
import { EmptyState, ProblemNotice, Skeleton, Snippet } from "../../components/notices";
import page from "../../components/Page.module.css";
import { useTitle } from "../../components/Shell";
import { formatInteger } from "../../format";
import { useLiveList } from "../../liveList";
import { traceSnippet } from "../../snippets";
import { traceColumns } from "./columns";
import { FilterBar } from "./FilterBar";

const route = getRouteApi("/p/$project/traces");
const NEWEST_FIRST = "-start_time";
const tracesOf = (list: TracePage) => list.traces;
const traceKey = (trace: TraceSummary) => trace.trace_id;

export function TracesPage() {
  const { project } = route.useParams();
  const { where = "", sort = NEWEST_FIRST } = route.useSearch();
  const navigate = route.useNavigate();
  useTitle("Traces", project);
  const traces = useLiveList(tracesQuery(project, { where, sort }), tracesOf, traceKey);
  const columns = useMemo(() => traceColumns(project), [project]);
  const filterProblem = problemOfFilter(traces.error, where);

  if (traces.isEmpty && !where) return <NoTraces project={project} />;
  return (
    <>
      <div className={page.head}>
        <h1>Traces</h1>
        {traces.newCount > 0 && (
          <Button primary onClick={traces.showNew}>
            {formatInteger(traces.newCount)} new
          </Button>
        )}
      </div>
      <FilterBar
        where={where}
        problem={filterProblem}
        onApply={(applied) =>
          void navigate({ search: (now) => ({ ...now, where: applied || undefined }) })
        }
      />
      {traces.error && !filterProblem && (
        <div className={page.pad}>
          <ProblemNotice error={traces.error} what="Traces" onRetry={traces.retry} />
        </div>
      )}
      {traces.isPending && <Skeleton />}
      {traces.isEmpty && (
        <EmptyState title="No trace matches the filter">
          <Button onClick={() => void navigate({ search: { sort: undefined } })}>
            Clear the filter
          </Button>
        </EmptyState>
      )}
      {traces.rows.length > 0 && !filterProblem && (
        <DataGrid
          label="Traces"
          noun="trace"
          columns={columns}
          rows={traces.rows}
          rowKey={traceKey}
          hasMore={traces.hasMore}
          loadingMore={traces.loadingMore}
          onMore={traces.loadMore}
          sort={sort}
          onSort={(chosen) =>
            void navigate({
              search: (now) => ({ ...now, sort: chosen === NEWEST_FIRST ? undefined : chosen }),
            })
          }
          onOpen={({ trace_id: trace }) =>
            void navigate({ to: "/p/$project/traces/$trace", params: { project, trace } })
          }
          dim={traces.isOld}
        />
      )}
    </>
  );
}

/** A 400 with a position is about the filter; the filter bar shows it. */
function problemOfFilter(error: Error | null, where: string): Problem | null {
  return where && error instanceof Problem && error.status === 400 ? error : null;
}

function NoTraces({ project }: { project: string }) {
  const { data: server } = useQuery(serverQuery);
  return (
    <EmptyState
      title={`No traces in ${project} yet`}
      waiting="Waiting for the first span; this page turns live by itself."
    >
      <p>Run this program, and its call shows up here:</p>
      {server && <Snippet title="Python" code={traceSnippet(project, server)} />}
    </EmptyState>
  );
}
