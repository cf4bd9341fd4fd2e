/** The access token of this browser, and whether the server has asked for one. */

import { useSyncExternalStore } from "react";

const KEY = "spanloom.token";
const listeners = new Set<() => void>();
let asked = false;

export function storedToken(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

/** Keep a token that the reader typed; the next requests carry it. */
export function storeToken(token: string): void {
  localStorage.setItem(KEY, token);
  setAsked(false);
}

/** The server answered 401: show the prompt. */
export function askForToken(): void {
  setAsked(true);
}

export function useTokenAsked(): boolean {
  return useSyncExternalStore(subscribe, () => asked);
}

function setAsked(value: boolean): void {
  asked = value;
  listeners.forEach((listener) => listener());
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
