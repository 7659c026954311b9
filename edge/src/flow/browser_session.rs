//! Callers identified by a cookie of their browser.

use shared::identity::TokenKind;
use shared::problem::{ErrorCode, Problem};

use super::Journey;
use crate::authenticate::Refusal;
use crate::browser_session::NotTaken;
use crate::caller::Caller;
use crate::changes::HeaderChanges;
use crate::ports::{KeySource, SignatureEngine, Upstreams};

impl<K, E, U> Journey<'_, '_, K, E, U>
where
    E: SignatureEngine,
    K: KeySource<Key = E::Key>,
    U: Upstreams,
{
    /// The user named by the browser's session cookie, where cookies are accepted and there is one. Only a Firebase session cookie counts:
    /// a page can put any other token into the header, and browsers send cookies where no page meant to.
    pub(super) async fn browser_session(&self) -> Result<Option<Caller>, Refusal> {
        let config = self.gateway.config;
        let Some(session) = &config.browser_session else {
            return Ok(None);
        };
        let unverified = session
            .unverified_token(self.inbound, &config.cors)
            .map_err(|why| match why {
                NotTaken::CrossSite => Refusal::new(
                    Problem::new(ErrorCode::Forbidden)
                        .message("A request that changes something must come from a page of this service"),
                    "cross_site",
                ),
                NotTaken::Several => Refusal::new(
                    Problem::new(ErrorCode::TokenMalformed).message("There is more than one session cookie"),
                    "session_cookies",
                ),
            })?;
        let Some(unverified) = unverified else {
            return Ok(None);
        };
        let caller = self.gateway.verifier.verify(unverified, self.now).await?;
        if caller.kind != TokenKind::FirebaseSessionCookie {
            let problem = Problem::new(ErrorCode::TokenWrongKind)
                .message("The cookie is not a Firebase session cookie");
            return Err(Refusal::new(problem, "cookie_kind"));
        }
        Ok(Some(caller))
    }

    /// Removes the session cookie from the forwarded request: a service that holds it could act as its user.
    pub(super) fn drop_session_cookie(&self, changes: &mut HeaderChanges) {
        let Some(session) = &self.gateway.config.browser_session else {
            return;
        };
        match session.without(self.inbound.header("cookie").unwrap_or_default()) {
            None => {}
            Some(others) if others.is_empty() => changes.remove("cookie"),
            Some(others) => changes.set("cookie", &others),
        }
    }
}
