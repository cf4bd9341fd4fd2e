/** Two panes side by side with a handle between them, moved by pointer or arrow keys. */

import { type KeyboardEvent, type PointerEvent, type ReactNode, useRef, useState } from "react";

import styles from "./Splitter.module.css";

const STEP_PERCENT = 2;
const MIN_PERCENT = 20;
const MAX_PERCENT = 80;

interface Props {
  /** Under which name the place of the handle is remembered. */
  name: string;
  label: string;
  firstPercent: number;
  first: ReactNode;
  second: ReactNode;
}

export function Splitter({ name, label, firstPercent, first, second }: Props) {
  const key = `spanloom.split.${name}`;
  const frame = useRef<HTMLDivElement>(null);
  const [percent, setPercent] = useState(() => Number(localStorage.getItem(key)) || firstPercent);
  const set = (value: number) => {
    const kept = Math.max(MIN_PERCENT, Math.min(MAX_PERCENT, Math.round(value * 10) / 10));
    setPercent(kept);
    localStorage.setItem(key, String(kept));
  };
  const onPointerMove = (event: PointerEvent<HTMLDivElement>) => {
    if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
    const box = frame.current!.getBoundingClientRect();
    set(((event.clientX - box.left) / box.width) * 100);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowLeft: -STEP_PERCENT, ArrowRight: STEP_PERCENT }[event.key];
    if (!step) return;
    event.preventDefault();
    set(percent + step);
  };
  return (
    <div
      ref={frame}
      className={styles.split}
      style={{ "--first": `${percent}%` } as React.CSSProperties}
    >
      <div className={styles.pane}>{first}</div>
      <div
        role="separator"
        aria-label={label}
        aria-orientation="vertical"
        aria-valuenow={Math.round(percent)}
        aria-valuemin={MIN_PERCENT}
        aria-valuemax={MAX_PERCENT}
        tabIndex={0}
        className={styles.handle}
        onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
        onPointerMove={onPointerMove}
        onDoubleClick={() => set(firstPercent)}
        onKeyDown={onKeyDown}
      />
      <div className={styles.pane}>{second}</div>
    </div>
  );
}
