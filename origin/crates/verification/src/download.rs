//! One download of a key set: bounded in time and size, over TLS or from this machine.

use std::time::Duration;

use reqwest::header::{AGE, CACHE_CONTROL, HeaderMap, HeaderName};
use shared::causes::Causes;
use shared::key_cache::{FETCH_TIMEOUT_SECONDS, freshness};
use shared::token::{BadKeySet, KeySet, MAX_KEY_SET_BYTES};

/// Why a download failed. Operators see it; it holds neither the address nor the answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum DownloadError {
    /// TLS could not be set up: no download is possible.
    #[error("the HTTP client could not be built")]
    NoClient,
    /// No answer at all, or none in time.
    #[error("the issuer did not answer within 3 s")]
    Timeout,
    /// The connection failed or broke.
    #[error("the issuer could not be reached")]
    Unreachable(#[source] reqwest::Error),
    /// Another status than 200.
    #[error("the issuer answered {0}")]
    Status(u16),
    /// The answer is not a key set.
    #[error(transparent)]
    Bad(#[from] BadKeySet),
}

impl From<reqwest::Error> for DownloadError {
    fn from(error: reqwest::Error) -> Self {
        if error.is_timeout() {
            Self::Timeout
        } else {
            Self::Unreachable(error.without_url())
        }
    }
}

/// An HTTP client for key sets, with a shorter limit than other calls have.
pub(super) fn client() -> Option<reqwest::Client> {
    let limit = Duration::from_secs(FETCH_TIMEOUT_SECONDS.unsigned_abs());
    http_client::client_within(limit)
        .inspect_err(|error| tracing::error!(error = %Causes(error), "no HTTP client"))
        .ok()
}

/// The keys at `url` and the seconds for which they stay fresh.
pub(super) async fn key_set(client: &reqwest::Client, url: &str) -> Result<(KeySet, i64), DownloadError> {
    let mut answer = client.get(url).send().await?;
    if answer.status() != reqwest::StatusCode::OK {
        return Err(DownloadError::Status(answer.status().as_u16()));
    }
    let fresh_for = freshness(
        text(answer.headers(), &CACHE_CONTROL),
        text(answer.headers(), &AGE),
    );
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if body.len().saturating_add(chunk.len()) > MAX_KEY_SET_BYTES {
            return Err(BadKeySet::TooLarge.into());
        }
        body.extend_from_slice(&chunk);
    }
    Ok((KeySet::parse(&body)?, fresh_for))
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
