//! What authorises calls that manage accounts.

use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use shared::time::UnixTime;
use tokio::sync::Mutex;

use super::FirebaseError;
use super::call::send;
use super::service_account::ServiceAccount;
use super::wire::AccessTokenAnswer;
use crate::clock;
use crate::telemetry::Causes;

/// An access token is renewed this many seconds before it expires, while it still works.
const RENEWED_AHEAD_SECONDS: i64 = 300;
/// An access token is not used any more this many seconds before it expires: a call must not outlive it on the way.
const MARGIN_SECONDS: i64 = 30;
/// How long an exchange may take. Those who wait have their own calls to make afterwards.
const TIMEOUT: Duration = Duration::from_secs(5);

/// What authorises calls that manage accounts.
#[derive(Debug)]
pub(super) enum Credential {
    /// Nothing: such calls cannot be made.
    None,
    /// The emulator takes the word `owner`.
    Emulator,
    /// A service account, and the access token it has now.
    ServiceAccount(Exchange),
}

/// Exchanges a service account's assertions for access tokens, one at a time.
#[derive(Debug)]
pub(super) struct Exchange {
    account: ServiceAccount,
    held: RwLock<Option<AccessToken>>,
    /// Makes one exchange of many that wait.
    turn: Mutex<()>,
}

/// An access token and its times.
#[derive(Clone)]
struct AccessToken {
    token: String,
    renew_from: UnixTime,
    use_until: UnixTime,
}

impl std::fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccessToken")
            .field("use_until", &self.use_until)
            .finish_non_exhaustive()
    }
}

impl Credential {
    pub(super) fn service_account(account: ServiceAccount) -> Self {
        Self::ServiceAccount(Exchange {
            account,
            held: RwLock::new(None),
            turn: Mutex::new(()),
        })
    }

    /// The bearer token for a call made now.
    pub(super) async fn bearer(&self, client: &reqwest::Client) -> Result<String, FirebaseError> {
        match self {
            Self::None => Err(FirebaseError::NotConfigured("FIREBASE_CLIENT_EMAIL")),
            Self::Emulator => Ok("owner".to_owned()),
            Self::ServiceAccount(exchange) => exchange.bearer(client, clock::now()).await,
        }
    }

    /// Forgets the token that was refused; answers whether another can be had.
    pub(super) fn forget(&self) -> bool {
        match self {
            Self::None | Self::Emulator => false,
            Self::ServiceAccount(exchange) => {
                *exchange.held.write().unwrap_or_else(PoisonError::into_inner) = None;
                true
            }
        }
    }
}

impl Exchange {
    /// The account whose assertions are exchanged.
    pub(super) fn account(&self) -> &ServiceAccount {
        &self.account
    }

    /// The token held while it is good. Of those who find it due for renewal, one renews and the others go on with what there is;
    /// an exchange that fails then harms nobody. Without a usable token, all wait for one exchange.
    async fn bearer(&self, client: &reqwest::Client, now: UnixTime) -> Result<String, FirebaseError> {
        if let Some(held) = self.usable(now) {
            if now < held.renew_from {
                return Ok(held.token);
            }
            let Ok(_turn) = self.turn.try_lock() else {
                return Ok(held.token);
            };
            return Ok(match self.exchange(client, now).await {
                Ok(renewed) => renewed,
                Err(error) => {
                    tracing::warn!(
                        error = %Causes(&error),
                        "the access token could not be renewed ahead of time"
                    );
                    held.token
                }
            });
        }
        let _turn = self.turn.lock().await;
        match self.usable(now) {
            Some(held) => Ok(held.token),
            None => self.exchange(client, now).await,
        }
    }

    fn usable(&self, now: UnixTime) -> Option<AccessToken> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        held.as_ref().filter(|held| now < held.use_until).cloned()
    }

    async fn exchange(&self, client: &reqwest::Client, now: UnixTime) -> Result<String, FirebaseError> {
        let assertion = self
            .account
            .assertion(now)
            .ok_or(FirebaseError::NotConfigured("FIREBASE_PRIVATE_KEY"))?;
        let body =
            format!("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={assertion}");
        let request = client
            .post(self.account.token_uri())
            .timeout(TIMEOUT)
            .header(reqwest::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body);
        let answer: AccessTokenAnswer = send(request).await?;
        let access = AccessToken {
            token: answer.access_token.clone(),
            renew_from: now.plus(answer.expires_in.saturating_sub(RENEWED_AHEAD_SECONDS)),
            use_until: now.plus(answer.expires_in.saturating_sub(MARGIN_SECONDS)),
        };
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = Some(access);
        Ok(answer.access_token)
    }
}
