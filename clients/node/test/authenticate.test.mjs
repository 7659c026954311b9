import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import { ConfigurationError, CrossfadeError, authenticate } from "@crossfade/client";
import express from "express";
import { listen, serve } from "./support.mjs";

const USER = {
  id: "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
  email: "ada@example.com",
  email_verified: true,
  username: "ada",
  user_type: "user",
  is_active: true,
  token_balance: 3,
  firebase_uid: "uid-ada",
  auth_provider: "hybrid",
};

const verified = (user = USER, tokenExpiration = Date.now() / 1000 + 3600) => [
  200,
  { success: true, data: { valid: true, user, tokenExpiration } },
];
const refused = (status, code) => [status, { success: false, error: { code, message: code } }];
const legacy = (data) => [200, { success: true, data }];

/** An auth service that answers with `reply` (`undefined`: never) and records each request. */
async function authService(t, reply) {
  const asked = [];
  const url = await serve(t, async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    asked.push({ path: request.url, headers: request.headers, body: JSON.parse(body) });
    const answer = reply();
    if (answer === undefined) return;
    const [status, json] = answer;
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(json));
  });
  return { url, asked };
}

/** Tokens that claim to be of a kind; the services of these tests do not verify them. */
const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
const claiming = (alg, claims) => `${part({ alg, typ: "JWT" })}.${part(claims)}.c2ln`;
const OLDER = claiming("HS256", { iss: "atma-auth-service", id: USER.id });
const FIREBASE = claiming("RS256", { iss: "https://securetoken.google.com/demo", sub: "uid-ada" });

const nowhere = "http://127.0.0.1:1";
const fails = (code, status) => (error) => error instanceof CrossfadeError && error.code === code && error.status === status;

test("the user keeps both spellings of the balance and every field services read", async (t) => {
  const { url, asked } = await authService(t, () => verified());
  const user = await authenticate({ url, serviceKey: "k".repeat(32) }).verifyToken("token-1");
  assert.deepEqual(user, { ...USER, tokenBalance: 3, userType: "user", type: "user" });
  assert.equal(asked[0].path, "/v1/auth/verify-token");
  assert.deepEqual(asked[0].body, { token: "token-1" });
  assert.equal(asked[0].headers["x-service-key"], "k".repeat(32));
});

test("an address counts as proven only where the answer says so", async (t) => {
  for (const email_verified of [undefined, null, false, "true", 1]) {
    const { url } = await authService(t, () => verified({ ...USER, email_verified }));
    const user = await authenticate({ url, serviceKey: "k".repeat(32) }).verifyToken("token-1");
    assert.equal(user.email_verified, false, `${email_verified}`);
  }
});

test("a refusal is final: the older service is not asked", async (t) => {
  const older = await authService(t, () => legacy({ valid: true, user: USER }));
  for (const [answer, code, status] of [
    [refused(401, "TOKEN_EXPIRED"), "TOKEN_EXPIRED", 401],
    [refused(401, "TOKEN_REVOKED"), "TOKEN_REVOKED", 401],
    [refused(403, "USER_DISABLED"), "USER_DISABLED", 403],
    [refused(409, "ACCOUNT_LINK_CONFLICT"), "ACCOUNT_LINK_CONFLICT", 409],
    [refused(400, "VALIDATION_ERROR"), "TOKEN_MALFORMED", 401],
    [refused(404, "NOT_FOUND"), "UPSTREAM_UNAVAILABLE", 503],
    [refused(429, "RATE_LIMITED"), "UPSTREAM_UNAVAILABLE", 503],
    [verified({ ...USER, is_active: false }), "USER_DISABLED", 403],
  ]) {
    const { url } = await authService(t, () => answer);
    for (const token of [OLDER, FIREBASE, "t"]) {
      await assert.rejects(authenticate({ url, fallback: older }).verifyToken(token), fails(code, status));
    }
  }
  assert.equal(older.asked.length, 0);
});

test("the older service is asked after a fault of ours: connect, timeout, 5xx, an unreadable answer", async (t) => {
  const older = await authService(t, () => legacy({ valid: true, user: { ...USER, user_type: "moderator" } }));
  const late = await authService(t, () => undefined);
  const broken = await authService(t, () => refused(503, "DATABASE_UNAVAILABLE"));
  const odd = await authService(t, () => [200, "welcome"]);
  for (const url of [nowhere, late.url, broken.url, odd.url]) {
    const user = await authenticate({ url, fallback: older, timeoutMs: 200 }).verifyToken(OLDER);
    assert.deepEqual([user.id, user.role, user.tokenBalance], [USER.id, "moderator", 3], url);
  }
  assert.deepEqual(
    older.asked.map(({ path }) => path),
    Array(4).fill("/auth/verify-token"),
  );
});

test("the older service's 200 with valid: false is a refusal", async (t) => {
  for (const [error, code, status] of [
    ["Token has expired", "TOKEN_EXPIRED", 401],
    ["Token has been revoked", "TOKEN_REVOKED", 401],
    ["User account is inactive", "USER_DISABLED", 403],
    ["Invalid token", "TOKEN_MALFORMED", 401],
    ["User not found", "USER_NOT_FOUND", 401],
    // The older service answers so for every token while it cannot read its database.
    ["Authentication failed", "UPSTREAM_UNAVAILABLE", 503],
    [undefined, "UPSTREAM_UNAVAILABLE", 503],
  ]) {
    const older = await authService(t, () => legacy({ valid: false, error }));
    await assert.rejects(authenticate({ url: nowhere, fallback: older }).verifyToken(OLDER), fails(code, status));
  }
});

