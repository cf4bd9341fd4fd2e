/** The stretch of a trace's time that the waterfall shows, in microseconds from its start. */

export interface Zoom {
  from: number;
  to: number;
}

/** Where a moment lies in the stretch: 0 at its beginning, 1 at its end. */
export function shareOf(zoom: Zoom, at_us: number): number {
  const length = zoom.to - zoom.from;
  return length > 0 ? (at_us - zoom.from) / length : 0;
}

/** The stretch between two shares of another one, whichever way it was drawn. */
export function stretch(whole: Zoom, first: number, second: number): Zoom {
  const length = whole.to - whole.from;
  const at = (share: number) => whole.from + Math.max(0, Math.min(1, share)) * length;
  return { from: at(Math.min(first, second)), to: at(Math.max(first, second)) };
}

/** A span's stretch with a little room around it, inside the trace. */
export function around(start: number, stop: number, length: number): Zoom {
  const room = Math.max((stop - start) * 0.05, 0.5);
  return { from: Math.max(0, start - room), to: Math.min(length, stop + room) };
}
