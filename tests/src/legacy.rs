//! A stand-in for the legacy auth service, on the same database: what `cargo xtask dev` and `smoke` need of its contract, with its shapes,
//! statuses and quirks.
//!
//! | route | answers |
//! |---|---|
//! | `POST /auth/register` | 201 `data:{user,token}` |
//! | `POST /auth/login` | 200 `data:{user,token}`; 404 for an unknown address, 500 where there is no password hash |
//! | `POST /auth/verify-token` | 200 in any case, `data.valid` says which |
//! | `GET /auth/profile` | 200 `data:{user}` |
//! | `GET /health/ready` | 200 |
//!
//! The rest of the contract is not imitated.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::{PgPool, Row as _};
use tokio::task::spawn_blocking;
use uuid::Uuid;

use crate::tokens::{LegacyPerson, legacy_token, now};

/// Cheap on purpose: tests register many people.
const BCRYPT_COST: u32 = 4;
const LIFETIME_SECONDS: i64 = 7 * 24 * 3_600;
const USER: &str = "SELECT id, to_jsonb(u) - 'password_hash' AS shown, email, username, user_type, token_balance, is_active, \
                    password_hash FROM auth.users AS u";

struct Service {
    pool: PgPool,
    secret: Vec<u8>,
}

type Shared = State<Arc<Service>>;

/// The routes, over `pool`, signing with `secret` (HS256).
pub fn router(pool: PgPool, secret: &[u8]) -> Router {
    Router::new()
        .route("/auth/register", post(register))
        .route("/auth/login", post(login))
        .route("/auth/verify-token", post(verify))
        .route("/auth/profile", get(profile))
        .route("/health/ready", get(async || Json(json!({"status": "ready"}))))
        .with_state(Arc::new(Service {
            pool,
            secret: secret.to_vec(),
        }))
}

#[derive(Deserialize)]
struct Registration {
    username: String,
    email: String,
    password: String,
}

async fn register(State(service): Shared, Json(wanted): Json<Registration>) -> Result<Response, Failure> {
    let letter = wanted.password.chars().any(char::is_alphabetic);
    let digit = wanted.password.chars().any(|c| c.is_ascii_digit());
    if wanted.password.len() < 8 || !letter || !digit {
        return Err(Failure(
            StatusCode::BAD_REQUEST,
            "VALIDATION_ERROR",
            "Validation failed",
        ));
    }
    let password = wanted.password;
    let hash = spawn_blocking(move || bcrypt::hash(password, BCRYPT_COST))
        .await
        .map_err(internal)?
        .map_err(internal)?;
    let inserted = sqlx::query("INSERT INTO auth.users (username, email, password_hash, token_balance) VALUES ($1, $2, $3, 3) RETURNING id")
        .bind(&wanted.username)
        .bind(&wanted.email)
        .bind(hash)
        .fetch_one(&service.pool)
        .await;
    match inserted {
        Ok(row) => {
            let user = user(&service, "id = $1::uuid", &row.get::<Uuid, _>("id").to_string())
                .await?
                .ok_or_else(|| internal("gone"))?;
            Ok(signed_in(
                &service,
                StatusCode::CREATED,
                "User registered successfully",
                &user,
            ))
        }
        Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {
            let by_name = error.constraint().is_some_and(|name| name.contains("username"));
            let code = if by_name {
                "USERNAME_EXISTS"
            } else {
                "EMAIL_EXISTS"
            };
            Err(Failure(StatusCode::BAD_REQUEST, code, "Already taken"))
        }
        Err(error) => Err(internal(error)),
    }
}

#[derive(Deserialize)]
struct Credentials {
    email: Option<String>,
    username: Option<String>,
    password: String,
}

async fn login(State(service): Shared, Json(given): Json<Credentials>) -> Result<Response, Failure> {
    let found = match (&given.email, &given.username) {
        (Some(email), None) => user(&service, "email = $1", email).await?,
        (None, Some(name)) => user(&service, "username = $1", name).await?,
        _ => {
            return Err(Failure(
                StatusCode::BAD_REQUEST,
                "VALIDATION_ERROR",
                "Validation failed",
            ));
        }
    };
    let found = found.ok_or(Failure(
        StatusCode::NOT_FOUND,
        "IDENTIFIER_NOT_FOUND",
        "No such account",
    ))?;
    // As the real one: somebody without a password here is an internal error there.
    let hash = found.password_hash.clone().ok_or_else(|| internal("no hash"))?;
    let right = spawn_blocking(move || bcrypt::verify(given.password, &hash))
        .await
        .map_err(internal)?
        .map_err(internal)?;
    if right {
        Ok(signed_in(&service, StatusCode::OK, "Login successful", &found))
    } else {
        Err(Failure(
            StatusCode::UNAUTHORIZED,
            "INVALID_PASSWORD",
            "Wrong password",
        ))
    }
}

