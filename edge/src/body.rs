//! Reads the fields of a sign-in's body that routing needs. All of it is unverified: it only chooses the side, and that side judges.

use serde::Deserialize;
use shared::identity::TokenKind;
use shared::ids::NormalizedEmail;
use shared::token::{TokenPolicy, UnverifiedToken};

/// The longest body that the edge reads, in bytes. No sign-in needs more; nothing in a longer one decides its side.
pub const MAX_PEEKED_BYTES: u32 = 16 * 1024;

/// The fields that routing reads. Everything else in the body is left to the side that answers.
#[derive(Debug, Default, Deserialize)]
pub struct UnverifiedBody {
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    username: Option<String>,
    #[serde(default)]
    token: Option<String>,
}

impl UnverifiedBody {
    /// Reads a JSON object or a form. Any other body yields no fields: the side that answers will refuse it.
    #[must_use]
    pub fn read(bytes: &[u8], content_type: Option<&str>) -> Self {
        let is_form = content_type.is_some_and(|media| {
            media
                .get(.."application/x-www-form-urlencoded".len())
                .is_some_and(|media| media.eq_ignore_ascii_case("application/x-www-form-urlencoded"))
        });
        if is_form {
            return Self {
                email: form_field(bytes, "email"),
                username: form_field(bytes, "username"),
                token: form_field(bytes, "token"),
            };
        }
        serde_json::from_slice(bytes).unwrap_or_default()
    }

    /// The address, in the form that names a user.
    #[must_use]
    pub fn email(&self) -> Option<NormalizedEmail> {
        NormalizedEmail::parse(self.email.as_deref()?).ok()
    }

    /// The name of the account: the address, or a username of at most as many bytes.
    #[must_use]
    pub fn account(&self) -> Option<String> {
        if let Some(email) = self.email() {
            return Some(email.as_str().to_owned());
        }
        let username = self.username.as_deref()?.trim();
        (1..=NormalizedEmail::MAX_BYTES)
            .contains(&username.len())
            .then(|| username.to_lowercase())
    }

    /// The token, whatever it is.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// The kind of token it claims to hold.
    #[must_use]
    pub fn token_kind(&self, policy: &TokenPolicy) -> Option<TokenKind> {
        UnverifiedToken::parse(self.token.as_deref()?)
            .ok()?
            .kind(policy)
            .ok()
    }
}

/// The first field called `name` (WHATWG URL standard, "application/x-www-form-urlencoded parsing").
fn form_field(bytes: &[u8], name: &str) -> Option<String> {
    bytes
        .split(|byte| *byte == b'&')
        .filter_map(|pair| {
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            Some((halves.next()?, halves.next().unwrap_or_default()))
        })
        .find(|(key, _)| unescape(key).as_deref() == Some(name))
        .and_then(|(_, value)| unescape(value))
}

/// A name or value of a form or query; `None` if it is not well-formed.
pub(crate) fn unescape(text: &[u8]) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(*rest.next()?).to_digit(16);
                let (high, low) = (digit()?, digit()?);
                u8::try_from((high << 4) | low).ok()?
            }
            plain => *plain,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn email(body: &str, content_type: Option<&str>) -> Option<String> {
        UnverifiedBody::read(body.as_bytes(), content_type)
            .email()
            .map(|email| email.as_str().to_owned())
    }

    #[test]
    fn the_address_is_found_in_either_form() {
        const FORM: Option<&str> = Some("application/x-www-form-urlencoded; charset=utf-8");
        const JSON: Option<&str> = Some("application/json");
        for (body, content_type, expected) in [
            (
                r#"{"email":" Ann@Example.com","password":"x"}"#,
                JSON,
                Some("ann@example.com"),
            ),
            (r#"{"email":"ann@example.com"}"#, None, Some("ann@example.com")),
            (
                "password=x&email=Ann%2Bx%40example.com",
                FORM,
                Some("ann+x@example.com"),
            ),
            (
                "email=ann%40example.com&email=bob%40example.com",
                FORM,
                Some("ann@example.com"),
            ),
            // Two addresses: neither decides.
            (r#"{"email":"a@b.de","email":"c@d.de"}"#, JSON, None),
            (r#"{"email":7}"#, JSON, None),
            (r#"{"username":"ann"}"#, JSON, None),
            ("email=%4", FORM, None),
            ("email=%ff%40b.de", FORM, None),
            ("[]", JSON, None),
            ("", JSON, None),
        ] {
            assert_eq!(email(body, content_type).as_deref(), expected, "{body}");
        }
    }
}
