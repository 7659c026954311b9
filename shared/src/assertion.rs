//! The assertion: the edge's signed statement to the origin, and to the services behind it, about the user that it verified. It lives at
//! most a minute and is bound to one audience, method and path.
//!
//! On the wire an HS256 JWT (`typ: crossfade+jwt`) in the header `X-Crossfade-Assertion`; `htm` and `htu` are
//! named as in RFC 9449. The body is not bound: bodies are streamed.
//!
//! A program that can open an HS256 statement can also make one. App services therefore get keys of their own, derived for their name
//! ([`AssertionKeys::for_audience`]): with them a service can deceive itself and no other service.

mod seal;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;

use std::borrow::Cow;
use std::fmt;

pub use seal::{Opening, Sealer};
use serde::Deserialize;

use crate::base64url;
use crate::identity::{AssertedUser, Identity, ProvenIdentity};
use crate::ids::RequestId;
use crate::mac::MacKey;
use crate::time::{ClockSkew, UnixTime};

/// How long a sealed assertion is good for, in seconds.
pub const LIFETIME_SECONDS: i64 = 60;
/// The longest assertion that is looked at, in bytes. An 8 KiB token's claims fit with room to spare.
pub const MAX_BYTES: usize = 16 * 1024;
/// The audience of assertions for our own origin; others carry the upstream's name.
pub const ORIGIN_AUDIENCE: &str = "origin";
/// The audience of the edge's own questions to the revocation feed. The edge never seals a caller's request for it, so the feed cannot be
/// read from outside.
pub const FEED_AUDIENCE: &str = "origin-feed";

const ISSUER: &str = "crossfade-edge";
const TOKEN_TYPE: &str = "crossfade+jwt";
const ALGORITHM: &str = "HS256";
const MIN_KEY_BYTES: usize = 32;
/// Keeps the input of a derivation different from every statement: a JWT's signing input begins with `ey`.
const DERIVATION: &str = "crossfade assertion key for ";

/// The keys of `ORIGIN_ASSERTION_KEYS`: the first seals, all open, so that keys can be rotated without a gap.
#[derive(Clone)]
pub struct AssertionKeys {
    keys: Vec<(String, MacKey)>,
}

impl fmt::Debug for AssertionKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.keys.iter().map(|(kid, _)| kid))
            .finish()
    }
}

impl AssertionKeys {
    /// Reads `kid:base64url[,kid:base64url]`.
    ///
    /// # Errors
    /// The broken rule, naming the entry by its position: at least one entry, distinct kids of 1–64 letters, digits, `-`, `_`, keys of
    /// at least 32 bytes.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut keys: Vec<(String, MacKey)> = Vec::new();
        for (index, entry) in text.split(',').enumerate() {
            let at = index.saturating_add(1);
            let Some((kid, key)) = entry.trim().split_once(':') else {
                return Err(format!("entry {at} is not `kid:base64url`"));
            };
            let plain = kid
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
            if kid.is_empty() || kid.len() > 64 || !plain {
                return Err(format!(
                    "entry {at}: the kid is not 1-64 letters, digits, '-' or '_'"
                ));
            }
            if keys.iter().any(|(known, _)| known == kid) {
                return Err(format!("entry {at} repeats a kid"));
            }
            let key = base64url::decode(key.as_bytes())
                .map_err(|_| format!("entry {at}: the key is not base64url"))?;
            if key.len() < MIN_KEY_BYTES {
                return Err(format!(
                    "entry {at}: the key is shorter than {MIN_KEY_BYTES} bytes"
                ));
            }
            keys.push((kid.to_owned(), MacKey::new(&key)));
        }
        Ok(Self { keys })
    }

    /// The keys for statements to `audience`: HMAC-SHA-256 of its name, under each of these keys. [`ORIGIN_AUDIENCE`] holds these keys
    /// themselves.
    ///
    /// From its own keys a service can compute neither these nor another audience's.
    #[must_use]
    pub fn for_audience(&self, audience: &str) -> Self {
        if audience == ORIGIN_AUDIENCE {
            return self.clone();
        }
        let message = format!("{DERIVATION}{audience}");
        let derive = |key: &MacKey| MacKey::new(&key.sign(message.as_bytes()));
        Self {
            keys: self
                .keys
                .iter()
                .map(|(kid, key)| (kid.clone(), derive(key)))
                .collect(),
        }
    }

    /// The names of the keys, the sealing one first. Not secret: every assertion names its own.
    pub fn kids(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|(kid, _)| kid.as_str())
    }

    /// The sealing key; other keys are derived from it.
    pub(crate) fn first(&self) -> Option<&MacKey> {
        self.keys.first().map(|(_, key)| key)
    }

    /// The keys in the form that [`AssertionKeys::parse`] reads. Secret: only for the service to which they belong.
    #[must_use]
    pub fn reveal(&self) -> String {
        let entries: Vec<String> = self
            .keys
            .iter()
            .map(|(kid, key)| format!("{kid}:{}", base64url::encode(key.reveal())))
            .collect();
        entries.join(",")
    }

    /// Seals `assertion` with the first key, good from `now` for [`LIFETIME_SECONDS`]. A caller that seals often keeps a [`Sealer`].
    ///
    /// # Errors
    /// [`CannotSeal`] when there is no key.
    pub fn seal(&self, assertion: &Assertion<'_>, now: UnixTime) -> Result<String, CannotSeal> {
        let sealer = self.sealer(assertion.audience)?;
        match assertion.identity {
            Some(identity) => sealer.about(identity)?.seal(assertion, now),
            None => sealer.about_nobody().seal(assertion, now),
        }
    }

    /// Opens an assertion and checks that it was made for this request.
    ///
    /// # Errors
    /// [`AssertionRejection`]: our edge did not make it, or made it for another request.
    pub fn open(
        &self,
        unverified: &str,
        expected: &Expected<'_>,
        now: UnixTime,
        skew: ClockSkew,
    ) -> Result<OpenedAssertion, AssertionRejection> {
        if unverified.len() > MAX_BYTES {
            return Err(AssertionRejection::Malformed);
        }
        let read = |text: &str| base64url::decode(text.as_bytes()).map_err(|_| AssertionRejection::Malformed);
        let (signed, code) = unverified.rsplit_once('.').ok_or(AssertionRejection::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(AssertionRejection::Malformed)?;
        let (header, claims, code) = (read(header)?, read(claims)?, read(code)?);
        let header: OpenedHeader<'_> =
            serde_json::from_slice(&header).map_err(|_| AssertionRejection::Malformed)?;
        let kid = header.kid.ok_or(AssertionRejection::KeyUnknown)?;
        let (_, key) = self
            .keys
            .iter()
            .find(|(known, _)| *known == kid)
            .ok_or(AssertionRejection::KeyUnknown)?;
        if header.typ.as_deref() != Some(TOKEN_TYPE) {
            return Err(AssertionRejection::Malformed);
        }
        if header.alg != ALGORITHM || !key.verifies(signed.as_bytes(), &code) {
            return Err(AssertionRejection::Signature);
        }
        let claims: OpenedClaims<'_> =
            serde_json::from_slice(&claims).map_err(|_| AssertionRejection::Malformed)?;
        let issued_at = claims.iat.ok_or(AssertionRejection::Malformed)?;
        let expires_at = claims.exp.ok_or(AssertionRejection::Expired)?;
        let is_over = now > expires_at.plus(skew.secs());
        if is_over || expires_at.since(issued_at) > LIFETIME_SECONDS || issued_at > now.plus(skew.secs()) {
            return Err(AssertionRejection::Expired);
        }
        if claims.iss != ISSUER || claims.aud != expected.audience {
            return Err(AssertionRejection::Audience);
        }
        if claims.htm != expected.method || claims.htu != expected.path {
            return Err(AssertionRejection::Request);
        }
        Ok(OpenedAssertion {
            request_id: claims.jti,
            client_ip: claims.ip,
            identity: claims.id.map(ProvenIdentity::new),
            user: claims.usr,
        })
    }
}

