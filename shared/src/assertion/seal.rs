//! Sealing in three steps: what every statement to an audience begins with, the part about one user, and the part about one request. A
//! sender repeats only the last step.
//!
//! An HMAC goes from front to back, so the sender hashes the first parts only once. The result is an ordinary JWT. Each step pads its JSON
//! with blanks to whole groups of base64url, so that the texts of the steps can be joined.

use std::fmt;

use hmac::{Hmac, Mac as _};
use serde::Serialize;
use sha2::Sha256;

use super::{ALGORITHM, Assertion, AssertionKeys, CannotSeal, ISSUER, LIFETIME_SECONDS, TOKEN_TYPE};
use crate::base64url;
use crate::identity::{AssertedUser, Identity, ProvenIdentity};
use crate::time::UnixTime;

const HMAC_BYTES: usize = 32;

/// Seals statements to one audience.
#[derive(Debug, Clone)]
pub struct Sealer {
    audience: String,
    about_nobody: Opening,
}

/// The beginning of a statement, about one user or nobody, as far as it is the same for every request.
#[derive(Clone)]
pub struct Opening {
    text: Vec<u8>,
    code: Hmac<Sha256>,
}

impl fmt::Debug for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opening").finish_non_exhaustive()
    }
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    kid: &'a str,
    typ: &'static str,
}

#[derive(Serialize)]
struct Parties<'a> {
    iss: &'static str,
    aud: &'a str,
}

#[derive(Serialize)]
struct About<'a> {
    id: &'a Identity,
}

#[derive(Serialize)]
struct ThisRequest<'a> {
    htm: &'a str,
    htu: &'a str,
    jti: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usr: Option<&'a AssertedUser>,
    exp: UnixTime,
    iat: UnixTime,
}

impl AssertionKeys {
    /// The sealer for statements to `audience`, with the first of these keys, which must be its own ([`AssertionKeys::for_audience`]).
    ///
    /// # Errors
    /// [`CannotSeal`] when there is no key.
    pub fn sealer(&self, audience: &str) -> Result<Sealer, CannotSeal> {
        let (kid, key) = self.keys.first().ok_or(CannotSeal)?;
        let header = json(&Header {
            alg: ALGORITHM,
            kid,
            typ: TOKEN_TYPE,
        })?;
        let mut about_nobody = Opening {
            text: Vec::new(),
            code: key.begun(),
        };
        about_nobody.push(|text| {
            base64url::encode_to(text, &header);
            text.push(b'.');
        });
        let mut opening = json(&Parties {
            iss: ISSUER,
            aud: audience,
        })?;
        opening.pop();
        about_nobody.members(opening);
        Ok(Sealer {
            audience: audience.to_owned(),
            about_nobody,
        })
    }
}

impl Sealer {
    /// The audience of its statements.
    #[must_use]
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// The beginning of a statement that names nobody.
    #[must_use]
    pub const fn about_nobody(&self) -> &Opening {
        &self.about_nobody
    }

    /// The beginning of every statement about `identity`.
    ///
    /// # Errors
    /// [`CannotSeal`] when it cannot be written as JSON.
    pub fn about(&self, identity: &ProvenIdentity) -> Result<Opening, CannotSeal> {
        let mut opening = self.about_nobody.clone();
        opening.members(inner(json(&About { id: identity.get() })?));
        Ok(opening)
    }
}

impl Opening {
    /// Completes the statement with the part of `assertion` about the request, good from `now` for [`LIFETIME_SECONDS`]. Audience and
    /// identity come from this opening, not from `assertion`.
    ///
    /// # Errors
    /// [`CannotSeal`] when it cannot be written as JSON.
    pub fn seal(&self, assertion: &Assertion<'_>, now: UnixTime) -> Result<String, CannotSeal> {
        let mut rest = inner(json(&ThisRequest {
            htm: assertion.method,
            htu: assertion.path,
            jti: assertion.request_id.as_str(),
            ip: assertion.client_ip,
            usr: assertion.user,
            exp: now.plus(LIFETIME_SECONDS),
            iat: now,
        })?);
        rest.push(b'}');
        let room = rest.len().saturating_add(HMAC_BYTES).saturating_mul(2);
        let mut sealed = Self {
            text: Vec::with_capacity(self.text.len().saturating_add(room)),
            code: self.code.clone(),
        };
        sealed.text.extend_from_slice(&self.text);
        sealed.push(|text| base64url::encode_to(text, &rest));
        let Self { mut text, code } = sealed;
        text.push(b'.');
        base64url::encode_to(&mut text, &code.finalize().into_bytes());
        String::from_utf8(text).map_err(|_| CannotSeal)
    }

