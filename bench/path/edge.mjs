// Our Worker alone in workerd, in front of the origin. Its variables are the argument, as JSON; prints its address when it is ready, and ends
// with its standard input.
import { createRequire } from "node:module";
import path from "node:path";

const [root, variables] = process.argv.slice(2);
const { Miniflare } = createRequire(path.join(root, "package.json"))("miniflare");
const folder = path.join(root, "edge");
const workerd = new Miniflare({
  host: "127.0.0.1", port: 0, compatibilityDate: "2026-04-01",
  unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
  // It would put a Worker of its own between ours and the network.
  stripCfConnectingIp: false,
  name: "crossfade", modules: true, modulesRoot: folder, scriptPath: path.join(folder, "entry.mjs"),
  modulesRules: [
    { type: "CompiledWasm", include: ["**/*.wasm"] },
    { type: "ESModule", include: ["**/*.mjs", "**/*.js"] },
  ],
  bindings: JSON.parse(variables),
  handleRuntimeStdio: (...streams) => streams.forEach((stream) => stream.resume()),
});
await workerd.ready;
console.log(String(await workerd.unsafeGetDirectURL("crossfade")));
process.stdin.resume();
process.stdin.on("end", async () => {
  await workerd.dispose();
  process.exit(0);
});
