// `verifyAssertion`: proves that a request came through the edge. It returns the caller that the edge verified.

import { type Guard, guard } from "./adapters.js";
import { ASSERTION_HEADER, type AssertionOptions, opener } from "./assertion.js";
import { MissingError } from "./errors.js";
import type { Access, Caller, Incoming } from "./proof.js";
import { userOfAssertion } from "./user.js";

/** Options of `verifyAssertion`. */
export type VerifyAssertionOptions = AssertionOptions & Access;

/**
 * Opens the edge's assertion of each request. Needs no network. It ignores headers such as `X-User-ID`: any client that reaches the service
 * can write them.
 *
 * @throws ConfigurationError when the options are wrong.
 */
export function verifyAssertion(options: VerifyAssertionOptions): Guard & { verify(incoming: Incoming): Caller } {
  const open = opener(options);
  const verify = (incoming: Incoming): Caller => {
    const assertion = open({
      method: incoming.method,
      path: incoming.path,
      assertions: incoming.header(ASSERTION_HEADER),
    });
    const user = userOfAssertion(assertion);
    if (user === undefined && options.optional !== true) throw new MissingError("A token is required");
    return user === undefined ? { assertion } : { assertion, user };
  };
  return { verify, ...guard(verify) };
}
