//! `auth.firebase_home`: whose users the rows are that name no issuer.
//!
//! Rows from before `users.firebase_issuer`, and those that a release of before still writes, name none: they are users of the one project
//! that was configured then. Which one that was is written down once, by the first replica that needs to know, and never follows the
//! configuration afterwards: a list in another order must not give one project's users to another's.

use std::sync::{Arc, OnceLock};

use sqlx::postgres::PgConnection;
use tokio::sync::OnceCell;

use super::{DatabaseError, Pool, run};
use crate::domain::issuer::{Issuer, StoredIssuer};

/// The home, as far as this process knows it.
#[derive(Debug, Default)]
pub(super) struct Home {
    configured: OnceLock<Issuer>,
    recorded: OnceCell<Arc<str>>,
}

impl Pool {
    /// Says what is the home of a database that has none yet: the first configured project, with the configured tenant.
    pub fn configure_home(&self, issuer: Issuer) {
        // A second configuration of one process is the same.
        let _already = self.home().configured.set(issuer);
    }

    /// `issuer` as rows carry it. Asks the database once in a process.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn stored_issuer(&self, issuer: &Issuer) -> Result<StoredIssuer, DatabaseError> {
        let home = self.home();
        let recorded = home
            .recorded
            .get_or_try_init(|| async {
                let first = home.configured.get().unwrap_or(issuer).as_str();
                run(self, |mut connection| async move {
                    recorded_home(&mut connection, first).await
                })
                .await
                .map(Arc::from)
            })
            .await?;
        Ok(issuer.stored(recorded))
    }
}

/// The recorded home; `first` is recorded where there is none.
async fn recorded_home(connection: &mut PgConnection, first: &str) -> sqlx::Result<String> {
    let known: Option<String> = sqlx::query_scalar("SELECT issuer FROM auth.firebase_home")
        .fetch_optional(&mut *connection)
        .await?;
    if let Some(known) = known {
        return Ok(known);
    }
    // Of two replicas that start together one is first, and both read what it wrote.
    sqlx::query("INSERT INTO auth.firebase_home (issuer) VALUES ($1) ON CONFLICT DO NOTHING")
        .bind(first)
        .execute(&mut *connection)
        .await?;
    sqlx::query_scalar("SELECT issuer FROM auth.firebase_home")
        .fetch_one(connection)
        .await
}
