//! The meaning of each of Google's error answers: one table, and a rule for codes that are not in it.
//!
//! The rule: a 4xx is never an outage of ours, except 408, 429, a used-up quota and wrong credentials of ours. Without an outage the edge
//! does not ask the legacy service, and no breaker counts the answer. `docs/architecture/auth-federation.md` shows the same table.
//!
//! Codes: <https://cloud.google.com/identity-platform/docs/error-codes>,
//! <https://docs.cloud.google.com/identity-platform/docs/reference/rest>.

use serde_json::Value;

use super::error::FirebaseError;

/// The longest message of a blocking function that a user sees, in characters.
const LONGEST_MESSAGE: usize = 200;

/// The meaning of an answer. Each kind has one status and one code, and states whether it is an outage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Another account has the address.
    EmailTaken,
    /// Another account has the uid.
    UidTaken,
    /// Address and password do not belong together.
    WrongCredentials,
    /// The account is disabled.
    Disabled,
    /// There is no such account.
    Gone,
    /// The address breaks a rule.
    Email,
    /// The password breaks a rule.
    Password,
    /// The code of a second factor is wrong.
    FactorCode,
    /// The refresh token no longer counts.
    RefreshToken,
    /// The sign-in, or its first step, no longer counts.
    SignIn,
    /// The code of a mail no longer counts.
    MailedCode,
    /// Too many attempts on one account, or from one address.
    TooManyAttempts,
    /// A quota of the project is used up.
    Quota,
    /// A blocking function of the project refused.
    Blocked,
    /// A blocking function of the project crashed or took too long.
    BlockerFailed,
    /// The project's settings do not allow it.
    Settings,
    /// Google does not understand the request, or this service does not make such requests.
    Request,
    /// Our API key, our service account or its rights are wrong.
    OurCredentials,
    /// Google failed.
    Outage,
}

