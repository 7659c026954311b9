//! One call for a token, and what its failures mean.

use std::time::Duration;

use serde::Deserialize;

use crate::FirebaseError;
use crate::transport::send;

/// The scope of our tokens, which also allows signing for a service account.
pub const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
/// A subject token is a JWT or an assertion of a few KiB.
pub const MAX_SUBJECT_BYTES: usize = 64 * 1024;
/// How long each call for a token may take. Its waiters have their own calls to make afterwards.
pub const TIMEOUT: Duration = Duration::from_secs(5);

/// An access token and how long it is good for, in seconds.
pub struct Fetched {
    pub token: String,
    pub expires_in: i64,
}

#[derive(Deserialize)]
pub struct TokenAnswer {
    access_token: String,
    expires_in: i64,
}

/// An outage of the source of our own identity, not a refusal by Google.
pub fn no_subject(code: &str) -> FirebaseError {
    FirebaseError::OurCredentials {
        status: 0,
        code: code.to_owned(),
    }
}

pub fn not_understood() -> FirebaseError {
    FirebaseError::Outage {
        status: 200,
        code: "ANSWER_NOT_UNDERSTOOD".to_owned(),
    }
}

pub async fn post_form(
    client: &reqwest::Client,
    url: &str,
    fields: &[(&str, &str)],
) -> Result<Fetched, FirebaseError> {
    let mut body = String::new();
    for (name, value) in fields {
        if !body.is_empty() {
            body.push('&');
        }
        body.push_str(name);
        body.push('=');
        encode(value, &mut body);
    }
    let request = client
        .post(url)
        .timeout(TIMEOUT)
        .header(reqwest::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(body);
    fetched(send(request).await?)
}

pub fn fetched(answer: TokenAnswer) -> Result<Fetched, FirebaseError> {
    if answer.access_token.is_empty() || answer.expires_in <= 0 {
        return Err(not_understood());
    }
    Ok(Fetched {
        token: answer.access_token,
        expires_in: answer.expires_in,
    })
}

/// Percent-encodes everything except unreserved characters (RFC 3986 section 2.3).
pub fn encode(text: &str, into: &mut String) {
    use std::fmt::Write as _;
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            into.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(into, "%{byte:02X}");
        }
    }
}

/// Turns a failure of these calls into one about our credentials, with any code.
pub fn about_us(error: FirebaseError) -> FirebaseError {
    match error {
        FirebaseError::Unavailable(_)
        | FirebaseError::Exhausted { .. }
        | FirebaseError::Outage { .. }
        | FirebaseError::OurCredentials { .. }
        | FirebaseError::NotConfigured(_) => error,
        error => FirebaseError::OurCredentials {
            status: error.status().unwrap_or(400),
            code: "ACCESS_TOKEN_REFUSED".to_owned(),
        },
    }
}