/// What the edge states about one request.
#[derive(Debug, Clone, Copy)]
pub struct Assertion<'a> {
    /// The receiver: [`ORIGIN_AUDIENCE`] or an upstream's name.
    pub audience: &'a str,
    /// The forwarded request's method.
    pub method: &'a str,
    /// The forwarded request's path, as sent, without the query.
    pub path: &'a str,
    /// The request's name.
    pub request_id: &'a RequestId,
    /// The client's address as the edge saw it, for audit and rate limits.
    pub client_ip: Option<&'a str>,
    /// The user that the edge verified; `None` on public routes.
    pub identity: Option<&'a ProvenIdentity>,
    /// Our own record of that user. Only app services get it: the origin looks users up itself.
    pub user: Option<&'a AssertedUser>,
}

/// What the receiver knows about the request it received.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The receiver's own name.
    pub audience: &'a str,
    /// The received method.
    pub method: &'a str,
    /// The received path, without the query.
    pub path: &'a str,
}

/// A statement of our edge about this very request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedAssertion {
    /// The request's name.
    pub request_id: RequestId,
    /// The client's address as the edge saw it.
    pub client_ip: Option<String>,
    /// The user that the edge verified.
    pub identity: Option<ProvenIdentity>,
    /// Our own record of that user, where the edge sends it.
    pub user: Option<AssertedUser>,
}

/// There is no key to seal with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the assertion cannot be sealed")]
pub struct CannotSeal;

/// Why an assertion was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum AssertionRejection {
    /// Not an assertion.
    #[error("the assertion is malformed")]
    Malformed,
    /// Sealed with a key we do not have.
    #[error("the assertion's key is unknown")]
    KeyUnknown,
    /// Not sealed with the key it names.
    #[error("the assertion's signature is invalid")]
    Signature,
    /// Too old, too long-lived or from the future.
    #[error("the assertion has expired")]
    Expired,
    /// Made for another service.
    #[error("the assertion is for another audience")]
    Audience,
    /// Made for another request.
    #[error("the assertion is for another request")]
    Request,
}

impl AssertionRejection {
    /// The stable reason, for logs and metrics.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::KeyUnknown => "key_unknown",
            Self::Signature => "signature",
            Self::Expired => "expired",
            Self::Audience => "audience",
            Self::Request => "request",
        }
    }
}

#[derive(Deserialize)]
struct OpenedHeader<'a> {
    #[serde(borrow)]
    alg: Cow<'a, str>,
    #[serde(borrow, default)]
    kid: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    typ: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct OpenedClaims<'a> {
    #[serde(borrow)]
    iss: Cow<'a, str>,
    #[serde(borrow)]
    aud: Cow<'a, str>,
    #[serde(borrow)]
    htm: Cow<'a, str>,
    #[serde(borrow)]
    htu: Cow<'a, str>,
    jti: RequestId,
    #[serde(default)]
    exp: Option<UnixTime>,
    #[serde(default)]
    iat: Option<UnixTime>,
    #[serde(default)]
    ip: Option<String>,
    #[serde(default)]
    id: Option<Identity>,
    #[serde(default)]
    usr: Option<AssertedUser>,
}
