// The runtime's clock, and what waits by it.

// Milliseconds since 1970.
export function now() {
  return Date.now();
}

// One clock for all requests of an isolate that wait: for a service, or for a body. A timer of its own costs a request an eighth of its
// time, and nearly all are stopped before they ring. The price: a wait may last a tick longer than its limit.
//
// The runtime ends a timer with the request that set it. So one of those that wait keeps the clock: it ticks in that request's context, which
// `waitUntil` holds open while anybody waits. Those that wait are resumed by promises of their own, each in its own context.

const TICK_MS = 200;
// How long a request keeps the clock. The runtime cuts a request off 30 s after its answer.
const KEPT_MS = 10000;
// A clock that has not ticked for so long ended with its request.
const STALE_MS = 5 * TICK_MS;

// In the order in which they began.
const waits = new Set();
let keeper;

// Calls `ring` in `ms`, or up to one tick later, unless `endWait` gets what this returns. `ring` may be called in another request's
// context: it resolves a promise, and touches nothing of its own request.
export function startWait(context, ms, ring) {
  const now = Date.now();
  const wait = { until: now + ms, ring, takeOver: undefined };
  waits.add(wait);
  if (keeper === undefined || now - keeper.tickedAt > STALE_MS) keep(context);
  else new Promise((resolve) => (wait.takeOver = resolve)).then(() => keep(context));
  return wait;
}

export function endWait(wait) {
  waits.delete(wait);
}

function keep(context) {
  const since = Date.now();
  const self = { tickedAt: since };
  keeper = self;
  const kept = new Promise((resolve) => {
    const tick = () => {
      if (keeper !== self) return resolve();
      const now = Date.now();
      self.tickedAt = now;
      let newest;
      for (const wait of waits) {
        if (now < wait.until) newest = wait;
        else {
          waits.delete(wait);
          wait.ring();
        }
      }
      if (newest === undefined) {
        keeper = undefined;
        return resolve();
      }
      // One whose client has left does not take over: this one ticks on until another does.
      if (now - since > KEPT_MS) newest.takeOver?.();
      setTimeout(tick, TICK_MS);
    };
    setTimeout(tick, TICK_MS);
  });
  context.waitUntil(kept);
}
