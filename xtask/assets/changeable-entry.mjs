// The edge's entry for tests of variables that change under a running isolate: locally every way to set variables starts a new isolate,
// and Cloudflare's does not. A request brings its variables along, as JSON in `x-test-env`; null takes one away. It may bring the time
// along, too, as milliseconds in `x-test-now`: for one request after the other.
import edge from "../../edge/entry.mjs";

export { StepDown } from "../../edge/entry.mjs";

let isolate;
let pretended;
const real = Date.now;
Date.now = () => pretended ?? real();

export default {
  async fetch(request, env, ctx) {
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
