//! The extractor that lets only active people through.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use users::rules::user::ActiveUser;

use super::context::RequestContext;
use super::error::ApiError;
use super::identity::Identity;
use crate::app::AppState;

/// The active person behind the request's credential, created at first sight.
#[derive(Debug)]
pub struct CurrentUser(pub ActiveUser);

impl FromRequestParts<AppState> for CurrentUser {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let Identity(identity) = Identity::from_request_parts(parts, app).await?;
        let context = <RequestContext as FromRequestParts<AppState>>::from_request_parts(parts, app).await?;
        let user = app.accounts.user_of(&identity, &context.source()).await?;
        Ok(Self(user))
    }
}
