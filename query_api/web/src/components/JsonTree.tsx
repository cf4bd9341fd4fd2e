/** Any JSON value: open to a depth of two, long texts and long lists cut, but never silently. */

import { type ReactNode, useState } from "react";

import type { Json, JsonObject } from "../api/types";
import { formatBytes, plural } from "../format";
import { BlobValue, blobOf } from "./BlobValue";
import { ChevronIcon } from "./icons";
import styles from "./JsonTree.module.css";

const OPEN_DEPTH = 2;
const LIST_PART = 100;
const TEXT_CUT = 2048;

export function JsonTree({ value }: { value: Json }) {
  return (
    <div className={styles.tree}>
      <Node value={value} depth={0} />
    </div>
  );
}

interface NodeProps {
  name?: string;
  value: Json;
  depth: number;
}

function Node({ name, value, depth }: NodeProps) {
  if (isBranch(value)) return <Branch name={name} value={value} depth={depth} />;
  return (
    <div className={depth ? styles.leaf : undefined}>
      <Key name={name} />
      <Leaf value={value} />
    </div>
  );
}

function Branch({ name, value, depth }: NodeProps & { value: Json[] | JsonObject }) {
  const [open, setOpen] = useState(depth < OPEN_DEPTH);
  const [limit, setLimit] = useState(LIST_PART);
  const entries = Object.entries(value);
  const list = Array.isArray(value);
  const blob = blobOf(value);
  return (
    <div>
      <button
        type="button"
        className={styles.toggle}
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      >
        <ChevronIcon />
        <span>
          <Key name={name} />
          <span className={styles.size}>
            {list ? `[${plural(entries.length, "item")}]` : `{${plural(entries.length, "key")}}`}
          </span>
        </span>
      </button>
      {open && (
        <div className={styles.children}>
          {blob && <BlobValue blob={blob} />}
          {entries.slice(0, limit).map(([key, child]) => (
            <Node key={key} name={key} value={child} depth={depth + 1} />
          ))}
          {entries.length > limit && (
            <More onClick={() => setLimit(limit + 10 * LIST_PART)}>
              show more ({plural(entries.length - limit, "entry", "entries")} left)
            </More>
          )}
        </div>
      )}
    </div>
  );
}

function Key({ name }: { name?: string }) {
  if (name === undefined) return null;
  return (
    <>
      <span className={styles.key}>{name}</span>
      {": "}
    </>
  );
}

function Leaf({ value }: { value: Json }) {
  if (typeof value === "string") return <LongText text={value} className={styles.string} />;
  if (typeof value === "number") return <span className={styles.number}>{String(value)}</span>;
  if (typeof value === "boolean") return <span className={styles.boolean}>{String(value)}</span>;
  const bytes = bytesOf(value);
  if (bytes !== null) return <span className={styles.size}>{formatBytes(bytes)} of binary</span>;
  return <span className={styles.null}>{Array.isArray(value) ? "[]" : value ? "{}" : "null"}</span>;
}

function isBranch(value: Json): value is Json[] | JsonObject {
  if (value === null || typeof value !== "object") return false;
  return Object.keys(value).length > 0 && bytesOf(value) === null;
}

/** The size of `{"$bytes": base64}`, which stands for bytes; null for anything else. */
function bytesOf(value: Json): number | null {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return null;
  const encoded = value.$bytes;
  if (typeof encoded !== "string" || Object.keys(value).length !== 1) return null;
  return Math.floor((encoded.replace(/=+$/, "").length * 3) / 4);
}

/** A text; past 2 kB only its beginning until the reader asks for all of it. */
export function LongText({ text, className }: { text: string; className?: string }) {
  const [all, setAll] = useState(false);
  if (all || text.length <= TEXT_CUT) {
    return <span className={className ?? styles.text}>{text}</span>;
  }
  const size = formatBytes(new Blob([text]).size);
  return (
    <>
      <span className={className ?? styles.text}>{text.slice(0, TEXT_CUT)}…</span>
      <More onClick={() => setAll(true)}>show all ({size})</More>
    </>
  );
}

function More({ children, onClick }: { children: ReactNode; onClick: () => void }) {
  return (
    <button type="button" className={styles.more} onClick={onClick}>
      {children}
    </button>
  );
}
