import assert from "node:assert/strict";
import { test } from "node:test";
import { AssertionError, ConfigurationError, opener, verifyAssertion } from "@crossfade/client";
import { optionsFor, vector, vectors } from "./support.mjs";

for (const vector of vectors.vectors) {
  test(`${vector.expect}: ${vector.name}`, () => {
    const open = opener(optionsFor(vector));
    const received = { method: vector.method, path: vector.path, assertions: [vector.assertion] };
    if (vector.expect === "accepted") {
      assert.deepEqual(open(received), vector.opened);
      return;
    }
    assert.throws(
      () => open(received),
      (error) => error instanceof AssertionError && error.reason === vector.expect && error.status === 401,
    );
  });
}

test("every kind of refusal and of user has a vector", () => {
  const kinds = new Set(vectors.vectors.map((vector) => vector.expect));
  assert.deepEqual([...kinds].sort(), ["accepted", "audience", "expired", "key_unknown", "malformed", "request", "signature"]);
});

test("no byte of an assertion can be changed", () => {
  const good = vector("a user with a Firebase token");
  const open = opener(optionsFor(good));
  for (let at = 0; at < good.assertion.length; at += 1) {
    const other = good.assertion[at] === "A" ? "B" : "A";
    const changed = good.assertion.slice(0, at) + other + good.assertion.slice(at + 1);
    assert.throws(() => open({ method: good.method, path: good.path, assertions: [changed] }), AssertionError, `byte ${at}`);
  }
});

test("wrong options are refused when the middleware is made, without telling the key", () => {
  const key = Buffer.alloc(32, 1).toString("base64url");
  const short = Buffer.alloc(31, 1).toString("base64url");
  for (const [change, word] of [
    [{ audience: "" }, "audience"],
    [{ audience: "origin" }, "audience"],
    [{ keys: "" }, "there are none"],
    [{ keys: undefined }, "there are none"],
    [{ keys: key }, "entry 1"],
    [{ keys: `k:${key}=` }, "base64url"],
    [{ keys: `k:${short}` }, "32 bytes"],
    [{ keys: `k:${key},k:${key}` }, "entry 2"],
    [{ keys: `k k:${key}` }, "kid"],
    [{ skewSeconds: 61 }, "skewSeconds"],
  ]) {
    assert.throws(
      () => verifyAssertion({ audience: "archive", keys: `k:${key}`, ...change }),
      (error) => error instanceof ConfigurationError && error.message.includes(word) && !error.message.includes(key),
    );
  }
});
