"""A small traced app, to see something real: ``python -m spanloom.demo``, or ``spanloom demo``.

Its language model is a deterministic stand-in that needs no network and no key. Everything else is
what an app would do: an agent that plans, calls a tool, asks a model and sometimes fails; then an
evaluation of two versions of a model on the same dataset.
"""

import asyncio
import sys
import time
from typing import Any

import spanloom

_PROJECT = "demo"
_POPULATION = {"paris": 2_103_000, "tokyo": 13_960_000, "lima": 10_092_000}
_CAPITALS = {"france": "Paris", "japan": "Tokyo", "peru": "Lima", "kenya": "Nairobi"}
_TOKENS_PER_WORD = 1.4


@spanloom.op(kind="llm")
def stand_in_model(prompt: str, *, model: str = "stand-in-1") -> dict[str, Any]:
    """Answer by rule, in the shape in which a hosted model would."""
    time.sleep(0.01)
    words = prompt.lower().replace("?", "").split()
    answer = next((_CAPITALS[word] for word in words if word in _CAPITALS), "I do not know")
    return {
        "model": f"{model}-2026-11-01",
        "choices": [{"message": {"role": "assistant", "content": answer}}],
        "usage": {
            "prompt_tokens": round(len(words) * _TOKENS_PER_WORD) + 8,
            "completion_tokens": round(len(answer.split()) * _TOKENS_PER_WORD),
        },
    }


@spanloom.op(kind="tool")
def population(city: str) -> int:
    """Look a city up in a table that does not know every city."""
    time.sleep(0.002)
    return _POPULATION[city.lower()]


@spanloom.op(kind="chain")
def plan(question: str) -> list[str]:
    """Cut a question into steps."""
    return ["find the capital", "look up its population", "write the answer"] if question else []


@spanloom.op(kind="agent")
def city_agent(question: str) -> str:
    """Answer a question about a country's capital in several calls."""
    plan(question)
    answer = stand_in_model(f"Name the capital: {question}")
    city = answer["choices"][0]["message"]["content"]
    inhabitants = population(city)
    stand_in_model(f"Write a sentence: {city} has {inhabitants} inhabitants. {question}")
    return f"{city} has {inhabitants:,} inhabitants."


class CapitalModel(spanloom.Model):
    """Names capitals. The version with a hint also knows where there are several."""

    model_name: str
    hint: bool = False

    @spanloom.op
    async def predict(self, question: str) -> str:
        """Name the capital of the country in the question."""
        await asyncio.sleep(0.003)
        prompt = f"{question} Answer with one word." if self.hint else question.replace("Peru", "")
        result = stand_in_model(prompt, model=self.model_name)
        return str(result["choices"][0]["message"]["content"])


@spanloom.op
def exact_match_scorer(expected: str, output: str) -> dict[str, bool]:
    """Whether the answer is the expected one, whatever its case."""
    return {"correct": expected.lower() == output.lower()}


@spanloom.op
def brevity_scorer(output: str) -> float:
    """One for a single word, less for more."""
    return 1 / len(output.split())


def run_agent() -> list[str]:
    """Ask the agent; one of the questions makes a tool fail.

    Returns:
        The addresses of the traces.
    """
    urls = []
    with spanloom.attributes({"session.id": "demo-session", "user.id": "ada"}):
        for country in ("France", "Japan", "Kenya"):
            _, call = city_agent.call(f"How many people live in the capital of {country}?")
            urls.append(call.ui_url)
    return urls


async def run_evaluations(client: spanloom.Client) -> list[str]:
    """Evaluate two versions of the model on one dataset.

    Args:
        client: knows where the evaluations will be seen.

    Returns:
        The addresses of both.
    """
    rows = [
        {"question": f"What is the capital of {country.title()}?", "expected": capital}
        for country, capital in _CAPITALS.items()
    ]
    dataset = spanloom.Dataset(name="capitals", rows=rows)
    evaluation = spanloom.Evaluation(dataset=dataset, scorers=[exact_match_scorer, brevity_scorer])
    models = [
        CapitalModel(model_name="stand-in-1"),
        CapitalModel(model_name="stand-in-2", hint=True),
    ]
    urls = []
    for model in models:
        _, call = await evaluation.evaluate.call(evaluation, model)
        urls.append(f"{client.endpoint}/p/{client.project}/evaluations/{call.id}")
    return urls


def main() -> int:
    """Run everything, then say where to look.

    Returns:
        The exit code: 1 when the server did not take the spans.
    """
    client = spanloom.init(_PROJECT)
    traces = run_agent()
    evaluations = asyncio.run(run_evaluations(client))
    if not spanloom.flush(timeout_s=30):
        _say(f"the server at {client.endpoint} did not take the spans: is it running?")
        return 1
    _say("\nA call tree (the third one ends in an error):")
    for url in traces:
        _say(f"  {url}")
    _say("The two evaluations, and where to compare their scores:")
    for url in evaluations:
        _say(f"  {url}")
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
