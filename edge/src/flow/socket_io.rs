//! Services that look for the token in Socket.IO's CONNECT packets (`"token_in": "auth:NAME"`). The handshake of such a client has no token,
//! so it passes without one, at the one path of the Socket.IO server. The edge verifies the token of each CONNECT packet and replaces it: in
//! the bodies of long polling, and in the messages of a WebSocket.
//!
//! Whatever the server could read as a CONNECT packet and the edge does not is refused: an earlier protocol, JSONP, a path that only the
//! service takes for that of its Socket.IO server.

use shared::problem::{ErrorCode, Problem};
use shared::socket_io::{self, Connect, MAX_CONNECTS, Malformed};

use super::{EDGE, Gateway, Journey, Notes};
use crate::authenticate::Refusal;
use crate::body::unescape;
use crate::changes::HeaderChanges;
use crate::config::{AppService, AuthMode};
use crate::paths;
use crate::ports::{KeySource, SignatureEngine, Upstreams};
use crate::request::Inbound;
use crate::trace::Seed;

/// The longest body of long polling, in bytes: the edge holds no longer one whole.
const MAX_BODY_BYTES: u32 = 64 * 1024;

/// The most parameters of a query.
const MAX_PARAMETERS: usize = 32;

/// What becomes of a text message that may be a CONNECT packet.
#[derive(Debug)]
pub struct Replaced {
    /// The packet that goes to the service in its place.
    pub packet: Result<String, RefusedPacket>,
    /// The notes for the journal.
    pub notes: Notes,
}

/// A refused packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedPacket {
    /// What an HTTP request would be answered with.
    pub status: u16,
    /// The packet for the client. `None` for an outage: the client connects again when its connection breaks, and gives up after a refusal.
    pub answer: Option<String>,
}

impl<K, E> Gateway<'_, K, E>
where
    E: SignatureEngine,
    K: KeySource<Key = E::Key>,
{
    /// Replaces the token in `packet`, a message of the WebSocket that `inbound` opened. `is_known`: whether that request brought a token.
    pub async fn replace_token<U: Upstreams>(
        &self,
        inbound: &Inbound<'_>,
        upstreams: &U,
        seed: &Seed,
        (packet, is_known): (&str, bool),
    ) -> Replaced {
        let mut journey = self.journey(inbound, upstreams, seed);
        let sent = journey.replace(packet, is_known).await;
        let packet = sent.map_err(|refusal| {
            let problem = &refusal.problem;
            journey.notes.route = EDGE;
            journey.notes.reason = refusal.reason;
            journey.notes.code = Some(problem.code);
            let connect = Connect::read(packet).ok().flatten().unwrap_or(Connect::main());
            RefusedPacket {
                status: problem.status,
                answer: (problem.status < 500).then(|| connect.refusal(&problem.message, problem.code)),
            }
        });
        let mut notes = journey.notes;
        notes.trace = Some(journey.trace);
        Replaced { packet, notes }
    }
}

