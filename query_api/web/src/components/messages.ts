/** Finds a chat in the inputs and outputs of model calls, whichever client wrote them. */

import type { Json, JsonObject } from "../api/types";

export interface ToolCall {
  name: string;
  arguments: Json;
}

export interface ChatMessage {
  role: string;
  text: string;
  toolCalls: ToolCall[];
  /** Parts that are neither text nor tool calls: images, audio, results. */
  others: Json[];
}

export interface Chat {
  messages: ChatMessage[];
  /** What stood beside the messages: model, temperature, … */
  rest: JsonObject;
}

/** The chat in a value, or null when the value is not recognisably one. */
export function recogniseChat(value: Json): Chat | null {
  if (Array.isArray(value)) return chatOf(value, {});
  if (!isObject(value)) return null;
  if (isMessage(value)) return chatOf([value], {});
  for (const [key, items] of messageLists(value)) {
    const rest = Object.entries(value).filter(([other]) => other !== key);
    const chat = chatOf(items, Object.fromEntries(rest));
    if (chat) return chat;
  }
  return null;
}

/** Where clients keep messages: requests first, then what OpenAI, Responses and Gemini answer. */
function* messageLists(value: JsonObject): Generator<[string, Json[]]> {
  for (const key of ["messages", "contents", "input", "output"]) {
    if (Array.isArray(value[key])) yield [key, value[key]];
  }
  for (const [key, member] of [
    ["choices", "message"],
    ["candidates", "content"],
  ]) {
    const list = value[key];
    if (Array.isArray(list))
      yield [key, list.map((item) => (isObject(item) ? item[member] : null))];
  }
}

function chatOf(items: Json[], rest: JsonObject): Chat | null {
  if (items.length === 0 || !items.every(isMessage)) return null;
  return { messages: items.map(messageOf), rest };
}

type Message = JsonObject & { role: string };

function isMessage(item: Json): item is Message {
  if (!isObject(item) || typeof item.role !== "string") return false;
  return "content" in item || "parts" in item || "tool_calls" in item;
}

function messageOf(item: Message): ChatMessage {
  const message: ChatMessage = { role: item.role, text: "", toolCalls: [], others: [] };
  const content = item.content ?? item.parts ?? null;
  for (const part of Array.isArray(content) ? content : [content]) addPart(message, part);
  if (Array.isArray(item.tool_calls)) item.tool_calls.forEach((call) => addPart(message, call));
  return message;
}

function addPart(message: ChatMessage, part: Json): void {
  if (part === null) return;
  const text = textOf(part);
  const call = text === null ? toolCallOf(part) : null;
  if (text !== null) message.text += message.text ? `\n${text}` : text;
  else if (call) message.toolCalls.push(call);
  else message.others.push(part);
}

function textOf(part: Json): string | null {
  if (typeof part === "string") return part;
  if (!isObject(part)) return null;
  if (typeof part.text === "string") return part.text;
  return part.type === "text" && typeof part.content === "string" ? part.content : null;
}

/** `{function: {name, arguments}}`, `{name, input}`, `{functionCall: …}`, `{name, arguments}`. */
function toolCallOf(part: Json): ToolCall | null {
  if (!isObject(part)) return null;
  const call = [part.function, part.functionCall, part].find(isNamed);
  if (!call || part.type === "tool_result") return null;
  const given = call.arguments ?? call.args ?? call.input;
  return given === undefined ? null : { name: call.name, arguments: parsed(given) };
}

function isNamed(value: Json | undefined): value is JsonObject & { name: string } {
  return isObject(value) && typeof value.name === "string";
}

/** Most clients keep a tool call's arguments as JSON text. */
function parsed(value: Json): Json {
  if (typeof value !== "string") return value;
  try {
    return JSON.parse(value) as Json;
  } catch {
    return value;
  }
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
