/** Feedback as people write it and as the API takes it. */

import type { Feedback, JsonObject } from "../../api/types";
import { formatScore } from "../../format";

/** A score's value from a text: a truth, a number, or a word, which is its label. */
export function scoreOf(name: string, text: string, explanation: string): JsonObject {
  return {
    kind: "score",
    name: name.trim(),
    ...judged(text.trim()),
    ...(explanation.trim() && { explanation: explanation.trim() }),
  };
}

function judged(text: string): JsonObject {
  if (text === "true" || text === "false") return { value: text === "true" };
  const number = Number(text);
  return text !== "" && Number.isFinite(number) ? { value: number } : { label: text };
}

/** What was said, in one line. */
export function saidIn(feedback: Feedback): string {
  if (feedback.kind !== "score") return feedback.emoji ?? feedback.text ?? "";
  return `${feedback.name}: ${judgementOf(feedback)}`;
}

/** A score's value and the word for it. */
export function judgementOf({ value, label }: Pick<Feedback, "value" | "label">): string {
  const shown = typeof value === "number" ? formatScore(value) : value?.toString();
  return [shown, label].filter(Boolean).join(" · ");
}
