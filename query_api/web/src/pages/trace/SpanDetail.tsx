/** The selected span: what went in and out, and all that was recorded about it. */

import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { Tabs } from "radix-ui";
import { Fragment, type ReactNode, type Ref } from "react";

import { spanQuery } from "../../api/queries";
import type { Score, Span, Trace } from "../../api/types";
import { CopyButton } from "../../components/Button";
import { Fact, tokenSplit } from "../../components/Fact";
import { LinkIcon } from "../../components/icons";
import { LongText } from "../../components/JsonTree";
import { KindBadge, StatusMark } from "../../components/marks";
import { EmptyState, ProblemNotice, Skeleton } from "../../components/notices";
import { Payload, Section } from "../../components/Payload";
import { formatDuration, formatInteger, formatTime } from "../../format";
import { AttributesPane } from "./AttributesPane";
import { EventsPane, exceptionsOf, Failure, LinksPane } from "./EventsPane";
import { judgementOf } from "./feedback";
import { FeedbackPane } from "./FeedbackPane";
import { spanLink } from "./links";
import { RawPane } from "./RawPane";
import styles from "./SpanDetail.module.css";
import { SpanTitle } from "./SpanTitle";
import type { SpanTree } from "./tree";

const route = getRouteApi("/p/$project/traces/$trace");

interface Props {
  trace: Trace;
  tree: SpanTree;
  row: number;
  ref: Ref<HTMLElement>;
}

export function SpanDetail({ trace, tree, row, ref }: Props) {
  return (
    <section ref={ref} tabIndex={-1} className={styles.detail} aria-label="Selected span">
      {tree.span[row] < 0 ? (
        <EmptyState title="This span is missing">
          <p>
            The spans below it name <code>{tree.id[row]}</code> as their parent, but it has not
            arrived. A span is sent when it ends: it may still be running, or have been lost or
            sampled away.
          </p>
        </EmptyState>
      ) : (
        <StoredSpan trace={trace} spanId={tree.id[row]} />
      )}
    </section>
  );
}

function StoredSpan({ trace, spanId }: { trace: Trace; spanId: string }) {
  const query = useQuery(spanQuery(trace.project, trace.trace_id, spanId));
  if (query.isPending) return <Skeleton lines={6} />;
  if (!query.data) {
    return (
      <div className={styles.pane}>
        <ProblemNotice error={query.error} what="The span" onRetry={() => void query.refetch()} />
      </div>
    );
  }
  return (
    <>
      <SpanHead trace={trace} span={query.data} />
      {/* Another span starts with its own trees open or closed, not with the former one's. */}
      <Panes key={query.data.span_id} span={query.data} isOld={query.isPlaceholderData} />
    </>
  );
}

function SpanHead({ trace, span }: { trace: Trace; span: Span }) {
  return (
    <header className={styles.head}>
      <div className={styles.title}>
        <KindBadge kind={span.kind} named />
        <SpanTitle span={span} />
        <StatusMark status={span.status} look="pill" />
        <CopyButton
          text={() => spanLink(trace, span.span_id)}
          label="Copy a link to this span"
          icon={<LinkIcon />}
        />
      </div>
      <dl className={styles.facts}>
        <Fact name="Duration">{formatDuration(span.duration_ms)}</Fact>
        <Fact name="Started">
          <time dateTime={span.start_time} title={span.start_time}>
            {formatTime(span.start_time)}
          </time>
        </Fact>
        {(span.total_tokens !== null || span.input_tokens !== null) && (
          <Fact name="Tokens">
            {formatInteger(span.total_tokens)} ({tokenSplit(span)})
          </Fact>
        )}
        {span.model && <Fact name="Model">{span.model}</Fact>}
        {span.provider && <Fact name="Provider">{span.provider}</Fact>}
        <Fact name="Span">
          <code>{span.span_id}</code>
          <CopyButton text={span.span_id} label="Copy the span id" />
        </Fact>
      </dl>
    </header>
  );
}

interface Pane {
  id: string;
  title: string;
  count?: number;
  content: () => ReactNode;
}

function panesOf(span: Span): Pane[] {
  return [
    { id: "io", title: "Input/Output", content: () => <IoPane span={span} /> },
    { id: "attributes", title: "Attributes", content: () => <AttributesPane span={span} /> },
    {
      id: "events",
      title: "Events",
      count: span.events.length + span.log_count,
      content: () => <EventsPane span={span} />,
    },
    {
      id: "links",
      title: "Links",
      count: span.links.length,
      content: () => <LinksPane span={span} />,
    },
    {
      id: "feedback",
      title: "Feedback",
      count: span.feedback.length,
      content: () => <FeedbackPane span={span} />,
    },
    { id: "raw", title: "Raw", content: () => <RawPane span={span} /> },
  ];
}

function Panes({ span, isOld }: { span: Span; isOld: boolean }) {
  const { pane = "io" } = route.useSearch();
  const navigate = route.useNavigate();
  const panes = panesOf(span);
  const chosen = panes.some(({ id }) => id === pane) ? pane : "io";
  const choose = (id: string) =>
    void navigate({
      search: (now) => ({ ...now, pane: id === "io" ? undefined : id }),
      replace: true,
    });
  return (
    <Tabs.Root value={chosen} onValueChange={choose}>
      <Tabs.List className={styles.tabs} aria-label="What was recorded">
        {panes.map(({ id, title, count }) => (
          <Tabs.Trigger key={id} value={id}>
            {title}
            {count ? <span className={styles.count}>{count}</span> : null}
          </Tabs.Trigger>
        ))}
      </Tabs.List>
      {panes.map(({ id, content }) => (
        <Tabs.Content
          key={id}
          value={id}
          className={isOld ? `${styles.pane} ${styles.old}` : styles.pane}
        >
          {content()}
        </Tabs.Content>
      ))}
    </Tabs.Root>
  );
}

function IoPane({ span }: { span: Span }) {
  return (
    <>
      {span.status === "error" && <SpanFailure span={span} />}
      <Payload title="Input" value={span.input} />
      <Payload title="Output" value={span.output} />
      {span.scores.length > 0 && <Scores scores={span.scores} />}
    </>
  );
}

function Scores({ scores }: { scores: Score[] }) {
  return (
    <Section title="Scores">
      <dl className={styles.pairs}>
        {scores.map((score, index) => (
          <Fragment key={index}>
            <dt>{score.name || "(no name)"}</dt>
            <dd>
              {scoreText(score)}
              {score.explanation && <LongText text={score.explanation} className={styles.reason} />}
            </dd>
          </Fragment>
        ))}
      </dl>
    </Section>
  );
}

function scoreText(score: Score): string {
  return score.error_type ? `failed: ${score.error_type}` : judgementOf(score) || "–";
}

function SpanFailure({ span }: { span: Span }) {
  const exceptions = exceptionsOf(span.events);
  if (exceptions.length > 0) {
    return exceptions.map((exception, index) => <Failure key={index} {...exception} />);
  }
  return <Failure type="Error" message={span.status_message || "No reason was recorded."} />;
}