    /// Adds JSON members, each followed by a comma, in whole groups of base64url.
    fn members(&mut self, mut members: Vec<u8>) {
        members.push(b',');
        while !members.len().is_multiple_of(3) {
            members.push(b' ');
        }
        self.push(|text| base64url::encode_to(text, &members));
    }

    /// Appends what `write` writes to the text and to the hashed bytes.
    fn push(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let before = self.text.len();
        write(&mut self.text);
        self.code.update(self.text.get(before..).unwrap_or_default());
    }
}

fn json(value: &impl Serialize) -> Result<Vec<u8>, CannotSeal> {
    serde_json::to_vec(value).map_err(|_| CannotSeal)
}

/// The members of an object, without its braces.
fn inner(mut object: Vec<u8>) -> Vec<u8> {
    object.pop();
    object.drain(..object.len().min(1));
    object
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assertion::{Expected, ORIGIN_AUDIENCE};
    use crate::identity::{Subject, TokenKind};
    use crate::ids::{FirebaseUid, RequestId};
    use crate::time::ClockSkew;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const NOW: UnixTime = UnixTime::from_secs(1_795_000_000);

    fn identity(name: &str) -> ProvenIdentity {
        ProvenIdentity::new(Identity {
            name: Some(name.to_owned()),
            ..Identity::new(
                TokenKind::Firebase,
                Subject::Firebase(FirebaseUid::parse("uid-1").unwrap()),
                NOW,
                NOW.plus(3600),
            )
        })
    }

    /// Tries every length of the parts about a user and about a request, and with them every padding.
    #[test]
    fn one_opening_serves_many_requests() {
        let keys = AssertionKeys::parse(&format!("k:{}", base64url::encode(&[7; 32]))).unwrap();
        let sealer = keys.sealer(ORIGIN_AUDIENCE).unwrap();
        for name in ["", "\"", "Ann", "Ann Ex", "Zoë, {\"id\":1}"] {
            let identity = identity(name);
            let opening = sealer.about(&identity).unwrap();
            for (path, now) in [("/", NOW), ("/v1", NOW), ("/v1/auth/me", NOW.plus(7_200))] {
                let request_id = RequestId::parse("r-1").unwrap();
                let assertion = Assertion {
                    audience: ORIGIN_AUDIENCE,
                    method: "GET",
                    path,
                    request_id: &request_id,
                    client_ip: None,
                    identity: Some(&identity),
                    user: None,
                };
                let sealed = opening.seal(&assertion, now).unwrap();
                assert_eq!(sealed, keys.seal(&assertion, now).unwrap());
                let expected = Expected {
                    audience: ORIGIN_AUDIENCE,
                    method: "GET",
                    path,
                };
                let opened = keys.open(&sealed, &expected, now, ClockSkew::NONE).unwrap();
                assert_eq!(opened.identity.as_ref(), Some(&identity), "{name} {path}");
            }
        }
    }

    #[test]
    fn opening_without_user_names_no_user() {
        let keys = AssertionKeys::parse(&format!("k:{}", base64url::encode(&[7; 32]))).unwrap();
        let assertion = Assertion {
            audience: ORIGIN_AUDIENCE,
            method: "POST",
            path: "/v1/auth/login",
            request_id: &RequestId::parse("r-1").unwrap(),
            client_ip: Some("192.0.2.1"),
            identity: None,
            user: None,
        };
        let expected = Expected {
            audience: ORIGIN_AUDIENCE,
            method: "POST",
            path: "/v1/auth/login",
        };
        let sealed = keys.seal(&assertion, NOW).unwrap();
        let opened = keys.open(&sealed, &expected, NOW, ClockSkew::NONE).unwrap();
        assert_eq!(opened.identity, None);
        assert_eq!(opened.client_ip.as_deref(), Some("192.0.2.1"));
    }
}
