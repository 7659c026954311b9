// What kind of token it claims to be. Good only for choosing who is asked about it: the one who is asked judges.

import { isObject } from "./identity.js";

/** Whether `token` claims to be one of the older auth service, which alone can read those, and can read no other. */
export function claimsToBeLegacy(token: string): boolean {
  const [header, claims, signature, ...more] = token.split(".");
  if (signature === undefined || more.length > 0) return false;
  // Firebase signs with RS256, its emulator not at all, and nobody but the older service with HS256.
  return partOf(header)?.["alg"] === "HS256" && !isGoogles(partOf(claims)?.["iss"]);
}

/** A stranger may write anything under `iss`; that the older service cannot read it is then no loss. */
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
