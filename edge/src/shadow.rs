//! Shadow reads: the edge repeats a share of the reads that the legacy service answered at v2, after it has sent the answer, to learn
//! before users move whether v2 knows the same about them. Pure: it compares; others send.
//!
//! Only one direction exists. v2 reads a legacy token; the legacy service cannot read a Firebase token.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};
use shared::callers::CallerMark;
use shared::identity::TokenKind;
use shared::rollout::{BUCKETS, Percentage};
use shared::routing::Purpose;

use crate::changes::HeaderChanges;
use crate::paths::LegacyCall;
use crate::trace::Seed;

/// The most that is read of either answer, in bytes.
pub const MAX_ANSWER_BYTES: u32 = 64 * 1024;
/// The most fields that are named, and the longest name: they come from an answer, and go to a log.
const MAX_FIELDS: usize = 20;
const MAX_NAME_BYTES: usize = 40;

/// A read to repeat at v2.
#[derive(Debug)]
pub struct ShadowRead {
    /// The whole address.
    pub url: String,
    /// The changes of the request's headers.
    pub changes: HeaderChanges,
    /// How long v2 may take to begin its answer, in milliseconds.
    pub timeout_ms: u32,
    /// The caller, as a hash.
    pub caller: CallerMark,
}

/// Whether this call is in the repeated `share`. Only verification and the profile, and never with a method that may change something.
#[must_use]
pub fn is_wanted(
    method: &str,
    path: &str,
    kind: LegacyCall,
    purpose: Purpose,
    share: Percentage,
    seed: &Seed,
) -> bool {
    let is_read = match kind {
        LegacyCall::VerifyToken => method == "POST",
        LegacyCall::Bearer => method == "GET" && path == "/auth/profile",
        _ => false,
    };
    is_read && purpose == Purpose::Token(TokenKind::Legacy) && is_sampled(share, seed)
}

/// Reads are sampled at random, unlike users: this routes no user.
fn is_sampled(share: Percentage, seed: &Seed) -> bool {
    let [a, b, c, d, ..] = seed.span;
    let number = u32::from_be_bytes([a, b, c, d]).checked_rem(u32::from(BUCKETS));
    number.is_some_and(|number| number < u32::from(share.basis_points()))
}

/// One side's answer to a shadow read.
#[derive(Debug, Clone, Copy)]
pub struct Answered<'a> {
    /// HTTP status.
    pub status: u16,
    /// The whole body.
    pub body: &'a [u8],
}

/// How v2's answer differs from the one that the user got. It holds names only; the values concern the user alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Both statuses, legacy first, where they are not the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<(u16, u16)>,
    /// The fields of `data.user` that v2 lacks or answers otherwise; `user` when only one side has it at all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
}

