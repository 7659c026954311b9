//! Every failure that a caller can see: one stable code, its status, and the two bodies that carry it.

use std::borrow::Cow;

use serde::Serialize;

use crate::api::second_factor::SecondFactorChallenge;
use crate::time::UnixTime;

macro_rules! error_codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal, $status:literal, $title:literal;)*) => {
        /// The stable codes of the new contract. A code never changes its meaning or its status.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ErrorCode { $($(#[$doc])* $variant,)* }

        impl ErrorCode {
            /// All codes, for tables and documents.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The code on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// The HTTP status that goes with the code.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)* }
            }

            /// The short human title (RFC 9457 `title`): the same for every occurrence.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* }
            }
        }
    };
}

error_codes! {
    /// The service is configured wrongly, and refuses rather than answer by accident.
    ConfigInvalid = "CONFIG_INVALID", 503, "The service is not configured";
    /// A field of the request breaks its rule; `details` names each.
    ValidationError = "VALIDATION_ERROR", 400, "Validation failed";
    /// Another caller changed it since it was read.
    VersionConflict = "VERSION_CONFLICT", 409, "It has changed since it was read";
    /// No credential where one is needed.
    TokenMissing = "TOKEN_MISSING", 401, "A token is required";
    /// Not a compact JWS of the accepted shape, or a claim of the wrong type.
    TokenMalformed = "TOKEN_MALFORMED", 401, "The token is malformed";
    /// `exp` has passed.
    TokenExpired = "TOKEN_EXPIRED", 401, "The token has expired";
    /// `iat`, `auth_time` or `nbf` lies in the future.
    TokenNotYetValid = "TOKEN_NOT_YET_VALID", 401, "The token is not valid yet";
    /// The signature is not by the key the token names.
    TokenSignatureInvalid = "TOKEN_SIGNATURE_INVALID", 401, "The token's signature is invalid";
    /// The token names a key that the issuer does not publish.
    TokenKeyUnknown = "TOKEN_KEY_UNKNOWN", 401, "The token's key is unknown";
    /// Another algorithm than the issuer's.
    TokenAlgorithm = "TOKEN_ALGORITHM", 401, "The token's algorithm is not accepted";
    /// Made for another audience.
    TokenAudience = "TOKEN_AUDIENCE", 401, "The token is for another audience";
    /// Made by an issuer that we do not accept.
    TokenIssuer = "TOKEN_ISSUER", 401, "The token's issuer is not accepted";
    /// `sub` breaks its rule.
    TokenSubject = "TOKEN_SUBJECT", 401, "The token's subject is invalid";
    /// Of another tenant.
    TokenTenant = "TOKEN_TENANT", 401, "The token is for another tenant";
    /// Signed in before the user's sessions were revoked.
    TokenRevoked = "TOKEN_REVOKED", 401, "The token has been revoked";
    /// A token, but of a kind that is no credential here.
    TokenWrongKind = "TOKEN_WRONG_KIND", 401, "The token is of the wrong kind";
    /// E-mail and password do not belong together (the answer does not say which of them is wrong).
    InvalidCredentials = "INVALID_CREDENTIALS", 401, "The e-mail or password is wrong";
    /// The account is deactivated.
    UserDisabled = "USER_DISABLED", 403, "The account is disabled";
    /// The password is right and the user must still show a second factor; `details` has what the client needs for that.
    SecondFactorRequired = "SECOND_FACTOR_REQUIRED", 403, "A second factor is required";
    /// A blocking function of the project, or its settings, refuse this. The edge does not ask the legacy service instead.
    SignInBlocked = "SIGN_IN_BLOCKED", 403, "The sign-in is blocked";
    /// A known caller without the right.
    Forbidden = "FORBIDDEN", 403, "Not allowed";
    /// No such route or thing.
    NotFound = "NOT_FOUND", 404, "Not found";
    /// The route exists, but not with this method.
    MethodNotAllowed = "METHOD_NOT_ALLOWED", 405, "Method not allowed";
    /// No such user.
    UserNotFound = "USER_NOT_FOUND", 404, "User not found";
    /// The address belongs to another account.
    EmailExists = "EMAIL_EXISTS", 409, "The e-mail address is taken";
    /// The name belongs to another account.
    UsernameExists = "USERNAME_EXISTS", 409, "The username is taken";
    /// The sign-in would claim an existing account that it has not proven to own.
    AccountLinkConflict = "ACCOUNT_LINK_CONFLICT", 409, "The account cannot be linked";
    /// The balance does not cover the amount.
    InsufficientTokens = "INSUFFICIENT_TOKENS", 409, "Not enough tokens";
    /// A hold that was already captured, released or has expired.
    HoldSettled = "HOLD_SETTLED", 409, "The hold is settled";
    /// The balance would exceed what it can hold.
    BalanceOverflow = "BALANCE_OVERFLOW", 422, "The balance would overflow";
    /// The same `Idempotency-Key` came with another request.
    IdempotencyKeyReused = "IDEMPOTENCY_KEY_REUSED", 422, "The idempotency key was used for another request";
    /// The body stopped coming.
    RequestTimeout = "REQUEST_TIMEOUT", 408, "The request did not arrive in time";
    /// Larger than the route allows.
    PayloadTooLarge = "PAYLOAD_TOO_LARGE", 413, "The request is too large";
    /// The body is not of a media type the route reads.
    UnsupportedMediaType = "UNSUPPORTED_MEDIA_TYPE", 415, "The media type is not supported";
    /// Too many requests.
    RateLimited = "RATE_LIMITED", 429, "Too many requests";
    /// The issuer's keys cannot be fetched: our fault, not the token's.
    KeysUnavailable = "KEYS_UNAVAILABLE", 503, "Verification keys are unavailable";
    /// PostgreSQL cannot be reached or is overloaded.
    DatabaseUnavailable = "DATABASE_UNAVAILABLE", 503, "The database is unavailable";
    /// Firebase cannot be reached or refuses for now.
    FirebaseUnavailable = "FIREBASE_UNAVAILABLE", 503, "Firebase is unavailable";
    /// The service behind the edge cannot be reached.
    UpstreamUnavailable = "UPSTREAM_UNAVAILABLE", 503, "The service is unavailable";
    /// The service behind the edge sent something that is no HTTP answer.
    UpstreamInvalid = "UPSTREAM_INVALID", 502, "The service gave no valid answer";
    /// The service behind the edge did not answer in time.
    UpstreamTimeout = "UPSTREAM_TIMEOUT", 504, "The service did not answer in time";
    /// A fault of ours; the answer shows nothing of the cause.
    Internal = "INTERNAL", 500, "Internal error";
}

