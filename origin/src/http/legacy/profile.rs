//! `GET`, `PUT` and `DELETE /auth/profile`.

use axum::Json;
use axum::extract::State;
use chrono::NaiveDate;
use database::run;
use serde::{Deserialize, Serialize};
use shared::api::envelope::Success;
use shared::api::user::User;
use shared::ids::UserId;
use shared::problem::ErrorCode;
use users::rules::profile::ProfileChange;
use users::statements;
use users::statements::profiles;
use utoipa::openapi::{KnownFormat, ObjectBuilder, SchemaFormat, Type};

use super::caller::{LegacyCaller, of_callers};
use super::failure::{LegacyCode, gone};
use super::profile_json::UserWithProfile;
use crate::app::AppState;
use crate::clock;
use crate::http::body::Fields;
use crate::http::error::ApiError;
use crate::http::fields::{Email, Username, field, text, texts};
use crate::http::openapi::LEGACY;
use crate::http::success::success;

/// A user.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = UserWithProfileData)]
pub struct UserData {
    user: UserWithProfile,
}

/// A user after a change; the message is also in the envelope.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ChangedUserData {
    user: UserWithProfile,
    message: &'static str,
}

/// A message in the place of data.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct MessageData {
    message: &'static str,
}

/// Show the caller with their profile
#[utoipa::path(get, path = "/auth/profile", operation_id = "legacyGetProfile", tag = LEGACY, security(("bearer" = [])),
    responses((status = 200, description = "The caller", body = UserData)),
    extensions(("x-fails" = json!(of_callers()))))]
pub async fn show(
    State(app): State<AppState>,
    LegacyCaller(user): LegacyCaller,
) -> Result<Json<Success<UserData>>, ApiError> {
    let user = with_profile(&app, user.into_user()).await?;
    Ok(success(UserData { user }, "Success"))
}

field! {
    /// A user's full name.
    FullName(String): |value| text(value, 1..=100), texts(1..=100);

    /// The number of a school.
    SchoolId(i32):
        |value| {
            let number = value.as_i64().and_then(|number| i32::try_from(number).ok());
            number.filter(|number| *number > 0).ok_or("must be a positive whole number".into())
        },
        ObjectBuilder::new()
            .schema_type(Type::Integer)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int32)))
            .minimum(Some(1));

    /// A date or date-time of ISO 8601 that is not in the future.
    BirthDate(NaiveDate):
        |value| {
            let date = date(&text(value, 1..=40)?).filter(|date| *date <= today());
            date.ok_or("must be an ISO 8601 date that is not in the future".into())
        },
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Date)));

    /// One of the legacy service's two genders.
    Gender(&'static str):
        |value| match value.as_str() {
            Some("male") => Ok("male"),
            Some("female") => Ok("female"),
            _ => Err("must be male or female".into()),
        },
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(["male", "female"]));
}

/// The changes to the caller; a missing field leaves its value as it is.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct ProfileBody {
    username: Option<Username>,
    /// Checked and ignored: the address is changed at Firebase.
    #[serde(rename = "email")]
    _email: Option<Email>,
    /// `null` removes it.
    full_name: Option<FullName>,
    #[schema(nullable = false)]
    school_id: Option<SchoolId>,
    /// Not in the future.
    date_of_birth: Option<BirthDate>,
    #[schema(nullable = false)]
    gender: Option<Gender>,
}

/// Change the fields in the body
#[utoipa::path(put, path = "/auth/profile", operation_id = "legacyPutProfile", tag = LEGACY, security(("bearer" = [])),
    request_body = ProfileBody,
    responses((status = 200, description = "The caller after the change", body = ChangedUserData)),
    extensions(("x-fails" = json!([
        of_callers(), LegacyCode::UsernameExists, LegacyCode::InvalidSchoolId, ErrorCode::UserNotFound
    ]))))]
pub async fn change(
    State(app): State<AppState>,
    LegacyCaller(user): LegacyCaller,
    fields: Fields,
) -> Result<Json<Success<ChangedUserData>>, ApiError> {
    let change = &read_change(fields)?;
    let id = UserId(user.user().id);
    let changed = run(&app.pool, |mut connection| async move {
        profiles::change(&mut connection, id, change).await?;
        statements::users::find_by_id(&mut connection, id).await
    });
    let record = match changed.await {
        Ok(record) => record.filter(|record| record.user.is_active).ok_or_else(gone)?,
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

/// Delete the caller's profile; the account stays
#[utoipa::path(delete, path = "/auth/profile", operation_id = "legacyDeleteProfile", tag = LEGACY, security(("bearer" = [])),
    responses((status = 200, description = "Profile deleted", body = MessageData)),
    extensions(("x-fails" = json!([of_callers(), LegacyCode::ProfileNotFound]))))]
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

fn read_change(mut fields: Fields) -> Result<ProfileChange, ApiError> {
    let removes_name = fields.is_null("full_name");
    fields.refuse_null(&["school_id", "gender"]);
    let body: ProfileBody = fields.read()?;
    Ok(ProfileChange {
        username: body.username.map(|username| username.0),
        full_name: match body.full_name {
            Some(name) => Some(Some(name.0)),
            None => removes_name.then_some(None),
        },
        date_of_birth: body.date_of_birth.map(|date| date.0),
        gender: body.gender.map(|gender| gender.0),
        school_id: body.school_id.map(|school| school.0),
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
