// `req.user`, with every field that services read today.

import { isObject, type OpenedAssertion } from "./identity.js";

/** Who is calling. The type has both spellings of the older services: some read `tokenBalance`, others `token_balance`. */
export interface User {
  /** Our user id, a UUID. */
  readonly id: string;
  readonly email: string | null;
  /** Whether the user has proven that `email` is theirs. Do not decide by an unproven address: anyone can register any address. */
  readonly email_verified: boolean;
  readonly username: string | null;
  /** `user`, `admin`, `superadmin` or `moderator`. */
  readonly user_type: string;
  readonly userType: string;
  /** The role claim that older admin routes read; absent for ordinary users. */
  readonly role?: string;
  /** The older `type` claim: `admin` for admin, superadmin and moderator, else `user`. */
  readonly type: "user" | "admin";
  readonly is_active: boolean;
  readonly firebase_uid: string | null;
  readonly auth_provider: string | null;
  /** The tokens that the user can spend, as of the answer; absent with an assertion, which states no balance. */
  readonly token_balance?: number;
  readonly tokenBalance?: number;
}

const ADMINS = ["admin", "superadmin", "moderator"];

function roles(user_type: string): Pick<User, "user_type" | "userType" | "type" | "role"> {
  const admin = ADMINS.includes(user_type);
  return { user_type, userType: user_type, type: admin ? "admin" : "user", ...(admin ? { role: user_type } : {}) };
}

/** The user that an assertion names; `undefined` if it names none. The edge forwards only active users: it asked the origin. */
export function userOfAssertion(opened: OpenedAssertion): User | undefined {
  const { user, identity } = opened;
  if (user === null || identity === null) return undefined;
  return {
    id: user.id,
    email: user.email ?? null,
    email_verified: user.email_verified === true,
    username: null,
    ...roles(user.user_type),
    is_active: true,
    firebase_uid: "firebase" in identity.subject ? identity.subject.firebase : null,
    auth_provider: identity.kind === "legacy" ? "local" : "firebase",
  };
}

/** The user of a verify-token answer, of either contract; `undefined` if it names none. */
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