#[derive(Deserialize)]
struct Given {
    token: String,
}

async fn verify(State(service): Shared, Json(given): Json<Given>) -> Response {
    let data = match holder(&service, &given.token).await {
        Ok(user) => {
            json!({"valid": true, "user": {"id": user.shown["id"], "email": user.shown["email"], "user_type": user.shown["user_type"]}})
        }
        Err(reason) => json!({"valid": false, "error": reason}),
    };
    Json(json!({"success": true, "message": "Success", "data": data})).into_response()
}

async fn profile(State(service): Shared, headers: HeaderMap) -> Result<Response, Failure> {
    let token = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .ok_or(Failure(
            StatusCode::UNAUTHORIZED,
            "UNAUTHORIZED",
            "Access token is required",
        ))?;
    let user = holder(&service, token)
        .await
        .map_err(|reason| Failure(StatusCode::UNAUTHORIZED, "INVALID_TOKEN", reason))?;
    let mut shown = user.shown;
    shown["profile"] = Value::Null;
    Ok(Json(json!({"success": true, "message": "Success", "data": {"user": shown}})).into_response())
}

struct Found {
    shown: Value,
    person: LegacyPerson,
    password_hash: Option<String>,
    active: bool,
}

async fn user(service: &Service, condition: &str, value: &str) -> Result<Option<Found>, Failure> {
    let statement = sqlx::AssertSqlSafe(format!("{USER} WHERE {condition}"));
    let row = sqlx::query(statement)
        .bind(value)
        .fetch_optional(&service.pool)
        .await
        .map_err(internal)?;
    Ok(row.map(|row| Found {
        shown: row.get("shown"),
        password_hash: row.get("password_hash"),
        active: row.get("is_active"),
        person: LegacyPerson {
            id: row.get::<Uuid, _>("id").to_string(),
            email: row.get::<Option<String>, _>("email").unwrap_or_default(),
            username: row.get("username"),
            user_type: row.get("user_type"),
            token_balance: row.get("token_balance"),
        },
    }))
}

fn signed_in(service: &Service, status: StatusCode, message: &str, user: &Found) -> Response {
    let token = legacy_token(&user.person, &service.secret, now(), LIFETIME_SECONDS).mint();
    let data = json!({"user": user.shown, "token": token});
    (
        status,
        Json(json!({"success": true, "message": message, "data": data})),
    )
        .into_response()
}

/// The active person a genuine, unexpired token names; else why not, in the legacy service's words.
async fn holder(service: &Service, token: &str) -> Result<Found, &'static str> {
    let (signed, signature) = token.rsplit_once('.').ok_or("Invalid token")?;
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| "Invalid token")?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, &service.secret);
    hmac::verify(&key, signed.as_bytes(), &signature).map_err(|_| "Invalid token")?;
    let payload = signed
        .split_once('.')
        .and_then(|(_, payload)| URL_SAFE_NO_PAD.decode(payload).ok())
        .ok_or("Invalid token")?;
    let claims: Value = serde_json::from_slice(&payload).map_err(|_| "Invalid token")?;
    if claims["exp"].as_i64().is_none_or(|expires| expires <= now()) {
        return Err("Token has expired");
    }
    let id = claims["id"].as_str().ok_or("Invalid token")?;
    let found = user(service, "id = $1::uuid", id)
        .await
        .map_err(|_| "Authentication failed")?;
    found.filter(|user| user.active).ok_or("User not found")
}

/// Status, code, message.
struct Failure(StatusCode, &'static str, &'static str);

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let body = json!({"success": false, "error": {"code": self.1, "message": self.2}});
        (self.0, Json(body)).into_response()
    }
}

fn internal(error: impl std::fmt::Display) -> Failure {
    eprintln!("legacy stand-in: {error}");
    Failure(
        StatusCode::INTERNAL_SERVER_ERROR,
        "INTERNAL_ERROR",
        "An unexpected error occurred",
    )
}
