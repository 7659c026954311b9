// What the worker needs of the runtime, in as few crossings of the wasm boundary as possible: strings are copied and
// re-encoded at every crossing, handles are not. Requests, responses and bodies therefore stay JavaScript objects and
// are handed on as they are; only one text per direction crosses. Nothing here decides anything.

const encoder = new TextEncoder();

// For every fetch: a subrequest goes through the cache of its address's zone, where one user's answer could be kept for all (by its
// file extension or a cache rule). Above all where the Authorization that would have forbidden it stays here.
const FRESH = { cache: "no-store" };

// Header values cannot contain a line feed (RFC 9110, section 5.5), so one is a safe separator. Writes the text to `room`, bytes of
// the module's own memory: wasm-bindgen's way of returning a string looks at it character by character. Returns how many bytes
// it wrote, or less than 0: how many more than there are it may need.
export function describe(request, room) {
  let text = `${request.method}\n${request.url}`;
  // Not `for … of`, which makes two objects a header.
  request.headers.forEach((value, name) => {
    text += `\n${name}:${value}`;
  });
  const { read, written } = encoder.encodeInto(text, room);
  // A UTF-16 unit is three bytes at most.
  return read === text.length ? written : room.byteLength - 3 * text.length;
}

// Each of `lines`, from number `first` on, is `name` (remove it), `name:value` (set it), `+name:value` (add it to the list)
// or `?name:value` (set it unless it is there).
function apply(headers, lines, first) {
  for (let number = first; number < lines.length; number++) {
    const line = lines[number];
    if (line === "") continue;
    const colon = line.indexOf(":");
    if (colon < 0) headers.delete(line);
    else if (line.startsWith("+")) headers.append(line.slice(1, colon), line.slice(colon + 1));
    else if (line.startsWith("?")) {
      const name = line.slice(1, colon);
      if (!headers.has(name)) headers.set(name, line.slice(colon + 1));
    }
    else headers.set(line.slice(0, colon), line.slice(colon + 1));
  }
}

// Reads the body if it is at most `limit` bytes. Resolves to `[bytes, body]`: the bytes, or undefined for a longer body, and
// what to send on in place of the request's own body, which may have been read from.
export async function peek(request, limit) {
  const announced = Number(request.headers.get("content-length") ?? NaN);
  if (request.body === null || announced > limit) return [undefined, undefined];
  const reader = request.body.getReader();
  const parts = [];
  for (let length = 0; length <= limit; ) {
    const { done, value } = await reader.read();
    if (done) {
      const bytes = join(parts, length);
      return [bytes, bytes];
    }
    parts.push(value);
    length += value.byteLength;
  }
  const rest = new ReadableStream({
    async pull(controller) {
      if (parts.length > 0) return controller.enqueue(parts.shift());
      const { done, value } = await reader.read();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  });
  return [undefined, rest];
}

// An upload goes at its sender's pace, which says nothing about the service behind us: it gets a minute at least.
const SMALL_BODY_BYTES = 65536;
const UPLOAD_MS = 60000;

function patience(request, body, timeoutMs) {
  if (request.body === null || body instanceof Uint8Array) return timeoutMs;
  const announced = Number(request.headers.get("content-length") ?? NaN);
  return announced <= SMALL_BODY_BYTES ? timeoutMs : Math.max(timeoutMs, UPLOAD_MS);
}

// Sends the request on. The first line of `message` is where to, the others change its headers. Without `body` the request's own body is streamed through untouched. The timeout ends
// with the answer's headers: a slow download or an open WebSocket is not a fault.
// Resolves to the Response, to 0 when the other side cannot be reached, or to 1 when it did not answer in time.
//
// By a timer alone and not an AbortSignal, which costs a tenth of a request: what is late is let go of when it comes, and the
// runtime ends what is still out when the request has been answered.
export function send(request, message, body, timeoutMs) {
  return new Promise((resolve) => {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      resolve(1);
    }, patience(request, body, timeoutMs));
    const settle = (answer) => {
      clearTimeout(timer);
      if (late && answer !== 0) discard(answer);
      resolve(answer);
    };
    try {
      const lines = message.split("\n");
      const url = lines[0];
      const forwarded =
        body === undefined
          ? new Request(url, request)
          : new Request(url, { method: request.method, headers: request.headers, redirect: "manual", body });
      apply(forwarded.headers, lines, 1);
      fetch(forwarded, FRESH).then(settle, () => settle(0));
    } catch {
      settle(0);
    }
  });
}

