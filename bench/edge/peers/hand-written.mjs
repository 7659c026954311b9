// The edge's contract for a request with an ID token, written by hand in JavaScript: the least that this contract costs in this
// runtime. It reads every header and drops those that only an edge may set, verifies a token once, names the request, seals an
// assertion, lets no service take longer than a limit, and marks the answer. It has no rollout, fallback, limits or log.
const encoder = new TextEncoder();
const decoder = new TextDecoder();
const RESERVED = /^x-(crossfade-|user-|auth-|internal-|service-key)|^x-request-id$|^traceparent$/;
const MOST_REMEMBERED = 1024;
const LIMIT_MS = 5000;
const TICK_MS = 200;

const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (unit) => unit.charCodeAt(0));
const base64url = (data) =>
  btoa(String.fromCharCode(...data)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const part = (value) => base64url(encoder.encode(JSON.stringify(value)));
const hex = (data) => Array.from(data, (byte) => byte.toString(16).padStart(2, "0")).join("");

let setUp;
const remembered = new Map();

/** The keys, once an isolate. */
async function prepare(env) {
  const answer = await fetch(env.KEYS_URL);
  const keys = new Map();
  for (const jwk of (await answer.json()).keys) {
    const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
    keys.set(jwk.kid, await crypto.subtle.importKey("jwk", jwk, algorithm, false, ["verify"]));
  }
  const [kid, secret] = env.ASSERTION_KEY.split(":");
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  return {
    keys,
    seal: await crypto.subtle.importKey("raw", bytes(secret), algorithm, false, ["sign"]),
    head: `${part({ alg: "HS256", kid, typ: "crossfade+jwt" })}.`,
  };
}

async function verify(token, keys, env, now) {
  const known = remembered.get(token);
  if (known !== undefined && known.expires_at > now) return known;
  const [head, payload, signature] = token.split(".");
  const { alg, kid } = JSON.parse(decoder.decode(bytes(head)));
  const claims = JSON.parse(decoder.decode(bytes(payload)));
  const issuer = `https://securetoken.google.com/${env.PROJECT}`;
  const isForUs = alg === "RS256" && claims.iss === issuer && claims.aud === env.PROJECT && claims.sub !== "";
  const isInTime = claims.exp > now && claims.iat <= now && claims.auth_time <= now;
  const signed = encoder.encode(`${head}.${payload}`);
  if (!isForUs || !isInTime) throw new Error("refused");
  if (!(await crypto.subtle.verify("RSASSA-PKCS1-v1_5", keys.get(kid), bytes(signature), signed))) throw new Error("refused");
  const identity = {
    kind: "firebase", subject: { firebase: claims.sub }, project: env.PROJECT, email: claims.email,
    email_verified: claims.email_verified, name: claims.name, picture: claims.picture,
    sign_in_provider: claims.firebase?.sign_in_provider, auth_time: claims.auth_time, issued_at: claims.iat,
    expires_at: claims.exp,
  };
  if (remembered.size >= MOST_REMEMBERED) remembered.delete(remembered.keys().next().value);
  remembered.set(token, identity);
  return identity;
}

// One clock for all requests that wait: a timer for each would cost more than all else here.
const waits = new Set();
let ticks = false;

function within(context, promise) {
  return new Promise((resolve, reject) => {
    const wait = { until: Date.now() + LIMIT_MS, reject };
    waits.add(wait);
    const done = (settle) => (value) => {
      waits.delete(wait);
      settle(value);
    };
    promise.then(done(resolve), done(reject));
    if (ticks) return;
    ticks = true;
    const tick = (stop) => {
      const now = Date.now();
      for (const late of waits) if (late.until <= now) late.reject(new Error("late"));
      if (waits.size > 0) return setTimeout(tick, TICK_MS, stop);
      ticks = false;
      stop();
    };
    context.waitUntil(new Promise((stop) => setTimeout(tick, TICK_MS, stop)));
  });
}

export default {
  async fetch(request, env, context) {
    const { keys, seal, head } = await (setUp ??= prepare(env));
    const now = Math.floor(Date.now() / 1000);
    const drop = [];
    let authorization = "";
    request.headers.forEach((value, name) => {
      if (RESERVED.test(name)) drop.push(name);
      else if (name === "authorization") authorization = value;
    });
    let identity;
    try {
      identity = await verify(authorization.slice("Bearer ".length), keys, env, now);
    } catch {
      return new Response(null, { status: 401 });
    }
    const random = crypto.getRandomValues(new Uint8Array(24));
    const id = hex(random.subarray(0, 16));
    const { pathname, search } = new URL(request.url);
    const statement = head + part({
      iss: "crossfade-edge", aud: "origin", id: identity, htm: request.method, htu: pathname, jti: id, exp: now + 60, iat: now,
    });
    const code = new Uint8Array(await crypto.subtle.sign("HMAC", seal, encoder.encode(statement)));
    const forwarded = new Request(env.UPSTREAM + pathname + search, request);
    for (const name of drop) forwarded.headers.delete(name);
    forwarded.headers.delete("authorization");
    forwarded.headers.set("x-request-id", id);
    forwarded.headers.set("traceparent", `00-${id}-${hex(random.subarray(16))}-00`);
    forwarded.headers.set("x-crossfade-assertion", `${statement}.${base64url(code)}`);
    let answer;
    try {
      answer = await within(context, fetch(forwarded, { cache: "no-store" }));
    } catch {
      return new Response(null, { status: 503 });
    }
    const marked = new Response(answer.body, answer);
    marked.headers.set("x-request-id", id);
    marked.headers.set("x-auth-route", "v2");
    marked.headers.set("x-auth-route-reason", "new_contract");
    if (!marked.headers.has("cache-control")) marked.headers.set("cache-control", "no-store");
    return marked;
  },
};
