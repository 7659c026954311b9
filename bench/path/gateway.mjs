// The plan's gateway: Express, and the middleware of its step 3.2 D. Every guarded request is verified by the service first, with the legacy
// service as the fallback, and is then forwarded with the user's headers.
import http from "node:http";
import axios from "axios";
import express from "express";

const { PORT, AUTH_V2_SERVICE_URL, AUTH_SERVICE_URL, SERVICE_KEY } = process.env;
const agent = new http.Agent({ keepAlive: true });
const service = new URL(AUTH_V2_SERVICE_URL);
const app = express();

const verifyToken = async (token) => {
  try {
    const answer = await axios.post(`${AUTH_V2_SERVICE_URL}/v1/auth/verify-token`, { token }, { timeout: 3000, httpAgent: agent });
    if (answer.data.success) return answer.data.data.user;
  } catch {
    const answer = await axios.post(`${AUTH_SERVICE_URL}/auth/verify-token`, { token }, { timeout: 3000, httpAgent: agent });
    if (answer.data.success) return answer.data.user;
  }
  throw new Error("Token verification failed");
};

const authenticate = async (request, response, next) => {
  const [scheme, token] = (request.headers.authorization ?? "").split(" ");
  if (scheme !== "Bearer" || !token) return response.status(401).json({ success: false, error: "UNAUTHORIZED" });
  try {
    request.user = await verifyToken(token);
    next();
  } catch {
    response.status(401).json({ success: false, error: "INVALID_TOKEN" });
  }
};

const verifyInternalService = (request, response, next) =>
  request.headers["x-service-key"] === SERVICE_KEY
    ? next()
    : response.status(401).json({ success: false, error: "INVALID_SERVICE_KEY" });

const forward = (request, response) => {
  const headers = { ...request.headers, "x-forwarded-for": request.ip, "x-original-host": request.headers.host, host: service.host };
  if (request.user) {
    headers["x-user-id"] = request.user.id;
    headers["x-user-email"] = request.user.email ?? "unknown";
    headers["x-user-type"] = request.user.user_type ?? "user";
  }
  const options = { agent, host: service.hostname, port: service.port, method: request.method, path: request.originalUrl, headers };
  const forwarded = http.request(options, (answer) => {
    response.writeHead(answer.statusCode, { ...answer.headers, "x-gateway": "api-gateway" });
    answer.pipe(response);
  });
  forwarded.on("error", () => {
    if (response.headersSent) return response.destroy();
    response.status(503).json({ success: false, error: "SERVICE_UNAVAILABLE" });
  });
  request.pipe(forwarded);
};

app.get("/readyz", (_, response) => response.send("ok"));
app.post("/v1/auth/login", forward);
app.post("/v1/auth/verify-token", forward);
app.get("/v1/auth/me", authenticate, forward);
app.post("/v1/users/:id/tokens/credit", verifyInternalService, forward);
app.listen(Number(PORT), "127.0.0.1");