impl ErrorCode {
    /// Seconds for `Retry-After` where trying again helps (429, 503, 504), else `None`.
    #[must_use]
    pub const fn retry_after(self) -> Option<u32> {
        match self.status() {
            429 => Some(60),
            503 | 504 => Some(5),
            _ => None,
        }
    }

    /// The RFC 6750 section 3.1 error for `WWW-Authenticate`, for statuses that need one.
    ///
    /// A request without a credential gets a bare challenge (`Some("")`): section 3.1 wants no error code there.
    #[must_use]
    pub const fn bearer_error(self) -> Option<&'static str> {
        match self {
            Self::TokenMissing => Some(""),
            _ if self.status() == 401 => Some("invalid_token"),
            _ => None,
        }
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// What a failure says beside its code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum Details {
    /// One line per broken field, or none.
    Fields(Vec<String>),
    /// With [`ErrorCode::SecondFactorRequired`].
    SecondFactor(Box<SecondFactorChallenge>),
}

impl Details {
    /// The lines about broken fields.
    #[must_use]
    pub fn fields(&self) -> &[String] {
        match self {
            Self::Fields(lines) => lines,
            Self::SecondFactor(_) => &[],
        }
    }

    fn is_empty(&self) -> bool {
        matches!(self, Self::Fields(lines) if lines.is_empty())
    }
}

