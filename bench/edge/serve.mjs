// Starts our Worker and its peers in one workerd, each behind a socket of its own, and serves the key set they verify with.
// Arguments: the workspace's root, the upstream's address, how many tokens, where to write them (one a line, Firebase tokens
// first, then as many legacy ones as `warm`), and, if wanted, the `edge` folder of another build. Prints one line of JSON when all is ready; ends with its standard input.
import { createServer } from "node:http";
import { createHmac, generateKeyPairSync, randomUUID, sign } from "node:crypto";
import { createRequire } from "node:module";
import { writeFileSync } from "node:fs";
import path from "node:path";

const [root, upstream, cold, warm, tokensFile, other] = process.argv.slice(2);
const require = createRequire(path.join(root, "package.json"));
const { Miniflare } = require("miniflare");
const esbuild = require("esbuild");

const PROJECT = "demo-crossfade";
const SECRET = "benchmark-secret-benchmark-secret";
const KID = "benchmark-key";
const ASSERTION_KEY = `bench:${Buffer.alloc(32, 7).toString("base64url")}`;

const pair = generateKeyPairSync("rsa", { modulusLength: 2048 });
const jwks = { keys: [{ ...pair.publicKey.export({ format: "jwk" }), kid: KID, alg: "RS256", use: "sig" }] };
const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
// Signed a moment ago, so that no clock of any worker finds them in its future.
const now = Math.floor(Date.now() / 1000) - 60;

function firebaseToken() {
  const uid = randomUUID();
  const email = `${uid}@example.com`;
  const signed = `${part({ alg: "RS256", kid: KID, typ: "JWT" })}.${part({
    name: "Ann Example", picture: "https://example.com/ann.png",
    iss: `https://securetoken.google.com/${PROJECT}`, aud: PROJECT, auth_time: now, user_id: uid, sub: uid, iat: now,
    exp: now + 3600, email, email_verified: true,
    firebase: { identities: { email: [email] }, sign_in_provider: "password" },
  })}`;
  return `${signed}.${sign("RSA-SHA256", Buffer.from(signed), pair.privateKey).toString("base64url")}`;
}

function legacyToken() {
  const id = randomUUID();
  const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part({
    id, email: `${id}@example.com`, tokenBalance: 3, type: "user", iat: now, exp: now + 604800,
    iss: "atma-auth-service", aud: "atma-services",
  })}`;
  return `${signed}.${createHmac("sha256", SECRET).update(signed).digest("base64url")}`;
}

const tokens = [];
for (let made = 0; made < Number(cold); made++) tokens.push(firebaseToken());
for (let made = 0; made < Number(warm); made++) tokens.push(legacyToken());
writeFileSync(tokensFile, tokens.join("\n"));

const keyServer = createServer((_, answer) => {
  answer.setHeader("content-type", "application/json");
  answer.setHeader("cache-control", "public, max-age=3600");
  answer.end(JSON.stringify(jwks));
});
await new Promise((resolve) => keyServer.listen(0, "127.0.0.1", resolve));
const keysUrl = `http://127.0.0.1:${keyServer.address().port}/`;

// Where nobody listens: the service that is down.
const nobody = createServer();
await new Promise((resolve) => nobody.listen(0, "127.0.0.1", resolve));
const downUrl = `http://127.0.0.1:${nobody.address().port}`;
await new Promise((resolve) => nobody.close(resolve));

const socket = [{ host: "127.0.0.1", port: 0 }];
// Without the last one Miniflare puts a Worker of its own between each of them and the network.
const common = { compatibilityDate: "2026-04-01", unsafeDirectSockets: socket, stripCfConnectingIp: false };

// Names of Workers, and the files of those that have another name.
const peers = {
  "pass-through": undefined, "hand-written": undefined, "firebase-auth-cloudflare-workers": undefined, jose: undefined,
  // The pass-through at the end of a turn, and the one that is asked before anybody is measured.
  "pass-through-again": "pass-through", "unmeasured": "pass-through",
};

async function peer([name, file = name]) {
  const built = await esbuild.build({
    entryPoints: [path.join(root, "bench/edge/peers", `${file}.mjs`)],
    bundle: true, format: "esm", target: "es2022", write: false, conditions: ["workerd", "worker", "browser"],
  });
  return {
    ...common, name, modules: true, script: built.outputFiles[0].text,
    bindings: { UPSTREAM: upstream, PROJECT, KEYS_URL: keysUrl, KEYS: JSON.stringify(jwks.keys), ASSERTION_KEY },
  };
}

const edge = path.join(root, "edge");
const ours = (name, folder, LOG_LEVEL) => ({
  ...common, name, modules: true, modulesRoot: folder, scriptPath: path.join(folder, "entry.mjs"),
  modulesRules: [
    { type: "CompiledWasm", include: ["**/*.wasm"] },
    { type: "ESModule", include: ["**/*.mjs", "**/*.js"] },
  ],
  bindings: {
    ENVIRONMENT: "development", FIREBASE_PROJECT_ID: PROJECT, FIREBASE_JWKS_URL: keysUrl,
    ORIGIN_URL: upstream, LEGACY_AUTH_URL: upstream, LEGACY_JWT_SECRETS: SECRET,
    ORIGIN_ASSERTION_KEYS: ASSERTION_KEY, LOG_LEVEL,
    UPSTREAMS: JSON.stringify([
      { prefix: "/api/archive", url: upstream, auth: "required" },
      { prefix: "/api/translated", url: upstream, auth: "required", token: "legacy" },
      { prefix: "/api/down", url: downUrl, auth: "required" },
    ]),
  },
});
// The peers write no log. At `warn` ours writes a line where it fails, as it does where a breaker is open.
const builds = [ours("crossfade", edge, "warn"), ours("crossfade-logging", edge, "info")];
if (other) builds.push(ours("beside", path.resolve(other), "warn"));

const workers = [...builds, ...(await Promise.all(Object.entries(peers).map(peer)))];
// Lines are written and read, and shown nowhere.
const handleRuntimeStdio = (...streams) => streams.forEach((stream) => stream.resume());
const workerd = new Miniflare({ host: "127.0.0.1", port: 0, handleRuntimeStdio, workers });
await workerd.ready;
const addresses = {};
for (const { name } of workers) addresses[name] = String(await workerd.unsafeGetDirectURL(name));
console.log(JSON.stringify(addresses));

process.stdin.resume();
process.stdin.on("end", async () => {
  await workerd.dispose();
  process.exit(0);
});
