// Calls to the edge, which serves this page too, and a note of what each answer says about itself.

/** What the edge said about one call. */
export interface Call {
  readonly name: string;
  readonly status: number;
  readonly route: string;
  readonly reason: string;
  readonly milliseconds: number;
}

/** A failure in the contract's form. */
export class Refused extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

type Json = { readonly [name: string]: unknown };

/** Calls the edge and answers `data`; `noted` gets every call, failed ones included. */
export async function call(
  noted: (call: Call) => void,
  method: "GET" | "POST",
  path: string,
  { token, body }: { token?: string; body?: Json } = {},
): Promise<Json> {
  const started = performance.now();
  const response = await fetch(path, {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const answer = (await response.json().catch(() => ({}))) as { data?: Json; error?: { code?: string; message?: string } };
  noted({
    name: `${method} ${path}`,
    status: response.status,
    route: response.headers.get("x-auth-route") ?? "",
    reason: response.headers.get("x-auth-route-reason") ?? "",
    milliseconds: Math.round(performance.now() - started),
  });
  if (!response.ok) {
    throw new Refused(answer.error?.code ?? String(response.status), answer.error?.message ?? "The edge refused");
  }
  return answer.data ?? {};
}