impl<K, E, U> Journey<'_, '_, K, E, U>
where
    E: SignatureEngine,
    K: KeySource<Key = E::Key>,
    U: Upstreams,
{
    async fn replace(&mut self, packet: &str, is_known: bool) -> Result<String, Refusal> {
        self.notes.reason = "app_service";
        let service = self.gateway.config.app_services.find(self.inbound.path());
        let name = service.and_then(|service| service.translation.as_ref()?.auth());
        let (Some(service), Some(name)) = (service, name) else {
            // The variables have changed since the handshake.
            return Err(Refusal::new(
                Problem::new(ErrorCode::UpstreamUnavailable),
                "not_found",
            ));
        };
        match Connect::read(packet)? {
            Some(connect) => self.connect(service, name, &connect, is_known).await,
            None => Ok(packet.to_owned()),
        }
    }

    /// The name of the token in CONNECT packets, if the request is one of a Socket.IO client to a service that looks for it there.
    ///
    /// # Errors
    /// It may reach the Socket.IO server, and the edge does not know how that reads it.
    pub(super) fn token_in_packets<'s>(&self, service: &'s AppService) -> Result<Option<&'s str>, Refusal> {
        let Some(name) = service.translation.as_ref().and_then(|it| it.auth()) else {
            return Ok(None);
        };
        let there = service.socket_io();
        let path = self.inbound.path();
        let plain = paths::plain(path);
        if !plain.starts_with(&there.to_ascii_lowercase()) {
            return Ok(None);
        }
        let is_there = path.strip_suffix('/').unwrap_or(path) == there;
        if is_there && matches!(self.inbound.method, "GET" | "POST") && is_protocol_4(self.inbound) {
            return Ok(Some(name));
        }
        Err(Refusal::new(
            Problem::new(ErrorCode::ValidationError)
                .message("This is no request of Socket.IO 3 or later by WebSocket or long polling"),
            "socket_io_request",
        ))
    }

    /// Replaces the tokens in a body of long polling.
    pub(super) async fn replace_in_body(
        &mut self,
        service: &AppService,
        name: &str,
        is_known: bool,
        changes: &mut HeaderChanges,
    ) -> Result<(), Refusal> {
        let Some(body) = self.upstreams.body(MAX_BODY_BYTES) else {
            return Ok(());
        };
        let body = String::from_utf8(body).map_err(|_| Malformed)?;
        let mut packets = Vec::new();
        let mut connects = 0_usize;
        for packet in socket_io::packets(&body) {
            packets.push(match Connect::read(packet)? {
                None => packet.to_owned(),
                Some(connect) => {
                    connects = connects.saturating_add(1);
                    if connects > MAX_CONNECTS {
                        return Err(Malformed.into());
                    }
                    self.connect(service, name, &connect, is_known).await?
                }
            });
        }
        if connects > 0 {
            let body = socket_io::payload(&packets);
            changes.set("content-length", &body.len().to_string());
            self.upstreams.replace_body(body.as_bytes());
        }
        Ok(())
    }

    /// The packet to send in place of `connect`, with a token that the edge made for its verified sender.
    async fn connect(
        &mut self,
        service: &AppService,
        name: &str,
        connect: &Connect<'_>,
        is_known: bool,
    ) -> Result<String, Refusal> {
        let malformed = |_| Refusal::new(Problem::new(ErrorCode::TokenMalformed), "token_malformed");
        let Some(unverified) = connect.unverified_token(name).map_err(malformed)? else {
            return if is_known || service.auth != AuthMode::Required {
                Ok(connect.unchanged())
            } else {
                Err(Refusal::new(
                    Problem::new(ErrorCode::TokenMissing),
                    "token_missing",
                ))
            };
        };
        let caller = self.verify(unverified).await?;
        let user = self.admitted(service, &caller).await?;
        let mut packet = String::new();
        self.translate(&user, &caller, |token| packet = connect.with_token(name, token))?;
        Ok(packet)
    }
}

impl From<Malformed> for Refusal {
    fn from(_: Malformed) -> Self {
        let problem = Problem::new(ErrorCode::ValidationError)
            .message("The packet is none of Socket.IO's default parser");
        Self::new(problem, "socket_io_packet")
    }
}

/// Whether the query names Engine.IO 4 and one of two transports, once each, and asks for no JSONP. Another protocol has other packets.
fn is_protocol_4(inbound: &Inbound<'_>) -> bool {
    let named = |name: &str| {
        let query = inbound.query().strip_prefix('?').unwrap_or_default();
        let pairs = query
            .split('&')
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let mut values = pairs
            .filter(|(key, _)| unescape(key.as_bytes()).is_none_or(|key| key == name))
            .map(|(_, value)| value);
        match (values.next(), values.next()) {
            (Some(value), None) => Some(value.to_owned()),
            (None, _) => None,
            _ => Some(String::new()),
        }
    };
    let transport = if inbound.asks_for_websocket() {
        "websocket"
    } else {
        "polling"
    };
    // A server reads no more than 1,000.
    let is_short = inbound.query().split('&').count() <= MAX_PARAMETERS;
    is_short
        && named("EIO").as_deref() == Some("4")
        && named("transport").as_deref() == Some(transport)
        && named("j").is_none()
}
