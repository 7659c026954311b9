// A service behind the edge on plain node:http. `PORT`, `CROSSFADE_AUDIENCE` and `CROSSFADE_ASSERTION_KEYS` (what
// `origin assertion-keys <audience>` prints) come from the environment.
//
//     node clients/node/examples/http-service.mjs

import { createServer } from "node:http";
import { answer, verifyAssertion } from "@crossfade/client";

const who = verifyAssertion({
  audience: process.env.CROSSFADE_AUDIENCE ?? "archive",
  keys: process.env.CROSSFADE_ASSERTION_KEYS ?? "",
}).http();

const server = createServer(async (request, response) => {
  if (request.url === "/livez") {
    response.end();
    return;
  }
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
