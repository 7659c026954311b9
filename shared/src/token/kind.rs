//! Which issuer a token claims to come from. This is the token's own unverified claim: it may only choose the ring that judges.

use super::compact::{UnverifiedAlgorithm, UnverifiedToken};
use super::engine::Ring;
use super::firebase;
use super::json::{Json, Object};
use super::policy::TokenPolicy;
use super::rejection::{Rejection, WrongKind};
use crate::identity::TokenKind;

/// <https://firebase.google.com/docs/auth/admin/create-custom-tokens>: the `aud` of every custom token.
const CUSTOM_TOKEN_AUDIENCE: &str =
    "https://identitytoolkit.googleapis.com/google.identity.identitytoolkit.v1.IdentityToolkit";
const APP_CHECK_ISSUER: &str = "https://firebaseappcheck.googleapis.com/";
const GOOGLE_ISSUERS: [&str; 2] = ["https://accounts.google.com", "accounts.google.com"];

impl UnverifiedToken<'_> {
    /// The kind of credential this claims to be, by its unverified `iss`.
    ///
    /// # Errors
    /// [`Rejection::WrongKind`] for tokens that are recognised and are no credential here, [`Rejection::Algorithm`] for algorithms of no
    /// issuer of ours, [`Rejection::Issuer`] for unknown issuers.
    pub fn kind(&self, policy: &TokenPolicy) -> Result<TokenKind, Rejection> {
        if let Some(kind) = wrong_kind(&self.claims, self.header.algorithm) {
            return Err(Rejection::WrongKind(kind));
        }
        if matches!(
            self.header.algorithm,
            UnverifiedAlgorithm::Other | UnverifiedAlgorithm::Missing
        ) {
            return Err(Rejection::Algorithm);
        }
        let issuer = match self.claims.get("iss") {
            None => return Err(Rejection::ClaimMissing { name: "iss" }),
            Some(Json::Text(issuer)) => issuer.as_str(),
            Some(_) => return Err(Rejection::Issuer),
        };
        match firebase::ring_of(issuer) {
            Some(Ring::FirebaseIdToken) => Ok(TokenKind::Firebase),
            Some(Ring::FirebaseSessionCookie) if policy.session_cookies => {
                Ok(TokenKind::FirebaseSessionCookie)
            }
            Some(Ring::FirebaseSessionCookie) => Err(Rejection::WrongKind(WrongKind::SessionCookie)),
            None if issuer == policy.legacy.issuer => Ok(TokenKind::Legacy),
            None => Err(Rejection::Issuer),
        }
    }
}

/// Tokens that users send by mistake; each kind has its own name, so that the answer can say which one it was.
fn wrong_kind(claims: &Object, algorithm: UnverifiedAlgorithm) -> Option<WrongKind> {
    if claims.text("aud") == Some(CUSTOM_TOKEN_AUDIENCE) {
        return Some(WrongKind::CustomToken);
    }
    let has_uid = matches!(claims.get("d"), Some(Json::Object(d)) if d.has("uid"));
    if algorithm == UnverifiedAlgorithm::Hs256 && claims.get("v") == Some(&Json::Whole(0)) && has_uid {
        return Some(WrongKind::LegacyCustomToken);
    }
    let issuer = claims.text("iss")?;
    if issuer.starts_with(APP_CHECK_ISSUER) {
        return Some(WrongKind::AppCheck);
    }
    GOOGLE_ISSUERS
        .contains(&issuer)
        .then_some(WrongKind::GoogleIdToken)
}
