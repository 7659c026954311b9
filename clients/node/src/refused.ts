// Tokens that the new service refused for what happened to their holder: revoked, deactivated, gone. The older service knows nothing of
// that, and is not to let them in while the new one is away.

import { createHash } from "node:crypto";
import { CrossfadeError } from "./errors.js";

const MAX_ENTRIES = 10_000;
/** A legacy token lives seven days. */
const REMEMBERED_SECONDS = 7 * 24 * 3_600;

/** Remembers refusals by the whole SHA-256 of the token, oldest out first. The tokens themselves are not kept. */
export class RefusedTokens {
  readonly #entries = new Map<string, { refusal: CrossfadeError; until: number }>();

  constructor(private readonly now: () => number) {}

  /** How the new service refused `token`, if it did and has not said otherwise since. */
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

  /** The new service takes it again. */
  forgive(token: string): void {
    if (this.#entries.size > 0) this.#entries.delete(digest(token));
  }
}

function digest(token: string): string {
  return createHash("sha256").update(token).digest("base64");
}
