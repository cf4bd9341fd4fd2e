/** All projects, the one with the latest activity first. */

import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";

import { POLL_MS, projectsQuery, serverQuery } from "../../api/queries";
import type { Project } from "../../api/types";
import { type Column, DataGrid } from "../../components/DataGrid";
import { Ago } from "../../components/marks";
import { EmptyState, ProblemNotice, Skeleton, Snippet } from "../../components/notices";
import page from "../../components/Page.module.css";
import { useTitle } from "../../components/Shell";
import { formatInteger } from "../../format";
import { traceSnippet } from "../../snippets";
import styles from "./ProjectsPage.module.css";

const COLUMNS: Column<Project>[] = [
  {
    id: "name",
    header: "Project",
    width: 180,
    grow: 3,
    title: (project) => project.name,
    cell: (project) => (
      <Link className={styles.name} to="/p/$project/traces" params={{ project: project.name }}>
        {project.name}
      </Link>
    ),
  },
  {
    id: "traces",
    header: "Traces",
    width: 90,
    grow: 1,
    align: "end",
    cell: (project) => formatInteger(project.trace_count),
  },
  {
    id: "spans",
    header: "Spans",
    width: 90,
    grow: 1,
    align: "end",
    cell: (project) => formatInteger(project.span_count),
  },
  {
    id: "errors",
    header: "Errors",
    width: 80,
    grow: 1,
    align: "end",
    cell: (project) => (
      <span className={project.error_count ? styles.errors : undefined}>
        {formatInteger(project.error_count)}
      </span>
    ),
  },
  {
    id: "evaluations",
    header: "Evaluations",
    width: 100,
    grow: 1,
    align: "end",
    cell: (project) =>
      project.evaluation_count ? (
        <Link to="/p/$project/evaluations" params={{ project: project.name }}>
          {formatInteger(project.evaluation_count)}
        </Link>
      ) : (
        "0"
      ),
  },
  {
    id: "last",
    header: "Last activity",
    width: 130,
    grow: 1,
    align: "end",
    cell: (project) => <Ago time={project.last_start_time} />,
  },
];

export function ProjectsPage() {
  useTitle("Projects");
  const navigate = useNavigate();
  const query = useQuery({ ...projectsQuery, refetchInterval: POLL_MS });
  const projects = query.data?.projects;
  if (projects?.length === 0) return <NoProjects />;
  return (
    <>
      <div className={page.head}>
        <h1>Projects</h1>
      </div>
      {query.error && (
        <div className={page.pad}>
          <ProblemNotice error={query.error} what="Projects" onRetry={() => void query.refetch()} />
        </div>
      )}
      {query.isPending && <Skeleton />}
      {projects && (
        <DataGrid
          label="Projects"
          noun="project"
          columns={COLUMNS}
          rows={projects}
          rowKey={(project) => project.name}
          rowHeight={40}
          onOpen={({ name }) =>
            void navigate({ to: "/p/$project/traces", params: { project: name } })
          }
        />
      )}
    </>
  );
}

function NoProjects() {
  const { data: server } = useQuery(serverQuery);
  return (
    <EmptyState
      title="Welcome to Spanloom"
      waiting="Waiting for the first span; this page turns live by itself."
    >
      <p>
        Nothing has been traced yet. Run this program, or point any OpenTelemetry exporter
        {server ? " at the addresses below." : " at this server."}
      </p>
      {server && (
        <>
          <Snippet title="Python" code={traceSnippet("my-project", server)} />
          <dl className={styles.addresses}>
            <dt>OTLP over HTTP</dt>
            <dd>
              <code>{server.otlp_http}</code>
            </dd>
            <dt>OTLP over gRPC</dt>
            <dd>
              <code>{server.otlp_grpc}</code>
            </dd>
          </dl>
        </>
      )}
    </EmptyState>
  );
}
