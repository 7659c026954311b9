// Tokens that the new service refused because their user was revoked, deactivated or deleted. The older service does not know of that, and
// must not let them in while the new service is away.

import { createHash } from "node:crypto";
import { CrossfadeError } from "./errors.js";

const MAX_ENTRIES = 10_000;
/** A legacy token lives seven days. */
const REMEMBERED_SECONDS = 7 * 24 * 3_600;

/** Keeps refusals under the whole SHA-256 of the token; the oldest leaves first. The tokens themselves are not kept. */
export class RefusedTokens {
  readonly #entries = new Map<string, { refusal: CrossfadeError; until: number }>();

  constructor(private readonly now: () => number) {}

  /** The error with which the new service refused `token`, unless it has accepted the token since. */
  get(token: string): CrossfadeError | undefined {
    const entry = this.#entries.get(digest(token));
    return entry !== undefined && this.now() < entry.until ? entry.refusal : undefined;
  }

  add(token: string, refusal: CrossfadeError): void {
    const key = digest(token);
    this.#entries.delete(key);
    this.#entries.set(key, { refusal, until: this.now() + REMEMBERED_SECONDS });
    if (this.#entries.size > MAX_ENTRIES) {
      for (const oldest of this.#entries.keys()) {
        this.#entries.delete(oldest);
        break;
      }
    }
  }

  /** The new service accepts the token again. */
  forgive(token: string): void {
    if (this.#entries.size > 0) this.#entries.delete(digest(token));
  }
}

function digest(token: string): string {
  return createHash("sha256").update(token).digest("base64");
}
