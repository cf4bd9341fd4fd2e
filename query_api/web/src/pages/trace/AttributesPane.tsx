/** Attributes of a span, of its resource and of the library that made it. */

import type { Json, JsonObject, Span } from "../../api/types";
import { CopyButton } from "../../components/Button";
import { JsonTree } from "../../components/JsonTree";
import { asText, Section } from "../../components/Payload";
import { Dropped } from "./EventsPane";
import styles from "./SpanDetail.module.css";

export function AttributesPane({ span }: { span: Span }) {
  const { resource, scope } = span;
  return (
    <>
      <Group
        title="Attributes"
        pairs={sorted(span.attributes)}
        dropped={span.dropped_attributes_count}
      />
      <Group
        title="Resource"
        pairs={{ ...sorted(resource.attributes), ...named({ "schema url": resource.schema_url }) }}
        dropped={resource.dropped_attributes_count}
      />
      <Group
        title="Instrumentation scope"
        pairs={{
          ...named({ name: scope.name, version: scope.version, "schema url": scope.schema_url }),
          ...sorted(scope.attributes),
        }}
        dropped={scope.dropped_attributes_count}
      />
      <Group title="Span" pairs={spanFacts(span)} dropped={0} />
    </>
  );
}

function spanFacts(span: Span): JsonObject {
  return named({
    "trace id": span.trace_id,
    "span id": span.span_id,
    "parent span id": span.parent_span_id,
    kind: span.span_kind,
    status: span.status,
    "status message": span.status_message,
    started: span.start_time,
    ended: span.end_time,
    received: span.received_time,
    "requested model": span.request_model,
    "trace state": span.trace_state,
    flags: span.flags,
  });
}

/** The pairs that have a value. */
function named(pairs: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(pairs).filter(([, value]) => value !== null && value !== ""),
  );
}

function sorted(pairs: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(pairs).sort(([a], [b]) => (a < b ? -1 : 1)));
}

interface GroupProps {
  title: string;
  pairs: JsonObject;
  dropped: number;
}

function Group({ title, pairs, dropped }: GroupProps) {
  return (
    <Section
      title={title}
      actions={<CopyButton text={() => asText(pairs)} label={`Copy ${title.toLowerCase()}`} />}
    >
      <Pairs pairs={pairs} dropped={dropped} />
    </Section>
  );
}

export function Pairs({ pairs, dropped }: Omit<GroupProps, "title">) {
  const entries = Object.entries(pairs);
  return (
    <>
      {entries.length === 0 && <p className={styles.none}>None.</p>}
      <dl className={styles.pairs}>
        {entries.map(([key, value]) => (
          <Pair key={key} name={key} value={value} />
        ))}
      </dl>
      <Dropped count={dropped} noun="attribute" />
    </>
  );
}

function Pair({ name, value }: { name: string; value: Json }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>
        <JsonTree value={value} />
      </dd>
    </>
  );
}
