import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import { answer, verifyAssertion } from "@crossfade/client";
import { getRequestListener } from "@hono/node-server";
import express from "express";
import { Hono } from "hono";
import { listen, optionsFor, vector } from "./support.mjs";

const good = vector("a user with a Firebase token");
const nobody = vector("nobody: a public route");

const services = {
  express(options) {
    const app = express();
    // Mounted: Express shows this middleware a path without the mount's prefix, not the path that was sent.
    app.use("/api/archive", verifyAssertion(options).express(), (request, response) => {
      response.json(request.user ?? null);
    });
    return createServer(app);
  },
  hono(options) {
    const app = new Hono();
    app.use(verifyAssertion(options).hono());
    app.get("*", (context) => context.json(context.get("user") ?? null));
    return createServer(getRequestListener(app.fetch));
  },
  http(options) {
    const who = verifyAssertion(options).http();
    return createServer(async (request, response) => {
      try {
        const { user } = await who(request);
        response.end(JSON.stringify(user ?? null));
      } catch (error) {
        if (!answer(request, response, error)) throw error;
      }
    });
  },
};

for (const [name, service] of Object.entries(services)) {
  const call = async (t, { options = {}, assertion = good.assertion, path = good.path, headers = {}, method = "GET" }) => {
    const url = await listen(t, service({ ...optionsFor(good), ...options }));
    return fetch(url + path, {
      method,
      headers: { ...headers, ...(assertion === null ? {} : { "x-crossfade-assertion": assertion }) },
    });
  };

  test(`${name}: the user is the one that the assertion names`, async (t) => {
    const response = await call(t, { path: `${good.path}?page=2`, headers: { "x-user-id": "somebody-else" } });
    assert.equal(response.status, 200);
    const user = await response.json();
    assert.equal(user.id, good.opened.user.id);
    assert.deepEqual([user.email, user.user_type, user.userType], ["ada@example.com", "user", "user"]);
    assert.equal(user.firebase_uid, "uid-ada");
    assert.equal("role" in user, false);
  });

  test(`${name}: a request without an assertion is refused, whatever other headers say`, async (t) => {
    const bare = await call(t, {
      assertion: null,
      headers: { "x-user-id": good.opened.user.id, "x-request-id": "r-7" },
    });
    assert.equal(bare.status, 401);
    assert.equal(bare.headers.get("www-authenticate"), "Bearer");
    const body = await bare.json();
    assert.equal(body.success, false);
    assert.deepEqual(body.error, { code: "TOKEN_MISSING", message: "The request did not come through the edge" });
    assert.equal(body.request_id, "r-7");
    assert.match(body.timestamp, /^\d{4}-\d\d-\d\dT/);
  });

  test(`${name}: refusals carry their code`, async (t) => {
    for (const [change, code] of [
      [{ assertion: `${good.assertion.slice(0, -2)}AA` }, "TOKEN_SIGNATURE_INVALID"],
      [{ assertion: "spoofed" }, "TOKEN_MALFORMED"],
      [{ assertion: `${good.assertion}, ${good.assertion}` }, "TOKEN_MALFORMED"],
      [{ path: "/api/archive/results/8" }, "TOKEN_AUDIENCE"],
      [{ method: "POST" }, "TOKEN_AUDIENCE"],
      [{ options: { now: () => good.now + 120 } }, "TOKEN_EXPIRED"],
      [{ options: { audience: "chatbot" } }, "TOKEN_AUDIENCE"],
    ]) {
      const response = await call(t, change);
      assert.equal(response.status, 401);
      const { error } = await response.json();
      assert.equal(error.code, code);
      assert.equal(
        response.headers.get("www-authenticate"),
        `Bearer error="invalid_token", error_description="${error.message}"`,
      );
    }
  });

  test(`${name}: a refusal follows RFC 9457 on request`, async (t) => {
    const response = await call(t, { assertion: "x", headers: { accept: "application/problem+json" } });
    assert.equal(response.headers.get("content-type"), "application/problem+json");
    const { status, code, instance } = await response.json();
    assert.deepEqual([status, code, instance], [401, "TOKEN_MALFORMED", good.path]);
  });

  test(`${name}: an assertion without a user opens only public routes`, async (t) => {
    const closed = await call(t, { assertion: nobody.assertion });
    assert.equal(closed.status, 401);
    assert.equal((await closed.json()).error.code, "TOKEN_MISSING");
    const open = await call(t, { assertion: nobody.assertion, options: { optional: true } });
    assert.deepEqual([open.status, await open.json()], [200, null]);
    const spoofed = await call(t, { assertion: "spoofed", options: { optional: true } });
    assert.equal(spoofed.status, 401);
  });
}

test("administrators keep the claims that older routes read", () => {
  const admin = vector("an administrator with a legacy token");
  const { user } = verifyAssertion(optionsFor(admin)).verify({
    method: admin.method,
    path: admin.path,
    header: () => [admin.assertion],
  });
  assert.deepEqual([user.type, user.role, user.user_type, user.email], ["admin", "superadmin", "superadmin", null]);
});
