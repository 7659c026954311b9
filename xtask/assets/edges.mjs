// Starts edges on request, for tests that need one with variables of its own, or one whose caches nobody has filled yet. Each
// runs in a workerd of its own.
//   POST /        {"variables": {…}, "bindings": {…}, "cache": "name"} → 201 {"id", "url", "direct"}; edges with the same `cache` share a data centre's cache;
//                `direct` is a socket of the Worker's own, without the local entry that tidies requests before `url`'s Worker sees them;
//                `bindings` are options of Miniflare, such as `durableObjects`; `"telemetry": true` binds a dataset that keeps its points;
//                `"isolates": 10` starts as many Workers around one object, which `others` has the direct sockets of;
//                `"changeable": true` lets each request bring variables along, see changeable-entry.mjs
//   GET /{id}     → 200 [{"indexes", "blobs", "doubles"}, …]: those points
//   GET /{id}/log → 200 {"log": "…"}: what it has written so far
//   PUT /{id}     → 200 as for POST: the runtime starts again, with what its objects have stored
//   DELETE /{id}  → 204; its isolate ends
// Arguments: the workspace's root, the configuration (a wrangler.toml without environments), the port.
import { rm } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import path from "node:path";

const [root, config, port] = process.argv.slice(2);
const require = createRequire(path.join(root, "package.json"));
const { Miniflare, Response } = require("miniflare");
const { unstable_getMiniflareWorkerOptions } = require("wrangler");

const { workerOptions, main } = unstable_getMiniflareWorkerOptions(config);
const edges = new Map();
let latest = 0;

// Stands where Analytics Engine would: its local stand-in forgets what it is given.
const DATASET = `import { WorkerEntrypoint } from "cloudflare:workers";
export default class extends WorkerEntrypoint {
  async writeDataPoint(point) {
    await this.env.KEEP.fetch("http://keep.invalid/", { method: "POST", body: JSON.stringify(point) });
  }
}`;

function dataset(points) {
  const KEEP = async (request) => {
    points.push(await request.json());
    return new Response(null, { status: 204 });
  };
  const { compatibilityDate } = workerOptions;
  return { name: "dataset", modules: true, script: DATASET, compatibilityDate, serviceBindings: { KEEP } };
}

const plain = (url) => String(url).replace(/\/$/, "");

// The same Worker once more, with the object of the first.
function another(worker, number) {
  const objects = Object.entries(worker.durableObjects ?? {});
  const durableObjects = objects.map(([name, object]) => [name, { ...object, scriptName: "edge" }]);
  return { ...worker, name: `edge-${number}`, durableObjects: Object.fromEntries(durableObjects) };
}

async function addresses(id, { edge, others }) {
  const url = plain(await edge.ready);
  const direct = async (name) => plain(await edge.unsafeGetDirectURL(name));
  return { id, url, direct: await direct("edge"), others: await Promise.all(others.map(direct)) };
}

async function start({ variables = {}, bindings = {}, telemetry = false, changeable = false, isolates = 1, cache }) {
  const id = String(++latest);
  const points = [];
  const written = [];
  const worker = {
    ...workerOptions,
    name: "edge",
    modules: true,
    modulesRoot: changeable ? root : path.dirname(main),
    modulesRules: [
      { type: "CompiledWasm", include: ["**/*.wasm"] },
      { type: "ESModule", include: ["**/*.mjs", "**/*.js"] },
    ],
    scriptPath: changeable ? path.join(root, "xtask/assets/changeable-entry.mjs") : main,
    unsafeDirectSockets: [{ port: 0 }],
    bindings: { ...workerOptions.bindings, ...variables },
    ...(telemetry && { serviceBindings: { TELEMETRY: "dataset" } }),
    ...bindings,
  };
  const more = Array.from({ length: isolates - 1 }, (_, index) => another(worker, index + 1));
  const folder = path.join(path.dirname(config), "objects", `of-${id}`);
  const options = {
    workers: [worker, ...more, ...(telemetry ? [dataset(points)] : [])],
    durableObjectsPersist: folder,
    cachePersist: path.join(path.dirname(config), "cache", cache ?? `of-${id}`),
    cf: false,
    handleRuntimeStdio: (...streams) => streams.forEach((stream) => stream.on("data", (part) => {
      written.push(part);
      process.stdout.write(part);
    })),
    host: "127.0.0.1",
    port: 0,
  };
  await rm(folder, { recursive: true, force: true });
  const started = { edge: new Miniflare(options), options, points, written, others: more.map(({ name }) => name) };
  edges.set(id, started);
  return addresses(id, started);
}

async function restart(id, started) {
  await started.edge.dispose();
  started.edge = new Miniflare(started.options);
  return addresses(id, started);
}

async function read(request) {
  let text = "";
  for await (const part of request) text += part;
  return JSON.parse(text);
}

async function answer(request) {
  if (request.method === "POST" && request.url === "/") return [201, await start(await read(request))];
  const [id, part] = request.url.slice(1).split("/");
  const found = edges.get(id);
  if (found === undefined) return [404, { error: "no such edge" }];
  if (part === "log") return [200, { log: Buffer.concat(found.written).toString() }];
  if (request.method === "GET") return [200, found.points];
  if (request.method === "PUT") return [200, await restart(id, found)];
  if (request.method !== "DELETE") return [405, { error: "GET, PUT or DELETE" }];
  edges.delete(id);
  await found.edge.dispose();
  return [204];
}

const server = createServer(async (request, response) => {
  const [status, body] = await answer(request).catch((error) => [500, { error: String(error.stack ?? error) }]);
  response.writeHead(status, { "content-type": "application/json" });
  response.end(body && JSON.stringify(body));
});
server.listen(Number(port), "127.0.0.1");

process.on("SIGTERM", async () => {
  server.close();
  await Promise.all([...edges.values()].map(({ edge }) => edge.dispose()));
  process.exit(0);
});
