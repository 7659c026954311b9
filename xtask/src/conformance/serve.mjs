// Serves the Worker built into the folder given, in workerd, on a free port; says where on the first line of its output.
// Ends when its standard input does, so that it cannot outlive whoever started it.
import { createRequire } from "node:module";
import path from "node:path";

const [folder, root] = process.argv.slice(2);
const { Miniflare } = createRequire(path.join(root, "package.json"))("miniflare");

const worker = new Miniflare({
  modules: true,
  modulesRoot: folder,
  modulesRules: [
    { type: "CompiledWasm", include: ["**/*.wasm"] },
    { type: "ESModule", include: ["**/*.js", "**/*.mjs"] },
  ],
  scriptPath: path.join(folder, "entry.mjs"),
  compatibilityDate: "2026-04-01",
  host: "127.0.0.1",
  port: 0,
});

console.log(String(await worker.ready));
process.stdin.resume();
process.stdin.on("end", async () => {
  await worker.dispose();
  process.exit(0);
});