/// A failure as the caller sees it. Its text is always ours: it holds no part of a token, a password, an address or a cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// HTTP status.
    pub status: u16,
    /// Stable code.
    pub code: &'static str,
    /// RFC 9457 `title`.
    pub title: &'static str,
    /// What happened this time, in words for the user.
    pub message: Cow<'static, str>,
    /// More about it, where the code has more.
    pub details: Details,
    /// Seconds for `Retry-After`.
    pub retry_after: Option<u32>,
    /// RFC 6750 `error` for `WWW-Authenticate: Bearer`; empty for a bare challenge.
    pub bearer_error: Option<&'static str>,
}

impl Problem {
    /// The code with its own title as the message.
    #[must_use]
    pub fn new(code: ErrorCode) -> Self {
        Self {
            status: code.status(),
            code: code.as_str(),
            title: code.title(),
            message: Cow::Borrowed(code.title()),
            details: Details::Fields(Vec::new()),
            retry_after: code.retry_after(),
            bearer_error: code.bearer_error(),
        }
    }

    /// Replaces the message by what happened this time.
    #[must_use]
    pub fn message(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.message = message.into();
        self
    }

    /// Adds one line per broken field.
    #[must_use]
    pub fn details(mut self, details: Vec<String>) -> Self {
        self.details = Details::Fields(details);
        self
    }

    /// A sign-in that waits for its second factor.
    #[must_use]
    pub fn second_factor(challenge: SecondFactorChallenge) -> Self {
        Self {
            details: Details::SecondFactor(Box::new(challenge)),
            ..Self::new(ErrorCode::SecondFactorRequired)
        }
    }

    /// Sets `Retry-After`, in seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The value of `WWW-Authenticate`, where the status calls for one.
    #[must_use]
    pub fn challenge(&self) -> Option<String> {
        match self.bearer_error? {
            "" => Some("Bearer".to_owned()),
            error => {
                // RFC 6750 section 3: printable ASCII without '"' and '\'.
                let text: String = self
                    .message
                    .chars()
                    .filter(|c| matches!(c, ' '..='~') && !matches!(c, '"' | '\\'))
                    .collect();
                Some(format!("Bearer error=\"{error}\", error_description=\"{text}\""))
            }
        }
    }

    /// The body of both contracts: `{success:false, message, error:{code, message, details?}, request_id, timestamp}`.
    #[must_use]
    pub fn envelope(&self, request_id: &str, now: UnixTime) -> Vec<u8> {
        to_json(&Envelope {
            success: false,
            message: &self.message,
            error: EnvelopeError {
                code: self.code,
                message: &self.message,
                details: &self.details,
            },
            request_id,
            timestamp: now.to_rfc3339().unwrap_or_default(),
        })
    }

    /// The RFC 9457 body, for `Accept: application/problem+json`.
    #[must_use]
    pub fn problem_json(&self, request_id: &str, instance: &str) -> Vec<u8> {
        to_json(&ProblemDocument {
            r#type: "about:blank",
            title: self.title,
            status: self.status,
            detail: &self.message,
            instance,
            code: self.code,
            details: &self.details,
            request_id,
        })
    }
}

/// Whether an `Accept` header asks for RFC 9457 by name.
#[must_use]
pub fn wants_problem_json(accept: Option<&str>) -> bool {
    accept.is_some_and(|accept| {
        accept.split(',').any(|range| {
            range
                .split(';')
                .next()
                .is_some_and(|media| media.trim().eq_ignore_ascii_case("application/problem+json"))
        })
    })
}

#[derive(Serialize)]
struct Envelope<'a> {
    success: bool,
    message: &'a str,
    error: EnvelopeError<'a>,
    request_id: &'a str,
    timestamp: String,
}

