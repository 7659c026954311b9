//! `POST /token`: an access token for a service account that proves its identity by a signed assertion (RFC 7523 section 2.1).
//! <https://developers.google.com/identity/protocols/oauth2/service-account#httprest>

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use serde_json::Value;

use super::form::field;
use super::refusal::Denied;
use super::session::verified_claims;
use super::state::Shared;
use crate::keys::Key;
use crate::tokens::now;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// Any of these covers Identity Toolkit.
const SCOPES: [&str; 3] = [
    "https://www.googleapis.com/auth/identitytoolkit",
    "https://www.googleapis.com/auth/firebase",
    "https://www.googleapis.com/auth/cloud-platform",
];
/// The longest an assertion may be good for, in seconds.
const LONGEST_SECONDS: i64 = 3_600;
/// How far the caller's clock may be ahead, in seconds.
const SKEW_SECONDS: i64 = 60;

pub(super) async fn grant(State(shared): State<Shared>, body: Bytes) -> Result<Json<Value>, Denied> {
    if field(&body, "grant_type").as_deref() == Some("refresh_token") {
        return super::keyless::of_user(&shared, &body).map(Json);
    }
    if field(&body, "grant_type").as_deref() != Some(GRANT) {
        return Err(Denied("unsupported_grant_type", "Invalid grant_type"));
    }
    let assertion = field(&body, "assertion").ok_or(Denied("invalid_request", "Missing assertion"))?;
    check(&assertion, &shared, now())?;
    Ok(Json(super::keyless::granted(&shared)))
}

fn check(unverified: &str, shared: &Shared, now: i64) -> Result<(), Denied> {
    let key = Key::named("service-account").ok_or(Denied("invalid_grant", "No such key"))?;
    let claims = verified_claims(unverified, key).ok_or(Denied("invalid_grant", "Invalid JWT Signature."))?;
    if claims["iss"] != shared.service_account() {
        return Err(Denied("invalid_grant", "Invalid grant: account not found"));
    }
    if claims["aud"] != shared.token_url() {
        return Err(Denied("invalid_grant", "Invalid JWT: Failed audience check"));
    }
    let scope = claims["scope"].as_str().unwrap_or_default();
    if !scope.split(' ').any(|word| SCOPES.contains(&word)) {
        return Err(Denied("invalid_scope", "Invalid OAuth scope."));
    }
    let (issued, expires) = (claims["iat"].as_i64(), claims["exp"].as_i64());
    match (issued, expires) {
        (Some(issued), Some(expires))
            if issued <= now.saturating_add(SKEW_SECONDS)
                && now < expires
                && expires.saturating_sub(issued) <= LONGEST_SECONDS =>
        {
            Ok(())
        }
        _ => Err(Denied(
            "invalid_grant",
            "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.",
        )),
    }
}
