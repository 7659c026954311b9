//! The packets by which a Socket.IO client asks to join a namespace: CONNECT, with the token in its payload (Socket.IO protocol 5 over
//! Engine.IO protocol 4, default parser). The edge replaces the token in them. All other packets it passes on unread.
//!
//! The server's parser is lenient: it takes a space for the digit 0, and the last of two equal keys. Here the edge reads a packet
//! strictly and writes it again, and the server reads the token that the edge verified.

use serde_json::{Map, Value, json};

#[cfg(test)]
mod tests;

/// The longest CONNECT packet, in bytes.
pub const MAX_CONNECT_BYTES: usize = 16 * 1024;
/// The most CONNECT packets in one payload.
pub const MAX_CONNECTS: usize = 8;

/// Stands between the packets of a payload, the body of a request of long polling.
const SEPARATOR: char = '\u{1e}';

/// A packet that no Socket.IO client writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the packet is not well-formed")]
pub struct Malformed;

/// A CONNECT packet. Everything in it is a stranger's word.
#[derive(Debug, Clone, PartialEq)]
pub struct Connect<'a> {
    /// As it stands in the packet; empty for the main one.
    namespace: &'a str,
    payload: Option<Map<String, Value>>,
}

/// The packets of `payload`.
pub fn packets(payload: &str) -> impl Iterator<Item = &str> {
    payload.split(SEPARATOR)
}

/// The payload of `packets`.
#[must_use]
pub fn payload(packets: &[String]) -> String {
    packets.join(SEPARATOR.encode_utf8(&mut [0; 4]))
}

impl<'a> Connect<'a> {
    /// Reads `packet`, as a WebSocket's text message or a payload holds it. `None` if it is another packet.
    ///
    /// # Errors
    /// It is longer than [`MAX_CONNECT_BYTES`], or a message of no known type, or its payload is not an object.
    pub fn read(packet: &'a str) -> Result<Option<Self>, Malformed> {
        let Some(message) = packet.strip_prefix('4') else {
            return Ok(None);
        };
        if message.starts_with(|kind| matches!(kind, '1'..='6')) {
            return Ok(None);
        }
        let rest = message.strip_prefix('0').ok_or(Malformed)?;
        if rest.len() > MAX_CONNECT_BYTES {
            return Err(Malformed);
        }
        let (namespace, payload) = if rest.starts_with('/') {
            rest.split_once(',').unwrap_or((rest, ""))
        } else {
            ("", rest)
        };
        let payload = match payload {
            "" => None,
            // A number before the payload is an acknowledgement's, which no CONNECT has.
            object if object.starts_with('{') => Some(serde_json::from_str(object).map_err(|_| Malformed)?),
            _ => return Err(Malformed),
        };
        Ok(Some(Self { namespace, payload }))
    }

    /// The token in its payload, under `name`.
    ///
    /// # Errors
    /// There is something else than a text.
    pub fn unverified_token(&self, name: &str) -> Result<Option<&str>, Malformed> {
        match self.payload.as_ref().and_then(|payload| payload.get(name)) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(token)) => Ok(Some(token)),
            Some(_) => Err(Malformed),
        }
    }

    /// The packet with `token` under `name`.
    #[must_use]
    pub fn with_token(&self, name: &str, token: &str) -> String {
        let mut payload = self.payload.clone().unwrap_or_default();
        payload.insert(name.to_owned(), Value::from(token));
        self.write("40", Some(payload))
    }

    /// The packet as it is.
    #[must_use]
    pub fn unchanged(&self) -> String {
        self.write("40", self.payload.clone())
    }

    /// The packet by which a server refuses it (CONNECT_ERROR): `code` is in the error's `data`.
    #[must_use]
    pub fn refusal(&self, message: &str, code: &str) -> String {
        let Value::Object(payload) = json!({ "message": message, "data": { "code": code } }) else {
            return String::new();
        };
        self.write("44", Some(payload))
    }

    /// One for the main namespace, to refuse a packet that is malformed.
    #[must_use]
    pub const fn main() -> Self {
        Self {
            namespace: "",
            payload: None,
        }
    }

    fn write(&self, kind: &str, payload: Option<Map<String, Value>>) -> String {
        let comma = if self.namespace.is_empty() { "" } else { "," };
        let payload = payload.map(Value::Object).map(|payload| payload.to_string());
        [
            kind,
            self.namespace,
            comma,
            payload.as_deref().unwrap_or_default(),
        ]
        .concat()
    }
}
