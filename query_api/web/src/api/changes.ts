/** What people change about a span, and which reads are fetched anew for it. */

import { useMutation, useQueryClient } from "@tanstack/react-query";

import { apiPath, change } from "./client";
import type { JsonObject, Span } from "./types";

export interface Change {
  method: "POST" | "PATCH" | "DELETE";
  /** Below the span's own path. */
  below: string[];
  body?: JsonObject;
}

export const added = (feedback: JsonObject): Change => ({
  method: "POST",
  below: ["feedback"],
  body: feedback,
});

export const removed = (feedbackId: string): Change => ({
  method: "DELETE",
  below: ["feedback", feedbackId],
});

/** An empty name gives the span its own back. */
export const renamed = (name: string): Change => ({
  method: "PATCH",
  below: [],
  body: { display_name: name || null },
});

/** Change a span; pending until the page shows what the server has. */
export function useSpanChange({ project, trace_id, span_id }: Span) {
  const client = useQueryClient();
  const path = ["projects", project, "traces", trace_id, "spans", span_id];
  return useMutation({
    mutationFn: ({ method, below, body }: Change) =>
      change(method, apiPath([...path, ...below]), body),
    onSuccess: (_, { method }) => {
      const span = client.invalidateQueries({ queryKey: ["span", project, trace_id, span_id] });
      if (method !== "PATCH") return span;
      const trace = client.invalidateQueries({ queryKey: ["trace", project, trace_id] });
      return Promise.all([span, trace]);
    },
  });
}
