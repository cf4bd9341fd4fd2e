"""Programs written for Weave's API run with nothing but the import changed."""

import asyncio
import json
from types import SimpleNamespace
from typing import Any

from spanloom import conventions
from tests.unit.sdk.sink import Sink, attributes_of

FIRST_EVALUATION = """
import spanloom as weave
from typing import Any

weave.init("your-entity/your-project")

class ChatModel(weave.Model):
    model_name: str

    def model_post_init(self, __context):
        self.model_path = f"./artifacts/{self.model_name}"
        self.model = registry.load(self.model_path)

    @weave.op()
    async def predict(self, query: str) -> str:
        return self.model.generate(query)

dataset = weave.Dataset(name="eval_dataset", rows=[
    {"input": "What is the capital of France?", "expected": "Paris"},
    {"input": "What is 2+2?", "expected": "4"},
])

@weave.op()
def exact_match_scorer(expected: str, output: str) -> dict:
    return {"correct": expected.lower() == output.lower()}

model = ChatModel(model_name="wandb-entity/registry-name/model:version")
evaluation = weave.Evaluation(
    dataset=dataset,
    scorers=[exact_match_scorer]
)
results = await evaluation.evaluate(model)
"""

WITH_ATTRIBUTES = """
with weave.attributes({"wandb-run-id": "run-1"}):
    summary, call = await evaluation.evaluate.call(evaluation, model)
"""

MODEL_JUDGES = """
import functools

@weave.op()
async def llm_judge_scorer(expected: str, output: str, judge_model) -> dict:
    prompt = f"Is this answer correct? Expected: {expected}, Got: {output}"
    judgment = await judge_model.predict(prompt)
    return {"judge_score": judgment}

judged = weave.Evaluation(
    dataset=dataset, scorers=[functools.partial(llm_judge_scorer, judge_model=model)]
)
judgments = await judged.evaluate(model)
"""

BATCH = """
models = [
    ChatModel(model_name="model:v1"),
    ChatModel(model_name="model:v2"),
]

batch = {}
for model in models:
    results = await evaluation.evaluate(model)
    batch[model.model_name] = results
"""


def answer(query: str) -> str:
    """Stand in for a language model."""
    if "Is this answer correct" in query:
        return "correct" if "Expected: Paris, Got: Paris" in query else "wrong"
    return "Paris" if "France" in query else "5"


class Registry:
    def load(self, path: str) -> Any:
        return SimpleNamespace(generate=answer)


def run(sink: Sink, *snippets: str) -> dict[str, Any]:
    """Run snippets as a notebook does, where ``await`` may stand at the top."""
    body = "\n".join(snippets).replace('init("', f'init(endpoint="{sink.url}", project="')
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    program = f"async def notebook():\n{lines}\n    import spanloom as weave\n    return locals()"
    names: dict[str, Any] = {"registry": Registry()}
    exec(compile(program, "notebook", "exec"), names)
    result: dict[str, Any] = asyncio.run(names["notebook"]())
    assert result["weave"].flush()
    return result


CORRECT = {"correct": {"true_count": 1, "true_fraction": 0.5}}


def test_the_first_evaluation_runs_and_arrives(sink: Sink) -> None:
    names = run(sink, FIRST_EVALUATION)

    assert names["results"].keys() == {"exact_match_scorer", "model_latency"}
    assert names["results"]["exact_match_scorer"] == CORRECT
    assert names["model"].model_path == "./artifacts/wandb-entity/registry-name/model:version"
    assert sink.requests[0].headers["x-spanloom-project"] == "your-entity/your-project"
    spans = {span.name: span for span in sink.spans()}
    assert sorted(sink.names()) == sorted(
        ["ChatModel.predict", "exact_match_scorer", "Evaluation.predict_and_score"] * 2
        + ["Evaluation.summarize", "Evaluation.evaluate"]
    )
    root = attributes_of(spans["Evaluation.evaluate"])
    assert json.loads(str(root[conventions.OUTPUT_VALUE])) == names["results"]
    assert root[conventions.EVALUATION_INPUT_MAPPING] == '{"query":"input"}'
    assert "model_path" not in str(root)


def test_an_evaluation_under_attributes_returns_its_call(sink: Sink) -> None:
    names = run(sink, FIRST_EVALUATION, WITH_ATTRIBUTES)

    call = names["call"]
    root = next(span for span in sink.spans() if span.span_id.hex() == call.id)
    assert names["summary"]["exact_match_scorer"] == CORRECT
    assert attributes_of(root)["wandb-run-id"] == "run-1"
    assert call.ui_url.endswith(
        f"/p/your-entity%2Fyour-project/traces/{root.trace_id.hex()}?span={call.id}"
    )


def test_a_model_can_judge(sink: Sink) -> None:
    names = run(sink, FIRST_EVALUATION, MODEL_JUDGES)

    assert names["judgments"].keys() == {"model_latency"}
    scored = [span for span in sink.spans() if span.name == "llm_judge_scorer"]
    assert {attributes_of(span)[conventions.OUTPUT_VALUE] for span in scored} == {
        '{"judge_score":"correct"}',
        '{"judge_score":"wrong"}',
    }


def test_versions_of_a_model_are_told_apart(sink: Sink) -> None:
    names = run(sink, FIRST_EVALUATION, BATCH)

    assert names["batch"].keys() == {"model:v1", "model:v2"}
    roots = [attributes_of(s) for s in sink.spans() if s.name == "Evaluation.evaluate"]
    assert len({root[conventions.MODEL_DIGEST] for root in roots}) == 3
    assert len({root[conventions.DATASET_DIGEST] for root in roots}) == 1
