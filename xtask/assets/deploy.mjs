// The YAML that nothing here can run: is it well-formed, and does what it names exist? Prints every fault, and fails if there is one.
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

const require = createRequire(`${process.cwd()}/package.json`);
const { parseDocument } = require("yaml");

const faults = [];

function read(file) {
  const document = parseDocument(readFileSync(file, "utf8"), { merge: true, strict: true, uniqueKeys: true });
  for (const { message } of [...document.errors, ...document.warnings]) faults.push(`${file}: ${message}`);
  return document.errors.length === 0 ? document.toJS() : {};
}

function must(holds, file, rule) {
  if (!holds) faults.push(`${file}: ${rule}`);
}

const pinned = (image) => /:[^:]*\d[^:]*$/.test(image);

function compose(file) {
  const folder = path.dirname(file);
  const { services = {}, volumes = {} } = read(file);
  for (const [name, service] of Object.entries(services)) {
    const rule = (holds, text) => must(holds, file, `${name}: ${text}`);
    rule(service.build !== undefined || pinned(service.image ?? ""), `${service.image} is not pinned to a version`);
    if (service.build !== undefined) {
      const context = path.join(folder, service.build.context);
      rule(existsSync(path.join(context, service.build.dockerfile)), `${service.build.dockerfile} does not exist`);
    }
    for (const mount of service.volumes ?? []) {
      const [source, , mode] = mount.split(":");
      if (/^[./]/.test(source)) {
        rule(existsSync(path.join(folder, source)), `${source} does not exist`);
        rule(mode === "ro", `${source} can be written to from inside`);
      } else rule(source in volumes, `the volume ${source} is not declared`);
    }
    for (const port of service.ports ?? []) rule(/^127\.0\.0\.1:\d+:\d+$/.test(port), `port ${port} is open to the network`);
    for (const other of Object.keys(service.depends_on ?? {})) {
      rule(other in services, `it waits for ${other}, which does not exist`);
      const { condition } = service.depends_on[other];
      rule(condition !== "service_healthy" || services[other]?.healthcheck !== undefined, `${other} has no health check to wait for`);
    }
    rule(service.user !== "root" && !service.privileged, "it runs with every right");
  }
  const offered = new Set([...readFileSync(path.join(folder, "example.env"), "utf8").matchAll(/^([A-Z_]+)=/gm)].map(([, name]) => name));
  const used = new Set([...readFileSync(file, "utf8").matchAll(/\$\{([A-Z_]+)/g)].map(([, name]) => name));
  for (const name of used) must(offered.has(name), file, `example.env does not say how ${name} is made`);
  for (const name of offered) must(used.has(name), file, `nothing uses ${name} of example.env`);
  return services;
}

// Variables that Grafana's provisioning takes from its environment.
function provisioning(folder, environment) {
  for (const kind of readdirSync(folder)) {
    for (const name of readdirSync(path.join(folder, kind))) {
      const file = path.join(folder, kind, name);
      read(file);
      for (const [, variable] of readFileSync(file, "utf8").matchAll(/\$([A-Z_]+)/g)) {
        must(variable in environment, file, `Grafana is not given ${variable}`);
      }
    }
  }
  const sources = new Set(read(path.join(folder, "datasources/crossfade.yml")).datasources?.map(({ uid }) => uid));
  const dashboards = "ops/grafana/dashboards";
  for (const name of readdirSync(dashboards)) {
    const file = path.join(dashboards, name);
    for (const [, uid] of readFileSync(file, "utf8").matchAll(/"datasource": \{\s*"type": "[^"]*",\s*"uid": "([^"]*)"/g)) {
      must(sources.has(uid), file, `the data source ${uid} is not provisioned`);
    }
  }
}

function workflow(file) {
  const { on, jobs = {}, permissions } = read(file);
  must(on !== undefined, file, "nothing starts it");
  must(permissions?.contents === "read", file, "its token may do more than read");
  for (const [name, job] of Object.entries(jobs)) {
    must(/\d/.test(job["runs-on"] ?? ""), file, `${name}: the runner is not pinned to a version`);
    must(job["timeout-minutes"] > 0, file, `${name}: it may hang for six hours`);
    for (const step of job.steps ?? []) {
      must((step.uses === undefined) !== (step.run === undefined), file, `${name}: a step that neither uses nor runs something`);
      if (step.uses !== undefined) must(/@(v\d+|[0-9a-f]{40})$/.test(step.uses), file, `${step.uses} is not pinned to a version`);
      // `cargo xtask` verbs are looked up in every document and here by the commands' own list.
      const own = /^(\.\S+)/.exec(step.run ?? "");
      if (own) must(existsSync(own[1]), file, `${own[1]} does not exist`);
      for (const [, expression] of (JSON.stringify(step).match(/\$\{\{.*?\}\}/g) ?? []).map((text) => [text, text])) {
        must(!/github\.event\.(issue|pull_request|comment|head_commit)/.test(expression), file, `${expression} puts a stranger's words into a command`);
      }
    }
  }
}

const { grafana } = compose("ops/docker/compose.yml");
provisioning("ops/grafana/provisioning", grafana?.environment ?? {});
for (const name of readdirSync(".github/workflows")) workflow(path.join(".github/workflows", name));
for (const fault of faults) console.error(fault);
process.exitCode = faults.length === 0 ? 0 : 1;
