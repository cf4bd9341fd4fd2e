/** A span's name, which can be changed in place. */

import { type FormEvent, useState } from "react";

import { renamed, useSpanChange } from "../../api/changes";
import type { Span } from "../../api/types";
import { Button, IconButton } from "../../components/Button";
import fieldStyles from "../../components/field.module.css";
import { PencilIcon } from "../../components/icons";
import { ProblemNotice } from "../../components/notices";
import styles from "./Feedback.module.css";

export function SpanTitle({ span }: { span: Span }) {
  // Another span is not being renamed when it is selected.
  return <Title key={span.span_id} span={span} />;
}

function Title({ span }: { span: Span }) {
  const [isEdited, setEdited] = useState(false);
  if (isEdited) return <RenameForm span={span} onDone={() => setEdited(false)} />;
  const own = span.display_name === span.name ? undefined : `Recorded as ${span.name}`;
  return (
    <>
      <h2 title={own}>{span.display_name || "(no name)"}</h2>
      <IconButton label="Rename" onClick={() => setEdited(true)}>
        <PencilIcon />
      </IconButton>
    </>
  );
}

function RenameForm({ span, onDone }: { span: Span; onDone: () => void }) {
  const [name, setName] = useState(span.display_name);
  const { mutate, isPending, error } = useSpanChange(span);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    mutate(renamed(name === span.name ? "" : name.trim()), { onSuccess: onDone });
  };
  return (
    <form className={styles.rename} onSubmit={submit}>
      <input
        className={fieldStyles.field}
        aria-label="Name to show; empty for its own"
        value={name}
        maxLength={1024}
        autoFocus
        onChange={(event) => setName(event.target.value)}
        onKeyDown={(event) => event.key === "Escape" && onDone()}
      />
      <Button type="submit" primary disabled={isPending}>
        Rename
      </Button>
      <Button onClick={onDone}>Cancel</Button>
      {error && <ProblemNotice error={error} what="The name" done="changed" />}
    </form>
  );
}
