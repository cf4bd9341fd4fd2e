/** Programs to run against this very server, for pages that have nothing to show yet. */

import type { Server } from "./api/types";

function init(project: string, server: Server): string {
  const token = server.auth_required ? ', api_key="<your token>"' : "";
  return `spanloom.init(${JSON.stringify(project)}, endpoint="${server.endpoint}"${token})`;
}

export function traceSnippet(project: string, server: Server): string {
  return `import spanloom

${init(project, server)}


@spanloom.op
def answer(question: str) -> str:
    return f"You asked: {question}"


answer("What is the capital of France?")
`;
}

export function evaluationSnippet(project: string, server: Server): string {
  return `import asyncio
import spanloom

${init(project, server)}


@spanloom.op
def model(question: str) -> str:
    return "Paris"


@spanloom.op
def exact_match(expected: str, output: str) -> dict:
    return {"correct": expected.lower() == output.lower()}


evaluation = spanloom.Evaluation(
    dataset=[{"question": "What is the capital of France?", "expected": "Paris"}],
    scorers=[exact_match],
)
asyncio.run(evaluation.evaluate(model))
`;
}
