//! `GET /v1/auth/me`.

use axum::Json;
use serde::Serialize;
use shared::api::envelope::Success;
use shared::api::user::User;

use super::current_user::RecentUser;
use super::success::success;

/// The caller's own row.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Me {
    user: User,
}

/// Who the caller is. Creates the row at first sight.
pub async fn me(RecentUser(user): RecentUser) -> Json<Success<Me>> {
    success(
        Me {
            user: user.into_user(),
        },
        "User retrieved successfully",
    )
}
