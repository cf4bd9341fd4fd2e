import { describe, expect, test } from "vitest";

import type { Json } from "../api/types";
import { recogniseChat } from "./messages";

const hello = { role: "user", text: "Hello", toolCalls: [], others: [] };
const weather = { name: "weather", arguments: { city: "Paris" } };

function messages(value: Json) {
  return recogniseChat(value)?.messages;
}

describe("messages are found in", () => {
  const message = { role: "user", content: "Hello" };
  test.each<[string, Json]>([
    ["a list", [message]],
    ["one message", message],
    ["a request", { model: "m", messages: [message] }],
    ["an OpenAI answer", { choices: [{ index: 0, message }] }],
    ["text parts", [{ role: "user", content: [{ type: "text", text: "Hello" }] }]],
    ["OpenTelemetry's parts", [{ role: "user", parts: [{ type: "text", content: "Hello" }] }]],
    ["a Gemini request", { contents: [{ role: "user", parts: [{ text: "Hello" }] }] }],
    [
      "a Gemini answer",
      { candidates: [{ content: { role: "user", parts: [{ text: "Hello" }] } }] },
    ],
    [
      "a Responses answer",
      {
        output: [
          { type: "message", role: "user", content: [{ type: "output_text", text: "Hello" }] },
        ],
      },
    ],
  ])("%s", (_, value) => {
    expect(messages(value)).toEqual([hello]);
  });
});

describe("tool calls are found in", () => {
  const text = JSON.stringify(weather.arguments);
  test.each<[string, Json]>([
    [
      "OpenAI",
      {
        role: "assistant",
        content: null,
        tool_calls: [{ function: { name: "weather", arguments: text } }],
      },
    ],
    [
      "Anthropic",
      {
        role: "assistant",
        content: [{ type: "tool_use", name: "weather", input: { city: "Paris" } }],
      },
    ],
    [
      "Gemini",
      {
        role: "assistant",
        parts: [{ functionCall: { name: "weather", args: { city: "Paris" } } }],
      },
    ],
    [
      "OpenTelemetry",
      { role: "assistant", parts: [{ type: "tool_call", name: "weather", arguments: text }] },
    ],
  ])("%s", (_, value) => {
    expect(messages(value)).toEqual([
      { role: "assistant", text: "", toolCalls: [weather], others: [] },
    ]);
  });
});

test("what stands beside the messages is kept", () => {
  const chat = recogniseChat({
    model: "m",
    temperature: 0,
    messages: [{ role: "user", content: "Hello" }],
  });
  expect(chat?.rest).toEqual({ model: "m", temperature: 0 });
});

test("parts of other kinds are kept as they are", () => {
  const image = { type: "image_url", image_url: { url: "https://example.org/a.png" } };
  expect(messages([{ role: "user", content: ["Hello", image] }])).toEqual([
    { ...hello, others: [image] },
  ]);
});

test.each<[Json]>([
  [null],
  ["Hello"],
  [[]],
  [{ role: "admin" }],
  [[{ role: "user", content: "Hello" }, 3]],
  [{ input: [1, 2] }],
])("%j is no chat", (value) => {
  expect(recogniseChat(value)).toBeNull();
});
