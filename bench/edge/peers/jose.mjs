import { createRemoteJWKSet, jwtVerify } from "jose";

let keys;

export default {
  async fetch(request, env) {
    keys ??= createRemoteJWKSet(new URL(env.KEYS_URL));
    const token = request.headers.get("authorization")?.slice("Bearer ".length) ?? "";
    try {
      await jwtVerify(token, keys, {
        algorithms: ["RS256"],
        issuer: `https://securetoken.google.com/${env.PROJECT}`,
        audience: env.PROJECT,
      });
    } catch {
      return new Response(null, { status: 401 });
    }
    const { pathname, search } = new URL(request.url);
    return fetch(new Request(env.UPSTREAM + pathname + search, request));
  },
};
