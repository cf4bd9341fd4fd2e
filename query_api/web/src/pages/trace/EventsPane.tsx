/** What happened during a span: events, exceptions among them, its logs, and links to other spans. */

import { Link } from "@tanstack/react-router";

import type { Json, Span, SpanEvent, SpanLog } from "../../api/types";
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
      {span.events.length + span.logs.length === 0 && (
        <p className={styles.none}>No events were recorded.</p>
      )}
      {span.events.map((event, index) =>
        event.name === "exception" ? (
          <Failure key={index} {...exceptionsOf([event])[0]} />
        ) : (
          <Section
            key={index}
            title={event.name}
            actions={<EventTime span={span} time={event.time} />}
          >
            <Pairs pairs={event.attributes} dropped={event.dropped_attributes_count} />
          </Section>
        ),
      )}
      <Dropped count={span.dropped_events_count} noun="event" />
      {span.logs.map((log, index) => (
        <Log key={index} span={span} log={log} />
      ))}
      {span.log_count > span.logs.length && (
        <p className={styles.dropped}>
          {plural(span.log_count - span.logs.length, "log record")} more.
        </p>
      )}
    </>
  );
}

function Log({ span, log }: { span: Span; log: SpanLog }) {
  const title = ["Log", log.severity_text, log.event_name].filter(Boolean).join(" · ");
  const pairs = log.body === null ? log.attributes : { body: log.body, ...log.attributes };
  return (
    <Section title={title} actions={<EventTime span={span} time={log.time} />}>
      <Pairs pairs={pairs} dropped={log.dropped_attributes_count} />
    </Section>
  );
}

function EventTime({ span, time }: { span: Span; time: string }) {
  const offset_ms = new Date(time).getTime() - new Date(span.start_time).getTime();
  return (
    <time className={styles.group} dateTime={time} title={time}>
      {formatTime(time)} ({offset_ms < 0 ? "" : "+"}
      {offset_ms} ms)
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
