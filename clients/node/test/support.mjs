// What the tests share: the vectors, and servers on any free port that end with the test.

import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";

/** The edge's own vectors, which the Rust code makes and checks. */
export const vectors = JSON.parse(
  readFileSync(new URL("../../../shared/tests/vectors/assertions.json", import.meta.url), "utf8"),
);

export const vector = (name) => {
  const found = vectors.vectors.find((vector) => vector.name === name);
  if (found === undefined) throw new Error(`there is no vector "${name}"`);
  return found;
};

/** The options with which `vector` is opened. */
export const optionsFor = (vector) => ({
  audience: vector.audience,
  keys: vectors.keys,
  skewSeconds: vector.skew_seconds,
  now: () => vector.now,
});

/** Serves `handler` until the test `t` ends. */
export async function serve(t, handler) {
  const server = createServer(handler);
  return listen(t, server);
}

export async function listen(t, server) {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${server.address().port}`;
}
