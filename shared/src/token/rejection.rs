//! Why a token was refused: data, not text, so that tests can check each rule by its name and its numbers.

use std::fmt;

use super::json::JsonFault;
use crate::ids::InvalidId;
use crate::problem::ErrorCode;
use crate::time::UnixTime;

/// A segment of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// The first.
    Header,
    /// The second.
    Payload,
    /// The third.
    Signature,
}

impl Part {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Payload => "payload",
            Self::Signature => "signature",
        }
    }
}

/// A token of a kind that is no credential here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WrongKind {
    /// A Firebase custom token: made by a server, to be exchanged for an ID token.
    CustomToken,
    /// A custom token of the Firebase of before 2016 (HS256, `v: 0`, `d.uid`).
    LegacyCustomToken,
    /// A Firebase session cookie, and this service does not accept them.
    SessionCookie,
    /// A Firebase App Check token: names an app, not a user.
    AppCheck,
    /// An ID token of Google Sign-In, to be exchanged for a Firebase one.
    GoogleIdToken,
    /// A token of the legacy service, and this service holds no secret to check one.
    LegacyNotAccepted,
    /// A token that the edge made for a service behind it.
    Translated,
}

impl WrongKind {
    const fn reason(self) -> &'static str {
        match self {
            Self::CustomToken => "custom_token",
            Self::LegacyCustomToken => "legacy_custom_token",
            Self::SessionCookie => "session_cookie",
            Self::AppCheck => "app_check_token",
            Self::GoogleIdToken => "google_id_token",
            Self::LegacyNotAccepted => "legacy_not_accepted",
            Self::Translated => "translated",
        }
    }

    const fn message(self) -> &'static str {
        match self {
            Self::CustomToken => {
                "An ID token is expected, but a custom token was given: exchange it by signing in"
            }
            Self::LegacyCustomToken => "An ID token is expected, but a legacy custom token was given",
            Self::SessionCookie => "An ID token is expected, but a session cookie was given",
            Self::AppCheck => "An ID token is expected, but an App Check token was given",
            Self::GoogleIdToken => {
                "A Firebase ID token is expected, but a Google ID token was given: exchange it by signing in"
            }
            Self::LegacyNotAccepted => {
                "Tokens of the former sign-in service are not accepted here: sign in again"
            }
            Self::Translated => "The token was made for services behind the edge and is no credential here",
        }
    }
}

/// Why a token was refused, with the compared numbers.
///
/// The caller may see [`fmt::Display`]: it holds no part of the token but times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejection {
    /// Longer than [`super::MAX_TOKEN_BYTES`].
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// Not three segments, or one of them empty.
    Segments {
        /// How many there were; 3 when one was empty.
        found: usize,
    },
    /// A segment is not strict base64url.
    Encoding {
        /// Which segment.
        part: Part,
    },
    /// A segment is not the JSON object it should be.
    Json {
        /// Which segment.
        part: Part,
        /// What is wrong with it.
        fault: JsonFault,
    },
    /// The header carries `crit`, `zip` or `b64`.
    HeaderExtension {
        /// Which of them.
        name: &'static str,
    },
    /// `typ` is there and not `JWT`.
    Type,
    /// `kid` is missing, empty, too long or no plain string.
    KeyId,
    /// `alg` is missing, or not the issuer's.
    Algorithm,
    /// A signed token where only the emulator's unsigned ones are accepted.
    SignedInEmulator,
    /// The issuer's ring has no such key.
    KeyUnknown,
    /// The signature is not by that key over these bytes.
    Signature,
    /// A required claim is missing.
    ClaimMissing {
        /// Which claim.
        name: &'static str,
    },
    /// A claim has the wrong type or an impossible value.
    ClaimInvalid {
        /// Which claim.
        name: &'static str,
    },
    /// The issuer is not one of ours.
    Issuer,
    /// The token is for another project or service.
    Audience,
    /// `sub` (or the legacy `id`) breaks the named rule.
    Subject(InvalidId),
    /// `user_id` is not `sub`.
    SubjectMismatch,
    /// `now ≥ exp + skew`.
    Expired {
        /// `exp`.
        expires_at: UnixTime,
        /// The verifier's clock.
        now: UnixTime,
    },
    /// The claim lies more than the skew after `now`.
    InFuture {
        /// `iat`, `auth_time` or `nbf`.
        name: &'static str,
        /// Its value.
        at: UnixTime,
        /// The verifier's clock.
        now: UnixTime,
    },
    /// `exp − iat` is not between 1 second and the limit of its kind.
    Lifetime {
        /// `exp − iat`, in seconds.
        seconds: i64,
        /// The longest allowed, in seconds.
        allowed: i64,
    },
    /// The tenant is not the configured one, or there is one and none is configured.
    Tenant,
    /// A token of a kind that is no credential here.
    WrongKind(WrongKind),
    /// The time in which legacy tokens were accepted is over.
    LegacyEnded {
        /// When it ended.
        until: UnixTime,
    },
    /// Signed in before this user's sessions were revoked.
    Revoked {
        /// When the user signed in.
        auth_time: UnixTime,
        /// Sign-ins before this moment are void.
        valid_since: UnixTime,
    },
    /// The user's account is deactivated.
    Disabled,
    /// The issuer's keys cannot be fetched. Our fault, never a 401.
    KeysUnavailable {
        /// Seconds after which a retry may succeed.
        retry_after: u32,
    },
    /// The cryptographic engine failed. Our fault, never a 401.
    Engine,
}

