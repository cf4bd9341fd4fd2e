import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";

import type { Json } from "../api/types";
import { blobOf } from "./BlobValue";
import { JsonTree } from "./JsonTree";

afterEach(cleanup);

test("values are open to a depth of two and closed below", () => {
  render(<JsonTree value={{ one: { two: { three: "deep" } } }} />);
  expect(screen.queryByText("deep")).toBeNull();

  fireEvent.click(screen.getByRole("button", { expanded: false }));
  expect(screen.getByText("deep")).toBeTruthy();
});

test("a long text is cut, says how long it is, and can be shown whole", () => {
  const text = "é".repeat(3000);
  render(<JsonTree value={text} />);
  expect(screen.queryByText(text)).toBeNull();

  fireEvent.click(screen.getByRole("button", { name: "show all (6.0 kB)" }));
  expect(screen.getByText(text)).toBeTruthy();
});

test("a long list shows a part and says how much is left", () => {
  render(<JsonTree value={Array.from({ length: 130 }, (_, at) => `item ${at}`)} />);
  expect(screen.queryByText("item 129")).toBeNull();

  fireEvent.click(screen.getByRole("button", { name: "show more (30 entries left)" }));
  expect(screen.getByText("item 129")).toBeTruthy();
});

test("bytes are told by their size, not shown as text", () => {
  render(<JsonTree value={{ blob: { $bytes: "AAECAwQ=" } }} />);
  expect(screen.getByText("5 B of binary")).toBeTruthy();
});

test("only what refers to content is taken for a reference to content", () => {
  const digest = `sha256:${"0".repeat(64)}`;

  expect(blobOf({ _type: "blob", digest, media_type: "image/png", size_bytes: 9 })).toEqual({
    digest,
    mediaType: "image/png",
    sizeBytes: 9,
  });
  expect(blobOf({ _type: "blob", digest: null, dropped: "too much" })?.digest).toBeNull();
  const others: Json[] = [null, "blob", [], { digest }, { _type: "blob" }];
  expect(others.map(blobOf)).toEqual(Array(5).fill(null));
});