#[derive(Serialize)]
struct EnvelopeError<'a> {
    code: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "Details::is_empty")]
    details: &'a Details,
}

#[derive(Serialize)]
struct ProblemDocument<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
    instance: &'a str,
    code: &'static str,
    #[serde(skip_serializing_if = "Details::is_empty")]
    details: &'a Details,
    request_id: &'a str,
}

fn to_json(value: &impl Serialize) -> Vec<u8> {
    // Strings and integers always serialise; at worst the body is empty and the status right.
    serde_json::to_vec(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::second_factor::EnrolledFactor;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn codes_are_unique_and_statuses_are_errors() {
        let mut seen = std::collections::BTreeSet::new();
        for code in ErrorCode::ALL {
            assert!(seen.insert(code.as_str()), "{} twice", code.as_str());
            assert!((400..=599).contains(&code.status()));
            assert_eq!(code.bearer_error().is_some(), code.status() == 401);
            assert_eq!(
                code.retry_after().is_some(),
                matches!(code.status(), 429 | 503 | 504)
            );
        }
    }

    #[test]
    fn the_envelope_is_the_legacy_shape_and_more() {
        let body = Problem::new(ErrorCode::ValidationError)
            .details(vec!["password is too short".to_owned()])
            .envelope("r-1", UnixTime::from_secs(0));
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            body,
            serde_json::json!({
                "success": false,
                "message": "Validation failed",
                "error": {"code": "VALIDATION_ERROR", "message": "Validation failed", "details": ["password is too short"]},
                "request_id": "r-1",
                "timestamp": "1970-01-01T00:00:00Z"
            })
        );
    }

    #[test]
    fn second_factor_challenge_is_in_details_and_not_in_debug() {
        let challenge = SecondFactorChallenge {
            mfa_pending_credential: "pending-secret".to_owned(),
            mfa_info: vec![EnrolledFactor {
                mfa_enrollment_id: "f1".to_owned(),
                display_name: None,
                enrolled_at: None,
                phone_info: Some("+*******0101".to_owned()),
                totp_info: None,
            }],
        };
        let problem = Problem::second_factor(challenge);
        let expected = serde_json::json!({
            "mfaPendingCredential": "pending-secret",
            "mfaInfo": [{"mfaEnrollmentId": "f1", "phoneInfo": "+*******0101"}],
        });
        let body: serde_json::Value =
            serde_json::from_slice(&problem.envelope("r-1", UnixTime::from_secs(0))).unwrap();
        assert_eq!(body["error"]["code"], "SECOND_FACTOR_REQUIRED");
        assert_eq!(body["error"]["details"], expected);
        let body: serde_json::Value = serde_json::from_slice(&problem.problem_json("r-1", "/")).unwrap();
        assert_eq!(
            (&body["status"], &body["details"]),
            (&serde_json::json!(403), &expected)
        );
        let printed = format!("{problem:?}");
        assert!(
            !printed.contains("pending-secret") && !printed.contains("0101"),
            "{printed}"
        );
    }

    #[test]
    fn challenge_text_cannot_break_its_quotes() {
        let problem = Problem::new(ErrorCode::TokenMalformed).message("a \"quoted\"\r\n\\ thing");
        assert_eq!(
            problem.challenge().unwrap(),
            "Bearer error=\"invalid_token\", error_description=\"a quoted thing\""
        );
        assert_eq!(
            Problem::new(ErrorCode::TokenMissing).challenge().unwrap(),
            "Bearer"
        );
        assert_eq!(Problem::new(ErrorCode::Internal).challenge(), None);
    }

    #[test]
    fn problem_json_is_sent_only_when_named() {
        assert!(wants_problem_json(Some(
            "text/html, application/problem+json;q=0.9"
        )));
        for not in [
            None,
            Some("*/*"),
            Some("application/json"),
            Some("application/problem+jsonx"),
        ] {
            assert!(!wants_problem_json(not));
        }
    }
}
