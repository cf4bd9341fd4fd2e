"""A program written for W&B Weave, with its import line changed and nothing else.

What it does not need here is left out: downloading the model from a registry. Its model keeps the
habits that a stricter library would refuse: state that is not declared, and a parameter `query`
for a column `input`.
"""

import asyncio
import json

import spanloom as weave

weave.init("your-entity/your-project")


class ChatModel(weave.Model):
    model_name: str

    def model_post_init(self, __context):
        self.model_path = f"/models/{self.model_name}"
        self.model = {"What is the capital of France?": "paris"}

    @weave.op()
    async def predict(self, query: str) -> str:
        return self.model.get(query, "five")


dataset = weave.Dataset(
    name="eval_dataset",
    rows=[
        {"input": "What is the capital of France?", "expected": "Paris"},
        {"input": "What is 2+2?", "expected": "4"},
    ],
)


@weave.op()
def exact_match_scorer(expected: str, output: str) -> dict:
    return {"correct": expected.lower() == output.lower()}


async def main():
    model = ChatModel(model_name="wandb-entity/registry-name/model:version")
    evaluation = weave.Evaluation(dataset=dataset, scorers=[exact_match_scorer])
    results = await evaluation.evaluate(model)
    with weave.attributes({"wandb-run-id": "run-1"}):
        summary, call = await evaluation.evaluate.call(evaluation, model)
    models = [ChatModel(model_name="model:v1"), ChatModel(model_name="model:v2")]
    for model in models:
        print(f"{model.model_name}: {await evaluation.evaluate(model)}")
    print(json.dumps({"results": results, "summary": summary, "call_id": call.id}))


asyncio.run(main())
