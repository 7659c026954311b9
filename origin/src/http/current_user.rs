//! The extractors that admit only active users.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::header::CACHE_CONTROL;
use axum::http::request::Parts;
use shared::identity::Identity as Facts;
use users::rules::user::ActiveUser;

use super::context::RequestContext;
use super::error::ApiError;
use super::identity::Identity;
use crate::app::AppState;

/// The active user behind the request's credential, created at first sight.
#[derive(Debug)]
pub struct CurrentUser(pub ActiveUser);

/// The same, up to some seconds old, if there is a replica of the database: for answers that only read. With `Cache-Control: no-cache` it
/// reads the primary.
#[derive(Debug)]
pub struct RecentUser(pub ActiveUser);

/// Whether a request asks for the current state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WantsNow(pub bool);

impl<S: Sync> FromRequestParts<S> for WantsNow {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        let mut values = parts.headers.get_all(CACHE_CONTROL).iter();
        let wants_now = values.any(|value| {
            value
                .to_str()
                .is_ok_and(|text| text.to_ascii_lowercase().contains("no-cache"))
        });
        Ok(Self(wants_now))
    }
}

impl FromRequestParts<AppState> for RecentUser {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let Identity(identity) = Identity::from_request_parts(parts, app).await?;
        let context = <RequestContext as FromRequestParts<AppState>>::from_request_parts(parts, app).await?;
        let Ok(WantsNow(now)) = WantsNow::from_request_parts(parts, app).await;
        user_of(app, &identity, &context, now).await.map(Self)
    }
}

/// The active user behind `identity`: the current state with `now`, else up to some seconds old.
///
/// # Errors
/// The user is refused, or a fault of ours.
pub async fn user_of(
    app: &AppState,
    identity: &Facts,
    context: &RequestContext,
    now: bool,
) -> Result<ActiveUser, ApiError> {
    let source = context.source();
    Ok(if now {
        app.accounts.user_of(identity, &source).await?
    } else {
        app.accounts.recent_user_of(identity, &source).await?
    })
}

impl FromRequestParts<AppState> for CurrentUser {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let Identity(identity) = Identity::from_request_parts(parts, app).await?;
        let context = <RequestContext as FromRequestParts<AppState>>::from_request_parts(parts, app).await?;
        let user = app.accounts.user_of(&identity, &context.source()).await?;
        Ok(Self(user))
    }
}
