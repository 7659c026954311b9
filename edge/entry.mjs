// What the runtime calls. worker-build's own entry wraps every request in an object and three proxies, to be able to start
// the wasm module afresh after a trap; that costs a tenth of a request. This one calls straight in, and goes through theirs
// only once a trap has been seen.
import Recovering from "./build/index.js";

// The class of the Durable Object (src/workers/step_down.rs).
export { StepDown } from "./build/index.js";

const answer = Recovering.prototype.fetch;
let trapped = false;

function noteTrap(error) {
  if (error instanceof WebAssembly.RuntimeError) trapped = true;
}
addEventListener("error", (event) => noteTrap(event.error));
addEventListener("unhandledrejection", (event) => noteTrap(event.reason));

export default {
  fetch(request, env, ctx) {
    if (trapped) return new Recovering(ctx, env).fetch(request);
    try {
      return answer.call({ env, ctx }, request);
    } catch (error) {
      noteTrap(error);
      throw error;
    }
  },
};
