//! Databases that live as long as a test.

use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};

use schema::{self, Options, SchemaError};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions};
use uuid::Uuid;

/// The legacy service's tables as its own set-up leaves them, with other services' tables.
const LEGACY_BASELINE: &str = include_str!("legacy_baseline.sql");
/// Users of every kind the legacy service knows.
const LEGACY_USERS: &str = include_str!("legacy_users.sql");

/// A database of its own; dropping the value drops it, also when the test fails.
pub struct TestDatabase {
    pub options: PgConnectOptions,
    name: String,
}

impl TestDatabase {
    /// An empty database.
    pub async fn empty() -> Self {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "schema_test_{}_{}",
            std::process::id(),
            COUNTER.fetch_add(1, Ordering::Relaxed)
        );
        execute(
            &mut connect(&server()).await,
            &format!("CREATE DATABASE {name} TEMPLATE template0"),
        )
        .await;
        Self {
            options: server().database(&name),
            name,
        }
    }

    /// The legacy service's tables without a row.
    pub async fn legacy() -> Self {
        let database = Self::empty().await;
        database.execute(LEGACY_BASELINE).await;
        database
    }

    /// The legacy service's tables with users in them.
    pub async fn legacy_with_users() -> Self {
        let database = Self::legacy().await;
        database.execute(LEGACY_USERS).await;
        database
    }

    /// The newest schema, empty.
    pub async fn current() -> Self {
        let database = Self::empty().await;
        database.up().await.unwrap();
        database
    }

    pub async fn up(&self) -> Result<Vec<u32>, SchemaError> {
        schema::up(&self.options, &Options::default(), &mut |_| {}).await
    }

    pub async fn down(&self, to: u32) -> Result<Vec<u32>, SchemaError> {
        schema::down(&self.options, to, &Options::default(), &mut |_| {}).await
    }

    pub async fn down_accepting_loss(&self, to: u32) -> Result<Vec<u32>, SchemaError> {
        let options = Options {
            accept_loss: true,
            ..Options::default()
        };
        schema::down(&self.options, to, &options, &mut |_| {}).await
    }

    pub async fn connect(&self) -> PgConnection {
        connect(&self.options).await
    }

    /// Runs statements that must succeed.
    pub async fn execute(&self, sql: &str) {
        execute(&mut self.connect().await, sql).await;
    }

    /// Runs a statement and answers its refusal: SQLSTATE and, if the server names one, the constraint.
    pub async fn refusal(&self, sql: &str) -> Option<(String, Option<String>)> {
        let error = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .execute(&mut self.connect().await)
            .await
            .err()?;
        let database = error
            .as_database_error()
            .unwrap_or_else(|| panic!("{sql}: {error}"));
        Some((
            database.code().unwrap().into_owned(),
            database.constraint().map(str::to_owned),
        ))
    }

    /// The single value of a query.
    pub async fn value<T>(&self, sql: &str) -> T
    where
        T: for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres> + Send + Unpin,
    {
        sqlx::query_scalar(AssertSqlSafe(sql.to_owned()))
            .fetch_one(&mut self.connect().await)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Every row of a query as JSON text, in order: a form that two states can be compared in.
    pub async fn rows(&self, sql: &str) -> Vec<String> {
        sqlx::query_scalar(AssertSqlSafe(format!(
            "SELECT to_jsonb(answer)::text FROM ({sql}) AS answer"
        )))
        .fetch_all(&mut self.connect().await)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// The findings of the reconciliation.
    pub async fn ledger_differences(&self) -> Vec<String> {
        self.rows("SELECT * FROM auth.ledger_differences").await
    }

    /// Inserts a user as the legacy service does and answers their id.
    pub async fn legacy_user(&self, email: &str, balance: i32) -> Uuid {
        sqlx::query_scalar("INSERT INTO auth.users (email, password_hash, token_balance) VALUES ($1, '$2b$04$hash', $2) RETURNING id")
            .bind(email)
            .bind(balance)
            .fetch_one(&mut self.connect().await)
            .await
            .unwrap()
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        run_blocking(async move { execute(&mut connect(&server()).await, &drop).await });
    }
}

/// Runs `work` to its end in synchronous code: on a thread and a runtime of its own.
pub fn run_blocking(work: impl Future<Output = ()> + Send + 'static) {
    let thread = std::thread::spawn(|| {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(work);
    });
    if thread.join().is_err() {
        eprintln!("work beside a test failed");
    }
}

/// The server of `TEST_DATABASE_URL`.
pub fn server() -> PgConnectOptions {
    let url = std::env::var("TEST_DATABASE_URL").expect(
        "TEST_DATABASE_URL is not set: it names the PostgreSQL server that tests create their databases on, \
         for example postgres://postgres@127.0.0.1:5432/postgres; `cargo xtask test` sets it",
    );
    PgConnectOptions::from_str(&url).expect("TEST_DATABASE_URL is not a PostgreSQL URL")
}

pub async fn connect(options: &PgConnectOptions) -> PgConnection {
    options
        .clone()
        .options([("client_min_messages", "warning")])
        .connect()
        .await
        .expect("the test server refuses the connection")
}

pub async fn execute(connection: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(connection)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}
