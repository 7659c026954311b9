//! WebSocket handshakes (RFC 6455 section 4.1). They pass only to app services that accept them. The edge does not look at the messages of
//! a connection, except for tokens in Socket.IO's packets (`socket_io`).
//!
//! A page cannot set headers on a handshake. It sends its token as an offered subprotocol, beside [`PROTOCOL`] or one of the service's:
//! `new WebSocket(url, ["crossfade.v1", "crossfade.bearer." + token])`. The edge removes the token's protocol; the answer names another
//! one.

use shared::problem::{ErrorCode, Problem};

use super::Journey;
use crate::authenticate::Refusal;
use crate::changes::HeaderChanges;
use crate::config::{AppService, AuthMode};

const HEADER: &str = "sec-websocket-protocol";
/// The protocol that the edge answers where the service chooses none: a browser that offered some ends a connection without one (WHATWG
/// WebSockets standard, "establish a WebSocket connection").
const PROTOCOL: &str = "crossfade.v1";
/// The prefix of a token.
const BEARER: &str = "crossfade.bearer.";

/// The subprotocols that a client offers, read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Offer<'a> {
    /// The token among them.
    pub unverified_token: Option<&'a str>,
    /// Whether [`PROTOCOL`] is among them.
    is_ours: bool,
    /// The protocols that the service sees.
    others: Vec<&'a str>,
}

impl<'a> Offer<'a> {
    /// Reads `Sec-WebSocket-Protocol`; repeated headers arrive joined by commas, as the standard says.
    ///
    /// # Errors
    /// There are two tokens, or a token and no protocol that the answer could name.
    fn read(header: &'a str) -> Result<Self, Refusal> {
        let mut offer = Self::default();
        for protocol in header.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            match protocol.strip_prefix(BEARER) {
                Some(_) if offer.unverified_token.is_some() => return Err(two_credentials()),
                Some(token) => offer.unverified_token = Some(token),
                None if protocol == PROTOCOL => offer.is_ours = true,
                None => offer.others.push(protocol),
            }
        }
        if offer.unverified_token.is_some() && !offer.is_ours && offer.others.is_empty() {
            return Err(refused(
                "Offer crossfade.v1 beside the token: an answer names one of the other protocols",
            ));
        }
        Ok(offer)
    }

    /// Removes from a request what the service must not see.
    pub fn strip(&self, changes: &mut HeaderChanges) {
        if self.unverified_token.is_none() && !self.is_ours {
            return;
        }
        if self.others.is_empty() {
            changes.remove(HEADER);
        } else {
            changes.set(HEADER, &self.others.join(", "));
        }
    }

    /// Names the protocol on an answer where the service named none.
    pub fn name(&self, answer: &mut HeaderChanges) {
        if self.is_ours {
            answer.set_unless_present(HEADER, PROTOCOL);
        }
    }
}

impl<'a, K, E, U> Journey<'a, '_, K, E, U> {
    /// Refuses a handshake. An ordinary answer to it would look like a fault of the service to its client.
    pub(super) fn refuse_upgrade(&self) -> Result<(), Refusal> {
        if self.inbound.asks_for_websocket() {
            return Err(refused("This path accepts no WebSocket connections"));
        }
        Ok(())
    }

    /// The offer of a handshake that may pass to `service`; empty for an ordinary request.
    ///
    /// # Errors
    /// The service accepts no handshake, or a stranger's page sent it with its visitor's cookies.
    pub(super) fn handshake(&self, service: &AppService) -> Result<Offer<'a>, Refusal> {
        if !service.websocket {
            self.refuse_upgrade()?;
        }
        if !self.inbound.asks_for_websocket() {
            return Ok(Offer::default());
        }
        if self.inbound.header("cookie").is_some() && !self.gateway.config.cors.may_connect(self.inbound) {
            let problem = Problem::new(ErrorCode::Forbidden).message("Pages of this origin may not connect");
            return Err(Refusal::new(problem, "websocket_origin"));
        }
        match self.inbound.header(HEADER) {
            Some(header) if service.auth != AuthMode::None => {
                let offer = Offer::read(header)?;
                if offer.unverified_token.is_some() && self.inbound.header("authorization").is_some() {
                    return Err(two_credentials());
                }
                Ok(offer)
            }
            _ => Ok(Offer::default()),
        }
    }

    /// A handshake is a GET: no other method can be answered with 101. With another method the header is an offer that is not accepted (RFC
    /// 9110 section 7.8), and forwarding it would make the runtime ask the service for a WebSocket.
    pub(super) fn drop_offered_upgrade(&mut self) {
        if self.inbound.method != "GET" && self.inbound.header("upgrade").is_some() {
            self.changes.remove("upgrade");
        }
    }
}

fn refused(message: &'static str) -> Refusal {
    Refusal::new(
        Problem::new(ErrorCode::ValidationError).message(message),
        "websocket_refused",
    )
}

pub(super) fn two_credentials() -> Refusal {
    let problem = Problem::new(ErrorCode::TokenMalformed).message("The request brings more than one token");
    Refusal::new(problem, "websocket_tokens")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stripped(header: &str) -> (Option<&str>, String, String) {
        let offer = Offer::read(header).unwrap();
        let (mut request, mut answer) = (HeaderChanges::new(), HeaderChanges::new());
        offer.strip(&mut request);
        offer.name(&mut answer);
        (
            offer.unverified_token,
            request.as_text().to_owned(),
            answer.as_text().to_owned(),
        )
    }

    #[test]
    fn token_protocol_ends_here() {
        const NAMED: &str = "?sec-websocket-protocol:crossfade.v1";
        for (header, token, request, answer) in [
            ("chat", None, "", ""),
            ("chat, superchat", None, "", ""),
            ("crossfade.v1", None, HEADER, NAMED),
            (
                "crossfade.v1, crossfade.bearer.a.b.c",
                Some("a.b.c"),
                HEADER,
                NAMED,
            ),
            (
                "crossfade.bearer.a.b.c,chat",
                Some("a.b.c"),
                "sec-websocket-protocol:chat",
                "",
            ),
            (
                "chat,crossfade.bearer.a.b.c,  crossfade.v1 ,superchat",
                Some("a.b.c"),
                "sec-websocket-protocol:chat, superchat",
                NAMED,
            ),
            ("crossfade.v1,crossfade.bearer.", Some(""), HEADER, NAMED),
        ] {
            assert_eq!(
                stripped(header),
                (token, request.to_owned(), answer.to_owned()),
                "{header}"
            );
        }
    }

    #[test]
    fn offer_without_an_answer_is_refused() {
        for (header, reason) in [
            ("crossfade.bearer.a.b.c", "websocket_refused"),
            ("chat,crossfade.bearer.a,crossfade.bearer.a", "websocket_tokens"),
        ] {
            assert_eq!(Offer::read(header).unwrap_err().reason, reason, "{header}");
        }
    }
}
