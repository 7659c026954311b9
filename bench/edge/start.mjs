// How long from starting workerd to the Worker's first answer, ours and a bare JavaScript one in turns. Arguments: the workspace's root, a
// folder to write to, how many turns. Prints one line of JSON: milliseconds, sorted, by worker.
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { createRequire } from "node:module";
import path from "node:path";

const [root, folder, turns] = process.argv.slice(2);
const workerd = createRequire(path.join(root, "package.json"))("workerd").default;
mkdirSync(folder, { recursive: true });

const edge = path.join(root, "edge");
const BARE = `export default { fetch: () => new Response("ok") };`;
const key = Buffer.alloc(32, 7).toString("base64url");
const variables = {
  ENVIRONMENT: "development", FIREBASE_PROJECT_ID: "demo-crossfade", ORIGIN_URL: "http://127.0.0.1:9", LEGACY_AUTH_URL: "",
  ORIGIN_ASSERTION_KEYS: `bench:${key}`, LOG_LEVEL: "warn",
};
const bindings = Object.entries(variables).map(([name, value]) => `(name = "${name}", text = "${value}")`).join(", ");
const module = (name, kind, file) => `(name = "${name}", ${kind} = embed "${path.relative(folder, file)}")`;

function config(name, port, modules) {
  const file = path.join(folder, `${name}.capnp`);
  writeFileSync(file, `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .worker)],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
);
const worker :Workerd.Worker = (
  modules = [${modules.join(", ")}], compatibilityDate = "2026-04-01", bindings = [${bindings}],
);
`);
  return file;
}

const freePort = () => new Promise((resolve) => {
  const server = createServer().listen(0, "127.0.0.1", () => {
    const { port } = server.address();
    server.close(() => resolve(port));
  });
});

/** The status line of one request, or nothing while nobody listens. */
const ask = (port) => new Promise((resolve) => {
  const socket = connect(port, "127.0.0.1");
  socket.on("connect", () => socket.write("GET /livez HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n"));
  socket.once("data", (data) => { socket.destroy(); resolve(data.toString("latin1").split("\r\n")[0]); });
  socket.on("error", () => resolve(undefined));
});

async function start(file, port) {
  const began = performance.now();
  const running = spawn(workerd, ["serve", "--experimental", file], { stdio: ["ignore", "ignore", "inherit"] });
  let answer;
  while (!(answer = await ask(port))) {
    if (running.exitCode !== null) throw new Error(`workerd ended with ${running.exitCode}`);
    if (performance.now() - began > 30_000) throw new Error("no answer within 30 s");
  }
  const took = performance.now() - began;
  running.kill("SIGKILL");
  await new Promise((resolve) => running.once("exit", resolve));
  if (!answer.includes(" 200 ")) throw new Error(`first answer: ${answer}`);
  return took;
}

writeFileSync(path.join(folder, "bare.mjs"), BARE);
const workers = {
  crossfade: [
    module("entry.mjs", "esModule", path.join(edge, "entry.mjs")),
    module("build/index.js", "esModule", path.join(edge, "build/index.js")),
    module("build/index_bg.wasm", "wasm", path.join(edge, "build/index_bg.wasm")),
  ],
  "bare JavaScript": [module("bare.mjs", "esModule", path.join(folder, "bare.mjs"))],
};
const took = Object.fromEntries(Object.keys(workers).map((name) => [name, []]));
// The first turn reads the program from disk; it is not counted.
for (let turn = 0; turn <= Number(turns); turn++) {
  for (const [name, modules] of Object.entries(workers)) {
    const port = await freePort();
    const milliseconds = await start(config(name.replace(" ", "-"), port, modules), port);
    if (turn > 0) took[name].push(milliseconds);
  }
}
for (const times of Object.values(took)) times.sort((a, b) => a - b);
console.log(JSON.stringify(took));
