/** The whole trace at a glance; drawing a stretch on it zooms the waterfall. */

import { type PointerEvent, useEffect, useRef, useState, useSyncExternalStore } from "react";

import type { SpanColumns } from "../../api/types";
import { Button } from "../../components/Button";
import { kindColour } from "../../components/marks";
import styles from "./Minimap.module.css";
import { type SpanTree, State } from "./tree";
import { shareOf, stretch, type Zoom } from "./zoom";

const MIN_SHARE = 0.004;
const EDGE_PX = 4;

interface Props {
  tree: SpanTree;
  columns: SpanColumns;
  zoom: Zoom;
  onZoom: (zoom: Zoom) => void;
}

export function Minimap({ tree, columns, zoom, onZoom }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const whole = { from: 0, to: tree.length };
  const brush = useBrush((first, second) => onZoom(stretch(whole, first, second)));
  const drawn = brush.drawn ? stretch(whole, ...brush.drawn) : zoom;
  const dark = useDarkScheme();
  const width = useWidth(canvas);
  useEffect(() => {
    if (canvas.current && width > 0) draw(canvas.current, width, tree, columns);
  }, [width, dark, tree, columns]);

  const from = shareOf(whole, drawn.from) * 100;
  const to = shareOf(whole, drawn.to) * 100;
  const isZoomed = drawn.from > 0 || drawn.to < tree.length;
  return (
    <div className={styles.map} {...brush.handlers} onDoubleClick={() => onZoom(whole)}>
      <canvas ref={canvas} role="img" aria-label="All spans over the time of the trace" />
      {isZoomed && (
        <>
          <span className={styles.shade} style={{ left: 0, width: `${from}%` }} />
          <span className={styles.shade} style={{ left: `${to}%`, right: 0 }} />
          <span className={styles.frame} style={{ left: `${from}%`, width: `${to - from}%` }} />
          <span className={styles.reset} onPointerDown={(event) => event.stopPropagation()}>
            <Button onClick={() => onZoom(whole)}>Reset zoom</Button>
          </span>
        </>
      )}
    </div>
  );
}

/** A stretch being drawn, as shares of the element's width; a mere click draws none. */
function useBrush(onDrawn: (first: number, second: number) => void) {
  const [drawn, setDrawn] = useState<[number, number] | null>(null);
  const share = (event: PointerEvent<HTMLDivElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    return (event.clientX - box.left) / box.width;
  };
  const handlers = {
    onPointerDown: (event: PointerEvent<HTMLDivElement>) => {
      event.currentTarget.setPointerCapture(event.pointerId);
      setDrawn([share(event), share(event)]);
    },
    onPointerMove: (event: PointerEvent<HTMLDivElement>) => {
      if (drawn) setDrawn([drawn[0], share(event)]);
    },
    onPointerUp: () => {
      if (drawn && Math.abs(drawn[1] - drawn[0]) > MIN_SHARE) onDrawn(...drawn);
      setDrawn(null);
    },
    onPointerCancel: () => setDrawn(null),
  };
  const isWide = drawn !== null && Math.abs(drawn[1] - drawn[0]) > MIN_SHARE;
  return { drawn: isWide ? drawn : null, handlers };
}

function draw(
  canvas: HTMLCanvasElement,
  width: number,
  tree: SpanTree,
  columns: SpanColumns,
): void {
  const ratio = window.devicePixelRatio;
  canvas.width = width * ratio;
  canvas.height = canvas.clientHeight * ratio;
  const height = canvas.clientHeight - 2 * EDGE_PX;
  const context = canvas.getContext("2d");
  if (!context) return;
  context.scale(ratio, ratio);
  const colours = new Map<string, string>();
  const thick = Math.max(1, Math.min(5, height / tree.count - 1));
  // With more spans than pixels only the first of those on one line would be seen apart anyway.
  const step = Math.max(1, Math.floor(tree.count / (height * 60)));
  for (let row = 0; row < tree.count; row += step) {
    const span = tree.span[row];
    if (span < 0) continue;
    const from = (tree.start[row] / tree.length) * width;
    const to = (tree.stop[row] / tree.length) * width;
    const failed = tree.state[row] === State.Error;
    context.fillStyle = resolved(failed ? "var(--err)" : kindColour(columns.kind[span]), colours);
    const top = EDGE_PX + (row / tree.count) * (height - thick);
    context.fillRect(from, top, Math.max(1, to - from), thick);
  }
}

/** A canvas knows no `var(…)`: look the colour up once a drawing. */
function resolved(colour: string, known: Map<string, string>): string {
  let value = known.get(colour);
  if (value === undefined) {
    const probe = document.createElement("span");
    probe.style.color = colour;
    document.body.append(probe);
    value = getComputedStyle(probe).color;
    probe.remove();
    known.set(colour, value);
  }
  return value;
}

function useWidth(element: React.RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(entry.contentRect.width));
    observer.observe(element.current!);
    return () => observer.disconnect();
  }, [element]);
  return width;
}

const systemDark = window.matchMedia("(prefers-color-scheme: dark)");

function useDarkScheme(): boolean {
  return useSyncExternalStore(
    (changed) => {
      const observer = new MutationObserver(changed);
      observer.observe(document.documentElement, { attributeFilter: ["data-theme"] });
      systemDark.addEventListener("change", changed);
      return () => {
        observer.disconnect();
        systemDark.removeEventListener("change", changed);
      };
    },
    () => (document.documentElement.dataset.theme ?? (systemDark.matches ? "dark" : "")) === "dark",
  );
}
