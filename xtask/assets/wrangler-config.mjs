// Reads wrangler.toml for each environment as wrangler does, and fails on whatever it would only warn about.
import { createRequire } from "node:module";

const require = createRequire(`${process.cwd()}/package.json`);
const { unstable_readConfig } = require("wrangler");

// One warning is wanted: development has no limits, because tests call a lot.
const WANTED = /"ratelimits"/;

let said = "";
for (const stream of [process.stdout, process.stderr]) {
  const write = stream.write.bind(stream);
  stream.write = (text, ...rest) => {
    said += text;
    return write(text, ...rest);
  };
}

for (const env of [undefined, "development", "staging", "production"]) {
  const config = unstable_readConfig({ config: "wrangler.toml", env });
  const bound = [
    ...config.durable_objects.bindings.map(({ name }) => name),
    ...config.analytics_engine_datasets.map(({ binding }) => binding),
    ...config.ratelimits.map(({ name }) => name),
  ];
  console.log(`${env ?? "(none)"}: ${config.name}, ${Object.keys(config.vars).length} variables, bound to ${bound.join(" ") || "nothing"}`);
}
// Headings of a list are about an environment, its points about a field.
const points = said.split("\n").filter((line) => /^\s+- /.test(line) && !/environment configuration$/.test(line));
process.exitCode = points.every((point) => WANTED.test(point)) ? 0 : 1;
