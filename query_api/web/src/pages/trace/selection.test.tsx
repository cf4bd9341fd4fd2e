import { act, cleanup, renderHook } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { useRestingParameter } from "./selection";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

function setUp(inUrl?: string) {
  const written: (string | undefined)[] = [];
  const hook = renderHook(({ url }) => useRestingParameter(url, (value) => written.push(value)), {
    initialProps: { url: inUrl },
  });
  const set = (value: string) => act(() => hook.result.current[1](value));
  return { ...hook, written, set, value: () => hook.result.current[0] };
}

test("only the value that stays is written to the URL", () => {
  const { set, written, value } = setUp();
  set("a");
  set("b");
  expect(value()).toBe("b");
  expect(written).toEqual([]);

  act(() => vi.advanceTimersByTime(200));
  expect(written).toEqual(["b"]);
});

test("a URL changed by others wins and is not written again", () => {
  const { rerender, written, value } = setUp("a");
  rerender({ url: "c" });
  act(() => vi.advanceTimersByTime(200));

  expect(value()).toBe("c");
  expect(written).toEqual([]);
});