// A copy of a short body; the answer keeps its own. Throws for a longer one. The runtime undoes `gzip` and `br` by itself, and no
// other coding.
export function copyOf(response, limit) {
  const { body } = response.clone();
  const isDeflated = body !== null && response.headers.get("content-encoding") === "deflate";
  return readUpTo(isDeflated ? body.pipeThrough(new DecompressionStream("deflate")) : body, limit);
}

export function location(response) {
  return response.headers.get("location") ?? undefined;
}

// Frees the connection of an answer that is not going to be used.
export function discard(response) {
  response.body?.cancel().catch(() => {});
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

// A question of our own. Resolves to `[status, bytes]`; throws like `send` does not: 1 for a timeout, 0 for anything else.
export async function ask(method, url, headers, body, timeoutMs, limit) {
  const signal = AbortSignal.timeout(timeoutMs);
  const request = new Request(url, { method, signal, redirect: "manual", body: body === "" ? null : body });
  apply(request.headers, headers.split("\n"), 0);
  try {
    const response = await fetch(request, FRESH);
    return [response.status, await readUpTo(response.body, limit)];
  } catch {
    throw signal.aborted ? 1 : 0;
  }
}

// A second copy of an answer that is also going to be relayed.
export function copy(response) {
  return response.clone();
}

// Repeats a read at the other side once `answer`, the first side's, has gone out. Resolves to `[its bytes, the other's status,
// the other's bytes]`, or to undefined where there is nothing to compare.
export async function shadow(request, answer, message, body, timeoutMs, limit) {
  const bytes = await readUpTo(answer.body, limit);
  const other = await send(request, message, body, timeoutMs);
  if (typeof other === "number") return undefined;
  return [bytes, other.status, await readUpTo(other.body, limit)];
}

// Tells the object that watches both sides what this isolate saw. Resolves to its standing, as text.
export async function exchange(namespace, report, timeoutMs) {
  const object = namespace.get(namespace.idFromName("step-down"));
  const signal = AbortSignal.timeout(timeoutMs);
  const answer = await object.fetch("https://step-down.invalid/", { method: "POST", body: report, signal });
  if (!answer.ok) throw new Error("the object failed");
  return answer.text();
}

// The storage of that object.
export async function load(storage) {
  return (await storage.get("standing")) ?? "";
}

export function store(storage, standing) {
  return storage.put("standing", standing);
}

export function setAlarm(storage, afterMs) {
  return storage.setAlarm(Date.now() + afterMs);
}

// Whether one more call by `key` is within the limit that `binding` counts. A counter that cannot be asked limits nobody.
export async function isWithin(binding, key) {
  try {
    return (await binding.limit({ key })).success;
  } catch {
    return true;
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
  const parts = [];
  let length = 0;
  for await (const part of stream ?? []) {
    length += part.byteLength;
    if (length > limit) throw new RangeError(`larger than ${limit} bytes`);
    parts.push(part);
  }
  return join(parts, length);
}

function join(parts, length) {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.byteLength;
  }
  return whole;
}

// The data centre's cache, shared by its isolates. The address is only a name there; nothing is ever fetched from it.
const shelf = (name) => `https://crossfade.invalid/${encodeURIComponent(name)}`;

// What was kept as `name`: `[fetchedAt, freshFor, bytes]` (seconds), or undefined.
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

// Requests that wait for another request's fetch. Each waits on a promise of its own: the runtime resumes it in its own
// context, where alone its body and connections may be touched.
const waiting = new Map();

export function wait(name, timeoutMs) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, timeoutMs);
    const queue = waiting.get(name) ?? [];
    queue.push(() => {
      clearTimeout(timer);
      resolve();
    });
    waiting.set(name, queue);
  });
}

export function wake(name) {
  const queue = waiting.get(name) ?? [];
  waiting.delete(name);
  for (const resume of queue) resume();
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

// Hands Analytics Engine a point about a request, once that request's answer is on its way: nothing waits for it, and a dataset
// that fails loses the point alone.
export function tell(dataset, context, index, blobs, doubles) {
  const point = { indexes: [index], blobs: blobs.split("\n"), doubles: Array.from(doubles) };
  const told = new Promise((resolve) => {
    setTimeout(() => {
      try {
        // Nothing comes back from the real one; from another Worker in its place a promise does.
        resolve(dataset.writeDataPoint(point));
      } catch {
        resolve();
      }
    }, 0);
  });
  context.waitUntil(told.catch(() => {}));
}

// Asks a service how it is. Resolves to `[status, its Date header in milliseconds or NaN, milliseconds until the headers, our time then,
// bytes]`, or to "timeout" or "unreachable".
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