/// Google's codes, with the reasons of `ErrorInfo`: <https://docs.cloud.google.com/apis/design/errors#error_info>.
#[rustfmt::skip]
pub(super) const TABLE: &[(Kind, &[&str])] = &[
    (Kind::EmailTaken, &["EMAIL_EXISTS", "DUPLICATE_EMAIL"]),
    (Kind::UidTaken, &["DUPLICATE_LOCAL_ID"]),
    // The project's e-mail enumeration protection decides which of these codes comes.
    (Kind::WrongCredentials, &["EMAIL_NOT_FOUND", "INVALID_PASSWORD", "INVALID_LOGIN_CREDENTIALS"]),
    (Kind::Disabled, &["USER_DISABLED"]),
    (Kind::Gone, &["USER_NOT_FOUND"]),
    (Kind::Email, &[
        "INVALID_EMAIL", "MISSING_EMAIL", "INVALID_IDENTIFIER", "MISSING_IDENTIFIER", "INVALID_NEW_EMAIL", "MISSING_NEW_EMAIL",
        "INVALID_RECIPIENT_EMAIL",
    ]),
    (Kind::Password, &["WEAK_PASSWORD", "MISSING_PASSWORD", "PASSWORD_DOES_NOT_MEET_REQUIREMENTS"]),
    (Kind::FactorCode, &["INVALID_CODE", "MISSING_CODE", "INVALID_MFA_ENROLLMENT_ID", "MISSING_MFA_ENROLLMENT_ID", "MFA_ENROLLMENT_NOT_FOUND"]),
    (Kind::RefreshToken, &[
        "TOKEN_EXPIRED", "INVALID_REFRESH_TOKEN", "MISSING_REFRESH_TOKEN", "INVALID_GRANT_TYPE", "MISSING_GRANT_TYPE",
    ]),
    (Kind::SignIn, &[
        "INVALID_ID_TOKEN", "MISSING_ID_TOKEN", "CREDENTIAL_TOO_OLD_LOGIN_AGAIN", "INVALID_MFA_PENDING_CREDENTIAL", "INVALID_PENDING_TOKEN",
        "MISSING_MFA_PENDING_CREDENTIAL", "MISSING_CREDENTIAL", "SESSION_EXPIRED", "INVALID_SESSION_INFO", "MISSING_SESSION_INFO",
        "INVALID_TEMPORARY_PROOF", "TOTP_CHALLENGE_TIMEOUT",
    ]),
    (Kind::MailedCode, &["EXPIRED_OOB_CODE", "INVALID_OOB_CODE", "MISSING_OOB_CODE"]),
    (Kind::TooManyAttempts, &["TOO_MANY_ATTEMPTS_TRY_LATER", "RESET_PASSWORD_EXCEED_LIMIT", "TOO_MANY_ENROLLMENT_ATTEMPTS"]),
    (Kind::Quota, &["QUOTA_EXCEEDED", "RESOURCE_EXHAUSTED", "RATE_LIMIT_EXCEEDED"]),
    (Kind::Blocked, &["BLOCKING_FUNCTION_ERROR_RESPONSE"]),
    (Kind::BlockerFailed, &["Error code: 47"]),
    (Kind::Settings, &[
        "PASSWORD_LOGIN_DISABLED", "OPERATION_NOT_ALLOWED", "ADMIN_ONLY_OPERATION", "PROJECT_DISABLED", "CONFIGURATION_NOT_FOUND",
        // reCAPTCHA and App Check are enforced: a server cannot obtain such a token.
        "MISSING_RECAPTCHA_TOKEN", "INVALID_RECAPTCHA_TOKEN", "INVALID_RECAPTCHA_ACTION", "RECAPTCHA_NOT_ENABLED", "MISSING_CLIENT_TYPE",
        "MISSING_RECAPTCHA_VERSION", "INVALID_RECAPTCHA_VERSION", "INVALID_RECAPTCHA_ENFORCEMENT_STATE", "CAPTCHA_CHECK_FAILED",
        "INVALID_APP_CREDENTIAL", "MISSING_APP_CREDENTIAL", "APP_NOT_VERIFIED",
        // Links of mails.
        "INVALID_CONTINUE_URI", "MISSING_CONTINUE_URI", "UNAUTHORIZED_DOMAIN", "INVALID_DYNAMIC_LINK_DOMAIN", "DYNAMIC_LINK_NOT_ACTIVATED",
        "INVALID_HOSTING_LINK_DOMAIN", "INVALID_MESSAGE_PAYLOAD", "INVALID_SENDER",
        // Second factors.
        "SECOND_FACTOR_EXISTS", "SECOND_FACTOR_LIMIT_EXCEEDED", "UNVERIFIED_EMAIL", "UNSUPPORTED_FIRST_FACTOR", "UNSUPPORTED_SECOND_FACTOR",
        "EMAIL_CHANGE_NEEDS_VERIFICATION", "MFA_ENROLLMENT_ALREADY_COMPLETE",
        // Tenants.
        "INVALID_TENANT_ID", "TENANT_ID_MISMATCH", "TENANT_NOT_FOUND", "TENANT_DELETED", "UNSUPPORTED_TENANT_OPERATION", "INVALID_TENANT_TYPE",
    ]),
    (Kind::Request, &[
        "UNEXPECTED_PARAMETER", "INSUFFICIENT_PERMISSION", "INVALID_REQ_TYPE", "MISSING_REQ_TYPE", "INVALID_DURATION",
        "MISSING_CUSTOM_TOKEN", "FORBIDDEN_CLAIM", "INVALID_CLAIMS", "CLAIMS_TOO_LARGE",
        "PHONE_NUMBER_EXISTS", "INVALID_PHONE_NUMBER", "MISSING_PHONE_NUMBER", "DUPLICATE_MFA_ENROLLMENT_ID", "INVALID_MFA_PHONE_NUMBER",
        "MISSING_DISPLAY_NAME", "INVALID_DISPLAY_NAME",
        "MISSING_LOCAL_ID", "INVALID_LOCAL_ID", "DUPLICATE_RAW_ID", "MISSING_USER_ACCOUNT", "LOCAL_ID_LIST_EXCEEDS_LIMIT", "NOT_DISABLED",
        "INVALID_PASSWORD_HASH", "INVALID_HASH_ALGORITHM", "MISSING_HASH_ALGORITHM", "EMPTY_HASH_KEY", "INVALID_HASH_ROUNDS",
        "INVALID_HASH_MEMORY_COSTS", "INVALID_HASH_PARAMETER", "INVALID_PAGE_SELECTION",
        // Tokens of providers: clients send those to Google themselves.
        "INVALID_IDP_RESPONSE", "INVALID_CREDENTIAL_OR_PROVIDER_ID", "MISSING_OR_INVALID_NONCE", "REJECTED_CREDENTIAL",
        "FEDERATED_USER_ID_ALREADY_LINKED", "PROVIDER_ALREADY_LINKED", "CREDENTIAL_ALREADY_IN_USE", "INVALID_PROVIDER_ID", "MISSING_PROVIDER_ID",
        "MISSING_RAW_ID", "MISSING_REQUEST_URI", "INVALID_REQUEST_URI", "INVALID_OAUTH_CLIENT_ID", "MISSING_OAUTH_CLIENT_ID", "MISSING_ISSUER",
        "MISSING_SAML_RELYING_PARTY_CONFIG",
        // Telephones, browsers and passkeys.
        "MISSING_CLIENT_IDENTIFIER", "MISSING_IOS_APP_TOKEN", "MISSING_ANDROID_PACKAGE_NAME", "MISSING_IOS_BUNDLE_ID", "INVALID_APP_ID",
        "INVALID_CERT_HASH", "CORS_UNSUPPORTED", "USER_CANCELLED", "INVALID_CREDENTIAL_ID", "MISSING_AUTHENTICATOR_RESPONSE",
        "PASSKEY_CREDENTIAL_NOT_FOUND",
        // Settings: this crate does not read or write them.
        "CONFIGURATION_EXISTS", "INVALID_CONFIG", "INVALID_CONFIG_ID", "MISSING_CONFIG", "MISSING_CONFIG_ID", "INVALID_NAME",
        "INVALID_TESTING_PHONE_NUMBER", "INVALID_BLOCKING_FUNCTION",
    ]),
    (Kind::OurCredentials, &[
        "PERMISSION_DENIED", "UNAUTHENTICATED", "INVALID_SERVICE_ACCOUNT", "PROJECT_NOT_FOUND", "INVALID_PROJECT_ID", "BILLING_NOT_ENABLED",
        "PROJECT_NUMBER_MISMATCH", "INVALID_CUSTOM_TOKEN", "CREDENTIAL_MISMATCH", "API_KEY_INVALID", "CREDENTIALS_MISSING", "SERVICE_DISABLED",
        "BILLING_DISABLED", "API_KEY_SERVICE_BLOCKED", "API_KEY_HTTP_REFERRER_BLOCKED", "API_KEY_IP_ADDRESS_BLOCKED",
    ]),
    (Kind::Outage, &["INTERNAL_ERROR", "INTERNAL", "UNAVAILABLE", "DEADLINE_EXCEEDED"]),
];

