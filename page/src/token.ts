// The unverified times in a token: only for showing its age.

export interface UnverifiedTimes {
  readonly kind: string;
  readonly email: string | undefined;
  /** Seconds since 1970. */
  readonly issuedAt: number;
  readonly expiresAt: number;
}

function kindOf(issuer: string): string {
  if (issuer.startsWith("https://securetoken.google.com/")) return "Firebase ID token";
  return issuer.startsWith("https://session.firebase.google.com/") ? "Firebase session cookie" : "token of the old service";
}

export function unverifiedTimes(token: string): UnverifiedTimes {
  const payload = (token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/");
  const bytes = Uint8Array.from(atob(payload), (symbol) => symbol.charCodeAt(0));
  const claims = JSON.parse(new TextDecoder().decode(bytes)) as { [name: string]: unknown };
  return {
    kind: kindOf(String(claims["iss"])),
    email: typeof claims["email"] === "string" ? claims["email"] : undefined,
    issuedAt: Number(claims["iat"]),
    expiresAt: Number(claims["exp"]),
  };
}
