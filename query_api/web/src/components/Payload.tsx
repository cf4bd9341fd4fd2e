/** An input or output: as a chat where it is one, as text, or as a JSON tree. */

import { type ReactNode, useMemo, useState } from "react";

import type { Json } from "../api/types";
import { CopyButton } from "./Button";
import { JsonTree, LongText } from "./JsonTree";
import { type Chat, type ChatMessage, recogniseChat } from "./messages";
import styles from "./Payload.module.css";

export function Payload({ title, value }: { title: string; value: Json }) {
  const chat = useMemo(() => recogniseChat(value), [value]);
  const [asJson, setAsJson] = useState(false);
  return (
    <Section
      title={title}
      actions={
        <>
          {chat && (
            <>
              <Choice chosen={!asJson} onChoose={() => setAsJson(false)} text="Chat" />
              <Choice chosen={asJson} onChoose={() => setAsJson(true)} text="JSON" />
            </>
          )}
          {value !== null && <CopyButton text={() => asText(value)} label={`Copy ${title}`} />}
        </>
      }
    >
      {chat && !asJson ? <ChatView chat={chat} /> : <PlainValue value={value} />}
    </Section>
  );
}

interface SectionProps {
  title: string;
  actions?: ReactNode;
  children: ReactNode;
}

export function Section({ title, actions, children }: SectionProps) {
  return (
    <section className={styles.section} aria-label={title}>
      <div className={styles.head}>
        <h3>{title}</h3>
        {actions}
      </div>
      <div className={styles.body}>{children}</div>
    </section>
  );
}

interface ChoiceProps {
  chosen: boolean;
  onChoose: () => void;
  text: string;
}

function Choice({ chosen, onChoose, text }: ChoiceProps) {
  return (
    <button type="button" className={styles.choice} aria-pressed={chosen} onClick={onChoose}>
      {text}
    </button>
  );
}

function PlainValue({ value }: { value: Json }) {
  if (value === null) return <span className={styles.none}>None recorded</span>;
  if (typeof value !== "string") return <JsonTree value={value} />;
  return <LongText text={value} className={styles.plain} />;
}

/** What copying gives: text as it is, anything else as indented JSON. */
export function asText(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

const ROLE_COLOURS: Record<string, string> = {
  assistant: "var(--violet)",
  model: "var(--violet)",
  user: "var(--accent)",
  tool: "var(--ok)",
  function: "var(--ok)",
};

function ChatView({ chat }: { chat: Chat }) {
  return (
    <>
      {chat.messages.map((message, index) => (
        <Message key={index} message={message} />
      ))}
      {Object.keys(chat.rest).length > 0 && (
        <div className={styles.rest}>
          <JsonTree value={chat.rest} />
        </div>
      )}
    </>
  );
}

function Message({ message }: { message: ChatMessage }) {
  const colour = ROLE_COLOURS[message.role];
  return (
    <div
      className={styles.message}
      style={colour ? ({ "--role": colour } as React.CSSProperties) : undefined}
    >
      <p className={styles.role}>{message.role}</p>
      {message.text && <LongText text={message.text} className={styles.plain} />}
      {message.toolCalls.map((call, index) => (
        <div key={index} className={styles.call}>
          <p>
            calls <code>{call.name}</code>
          </p>
          <JsonTree value={call.arguments} />
        </div>
      ))}
      {message.others.map((part, index) => (
        <JsonTree key={index} value={part} />
      ))}
    </div>
  );
}
