// Sends one little trace with OpenTelemetry's own exporter and prints as JSON what was sent.
//
//   node send.mjs --protocol http-json|http-proto|grpc --endpoint http://127.0.0.1:4318
//                 [--service NAME] [--gzip]
//
// Times are strings, since their nanoseconds do not fit JavaScript's numbers. Exit code 1 when the
// server did not take the trace.

import { parseArgs } from "node:util";
import { SpanKind, SpanStatusCode, context, trace } from "@opentelemetry/api";
import { OTLPTraceExporter as GrpcExporter } from "@opentelemetry/exporter-trace-otlp-grpc";
import { OTLPTraceExporter as JsonExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPTraceExporter as ProtobufExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BasicTracerProvider, BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";

const EXPORTERS = {
  "http-json": (endpoint, options) => new JsonExporter({ url: `${endpoint}/v1/traces`, ...options }),
  "http-proto": (endpoint, options) =>
    new ProtobufExporter({ url: `${endpoint}/v1/traces`, ...options }),
  grpc: (endpoint, options) => new GrpcExporter({ url: endpoint, ...options }),
};

const ATTRIBUTES = {
  string: "é\n'\"",
  empty: "",
  int: Number.MAX_SAFE_INTEGER,
  negative: -3,
  double: 0.1,
  boolean: true,
  strings: ["a", ""],
  ints: [1, -2],
  doubles: [0.5, 1.25],
  booleans: [true, false],
};
const LINKED = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", traceFlags: 1 };

function readOptions() {
  const { values } = parseArgs({
    options: {
      protocol: { type: "string" },
      endpoint: { type: "string" },
      service: { type: "string", default: "node-app" },
      gzip: { type: "boolean", default: false },
    },
  });
  if (!(values.protocol in EXPORTERS) || !values.endpoint) {
    throw new Error(`--protocol ${Object.keys(EXPORTERS).join("|")} and --endpoint are needed`);
  }
  return values;
}

/** An exporter that remembers what went through it and how it ended. */
function watched(exporter) {
  const seen = { spans: [], errors: new Set() };
  return {
    seen,
    export(spans, done) {
      seen.spans.push(...spans);
      exporter.export(spans, (result) => {
        if (result.code !== 0) seen.errors.add(String(result.error));
        done(result);
      });
    },
    forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
    shutdown: () => exporter.shutdown(),
  };
}

/** A root with one failed child, its times exact to the nanosecond. */
function recordTrace(tracer) {
  const second = Math.floor(Date.now() / 1000) - 10;
  const root = tracer.startSpan("root", {
    kind: SpanKind.SERVER,
    startTime: [second, 123456789],
    attributes: { "spanloom.kind": "agent" },
  });
  const child = tracer.startSpan(
    "child",
    {
      kind: SpanKind.CLIENT,
      startTime: [second, 223456789],
      attributes: ATTRIBUTES,
      links: [{ context: LINKED, attributes: { why: "because", n: 1 } }],
    },
    trace.setSpan(context.active(), root),
  );
  child.addEvent("event", { key: "value", list: [1, 2] }, [second, 323456789]);
  child.setStatus({ code: SpanStatusCode.ERROR, message: "boom" });
  child.end([second, 423456789]);
  root.end([second + 1, 123456790]);
}

const nanoseconds = ([second, rest]) => String(BigInt(second) * 1_000_000_000n + BigInt(rest));

function described(span) {
  return {
    trace_id: span.spanContext().traceId,
    span_id: span.spanContext().spanId,
    parent_span_id: span.parentSpanContext?.spanId ?? null,
    name: span.name,
    kind: SpanKind[span.kind].toLowerCase(),
    start_time_unix_nano: nanoseconds(span.startTime),
    end_time_unix_nano: nanoseconds(span.endTime),
    status: SpanStatusCode[span.status.code].toLowerCase(),
    status_message: span.status.message ?? "",
    attributes: span.attributes,
    events: span.events.map((event) => ({
      name: event.name,
      time_unix_nano: nanoseconds(event.time),
      attributes: event.attributes,
    })),
    links: span.links.map((link) => ({
      trace_id: link.context.traceId,
      span_id: link.context.spanId,
      attributes: link.attributes,
    })),
    scope: { name: span.instrumentationScope.name, version: span.instrumentationScope.version },
    resource: span.resource.attributes,
  };
}

const options = readOptions();
const compression = options.gzip ? "gzip" : "none";
const exporter = watched(EXPORTERS[options.protocol](options.endpoint, { compression }));
const provider = new BasicTracerProvider({
  resource: resourceFromAttributes({ "service.name": options.service, "host.cpus": 2 }),
  spanProcessors: [new BatchSpanProcessor(exporter)],
});
recordTrace(provider.getTracer("e2e", "1.2.3"));
await provider.forceFlush().catch((error) => exporter.seen.errors.add(String(error)));
await provider.shutdown();
if (exporter.seen.errors.size > 0) {
  console.error([...exporter.seen.errors].join("\n"));
  process.exitCode = 1;
} else {
  console.log(JSON.stringify({ spans: exporter.seen.spans.map(described) }, null, 2));
}
