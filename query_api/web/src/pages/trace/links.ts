/** Addresses that are copied out of the page. */

import type { Trace } from "../../api/types";

export function spanLink(trace: Trace, spanId: string): string {
  const path = `/p/${encodeURIComponent(trace.project)}/traces/${trace.trace_id}`;
  return `${window.location.origin}${path}?span=${spanId}`;
}
