//! The scratch database for a restore test.

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, PgConnection};

use super::error::BackupError;
use crate::error::in_migration;
use crate::session::{self, Patience};

/// The prefix of the scratch databases' names. The rest is random: inside containers many processes have the same number, and a killed one
/// leaves its database behind.
const PREFIX: &str = "crossfade_restore_test_";

/// At most one database. One session creates and drops it: after an interrupted restore, the drop waits for the statements before it.
pub(super) struct Scratch {
    session: PgConnection,
    name: Option<String>,
}

impl Scratch {
    /// No database yet.
    pub fn new(session: PgConnection) -> Self {
        Self { session, name: None }
    }

    /// Creates the empty database; answers its name.
    pub async fn create(&mut self) -> Result<&str, BackupError> {
        let name = format!("{PREFIX}{}", uuid::Uuid::new_v4().simple());
        let sql = format!("CREATE DATABASE {name} TEMPLATE template0");
        // Store the name before the database exists: an interruption in between still drops it.
        let name = self.name.insert(name);
        sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&mut self.session)
            .await
            .map_err(BackupError::Scratch)?;
        Ok(name)
    }

    /// Drops the database after the restore, good or bad, and answers the scratch databases of other restore tests that run or were killed.
    /// A failure is reported, since each is a second copy of all users' data.
    pub async fn remove(mut self) -> Result<Vec<String>, BackupError> {
        let mut others = Vec::new();
        if let Some(name) = self.name {
            sqlx::raw_sql(AssertSqlSafe(dropping(&name)))
                .execute(&mut self.session)
                .await
                .map_err(BackupError::Scratch)?;
            others = sqlx::query_scalar(
                "SELECT datname::text FROM pg_database WHERE starts_with(datname, $1) ORDER BY datname",
            )
            .bind(PREFIX)
            .fetch_all(&mut self.session)
            .await
            .map_err(BackupError::Query)?;
        }
        session::close(self.session).await;
        Ok(others)
    }

    /// The same over another connection, where the session may be dead. Answers the name of a database that could not be dropped.
    pub async fn remove_over_another(self, database: &PgConnectOptions) -> Option<String> {
        let name = self.name?;
        let sql = dropping(&name);
        let dropped = session::over(database, Patience::default(), async |other| {
            let dropped = sqlx::raw_sql(AssertSqlSafe(sql)).execute(other).await;
            dropped.map(drop).map_err(in_migration("restore test"))
        });
        dropped.await.is_err().then_some(name)
    }
}

fn dropping(name: &str) -> String {
    format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")
}
