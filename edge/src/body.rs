//! Reads the fields of a sign-in's body that routing and counting need. All of it is unverified: it chooses the side, which judges, and
//! the counters.

use serde::Deserialize;
use shared::identity::TokenKind;
use shared::ids::NormalizedEmail;
use shared::token::{TokenPolicy, UnverifiedToken};

use crate::request::Inbound;

/// The longest body that the edge reads, in bytes. No sign-in needs more; nothing in a longer one decides its side.
pub const MAX_PEEKED_BYTES: u32 = 16 * 1024;

/// The fields that routing and counting read. Everything else in the body is left to the side that answers.
#[derive(Debug, Default, Deserialize)]
pub struct UnverifiedBody {
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    username: Option<String>,
    #[serde(default)]
    token: Option<String>,
    /// Whether another reader of the same bytes may find other values.
    #[serde(skip)]
    is_ambiguous: bool,
}

impl UnverifiedBody {
    /// Reads the body of `inbound`, a JSON object or a form. Any other body yields no fields, and neither does one that is not given because
    /// it is longer than [`MAX_PEEKED_BYTES`].
    #[must_use]
    pub fn read(bytes: Option<&[u8]>, inbound: &Inbound<'_>) -> Self {
        let media = inbound.header("content-type").unwrap_or_default();
        let read = bytes.and_then(|bytes| {
            if is_form(media) {
                Some(Self::of_form(bytes))
            } else {
                serde_json::from_slice::<Self>(bytes).ok()
            }
        });
        let mut body = read.unwrap_or_else(|| Self {
            is_ambiguous: true,
            ..Self::default()
        });
        body.is_ambiguous |= !is_plain(inbound.header("content-encoding")) || !is_utf8(media);
        body
    }

    /// A form: the first field of each name (WHATWG URL standard, "application/x-www-form-urlencoded parsing").
    fn of_form(bytes: &[u8]) -> Self {
        let mut fields = Self {
            // Some frameworks read JSON whatever its media type; forms escape the brace.
            is_ambiguous: bytes.contains(&b'{'),
            ..Self::default()
        };
        for pair in bytes.split(|byte| *byte == b'&') {
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let mut half = || unescape(halves.next().unwrap_or_default());
            let (name, value) = (half(), half());
            let field = match name.as_deref() {
                Some("email") => &mut fields.email,
                Some("username") => &mut fields.username,
                Some("token") => &mut fields.token,
                Some(_) => continue,
                None => {
                    fields.is_ambiguous = true;
                    continue;
                }
            };
            fields.is_ambiguous |= value.is_none() || field.is_some() && *field != value;
            *field = field.take().or(value);
        }
        fields
    }

    /// The address, in the form that names a user.
    #[must_use]
    pub fn email(&self) -> Option<NormalizedEmail> {
        NormalizedEmail::parse(self.email.as_deref()?).ok()
    }

    /// The accounts that the body may be about, as typed: the address, the username, and an account without a name for a body that a service
    /// may read in another way. Frameworks undo codings and charsets that the edge does not know, and take the last of two equal names.
    pub fn accounts(&self) -> impl Iterator<Item = &str> {
        let named = [&self.email, &self.username].into_iter().flatten();
        named
            .map(|typed| typed.trim())
            .filter(|typed| !typed.is_empty())
            .chain(self.is_ambiguous.then_some(""))
    }

    /// The token, whatever it is.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// The kind of token it claims to hold.
    #[must_use]
    pub fn token_kind(&self, policy: &TokenPolicy) -> Option<TokenKind> {
        UnverifiedToken::parse(self.token()?).ok()?.kind(policy).ok()
    }
}

fn is_form(media: &str) -> bool {
    let essence = media.split(';').next().unwrap_or_default();
    essence
        .trim()
        .eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

fn is_plain(coding: Option<&str>) -> bool {
    coding.is_none_or(|coding| coding.trim().eq_ignore_ascii_case("identity"))
}

/// Whether `media` names no other charset: in UTF-7, plain ASCII spells further fields.
fn is_utf8(media: &str) -> bool {
    media.split(';').skip(1).all(|parameter| {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let value = value.trim().trim_matches('"');
        !name.trim().eq_ignore_ascii_case("charset") || value.eq_ignore_ascii_case("utf-8")
    })
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
        let media = content_type.map_or_else(String::new, |media| format!("\ncontent-type:{media}"));
        let text = format!("POST\nhttps://edge/auth/login{media}");
        UnverifiedBody::read(Some(body.as_bytes()), &Inbound::parse(&text).unwrap())
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
