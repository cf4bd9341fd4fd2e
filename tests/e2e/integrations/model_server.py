"""Providers of models on one local port, each speaking its own protocol.

Every answer has an id of its own and the token counts stated here, in the provider's own terms.
"""

import http.server
import itertools
import json
import re
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

Json = dict[str, Any]

OPENAI_MODEL = "gpt-5-2026-01-01"
ANTHROPIC_MODEL = "claude-sonnet-5-20260101"
GEMINI_MODEL = "gemini-3-flash"
BEDROCK_MODEL = "amazon.nova-pro-v1:0"

CHAT_USAGE: Json = {
    "prompt_tokens": 16,
    "completion_tokens": 7,
    "total_tokens": 23,
    "prompt_tokens_details": {"cached_tokens": 4},
    "completion_tokens_details": {"reasoning_tokens": 2},
}
RESPONSES_USAGE: Json = {
    "input_tokens": 16,
    "output_tokens": 7,
    "total_tokens": 23,
    "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 0},
    "output_tokens_details": {"reasoning_tokens": 2},
}
ANTHROPIC_USAGE: Json = {
    "input_tokens": 11,
    "cache_read_input_tokens": 3,
    "cache_creation_input_tokens": 2,
    "output_tokens": 7,
}
GEMINI_USAGE: Json = {
    "promptTokenCount": 16,
    "cachedContentTokenCount": 4,
    "candidatesTokenCount": 7,
    "thoughtsTokenCount": 2,
    "totalTokenCount": 25,
}
BEDROCK_USAGE: Json = {"inputTokens": 16, "outputTokens": 7, "totalTokens": 23}

_WORDS = ("Par", "is")
_numbers = itertools.count(1)


class Reply(NamedTuple):
    content_type: str
    body: bytes


