/** Requests to the query API; every failure is a Problem. */

import { askForToken, storedToken } from "./token";
import type { JsonObject, ProblemBody } from "./types";

/** What went wrong, as the server told it (RFC 9457) or as the browser did (status 0). */
export class Problem extends Error {
  readonly status: number;
  readonly title: string;
  readonly requestId: string | null;
  /** Where in the `where` expression the fault lies, in characters from 0. */
  readonly position: number | null;
  readonly length: number | null;

  constructor(status: number, body: ProblemBody) {
    const fields = body.errors?.map((error) => `${error.field}: ${error.message}`).join("; ");
    super(body.detail || fields || body.title || `The server answered ${status}.`);
    this.status = status;
    this.title = body.title || "The request failed";
    this.requestId = body.request_id ?? null;
    this.position = body.position ?? null;
    this.length = body.length ?? null;
  }
}

type Parameters = Record<string, string | number | null | undefined>;

/** `/api/v1/` and the segments, each encoded: a project's slash becomes %2F. */
export function apiPath(segments: string[], parameters: Parameters = {}): string {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(parameters)) {
    if (value !== null && value !== undefined && value !== "") query.set(key, String(value));
  }
  const path = `/api/v1/${segments.map(encodeURIComponent).join("/")}`;
  return query.size ? `${path}?${query}` : path;
}

/** Fetch JSON. Raises Problem; a 401 also opens the token prompt. */
export async function getJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await (await send(path, { signal })).json()) as T;
}

/** Fetch content as it is; an image or link cannot carry the token by itself. */
export async function getContent(path: string, signal?: AbortSignal): Promise<Blob> {
  return await (await send(path, { signal })).blob();
}

/** Change something; resolves once the server has it on disk. Raises like getJson. */
export async function change(
  method: "POST" | "PATCH" | "DELETE",
  path: string,
  body?: JsonObject,
): Promise<void> {
  await send(path, { method, body: body && JSON.stringify(body) });
}

async function send(path: string, request: RequestInit): Promise<Response> {
  const response = await answer(path, request);
  if (response.ok) return response;
  if (response.status === 401) askForToken();
  throw new Problem(response.status, await problemBody(response));
}

async function answer(path: string, request: RequestInit): Promise<Response> {
  const token = storedToken();
  const headers: Record<string, string> = { Accept: "application/json" };
  if (request.body) headers["Content-Type"] = "application/json";
  if (token) headers.Authorization = `Bearer ${token}`;
  try {
    return await fetch(path, { ...request, headers });
  } catch (error) {
    if (request.signal?.aborted) throw error;
    throw new Problem(0, {
      title: "The server cannot be reached",
      detail: "No answer from the server. Is it still running?",
    });
  }
}

async function problemBody(response: Response): Promise<ProblemBody> {
  const requestId = response.headers.get("x-request-id") ?? undefined;
  try {
    return { request_id: requestId, ...((await response.json()) as ProblemBody) };
  } catch {
    return { title: response.statusText, request_id: requestId };
  }
}
