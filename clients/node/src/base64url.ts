// Base64url as JOSE uses it (RFC 4648 section 5, RFC 7515 section 2): no padding, no white space, unused bits zero. Node's own decoder
// skips characters that it does not know; with it one token would have many spellings.

const ALPHABET = /^[A-Za-z0-9_-]*$/;

/** The bytes of `text`; `undefined` unless `text` is their only valid spelling. */
export function decode(text: string): Buffer | undefined {
  if (!ALPHABET.test(text)) return undefined;
  const bytes = Buffer.from(text, "base64url");
  return bytes.toString("base64url") === text ? bytes : undefined;
}
