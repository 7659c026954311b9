// Services of the plan before any team changes them: Express or Socket.IO, `jsonwebtoken` under the shared secret, and the legacy service's
// word. They use no code of Crossfade and know nothing of it.
//
// `PORT`, `JWT_SECRET` and `AUTH_SERVICE_URL` come from the environment, as in the plan.

import { createServer } from "node:http";
import axios from "axios";
import express from "express";
import jwt from "jsonwebtoken";
import { Server } from "socket.io";

const { PORT = "0", JWT_SECRET, AUTH_SERVICE_URL } = process.env;
const app = express();
app.use(express.json());

const refuse = (response, status, code) => response.status(status).json({ success: false, error: { code } });

const extractToken = (request) => {
  const [scheme, token] = (request.headers.authorization ?? "").split(" ");
  return scheme === "Bearer" ? token : undefined;
};

const verifyJWT = (token) => jwt.verify(token, JWT_SECRET, { algorithms: ["HS256"] });

// Assessment: it verifies here, then reads the profile with the same token for the present balance.
const authenticate = async (request, response, next) => {
  try {
    const token = extractToken(request);
    const decoded = verifyJWT(token);
    const { data } = await axios.get(`${AUTH_SERVICE_URL}/auth/profile`, {
      headers: { Authorization: `Bearer ${token}` },
      timeout: 10_000,
    });
    const { user } = data.data;
    if (user.id !== decoded.id) return refuse(response, 401, "UNAUTHORIZED");
    request.user = { id: user.id, email: user.email, tokenBalance: user.token_balance };
    request.token = token;
    next();
  } catch {
    refuse(response, 401, "UNAUTHORIZED");
  }
};

const requireTokenBalance = (required) => (request, response, next) =>
  request.user.tokenBalance < required ? refuse(response, 402, "INSUFFICIENT_TOKENS") : next();

app.post("/api/assessment/submit", authenticate, requireTokenBalance(1), (request, response) => {
  response.json({ success: true, data: { user: request.user } });
});

// Archive: the token alone, with issuer and audience; administrators by its claims.
const authenticateJWT = (request, response, next) => {
  try {
    request.user = jwt.verify(extractToken(request), JWT_SECRET, {
      algorithms: ["HS256"],
      issuer: "atma-auth-service",
      audience: "atma-services",
    });
    next();
  } catch {
    refuse(response, 401, "UNAUTHORIZED");
  }
};

const requireAdmin = (request, response, next) =>
  request.user.type === "admin" ? next() : refuse(response, 403, "FORBIDDEN");

app.get("/api/archive/results", authenticateJWT, (request, response) => {
  response.json({ success: true, data: { user: request.user } });
});
app.get("/api/archive/admin/users", authenticateJWT, requireAdmin, (request, response) => {
  response.json({ success: true, data: { role: request.user.role } });
});

// Chatbot: the token alone.
app.get("/api/chatbot/conversations", (request, response) => {
  try {
    response.json({ success: true, data: { user: { id: verifyJWT(extractToken(request)).id } } });
  } catch {
    refuse(response, 401, "UNAUTHORIZED");
  }
});

// Admin: it believes `verify-token`.
app.get("/api/admin/stats", async (request, response) => {
  try {
    const { data } = await axios.post(
      `${AUTH_SERVICE_URL}/auth/verify-token`,
      { token: extractToken(request) },
      { timeout: 5_000 },
    );
    if (!data.data.valid) return refuse(response, 401, "UNAUTHORIZED");
    const { user } = data.data;
    if (!["admin", "superadmin"].includes(user.user_type)) return refuse(response, 403, "FORBIDDEN");
    response.json({ success: true, data: { user } });
  } catch {
    refuse(response, 503, "SERVICE_UNAVAILABLE");
  }
});

// Notification: the token of the handshake.
const server = createServer(app);
const io = new Server(server, { path: "/api/notifications/socket.io" });
const authenticateSocket = (socket, next) => {
  try {
    const { auth, query, headers } = socket.handshake;
    socket.data.user = verifyJWT(auth.token ?? query.token ?? headers.authorization?.slice(7));
    next();
  } catch {
    next(new Error("auth_error"));
  }
};
const greet = (socket) => {
  const { id, email } = socket.data.user;
  socket.join(`user:${id}`);
  socket.emit("authenticated", { success: true, userId: id, email });
  socket.on("echo", (...words) => socket.emit("echo", ...words));
  socket.on("leave", () => socket.conn.close());
};
for (const namespace of [io, io.of("/admin")]) namespace.use(authenticateSocket).on("connection", greet);

server.listen(Number(PORT), "127.0.0.1", () => {
  console.log(`listening on 127.0.0.1:${server.address().port}`);
});
