//! The limits of what the origin's `me` could cost: axum with nothing around it. It verifies nothing, remembers nothing and logs nothing.
//!
//!   limit fixed       a fixed answer of `me`'s size
//!   limit select 16   the user in `X-User`, by one prepared SELECT, pipelined on so many connections
//!
//! Takes `PORT` and `DATABASE_URL` from the environment.

use std::env;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use shared::api::envelope::Success;
use shared::api::user::User;
use shared::time::UnixTime;
use tokio_postgres::{Client, NoTls, Row, Statement};

/// What the origin reads for `me`.
const SELECT: &str = "SELECT id, firebase_uid, email, username, display_name, user_type, is_active, token_balance, auth_provider, \
     email_verified, photo_url, last_login, created_at, updated_at, valid_since, firebase_issuer \
     FROM auth.users WHERE firebase_uid = $1 AND firebase_issuer = $2";

type Fault = Box<dyn Error + Send + Sync>;

#[derive(Serialize)]
struct Me {
    user: User,
}

/// Connections that take turns; each sends a statement before the one before it is answered.
struct Database {
    connections: Vec<(Client, Statement)>,
    next: AtomicUsize,
}

impl Database {
    async fn connect(url: &str, connections: usize) -> Result<Self, Fault> {
        let mut all = Vec::new();
        for _ in 0..connections {
            let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
            tokio::spawn(connection);
            let statement = client.prepare(SELECT).await?;
            all.push((client, statement));
        }
        Ok(Self {
            connections: all,
            next: AtomicUsize::new(0),
        })
    }

    async fn user(&self, uid: &str) -> Result<Option<User>, Fault> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.connections.len().max(1);
        let (client, statement) = self.connections.get(turn).ok_or("no connection")?;
        let row = client.query_opt(statement, &[&uid, &""]).await?;
        Ok(row.as_ref().map(user).transpose()?)
    }
}

fn user(row: &Row) -> Result<User, tokio_postgres::Error> {
    Ok(User {
        id: row.try_get(0)?,
        firebase_uid: row.try_get(1)?,
        email: row.try_get(2)?,
        username: row.try_get(3)?,
        display_name: row.try_get(4)?,
        user_type: row.try_get(5)?,
        is_active: row.try_get(6)?,
        token_balance: i64::from(row.try_get::<_, i32>(7)?),
        auth_provider: row.try_get(8)?,
        email_verified: row.try_get(9)?,
        photo_url: row.try_get(10)?,
        last_login: row.try_get(11)?,
        created_at: row.try_get(12)?,
        updated_at: row.try_get(13)?,
    })
}

async fn me(State(database): State<Arc<Database>>, headers: HeaderMap) -> Response {
    let uid = headers.get("x-user").and_then(|uid| uid.to_str().ok());
    match database.user(uid.unwrap_or_default()).await {
        Ok(Some(user)) => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let now = UnixTime::from_secs(now.as_secs().try_into().unwrap_or_default());
            Json(Success::new(Me { user }, "User retrieved successfully", now)).into_response()
        }
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[tokio::main]
async fn main() -> Result<(), Fault> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let database =
        |connections| async move { Database::connect(&env::var("DATABASE_URL")?, connections).await };
    let me = match arguments
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        ["select", connections] => get(me).with_state(Arc::new(database(connections.parse()?).await?)),
        ["fixed"] => {
            let user = database(1)
                .await?
                .user("1000000000000000001")
                .await?
                .ok_or("the table has no user 1")?;
            let answer = Success::new(Me { user }, "User retrieved successfully", UnixTime::from_secs(0));
            let answer: &'static str = serde_json::to_string(&answer)?.leak();
            get(move || async move { ([(header::CONTENT_TYPE, "application/json")], answer) })
        }
        _ => return Err("usage: limit fixed | limit select CONNECTIONS".into()),
    };
    let router = Router::new()
        .route("/v1/auth/me", me)
        .route("/readyz", get(|| async { "ok" }));
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{}", env::var("PORT")?)).await?;
    Ok(axum::serve(listener, router).await?)
}
