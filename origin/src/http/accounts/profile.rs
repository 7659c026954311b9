//! `PATCH /v1/auth/profile`.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::Serialize;
use shared::api::envelope::Success;

use crate::app::AppState;
use crate::http::body::JsonObject;
use crate::http::current_user::CurrentUser;
use crate::http::error::ApiError;
use crate::http::success::success;

/// What is shown of a person.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    uid: Option<String>,
    email: Option<String>,
    display_name: Option<String>,
    #[serde(rename = "photoURL")]
    photo_url: Option<String>,
    updated_at: DateTime<Utc>,
}

/// Changes the name or the photo, at Firebase and here.
pub async fn change(
    State(app): State<AppState>,
    CurrentUser(user): CurrentUser,
    mut body: JsonObject,
) -> Result<Json<Success<Shown>>, ApiError> {
    let display_name = body.shown_name("displayName");
    let photo_url = body.web_address("photoURL");
    if display_name.is_none() && photo_url.is_none() && !body.has_faults() {
        body.fault("displayName", "or photoURL is required");
    }
    body.finish()?;
    let user = app
        .accounts
        .change_profile(user, display_name.as_deref(), photo_url.as_deref())
        .await?
        .into_user();
    let shown = Shown {
        uid: user.firebase_uid,
        email: user.email,
        display_name: user.display_name,
        photo_url: user.photo_url,
        updated_at: user.updated_at,
    };
    Ok(success(shown, "Profile updated successfully"))
}
