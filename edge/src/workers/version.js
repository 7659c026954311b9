// Tells the configuration of a request. Cloudflare may hand a running isolate new variables, in a new `env`
// (https://developers.cloudflare.com/workers/runtime-apis/bindings/#making-changes-to-bindings).

// During a gradual deployment one isolate may serve two versions in turn.
const KEPT = 2;

// Newest first.
const configurations = [];
let latest = 0;

// The number of the configuration in `env`: the same as long as nothing in it changed. With version metadata that is one property read and
// one comparison; every change of a variable or secret makes a version of its own.
export function configurationOf(env) {
  const id = env.CF_VERSION_METADATA?.id;
  const first = configurations[0];
  if (first !== undefined && isOf(first, id, env)) return first.number;
  const known = configurations.find((configuration) => isOf(configuration, id, env));
  if (known !== undefined) return known.number;
  latest += 1;
  configurations.unshift({ number: latest, id, values: id === undefined ? valuesOf(env) : undefined });
  configurations.splice(KEPT);
  return latest;
}

function isOf({ id: known, values }, id, env) {
  return id === undefined ? values !== undefined && agree(values, env) : known === id;
}

// Names and values in turn. Of other bindings only the name: their objects may be new at every request.
function valuesOf(env) {
  const values = [];
  for (const name in env) values.push(name, textOf(env[name]));
  return values;
}

function agree(values, env) {
  let at = 0;
  for (const name in env) {
    if (values[at] !== name || values[at + 1] !== textOf(env[name])) return false;
    at += 2;
  }
  return at === values.length;
}

function textOf(value) {
  return typeof value === "string" ? value : undefined;
}
