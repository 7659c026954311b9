//! Sign-ins: their tokens, how tokens are renewed, and how they are recognised.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::form::field;
use super::refusal::Refusal;
use super::shape::Shape;
use super::state::{Client, Shared};
use super::store::{Account, Session, Store};
use crate::keys::Key;
use crate::tokens::{FirebaseUser, firebase_id_token, now};

/// The tokens of a sign-in.
pub(super) struct Tokens {
    pub id_token: String,
    pub refresh_token: String,
    /// Seconds for which the ID token is good, as Google writes them.
    pub expires_in: String,
}

impl Shared {
    /// Signs an account in, now.
    pub(super) fn sign_in(&self, local_id: &str) -> Result<Tokens, Refusal> {
        self.sign_in_with(local_id, None)
    }

    /// Signs an account in, now, after a second factor.
    pub(super) fn sign_in_with(
        &self,
        local_id: &str,
        factor: Option<(&'static str, String)>,
    ) -> Result<Tokens, Refusal> {
        let lifetime = self.faults().id_token_seconds;
        let now = now();
        let refresh_token = random();
        let (account, session) = {
            let mut store = self.store();
            let account = store
                .change(local_id, |account| {
                    account.last_login_at = Some(now.saturating_mul(1_000));
                    account.clone()
                })
                .ok_or_else(|| Refusal::bad("USER_NOT_FOUND"))?;
            let session = Session {
                local_id: local_id.to_owned(),
                auth_time: now,
                factor,
            };
            store.begin_session(refresh_token.clone(), session.clone());
            (account, session)
        };
        Ok(Tokens {
            id_token: self.id_token(&account, &session, now, lifetime),
            refresh_token,
            expires_in: lifetime.to_string(),
        })
    }

    fn id_token(&self, account: &Account, session: &Session, now: i64, lifetime: i64) -> String {
        let user = FirebaseUser {
            uid: account.local_id.clone(),
            email: account.email.clone(),
            email_verified: account.email_verified,
        };
        let mut draft = firebase_id_token(self.project(), &user, now)
            .claim("auth_time", session.auth_time)
            .claim("exp", now.saturating_add(lifetime));
        if let Some(tenant) = self.faults().tenant.clone() {
            let mut firebase = draft.claims().get("firebase").cloned().unwrap_or_default();
            firebase["tenant"] = json!(tenant);
            draft = draft.claim("firebase", firebase);
        }
        if let Some((kind, id)) = &session.factor {
            let mut firebase = draft.claims().get("firebase").cloned().unwrap_or_default();
            firebase["sign_in_second_factor"] = json!(kind);
            firebase["second_factor_identifier"] = json!(id);
            draft = draft.claim("firebase", firebase);
        }
        if let Some(name) = &account.display_name {
            draft = draft.claim("name", name.as_str());
        }
        if let Some(picture) = &account.photo_url {
            draft = draft.claim("picture", picture.as_str());
        }
        let custom: Option<Value> = account
            .custom_attributes
            .as_deref()
            .and_then(|text| serde_json::from_str(text).ok());
        for (name, value) in custom.as_ref().and_then(Value::as_object).into_iter().flatten() {
            draft = draft.claim(name, value.clone());
        }
        draft.mint()
    }

    /// The account that a genuine, unexpired ID token of ours names.
    pub(super) fn holder(&self, unverified: &str) -> Result<Account, Refusal> {
        let invalid = || Refusal::bad("INVALID_ID_TOKEN");
        let claims = verified_claims(unverified, Key::issuer()).ok_or_else(invalid)?;
        if claims["aud"] != self.project() {
            return Err(invalid());
        }
        if claims["exp"].as_i64().is_none_or(|expires| expires <= now()) {
            return Err(Refusal::bad("TOKEN_EXPIRED"));
        }
        let local_id = claims["sub"].as_str().ok_or_else(invalid)?;
        let auth_time = claims["auth_time"].as_i64().ok_or_else(invalid)?;
        standing(&self.store(), local_id, auth_time)
    }
}

/// The account, if a sign-in at `auth_time` still counts.
fn standing(store: &Store, local_id: &str, auth_time: i64) -> Result<Account, Refusal> {
    let account = store
        .by_id(local_id)
        .ok_or_else(|| Refusal::bad("USER_NOT_FOUND"))?;
    if account.disabled {
        return Err(Refusal::bad("USER_DISABLED"));
    }
    if auth_time < account.valid_since {
        return Err(Refusal::bad("TOKEN_EXPIRED"));
    }
    Ok(account.clone())
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Renewal {
    #[serde(alias = "grantType")]
    grant_type: Option<String>,
    #[serde(alias = "refreshToken")]
    refresh_token: Option<String>,
}

/// `POST /v1/token`: the refresh token stays the same, as Google's usually do.
pub(super) async fn refresh(
    State(shared): State<Shared>,
    _client: Client,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, Refusal> {
    let given: Renewal = read(&headers, &body)?;
    match given.grant_type.as_deref() {
        Some("refresh_token") => {}
        Some(_) => return Err(Refusal::bad("INVALID_GRANT_TYPE")),
        None => return Err(Refusal::bad("MISSING_GRANT_TYPE")),
    }
    let refresh_token = given
        .refresh_token
        .filter(|token| !token.is_empty())
        .ok_or_else(|| Refusal::bad("MISSING_REFRESH_TOKEN"))?;
    let (account, session) = {
        let store = shared.store();
        let session = store
            .session(&refresh_token)
            .ok_or_else(|| Refusal::bad("INVALID_REFRESH_TOKEN").shaped(Shape::V2))?;
        (
            standing(&store, &session.local_id, session.auth_time)?,
            session.clone(),
        )
    };
    let lifetime = shared.faults().id_token_seconds;
    let id_token = shared.id_token(&account, &session, now(), lifetime);
    Ok(Json(json!({
        "id_token": id_token,
        "access_token": id_token,
        "refresh_token": refresh_token,
        "expires_in": lifetime.to_string(),
        "token_type": "Bearer",
        "user_id": account.local_id,
        "project_id": shared.project(),
    })))
}

/// JSON or a form: Secure Token takes both.
fn read(headers: &HeaderMap, body: &Bytes) -> Result<Renewal, Refusal> {
    let form = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|media| media.starts_with("application/x-www-form-urlencoded"));
    if form {
        return Ok(Renewal {
            grant_type: field(body, "grant_type"),
            refresh_token: field(body, "refresh_token"),
        });
    }
    serde_json::from_slice(body).map_err(|_| Refusal::bad("Invalid JSON payload received."))
}

/// The claims of a compact JWS that `key` signed with RS256.
pub(super) fn verified_claims(unverified: &str, key: &Key) -> Option<Value> {
    let (signed, signature) = unverified.rsplit_once('.')?;
    let (header, payload) = signed.split_once('.')?;
    let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()?;
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    if header["alg"] != "RS256" || !key.verifies(signed.as_bytes(), &signature) {
        return None;
    }
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}

/// 244 random bits, as a refresh token, access token or code.
pub(super) fn random() -> String {
    format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple())
}
