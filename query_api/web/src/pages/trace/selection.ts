/** State that is also in the query string, written there when it has come to rest. */

import { useEffect, useRef, useState } from "react";

const REST_MS = 150;

/**
 * Keeps `value` at hand while `write` puts it into the URL a moment later: keys held down in the
 * tree must not make a navigation each. A URL changed by others (back, a link) wins.
 */
export function useRestingParameter(
  inUrl: string | undefined,
  write: (value: string | undefined) => void,
): [string | undefined, (value: string | undefined) => void] {
  const [value, setValue] = useState(inUrl);
  const known = useRef(inUrl);
  useEffect(() => {
    if (inUrl === known.current) return;
    known.current = inUrl;
    setValue(inUrl);
  }, [inUrl]);
  useEffect(() => {
    if (value === known.current) return;
    const timer = setTimeout(() => {
      known.current = value;
      write(value);
    }, REST_MS);
    return () => clearTimeout(timer);
  });
  return [value, setValue];
}
