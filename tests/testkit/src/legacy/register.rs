//! `POST /auth/register` and `/auth/register/batch`

use std::collections::BTreeSet;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::answer::{Failure, success, time};
use super::input::{self, Input};
use super::users::User;
use super::{Service, Shared, passwords};

const MAX_BATCH: usize = 50;

/// One user.
pub async fn one(State(service): Shared, mut input: Input) -> Result<Response, Failure> {
    let username = input.required("username", input::username);
    let email = input.required("email", input::email);
    let password = input.required("password", input::password);
    input.finish()?;
    if User::by_email(&service.pool, &email).await?.is_some() {
        return Err(email_exists());
    }
    if User::by_username(&service.pool, &username).await?.is_some() {
        return Err(username_exists());
    }
    let hash = passwords::hash(password).await?;
    let balance = service.settings.default_token_balance;
    let user = User::insert(&service.pool, Some(&username), &email, &hash, balance)
        .await
        .map_err(|error| match error.as_database_error() {
            Some(refused) if refused.is_unique_violation() => match refused.constraint() {
                Some(name) if name.contains("username") => username_exists(),
                _ => email_exists(),
            },
            _ => error.into(),
        })?;
    let data = json!({"user": user.shown(), "token": service.issue(&user)});
    Ok(success(
        StatusCode::CREATED,
        "User registered successfully",
        &data,
    ))
}

fn email_exists() -> Failure {
    Failure::new(StatusCode::BAD_REQUEST, "EMAIL_EXISTS", "Email already exists")
}

fn username_exists() -> Failure {
    Failure::new(
        StatusCode::BAD_REQUEST,
        "USERNAME_EXISTS",
        "Username already exists",
    )
}

/// Up to fifty users, without usernames; any caller may send them. All rows go into one transaction: an address that is twice in the batch
/// undoes them all.
pub async fn batch(State(service): Shared, mut input: Input) -> Result<Response, Failure> {
    let users = match input.take("users") {
        Some(Value::Array(users)) if (1..=MAX_BATCH).contains(&users.len()) => users,
        _ => {
            input.fault("users", "must contain 1 to 50 items");
            Vec::new()
        }
    };
    input.finish()?;
    let taken = taken(&service, &users).await?;
    let mut transaction = service.pool.begin().await?;
    let mut results = Vec::with_capacity(users.len());
    for (index, user) in users.iter().enumerate() {
        let (email, password) = (user["email"].as_str(), user["password"].as_str());
        let (Some(email), Some(password)) = (email, password) else {
            results.push(failed(index, "Email and password are required"));
            continue;
        };
        if taken.contains(email) {
            results.push(failed(index, "Email already exists"));
            continue;
        }
        let hash = passwords::hash(password.to_owned()).await?;
        let balance = service.settings.default_token_balance;
        let user = User::insert(&mut *transaction, None, email, &hash, balance).await?;
        results.push(json!({
            "index": index,
            "success": true,
            "user": {
                "id": user.id,
                "email": user.email,
                "token_balance": user.token_balance,
                "created_at": time(user.created_at),
            },
            "token": service.issue(&user),
            "error": null,
        }));
    }
    transaction.commit().await?;
    let successful = results.iter().filter(|result| result["success"] == true).count();
    let data = json!({
        "total": results.len(),
        "successful": successful,
        "failed": results.len().saturating_sub(successful),
        "results": results,
    });
    Ok(success(
        StatusCode::CREATED,
        "Batch registration completed",
        &data,
    ))
}

/// The addresses of the batch that users already have.
async fn taken(service: &Service, users: &[Value]) -> Result<BTreeSet<String>, Failure> {
    let emails: Vec<&str> = users.iter().filter_map(|user| user["email"].as_str()).collect();
    let taken: Vec<String> = sqlx::query_scalar("SELECT email FROM auth.users WHERE email = ANY($1)")
        .bind(emails)
        .fetch_all(&service.pool)
        .await?;
    Ok(taken.into_iter().collect())
}

fn failed(index: usize, error: &str) -> Value {
    json!({"index": index, "success": false, "user": null, "token": null, "error": error})
}
