//! The credentials of calls that manage accounts.

use std::sync::{PoisonError, RwLock};

use shared::causes::Causes;
use shared::time::UnixTime;
use tokio::sync::{Mutex, OnceCell};

use super::FirebaseError;
use super::source::Source;
use super::source::exchange::about_us;
use super::source::signing::{metadata_email, sign_at_google};

/// An access token is renewed this many seconds before it expires, while it still works. The metadata server renews its own 5 minutes
/// before.
const RENEWED_AHEAD_SECONDS: i64 = 240;
/// An access token is not used in its last seconds: it must not expire while the call is on its way.
const MARGIN_SECONDS: i64 = 30;

/// The credentials of calls that manage accounts.
#[derive(Debug)]
pub(super) enum Credential {
    /// None: such calls cannot be made.
    None,
    /// The emulator accepts the word `owner`.
    Emulator,
    /// Google's access tokens, and the current one.
    Tokens(Box<Exchange>),
}

/// Fetches access tokens, one at a time.
#[derive(Debug)]
pub(super) struct Exchange {
    source: Source,
    /// The service account that signs custom tokens, where the source does not name it.
    signer: Option<String>,
    /// The same account, once the metadata server has named it.
    found: OnceCell<String>,
    /// Google's IAM Credentials service.
    iam: String,
    held: RwLock<Option<AccessToken>>,
    /// Lets one of many waiters make the exchange.
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

    /// Drops the token that Google refused; answers whether another one can be fetched.
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
    /// A JWT with the claims of `claims` for the service account, signed `now` with its key, or by Google where the key is not here.
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
        let signed = sign_at_google(client, &self.iam, account, bearer, &claims(account)).await;
        signed.map_err(about_us)
    }

    async fn signer(&self, client: &reqwest::Client) -> Result<&str, FirebaseError> {
        if let Some(account) = self.signer.as_deref().or_else(|| self.source.service_account()) {
            return Ok(account);
        }
        let Source::Metadata(base) = &self.source else {
            // A user or another cloud's identity signs for the account that `FIREBASE_SERVICE_ACCOUNT` names.
            return Err(FirebaseError::NotConfigured("FIREBASE_SERVICE_ACCOUNT"));
        };
        let found = self.found.get_or_try_init(|| metadata_email(client, base));
        Ok(found.await.map_err(about_us)?)
    }

    /// The current token while it is good. When it is due for renewal, one caller renews it and the others use the old one; a failed
    /// exchange then harms no caller. Without a usable token, all callers wait for one exchange.
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
