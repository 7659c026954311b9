// The bodies of requests: how much of one the edge reads before it sends anything, how it passes the rest on, and which party is at fault
// when a body ends early. Nothing here decides what that means.

// Why there is no answer, or no body; `ports.rs` names them in this order.
export const UNREACHABLE = 0;
export const TIMEOUT = 1;
export const INTERRUPTED = 2;
export const UNUSABLE = 3;
export const UNSENDABLE = 4;
const BODY_BROKEN = 5;
const BODY_STALLED = 6;
export const UPLOAD_LATE = 7;

// A body of at most this many bytes is read whole before anything is sent: its sender alone then causes any fault in it, and it can be sent
// again.
const HELD_BYTES = 65536;
// No service hangs up on a body of at most this many bytes because of its length.
export const SHORT_BYTES = 4096;
// How long a sender may pause, and how long a body that is read whole may take in all.
const PAUSE_MS = 10000;
const HELD_MS = 30000;
// How much of a longer body is read at once.
const PART_BYTES = 65536;

// Reads the beginning of the body. Resolves to null without one, to its bytes when that was all of it, to `{ stream, begun,
// announced }` when there is more, or to BODY_BROKEN or BODY_STALLED.
export function hold(request) {
  return new Promise((resolve) => {
    if (request.body === null) return resolve(null);
    const reader = request.body.getReader();
    const announced = Number(request.headers.get("content-length") ?? NaN);
    const bytes = new Gathered();
    const began = Date.now();
    let heard = began;
    let timer = setTimeout(look, PAUSE_MS);
    function end(result) {
      clearTimeout(timer);
      timer = undefined;
      resolve(result);
    }
    function look() {
      const left = Math.min(heard + PAUSE_MS, began + HELD_MS) - Date.now();
      if (left > 0) return (timer = setTimeout(look, left));
      end(BODY_STALLED);
      reader.cancel().catch(() => {});
    }
    function take({ done, value }) {
      if (timer === undefined) return;
      if (done) return end(bytes.length === 0 ? null : bytes.whole());
      bytes.add(value);
      heard = Date.now();
      if (bytes.length <= HELD_BYTES) return reader.read().then(take);
      reader.releaseLock();
      end({ stream: request.body, begun: bytes.whole(), announced });
    }
    reader.read().then(take).catch(() => timer !== undefined && end(BODY_BROKEN));
  });
}

// The first bytes of the result of `hold`, if that is a whole body of at most `limit`.
export function held(body, limit) {
  return body instanceof Uint8Array && body.byteLength <= limit ? body : undefined;
}

// Reads the unused rest of a request's body to its end; `body` is the result of `hold`, or undefined. Resolves before the answer is given:
// the runtime ends a connection with an unread body, and the client, which is still sending or sends its next request there, takes that for
// an outage. It reads for a short time and not much: it cuts off a client that goes on after that.
const DRAINED_BYTES = 1048576;
const DRAIN_MS = 2000;
export function dropBody(request, body) {
  const stream = body === undefined ? request.body : body?.stream;
  return stream && !stream.locked ? drain(stream) : undefined;
}

async function drain(stream) {
  const reader = stream.getReader();
  const until = Date.now() + DRAIN_MS;
  let left = DRAINED_BYTES;
  try {
    while (left > 0 && Date.now() < until) {
      const { done, value } = await within(Math.max(1, until - Date.now()), reader.read());
      if (done) return;
      left -= value.byteLength;
    }
  } catch {
    // The sender alone is harmed.
  }
  reader.cancel().catch(() => {});
}

// Passes an upload on as it comes. Resolves to undefined when it is sent, else to the party at fault: the sender (it broke or paused for
// too long), or unknown (the service hung up or took no more). In that last case an answer may still be on its way, and `fetch` decides.
export async function pump({ stream, begun, writer }, timeoutMs, isRefused) {
  const reader = stream.getReader({ mode: "byob" });
  const write = (part) => within(timeoutMs, writer.write(part));
  const stop = (fault) => {
    writer.abort(new Error("the upload ended early")).catch(() => {});
    reader.cancel().catch(() => {});
    return fault;
  };
  try {
    await write(begun);
    for (;;) {
      // A refusal came before the end. Further bytes would break the connection that carries it.
      if (isRefused()) return INTERRUPTED;
      const reading = reader.read(new Uint8Array(PART_BYTES));
      const read = await within(PAUSE_MS, reading).catch((late) => (late === LATE ? BODY_STALLED : BODY_BROKEN));
      if (typeof read === "number") return stop(read);
      if (read.done) break;
      await write(read.value);
    }
    await within(timeoutMs, writer.close());
  } catch (fault) {
    if (fault === LATE) return stop(INTERRUPTED);
    return new Promise(() => {});
  }
}

// The result of `promise`, unless it takes too long.
const LATE = new Error("late");
export function within(ms, promise) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(LATE), ms);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

// Bytes in one piece, as they come. Parts that are kept would cost more than they hold: the runtime gives each a buffer of 4 KiB, a part of
// one byte too, and a caller decides how small the parts of a body are.
const NOTHING = new Uint8Array();
export class Gathered {
  length = 0;
  #bytes = NOTHING;

  add(part) {
    const length = this.length + part.byteLength;
    if (this.length === 0) this.#bytes = part;
    else {
      if (length > this.#bytes.byteLength) {
        const more = new Uint8Array(2 * length);
        more.set(this.whole());
        this.#bytes = more;
      }
      this.#bytes.set(part, this.length);
    }
    this.length = length;
  }

  whole() {
    return this.#bytes.subarray(0, this.length);
  }
}
