/** The shapes the query API answers with, as its contract states them. Null means unknown. */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

export type Status = "ok" | "error" | "unset" | "running";

export interface Server {
  version: string;
  auth_required: boolean;
  otlp_http: string;
  otlp_grpc: string;
  endpoint: string;
}

export interface Project {
  name: string;
  trace_count: number;
  span_count: number;
  error_count: number;
  evaluation_count: number;
  last_start_time: string;
}

export interface ProjectList {
  projects: Project[];
}

export interface Tokens {
  input_tokens: number | null;
  output_tokens: number | null;
  total_tokens: number | null;
}

export interface TraceSummary extends Tokens {
  trace_id: string;
  root_span_id: string;
  name: string;
  kind: string;
  status: Status;
  status_message: string;
  start_time: string;
  end_time: string | null;
  duration_ms: number | null;
  span_count: number;
  error_count: number;
  models: string[];
  service_name: string;
  session_id: string;
  user_id: string;
  environment: string;
  input_preview: string | null;
  output_preview: string | null;
}

export interface TracePage {
  traces: TraceSummary[];
  next_cursor: string | null;
}

/** Parallel arrays, one entry a span, sorted by start time. */
export interface SpanColumns {
  span_id: string[];
  /** Index of the parent in these arrays; -1 for a root or a span whose parent is missing. */
  parent: number[];
  name: string[];
  kind: string[];
  status: string[];
  /** Microseconds from the trace's start. */
  start_us: number[];
  duration_us: (number | null)[];
  input_tokens: (number | null)[];
  output_tokens: (number | null)[];
  total_tokens: (number | null)[];
  model: (string | null)[];
}

export interface Trace extends TraceSummary {
  project: string;
  shown_span_count: number;
  spans: SpanColumns;
  /** Orphan's span id to the parent id that is not stored. */
  missing_parents: Record<string, string>;
}

export interface SpanEvent {
  name: string;
  time: string;
  attributes: JsonObject;
  dropped_attributes_count: number;
}

export interface SpanLink {
  trace_id: string;
  span_id: string;
  trace_state: string;
  flags: number;
  attributes: JsonObject;
  dropped_attributes_count: number;
}

export interface Span extends Tokens {
  project: string;
  trace_id: string;
  span_id: string;
  parent_span_id: string | null;
  name: string;
  kind: string;
  span_kind: string;
  status: Status;
  status_message: string;
  start_time: string;
  end_time: string | null;
  duration_ms: number | null;
  received_time: string;
  model: string | null;
  request_model: string | null;
  provider: string | null;
  service_name: string;
  environment: string;
  session_id: string;
  user_id: string;
  evaluation_id: string | null;
  input: Json;
  output: Json;
  attributes: JsonObject;
  resource: { attributes: JsonObject; dropped_attributes_count: number; schema_url: string };
  scope: {
    name: string;
    version: string;
    attributes: JsonObject;
    dropped_attributes_count: number;
    schema_url: string;
  };
  events: SpanEvent[];
  links: SpanLink[];
  trace_state: string;
  flags: number;
  dropped_attributes_count: number;
  dropped_events_count: number;
  dropped_links_count: number;
}

export interface ScoreSummary {
  /** Where the value lies in a row's scores, e.g. `exact_match_scorer.correct`. */
  path: string;
  scorer: string;
  type: "boolean" | "number";
  scored_count: number;
  row_count: number;
  /** For booleans the fraction that is true. */
  mean: number | null;
  true_count: number | null;
}

export interface Evaluation extends Tokens {
  evaluation_id: string;
  trace_id: string;
  span_id: string;
  name: string;
  display_name: string;
  status: Status;
  status_message: string;
  start_time: string;
  end_time: string | null;
  duration_ms: number | null;
  dataset: { name: string; digest: string; row_count: number | null };
  model: { name: string; digest: string; parameters: Json };
  scorers: string[];
  trials: number;
  row_count: number;
  error_count: number;
  summary: Json;
  scores: ScoreSummary[];
  latency_ms: { mean: number; p50: number; p95: number } | null;
  attributes: JsonObject;
}

export interface EvaluationList {
  evaluations: Evaluation[];
  next_cursor: string | null;
}

export interface EvaluationRow extends Tokens {
  index: number;
  trial: number;
  example_digest: string;
  trace_id: string;
  span_id: string;
  status: Status;
  /** The example, column to value; anything at all when another client wrote it. */
  inputs: Json;
  output: Json;
  scores: JsonObject;
  errors: Record<string, string>;
  latency_ms: number | null;
}

export interface RowPage {
  rows: EvaluationRow[];
  total: number;
  next_cursor: string | null;
}
