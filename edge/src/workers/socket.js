// A WebSocket through the edge, message by message. Only one to a Socket.IO server that looks for the token in messages takes this way; all
// others are handed on untouched.

import { apply } from "./send.js";

// How much may wait, in characters and bytes, while a token is being verified, and for how many of them a message counts beside its own: an
// empty one takes memory, too.
const MAX_WAITING = 1048576;
const MESSAGE = 256;
const REFUSED = 1008;
const BROKEN = 1011;
const TRY_AGAIN = 1013;

// Answers with `response`, which opens a WebSocket. `replace` resolves to the packet for the service in place of one that may be a CONNECT
// packet, to the refusal for the client, or to nothing in an outage.
export function relayMessages(response, changes, replace, request, env, context, isKnown) {
  const service = response.webSocket;
  const [outer, client] = Object.values(new WebSocketPair());
  const answer = new Response(null, { status: 101, headers: response.headers, webSocket: outer });
  apply(answer.headers, changes.split("\n"), 0);
  // The two connections compress for themselves.
  answer.headers.delete("sec-websocket-extensions");

  let isOpen = true;
  // What came behind a packet that is being verified; undefined while none is.
  let waiting;
  let waitingSize = 0;

  const end = (code, reason = "") => {
    if (!isOpen) return;
    isOpen = false;
    waiting = undefined;
    close(client, code, reason);
    close(service, code, reason);
  };
  const pass = (to, data) => {
    try {
      to.send(data);
    } catch {
      end(BROKEN);
    }
  };
  const take = (data) => {
    if (typeof data === "string" && mayConnect(data)) verify(data);
    else pass(service, data);
  };
  const verify = async (packet) => {
    waiting = [];
    let replaced = "";
    try {
      replaced = await replace(request, env, context, packet, isKnown);
    } finally {
      if (replaced === "") end(TRY_AGAIN);
    }
    if (!isOpen) return;
    if (!replaced.startsWith("40")) {
      pass(client, replaced);
      return end(REFUSED);
    }
    pass(service, replaced);
    const behind = waiting ?? [];
    waiting = undefined;
    while (behind.length > 0 && isOpen) {
      const data = behind.shift();
      waitingSize -= sizeOf(data);
      take(data);
      if (waiting !== undefined) return (waiting = behind);
    }
  };

  client.addEventListener("message", ({ data }) => {
    if (!isOpen) return;
    if (waiting === undefined) return take(data);
    waitingSize += sizeOf(data);
    if (waitingSize > MAX_WAITING) return end(REFUSED);
    waiting.push(data);
  });
  service.addEventListener("message", ({ data }) => isOpen && pass(client, data));
  for (const socket of [client, service]) {
    socket.binaryType = "arraybuffer";
    socket.addEventListener("close", ({ code, reason }) => end(code, reason));
    socket.addEventListener("error", () => end(BROKEN));
    socket.accept();
  }
  return answer;
}

const sizeOf = (data) => MESSAGE + (data.length ?? data.byteLength);

// A message (4) of any type but those that are no CONNECT packet (1 to 6).
function mayConnect(packet) {
  const type = packet.charCodeAt(1);
  return packet.charCodeAt(0) === 52 && !(type >= 49 && type <= 54);
}

// With `code`, unless that says only that there was none, which no message may.
function close(socket, code, reason) {
  try {
    if (code === 1005 || code === 1006 || code === 1015) socket.close();
    else socket.close(code, reason);
  } catch {
    // It is closed.
  }
}
