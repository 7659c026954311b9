import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";
import { authenticate, socketIo } from "@crossfade/client";
import { Server } from "socket.io";
import { io } from "socket.io-client";
import { listen, serve } from "./support.mjs";

const USER = { id: "3f2504e0-4f89-41d3-9a0c-0305e82c3301", user_type: "user", token_balance: 3 };

async function notifications(t) {
  const auth = await serve(t, async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const good = JSON.parse(body).token === "good";
    response.statusCode = good ? 200 : 401;
    response.end(
      JSON.stringify(good ? { data: { valid: true, user: USER } } : { error: { code: "TOKEN_EXPIRED", message: "x" } }),
    );
  });
  const server = createServer();
  const sockets = new Server(server);
  sockets.use(socketIo(authenticate({ url: auth })));
  sockets.on("connection", (socket) => {
    void socket.join(`user:${socket.data.user.id}`);
    sockets.to(`user:${USER.id}`).emit("hello", socket.data.user.tokenBalance);
  });
  const url = await listen(t, server);
  t.after(() => sockets.close());
  return (auth) => {
    const socket = io(url, { auth, reconnection: false, transports: ["websocket"] });
    t.after(() => socket.close());
    return socket;
  };
}

test("a good token in the handshake connects its user", async (t) => {
  const connect = await notifications(t);
  const [balance] = await once(connect({ token: "good" }), "hello");
  assert.equal(balance, 3);
});

test("any other client is refused and learns why", async (t) => {
  const connect = await notifications(t);
  for (const [auth, code] of [
    [{}, "TOKEN_MISSING"],
    [{ token: 7 }, "TOKEN_MISSING"],
    [{ token: "old" }, "TOKEN_EXPIRED"],
  ]) {
    const [error] = await once(connect(auth), "connect_error");
    assert.deepEqual(error.data, { code, status: 401 });
  }
});
