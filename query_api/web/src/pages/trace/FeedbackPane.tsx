/** What was said about a span, and forms to say more. */

import { type FormEvent, type ReactNode, useState } from "react";

import { added, removed, useSpanChange } from "../../api/changes";
import type { Feedback, JsonObject, Span } from "../../api/types";
import { Button, IconButton } from "../../components/Button";
import fieldStyles from "../../components/field.module.css";
import { CrossIcon } from "../../components/icons";
import { ProblemNotice } from "../../components/notices";
import { Section } from "../../components/Payload";
import { formatTime } from "../../format";
import { saidIn, scoreOf } from "./feedback";
import styles from "./Feedback.module.css";

const REACTIONS = { "👍": "thumbs up", "👎": "thumbs down", "❤️": "heart", "🎉": "party popper" };

type Add = (feedback: JsonObject, onSuccess?: () => void) => void;

export function FeedbackPane({ span }: { span: Span }) {
  const { mutate, isPending, error } = useSpanChange(span);
  const add: Add = (feedback, onSuccess) => mutate(added(feedback), { onSuccess });
  return (
    <>
      <Section title="Feedback">
        {span.feedback.length === 0 && <p className={styles.none}>Nothing was said so far.</p>}
        <ul className={styles.list}>
          {span.feedback.map((feedback) => (
            <Said
              key={feedback.feedback_id}
              feedback={feedback}
              onRemove={() => mutate(removed(feedback.feedback_id))}
            />
          ))}
        </ul>
      </Section>
      <Section title="Add">
        <fieldset className={styles.add} disabled={isPending} aria-label="Add feedback">
          <Reactions add={add} />
          <NoteForm add={add} />
          <ScoreForm add={add} />
        </fieldset>
        {error && <ProblemNotice error={error} what="The feedback" done="changed" />}
      </Section>
    </>
  );
}

function Said({ feedback, onRemove }: { feedback: Feedback; onRemove: () => void }) {
  return (
    <li>
      <div className={styles.said}>
        <p className={feedback.kind === "reaction" ? styles.emoji : undefined}>
          {saidIn(feedback)}
        </p>
        {feedback.explanation && <p className={styles.reason}>{feedback.explanation}</p>}
        <p className={styles.by}>
          {feedback.creator && `${feedback.creator}, `}
          <time dateTime={feedback.created_time}>{formatTime(feedback.created_time)}</time>
        </p>
      </div>
      <IconButton label={`Delete: ${saidIn(feedback)}`} onClick={onRemove}>
        <CrossIcon />
      </IconButton>
    </li>
  );
}

function Reactions({ add }: { add: Add }) {
  return (
    <div role="group" aria-label="Reactions">
      {Object.entries(REACTIONS).map(([emoji, name]) => (
        <IconButton key={emoji} label={name} onClick={() => add({ kind: "reaction", emoji })}>
          {emoji}
        </IconButton>
      ))}
    </div>
  );
}

function NoteForm({ add }: { add: Add }) {
  const [text, setText] = useState("");
  const submit = () => add({ kind: "note", text: text.trim() }, () => setText(""));
  return (
    <Form onSubmit={submit} label="Add note" isReady={text.trim() !== ""}>
      <Field label="Note" value={text} onChange={setText} maxLength={16384} isWide />
    </Form>
  );
}

const NO_SCORE = { name: "", value: "", explanation: "" };

function ScoreForm({ add }: { add: Add }) {
  const [score, setScore] = useState(NO_SCORE);
  const { name, value, explanation } = score;
  const set = (change: Partial<typeof NO_SCORE>) => setScore({ ...score, ...change });
  const submit = () => add(scoreOf(name, value, explanation), () => setScore(NO_SCORE));
  return (
    <Form onSubmit={submit} label="Add score" isReady={name.trim() !== "" && value.trim() !== ""}>
      <Field label="Score" value={name} onChange={(name) => set({ name })} maxLength={256} />
      <Field
        label="Value"
        placeholder="0.5, true, good"
        value={value}
        onChange={(value) => set({ value })}
        maxLength={256}
      />
      <Field
        label="Explanation"
        value={explanation}
        onChange={(explanation) => set({ explanation })}
        maxLength={16384}
        isWide
      />
    </Form>
  );
}

interface FormProps {
  onSubmit: () => void;
  label: string;
  isReady: boolean;
  children: ReactNode;
}

function Form({ onSubmit, label, isReady, children }: FormProps) {
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (isReady) onSubmit();
  };
  return (
    <form className={styles.form} onSubmit={submit}>
      {children}
      <Button type="submit" disabled={!isReady}>
        {label}
      </Button>
    </form>
  );
}

interface FieldProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
  maxLength: number;
  placeholder?: string;
  isWide?: boolean;
}

function Field({ label, onChange, isWide, ...input }: FieldProps) {
  return (
    <label className={isWide ? styles.wide : undefined}>
      {label}
      <input
        className={fieldStyles.field}
        onChange={(event) => onChange(event.target.value)}
        {...input}
      />
    </label>
  );
}