impl Difference {
    /// Whether there is no difference.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// Compares statuses and the `user` of both bodies. v2 may add fields to a user, but must not lack or change one.
#[must_use]
pub fn compare(legacy: Answered<'_>, v2: Answered<'_>) -> Difference {
    let status = (legacy.status != v2.status).then_some((legacy.status, v2.status));
    let fields = match (user(legacy.body), user(v2.body)) {
        (Some(legacy), Some(v2)) => differing(&legacy, &v2),
        (None, None) => Vec::new(),
        (Some(_), None) | (None, Some(_)) => vec!["user".to_owned()],
    };
    Difference { status, fields }
}

fn user(body: &[u8]) -> Option<Map<String, Value>> {
    let mut answer: Value = serde_json::from_slice(body).ok()?;
    match answer.get_mut("data")?.get_mut("user")?.take() {
        Value::Object(user) => Some(user),
        _ => None,
    }
}

fn differing(legacy: &Map<String, Value>, v2: &Map<String, Value>) -> Vec<String> {
    legacy
        .iter()
        .filter(|(name, value)| v2.get(*name) != Some(value))
        .map(|(name, _)| Name(name).to_string())
        .take(MAX_FIELDS)
        .collect()
}

/// A field's name, as far as a log may hold it.
struct Name<'a>(&'a str);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = self.0.len() <= MAX_NAME_BYTES
            && self
                .0
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        f.write_str(if plain { self.0 } else { "(another)" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn differences(legacy: (u16, &str), v2: (u16, &str)) -> Difference {
        let answered = |(status, body): (u16, &'static str)| Answered {
            status,
            body: body.as_bytes(),
        };
        compare(
            answered((legacy.0, String::leak(legacy.1.to_owned()))),
            answered((v2.0, String::leak(v2.1.to_owned()))),
        )
    }

    #[test]
    fn differences_are_named_and_never_shown() {
        const ANN: &str =
            r#"{"success":true,"data":{"user":{"id":"1","email":"ann@example.com","token_balance":3}}}"#;
        const NONE: &[&str] = &[];
        for (legacy, v2, status, fields) in [
            ((200, ANN), (200, ANN), None, NONE),
            // Another order, more fields, another envelope: the contract allows all of these.
            (
                (200, ANN),
                (
                    200,
                    r#"{"data":{"user":{"token_balance":3,"photo_url":null,"email":"ann@example.com","id":"1"}},"timestamp":"t"}"#,
                ),
                None,
                NONE,
            ),
            (
                (200, ANN),
                (200, r#"{"data":{"user":{"id":"1","email":"Ann@example.com"}}}"#),
                None,
                &["email", "token_balance"],
            ),
            (
                (200, ANN),
                (404, r#"{"success":false}"#),
                Some((200, 404)),
                &["user"],
            ),
            (
                (200, r#"{"data":{"valid":false,"error":"x"}}"#),
                (200, r#"{"data":{"valid":false,"error":"y"}}"#),
                None,
                NONE,
            ),
            ((200, r#"{"data":{"valid":false}}"#), (200, ANN), None, &["user"]),
            ((401, "{}"), (401, "not json"), None, NONE),
            (
                (200, r#"{"data":{"user":{"ann@example.com":1,"a_b":2}}}"#),
                (200, r#"{"data":{"user":{}}}"#),
                None,
                &["a_b", "(another)"],
            ),
        ] {
            let difference = differences(legacy, v2);
            assert_eq!(difference.status, status, "{v2:?}");
            assert_eq!(difference.fields, fields, "{v2:?}");
            let line = serde_json::to_string(&difference).unwrap();
            assert!(!line.contains('@'), "{line}");
        }
    }

    #[test]
    fn only_reads_with_a_legacy_token_are_repeated() {
        let everybody = Percentage::EVERYBODY;
        let legacy = Purpose::Token(TokenKind::Legacy);
        for (method, path, kind, purpose, wanted) in [
            (
                "POST",
                "/auth/verify-token",
                LegacyCall::VerifyToken,
                legacy,
                true,
            ),
            ("GET", "/auth/profile", LegacyCall::Bearer, legacy, true),
            ("PUT", "/auth/profile", LegacyCall::Bearer, legacy, false),
            ("DELETE", "/auth/profile", LegacyCall::Bearer, legacy, false),
            ("GET", "/auth/schools", LegacyCall::Bearer, legacy, false),
            ("POST", "/auth/login", LegacyCall::SignIn, Purpose::SignIn, false),
            (
                "POST",
                "/auth/register",
                LegacyCall::Registration,
                Purpose::Registration,
                false,
            ),
            (
                "GET",
                "/auth/profile",
                LegacyCall::Bearer,
                Purpose::Token(TokenKind::Firebase),
                false,
            ),
            ("GET", "/auth/profile", LegacyCall::Bearer, Purpose::Other, false),
        ] {
            let seed = Seed::default();
            assert_eq!(is_wanted(method, path, kind, purpose, everybody, &seed), wanted);
            assert!(!is_wanted(method, path, kind, purpose, Percentage::NOBODY, &seed));
        }
    }

    #[test]
    fn the_share_is_kept() {
        let share = Percentage::from_basis_points(2_500).unwrap();
        let seed = |number: u32| {
            let [a, b, c, d] = number.wrapping_mul(0x9e37_79b9).to_be_bytes();
            Seed {
                span: [a, b, c, d, 0, 0, 0, 0],
                ..Seed::default()
            }
        };
        let sampled = (0..40_000)
            .filter(|number| is_sampled(share, &seed(*number)))
            .count();
        // Three standard deviations of 40,000 draws at a quarter are 260.
        assert!(sampled.abs_diff(10_000) < 260, "{sampled}");
    }
}
