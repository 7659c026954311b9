// Opens the edge's assertion: the counterpart of shared/src/assertion.rs. Both are tested with shared/tests/vectors/assertions.json.

import { createHmac, timingSafeEqual } from "node:crypto";
import { decode } from "./base64url.js";
import { AssertionError, type AssertionReason, ConfigurationError, MissingError } from "./errors.js";
import { isIdentity, isObject, isAssertedUser, type OpenedAssertion } from "./identity.js";
import { type AssertionKeys, parseKeys } from "./keys.js";

/** The header that carries the assertion. */
export const ASSERTION_HEADER = "x-crossfade-assertion";

const MAX_BYTES = 16 * 1024;
const LIFETIME_SECONDS = 60;
const REQUEST_ID = /^[A-Za-z0-9._-]{1,64}$/;
const utf8 = new TextDecoder("utf-8", { fatal: true });

/** How assertions are opened. */
export interface AssertionOptions {
  /** This service's name in the edge's `UPSTREAMS`. */
  readonly audience: string;
  /** `kid:base64url[,…]`, as `origin assertion-keys <audience>` prints it. An unset variable (`undefined`) is refused at once. */
  readonly keys: string | undefined;
  /** How far the edge's clock may differ from this machine's, 0-60 seconds; 30 by default. */
  readonly skewSeconds?: number;
  /** The time in seconds since 1970; the system's by default. */
  readonly now?: () => number;
}

/** What was received. */
export interface Received {
  readonly method: string;
  /** The path as sent, without the query. */
  readonly path: string;
  /** All values of `X-Crossfade-Assertion`. */
  readonly assertions: readonly string[];
}

/** Opens the assertion of a request. */
export type Opener = (received: Received) => OpenedAssertion;

/**
 * Checks the options once and returns the function that opens assertions.
 *
 * @throws ConfigurationError
 */
export function opener(options: AssertionOptions): Opener {
  if (!options.audience || options.audience === "origin") {
    throw new ConfigurationError("audience: is empty or `origin`");
  }
  const skew = options.skewSeconds ?? 30;
  if (!Number.isInteger(skew) || skew < 0 || skew > 60) {
    throw new ConfigurationError("skewSeconds: is not a whole number from 0 to 60");
  }
  if (!options.keys) throw new ConfigurationError("keys: there are none; is their variable set?");
  const keys = parseKeys(options.keys);
  const now = options.now ?? (() => Math.floor(Date.now() / 1000));
  return (received) => {
    const [unverified, ...others] = received.assertions;
    if (unverified === undefined) throw new MissingError("The request did not come through the edge");
    if (others.length > 0) throw new AssertionError("malformed");
    const claims = verifiedClaims(unverified, keys);
    checkTime(claims, now(), skew);
    if (claims.iss !== "crossfade-edge" || claims.aud !== options.audience) refuse("audience");
    if (claims.htm !== received.method || claims.htu !== received.path) refuse("request");
    return {
      request_id: claims.jti,
      client_ip: claims.ip ?? null,
      identity: claims.id ?? null,
      user: claims.usr ?? null,
    };
  };
}

interface Claims {
  readonly iss: string;
  readonly aud: string;
  readonly htm: string;
  readonly htu: string;
  readonly jti: string;
  readonly iat: number;
  readonly exp?: number;
  readonly ip?: string | null;
  readonly id?: OpenedAssertion["identity"];
  readonly usr?: OpenedAssertion["user"];
}

/** The claims, once the signature over them is verified. This package fixes the algorithm; the token does not choose it. */
function verifiedClaims(unverified: string, keys: AssertionKeys): Claims {
  if (unverified.length > MAX_BYTES) refuse("malformed");
  const parts = unverified.split(".");
  const [head, payload, signature] = parts.map(decode);
  if (parts.length !== 3 || head === undefined || payload === undefined || signature === undefined) refuse("malformed");
  const header = json(head);
  if (!isObject(header)) refuse("malformed");
  const kid = header["kid"];
  const key = typeof kid === "string" ? keys.get(kid) : undefined;
  if (key === undefined) refuse("key_unknown");
  if (header["typ"] !== "crossfade+jwt") refuse("malformed");
  const expected = createHmac("sha256", key).update(unverified.slice(0, unverified.lastIndexOf("."))).digest();
  const signed = signature.length === expected.length && timingSafeEqual(signature, expected);
  if (header["alg"] !== "HS256" || !signed) refuse("signature");
  const claims = json(payload);
  if (!isClaims(claims)) refuse("malformed");
  return claims;
}

function checkTime(claims: Claims, now: number, skew: number): void {
  const end = claims.exp;
  if (end === undefined || now > end + skew) refuse("expired");
  if (end - claims.iat > LIFETIME_SECONDS || claims.iat > now + skew) refuse("expired");
}

function isClaims(value: unknown): value is Claims {
  if (!isObject(value)) return false;
  const { exp, iat, ip, id, usr, jti } = value;
  return (
    ["iss", "aud", "htm", "htu"].every((name) => typeof value[name] === "string") &&
    typeof jti === "string" &&
    REQUEST_ID.test(jti) &&
    Number.isSafeInteger(iat) &&
    (exp === undefined || Number.isSafeInteger(exp)) &&
    (ip === undefined || ip === null || typeof ip === "string") &&
    (id === undefined || id === null || isIdentity(id)) &&
    (usr === undefined || usr === null || isAssertedUser(usr))
  );
}

function json(bytes: Buffer): unknown {
  try {
    return JSON.parse(utf8.decode(bytes));
  } catch {
    return undefined;
  }
}

function refuse(reason: AssertionReason): never {
  throw new AssertionError(reason);
}
