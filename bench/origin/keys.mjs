// The issuer and the edge for `cargo xtask bench origin`: one RSA key, its key set, and as many credentials as are asked for.
// Prints its address when it listens; ends with its standard input.
//
//   GET /keys                                       the key set
//   GET /certs                                      the same as PEM, by kid
//   GET /sign-ins?round=7&from=1&count=100&of=10000 signs beforehand what the next answers for those users with the password `7`
//   POST /v1/accounts:signInWithPassword            a sign-in as Identity Toolkit answers it
//   GET /tokens?from=1&count=100&of=10000           ID tokens of users spread over a table of that size, one a line; `of=0`: of those
//                                                   very numbers
//   GET /assertions?method=GET&path=/x&from=…       what the edge would send for them, good for a minute
import { createServer } from "node:http";
import { createHmac, generateKeyPairSync, randomUUID, sign } from "node:crypto";

const PROJECT = "demo-bench";
const KID = "bench";
const ASSERTION_KEY = Buffer.alloc(32, 7);

const pair = generateKeyPairSync("rsa", { modulusLength: 2048 });
const keys = JSON.stringify({
  keys: [{ ...pair.publicKey.export({ format: "jwk" }), kid: KID, alg: "RS256", use: "sig" }],
});
const certs = JSON.stringify({ [KID]: pair.publicKey.export({ type: "spki", format: "pem" }) });
const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

// Users' rows know of a later sign-in, also those of a database that an earlier run filled: nobody's is news, except of `/sign-ins`.
const LONG_AGO = Math.floor(Date.now() / 1000) - 30 * 86_400;
// The number a user's uid is made of; see database.rs.
const uid = (number) => String(1_000_000_000_000_000_000n + BigInt(number));

function token(number, signedIn = LONG_AGO) {
  const email = `${number}@bench.example`;
  const now = Math.floor(Date.now() / 1000);
  const signed = `${part({ alg: "RS256", kid: KID, typ: "JWT" })}.${part({
    iss: `https://securetoken.google.com/${PROJECT}`, aud: PROJECT, auth_time: signedIn, user_id: uid(number),
    sub: uid(number), iat: now - 5, exp: now + 3600, email, email_verified: true, jti: randomUUID(),
    firebase: { identities: { email: [email] }, sign_in_provider: "password" },
  })}`;
  return `${signed}.${sign("RSA-SHA256", Buffer.from(signed), pair.privateKey).toString("base64url")}`;
}

function assertion(number, method, path) {
  const now = Math.floor(Date.now() / 1000);
  const signed = `${part({ alg: "HS256", kid: "bench", typ: "crossfade+jwt" })}.${part({
    iss: "crossfade-edge", aud: "origin", htm: method, htu: path, jti: randomUUID(), ip: "192.0.2.1", iat: now, exp: now + 60,
    id: {
      kind: "firebase", subject: { firebase: uid(number) }, project: PROJECT, email: `${number}@bench.example`,
      email_verified: true, sign_in_provider: "password", auth_time: LONG_AGO, issued_at: now - 5, expires_at: now + 3600,
    },
  })}`;
  return `${signed}.${createHmac("sha256", ASSERTION_KEY).update(signed).digest("base64url")}`;
}

// By password and e-mail: `42@bench.example` is user 42.
const prepared = new Map();
const last = { round: undefined, signedIn: 0 };

/** A round is a second later than the one before at least: to the rows of its users it is news. */
function prepare(round, numbers) {
  if (round !== last.round) {
    last.round = round;
    last.signedIn = Math.max(last.signedIn + 1, Math.floor(Date.now() / 1000));
  }
  for (const number of numbers) prepared.set(`${round} ${number}@bench.example`, token(number, last.signedIn));
}

function signIn(request, answer) {
  let body = "";
  request.on("data", (piece) => (body += piece));
  request.on("end", () => {
    const { email, password } = JSON.parse(body);
    const idToken = prepared.get(`${password} ${email}`);
    if (!idToken) return answer.writeHead(400).end('{"error":{"code":400,"message":"INVALID_LOGIN_CREDENTIALS"}}');
    const number = Number.parseInt(email, 10);
    answer.setHeader("content-type", "application/json; charset=UTF-8");
    answer.end(JSON.stringify({
      kind: "identitytoolkit#VerifyPasswordResponse", localId: uid(number), email, displayName: "", idToken,
      registered: true, refreshToken: `refresh-${number}`, expiresIn: "3600",
    }));
  });
}

const server = createServer((request, answer) => {
  const { pathname, searchParams } = new URL(request.url, "http://localhost");
  if (pathname === "/keys") {
    answer.setHeader("content-type", "application/json");
    answer.setHeader("cache-control", "public, max-age=3600");
    return answer.end(keys);
  }
  if (pathname === "/certs") {
    answer.setHeader("content-type", "application/json");
    answer.setHeader("cache-control", "public, max-age=3600");
    return answer.end(certs);
  }
  if (pathname === "/v1/accounts:signInWithPassword") return signIn(request, answer);
  const [from, count, of] = ["from", "count", "of"].map((name) => Number(searchParams.get(name)));
  // A prime step spreads neighbours over the whole table.
  const numbers = Array.from({ length: count }, (_, index) => (of ? 1 + ((from + index) * 104_729) % of : from + index));
  if (pathname === "/sign-ins") {
    prepare(searchParams.get("round"), numbers);
    return answer.end();
  }
  const make = {
    "/tokens": (number) => token(number),
    "/assertions": (number) => assertion(number, searchParams.get("method"), searchParams.get("path")),
  }[pathname];
  if (!make) return answer.writeHead(404).end();
  answer.end(numbers.map(make).join("\n"));
});
server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
