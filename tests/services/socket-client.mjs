// A page's Socket.IO client: connects to argument 1 with the token in argument 2 over the transports in argument 3, prints the first
// message, and ends. Argument 4 says where the token is: `query` or `auth`.

import { io } from "socket.io-client";

const [url, token, transports, place] = process.argv.slice(2);
const socket = io(url, {
  path: "/api/notifications/socket.io",
  [place]: { token },
  transports: transports.split(","),
  reconnection: false,
  timeout: 20_000,
});
const end = (told) => {
  console.log(JSON.stringify(told));
  socket.disconnect();
};
socket.on("authenticated", (told) => {
  // A second message over a WebSocket, where the connection is upgraded to one.
  const { engine } = socket.io;
  if (engine.transport.name === transports.split(",").at(-1)) return end({ ...told, transport: engine.transport.name });
  engine.once("upgrade", () => end({ ...told, transport: engine.transport.name }));
});
socket.on("connect_error", (error) => end({ success: false, error: error.message, code: error.data?.code }));
