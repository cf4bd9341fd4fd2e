/** What happened during a span: events, exceptions among them, and links to other spans. */

import { Link } from "@tanstack/react-router";

import type { Json, Span, SpanEvent } from "../../api/types";
import { CopyButton } from "../../components/Button";
import { WarningIcon } from "../../components/icons";
import { LongText } from "../../components/JsonTree";
import { Section } from "../../components/Payload";
import { formatTime, plural } from "../../format";
import { Pairs } from "./AttributesPane";
import styles from "./SpanDetail.module.css";

export interface Exception {
  type: string;
  message: string;
  stacktrace?: string;
}

/** The exceptions among the events, as OpenTelemetry's conventions name them. */
export function exceptionsOf(events: SpanEvent[]): Exception[] {
  return events
    .filter((event) => event.name === "exception")
    .map(({ attributes }) => ({
      type: asString(attributes["exception.type"]) || "Exception",
      message: asString(attributes["exception.message"]),
      stacktrace: asString(attributes["exception.stacktrace"]) || undefined,
    }));
}

function asString(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}

export function Failure({ type, message, stacktrace }: Exception) {
  return (
    <section className={styles.failure} aria-label="Error">
      <header>
        <WarningIcon />
        <p>
          <strong>{type}</strong> <LongText text={message} />
        </p>
        <CopyButton text={stacktrace ?? `${type}: ${message}`} label="Copy the error" />
      </header>
      {stacktrace && (
        <details open>
          <summary>Stack trace</summary>
          <pre tabIndex={0} aria-label="Stack trace">
            {stacktrace}
          </pre>
        </details>
      )}
    </section>
  );
}

export function EventsPane({ span }: { span: Span }) {
  return (
    <>
      {span.events.length === 0 && <p className={styles.none}>No events were recorded.</p>}
      {span.events.map((event, index) =>
        event.name === "exception" ? (
          <Failure key={index} {...exceptionsOf([event])[0]} />
        ) : (
          <Section key={index} title={event.name} actions={<EventTime span={span} event={event} />}>
            <Pairs pairs={event.attributes} dropped={event.dropped_attributes_count} />
          </Section>
        ),
      )}
      <Dropped count={span.dropped_events_count} noun="event" />
    </>
  );
}

function EventTime({ span, event }: { span: Span; event: SpanEvent }) {
  const offset_ms = new Date(event.time).getTime() - new Date(span.start_time).getTime();
  return (
    <time className={styles.group} dateTime={event.time} title={event.time}>
      {formatTime(event.time)} (+{offset_ms} ms)
    </time>
  );
}

export function LinksPane({ span }: { span: Span }) {
  return (
    <>
      {span.links.length === 0 && <p className={styles.none}>No links were recorded.</p>}
      {span.links.map((link, index) => (
        <Section
          key={index}
          title={`Span ${link.span_id}`}
          actions={
            <Link
              to="/p/$project/traces/$trace"
              params={{ project: span.project, trace: link.trace_id }}
              search={{ span: link.span_id }}
            >
              Open in its trace
            </Link>
          }
        >
          <Pairs
            pairs={{ "trace id": link.trace_id, ...link.attributes }}
            dropped={link.dropped_attributes_count}
          />
        </Section>
      ))}
      <Dropped count={span.dropped_links_count} noun="link" />
    </>
  );
}

export function Dropped({ count, noun }: { count: number; noun: string }) {
  if (!count) return null;
  return <p className={styles.dropped}>{plural(count, noun)} dropped before sending.</p>;
}
