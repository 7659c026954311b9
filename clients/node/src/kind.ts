// The kind that a token claims to be. The claim only decides which service is asked; that service judges the token.

import { isObject } from "./identity.js";

/** Whether `token` claims to be a legacy token. Only the older auth service can read those, and it can read no other. */
export function claimsToBeLegacy(token: string): boolean {
  const [header, claims, signature, ...more] = token.split(".");
  if (signature === undefined || more.length > 0) return false;
  // Firebase signs with RS256 and its emulator does not sign; only the older service signs with HS256.
  return partOf(header)?.["alg"] === "HS256" && !isGoogles(partOf(claims)?.["iss"]);
}

/** A stranger may write anything under `iss`. If the older service then cannot read the token, nothing is lost. */
function isGoogles(issuer: unknown): boolean {
  return typeof issuer !== "string" || /^https:\/\/(securetoken|session\.firebase)\.google\.com\//.test(issuer);
}

function partOf(text: string | undefined): Record<string, unknown> | undefined {
  try {
    const part: unknown = JSON.parse(Buffer.from(text ?? "", "base64url").toString("utf8"));
    return isObject(part) ? part : undefined;
  } catch {
    return undefined;
  }
}