/// How codes begin that have more variants than the table lists.
const BEGINNINGS: &[(&str, Kind)] = &[
    ("INVALID_ARGON2_", Kind::Request),
    ("API_KEY_", Kind::OurCredentials),
    ("RECAPTCHA_", Kind::Settings),
];

/// `error` of an answer, in any of Google's shapes. A field that is missing or has another type is empty.
#[derive(Debug, Default)]
pub(super) struct ErrorDetail {
    message: String,
    /// A name of `google.rpc.Code`.
    status: String,
    /// `reason` of each `google.rpc.ErrorInfo` of `details`.
    reasons: Vec<String>,
}

impl ErrorDetail {
    /// A refusal of which only the message is known.
    pub(super) fn saying(message: String) -> Self {
        Self {
            message,
            ..Self::default()
        }
    }

    /// The detail of an answer `{error: {…}}`.
    fn of(answer: &Value) -> Self {
        let error = answer.get("error");
        let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
        let field = |name: &str| text(error.and_then(|error| error.get(name)));
        let details = error
            .and_then(|error| error.get("details"))
            .and_then(Value::as_array);
        Self {
            message: field("message"),
            status: field("status"),
            reasons: details
                .into_iter()
                .flatten()
                .map(|detail| text(detail.get("reason")))
                .collect(),
        }
    }
}

/// Reads an error answer. `retry_after`: the seconds of its `Retry-After`, or the default pause.
pub(super) fn read(status: u16, body: &[u8], retry_after: u32) -> FirebaseError {
    match serde_json::from_slice::<Value>(body) {
        Ok(answer) => read_detail(status, &ErrorDetail::of(&answer), retry_after),
        // A proxy on the way to Google answered, not Google.
        Err(_) => match by_status(status, "") {
            Kind::Quota => FirebaseError::Exhausted { retry_after },
            _ => FirebaseError::Outage {
                status,
                code: "NOT_JSON".to_owned(),
            },
        },
    }
}

/// [`read`], for `error` of an answer.
pub(super) fn read_detail(status: u16, error: &ErrorDetail, retry_after: u32) -> FirebaseError {
    let (kind, code) = classify(status, error);
    let code = || code.to_owned();
    match kind {
        Kind::EmailTaken => FirebaseError::EmailExists,
        Kind::UidTaken => FirebaseError::UidExists,
        Kind::WrongCredentials => FirebaseError::InvalidCredentials,
        Kind::Disabled => FirebaseError::Disabled,
        Kind::Gone => FirebaseError::NotFound,
        Kind::Email => FirebaseError::Invalid("e-mail address"),
        Kind::Password => FirebaseError::Invalid("password"),
        Kind::FactorCode => FirebaseError::Invalid("code"),
        Kind::RefreshToken => FirebaseError::Stale("refresh token"),
        Kind::SignIn => FirebaseError::Stale("sign-in"),
        Kind::MailedCode => FirebaseError::Stale("code"),
        Kind::TooManyAttempts => FirebaseError::TooManyAttempts,
        Kind::Quota => FirebaseError::Exhausted { retry_after },
        Kind::Blocked => FirebaseError::Blocked(message_of_function(&error.message)),
        Kind::BlockerFailed => FirebaseError::BlockerFailed,
        Kind::Settings | Kind::Request => FirebaseError::Refused { status, code: code() },
        Kind::OurCredentials => FirebaseError::OurCredentials { status, code: code() },
        Kind::Outage => FirebaseError::Outage { status, code: code() },
    }
}

