/** Numbers, durations, times and sizes as people read them. */

const NOTHING = "–";

const integers = new Intl.NumberFormat("en-GB");
const clock = new Intl.DateTimeFormat("en-GB", {
  day: "2-digit",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});
const clockWithYear = new Intl.DateTimeFormat("en-GB", {
  dateStyle: "medium",
  timeStyle: "medium",
});

/** 1234567 -> "1,234,567". */
export function formatInteger(value: number | null | undefined): string {
  return value === null || value === undefined ? NOTHING : integers.format(value);
}

/** 12345 -> "12.3k": at most four signs of number, for narrow columns. */
export function formatCompact(value: number | null | undefined): string {
  if (value === null || value === undefined) return NOTHING;
  if (Math.abs(value) < 1000) return String(value);
  const [scaled, suffix] =
    Math.abs(value) < 999_950 ? [value / 1000, "k"] : [value / 1_000_000, "M"];
  return `${scaled.toFixed(Math.abs(scaled) < 99.95 ? 1 : 0)}${suffix}`;
}

/** 0.8333333 -> "0.833"; keeps integers whole and small values visible. */
export function formatScore(value: number | null | undefined): string {
  if (value === null || value === undefined) return NOTHING;
  if (Number.isInteger(value)) return integers.format(value);
  if (Math.abs(value) < 0.001) return value.toExponential(1);
  if (Math.abs(value) >= 1000) return integers.format(Math.round(value));
  return String(Number(value.toPrecision(3)));
}

/** 0.8333 -> "83.3%"; whole percents lose the decimal. */
export function formatFraction(value: number | null | undefined): string {
  if (value === null || value === undefined) return NOTHING;
  return `${Number((value * 100).toFixed(1))}%`;
}

/** Milliseconds -> "420 µs", "3.21 ms", "12.4 s", "3 m 05 s", "2 h 07 m". */
export function formatDuration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || Number.isNaN(ms)) return NOTHING;
  if (ms === 0) return "0 ms";
  if (ms < 0.9995) return `${Math.max(1, Math.round(ms * 1000))} µs`;
  if (ms < 999.5) return `${threeDigits(ms)} ms`;
  if (ms < 59_950) return `${threeDigits(ms / 1000)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m ${twoDigits(seconds % 60)} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${twoDigits(minutes % 60)} m`;
}

function threeDigits(value: number): string {
  if (value >= 99.95) return value.toFixed(0);
  return value >= 9.995 ? value.toFixed(1) : value.toFixed(2);
}

function twoDigits(value: number): string {
  return String(value).padStart(2, "0");
}

/** Bytes -> "812 B", "2.0 kB", "1.4 MB". */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 999_950) return `${(bytes / 1000).toFixed(1)} kB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}

/** An RFC 3339 time in the reader's own zone; the year only where it is not this one. */
export function formatTime(time: string | null | undefined, now = new Date()): string {
  if (!time) return NOTHING;
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return time;
  return (date.getFullYear() === now.getFullYear() ? clock : clockWithYear).format(date);
}

/** How long ago: "just now", "12 s ago", "3 m ago", "5 h ago", "2 d ago", then the date. */
export function formatAgo(time: string | null | undefined, now = Date.now()): string {
  if (!time) return NOTHING;
  const seconds = Math.floor((now - new Date(time).getTime()) / 1000);
  if (Number.isNaN(seconds)) return time;
  if (seconds < 5) return "just now";
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  if (seconds < 7 * 86_400) return `${Math.floor(seconds / 86_400)} d ago`;
  return formatTime(time, new Date(now));
}

/** "1 span", "2 spans". */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${integers.format(count)} ${count === 1 ? one : many}`;
}
