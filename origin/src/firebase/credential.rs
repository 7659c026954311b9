//! What authorises calls that manage accounts.

use shared::time::UnixTime;
use tokio::sync::Mutex;

use super::FirebaseError;
use super::call::send;
use super::service_account::{ServiceAccount, TOKEN_URL};
use super::wire::AccessTokenAnswer;
use crate::clock;

/// An access token is replaced this many seconds before it expires.
const MARGIN_SECONDS: i64 = 120;

/// What authorises calls that manage accounts.
#[derive(Debug)]
pub(super) enum Credential {
    /// Nothing: such calls cannot be made.
    None,
    /// The emulator takes the word `owner`.
    Emulator,
    /// A service account, and the access token it has now. The lock makes one fetch of many that wait.
    ServiceAccount(ServiceAccount, Mutex<Option<AccessToken>>),
}

/// An access token and when it must be replaced.
pub(super) struct AccessToken {
    token: String,
    until: UnixTime,
}

impl std::fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccessToken")
            .field("until", &self.until)
            .finish_non_exhaustive()
    }
}

impl Credential {
    pub(super) fn service_account(account: ServiceAccount) -> Self {
        Self::ServiceAccount(account, Mutex::new(None))
    }

    /// The bearer token for a call made now.
    pub(super) async fn bearer(&self, client: &reqwest::Client) -> Result<String, FirebaseError> {
        match self {
            Self::None => Err(FirebaseError::NotConfigured("FIREBASE_CLIENT_EMAIL")),
            Self::Emulator => Ok("owner".to_owned()),
            Self::ServiceAccount(account, held) => {
                let mut held = held.lock().await;
                let now = clock::now();
                if let Some(access) = held.as_ref().filter(|access| now < access.until) {
                    return Ok(access.token.clone());
                }
                let assertion = account
                    .assertion(now)
                    .ok_or(FirebaseError::NotConfigured("FIREBASE_PRIVATE_KEY"))?;
                let body = format!(
                    "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={assertion}"
                );
                let request = client
                    .post(TOKEN_URL)
                    .header(reqwest::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                    .body(body);
                let answer: AccessTokenAnswer = send(request).await?;
                let until = now.plus(answer.expires_in.saturating_sub(MARGIN_SECONDS));
                *held = Some(AccessToken {
                    token: answer.access_token.clone(),
                    until,
                });
                Ok(answer.access_token)
            }
        }
    }
}
