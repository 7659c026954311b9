import { Auth } from "firebase-auth-cloudflare-workers";

// Keys in memory: the library's own store asks Workers KV for every token.
const inMemory = (keys) => ({ get: async () => keys, put: async () => {} });
let auth;

export default {
  async fetch(request, env) {
    auth ??= Auth.getOrInitialize(env.PROJECT, inMemory(JSON.parse(env.KEYS)));
    const token = request.headers.get("authorization")?.slice("Bearer ".length) ?? "";
    try {
      await auth.verifyIdToken(token, false);
    } catch {
      return new Response(null, { status: 401 });
    }
    const { pathname, search } = new URL(request.url);
    return fetch(new Request(env.UPSTREAM + pathname + search, request));
  },
};
