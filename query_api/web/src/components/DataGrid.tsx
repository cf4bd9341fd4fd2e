/** The one table of the page: virtual rows, keys by cell, sortable headers, more rows on scroll. */

import { defaultRangeExtractor, type Range, useVirtualizer } from "@tanstack/react-virtual";
import {
  type KeyboardEvent,
  type MouseEvent,
  type ReactNode,
  useCallback,
  useEffect,
  useId,
  useRef,
  useState,
} from "react";

import { formatInteger, plural } from "../format";
import { Button } from "./Button";
import styles from "./DataGrid.module.css";

const HEAD_PX = 32;
const EDGE_PX = 16;

export interface Column<Row> {
  id: string;
  header: string;
  /** The header in full, where it is shortened. */
  headerTitle?: string;
  /** Narrowest width in pixels; `grow` shares what is left. */
  width: number;
  grow?: number;
  align?: "end";
  /** The sort key of the API; the header becomes a button. */
  sortKey?: string;
  /** Text for the tooltip of a cell that may be cut. */
  title?: (row: Row) => string | undefined;
  cell: (row: Row) => ReactNode;
}

interface Props<Row> {
  label: string;
  /** What a row is, in the singular. */
  noun: string;
  columns: Column<Row>[];
  rows: Row[];
  rowKey: (row: Row) => string;
  rowHeight?: number;
  /** How many rows there are on the server, where that is known. */
  total?: number;
  hasMore?: boolean;
  loadingMore?: boolean;
  onMore?: () => void;
  /** "-start_time" is descending. */
  sort?: string;
  onSort?: (sort: string) => void;
  /** Key of the row that is open beside the grid. */
  selected?: string;
  onOpen?: (row: Row) => void;
  /** The rows are old ones; new ones are on their way. */
  dim?: boolean;
}

interface Place {
  row: number;
  column: number;
}

export function DataGrid<Row>(props: Props<Row>) {
  const { columns, rows, rowKey, rowHeight = 36, onOpen } = props;
  const id = useId();
  const scroller = useRef<HTMLDivElement>(null);
  const [active, setActive] = useState<Place>({ row: 0, column: 0 });
  const virtual = useRows(scroller, rows.length, rowHeight, active.row);
  useMoreOnScroll(props, virtual.range?.endIndex ?? 0);

  const move = (place: Place) => {
    const row = clamp(place.row, rows.length);
    setActive({ row, column: clamp(place.column, columns.length) });
    virtual.scrollToIndex(row);
  };
  const opened =
    props.selected === undefined ? -1 : rows.findIndex((row) => rowKey(row) === props.selected);
  useEffect(() => {
    if (opened < 0) return;
    setActive((place) => ({ ...place, row: opened }));
    virtual.scrollToIndex(opened);
  }, [opened, virtual]);

  const onKeyDown = (event: KeyboardEvent<HTMLDivElement>) => {
    if (event.target !== event.currentTarget) return;
    if (event.key === "Enter" && rows[active.row]) return onOpen?.(rows[active.row]);
    const page = Math.floor((scroller.current!.clientHeight - HEAD_PX) / rowHeight);
    const place = placeAfterKey(event, active, page);
    if (!place) return;
    event.preventDefault();
    move(place);
  };
  const template = columns.map(track).join(" ");
  const minWidth = columns.reduce((sum, column) => sum + column.width, EDGE_PX);
  const rowCount =
    props.hasMore && props.total === undefined ? -1 : (props.total ?? rows.length) + 1;

  const grid = (
    <div
      ref={scroller}
      role="grid"
      aria-label={props.label}
      aria-rowcount={rowCount}
      aria-colcount={columns.length}
      aria-activedescendant={rows.length ? `${id}-${active.row}-${active.column}` : undefined}
      aria-busy={props.dim}
      tabIndex={0}
      className={props.dim ? `${styles.grid} ${styles.dim}` : styles.grid}
      onKeyDown={onKeyDown}
    >
      <Head {...props} template={template} minWidth={minWidth} />
      <div
        role="rowgroup"
        className={styles.body}
        style={{ height: virtual.getTotalSize(), minWidth }}
      >
        {virtual.getVirtualItems().map((item) => {
          const row = rows[item.index];
          const key = rowKey(row);
          return (
            <div
              key={key}
              role="row"
              aria-rowindex={item.index + 2}
              aria-selected={props.selected === undefined ? undefined : props.selected === key}
              className={onOpen ? `${styles.row} ${styles.openable}` : styles.row}
              style={{
                gridTemplateColumns: template,
                height: rowHeight,
                transform: `translateY(${item.start}px)`,
              }}
              onClick={(event) => {
                setActive((place) => ({ ...place, row: item.index }));
                if (isPlainClick(event)) onOpen?.(row);
              }}
            >
              {columns.map((column, index) => (
                <div
                  key={column.id}
                  id={`${id}-${item.index}-${index}`}
                  role="gridcell"
                  aria-colindex={index + 1}
                  title={column.title?.(row)}
                  className={cellClass(
                    column,
                    active.row === item.index && active.column === index,
                  )}
                >
                  {column.cell(row)}
                </div>
              ))}
            </div>
          );
        })}
      </div>
    </div>
  );
  return (
    <div className={styles.frame}>
      {grid}
      <Foot {...props} />
    </div>
  );
}

