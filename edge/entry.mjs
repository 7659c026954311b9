// The runtime calls these functions, which go straight into wasm. A trap (a panic, memory used up) spoils the module for every request
// after it; the next request therefore gets a fresh module.
import * as wasm from "./build/index.js";

const state = wasm.__worker_init_state();

function noteTrap(error) {
  if (error instanceof WebAssembly.RuntimeError) state.criticalError = true;
}
// Traps behind an await end here, not in the `catch` below.
addEventListener("error", (event) => noteTrap(event.error));
addEventListener("unhandledrejection", (event) => noteTrap(event.reason));

function guarded(call) {
  if (state.criticalError) {
    console.error("the module trapped and is started afresh");
    wasm.__wbg_reset_state();
    state.criticalError = false;
    state.instanceId++;
  }
  try {
    return call();
  } catch (error) {
    noteTrap(error);
    throw error;
  }
}

export default {
  fetch: (request, env, ctx) => guarded(() => wasm.fetch(request, env, ctx)),
};

// The Durable Object (src/workers/step_down.rs). A trap loses its state in wasm, so it is then made again.
export class StepDown {
  #made;
  #instance;

  constructor(ctx, env) {
    this.ctx = ctx;
    this.env = env;
  }

  fetch(request) {
    return this.#call((made) => made.fetch(request));
  }

  alarm() {
    return this.#call((made) => made.alarm());
  }

  #call(method) {
    return guarded(() => {
      if (this.#instance !== state.instanceId) {
        this.#made = new wasm.StepDown(this.ctx, this.env);
        this.#instance = state.instanceId;
      }
      return method(this.#made);
    });
  }
}
