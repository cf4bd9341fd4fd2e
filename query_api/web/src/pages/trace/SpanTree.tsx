/** The spans as a virtual tree with a waterfall: role=tree, driven by keys. */

import { defaultRangeExtractor, type Range, useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, useCallback, useEffect, useId, useRef } from "react";

import type { SpanColumns } from "../../api/types";
import { formatDuration } from "../../format";
import { SpanRow } from "./SpanRow";
import styles from "./SpanTree.module.css";
import { hasChildren, shownIndex, type SpanTree as Tree } from "./tree";
import type { Zoom } from "./zoom";

export const ROW_PX = 28;

export interface TreeCommands {
  select: (row: number) => void;
  toggle: (row: number) => void;
  expandAll: () => void;
  collapseAll: () => void;
  findError: (step: 1 | -1) => void;
  findMatch: (step: 1 | -1) => void;
  zoomTo: (row: number) => void;
  copyLink: () => void;
  openDetail: () => void;
}

interface Props {
  tree: Tree;
  columns: SpanColumns;
  /** Rows that are not hidden by a collapsed one, in order. */
  shown: Int32Array;
  collapsed: ReadonlySet<string>;
  selected: number;
  query: string;
  zoom: Zoom;
  commands: TreeCommands;
}

export function SpanTree({
  tree,
  columns,
  shown,
  collapsed,
  selected,
  query,
  zoom,
  commands,
}: Props) {
  const id = useId();
  const scroller = useRef<HTMLDivElement>(null);
  const at = shownIndex(shown, selected);
  const virtual = useShownRows(scroller, shown.length, at);

  // Not when rows arrive: a running trace must not pull the reader back to the selected row.
  const drawn = useRef(false);
  const selectedId = tree.id[selected];
  useEffect(() => {
    virtual.scrollToIndex(at, { align: drawn.current ? "auto" : "center" });
    drawn.current = true;
  }, [selectedId, collapsed]);

  const onKeyDown = (event: KeyboardEvent<HTMLDivElement>) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(scroller.current!.clientHeight / ROW_PX) - 1);
    const act = actionOf(event.key, { tree, shown, collapsed, selected, at, page, commands });
    if (!act) return;
    event.preventDefault();
    act();
  };

  return (
    <div className={styles.frame}>
      <div className={styles.head} aria-hidden="true">
        <span>Span</span>
        <span className={styles.figure}>Tokens</span>
        <span className={styles.figure}>Duration</span>
        <Axis zoom={zoom} />
      </div>
      <div
        ref={scroller}
        role="tree"
        aria-label="Spans"
        tabIndex={0}
        aria-activedescendant={`${id}-${tree.id[shown[at]]}`}
        className={styles.scroll}
        onKeyDown={onKeyDown}
      >
        <div className={styles.body} style={{ height: virtual.getTotalSize() }} role="presentation">
          {virtual.getVirtualItems().map((item) => {
            const row = shown[item.index];
            return (
              <SpanRow
                key={tree.id[row]}
                id={`${id}-${tree.id[row]}`}
                tree={tree}
                columns={columns}
                row={row}
                top={item.start}
                open={hasChildren(tree, row) ? !collapsed.has(tree.id[row]) : undefined}
                selected={row === selected}
                query={query}
                zoom={zoom}
                onSelect={commands.select}
                onToggle={commands.toggle}
              />
            );
          })}
        </div>
      </div>
    </div>
  );
}

function useShownRows(
  scroller: React.RefObject<HTMLDivElement | null>,
  count: number,
  active: number,
) {
  // The active row stays in the document, since aria-activedescendant points at it.
  const rangeExtractor = useCallback(
    (range: Range) => {
      const rows = defaultRangeExtractor(range);
      return active >= count || rows.includes(active)
        ? rows
        : [...rows, active].sort((a, b) => a - b);
    },
    [active, count],
  );
  return useVirtualizer({
    count,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    overscan: 10,
    rangeExtractor,
  });
}

interface KeyContext {
  tree: Tree;
  shown: Int32Array;
  collapsed: ReadonlySet<string>;
  selected: number;
  at: number;
  page: number;
  commands: TreeCommands;
}

function actionOf(key: string, context: KeyContext): (() => void) | undefined {
  const { tree, shown, collapsed, selected, at, page, commands } = context;
  const go = (index: number) => () =>
    commands.select(shown[Math.max(0, Math.min(index, shown.length - 1))]);
  const isOpen = hasChildren(tree, selected) && !collapsed.has(tree.id[selected]);
  const actions: Record<string, () => void> = {
    ArrowDown: go(at + 1),
    ArrowUp: go(at - 1),
    PageDown: go(at + page),
    PageUp: go(at - page),
    Home: go(0),
    End: go(shown.length - 1),
    ArrowRight: () => {
      if (isOpen) commands.select(selected + 1);
      else if (hasChildren(tree, selected)) commands.toggle(selected);
    },
    ArrowLeft: () => {
      if (isOpen) commands.toggle(selected);
      else if (tree.parent[selected] >= 0) commands.select(tree.parent[selected]);
    },
    Enter: commands.openDetail,
    "[": commands.collapseAll,
    "]": commands.expandAll,
    n: () => commands.findMatch(1),
    N: () => commands.findMatch(-1),
    e: () => commands.findError(1),
    E: () => commands.findError(-1),
    z: () => commands.zoomTo(selected),
    y: commands.copyLink,
  };
  return actions[key];
}

/** Marks of the shown stretch of time: its quarters, less the one beside the end. */
function Axis({ zoom }: { zoom: Zoom }) {
  const length = zoom.to - zoom.from;
  return (
    <span className={styles.axis}>
      {[0, 0.25, 0.5].map((share) => (
        <span key={share} style={{ left: `${share * 100}%` }}>
          {share === 0 && zoom.from === 0
            ? "0"
            : formatDuration((zoom.from + share * length) / 1000)}
        </span>
      ))}
      <span style={{ right: 0 }}>{formatDuration(zoom.to / 1000)}</span>
    </span>
  );
}
