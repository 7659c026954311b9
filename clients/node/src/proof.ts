// A proof finds who is calling; every adapter treats its result alike.

import type { OpenedAssertion } from "./identity.js";
import type { User } from "./user.js";

/** A request as proofs see it. */
export interface Incoming {
  readonly method: string;
  /** The path as sent, without the query. */
  readonly path: string;
  /** All values of a header, by its lower-case name. */
  readonly header: (name: string) => readonly string[];
}

/** Who sent a request. */
export interface Caller {
  /** Absent on routes that are open to all. */
  readonly user?: User;
  /** The assertion that proved the caller, where there is one. */
  readonly assertion?: OpenedAssertion;
  /** The token that proved the caller, for calls in the caller's name. */
  readonly token?: string;
}

/** Proves who sent a request. Throws a `CrossfadeError` where it cannot. */
export type Proof = (incoming: Incoming) => Caller | Promise<Caller>;

/** Which requests are let in. */
export interface Access {
  /** `true` lets in requests without a credential; `req.user` is then absent. A bad credential is refused all the same. */
  readonly optional?: boolean;
}