/// The kind of an answer, and the code to log.
fn classify(status: u16, error: &ErrorDetail) -> (Kind, &str) {
    let message = error.message.as_str();
    if message.starts_with("Error code: 47") {
        return (Kind::BlockerFailed, "ERROR_CODE_47");
    }
    let code = leading_code(message);
    match (known(code), status) {
        // The emulator gives this code for a function that crashed.
        (Some(Kind::Blocked), 500..) => return (Kind::BlockerFailed, code),
        (Some(kind), ..500) => return (kind, code),
        _ => {}
    }
    if message.starts_with("Firebase App Check") {
        return (Kind::Settings, "APP_CHECK");
    }
    let reasons = error.reasons.iter().map(String::as_str);
    let said = reasons.chain([error.status.as_str()]);
    for name in said {
        match known(name) {
            Some(kind @ (Kind::OurCredentials | Kind::Quota)) if status < 500 => {
                return (kind, leading_code(name));
            }
            _ => {}
        }
    }
    (
        by_status(status, message),
        if code.len() > 3 { code } else { "UNKNOWN" },
    )
}

/// The meaning of the status alone.
fn by_status(status: u16, message: &str) -> Kind {
    match status {
        // The API key, in answers without `ErrorInfo`; and access tokens.
        401 => Kind::OurCredentials,
        400 if starts_with(message, "API key not valid") => Kind::OurCredentials,
        408 | 500.. => Kind::Outage,
        429 => Kind::Quota,
        // A success that cannot be read, or a redirection, which no service of Google sends.
        ..400 => Kind::Outage,
        _ => Kind::Request,
    }
}

fn starts_with(text: &str, beginning: &str) -> bool {
    match text.as_bytes().split_at_checked(beginning.len()) {
        Some((first, _)) => first.eq_ignore_ascii_case(beginning.as_bytes()),
        None => false,
    }
}

fn known(code: &str) -> Option<Kind> {
    if code.is_empty() {
        return None;
    }
    let row = TABLE.iter().find(|(_, codes)| codes.contains(&code));
    let beginning = || {
        BEGINNINGS
            .iter()
            .find(|(beginning, _)| code.starts_with(beginning))
    };
    row.map(|(kind, _)| *kind)
        .or_else(|| beginning().map(|(_, kind)| *kind))
}

/// `CODE` of `CODE`, `CODE : text` and `CODE: text`: at most 64 bytes of `A-Z`, `0-9` and `_`. The text may name a user, and is dropped.
fn leading_code(message: &str) -> &str {
    let is_code = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_';
    let length = message.bytes().take(64).take_while(|byte| is_code(byte)).count();
    message.get(..length).unwrap_or_default()
}

/// The message of a blocking function to the user: `error.message` of the JSON in `BLOCKING_FUNCTION_ERROR_RESPONSE : …{JSON}`. The
/// function's author means users to see it. It is shown as one line, without characters that change how the rest is read. `None` if there
/// is none.
///
/// <https://docs.cloud.google.com/identity-platform/docs/blocking-functions>
fn message_of_function(message: &str) -> Option<String> {
    let (_, json) = message.split_once('{')?;
    let json = format!("{{{json}");
    // The text after the object is ignored: the emulator appends closing brackets of its own.
    let mut values = serde_json::Deserializer::from_str(&json).into_iter::<Value>();
    let said = ErrorDetail::of(&values.next()?.ok()?).message;
    let mut shown = String::new();
    for word in said
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
    {
        if !shown.is_empty() {
            shown.push(' ');
        }
        shown.extend(word.chars().filter(|c| !is_invisible(*c)));
    }
    let shown: String = shown.chars().take(LONGEST_MESSAGE).collect();
    let shown = shown.trim();
    (!shown.is_empty()).then(|| shown.to_owned())
}

/// Characters that hide in text or turn its direction.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

/// A refusal inside an answer of 200.
pub(super) fn refused_in_200(message: String) -> FirebaseError {
    read_detail(400, &ErrorDetail::saying(message), 1)
}

#[cfg(test)]
#[path = "answers/tests.rs"]
mod tests;
