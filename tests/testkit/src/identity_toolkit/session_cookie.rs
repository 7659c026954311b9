//! Session cookies: <https://firebase.google.com/docs/auth/admin/manage-cookies>.

use axum::extract::{Path, State};
use axum::routing::post;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Value, json};

use super::refusal::Refusal;
use super::state::{Administrator, Shared};
use crate::keys::Key;
use crate::tokens::{Draft, Signature, now};

/// The lifetimes that a cookie may have, in seconds.
const ALLOWED: std::ops::RangeInclusive<i64> = 300..=1_209_600;
/// The lifetime without a wish, in seconds.
const TWO_WEEKS: i64 = 1_209_600;

pub(super) fn routes(project: &str) -> Router<Shared> {
    let base = format!("/identitytoolkit.googleapis.com/v1/projects/{project}");
    Router::new()
        .route(&format!("{base}:createSessionCookie"), post(create))
        .route(&format!("{base}/tenants/{{tenant}}"), post(create_for_tenant))
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Wanted {
    id_token: Option<String>,
    /// A number of seconds, or its text.
    valid_duration: Option<Value>,
}

/// The claims are copied from the ID token; issuer, issue and expiry are the cookie's own. The account is checked once more: a sign-in
/// revoked in between gets no cookie.
async fn create(
    State(shared): State<Shared>,
    _administrator: Administrator,
    Json(wanted): Json<Wanted>,
) -> Result<Json<Value>, Refusal> {
    let seconds = seconds(wanted.valid_duration.as_ref())?;
    let id_token = wanted
        .id_token
        .filter(|token| !token.is_empty())
        .ok_or_else(|| Refusal::bad("MISSING_ID_TOKEN"))?;
    shared.holder(&id_token)?;
    let issued_at = now();
    let key = Key::named("cookies").ok_or_else(|| Refusal::new(500, "Internal error encountered."))?;
    let mut cookie = Draft::new(Signature::Empty).header("alg", "RS256").by(key);
    for (name, value) in claims(&id_token).as_object().into_iter().flatten() {
        cookie = cookie.claim(name, value.clone());
    }
    let cookie = cookie
        .claim(
            "iss",
            format!("https://session.firebase.google.com/{}", shared.project()),
        )
        .claim("iat", issued_at)
        .claim("exp", issued_at.saturating_add(seconds))
        .mint();
    Ok(Json(json!({ "sessionCookie": cookie })))
}

/// `tenants/{tenant}:createSessionCookie`.
async fn create_for_tenant(
    shared: State<Shared>,
    Path(call): Path<String>,
    administrator: Administrator,
    wanted: Json<Wanted>,
) -> Result<Json<Value>, Refusal> {
    match call.strip_suffix(":createSessionCookie") {
        Some(_) => create(shared, administrator, wanted).await,
        None => Err(Refusal::new(404, "NOT_FOUND")),
    }
}

fn seconds(given: Option<&Value>) -> Result<i64, Refusal> {
    let Some(given) = given else { return Ok(TWO_WEEKS) };
    let number = match given {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    match number {
        Some(seconds) if ALLOWED.contains(&seconds) => Ok(seconds),
        Some(_) => Err(Refusal::bad("INVALID_DURATION")),
        None => Err(Refusal::bad("Invalid value at 'valid_duration' (TYPE_INT64)")),
    }
}

/// The claims of a token that has been verified.
fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap_or_default();
    let bytes = URL_SAFE_NO_PAD.decode(payload).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}
