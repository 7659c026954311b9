//! The sources of access tokens: a key, a user's own login, another cloud's identity, another service account, or the machine itself.
//!
//! The kinds of Application Default Credentials: <https://docs.cloud.google.com/docs/authentication/application-default-credentials>. Own
//! code: it is a few form posts, and the libraries for it bring an HTTP client of their own, without our deadlines.

mod aws;
mod bad_file;
pub mod exchange;
mod executable;
mod external;
pub mod file;
pub mod signing;

use serde::Deserialize;
use shared::time::UnixTime;

use super::FirebaseError;
use super::service_account::ServiceAccount;
use super::transport::{send, with_json};
pub use aws::Environment as AwsEnvironment;
use exchange::{Fetched, SCOPE, TIMEOUT, fetched, not_understood, post_form};
pub use executable::ALLOWED as EXECUTABLES_ALLOWED;
use external::External;

/// A source of access tokens.
#[derive(Clone)]
pub enum Source {
    /// A service account's key.
    Key(ServiceAccount),
    /// `authorized_user`: the file of `gcloud auth application-default login`.
    User {
        /// The OAuth client.
        client_id: String,
        /// Its secret.
        client_secret: String,
        /// The user's refresh token.
        refresh_token: String,
        /// The address that exchanges it.
        token_uri: String,
    },
    /// `external_account`: workload identity federation.
    External(Box<External>),
    /// `impersonated_service_account`, or an `external_account` that leads to one.
    Impersonated {
        /// The source that impersonates.
        by: Box<Source>,
        /// Google's address for the impersonation: `…/serviceAccounts/{mail}:generateAccessToken`.
        url: String,
        /// The accounts in between.
        delegates: Vec<String>,
        /// How long a token is good for, in seconds.
        lifetime: u32,
    },
    /// The metadata server of Cloud Run, Compute Engine and their like, at this base address.
    Metadata(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ImpersonationAnswer {
    access_token: String,
    expire_time: String,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.kind())
    }
}

impl Source {
    /// Its name in Google's files, for operators.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Key(_) => "service_account",
            Self::User { .. } => "authorized_user",
            Self::External(_) => "external_account",
            Self::Impersonated { .. } => "impersonated_service_account",
            Self::Metadata(_) => "metadata",
        }
    }

    /// The service account of its tokens, where the configuration names it.
    #[must_use]
    pub fn service_account(&self) -> Option<&str> {
        match self {
            Self::Key(account) => Some(account.email()),
            Self::Impersonated { url, .. } => account_in(url),
            Self::User { .. } | Self::External(_) | Self::Metadata(_) => None,
        }
    }

    /// A new access token.
    pub(super) async fn fetch(
        &self,
        client: &reqwest::Client,
        now: UnixTime,
    ) -> Result<Fetched, FirebaseError> {
        match self {
            Self::Impersonated {
                by,
                url,
                delegates,
                lifetime,
            } => {
                let first = Box::pin(by.fetch(client, now)).await?;
                let body = serde_json::json!({
                    "scope": [SCOPE], "delegates": delegates, "lifetime": format!("{lifetime}s"),
                });
                let request = with_json(client.post(url).bearer_auth(first.token), &body);
                let answer: ImpersonationAnswer = send(request.timeout(TIMEOUT)).await?;
                let ends = chrono::DateTime::parse_from_rfc3339(&answer.expire_time);
                let ends = ends.map_err(|_| not_understood())?.timestamp();
                Ok(Fetched {
                    token: answer.access_token,
                    expires_in: UnixTime::from_secs(ends).since(now),
                })
            }
            Self::Metadata(base) => {
                let url = format!("{base}/computeMetadata/v1/instance/service-accounts/default/token");
                let request = client.get(url).header("metadata-flavor", "Google");
                fetched(send(request.timeout(TIMEOUT)).await?)
            }
            Self::Key(account) => {
                let assertion = account
                    .assertion(now)
                    .ok_or(FirebaseError::NotConfigured("FIREBASE_PRIVATE_KEY"))?;
                let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
                let fields = [("grant_type", grant), ("assertion", &assertion)];
                post_form(client, account.token_uri(), &fields).await
            }
            Self::User {
                client_id,
                client_secret,
                refresh_token,
                token_uri,
            } => {
                let fields = [
                    ("grant_type", "refresh_token"),
                    ("client_id", client_id),
                    ("client_secret", client_secret),
                    ("refresh_token", refresh_token),
                ];
                post_form(client, token_uri, &fields).await
            }
            Self::External(external) => external.fetch(client, now).await,
        }
    }
}

/// The service account in Google's address for its impersonation.
fn account_in(url: &str) -> Option<&str> {
    let (_, account) = url.rsplit_once("/serviceAccounts/")?;
    account.strip_suffix(":generateAccessToken")
}
