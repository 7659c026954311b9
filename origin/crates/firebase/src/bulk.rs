//! One call about many accounts: a longer limit, a larger answer, and no repetition. Callers work from a queue, know the meaning of a lost
//! answer, and try again later.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::transport::{send_up_to, with_json};
use super::{Firebase, FirebaseError};

/// The largest answer read, in bytes: 500 accounts of a few KiB each.
const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;
/// How long a call may take. The length of leases depends on it: see `crates/user-import`.
const TIMEOUT: Duration = Duration::from_secs(12);

impl Firebase {
    /// `POST` to [`Firebase::admin_url`], authorised by the service account.
    pub(super) async fn post_bulk<T: DeserializeOwned>(
        &self,
        method: &str,
        body: &impl Serialize,
    ) -> Result<T, FirebaseError> {
        let request = with_json(self.0.client.post(self.admin_url(method)), body);
        self.send_bulk(method, request).await
    }

    /// `GET` of [`Firebase::admin_url`] with `query`, authorised by the service account.
    pub(super) async fn get_bulk<T: DeserializeOwned>(
        &self,
        method: &str,
        query: &[(&str, String)],
    ) -> Result<T, FirebaseError> {
        let mut url = reqwest::Url::parse(&self.admin_url(method)).map_err(|_| FirebaseError::Outage {
            status: 0,
            code: "ADDRESS_NOT_UNDERSTOOD".to_owned(),
        })?;
        url.query_pairs_mut().extend_pairs(query);
        self.send_bulk(method, self.0.client.get(url)).await
    }

    async fn send_bulk<T: DeserializeOwned>(
        &self,
        method: &str,
        request: reqwest::RequestBuilder,
    ) -> Result<T, FirebaseError> {
        let quota = format!("projects/{method}");
        self.0.pauses.check(&quota, Instant::now())?;
        let bearer = self.bearer().await?;
        let request = self.counted(request).bearer_auth(bearer).timeout(TIMEOUT);
        let outcome = send_up_to(request, MAX_ANSWER_BYTES).await;
        match &outcome {
            Err(FirebaseError::Exhausted { retry_after }) => {
                self.0.pauses.note(&quota, *retry_after, Instant::now());
            }
            // Google revoked the access token early; the next call fetches another one.
            Err(FirebaseError::OurCredentials { status: 401, .. }) => drop(self.0.credential.forget()),
            _ => {}
        }
        outcome
    }
}
