/** The API's shapes by the page's names, more exact where their description is loose. */

import type { components } from "./schema";

type Schemas = components["schemas"];

/** The shape with some members told more exactly. */
type Exactly<Shape, Members extends Narrower<Shape, Members>> = Omit<Shape, keyof Members> &
  Members;

/** What members may be told as: assignable to the shape's own, and null where those can be. */
type Narrower<Shape, Members> = {
  [Name in keyof Members]: Name extends keyof Shape
    ? [Extract<Shape[Name], null | undefined>] extends [Members[Name]]
      ? Shape[Name]
      : never
    : never;
};

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

export type Status = "ok" | "error" | "unset" | "running" | "lost";

export type Server = Schemas["ServerInfo"];
export type Project = Schemas["Project"];
export type ProjectList = Schemas["ProjectList"];

export type TraceSummary = Exactly<Schemas["TraceSummary"], { status: Status }>;
export type TracePage = Exactly<Schemas["TracePage"], { traces: TraceSummary[] }>;
export type Trace = Exactly<Schemas["Trace"], { status: Status }>;
export type SpanColumns = Schemas["SpanColumns"];
export type Tokens = Pick<TraceSummary, "input_tokens" | "output_tokens" | "total_tokens">;

export type Feedback = Exactly<Schemas["Feedback"], { kind: "reaction" | "note" | "score" }>;

type WithAttributes = { attributes: JsonObject };

export type SpanEvent = Exactly<Schemas["Event"], WithAttributes>;
export type SpanLog = Exactly<Schemas["LogRecord"], WithAttributes & { body: Json }>;
export type Score = Schemas["Score"];
export type SpanLink = Exactly<Schemas["Link"], WithAttributes>;
export type Span = Exactly<
  Schemas["Span"],
  {
    status: Status;
    input: Json;
    output: Json;
    attributes: JsonObject;
    resource: Exactly<Schemas["Attributes"], WithAttributes>;
    scope: Exactly<Schemas["Scope"], WithAttributes>;
    events: SpanEvent[];
    links: SpanLink[];
    logs: SpanLog[];
    feedback: Feedback[];
  }
>;

export type ScoreSummary = Exactly<Schemas["ScoreSummary"], { type: "boolean" | "number" }>;
export type Evaluation = Exactly<
  Schemas["Evaluation"],
  {
    status: Status;
    model: Exactly<Schemas["ModelInfo"], { parameters: Json }>;
    summary: Json;
    scores: ScoreSummary[];
    attributes: JsonObject;
  }
>;
export type EvaluationList = Exactly<Schemas["EvaluationPage"], { evaluations: Evaluation[] }>;

export type EvaluationRow = Exactly<
  Schemas["EvaluationRow"],
  { status: Status; inputs: Json; output: Json; scores: JsonObject }
>;
export type RowPage = Exactly<Schemas["EvaluationRowPage"], { rows: EvaluationRow[] }>;

/** An error; how much of it there is depends on who answered. */
export type ProblemBody = Partial<Schemas["Problem"]> & {
  position?: number;
  length?: number;
  errors?: { field: string; message: string }[];
};
