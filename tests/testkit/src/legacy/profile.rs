//! `GET`, `PUT` and `DELETE /auth/profile`

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Value, json};
use sqlx::Row as _;

use super::answer::{Failure, ok, time};
use super::bearer::Caller;
use super::input::{self, Input};
use super::users::User;
use super::{Service, Shared};

/// The caller, with their profile.
pub async fn show(State(service): Shared, Caller(user): Caller) -> Result<Response, Failure> {
    Ok(ok(&json!({"user": with_profile(&service, &user).await?})))
}

/// Changes the fields that the body names. It checks the e-mail address and then ignores it.
pub async fn change(
    State(service): Shared,
    Caller(user): Caller,
    mut input: Input,
) -> Result<Response, Failure> {
    let username = input.optional("username", input::username);
    let _checked_and_ignored = input.optional("email", input::email);
    let names_full_name = input.is_null("full_name");
    let full_name = input.optional("full_name", input::at_most_100);
    let names_full_name = names_full_name || full_name.is_some();
    let school = input.integer("school_id");
    if school.is_some_and(|id| id <= 0) {
        input.fault("school_id", "must be a positive number");
    }
    let born = input
        .optional("date_of_birth", input::past_date)
        .and_then(|text| input::date(&text));
    let gender = input.optional("gender", |text| match text {
        "male" | "female" => Ok(()),
        _ => Err("must be one of [male, female]"),
    });
    input.finish()?;
    if let Some(username) = &username {
        rename(&service, &user, username).await?;
    }
    let school = match school {
        Some(id) => Some(existing_school(&service, id).await?),
        None => None,
    };
    sqlx::query(
        "INSERT INTO auth.user_profiles AS profile (user_id, full_name, date_of_birth, gender, school_id) \
         SELECT $1, $3, $4, $5, $6 WHERE $2 OR $4 IS NOT NULL OR $5 IS NOT NULL OR $6 IS NOT NULL \
         ON CONFLICT (user_id) DO UPDATE SET \
             full_name = CASE WHEN $2 THEN excluded.full_name ELSE profile.full_name END, \
             date_of_birth = coalesce(excluded.date_of_birth, profile.date_of_birth), \
             gender = coalesce(excluded.gender, profile.gender), \
             school_id = coalesce(excluded.school_id, profile.school_id)",
    )
    .bind(user.id)
    .bind(names_full_name)
    .bind(full_name)
    .bind(born)
    .bind(gender)
    .bind(school)
    .execute(&service.pool)
    .await?;
    let user = User::by_id(&service.pool, user.id)
        .await?
        .ok_or_else(Failure::user_not_found)?;
    let user = with_profile(&service, &user).await?;
    Ok(ok(
        &json!({"user": user, "message": "Profile updated successfully"}),
    ))
}

/// Deletes the caller's profile.
pub async fn remove(State(service): Shared, Caller(user): Caller) -> Result<Response, Failure> {
    let done = sqlx::query("DELETE FROM auth.user_profiles WHERE user_id = $1")
        .bind(user.id)
        .execute(&service.pool)
        .await?;
    if done.rows_affected() == 0 {
        return Err(Failure::of_profile(
            StatusCode::NOT_FOUND,
            "PROFILE_NOT_FOUND",
            "Profile not found",
        ));
    }
    Ok(ok(&json!({"message": "Profile deleted successfully"})))
}

async fn rename(service: &Service, user: &User, username: &str) -> Result<(), Failure> {
    let renamed = sqlx::query("UPDATE auth.users SET username = $2 WHERE id = $1")
        .bind(user.id)
        .bind(username)
        .execute(&service.pool)
        .await;
    match renamed {
        Err(error)
            if error
                .as_database_error()
                .is_some_and(sqlx::error::DatabaseError::is_unique_violation) =>
        {
            Err(Failure::of_profile(
                StatusCode::BAD_REQUEST,
                "USERNAME_EXISTS",
                "Username already exists",
            ))
        }
        renamed => Ok(renamed.map(drop)?),
    }
}

async fn existing_school(service: &Service, id: i64) -> Result<i32, Failure> {
    let found: Option<i32> = sqlx::query_scalar("SELECT id FROM public.schools WHERE id = $1")
        .bind(id)
        .fetch_optional(&service.pool)
        .await?;
    found.ok_or_else(|| {
        Failure::of_profile(
            StatusCode::BAD_REQUEST,
            "INVALID_SCHOOL_ID",
            "The school does not exist",
        )
    })
}

async fn with_profile(service: &Service, user: &User) -> Result<Value, Failure> {
    let row = sqlx::query(
        "SELECT profile.*, school.name AS school_name, school.city, school.province \
         FROM auth.user_profiles AS profile LEFT JOIN public.schools AS school ON school.id = profile.school_id \
         WHERE user_id = $1",
    )
    .bind(user.id)
    .fetch_optional(&service.pool)
    .await?;
    let profile = row.map(|row| {
        let school_id: Option<i32> = row.get("school_id");
        let school = row.get::<Option<String>, _>("school_name").map(|name| {
            json!({
                "id": school_id,
                "name": name,
                "city": row.get::<Option<String>, _>("city"),
                "province": row.get::<Option<String>, _>("province"),
            })
        });
        json!({
            "user_id": user.id,
            "full_name": row.get::<Option<String>, _>("full_name"),
            "date_of_birth": row.get::<Option<NaiveDate>, _>("date_of_birth"),
            "gender": row.get::<Option<String>, _>("gender"),
            "school_id": school_id,
            "created_at": time(row.get::<DateTime<Utc>, _>("created_at")),
            "updated_at": time(row.get::<DateTime<Utc>, _>("updated_at")),
            "school": school,
            "school_info": {
                "type": school_id.map(|_| "structured"),
                "school_id": school_id,
                "school": school,
            },
        })
    });
    let mut user = user.shown();
    if let Some(user) = user.as_object_mut() {
        user.remove("updated_at");
        user.insert("profile".to_owned(), profile.unwrap_or(Value::Null));
    }
    Ok(user)
}
