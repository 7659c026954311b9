// The worker's calls of the runtime, in as few crossings of the wasm boundary as possible: every crossing copies and re-encodes strings,
// but not handles. Requests, responses and bodies therefore stay JavaScript objects and are handed on unchanged; only one text per
// direction crosses. Nothing here decides anything.

import { Gathered, TIMEOUT, UNREACHABLE, within } from "./body.js";
import { FRESH, apply, send } from "./send.js";

const encoder = new TextEncoder();

// Header values cannot contain a line feed (RFC 9110, section 5.5), so one is a safe separator. Writes the text to `room`, bytes of the
// module's own memory: wasm-bindgen's way of returning a string looks at it character by character. Returns how many bytes it wrote, or a
// negative number: how many more bytes it may need.
export function describe(request, room) {
  let text = `${request.method}\n${request.url}`;
  // Not `for … of`, which makes two objects for each header.
  request.headers.forEach((value, name) => {
    text += `\n${name}:${value}`;
  });
  const { read, written } = encoder.encodeInto(text, room);
  // A UTF-16 unit is three bytes at most.
  return read === text.length ? written : room.byteLength - 3 * text.length;
}

// A copy of a short body; the answer keeps its own. Throws for a longer one, and for one that does not come in time. The runtime itself
// undoes `gzip` and `br`, and no other coding.
export function copyOf(response, limit, timeoutMs) {
  const { body } = response.clone();
  const isDeflated = body !== null && response.headers.get("content-encoding") === "deflate";
  return within(timeoutMs, readUpTo(isDeflated ? body.pipeThrough(new DecompressionStream("deflate")) : body, limit));
}

export function location(response) {
  return response.headers.get("location") ?? undefined;
}

// The value of an answer's header, or "".
export function headerOf(response, name) {
  return response.headers.get(name) ?? "";
}

// The other side's answer, with our own headers on it; body and WebSocket are passed through untouched.
export function relay(response, changes) {
  const answer =
    response.webSocket === null || response.webSocket === undefined
      ? new Response(response.body, response)
      : new Response(null, { status: 101, headers: response.headers, webSocket: response.webSocket });
  apply(answer.headers, changes.split("\n"), 0);
  return answer;
}

export function respond(status, headers, body) {
  const answer = new Response(body.byteLength === 0 ? null : body, { status });
  apply(answer.headers, headers.split("\n"), 0);
  return answer;
}

// Lets `promise` finish when the client of its request leaves: its result serves other requests too.
function outlive(context, promise) {
  context?.waitUntil(promise.catch(() => {}));
  return promise;
}

// A question of our own. Resolves to `[status, bytes]`; throws TIMEOUT or UNREACHABLE.
export function ask(context, method, url, headers, body, timeoutMs, limit) {
  return outlive(context, askWithin(method, url, headers, body, timeoutMs, limit));
}

async function askWithin(method, url, headers, body, timeoutMs, limit) {
  const signal = AbortSignal.timeout(timeoutMs);
  const question = () => {
    const request = new Request(url, { method, signal, redirect: "manual", body: body === "" ? null : body });
    apply(request.headers, headers.split("\n"), 0);
    return fetch(request, FRESH);
  };
  try {
    // Once more over another connection, where asking changes nothing: the first may have been closed just now.
    const response = await question().catch((fault) => {
      if (signal.aborted || method !== "GET") throw fault;
      return question();
    });
    return [response.status, await readUpTo(response.body, limit)];
  } catch {
    throw signal.aborted ? TIMEOUT : UNREACHABLE;
  }
}

// A second copy of an answer that will also be relayed.
export function copy(response) {
  return response.clone();
}

// Repeats a read at the other side once `answer`, the first side's, has gone out. Resolves to `[its bytes, the other's status, the other's
// bytes]`, or to undefined where there is nothing to compare.
export async function shadow(request, answer, message, body, timeoutMs, limit) {
  const bytes = await readUpTo(answer.body, limit);
  const other = await send(request, message, body, timeoutMs, false);
  if (typeof other === "number") return undefined;
  return [bytes, other.status, await readUpTo(other.body, limit)];
}

// Reports to the Durable Object what this isolate saw of both sides: the numbers in the body, the callers in a header, which an object of
// an earlier version ignores. Resolves to the object's answer, as text.
export function exchange(context, namespace, variables, report, callers, sightings, sessions, timeoutMs) {
  return outlive(context, exchangeWithin(namespace, variables, report, callers, sightings, sessions, timeoutMs));
}

async function exchangeWithin(namespace, variables, report, callers, sightings, sessions, timeoutMs) {
  const object = namespace.get(namespace.idFromName("step-down"));
  const signal = AbortSignal.timeout(timeoutMs);
  const headers = { "x-callers": callers, "x-overrides": "1", "x-variables": encodeURIComponent(variables) };
  if (sightings !== "") headers["x-sightings"] = sightings;
  if (sessions !== "") headers["x-sessions"] = sessions;
  const answer = await object.fetch("https://step-down.invalid/", { method: "POST", body: report, headers, signal });
  if (!answer.ok) throw new Error("the object failed");
  return answer.text();
}

// Shows or changes the overrides of the rollout, which the same object keeps. Resolves to its reply, as text.
export function steer(context, namespace, variables, author, change, timeoutMs) {
  return outlive(context, steerWithin(namespace, variables, author, change, timeoutMs));
}

