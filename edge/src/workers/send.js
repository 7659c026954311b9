// Sending a request on: what goes out in its place, what counts as an answer, and how long one is waited for. Nothing here decides what
// the lack of an answer means.

import { INTERRUPTED, SHORT_BYTES, TIMEOUT, UNREACHABLE, UNSENDABLE, UNUSABLE, UPLOAD_LATE, hold, pump } from "./body.js";

// For every fetch: a subrequest goes through the cache of its address's zone, where one user's answer could be kept for all (by its
// file extension or a cache rule). Above all where the Authorization that would have forbidden it stays here.
export const FRESH = { cache: "no-store" };

// Each of `lines`, from number `first` on, is `name` (remove it), `name:value` (set it), `+name:value` (add it to the list)
// or `?name:value` (set it unless it is there).
export function apply(headers, lines, first) {
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

// Frees the connection of an answer that is not going to be used.
export function discard(response) {
  response.body?.cancel().catch(() => {});
}

// Sends the request on. The first line of `message` is where to, the others change its headers. `body` is what `hold` resolved to, or
// undefined when it was not asked. The time limit ends with the answer's headers: a slow download or an open WebSocket is not a
// fault. It begins when the body is out: an upload goes at its sender's pace, which says nothing about the service behind us.
// `again`: a connection that breaks before the answer is tried once more. One that was kept open may have been closed by the
// other side just now, or be out of step because of an answer before; the runtime tries nothing twice.
// Resolves to the Response or to one of the numbers above.
//
// By a timer of its own and not an AbortSignal, which costs a tenth of a request: what is late is let go of when it comes, and the
// runtime ends what is still out when the request has been answered.
export function send(request, message, body, timeoutMs, again) {
  // Nobody has looked for a body and there is one: a GET's, or an empty one.
  if (body === undefined && request.body !== null) {
    return hold(request).then((body) => (typeof body === "number" ? body : send(request, message, body, timeoutMs, again)));
  }
  return new Promise((resolve) => {
    const lines = message.split("\n");
    const upload = body?.stream === undefined ? undefined : body;
    // What becomes of a long body may be for its length, so that it says nothing about the service.
    const isLong = upload !== undefined || body?.byteLength > SHORT_BYTES;
    let tries = again && upload === undefined ? 2 : 1;
    let wait;
    let settled;
    const settle = (answer) => {
      clearTimeout(wait);
      const isAnswer = typeof answer !== "number";
      if (settled !== undefined) return isAnswer && discard(answer);
      settled = answer;
      if (isAnswer && !isUsable(answer)) {
        discard(answer);
        settled = UNUSABLE;
      }
      resolve(settled);
    };
    const bodyIsOut = () => {
      const late = isLong ? UPLOAD_LATE : TIMEOUT;
      if (settled === undefined) wait = setTimeout(() => settle(late), timeoutMs);
    };
    // Whether nobody wants the rest of an upload.
    const isRefused = () => settled !== undefined && !(settled.status < 400);
    const attempt = () => {
      tries -= 1;
      let forwarded;
      try {
        forwarded = forward(request, lines, body);
        apply(forwarded.headers, lines, 1);
      } catch {
        return settle(UNSENDABLE);
      }
      if (upload !== undefined) pump(upload, timeoutMs, isRefused).then((fault) => (fault === undefined ? bodyIsOut() : settle(fault)));
      fetch(forwarded, FRESH).then(settle, () => {
        if (settled !== undefined) return;
        if (tries > 0) return attempt();
        settle(isLong ? INTERRUPTED : UNREACHABLE);
      });
    };
    if (upload === undefined) bodyIsOut();
    attempt();
  });
}

// Not one of the numbers that only the wire allows: `new Response` takes 200 to 599, and the runtime takes an informational answer
// for the final one.
function isUsable(response) {
  const { status } = response;
  return (status >= 200 && status <= 599) || (status === 101 && response.webSocket !== null && response.webSocket !== undefined);
}

function forward(request, lines, body) {
  const [url] = lines;
  if (body === undefined) return new Request(url, request);
  const { method, headers } = request;
  if (body === null || body instanceof Uint8Array) return new Request(url, { method, headers, redirect: "manual", body });
  // Of the announced length, so that the service is told it.
  const pipe = Number.isFinite(body.announced) ? new FixedLengthStream(body.announced) : new IdentityTransformStream();
  const forwarded = new Request(url, { method, headers, redirect: "manual", body: pipe.readable });
  body.writer = pipe.writable.getWriter();
  return forwarded;
}
