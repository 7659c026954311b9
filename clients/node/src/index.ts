export { answer, type ExpressRequest, type Guard } from "./adapters.js";
export { ASSERTION_HEADER, type AssertionOptions, opener } from "./assertion.js";
export { authenticate, type Authenticator, type AuthenticateOptions } from "./authenticate.js";
export {
  AssertionError,
  type AssertionReason,
  ConfigurationError,
  CrossfadeError,
  MissingError,
  UnavailableError,
} from "./errors.js";
export type { Identity, OpenedAssertion, AssertedUser, TokenKind } from "./identity.js";
export type { Caller, Incoming } from "./proof.js";
export { socketIo } from "./socket.js";
export type { User } from "./user.js";
export { verifyAssertion, type VerifyAssertionOptions } from "./verify-assertion.js";
