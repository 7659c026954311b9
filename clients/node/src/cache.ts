// Tokens that a service judged good a moment ago.

import { createHash } from "node:crypto";
import type { Verdict } from "./verdicts.js";

const MAX_ENTRIES = 10_000;

/** Keeps verdicts under the whole SHA-256 of the token; the oldest entry leaves first. The tokens themselves are not kept. */
export class VerdictCache {
  readonly #entries = new Map<string, { verdict: Verdict; until: number }>();

  constructor(
    private readonly ttlSeconds: number,
    private readonly now: () => number,
  ) {}

  get(token: string): Verdict | undefined {
    const key = digest(token);
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (this.now() < entry.until) return entry.verdict;
    this.#entries.delete(key);
    return undefined;
  }

  /** A verdict is never kept for longer than the token itself is good. */
  put(token: string, verdict: Verdict): void {
    const until = Math.min(this.now() + this.ttlSeconds, verdict.expiresAt ?? Number.POSITIVE_INFINITY);
    if (until <= this.now()) return;
    const key = digest(token);
    this.#entries.delete(key);
    this.#entries.set(key, { verdict, until });
    if (this.#entries.size > MAX_ENTRIES) {
      for (const oldest of this.#entries.keys()) {
        this.#entries.delete(oldest);
        break;
      }
    }
  }
}

function digest(token: string): string {
  return createHash("sha256").update(token).digest("base64");
}
