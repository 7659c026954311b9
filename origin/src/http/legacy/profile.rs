//! `GET`, `PUT` and `DELETE /auth/profile`.

use axum::Json;
use axum::extract::State;
use chrono::NaiveDate;
use database::run;
use serde::Serialize;
use serde_json::Value;
use shared::api::envelope::Success;
use shared::api::user::User;
use shared::ids::UserId;
use users::rules::profile::ProfileChange;
use users::statements;
use users::statements::profiles;

use super::caller::LegacyCaller;
use super::failure::{LegacyCode, gone};
use super::profile_json::UserWithProfile;
use crate::app::AppState;
use crate::clock;
use crate::http::body::JsonObject;
use crate::http::error::ApiError;
use crate::http::success::success;

/// A person.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = UserWithProfileData)]
pub struct UserData {
    user: UserWithProfile,
}

/// A person after a change; the message is here as well as in the envelope.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ChangedUserData {
    user: UserWithProfile,
    message: &'static str,
}

/// A message where others have data.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct MessageData {
    message: &'static str,
}

/// The caller with their profile.
pub async fn show(
    State(app): State<AppState>,
    LegacyCaller(user): LegacyCaller,
) -> Result<Json<Success<UserData>>, ApiError> {
    let user = with_profile(&app, user.into_user()).await?;
    Ok(success(UserData { user }, "Success"))
}

/// Changes what the body names. The address is checked and ignored, as ever: it is changed at Firebase.
pub async fn change(
    State(app): State<AppState>,
    LegacyCaller(user): LegacyCaller,
    body: JsonObject,
) -> Result<Json<Success<ChangedUserData>>, ApiError> {
    let change = &read_change(body)?;
    let id = UserId(user.user().id);
    let changed = run(&app.pool, |mut connection| async move {
        profiles::change(&mut connection, id, change).await?;
        statements::users::find_by_id(&mut connection, id).await
    });
    let record = match changed.await {
        Ok(record) => record.ok_or_else(gone)?,
        Err(error) if error.violated_unique() == Some(profiles::USERNAME_CONSTRAINT) => {
            return Err(LegacyCode::UsernameExists.into());
        }
        Err(error) if error.violated_reference() == Some(profiles::SCHOOL_CONSTRAINT) => {
            return Err(LegacyCode::InvalidSchoolId.into());
        }
        Err(error) => return Err(error.into()),
    };
    let user = with_profile(&app, record.user).await?;
    Ok(success(
        ChangedUserData {
            user,
            message: "Profile updated successfully",
        },
        "Success",
    ))
}

/// Deletes the caller's profile; the account stays.
pub async fn remove(
    State(app): State<AppState>,
    LegacyCaller(user): LegacyCaller,
) -> Result<Json<Success<MessageData>>, ApiError> {
    let id = UserId(user.user().id);
    let existed = run(&app.pool, |mut connection| async move {
        profiles::delete(&mut connection, id).await
    })
    .await?;
    if !existed {
        return Err(LegacyCode::ProfileNotFound.into());
    }
    Ok(success(
        MessageData {
            message: "Profile deleted successfully",
        },
        "Success",
    ))
}

async fn with_profile(app: &AppState, user: User) -> Result<UserWithProfile, ApiError> {
    let id = UserId(user.id);
    let profile = run(&app.pool, |mut connection| async move {
        profiles::find(&mut connection, id).await
    })
    .await?;
    Ok(UserWithProfile::new(user, profile))
}

fn read_change(mut body: JsonObject) -> Result<ProfileChange, ApiError> {
    let username = body.username("username");
    if body.has("email") {
        let _checked_and_ignored = body.required_email("email");
    }
    let full_name = if body.is_null("full_name") {
        Some(None)
    } else {
        body.optional_text("full_name", 1..=100).map(Some)
    };
    let school_id = match body.take("school_id") {
        None => None,
        Some(value) => {
            let number = value
                .as_i64()
                .and_then(|number| i32::try_from(number).ok())
                .filter(|number| *number > 0);
            if number.is_none() {
                body.fault("school_id", "must be a positive whole number");
            }
            number
        }
    };
    let date_of_birth = body.optional_text("date_of_birth", 1..=40).and_then(|text| {
        let date = date(&text).filter(|date| *date <= today());
        if date.is_none() {
            body.fault(
                "date_of_birth",
                "must be an ISO 8601 date that is not in the future",
            );
        }
        date
    });
    let gender = match body.take("gender") {
        None => None,
        Some(Value::String(gender)) if gender == "male" => Some("male"),
        Some(Value::String(gender)) if gender == "female" => Some("female"),
        Some(_) => {
            body.fault("gender", "must be male or female");
            None
        }
    };
    body.finish()?;
    Ok(ProfileChange {
        username,
        full_name,
        date_of_birth,
        gender,
        school_id,
    })
}

/// The date of an ISO date or date-time.
fn date(text: &str) -> Option<NaiveDate> {
    let day = text.split('T').next()?;
    NaiveDate::parse_from_str(day, "%Y-%m-%d").ok()
}

fn today() -> NaiveDate {
    chrono::DateTime::from_timestamp(clock::now().secs(), 0)
        .unwrap_or_default()
        .date_naive()
}
