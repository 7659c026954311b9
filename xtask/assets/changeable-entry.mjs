// The edge's entry for tests of variables that change under a running isolate: locally every way to set variables starts a new isolate,
// and Cloudflare's does not. A request brings its variables along, as JSON in `x-test-env`; null takes one away. It may bring the time
// along, too, as milliseconds in `x-test-now`: for one request after the other. Or it brings what the Durable Object is to have in its
// storage, as JSON in `x-test-kept`, and is answered with 204.
import edge, { StepDown as Real } from "../../edge/entry.mjs";

export class StepDown extends Real {
  async fetch(request) {
    const kept = request.headers.get("x-test-kept");
    if (kept === null) return super.fetch(request);
    await this.ctx.storage.put(JSON.parse(kept));
    return new Response(null, { status: 204 });
  }
}

let isolate;
let pretended;
const real = Date.now;
Date.now = () => pretended ?? real();

export default {
  async fetch(request, env, ctx) {
    const kept = request.headers.get("x-test-kept");
    if (kept !== null) {
      const object = env.STEP_DOWN.get(env.STEP_DOWN.idFromName("step-down"));
      return object.fetch("https://step-down.invalid/", { headers: { "x-test-kept": kept } });
    }
    isolate ??= crypto.randomUUID();
    const now = request.headers.get("x-test-now");
    pretended = now === null ? undefined : Number(now);
    const changed = { ...env, ...JSON.parse(request.headers.get("x-test-env") ?? "{}") };
    for (const [name, value] of Object.entries(changed)) {
      if (value === null) delete changed[name];
    }
    const answer = await edge.fetch(request, changed, ctx);
    const marked = new Response(answer.body, answer);
    marked.headers.set("x-test-isolate", isolate);
    return marked;
  },
};
