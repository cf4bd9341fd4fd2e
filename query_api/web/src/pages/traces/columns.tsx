/** The columns of the list of traces. */

import { Link } from "@tanstack/react-router";

import type { TraceSummary } from "../../api/types";
import type { Column } from "../../components/DataGrid";
import { tokenSplit } from "../../components/Fact";
import { Ago, KindBadge, StatusMark } from "../../components/marks";
import { formatDuration, formatInteger } from "../../format";
import styles from "./columns.module.css";

export function traceColumns(project: string): Column<TraceSummary>[] {
  return [
    {
      id: "name",
      header: "Name",
      width: 220,
      grow: 3,
      sortKey: "name",
      title: (trace) => trace.name,
      cell: (trace) => (
        <span className={styles.name}>
          <StatusMark status={trace.status} look="icon" />
          <KindBadge kind={trace.kind} />
          <Link to="/p/$project/traces/$trace" params={{ project, trace: trace.trace_id }}>
            {trace.name || "(no name)"}
          </Link>
        </span>
      ),
    },
    {
      id: "input",
      header: "Input",
      width: 140,
      grow: 4,
      title: (trace) => trace.input_preview ?? undefined,
      cell: (trace) => <Preview text={trace.input_preview} />,
    },
    {
      id: "output",
      header: "Output",
      width: 140,
      grow: 4,
      title: (trace) => trace.status_message || (trace.output_preview ?? undefined),
      cell: (trace) =>
        trace.output_preview === null && trace.status === "error" ? (
          <span className={styles.error}>{trace.status_message || "Error"}</span>
        ) : (
          <Preview text={trace.output_preview} />
        ),
    },
    {
      id: "models",
      header: "Model",
      width: 120,
      grow: 1,
      title: (trace) => trace.models.join(", ") || undefined,
      cell: (trace) => <Preview text={trace.models.join(", ") || null} />,
    },
    {
      id: "tokens",
      header: "Tokens",
      width: 84,
      align: "end",
      title: tokenTitle,
      cell: (trace) => <Figure value={trace.total_tokens} />,
    },
    {
      id: "spans",
      header: "Spans",
      width: 76,
      align: "end",
      cell: (trace) => formatInteger(trace.span_count),
    },
    {
      id: "errors",
      header: "Errors",
      width: 70,
      align: "end",
      cell: (trace) => (
        <span className={trace.error_count ? styles.error : styles.dim}>
          {formatInteger(trace.error_count)}
        </span>
      ),
    },
    {
      id: "duration",
      header: "Duration",
      width: 100,
      align: "end",
      sortKey: "duration_ms",
      cell: (trace) => formatDuration(trace.duration_ms),
    },
    {
      id: "start",
      header: "Started",
      width: 140,
      align: "end",
      sortKey: "start_time",
      cell: (trace) => <Ago time={trace.start_time} />,
    },
  ];
}

function Preview({ text }: { text: string | null }) {
  return text === null ? <span className={styles.dim}>–</span> : text;
}

function Figure({ value }: { value: number | null }) {
  return <span className={value === null ? styles.dim : undefined}>{formatInteger(value)}</span>;
}

function tokenTitle(trace: TraceSummary): string | undefined {
  return trace.total_tokens === null ? undefined : tokenSplit(trace);
}
