// A service that callers reach without the edge, with their own tokens. `PORT`, `AUTH_URL` (edge or origin), `AUTH_SERVICE_URL` (the older
// service, as long as there is one) and `SERVICE_KEY` come from the environment.
//
//     node clients/node/examples/verify-token-service.mjs

import { createServer } from "node:http";
import { answer, authenticate } from "@crossfade/client";

const { AUTH_URL = "http://127.0.0.1:8787", AUTH_SERVICE_URL, SERVICE_KEY } = process.env;
const key = SERVICE_KEY ? { serviceKey: SERVICE_KEY } : {};
const who = authenticate({
  url: AUTH_URL,
  ...key,
  ...(AUTH_SERVICE_URL ? { fallback: { url: AUTH_SERVICE_URL, ...key } } : {}),
}).http();

const server = createServer(async (request, response) => {
  try {
    const { user } = await who(request);
    response.setHeader("content-type", "application/json").end(JSON.stringify({ service: "node", user }));
  } catch (error) {
    // The service itself answers an error that is not a refusal.
    if (!answer(request, response, error)) response.writeHead(500).end();
  }
});

server.listen(Number(process.env.PORT ?? 0), "127.0.0.1", () => {
  console.log(`listening on 127.0.0.1:${server.address().port}`);
});
