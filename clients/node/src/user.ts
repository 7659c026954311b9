// `req.user`, with every field that services read today.

import { isObject, type OpenedAssertion } from "./identity.js";

/** Who is calling. Both spellings of the older services are there: some read `tokenBalance`, others `token_balance`. */
export interface User {
  /** Our user id, a UUID. */
  readonly id: string;
  readonly email: string | null;
  /** Whether the user has proven that `email` is theirs. Decide nothing by an address that is not: anybody can register anybody's. */
  readonly email_verified: boolean;
  readonly username: string | null;
  /** `user`, `admin`, `superadmin` or `moderator`. */
  readonly user_type: string;
  readonly userType: string;
  /** The role claim older admin routes look for; absent for ordinary people. */
  readonly role?: string;
  /** `admin` for admin, superadmin and moderator, else `user`: the older `type` claim. */
  readonly type: "user" | "admin";
  readonly is_active: boolean;
  readonly firebase_uid: string | null;
  readonly auth_provider: string | null;
  /** Tokens that can be spent, as of the answer; absent when the identity came from an assertion, which states none. */
  readonly token_balance?: number;
  readonly tokenBalance?: number;
}

const ADMINS = ["admin", "superadmin", "moderator"];

function roles(user_type: string): Pick<User, "user_type" | "userType" | "type" | "role"> {
  const admin = ADMINS.includes(user_type);
  return { user_type, userType: user_type, type: admin ? "admin" : "user", ...(admin ? { role: user_type } : {}) };
}

/** The person an assertion names; `undefined` for nobody. A person the edge forwards is active: it asked the origin. */
export function userOfAssertion(opened: OpenedAssertion): User | undefined {
  const { person, identity } = opened;
  if (person === null || identity === null) return undefined;
  return {
    id: person.id,
    email: person.email ?? null,
    email_verified: person.email_verified === true,
    username: null,
    ...roles(person.user_type),
    is_active: true,
    firebase_uid: "firebase" in identity.subject ? identity.subject.firebase : null,
    auth_provider: identity.kind === "legacy" ? "local" : "firebase",
  };
}

/** The person of a verify-token answer, of either contract; `undefined` when it names none. */
export function userOfAnswer(value: unknown): User | undefined {
  if (!isObject(value) || typeof value["id"] !== "string" || value["id"] === "") return undefined;
  const text = (name: string): string | null => (typeof value[name] === "string" ? value[name] : null);
  const balance = value["token_balance"] ?? value["tokenBalance"];
  return {
    id: value["id"],
    email: text("email"),
    email_verified: value["email_verified"] === true,
    username: text("username"),
    ...roles(text("user_type") ?? "user"),
    is_active: value["is_active"] !== false,
    firebase_uid: text("firebase_uid"),
    auth_provider: text("auth_provider"),
    ...(typeof balance === "number" ? { token_balance: balance, tokenBalance: balance } : {}),
  };
}
