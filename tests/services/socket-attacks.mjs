// A stranger's Socket.IO client, packet by packet: attacks the notification service behind the edge of argument 1 with the valid token of
// argument 2 and a deactivated user's legacy token in argument 3, which the service itself would accept. Prints what became of each attack.

import { WebSocket } from "ws";

const [base, valid, revoked] = process.argv.slice(2);
const path = `${base}/api/notifications/socket.io/?EIO=4&transport=`;
const connect = (token, namespace = "") => `40${namespace}${JSON.stringify({ token })}`;

// A connection, and what it received.
async function open() {
  const socket = new WebSocket(`${path.replace("http", "ws")}websocket`);
  const received = [];
  let wake = () => {};
  const hear = (what) => {
    received.push(what);
    wake();
  };
  socket.on("message", (data, isBinary) => hear(isBinary ? data : data.toString()));
  socket.on("close", (code) => hear(`closed ${code}`));
  socket.on("error", (error) => hear(`error ${error.message}`));
  // The first that fits, or the end of the connection.
  const until = async (fits) => {
    for (;;) {
      const found = received.find((what) => fits(what) || /^(closed|error) /.test(what));
      if (found !== undefined) return found;
      await new Promise((resolve) => (wake = resolve));
    }
  };
  await until((what) => String(what).startsWith("0{"));
  return { send: (...packets) => packets.forEach((packet) => socket.send(packet)), until, received, end: () => socket.close() };
}

const starts = (...beginnings) => (what) => beginnings.some((beginning) => String(what).startsWith(beginning));
const greeted = starts('42["authenticated"', '42/admin,["authenticated"');

// What becomes of a connection that sends `packets`: it is refused with `code`, and closed.
async function refusedWith(code, ...packets) {
  const socket = await open();
  for (const packet of packets) {
    // A service ends the connection of a client that leaves before it has joined.
    if (packet === "41") await socket.until(starts("40{"));
    socket.send(packet);
  }
  const closed = await socket.until(() => false);
  const last = String(socket.received.at(-2));
  const isRefused = starts("44{", "44/admin,{")(last) && last.includes(`"${code}"`) && closed === "closed 1008";
  return isRefused || socket.received;
}

const attacks = {
  "a deactivated user's token": () => refusedWith("USER_DISABLED", connect(revoked)),
  "in a namespace": () => refusedWith("USER_DISABLED", connect(revoked, "/admin,")),
  "a space for the digit": () => refusedWith("VALIDATION_ERROR", connect(revoked).replace("40", "4 ")),
  "an acknowledgement's number": () => refusedWith("VALIDATION_ERROR", connect(revoked).replace("40", "407")),
  "two keys, the second revoked": () =>
    refusedWith("USER_DISABLED", `40{"token":${JSON.stringify(valid)},"token":${JSON.stringify(revoked)}}`),
  "no token": () => refusedWith("TOKEN_MISSING", "40"),
  "no text": () => refusedWith("TOKEN_MALFORMED", '40{"token":{"a":1}}'),
  "no JSON": () => refusedWith("VALIDATION_ERROR", '40{"token":'),
  "a giant token": () => refusedWith("VALIDATION_ERROR", connect("x".repeat(900_000))),
  "again after leaving": () => refusedWith("USER_DISABLED", connect(valid), "41", connect(revoked)),
  "behind one that is being verified": () => refusedWith("USER_DISABLED", connect(valid), connect(revoked, "/admin,")),
  "a message in no namespace": async () => {
    const socket = await open();
    socket.send('42["echo","a"]', Buffer.from([4, 0]));
    return starts("closed")(await socket.until(() => false));
  },
  "by long polling": async () => {
    const { sid } = JSON.parse((await (await fetch(`${path}polling`)).text()).slice(1));
    const statuses = [];
    for (const packet of [connect(revoked), connect(revoked).replace("40", "4 "), `3\u001e${connect(revoked)}`, "40"]) {
      statuses.push((await fetch(`${path}polling&sid=${sid}`, { method: "POST", body: packet })).status);
    }
    const joined = await fetch(`${path}polling&sid=${sid}`, { method: "POST", body: connect(valid) });
    const told = await (await fetch(`${path}polling&sid=${sid}`)).text();
    return (statuses.join() === "403,400,403,401" && joined.status === 200 && told.startsWith("40{")) || { statuses, told };
  },
  "nothing: everything passes in order": async () => {
    const socket = await open();
    const long = "é".repeat(400_000);
    socket.send(connect(valid));
    // Until then a service ends the connection of a client that sends a message.
    await socket.until(starts("40{"));
    socket.send(connect(valid, "/admin,"), '42["echo","first"]', `42["echo",${JSON.stringify(long)}]`);
    socket.send('451-["echo",{"_placeholder":true,"num":0}]', Buffer.from([1, 2, 3]));
    await socket.until((what) => Buffer.isBuffer(what));
    await socket.until(starts('42/admin,["authenticated"'));
    const told = socket.received.filter((what) => starts("42", "451-")(what) && !greeted(what));
    const binary = socket.received.find((what) => Buffer.isBuffer(what));
    const inOrder = told[0] === '42["echo","first"]' && told[1] === `42["echo",${JSON.stringify(long)}]` && told[2].startsWith("451-");
    const joined = socket.received.filter(greeted).length === 2;
    socket.send('42["leave"]');
    const closed = await socket.until(() => false);
    return (inOrder && joined && binary.equals(Buffer.from([1, 2, 3])) && closed.startsWith("closed")) || socket.received.map((what) => String(what).slice(0, 80));
  },
  "many namespaces": async () => {
    const socket = await open();
    for (let number = 0; number < 200; number++) socket.send(connect(valid, `/n${number},`));
    const last = await socket.until(starts("44/n199,"));
    socket.send(connect(valid));
    const joined = greeted(await socket.until(greeted));
    socket.end();
    return (joined && last.includes("Invalid namespace")) || socket.received.slice(-3);
  },
};

const told = {};
for (const [name, attack] of Object.entries(attacks)) {
  const outcome = await attack().catch((error) => String(error));
  told[name] = outcome === true ? "as expected" : outcome;
}
console.log(JSON.stringify(told));
