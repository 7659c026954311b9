// `authenticate`: finds the user behind a token. For services that callers reach directly, or that need the current balance.

import { type Guard, guard } from "./adapters.js";
import { VerdictCache } from "./cache.js";
import { ConfigurationError, CrossfadeError, MissingError } from "./errors.js";
import { bearerToken } from "./http.js";
import type { Access, Caller, Incoming } from "./proof.js";
import { RefusedTokens } from "./refused.js";
import { judge, type Service } from "./verdicts.js";
import type { User } from "./user.js";

/** Options of `authenticate`. */
export interface AuthenticateOptions extends Access {
  /** The edge or the origin, which serve `/v1/auth/verify-token`. An unset variable (`undefined`) is refused at once. */
  readonly url: string | undefined;
  /** This service's key, sent as `X-Service-Key`; it exempts the calls from the rate limit. */
  readonly serviceKey?: string | undefined;
  /**
   * The older auth service. It is asked only when `url` cannot be reached, is late or answers 5xx, and only about tokens that it made
   * itself; never after a refusal. It knows nothing of revocations at `url`: a token that was revoked there while this process did not
   * ask about it is let in until `url` is back.
   */
  readonly fallback?: { readonly url: string | undefined; readonly serviceKey?: string | undefined } | undefined;
  /** The time limit of each call, in milliseconds; 5000 by default, 100-30000. */
  readonly timeoutMs?: number;
  /** How long a good token is remembered, 0-30 seconds; 0 by default. A revocation or a new balance may go unseen for as long. */
  readonly cacheSeconds?: number;
}

/** Adapters, and the call itself. */
export interface Authenticator extends Guard {
  /** The user behind `token`. @throws CrossfadeError */
  verifyToken(token: string): Promise<User>;
}

/** The longest token that is sent to a service, in bytes; no service accepts a longer one. */
const MAX_TOKEN_BYTES = 8 * 1024;

/**
 * Asks `verify-token` about each request's bearer token.
 *
 * @throws ConfigurationError when the options are wrong.
 */
export function authenticate(options: AuthenticateOptions): Authenticator {
  const timeoutMs = whole("timeoutMs", options.timeoutMs ?? 5_000, 100, 30_000);
  const cacheSeconds = whole("cacheSeconds", options.cacheSeconds ?? 0, 0, 30);
  const primary = service("url", options.url, options.serviceKey, timeoutMs);
  const fallback = options.fallback && service("fallback.url", options.fallback.url, options.fallback.serviceKey, timeoutMs);
  const now = () => Date.now() / 1000;
  const cache = cacheSeconds > 0 ? new VerdictCache(cacheSeconds, now) : undefined;
  const refused = new RefusedTokens(now);

  const verifyToken = async (token: string): Promise<User> => {
    if (token === "" || Buffer.byteLength(token) > MAX_TOKEN_BYTES) {
      throw new CrossfadeError("TOKEN_MALFORMED", 401, "The token is malformed");
    }
    const remembered = cache?.get(token);
    if (remembered !== undefined) return remembered.user;
    const verdict = await judge(token, primary, fallback, refused);
    if (!verdict.user.is_active) throw new CrossfadeError("USER_DISABLED", 403, "The account is disabled");
    cache?.put(token, verdict);
    return verdict.user;
  };

  const prove = async (incoming: Incoming): Promise<Caller> => {
    const values = incoming.header("authorization");
    if (values.length === 0) {
      if (options.optional === true) return {};
      throw new MissingError("A token is required");
    }
    const token = bearerToken(values);
    if (token === undefined) {
      throw new CrossfadeError("TOKEN_MALFORMED", 401, "The Authorization header is not one Bearer token");
    }
    return { user: await verifyToken(token), token };
  };
  return { verifyToken, ...guard(prove) };
}

function service(name: string, text: string | undefined, serviceKey: string | undefined, timeoutMs: number): Service {
  if (!text) throw new ConfigurationError(`${name}: is missing; is its variable set?`);
  let url: URL;
  try {
    url = new URL(text.endsWith("/") ? text : `${text}/`);
  } catch {
    throw new ConfigurationError(`${name}: is not a URL`);
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") throw new ConfigurationError(`${name}: is not http or https`);
  if (url.username !== "" || url.search !== "") throw new ConfigurationError(`${name}: has a user or a query`);
  return { url, serviceKey, timeoutMs };
}

function whole(name: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new ConfigurationError(`${name}: is not a whole number from ${least} to ${most}`);
}
