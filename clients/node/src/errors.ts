// Refusals: typed, with a stable code, a status, and the two bodies every Crossfade service answers with.

/** Codes of the contract that this package answers with. */
export type ErrorCode =
  | "TOKEN_MISSING"
  | "TOKEN_MALFORMED"
  | "TOKEN_EXPIRED"
  | "TOKEN_KEY_UNKNOWN"
  | "TOKEN_SIGNATURE_INVALID"
  | "TOKEN_AUDIENCE"
  | "TOKEN_SUBJECT"
  | "USER_DISABLED"
  | "UPSTREAM_UNAVAILABLE"
  | "UPSTREAM_TIMEOUT"
  | (string & {});

/** A request that is not let through. Its text is ours: nothing of a token, a key or a person is in it. */
export class CrossfadeError extends Error {
  override readonly name: string = "CrossfadeError";

  constructor(
    /** Stable; what callers branch on. */
    readonly code: ErrorCode,
    /** HTTP status. */
    readonly status: number,
    message: string,
    /** Seconds for `Retry-After`. */
    readonly retryAfter?: number,
  ) {
    super(message);
  }
}

/** Why an assertion was not believed; the same words as the edge and the origin use. */
export type AssertionReason = "malformed" | "key_unknown" | "signature" | "expired" | "audience" | "request";

const ASSERTION: Record<AssertionReason, readonly [ErrorCode, string]> = {
  malformed: ["TOKEN_MALFORMED", "The assertion is malformed"],
  key_unknown: ["TOKEN_KEY_UNKNOWN", "The assertion's key is unknown"],
  signature: ["TOKEN_SIGNATURE_INVALID", "The assertion's signature is invalid"],
  expired: ["TOKEN_EXPIRED", "The assertion has expired"],
  audience: ["TOKEN_AUDIENCE", "The assertion is for another audience"],
  request: ["TOKEN_AUDIENCE", "The assertion is for another request"],
};

/** The request did not come from the edge, or is not the one the edge spoke of. */
export class AssertionError extends CrossfadeError {
  override readonly name = "AssertionError";

  constructor(readonly reason: AssertionReason) {
    super(...status401(ASSERTION[reason]));
  }
}

function status401([code, message]: readonly [ErrorCode, string]): [ErrorCode, number, string] {
  return [code, 401, message];
}

/** There is no credential where one is needed. */
export class MissingError extends CrossfadeError {
  override readonly name = "MissingError";

  constructor(message: string) {
    super("TOKEN_MISSING", 401, message);
  }
}

/** Nobody could say whether the token is good. Never a 401: that would sign people out because of our outage. */
export class UnavailableError extends CrossfadeError {
  override readonly name = "UnavailableError";

  constructor(timedOut: boolean) {
    super(
      timedOut ? "UPSTREAM_TIMEOUT" : "UPSTREAM_UNAVAILABLE",
      timedOut ? 504 : 503,
      timedOut ? "The auth service did not answer in time" : "The auth service is unavailable",
      timedOut ? undefined : 5,
    );
  }
}

/** The options are wrong; thrown when the middleware is made, so that a service does not start with them. */
export class ConfigurationError extends Error {
  override readonly name = "ConfigurationError";
  readonly code = "CONFIG_INVALID";
}