async function steerWithin(namespace, variables, author, change, timeoutMs) {
  const object = namespace.get(namespace.idFromName("step-down"));
  const signal = AbortSignal.timeout(timeoutMs);
  const headers = { "x-author": author, "x-variables": encodeURIComponent(variables) };
  const method = change === undefined ? "GET" : "PUT";
  const answer = await object.fetch("https://step-down.invalid/rollout", { method, body: change, headers, signal });
  if (!answer.ok) throw new Error("the object failed");
  return answer.text();
}

export function requestHeader(request, name) {
  return request.headers.get(name) ?? "";
}

// The variables of the asking isolate.
export function variablesOf(request) {
  return decodeURIComponent(request.headers.get("x-variables") ?? "");
}

// The part of a report that travels in a header.
export function callersOf(request) {
  return request.headers.get("x-callers") ?? "";
}

// The storage of that object.
export async function load(storage, name) {
  return (await storage.get(name)) ?? "";
}

export function store(storage, name, text) {
  return storage.put(name, text);
}

// Several at once, all or none: `entries` is a JSON object of texts.
export function storeAll(storage, entries) {
  return storage.put(JSON.parse(entries));
}

export function setAlarm(storage, afterMs) {
  return storage.setAlarm(Date.now() + afterMs);
}

// Whether one more call by `key` is within the limit that `binding` counts; undefined when the counter does not answer.
export async function isWithin(binding, key) {
  try {
    return (await binding.limit({ key })).success;
  } catch {
    return undefined;
  }
}

// Reads a document of at most `limit` bytes. Resolves to `[status, cache-control, age, bytes]`; throws on a connection error,
// the timeout and a larger document alike.
export async function download(url, timeoutMs, limit) {
  const signal = AbortSignal.timeout(timeoutMs);
  const response = await fetch(url, { ...FRESH, signal, headers: { accept: "application/json" } });
  const header = (name) => response.headers.get(name) ?? "";
  return [response.status, header("cache-control"), header("age"), await readUpTo(response.body, limit)];
}

async function readUpTo(stream, limit) {
  const bytes = new Gathered();
  for await (const part of stream ?? []) {
    if (bytes.length + part.byteLength > limit) throw new RangeError(`larger than ${limit} bytes`);
    bytes.add(part);
  }
  return bytes.whole();
}

// The data centre's cache, shared by its isolates. The address is only a name there; nothing is ever fetched from it.
const shelf = (name) => `https://crossfade.invalid/${encodeURIComponent(name)}`;

// The entry stored as `name`: `[fetchedAt, freshFor, bytes]` (seconds), or undefined.
export async function recall(name) {
  const kept = await caches.default.match(shelf(name));
  if (kept === undefined) return undefined;
  const number = (header) => Number(kept.headers.get(header));
  return [number("x-fetched-at"), number("x-fresh-for"), new Uint8Array(await kept.arrayBuffer())];
}

export function keep(name, bytes, fetchedAt, freshFor, keepFor) {
  const headers = { "cache-control": `max-age=${keepFor}`, "x-fetched-at": fetchedAt, "x-fresh-for": freshFor };
  return caches.default.put(shelf(name), new Response(bytes, { headers }));
}

// A request that waits for another one asks again after a pause of its own. A promise that the other resolves would do until the engine has
// optimised this function: the promises of optimised code do not know to which request they belong, so that the runtime lets the one that
// waited go on in the other's context, where it may neither send nor answer.
export function pause(ms) {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

export function random(length) {
  return crypto.getRandomValues(new Uint8Array(length));
}

const RS256 = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };

export function importRs256(jwk) {
  return crypto.subtle.importKey("jwk", JSON.parse(jwk), RS256, false, ["verify"]);
}

export function verifyRs256(key, signature, message) {
  // The key knows its hash.
  return crypto.subtle.verify(RS256.name, key, signature, message);
}

// Hands Analytics Engine a point about a request, once that request's answer is on its way: nothing waits for it, and a dataset that fails
// loses the point alone.
export function tell(dataset, context, index, blobs, doubles) {
  const point = { indexes: [index], blobs: blobs.split("\n"), doubles: Array.from(doubles) };
  const told = new Promise((resolve) => {
    setTimeout(() => {
      try {
        // The real dataset returns nothing; another Worker in its place returns a promise.
        resolve(dataset.writeDataPoint(point));
      } catch {
        resolve();
      }
    }, 0);
  });
  context.waitUntil(told.catch(() => {}));
}

// Asks a service about its readiness. Resolves to `[status, its Date header in milliseconds or NaN, milliseconds until the headers, our
// time then, bytes]`, or to "timeout" or "unreachable".
export async function probe(url, timeoutMs, limit) {
  const signal = AbortSignal.timeout(timeoutMs);
  const began = Date.now();
  try {
    const response = await fetch(url, { ...FRESH, signal, redirect: "manual", headers: { accept: "application/json" } });
    const now = Date.now();
    const date = Date.parse(response.headers.get("date") ?? "");
    return [response.status, date, now - began, now, await readUpTo(response.body, limit)];
  } catch {
    return signal.aborted ? "timeout" : "unreachable";
  }
}

export function log(level, line) {
  if (level === "info") console.log(line);
  else console.warn(line);
}
