// One way to know who is calling, and what every adapter does with it.

import type { OpenedAssertion } from "./identity.js";
import type { User } from "./user.js";

/** A request as proofs see it. */
export interface Incoming {
  readonly method: string;
  /** As sent, without the query. */
  readonly path: string;
  /** All values of a header, by its lower-case name. */
  readonly header: (name: string) => readonly string[];
}

/** Whom a request is from. */
export interface Caller {
  /** Absent on routes that let everybody in. */
  readonly user?: User;
  /** The statement behind it, where there is one. */
  readonly assertion?: OpenedAssertion;
  /** The token behind it, for calls in the caller's name. */
  readonly token?: string;
}

/** Proves whom a request is from. Throws a `CrossfadeError` where it cannot. */
export type Proof = (incoming: Incoming) => Caller | Promise<Caller>;

/** Who is let in. */
export interface Access {
  /** `true` lets requests in that name nobody; `req.user` is then absent. A bad credential is refused all the same. */
  readonly optional?: boolean;
}
