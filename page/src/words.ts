// Texts for the reader: failures in plain words, and times.

import { Refused } from "./api.js";

/** Failures that a user can do something about, by the codes of Firebase and of the contract. Any other keeps its own words. */
const IN_WORDS: { readonly [code: string]: string } = {
  "auth/email-already-in-use": "An account with this address already exists. Sign in instead.",
  "auth/invalid-credential": "The address or the password is wrong.",
  "auth/invalid-email": "This is not an e-mail address.",
  "auth/network-request-failed": "The Auth emulator does not answer. Is the stack still running?",
  "auth/user-not-found": "No account has this address. Sign up first.",
  "auth/weak-password": "The password needs six characters at least.",
  "auth/wrong-password": "The password is wrong.",
  EMAIL_EXISTS: "A user with this address is already registered. Sign in instead.",
  INVALID_CREDENTIALS: "The address or the password is wrong.",
  TOKEN_EXPIRED: "The token has expired. Sign in again.",
  TOKEN_REVOKED: "This sign-in was ended from elsewhere. Sign in again.",
  USERNAME_EXISTS: "A user with this name is already registered. Sign in instead.",
  USER_DISABLED: "This account has been deactivated.",
};

/** The reason of a failure, with its code for a developer. */
export function reasonOf(error: unknown): string {
  const code = error instanceof Refused ? error.code : (error as { code?: string }).code;
  if (error instanceof TypeError) return "The edge does not answer. Is the stack still running?";
  const words = (code === undefined ? undefined : IN_WORDS[code]) ?? (error instanceof Error ? error.message : String(error));
  return code === undefined ? words : `${words} (${code})`;
}

/** `3725` as `62 min 5 s`. */
export function duration(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  return minutes === 0 ? `${seconds} s` : `${minutes} min ${seconds % 60} s`;
}

/** A moment of the contract, in this machine's format. */
export function moment(rfc3339: unknown): string {
  const date = new Date(String(rfc3339));
  return Number.isNaN(date.getTime()) ? "–" : date.toLocaleString(undefined, { dateStyle: "short", timeStyle: "short" });
}
