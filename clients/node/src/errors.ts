// Refusals: typed, with a stable code, a status, and the two bodies every Crossfade service answers with.

/** The codes of the contract that this package uses. */
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

/** A refused request. This package writes the text, which contains nothing of a token, a key or a user. */
export class CrossfadeError extends Error {
  override readonly name: string = "CrossfadeError";

  constructor(
    /** Stable: callers branch on it. */
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

/** Why an assertion was refused; the edge and the origin use the same words. */
export type AssertionReason = "malformed" | "key_unknown" | "signature" | "expired" | "audience" | "request";

const ASSERTION: Record<AssertionReason, readonly [ErrorCode, string]> = {
  malformed: ["TOKEN_MALFORMED", "The assertion is malformed"],
  key_unknown: ["TOKEN_KEY_UNKNOWN", "The assertion's key is unknown"],
  signature: ["TOKEN_SIGNATURE_INVALID", "The assertion's signature is invalid"],
  expired: ["TOKEN_EXPIRED", "The assertion has expired"],
  audience: ["TOKEN_AUDIENCE", "The assertion is for another audience"],
  request: ["TOKEN_AUDIENCE", "The assertion is for another request"],
};

/** The request did not come from the edge, or is not the one that the assertion names. */
export class AssertionError extends CrossfadeError {
  override readonly name = "AssertionError";

  constructor(readonly reason: AssertionReason) {
    super(...status401(ASSERTION[reason]));
  }
}

function status401([code, message]: readonly [ErrorCode, string]): [ErrorCode, number, string] {
  return [code, 401, message];
}

/** The request has no credential, and the route needs one. */
export class MissingError extends CrossfadeError {
  override readonly name = "MissingError";

  constructor(message: string) {
    super("TOKEN_MISSING", 401, message);
  }
}

/** No service could judge the token. Never a 401: that would sign users out because of our outage. */
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

/** The options are wrong. It is thrown when the middleware is made: a service does not start with wrong options. */
export class ConfigurationError extends Error {
  override readonly name = "ConfigurationError";
  readonly code = "CONFIG_INVALID";
}
