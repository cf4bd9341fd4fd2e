"""The load generator, in a process of its own: sends for a while, prints what came of it as JSON.

    python benchmarks/_load.py --transport grpc --address 127.0.0.1:4317 --size big --seconds 20

The bodies are built before; for each send only their ids are made fresh. ``--rate`` sends that many
requests a second, each at its time; without it every connection sends as fast as it is answered.
"""

import argparse
import http.client
import json
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import grpc
from _bodies import MARK, fresh_mark, json_body, request

_EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
_TIMEOUT_S = 180
_DISTINCT_BODIES = 8
_PAUSE_AFTER_REFUSAL_S = 0.2

Send = Callable[[bytes], bool]


@dataclass
class Tally:
    """What one connection has done."""

    acknowledged: int = 0
    refused: int = 0
    latencies_s: list[float] = field(default_factory=list)
    last_trace_id: str = ""


def grpc_sender(address: str, headers: dict[str, str]) -> Send:
    """OTLP/gRPC on a channel of its own."""
    channel = grpc.insecure_channel(address, [("grpc.use_local_subchannel_pool", 1)])
    export = channel.unary_unary(_EXPORT)
    metadata = tuple(headers.items())

    def send(body: bytes) -> bool:
        try:
            export(body, timeout=_TIMEOUT_S, metadata=metadata)
        except grpc.RpcError:
            return False
        return True

    return send


def http_sender(address: str, headers: dict[str, str], content_type: str) -> Send:
    """OTLP/HTTP on a connection that is kept open."""
    connection = http.client.HTTPConnection(address, timeout=_TIMEOUT_S)
    headers = headers | {"content-type": content_type}

    def send(body: bytes) -> bool:
        try:
            connection.request("POST", "/v1/traces", body, headers)
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            return False
        return answer.status == 200

    return send


def sender(options: argparse.Namespace) -> Send:
    """A new connection."""
    headers = dict(pair.split("=", 1) for pair in options.header)
    if options.transport == "grpc":
        return grpc_sender(options.address, headers)
    kind = "json" if options.transport == "json" else "x-protobuf"
    return http_sender(options.address, headers, f"application/{kind}")


def bodies(options: argparse.Namespace) -> list[bytes]:
    """What is sent in turn."""
    requests = [
        request(options.size, options.batch, random.Random(seed))
        for seed in range(_DISTINCT_BODIES)
    ]
    if options.transport == "json":
        return [json_body(item) for item in requests]
    return [item.SerializeToString() for item in requests]


class Connection:
    """One thread that sends over one connection."""

    def __init__(self, number: int, options: argparse.Namespace, stored: list[bytes]) -> None:
        self.tally = Tally()
        self._send = sender(options)
        self._bodies = stored
        self._is_json = options.transport == "json"
        self._interval_s = options.connections / options.rate if options.rate else 0.0
        self._offset_s = self._interval_s * number / options.connections
        self._thread = threading.Thread(target=self._run, args=(options.seconds,))

    def start(self) -> None:
        self._thread.start()

    def join(self) -> None:
        self._thread.join()

    def _run(self, seconds: float) -> None:
        began = time.monotonic()
        due = began + self._offset_s
        count = 0
        while (now := time.monotonic()) < began + seconds:
            if self._interval_s and due > now:
                time.sleep(due - now)
            due += self._interval_s
            self._send_one(self._bodies[count % len(self._bodies)])
            count += 1

    def _send_one(self, body: bytes) -> None:
        mark = fresh_mark()
        fresh = (
            body.replace(MARK.hex().encode(), mark.hex().encode())
            if self._is_json
            else body.replace(MARK, mark)
        )
        began = time.perf_counter()
        if not self._send(fresh):
            self.tally.refused += 1
            time.sleep(_PAUSE_AFTER_REFUSAL_S)
            return
        self.tally.latencies_s.append(time.perf_counter() - began)
        self.tally.acknowledged += 1
        self.tally.last_trace_id = mark.hex() + bytes(10).hex()


def run(options: argparse.Namespace) -> dict[str, object]:
    """Send, and sum up."""
    stored = bodies(options)
    connections = [Connection(number, options, stored) for number in range(options.connections)]
    print("ready", flush=True)
    input()
    cpu_s, began = time.process_time(), time.monotonic()
    for connection in connections:
        connection.start()
    for connection in connections:
        connection.join()
    tallies = [connection.tally for connection in connections]
    latencies_s = sorted(item for tally in tallies for item in tally.latencies_s)
    return {
        "seconds": time.monotonic() - began,
        "generator_cpu_s": time.process_time() - cpu_s,
        "requests": sum(tally.acknowledged for tally in tallies),
        "refused": sum(tally.refused for tally in tallies),
        "spans": sum(tally.acknowledged for tally in tallies) * options.batch,
        "ack_p50_ms": _quantile(latencies_s, 0.5) * 1_000,
        "ack_p99_ms": _quantile(latencies_s, 0.99) * 1_000,
        "last_trace_ids": [tally.last_trace_id for tally in tallies if tally.last_trace_id],
    }


def _quantile(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--transport", choices=("grpc", "http", "json"), required=True)
    parser.add_argument("--address", required=True)
    parser.add_argument("--size", choices=("small", "big"), required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--rate", type=float, default=0.0)
    parser.add_argument("--header", action="append", default=[])
    print(json.dumps(run(parser.parse_args())), flush=True)


if __name__ == "__main__":
    main()
