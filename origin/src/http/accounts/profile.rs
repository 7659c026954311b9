//! `PATCH /v1/auth/profile`.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shared::api::envelope::Success;
use shared::problem::ErrorCode;

use crate::app::AppState;
use crate::http::body::Body;
use crate::http::current_user::CurrentUser;
use crate::http::error::ApiError;
use crate::http::fields::{ShownName, WebAddress};
use crate::http::openapi::{ACCOUNTS, OF_FIREBASE, of_users};
use crate::http::success::success;

/// The displayed name and photo of a user.
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

/// A new name, a new photo, or both.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ShownBody {
    display_name: Option<ShownName>,
    #[serde(rename = "photoURL")]
    photo_url: Option<WebAddress>,
}

/// Change the caller's name or photo, at Firebase and here
#[utoipa::path(patch, path = "/v1/auth/profile", operation_id = "changeShown", tag = ACCOUNTS, security(("bearer" = [])),
    request_body = ShownBody,
    responses((status = 200, description = "The displayed name and photo", body = Shown)),
    extensions(("x-fails" = json!([of_users(), [OF_FIREBASE.as_slice(), &[ErrorCode::InvalidCredentials]]]))))]
pub async fn change(
    State(app): State<AppState>,
    CurrentUser(user): CurrentUser,
    Body(body): Body<ShownBody>,
) -> Result<Json<Success<Shown>>, ApiError> {
    let display_name = body.display_name.map(|name| name.0);
    let photo_url = body.photo_url.map(|address| address.0);
    if display_name.is_none() && photo_url.is_none() {
        return Err(ApiError::invalid(vec![
            "displayName or photoURL is required".to_owned(),
        ]));
    }
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
