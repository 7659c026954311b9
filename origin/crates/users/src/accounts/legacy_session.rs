//! The token in answers of the legacy contract.

use std::time::Duration;

use firebase::{FirebaseError, SignedIn};
use shared::causes::Causes;
use shared::identity::TokenKind;

use crate::LegacySession;
use crate::accounts::handle::Accounts;

/// How long Google may take: the sign-in has already used its time, and the edge waits for both.
const PATIENCE: Duration = Duration::from_millis(1_000);

/// The `token` of the legacy contract.
#[derive(Clone)]
pub struct LegacyContractToken {
    /// A credential.
    pub token: String,
    /// Its kind.
    pub kind: TokenKind,
}

impl std::fmt::Debug for LegacyContractToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LegacyContractToken")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// Why there is no session cookie.
#[derive(Debug, thiserror::Error)]
enum NoCookie {
    #[error("Google did not make a session cookie")]
    Google(#[from] FirebaseError),
    #[error("Google did not make a session cookie in time")]
    Late,
    #[error("this deployment does not accept the session cookie that Google made")]
    Refused(#[from] shared::token::Rejection),
}

impl Accounts {
    /// The token of a sign-in for clients that keep it and cannot refresh: a session cookie.
    ///
    /// A user who has just signed in is never refused for lack of one: without it they get the ID token, which is good for an hour. A 503
    /// here would make the edge ask the legacy service, which would sign the user in again with a password that may be old there.
    pub async fn legacy_contract_token(&self, tokens: SignedIn) -> LegacyContractToken {
        let LegacySession::Cookie { seconds } = self.legacy_session else {
            return id_token(tokens);
        };
        // The configuration already says so: no log line for each sign-in.
        if !self.firebase.manages_accounts() {
            return id_token(tokens);
        }
        match self.session_cookie(&tokens, seconds).await {
            Ok(token) => LegacyContractToken {
                token,
                kind: TokenKind::FirebaseSessionCookie,
            },
            Err(error) => {
                tracing::warn!(
                    error = %Causes(&error),
                    "an old client was given an ID token in place of a session cookie"
                );
                id_token(tokens)
            }
        }
    }

    async fn session_cookie(&self, tokens: &SignedIn, seconds: u32) -> Result<String, NoCookie> {
        let made = self.firebase.session_cookie(&tokens.id_token, seconds);
        let cookie = tokio::time::timeout(PATIENCE, made)
            .await
            .map_err(|_| NoCookie::Late)??;
        // The cookie passes the same rules as all others: this service must not hand out what it refuses itself.
        self.verifier.verify(&cookie, (self.clock)()).await?;
        Ok(cookie)
    }
}

fn id_token(tokens: SignedIn) -> LegacyContractToken {
    LegacyContractToken {
        token: tokens.id_token,
        kind: TokenKind::Firebase,
    }
}