impl Rejection {
    /// The stable code, and through it the status.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::TooLong { .. }
            | Self::Segments { .. }
            | Self::Encoding { .. }
            | Self::Json { .. }
            | Self::HeaderExtension { .. }
            | Self::Type
            | Self::KeyId
            | Self::ClaimMissing { .. }
            | Self::ClaimInvalid { .. }
            | Self::Lifetime { .. } => ErrorCode::TokenMalformed,
            Self::Algorithm | Self::SignedInEmulator => ErrorCode::TokenAlgorithm,
            Self::KeyUnknown => ErrorCode::TokenKeyUnknown,
            Self::Signature => ErrorCode::TokenSignatureInvalid,
            Self::Issuer => ErrorCode::TokenIssuer,
            Self::Audience => ErrorCode::TokenAudience,
            Self::Subject(_) | Self::SubjectMismatch => ErrorCode::TokenSubject,
            Self::Expired { .. } => ErrorCode::TokenExpired,
            Self::InFuture { .. } => ErrorCode::TokenNotYetValid,
            Self::Tenant => ErrorCode::TokenTenant,
            Self::WrongKind(_) | Self::LegacyEnded { .. } => ErrorCode::TokenWrongKind,
            Self::Revoked { .. } => ErrorCode::TokenRevoked,
            Self::Disabled => ErrorCode::UserDisabled,
            Self::KeysUnavailable { .. } => ErrorCode::KeysUnavailable,
            Self::Engine => ErrorCode::Internal,
        }
    }

    /// The broken rule, as a label for logs and metrics. One of a fixed set; finer than the code.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "too_long",
            Self::Segments { .. } => "segments",
            Self::Encoding { part: Part::Header } => "header_encoding",
            Self::Encoding { part: Part::Payload } => "payload_encoding",
            Self::Encoding {
                part: Part::Signature,
            } => "signature_encoding",
            Self::Json {
                part: Part::Header, ..
            } => "header_json",
            Self::Json { .. } => "payload_json",
            Self::HeaderExtension { .. } => "header_extension",
            Self::Type => "typ",
            Self::KeyId => "kid",
            Self::Algorithm => "alg",
            Self::SignedInEmulator => "signed_in_emulator",
            Self::KeyUnknown => "key_unknown",
            Self::Signature => "signature",
            Self::ClaimMissing { .. } => "claim_missing",
            Self::ClaimInvalid { .. } => "claim_invalid",
            Self::Issuer => "iss",
            Self::Audience => "aud",
            Self::Subject(_) => "sub",
            Self::SubjectMismatch => "user_id",
            Self::Expired { .. } => "expired",
            Self::InFuture { .. } => "in_future",
            Self::Lifetime { .. } => "lifetime",
            Self::Tenant => "tenant",
            Self::WrongKind(kind) => kind.reason(),
            Self::LegacyEnded { .. } => "legacy_ended",
            Self::Revoked { .. } => "revoked",
            Self::Disabled => "disabled",
            Self::KeysUnavailable { .. } => "keys_unavailable",
            Self::Engine => "engine",
        }
    }

    /// Seconds for `Retry-After`, where the fault is ours and temporary.
    #[must_use]
    pub const fn retry_after(&self) -> Option<u32> {
        match self {
            Self::KeysUnavailable { retry_after } => Some(*retry_after),
            _ => self.code().retry_after(),
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { .. } => f.write_str("The token is longer than 8 KiB"),
            Self::Segments { .. } => f.write_str("The token does not have three segments"),
            Self::Encoding { part } => words(f, ["The token's ", part.as_str(), " is not base64url"]),
            Self::Json { part, fault } => {
                let what = match fault {
                    JsonFault::Syntax => " is not JSON",
                    JsonFault::NotAnObject => " is not a JSON object",
                    JsonFault::DuplicateMember => " has a member twice",
                    JsonFault::TooDeep => " is nested too deeply",
                    JsonFault::TooManyMembers => " has too many members",
                };
                words(f, ["The token's ", part.as_str(), what])
            }
            Self::HeaderExtension { name } => words(f, ["The header parameter ", name, " is not accepted"]),
            Self::Type => f.write_str("The token's type is not JWT"),
            Self::KeyId => f.write_str("The token does not name its key"),
            Self::SignedInEmulator => f.write_str("The emulator takes only unsigned tokens"),
            Self::ClaimMissing { name } => words(f, ["The token has no claim ", name, ""]),
            Self::ClaimInvalid { name } => words(f, ["The token's claim ", name, " is invalid"]),
            Self::Subject(rule) => words(f, ["The token's subject ", rule.0, ""]),
            Self::SubjectMismatch => f.write_str("The token names two different subjects"),
            Self::Expired { expires_at, now } => {
                write!(f, "The token expired {} seconds ago", now.since(*expires_at))
            }
            Self::InFuture { name, at, now } => {
                write!(
                    f,
                    "The token's claim {name} is {} seconds in the future",
                    at.since(*now)
                )
            }
            Self::Lifetime { .. } => {
                f.write_str("The token's lifetime is longer than its issuer allows, or not positive")
            }
            Self::WrongKind(kind) => f.write_str(kind.message()),
            Self::LegacyEnded { .. } => {
                f.write_str("Tokens of the former sign-in service are no longer accepted: sign in again")
            }
            Self::Algorithm
            | Self::KeyUnknown
            | Self::Signature
            | Self::Issuer
            | Self::Audience
            | Self::Tenant
            | Self::Revoked { .. }
            | Self::Disabled
            | Self::KeysUnavailable { .. }
            | Self::Engine => f.write_str(self.code().title()),
        }
    }
}

impl std::error::Error for Rejection {}

fn words(f: &mut fmt::Formatter<'_>, words: [&str; 3]) -> fmt::Result {
    words.into_iter().try_for_each(|word| f.write_str(word))
}
