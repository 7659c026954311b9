//! Helpers of every stress test.

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _};
use uuid::Uuid;

use crate::database::TestDatabase;
pub use crate::wait::until;

/// For tests that block something on purpose: no other time limit than the tested one may end it.
pub const NO_LIMITS: [(&str, &str); 4] = [
    ("DB_POOL_ACQUIRE_MS", "60000"),
    ("DB_STATEMENT_TIMEOUT_MS", "60000"),
    ("REQUEST_TIMEOUT_MS", "60000"),
    ("DRAIN_SECONDS", "120"),
];

/// A user without tokens.
pub async fn user(connection: &mut PgConnection) -> Uuid {
    let id = Uuid::new_v4();
    sqlx::query("INSERT INTO auth.users (id, email, password_hash) VALUES ($1, $2, 'x')")
        .bind(id)
        .bind(format!("{id}@example.org"))
        .execute(connection)
        .await
        .unwrap();
    id
}

/// A session outside the service that holds a lock until it is released.
pub struct Blocker(PgConnection);

impl Blocker {
    /// Begins a transaction with `statement`.
    pub async fn begin(database: &TestDatabase, statement: &str) -> Self {
        let mut blocker = Self(database.connect().await);
        blocker.run("BEGIN").await;
        blocker.run(statement).await;
        blocker
    }

    /// Runs another statement in the transaction.
    pub async fn run(&mut self, statement: &str) {
        sqlx::raw_sql(AssertSqlSafe(statement.to_owned()))
            .execute(&mut self.0)
            .await
            .unwrap_or_else(|error| panic!("{statement}: {error}"));
    }

    /// Commits, which releases the lock.
    pub async fn let_go(mut self) {
        self.run("COMMIT").await;
        self.0.close().await.unwrap();
    }
}

/// Waits until `count` statements of the service wait for a lock.
pub async fn until_blocked(database: &TestDatabase, count: i64) {
    until("the service's statements wait", async || {
        let waiting: i64 = database
            .value(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                 AND application_name = 'crossfade-origin' AND wait_event_type = 'Lock'",
            )
            .await;
        waiting >= count
    })
    .await;
}