@contextmanager
def running_model_server() -> Iterator[str]:
    """Serve until the block ends; yields the base URL."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        reply = _reply(self.path, json.loads(body or b"{}"))
        self.send_response(404 if reply is None else 200)
        content_type, content = reply or Reply("text/plain", b"no such path")
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        pass


def _reply(path: str, asked: Json) -> Reply | None:
    for pattern, answer in _ROUTES.items():
        if re.search(pattern, path):
            return answer(asked)
    return None


def _json(body: Json) -> Reply:
    return Reply("application/json", json.dumps(body).encode())


def _server_sent(events: list[Json], *, named: bool = False, last: str = "") -> Reply:
    lines = [
        (f"event: {event['type']}\n" if named else "") + f"data: {json.dumps(event)}\n\n"
        for event in events
    ]
    return Reply("text/event-stream", "".join([*lines, last]).encode())


def _id(prefix: str) -> str:
    return f"{prefix}_{next(_numbers):06}"


def _chat(asked: Json) -> Reply:
    shared = {"id": _id("chatcmpl"), "created": 1_790_000_000, "model": OPENAI_MODEL}
    if asked.get("stream"):
        return _chat_stream(shared, asked)
    message = {"role": "assistant", "content": "".join(_WORDS)}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return _json({**shared, "object": "chat.completion", "choices": [choice], "usage": CHAT_USAGE})


def _chat_stream(shared: Json, asked: Json) -> Reply:
    shared = {**shared, "object": "chat.completion.chunk"}
    deltas: list[Json] = [{"role": "assistant", "content": word} for word in _WORDS]
    chunks = [
        {**shared, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
        for delta in deltas
    ]
    chunks.append({**shared, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    if (asked.get("stream_options") or {}).get("include_usage"):
        chunks = [{**chunk, "usage": None} for chunk in chunks]
        chunks.append({**shared, "choices": [], "usage": CHAT_USAGE})
    return _server_sent(chunks, last="data: [DONE]\n\n")


def _responses(asked: Json) -> Reply:
    text = {"type": "output_text", "text": "".join(_WORDS), "annotations": []}
    item = {
        "type": "message", "id": _id("msg"), "status": "completed", "role": "assistant",
        "content": [text],
    }  # fmt: skip
    begun = {
        "id": _id("resp"), "object": "response", "created_at": 1_790_000_000,
        "model": OPENAI_MODEL, "parallel_tool_calls": True, "tool_choice": "auto", "tools": [],
        "status": "in_progress", "output": [], "usage": None,
    }  # fmt: skip
    done = {**begun, "status": "completed", "output": [item], "usage": RESPONSES_USAGE}
    if not asked.get("stream"):
        return _json(done)
    events: list[Json] = [
        {"type": "response.created", "response": begun},
        {"type": "response.output_item.added", "output_index": 0, "item": {**item, "content": []}},
        *({"type": "response.output_text.delta", "item_id": item["id"], "output_index": 0,
           "content_index": 0, "delta": word, "logprobs": []} for word in _WORDS),
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": done},
    ]  # fmt: skip
    numbered = [{**event, "sequence_number": number} for number, event in enumerate(events)]
    return _server_sent(numbered, named=True)


def _embeddings(asked: Json) -> Reply:
    vector = {"object": "embedding", "index": 0, "embedding": [0.5, 0.25]}
    usage = {"prompt_tokens": 5, "total_tokens": 5}
    return _json({"object": "list", "data": [vector], "model": asked["model"], "usage": usage})


def _messages(asked: Json) -> Reply:
    message = {
        "id": _id("msg"), "type": "message", "role": "assistant", "model": ANTHROPIC_MODEL,
        "content": [{"type": "text", "text": "".join(_WORDS)}], "stop_reason": "end_turn",
        "stop_sequence": None, "usage": ANTHROPIC_USAGE,
    }  # fmt: skip
    if not asked.get("stream"):
        return _json(message)
    begun = {
        **message, "content": [], "stop_reason": None,
        "usage": {**ANTHROPIC_USAGE, "output_tokens": 1},
    }  # fmt: skip
    stop = {"stop_reason": "end_turn", "stop_sequence": None}
    events: list[Json] = [
        {"type": "message_start", "message": begun},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *({"type": "content_block_delta", "index": 0,
           "delta": {"type": "text_delta", "text": word}} for word in _WORDS),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": stop, "usage": {"output_tokens": 7}},
        {"type": "message_stop"},
    ]  # fmt: skip
    return _server_sent(events, named=True)


def _gemini(words: tuple[str, ...], **also: object) -> Json:
    parts = [{"text": word} for word in words]
    candidate = {"content": {"role": "model", "parts": parts}, "index": 0, **also}
    return {"candidates": [candidate], "modelVersion": GEMINI_MODEL}


def _generate_content(asked: Json) -> Reply:
    whole = _gemini(_WORDS, finishReason="STOP")
    return _json({**whole, "responseId": _id("gemini"), "usageMetadata": GEMINI_USAGE})


def _stream_generate_content(asked: Json) -> Reply:
    shared = {"responseId": _id("gemini")}
    early = {"promptTokenCount": 16, "totalTokenCount": 16}
    first = {**_gemini(_WORDS[:1]), **shared, "usageMetadata": early}
    last = {**_gemini(_WORDS[1:], finishReason="STOP"), **shared, "usageMetadata": GEMINI_USAGE}
    return _server_sent([first, last])


def _converse(asked: Json) -> Reply:
    message = {"role": "assistant", "content": [{"text": "".join(_WORDS)}]}
    return _json(
        {
            "output": {"message": message},
            "stopReason": "end_turn",
            "usage": BEDROCK_USAGE,
            "metrics": {"latencyMs": 5},
        }
    )


def _converse_stream(asked: Json) -> Reply:
    events: list[tuple[str, Json]] = [
        ("messageStart", {"role": "assistant"}),
        *(
            ("contentBlockDelta", {"delta": {"text": word}, "contentBlockIndex": 0})
            for word in _WORDS
        ),
        ("contentBlockStop", {"contentBlockIndex": 0}),
        ("messageStop", {"stopReason": "end_turn"}),
        ("metadata", {"usage": BEDROCK_USAGE, "metrics": {"latencyMs": 5}}),
    ]
    body = b"".join(_amazon_event(name, event) for name, event in events)
    return Reply("application/vnd.amazon.eventstream", body)


def _amazon_event(name: str, event: Json) -> bytes:
    headers = {":event-type": name, ":content-type": "application/json", ":message-type": "event"}
    head = b"".join(
        struct.pack("!B", len(key)) + key.encode() + struct.pack("!BH", 7, len(value))
        + value.encode()
        for key, value in headers.items()
    )  # fmt: skip
    payload = json.dumps(event).encode()
    prelude = struct.pack("!II", 16 + len(head) + len(payload), len(head))
    message = prelude + struct.pack("!I", zlib.crc32(prelude)) + head + payload
    return message + struct.pack("!I", zlib.crc32(message))


_ROUTES: dict[str, Callable[[Json], Reply]] = {
    r"/chat/completions$": _chat,
    r"/responses$": _responses,
    r"/embeddings$": _embeddings,
    r"/v1/messages(\?|$)": _messages,
    r":generateContent(\?|$)": _generate_content,
    r":streamGenerateContent(\?|$)": _stream_generate_content,
    r"/converse$": _converse,
    r"/converse-stream$": _converse_stream,
}
