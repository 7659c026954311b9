//! One call: bounded, and its failure read.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::wire::ErrorAnswer;
use super::{Firebase, FirebaseError};

/// The largest answer read, in bytes. A looked-up account has a few KiB.
const MAX_ANSWER_BYTES: usize = 256 * 1024;

impl Firebase {
    /// `POST {identity toolkit}/v1/{method}`, authorised by the API key: what any client may do.
    pub(super) async fn call_public<T: DeserializeOwned>(
        &self,
        method: &str,
        body: &impl Serialize,
    ) -> Result<T, FirebaseError> {
        let url = format!("{}/v1/{method}?key={}", self.0.identity_toolkit, self.api_key()?);
        send(with_json(self.0.client.post(url), body)).await
    }

    /// `POST {identity toolkit}/v1/projects/{project}/{method}`, authorised by the service account.
    pub(super) async fn call_admin<T: DeserializeOwned>(
        &self,
        method: &str,
        body: &impl Serialize,
    ) -> Result<T, FirebaseError> {
        let bearer = self.0.credential.bearer(&self.0.client).await?;
        let url = format!(
            "{}/v1/projects/{}/{method}",
            self.0.identity_toolkit, self.0.project
        );
        send(with_json(self.0.client.post(url).bearer_auth(bearer), body)).await
    }

    /// `POST {secure token}/v1/token`.
    pub(super) async fn call_secure_token<T: DeserializeOwned>(
        &self,
        body: &impl Serialize,
    ) -> Result<T, FirebaseError> {
        let url = format!("{}/v1/token?key={}", self.0.secure_token, self.api_key()?);
        send(with_json(self.0.client.post(url), body)).await
    }

    fn api_key(&self) -> Result<&str, FirebaseError> {
        self.0
            .api_key
            .as_deref()
            .ok_or(FirebaseError::NotConfigured("FIREBASE_API_KEY"))
    }
}

fn with_json(request: reqwest::RequestBuilder, body: &impl Serialize) -> reqwest::RequestBuilder {
    // Our own wire types always serialise.
    let body = serde_json::to_vec(body).unwrap_or_default();
    request
        .header(reqwest::header::CONTENT_TYPE, "application/json")
        .body(body)
}

/// Sends, and reads the answer or the reason.
pub(super) async fn send<T: DeserializeOwned>(request: reqwest::RequestBuilder) -> Result<T, FirebaseError> {
    let mut response = request.send().await?;
    let status = response.status().as_u16();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len().saturating_add(chunk.len()) > MAX_ANSWER_BYTES {
            return Err(FirebaseError::Refused {
                status,
                code: "ANSWER_TOO_LARGE".to_owned(),
            });
        }
        body.extend_from_slice(&chunk);
    }
    if status == 200 {
        return serde_json::from_slice(&body).map_err(|_| FirebaseError::Refused {
            status,
            code: "ANSWER_NOT_UNDERSTOOD".to_owned(),
        });
    }
    let message = serde_json::from_slice::<ErrorAnswer>(&body)
        .map(|answer| answer.error.message)
        .unwrap_or_default();
    Err(FirebaseError::from_answer(status, &message))
}
