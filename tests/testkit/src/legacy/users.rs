//! `auth.users` with the columns that the legacy service knows, and no others.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgPool, Row as _};
use uuid::Uuid;

use super::answer::time;
use crate::tokens::LegacyUser;

/// A row.
#[derive(Debug, Clone)]
pub struct User {
    pub id: Uuid,
    pub username: Option<String>,
    pub email: Option<String>,
    pub password_hash: Option<String>,
    pub user_type: String,
    pub is_active: bool,
    pub token_balance: i32,
    pub last_login: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl FromRow<'_, PgRow> for User {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("id")?,
            username: row.try_get("username")?,
            email: row.try_get("email")?,
            password_hash: row.try_get("password_hash")?,
            user_type: row.try_get("user_type")?,
            is_active: row.try_get("is_active")?,
            token_balance: row.try_get("token_balance")?,
            last_login: row.try_get("last_login")?,
            created_at: row.try_get("created_at")?,
            updated_at: row.try_get("updated_at")?,
        })
    }
}

/// Adds the columns to the statement `$start … $rest`.
macro_rules! rows {
    ($start:literal, $rest:literal) => {
        concat!(
            $start,
            " id, username, email, password_hash, user_type, is_active, token_balance, last_login, created_at, updated_at ",
            $rest
        )
    };
}

impl User {
    pub async fn by_id(pool: &PgPool, id: Uuid) -> sqlx::Result<Option<Self>> {
        sqlx::query_as(rows!("SELECT", "FROM auth.users WHERE id = $1"))
            .bind(id)
            .fetch_optional(pool)
            .await
    }

    /// Finds the address in the spelling of its registration.
    pub async fn by_email(pool: &PgPool, email: &str) -> sqlx::Result<Option<Self>> {
        sqlx::query_as(rows!("SELECT", "FROM auth.users WHERE email = $1"))
            .bind(email)
            .fetch_optional(pool)
            .await
    }

    pub async fn by_username(pool: &PgPool, username: &str) -> sqlx::Result<Option<Self>> {
        sqlx::query_as(rows!("SELECT", "FROM auth.users WHERE username = $1"))
            .bind(username)
            .fetch_optional(pool)
            .await
    }

    pub async fn insert(
        executor: impl sqlx::PgExecutor<'_>,
        username: Option<&str>,
        email: &str,
        password_hash: &str,
        token_balance: i32,
    ) -> sqlx::Result<Self> {
        sqlx::query_as(rows!(
            "INSERT INTO auth.users (username, email, password_hash, token_balance) VALUES ($1, $2, $3, $4) RETURNING",
            ""
        ))
        .bind(username)
        .bind(email)
        .bind(password_hash)
        .bind(token_balance)
        .fetch_one(executor)
        .await
    }

    /// Every column but the hash.
    pub fn shown(&self) -> Value {
        json!({
            "id": self.id,
            "username": self.username,
            "email": self.email,
            "user_type": self.user_type,
            "is_active": self.is_active,
            "token_balance": self.token_balance,
            "last_login": self.last_login.map(time),
            "created_at": time(self.created_at),
            "updated_at": time(self.updated_at),
        })
    }

    /// The claims of the user's token.
    pub fn for_token(&self) -> LegacyUser {
        LegacyUser {
            id: self.id.to_string(),
            email: self.email.clone().unwrap_or_default(),
            username: self.username.clone(),
            user_type: self.user_type.clone(),
            token_balance: self.token_balance,
        }
    }
}
