// The service's own assertion keys, as `origin assertion-keys <service>` prints them.

import { createSecretKey, type KeyObject } from "node:crypto";
import { decode } from "./base64url.js";
import { ConfigurationError } from "./errors.js";

const KID = /^[A-Za-z0-9_-]{1,64}$/;
const MIN_KEY_BYTES = 32;

/** Keys by their id. Each of them opens assertions; an operator can rotate keys without a gap. */
export type AssertionKeys = ReadonlyMap<string, KeyObject>;

/**
 * Reads `kid:base64url[,kid:base64url]`.
 *
 * @throws ConfigurationError naming the entry by its position, never its text.
 */
export function parseKeys(text: string): AssertionKeys {
  const keys = new Map<string, KeyObject>();
  for (const [index, entry] of text.split(",").entries()) {
    const refuse = (rule: string): never => {
      throw new ConfigurationError(`assertion keys, entry ${index + 1}: ${rule}`);
    };
    const [kid, key, ...rest] = entry.trim().split(":");
    if (kid === undefined || key === undefined || rest.length > 0) return refuse("is not kid:base64url");
    if (!KID.test(kid)) return refuse("the kid is not 1-64 letters, digits, '-' or '_'");
    if (keys.has(kid)) return refuse("repeats a kid");
    const bytes = decode(key);
    if (bytes === undefined) return refuse("the key is not base64url");
    if (bytes.length < MIN_KEY_BYTES) return refuse(`the key is shorter than ${MIN_KEY_BYTES} bytes`);
    keys.set(kid, createSecretKey(bytes));
  }
  return keys;
}
