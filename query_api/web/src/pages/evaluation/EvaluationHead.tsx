/** What was evaluated on what, and how far it is. */

import { Link } from "@tanstack/react-router";

import type { Evaluation, Json } from "../../api/types";
import { CopyButton } from "../../components/Button";
import { Fact } from "../../components/Fact";
import { JsonTree } from "../../components/JsonTree";
import { Ago, KindBadge, StatusMark } from "../../components/marks";
import { asText, Section } from "../../components/Payload";
import { formatDuration, formatInteger, plural } from "../../format";
import styles from "./EvaluationPage.module.css";

interface Props {
  project: string;
  evaluation: Evaluation;
}

export function EvaluationHead({ project, evaluation }: Props) {
  const title = evaluation.display_name || evaluation.name;
  return (
    <header className={styles.head}>
      <div className={styles.title}>
        <KindBadge kind="evaluation" named />
        <h1 title={title}>{title}</h1>
        {title !== evaluation.name && <span className={styles.sub}>{evaluation.name}</span>}
        <StatusMark status={evaluation.status} look="pill" />
        <Link
          className={styles.trace}
          to="/p/$project/traces/$trace"
          params={{ project, trace: evaluation.trace_id }}
          search={{ span: evaluation.span_id }}
        >
          Open the trace
        </Link>
      </div>
      <Facts evaluation={evaluation} />
      {evaluation.status === "running" && <Progress evaluation={evaluation} />}
    </header>
  );
}

function Facts({ evaluation }: { evaluation: Evaluation }) {
  const { model, dataset } = evaluation;
  return (
    <dl className={styles.facts}>
      <Fact name="Model">
        {model.name || "–"} <Digest digest={model.digest} />
      </Fact>
      <Fact name="Dataset">
        {dataset.name || "–"}
        {dataset.row_count !== null && `, ${plural(dataset.row_count, "row")}`}{" "}
        <Digest digest={dataset.digest} />
      </Fact>
      {evaluation.trials > 1 && <Fact name="Trials">{formatInteger(evaluation.trials)}</Fact>}
      <Fact name="Started">
        <Ago time={evaluation.start_time} />
      </Fact>
      <Fact name="Duration">{formatDuration(evaluation.duration_ms)}</Fact>
      {evaluation.status === "error" && evaluation.status_message && (
        <Fact name="Error">
          <span className={styles.error}>{evaluation.status_message}</span>
        </Fact>
      )}
    </dl>
  );
}

function Digest({ digest }: { digest: string }) {
  return digest ? <code title={`sha256 ${digest}`}>{digest.slice(0, 7)}</code> : null;
}

function Progress({ evaluation }: { evaluation: Evaluation }) {
  const done = evaluation.row_count;
  const rows = evaluation.dataset.row_count;
  const all = rows === null ? null : rows * evaluation.trials;
  return (
    <div className={styles.progress}>
      {all !== null && <progress aria-label="Predictions made" value={done} max={all} />}
      <span role="status">
        {all === null
          ? `${plural(done, "prediction")} so far`
          : `${formatInteger(done)} of ${plural(all, "prediction")}`}
      </span>
    </div>
  );
}

/** Model parameters, summary and attributes: there when wanted, out of the way otherwise. */
export function EvaluationDetails({ evaluation }: { evaluation: Evaluation }) {
  const { parameters } = evaluation.model;
  const sections: [string, Json][] = [
    ["Model parameters", parameters],
    ["Summary", evaluation.summary],
    ["Attributes", evaluation.attributes],
  ];
  const known = sections.filter(([, value]) => value !== null && JSON.stringify(value) !== "{}");
  if (known.length === 0) return null;
  return (
    <details className={styles.more}>
      <summary>{known.map(([title]) => title).join(", ")}</summary>
      <div className={styles.sections}>
        {known.map(([title, value]) => (
          <Section
            key={title}
            title={title}
            actions={
              <CopyButton text={() => asText(value)} label={`Copy ${title.toLowerCase()}`} />
            }
          >
            <JsonTree value={value} />
          </Section>
        ))}
      </div>
    </details>
  );
}
