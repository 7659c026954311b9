//! The database a dump is restored into.

use sqlx::{AssertSqlSafe, PgConnection};

use super::BackupError;

/// How their names begin. The rest is chance: inside a container every process may have the same number, and one that was killed
/// leaves its database behind.
const PREFIX: &str = "crossfade_restore_test_";

/// At most one database, made and dropped by one session: when a restore is given up, what is sent after it waits for what was sent
/// before.
pub(super) struct Scratch {
    session: PgConnection,
    name: Option<String>,
}

impl Scratch {
    /// None yet.
    pub fn new(session: PgConnection) -> Self {
        Self { session, name: None }
    }

    /// Makes it, empty; answers its name.
    pub async fn create(&mut self) -> Result<&str, BackupError> {
        let name = format!("{PREFIX}{}", uuid::Uuid::new_v4().simple());
        let sql = format!("CREATE DATABASE {name} TEMPLATE template0");
        // Known before it is there: given up in between, it is dropped all the same.
        let name = self.name.insert(name);
        sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&mut self.session)
            .await
            .map_err(BackupError::Scratch)?;
        Ok(name)
    }

    /// Drops it whatever came of the restore, and answers the databases of other restore tests that run or were killed. A failure is
    /// told, since each is a second copy of everyone's data.
    pub async fn remove(mut self) -> Result<Vec<String>, BackupError> {
        let mut others = Vec::new();
        if let Some(name) = self.name {
            sqlx::raw_sql(AssertSqlSafe(format!(
                "DROP DATABASE IF EXISTS {name} WITH (FORCE)"
            )))
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
        crate::session::close(self.session).await;
        Ok(others)
    }
}
