// Asks the auth services about a token: the new contract first. The older service is asked only when the new one fails, and only about its
// own tokens.

import { CrossfadeError, UnavailableError } from "./errors.js";
import { isObject } from "./identity.js";
import { claimsToBeLegacy } from "./kind.js";
import type { RefusedTokens } from "./refused.js";
import { type User, userOfAnswer } from "./user.js";

const MAX_ANSWER_BYTES = 64 * 1024;

/** Where and how to ask. */
export interface Service {
  readonly url: URL;
  readonly serviceKey: string | undefined;
  readonly timeoutMs: number;
}

/** A service did not judge the token: it is away, late, or failed. This is the only reason to ask the other one. */
class Fault extends Error {
  constructor(readonly timedOut: boolean) {
    super("the auth service is at fault");
  }
}

/** What a service said about a good token. */
export interface Verdict {
  readonly user: User;
  /** `exp` in seconds since 1970, where the answer has it. */
  readonly expiresAt: number | undefined;
}

/**
 * Asks the services for a verdict on `token`.
 *
 * @throws CrossfadeError with the refusing service's code, or UnavailableError when nobody could judge.
 */
export async function judge(
  token: string,
  primary: Service,
  fallback: Service | undefined,
  refused: RefusedTokens,
): Promise<Verdict> {
  // The older service calls a Firebase token "invalid", which would sign its holder out.
  const ownedByFallback = fallback !== undefined && claimsToBeLegacy(token);
  try {
    const verdict = await askNew(token, primary);
    if (ownedByFallback) refused.forgive(token);
    return verdict;
  } catch (error) {
    if (!(error instanceof Fault)) {
      if (ownedByFallback && error instanceof CrossfadeError && !(error instanceof UnavailableError)) refused.add(token, error);
      throw error;
    }
    if (!ownedByFallback) throw new UnavailableError(error.timedOut);
  }
  const known = refused.get(token);
  if (known !== undefined) throw known;
  try {
    return await askLegacy(token, fallback);
  } catch (error) {
    throw error instanceof Fault ? new UnavailableError(error.timedOut) : error;
  }
}

async function askNew(token: string, service: Service): Promise<Verdict> {
  const { status, body } = await post(service, "v1/auth/verify-token", token);
  if (status !== 200) throw refusalOf(status, body);
  const data = isObject(body) ? body["data"] : undefined;
  const user = isObject(data) && data["valid"] === true ? userOfAnswer(data["user"]) : undefined;
  if (user === undefined || !isObject(data)) throw new Fault(false);
  const expiresAt = data["tokenExpiration"];
  return { user, expiresAt: typeof expiresAt === "number" ? expiresAt : undefined };
}

/** The older contract answers 200 for bad tokens too, with `valid: false`. */
async function askLegacy(token: string, service: Service): Promise<Verdict> {
  const { status, body } = await post(service, "auth/verify-token", token);
  if (status !== 200) throw refusalOf(status, body);
  const data = isObject(body) ? body["data"] : undefined;
  if (!isObject(data)) throw new Fault(false);
  if (data["valid"] === false) throw legacyRefusal(data["error"]);
  const user = data["valid"] === true ? userOfAnswer(data["user"]) : undefined;
  if (user === undefined) throw new Fault(false);
  return { user, expiresAt: undefined };
}

/** A refusal is final. An answer that is neither a verdict nor a failure of ours (wrong address, too many calls) must sign no user out. */
function refusalOf(status: number, body: unknown): CrossfadeError {
  const error = isObject(body) ? body["error"] : undefined;
  const code = isObject(error) && typeof error["code"] === "string" ? error["code"] : undefined;
  switch (status) {
    case 400:
    case 413:
      return new CrossfadeError("TOKEN_MALFORMED", 401, "The token is malformed");
    case 401:
      return new CrossfadeError(code ?? "TOKEN_MALFORMED", 401, "The token was refused");
    case 403:
      return new CrossfadeError(code ?? "FORBIDDEN", 403, "The account may not be used");
    case 409:
      return new CrossfadeError(code ?? "ACCOUNT_LINK_CONFLICT", 409, "The account cannot be linked");
    default:
      return new UnavailableError(false);
  }
}

/** The older contract's words, with the codes that the new contract has for them. */
const LEGACY_WORDS = new Map<unknown, readonly [code: string, status: number]>([
  ["Invalid token", ["TOKEN_MALFORMED", 401]],
  ["Token has expired", ["TOKEN_EXPIRED", 401]],
  ["Token has been revoked", ["TOKEN_REVOKED", 401]],
  ["User not found", ["USER_NOT_FOUND", 401]],
  ["User account is inactive", ["USER_DISABLED", 403]],
]);

/** The older service says any other word, above all "Authentication failed", when it cannot read its database. */
function legacyRefusal(words: unknown): CrossfadeError | Fault {
  const known = LEGACY_WORDS.get(words);
  if (known === undefined) return new Fault(false);
  const [code, status] = known;
  return new CrossfadeError(code, status, "The token was refused");
}

async function post(service: Service, path: string, token: string): Promise<{ status: number; body: unknown }> {
  const signal = AbortSignal.timeout(service.timeoutMs);
  try {
    const response = await fetch(new URL(path, service.url), {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/json",
        // The older service requires the second header beside the key.
        ...(service.serviceKey === undefined ? {} : { "x-service-key": service.serviceKey, "x-internal-service": "true" }),
      },
      body: JSON.stringify({ token }),
      // A redirect would send the token and the key to another address.
      redirect: "error",
      signal,
    });
    if (response.status >= 500) throw new Fault(false);
    return { status: response.status, body: parse(await bounded(response)) };
  } catch (error) {
    if (error instanceof Fault) throw error;
    throw new Fault(signal.aborted);
  }
}

async function bounded(response: Response): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > MAX_ANSWER_BYTES) throw new Fault(false);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    return undefined;
  }
}
