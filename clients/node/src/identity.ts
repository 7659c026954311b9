// Who is calling, as the edge's assertion states it.

/** What kind of credential proved the identity. */
export type TokenKind = "firebase" | "firebase_session_cookie" | "legacy";

/** The facts of the credential; times in seconds since 1970. */
export interface Identity {
  readonly kind: TokenKind;
  /** A Firebase uid, or our user id for legacy tokens. */
  readonly subject: { readonly firebase: string } | { readonly legacy: string };
  readonly project?: string;
  readonly tenant?: string;
  readonly email?: string;
  /** Absent means `false`. */
  readonly email_verified?: boolean;
  readonly name?: string;
  readonly picture?: string;
  readonly phone_number?: string;
  readonly sign_in_provider?: string;
  readonly auth_time: number;
  readonly issued_at: number;
  readonly expires_at: number;
  readonly legacy_account?: { readonly type: "user" } | { readonly type: "admin"; readonly role: string };
}

/** Our own record of the user. */
export interface AssertedUser {
  /** UUID. */
  readonly id: string;
  readonly email?: string;
  /** Whether the user has proven that the address is theirs. Absent means `false`. */
  readonly email_verified?: boolean;
  /** `user`, `admin`, `superadmin` or `moderator`. */
  readonly user_type: string;
}

/** A statement of the edge about this request. */
export interface OpenedAssertion {
  readonly request_id: string;
  readonly client_ip: string | null;
  /** `null` on public routes. */
  readonly identity: Identity | null;
  readonly user: AssertedUser | null;
}

type Json = Readonly<Record<string, unknown>>;

/** Whether `value` is a JSON object. */
export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const KINDS: readonly unknown[] = ["firebase", "firebase_session_cookie", "legacy"];
const TEXTS = ["project", "tenant", "email", "name", "picture", "phone_number", "sign_in_provider"];
const TIMES = ["auth_time", "issued_at", "expires_at"];

/** Whether `value` is our record of a user. */
export function isAssertedUser(value: unknown): value is AssertedUser {
  return (
    isObject(value) &&
    isUuid(value["id"]) &&
    isOptionalText(value["email"]) &&
    isOptionalFlag(value["email_verified"]) &&
    typeof value["user_type"] === "string"
  );
}

/** Whether `value` has the facts of a credential. */
export function isIdentity(value: unknown): value is Identity {
  return (
    isObject(value) &&
    KINDS.includes(value["kind"]) &&
    isSubject(value["subject"]) &&
    TEXTS.every((name) => isOptionalText(value[name])) &&
    TIMES.every((name) => Number.isSafeInteger(value[name])) &&
    isOptionalFlag(value["email_verified"]) &&
    (value["legacy_account"] === undefined || isLegacyAccount(value["legacy_account"]))
  );
}

function isSubject(value: unknown): boolean {
  if (!isObject(value) || Object.keys(value).length !== 1) return false;
  const uid = value["firebase"];
  return (typeof uid === "string" && uid.trim() !== "") || isUuid(value["legacy"]);
}

function isLegacyAccount(value: unknown): boolean {
  return isObject(value) && (value["type"] === "user" || (value["type"] === "admin" && typeof value["role"] === "string"));
}

function isUuid(value: unknown): value is string {
  return typeof value === "string" && UUID.test(value);
}

function isOptionalFlag(value: unknown): boolean {
  return value === undefined || typeof value === "boolean";
}

function isOptionalText(value: unknown): boolean {
  return value === undefined || value === null || typeof value === "string";
}
