//! One exchange: a JSON request and its answer.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{FirebaseError, answers, repeat};

/// The largest answer that is read, in bytes. A looked-up account has a few KiB.
const MAX_ANSWER_BYTES: usize = 256 * 1024;

/// `request` with `body` as JSON.
pub(super) fn with_json(request: reqwest::RequestBuilder, body: &impl Serialize) -> reqwest::RequestBuilder {
    // Our own wire types always serialise.
    let body = serde_json::to_vec(body).unwrap_or_default();
    request
        .header(reqwest::header::CONTENT_TYPE, "application/json")
        .body(body)
}

/// Sends the request; reads the answer or the error.
pub(super) async fn send<T: DeserializeOwned>(request: reqwest::RequestBuilder) -> Result<T, FirebaseError> {
    send_up_to(request, MAX_ANSWER_BYTES).await
}

/// [`send`], for answers that are text of at most `largest` bytes.
pub(super) async fn send_text(
    request: reqwest::RequestBuilder,
    largest: usize,
) -> Result<String, FirebaseError> {
    let body = send_bytes(request, largest).await?;
    String::from_utf8(body).map_err(|_| FirebaseError::Outage {
        status: 200,
        code: "ANSWER_NOT_UNDERSTOOD".to_owned(),
    })
}

/// [`send`], for answers of at most `largest` bytes.
pub(super) async fn send_up_to<T: DeserializeOwned>(
    request: reqwest::RequestBuilder,
    largest: usize,
) -> Result<T, FirebaseError> {
    let body = send_bytes(request, largest).await?;
    serde_json::from_slice(&body).map_err(|_| FirebaseError::Outage {
        status: 200,
        code: "ANSWER_NOT_UNDERSTOOD".to_owned(),
    })
}

/// The body of a 200, or the error.
async fn send_bytes(request: reqwest::RequestBuilder, largest: usize) -> Result<Vec<u8>, FirebaseError> {
    let mut response = request.send().await?;
    let status = response.status().as_u16();
    let pause = repeat::retry_after(response.headers());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len().saturating_add(chunk.len()) > largest {
            return Err(FirebaseError::Outage {
                status,
                code: "ANSWER_TOO_LARGE".to_owned(),
            });
        }
        body.extend_from_slice(&chunk);
    }
    if status == 200 {
        return Ok(body);
    }
    Err(answers::read(status, &body, pause))
}