/** Outside the grid, whose children may be rows only. */
function Foot<Row>({ rows, total, noun, hasMore, loadingMore, onMore }: Props<Row>) {
  const shown = plural(rows.length, noun);
  const known = total ?? (hasMore ? undefined : rows.length);
  return (
    <div className={styles.foot}>
      <span role="status">
        {known === undefined || known === rows.length
          ? `${shown}${hasMore ? " loaded" : ""}`
          : `${shown} of ${formatInteger(known)} loaded`}
      </span>
      {hasMore && (
        <Button disabled={loadingMore} onClick={onMore}>
          {loadingMore ? "Loading more…" : "Load more"}
        </Button>
      )}
    </div>
  );
}

interface HeadProps<Row> extends Props<Row> {
  template: string;
  minWidth: number;
}

function Head<Row>({ columns, sort, onSort, template, minWidth }: HeadProps<Row>) {
  return (
    <div role="rowgroup" className={styles.head} style={{ minWidth }}>
      <div
        role="row"
        aria-rowindex={1}
        className={styles.headRow}
        style={{ gridTemplateColumns: template }}
      >
        {columns.map((column, index) => (
          <div
            key={column.id}
            role="columnheader"
            aria-colindex={index + 1}
            aria-sort={ariaSort(column.sortKey, sort)}
            className={cellClass(column, false)}
            title={column.headerTitle ?? column.header}
          >
            {column.sortKey && onSort ? (
              <button
                type="button"
                className={styles.sort}
                onClick={() => onSort(toggledSort(column.sortKey!, sort))}
              >
                {column.header}
                <SortArrow sortKey={column.sortKey!} sort={sort} />
              </button>
            ) : (
              column.header
            )}
          </div>
        ))}
      </div>
    </div>
  );
}

function useRows(
  scroller: React.RefObject<HTMLDivElement | null>,
  count: number,
  height: number,
  active: number,
) {
  // The active row stays in the document, since aria-activedescendant points at it.
  const rangeExtractor = useCallback(
    (range: Range) => {
      const shown = defaultRangeExtractor(range);
      if (active >= count || shown.includes(active)) return shown;
      return [...shown, active].sort((a, b) => a - b);
    },
    [active, count],
  );
  return useVirtualizer({
    count,
    getScrollElement: () => scroller.current,
    estimateSize: () => height,
    overscan: 8,
    rangeExtractor,
    scrollPaddingEnd: HEAD_PX,
  });
}

function useMoreOnScroll<Row>(props: Props<Row>, lastShown: number) {
  const { rows, hasMore, loadingMore, onMore } = props;
  const near = rows.length > 0 && lastShown >= rows.length - 10;
  useEffect(() => {
    if (near && hasMore && !loadingMore) onMore?.();
  }, [near, hasMore, loadingMore, onMore]);
}

function placeAfterKey(event: KeyboardEvent, at: Place, page: number): Place | null {
  if (event.altKey || event.metaKey) return null;
  const { row, column } = at;
  switch (event.key) {
    case "ArrowDown":
    case "j":
      return { row: row + 1, column };
    case "ArrowUp":
    case "k":
      return { row: row - 1, column };
    case "ArrowRight":
      return { row, column: column + 1 };
    case "ArrowLeft":
      return { row, column: column - 1 };
    case "PageDown":
      return { row: row + page, column };
    case "PageUp":
      return { row: row - page, column };
    case "Home":
      return event.ctrlKey ? { row: 0, column: 0 } : { row, column: 0 };
    case "End":
      return event.ctrlKey ? { row: Infinity, column: Infinity } : { row, column: Infinity };
    default:
      return null;
  }
}

function clamp(place: number, count: number): number {
  return Math.max(0, Math.min(place, count - 1));
}

function track<Row>(column: Column<Row>): string {
  return column.grow ? `minmax(${column.width}px, ${column.grow}fr)` : `${column.width}px`;
}

function cellClass<Row>(column: Column<Row>, active: boolean): string {
  return [styles.cell, column.align && styles.end, active && styles.active]
    .filter(Boolean)
    .join(" ");
}

function ariaSort(key?: string, sort?: string): "ascending" | "descending" | undefined {
  if (!key) return undefined;
  if (sort === key) return "ascending";
  return sort === `-${key}` ? "descending" : undefined;
}

function SortArrow({ sortKey, sort }: { sortKey: string; sort?: string }) {
  if (sort !== sortKey && sort !== `-${sortKey}`) return null;
  return <span aria-hidden="true">{sort === sortKey ? "▲" : "▼"}</span>;
}

/** The first click shows the newest, longest or first by name; the second turns it round. */
function toggledSort(key: string, sort?: string): string {
  if (sort === `-${key}`) return key;
  if (sort === key) return `-${key}`;
  return key === "name" ? key : `-${key}`;
}

/** Links and buttons in a row keep their own click, and selecting text opens nothing. */
function isPlainClick(event: MouseEvent): boolean {
  const target = event.target as Element;
  return !target.closest("a, button") && !window.getSelection()?.toString();
}
