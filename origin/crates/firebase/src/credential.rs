//! What authorises calls that manage accounts.

use std::sync::{PoisonError, RwLock};

use shared::causes::Causes;
use shared::time::UnixTime;
use tokio::sync::{Mutex, OnceCell};

use super::FirebaseError;
use super::source::{self, Source, about_us};

/// An access token is renewed this many seconds before it expires, while it still works: less than the 5 minutes that the metadata server keeps its own.
const RENEWED_AHEAD_SECONDS: i64 = 240;
/// An access token is not used any more this many seconds before it expires: a call must not outlive it on the way.
const MARGIN_SECONDS: i64 = 30;

/// What authorises calls that manage accounts.
#[derive(Debug)]
pub(super) enum Credential {
    /// Nothing: such calls cannot be made.
    None,
    /// The emulator takes the word `owner`.
    Emulator,
    /// Access tokens of Google's, and the one there is now.
    Tokens(Box<Exchange>),
}

/// Fetches access tokens, one at a time.
#[derive(Debug)]
pub(super) struct Exchange {
    source: Source,
    /// The service account that signs custom tokens, where the source does not name it.
    signer: Option<String>,
    /// The same, once the metadata server was asked.
    found: OnceCell<String>,
    /// Google's IAM Credentials service.
    iam: String,
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
    pub(super) fn tokens(source: Source, signer: Option<String>, iam: String) -> Self {
        Self::Tokens(Box::new(Exchange {
            source,
            signer,
            found: OnceCell::new(),
            iam,
            held: RwLock::new(None),
            turn: Mutex::new(()),
        }))
    }

    /// The bearer token for a call made `now`.
    pub(super) async fn bearer(
        &self,
        client: &reqwest::Client,
        now: UnixTime,
    ) -> Result<String, FirebaseError> {
        match self {
            Self::None => Err(FirebaseError::NotConfigured("FIREBASE_CLIENT_EMAIL")),
            Self::Emulator => Ok("owner".to_owned()),
            Self::Tokens(exchange) => exchange.bearer(client, now).await,
        }
    }

    /// Forgets the token that was refused; answers whether another can be had.
    pub(super) fn forget(&self) -> bool {
        match self {
            Self::None | Self::Emulator => false,
            Self::Tokens(exchange) => {
                *exchange.held.write().unwrap_or_else(PoisonError::into_inner) = None;
                true
            }
        }
    }
}

impl Exchange {
    /// A JWT of the claims that `claims` makes for the service account, signed `now` by its key, or by Google where none is held.
    pub(super) async fn sign(
        &self,
        client: &reqwest::Client,
        now: UnixTime,
        claims: impl Fn(&str) -> serde_json::Value,
    ) -> Result<String, FirebaseError> {
        if let Source::Key(account) = &self.source {
            let signed = account.sign(&claims(account.email()));
            return signed.ok_or(FirebaseError::NotConfigured("FIREBASE_PRIVATE_KEY"));
        }
        let account = self.signer(client).await?;
        let bearer = self.bearer(client, now).await?;
        let signed = source::sign_at_google(client, &self.iam, account, bearer, &claims(account)).await;
        signed.map_err(about_us)
    }

    async fn signer(&self, client: &reqwest::Client) -> Result<&str, FirebaseError> {
        if let Some(account) = self.signer.as_deref().or_else(|| self.source.service_account()) {
            return Ok(account);
        }
        let Source::Metadata(base) = &self.source else {
            // A user or another cloud's identity signs for the account that is named beside it.
            return Err(FirebaseError::NotConfigured("FIREBASE_SERVICE_ACCOUNT"));
        };
        let found = self
            .found
            .get_or_try_init(|| source::metadata_email(client, base));
        Ok(found.await.map_err(about_us)?)
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
        let fetched = self.source.fetch(client, now).await.map_err(about_us)?;
        let access = AccessToken {
            token: fetched.token.clone(),
            renew_from: now.plus(fetched.expires_in.saturating_sub(RENEWED_AHEAD_SECONDS)),
            use_until: now.plus(fetched.expires_in.saturating_sub(MARGIN_SECONDS)),
        };
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = Some(access);
        Ok(fetched.token)
    }
}
