// Socket.IO: finds who opens the connection. The token comes in the handshake (`io(url, { auth: { token } })`); no socket connects without
// one.

import { CrossfadeError } from "./errors.js";
import type { Authenticator } from "./authenticate.js";
import type { User } from "./user.js";

/** The part of a Socket.IO socket that is used. */
export interface Socket {
  readonly handshake: { readonly auth: { readonly [name: string]: unknown } };
  data: { user?: User };
}

/** The `data` of the client's `connect_error`. */
export interface HandshakeRefusal {
  readonly code: string;
  readonly status: number;
}

/** For `io.use(...)`: sets `socket.data.user`, or refuses the connection with `data: {code, status}`. */
export function socketIo(
  authenticator: Pick<Authenticator, "verifyToken">,
): (socket: Socket, next: (error?: Error & { data?: HandshakeRefusal }) => void) => void {
  return (socket, next) => {
    const token = socket.handshake.auth["token"];
    const proven = typeof token === "string" ? authenticator.verifyToken(token) : Promise.reject(missing());
    proven.then(
      (user) => {
        socket.data.user = user;
        next();
      },
      (error: unknown) => next(shown(error)),
    );
  };
}

function missing(): CrossfadeError {
  return new CrossfadeError("TOKEN_MISSING", 401, "The handshake has no token");
}

/** Socket.IO sends `message` and `data` to the client. Only the package's own errors are passed on. */
function shown(error: unknown): Error & { data?: HandshakeRefusal } {
  const known = error instanceof CrossfadeError ? error : new CrossfadeError("INTERNAL", 500, "Internal error");
  return Object.assign(new Error(known.message), { data: { code: known.code, status: known.status } });
}
