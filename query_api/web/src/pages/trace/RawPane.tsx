/** The span as OTLP/JSON, lossless. */

import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";

import { otlpQuery } from "../../api/queries";
import type { Span } from "../../api/types";
import { Button, CopyButton } from "../../components/Button";
import { ProblemNotice, Skeleton } from "../../components/notices";
import { Section } from "../../components/Payload";
import { formatBytes } from "../../format";
import styles from "./SpanDetail.module.css";

const SHOWN_CHARACTERS = 50_000;

export function RawPane({ span }: { span: Span }) {
  const query = useQuery(otlpQuery(span.project, span.trace_id, span.span_id));
  const text = useMemo(() => JSON.stringify(query.data, null, 2) ?? "", [query.data]);
  const [all, setAll] = useState(false);
  if (query.error) {
    return (
      <ProblemNotice error={query.error} what="The span" onRetry={() => void query.refetch()} />
    );
  }
  if (query.isPending) return <Skeleton lines={6} />;
  const isCut = !all && text.length > SHOWN_CHARACTERS;
  return (
    <Section title="OTLP/JSON" actions={<CopyButton text={text} label="Copy OTLP/JSON" />}>
      <pre className={styles.raw}>{isCut ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text}</pre>
      {isCut && <Button onClick={() => setAll(true)}>Show all ({formatBytes(text.length)})</Button>}
    </Section>
  );
}
