// The same proof for Express, Hono and node:http. Structural types: none of the frameworks is a dependency.

import type { IncomingMessage, ServerResponse } from "node:http";
import { ASSERTION_HEADER } from "./assertion.js";
import { askedBy, headerValues, pathOf, refusal, send } from "./http.js";
import type { Caller, Incoming, Proof } from "./proof.js";
import type { User } from "./user.js";

/** What Express requests carry afterwards. */
export interface ExpressRequest extends IncomingMessage {
  /** The path before a router removed the prefix under which it is mounted. */
  readonly originalUrl?: string;
  user?: User | undefined;
  token?: string | undefined;
  crossfade?: Caller;
}

/** Express middleware: sets `req.user`, `req.token` and `req.crossfade`, or answers the refusal itself. */
export type ExpressMiddleware = (request: ExpressRequest, response: ServerResponse, next: (error?: unknown) => void) => void;

/** The part of a Hono context that is used. */
export interface HonoContext {
  readonly req: { readonly raw: Request };
  set(name: string, value: unknown): void;
}

/** Hono middleware: sets `user` and `crossfade` of the context, or answers the refusal itself. */
export type HonoMiddleware = (context: HonoContext, next: () => Promise<void>) => Promise<Response | void>;

/** Finds who calls a node:http request; throws a `CrossfadeError` that `answer` sends. */
export type HttpProof = (request: IncomingMessage) => Promise<Caller>;

/** The adapters of one proof. */
export interface Guard {
  express(): ExpressMiddleware;
  hono(): HonoMiddleware;
  http(): HttpProof;
}

/** Builds the adapters. */
export function guard(proof: Proof): Guard {
  return {
    express: () => (request, response, next) => {
      // Express 4 does not catch a promise's rejection, and the rejection must not become an unhandled one.
      prove(proof, request, request.originalUrl).then(
        (caller) => {
          request.crossfade = caller;
          request.user = caller.user;
          if (caller.token !== undefined) request.token = caller.token;
          next();
        },
        (error: unknown) => {
          const refused = refusal(error, askedBy(request, request.originalUrl));
          if (refused === undefined) next(error);
          else send(response, refused);
        },
      );
    },
    hono: () => async (context, next) => {
      const { raw } = context.req;
      const { pathname } = new URL(raw.url);
      try {
        const caller = await proof({ method: raw.method, path: pathname, header: (name) => webHeader(raw, name) });
        context.set("crossfade", caller);
        context.set("user", caller.user);
      } catch (error) {
        const refused = refusal(error, {
          requestId: raw.headers.get("x-request-id") ?? undefined,
          accept: raw.headers.get("accept") ?? undefined,
          path: pathname,
        });
        if (refused === undefined) throw error;
        return new Response(refused.body, { status: refused.status, headers: refused.headers });
      }
      return next();
    },
    http: () => (request) => prove(proof, request),
  };
}

/** Answers a refusal on a node:http response. `false`: the error is not a refusal, and nothing was sent. */
export function answer(request: IncomingMessage, response: ServerResponse, error: unknown): boolean {
  const refused = refusal(error, askedBy(request));
  if (refused === undefined) return false;
  send(response, refused);
  return true;
}

async function prove(proof: Proof, request: IncomingMessage, target = request.url): Promise<Caller> {
  const incoming: Incoming = {
    method: request.method ?? "",
    path: pathOf(target),
    header: (name) => headerValues(request, name),
  };
  return proof(incoming);
}

/** Fetch joins repeated headers with commas. Neither an assertion nor a bearer token contains a comma: a joined value is malformed. */
function webHeader(request: Request, name: string): string[] {
  const value = request.headers.get(name);
  return value === null ? [] : [name === ASSERTION_HEADER ? value : value.trim()];
}
