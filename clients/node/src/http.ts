// What Express, Hono and node:http requests have in common, and the body of a refusal: the envelope of both contracts, or RFC 9457.

import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { CrossfadeError } from "./errors.js";

const REQUEST_ID = /^[A-Za-z0-9._-]{1,64}$/;

/** The values of a header as they were sent, not joined: the caller sees that a header came twice. */
export function headerValues(request: IncomingMessage, name: string): string[] {
  const values: string[] = [];
  for (let index = 0; index + 1 < request.rawHeaders.length; index += 2) {
    if (request.rawHeaders[index]?.toLowerCase() === name) values.push(request.rawHeaders[index + 1] ?? "");
  }
  return values;
}

/** The path of a request target as sent, without the query. */
export function pathOf(target: string | undefined): string {
  const [path = ""] = (target ?? "").split("?", 1);
  return path;
}

/** The token of an `Authorization` header: one `Bearer`, one space, one token (RFC 6750 section 2.1). */
export function bearerToken(values: readonly string[]): string | undefined {
  if (values.length !== 1) return undefined;
  return /^Bearer ([\x21-\x2b\x2d-\x7e]+)$/i.exec(values[0] ?? "")?.[1];
}

/** The parts of a request that decide the body of a refusal. */
export interface Asked {
  readonly requestId: string | undefined;
  readonly accept: string | undefined;
  readonly path: string;
}

/** An answer that any framework can send. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A refusal as an answer; `undefined` for any other error. */
export function refusal(error: unknown, asked: Asked): Answer | undefined {
  if (!(error instanceof CrossfadeError)) return undefined;
  const { code, status, message } = error;
  const request_id = asked.requestId !== undefined && REQUEST_ID.test(asked.requestId) ? asked.requestId : randomUUID();
  const problem = (asked.accept ?? "")
    .split(",")
    .some((range) => range.split(";", 1)[0]?.trim().toLowerCase() === "application/problem+json");
  const body = problem
    ? { type: "about:blank", title: message, status, detail: message, instance: asked.path, code, request_id }
    : { success: false, message, error: { code, message }, request_id, timestamp: new Date().toISOString() };
  return {
    status,
    headers: {
      "content-type": problem ? "application/problem+json" : "application/json",
      "cache-control": "no-store",
      "x-request-id": request_id,
      ...(status === 401 ? { "www-authenticate": challenge(error) } : {}),
      ...(error.retryAfter === undefined ? {} : { "retry-after": String(error.retryAfter) }),
    },
    body: JSON.stringify(body),
  };
}

/** RFC 6750 section 3: without a credential a bare challenge; printable ASCII without quotes. */
function challenge(error: CrossfadeError): string {
  if (error.code === "TOKEN_MISSING") return "Bearer";
  const text = error.message.replace(/[^\x20-\x7e]|["\\]/g, "");
  return `Bearer error="invalid_token", error_description="${text}"`;
}

/** The parts of a node:http request that decide the answer. `target`: the target as sent, where a framework has changed it since. */
export function askedBy(request: IncomingMessage, target = request.url): Asked {
  const requestId = request.headers["x-request-id"];
  return {
    requestId: typeof requestId === "string" ? requestId : undefined,
    accept: request.headers.accept,
    path: pathOf(target),
  };
}

/** Sends `answer` on a node:http response. */
export function send(response: ServerResponse, answer: Answer): void {
  response.writeHead(answer.status, answer.headers);
  response.end(answer.body);
}