test("during a fault the older service is asked about its own tokens only", async (t) => {
  const older = await authService(t, () => legacy({ valid: false, error: "Invalid token" }));
  const late = await authService(t, () => undefined);
  const broken = await authService(t, () => refused(503, "FIREBASE_UNAVAILABLE"));
  const session = claiming("RS256", { iss: "https://session.firebase.google.com/demo" });
  const emulated = claiming("none", { iss: "https://securetoken.google.com/demo" });
  const mixed = claiming("HS256", { iss: "https://securetoken.google.com/demo" });
  for (const url of [nowhere, late.url, broken.url]) {
    for (const token of [FIREBASE, session, emulated, mixed, claiming("HS256", {}), `${OLDER}.x`, "t", "a.b.c"]) {
      const unavailable = (error) => error instanceof CrossfadeError && [503, 504].includes(error.status);
      await assert.rejects(authenticate({ url, fallback: older, timeoutMs: 100 }).verifyToken(token), unavailable, token);
    }
  }
  assert.equal(older.asked.length, 0);
});

test("a refused token stays refused while the new service is away", async (t) => {
  const older = await authService(t, () => legacy({ valid: true, user: USER }));
  let answer;
  const { url } = await authService(t, () => answer);
  for (const [status, code] of [
    [401, "TOKEN_REVOKED"],
    [403, "USER_DISABLED"],
    [409, "ACCOUNT_LINK_CONFLICT"],
  ]) {
    const client = authenticate({ url, fallback: older });
    answer = refused(status, code);
    await assert.rejects(client.verifyToken(OLDER), fails(code, status));
    answer = refused(503, "DATABASE_UNAVAILABLE");
    await assert.rejects(client.verifyToken(OLDER), fails(code, status));
    // Until the new service accepts the token again.
    answer = verified();
    await client.verifyToken(OLDER);
    answer = refused(503, "DATABASE_UNAVAILABLE");
    assert.equal((await client.verifyToken(OLDER)).id, USER.id);
  }
});

test("a token that no service can judge gets 503 or 504, never 401", async (t) => {
  const late = await authService(t, () => undefined);
  await assert.rejects(authenticate({ url: nowhere }).verifyToken("t"), fails("UPSTREAM_UNAVAILABLE", 503));
  await assert.rejects(
    authenticate({ url: nowhere, fallback: { url: nowhere } }).verifyToken(OLDER),
    fails("UPSTREAM_UNAVAILABLE", 503),
  );
  await assert.rejects(authenticate({ url: late.url, timeoutMs: 100 }).verifyToken("t"), fails("UPSTREAM_TIMEOUT", 504));
});

test("a redirect carries neither token nor key", async (t) => {
  const elsewhere = await authService(t, () => verified());
  const url = await serve(t, (_, response) => {
    response.writeHead(307, { location: elsewhere.url }).end();
  });
  await assert.rejects(authenticate({ url }).verifyToken("t"), fails("UPSTREAM_UNAVAILABLE", 503));
  assert.equal(elsewhere.asked.length, 0);
});

test("a good token is remembered as long as it may be, a bad one never", async (t) => {
  let answer = verified();
  const { url, asked } = await authService(t, () => answer);
  const cached = authenticate({ url, cacheSeconds: 30 });
  await cached.verifyToken("a");
  await cached.verifyToken("a");
  assert.equal(asked.length, 1);
  await cached.verifyToken("b");
  assert.equal(asked.length, 2);
  answer = verified(USER, Date.now() / 1000 - 1);
  await cached.verifyToken("expires-now");
  await cached.verifyToken("expires-now");
  assert.equal(asked.length, 4);
  answer = refused(401, "TOKEN_EXPIRED");
  await assert.rejects(cached.verifyToken("c"));
  await assert.rejects(cached.verifyToken("c"));
  assert.equal(asked.length, 6);
  const plain = authenticate({ url });
  await assert.rejects(plain.verifyToken("a"));
});

test("in Express: req.user and req.token, or the refusal", async (t) => {
  const { url, asked } = await authService(t, () => verified());
  const app = express();
  app.use(authenticate({ url }).express(), (request, response) => {
    response.json({ user: request.user, token: request.token });
  });
  const service = await listen(t, createServer(app));
  const who = (authorization) => fetch(service, { headers: authorization === undefined ? {} : { authorization } });
  const { user, token } = await (await who("bearer abc.def")).json();
  assert.deepEqual([user.tokenBalance, user.token_balance, token], [3, 3, "abc.def"]);
  const before = asked.length;
  for (const [authorization, code] of [
    [undefined, "TOKEN_MISSING"],
    ["Basic YTpi", "TOKEN_MALFORMED"],
    ["Bearer a, Bearer b", "TOKEN_MALFORMED"],
    [`Bearer ${"a".repeat(8193)}`, "TOKEN_MALFORMED"],
  ]) {
    const response = await who(authorization);
    assert.equal(response.status, 401);
    assert.equal((await response.json()).error.code, code);
  }
  assert.equal(asked.length, before);
});

test("wrong options are refused at once", () => {
  for (const change of [
    { url: "auth:3008" },
    { url: "ftp://auth" },
    { url: "not a url" },
    { fallback: { url: "" } },
    { timeoutMs: 0 },
    { timeoutMs: 30_001 },
    { cacheSeconds: 31 },
  ]) {
    assert.throws(() => authenticate({ url: "http://auth:3008", ...change }), ConfigurationError);
  }
});

test("an unset variable stops the start and names its option", () => {
  const missing = (options, name) =>
    assert.throws(
      () => authenticate(options),
      (error) => error instanceof ConfigurationError && error.message.startsWith(`${name}: is missing`),
    );
  missing({ url: undefined }, "url");
  missing({ url: "http://auth:3008", fallback: { url: process.env.CROSSFADE_NOT_SET } }, "fallback.url");
});
