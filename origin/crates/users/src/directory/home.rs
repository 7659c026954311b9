//! The issuer of rows that name none.
//!
//! Rows from before `users.firebase_issuer`, and rows that an older release still writes, name no issuer: their users belong to the one
//! project that was configured then. The first replica that needs that project's name records it once, and it never follows the
//! configuration afterwards: a list in another order must not give one project's users to another.

use std::sync::Arc;

use database::{DatabaseError, Pool, run};
use firebase::issuer::{Issuer, StoredIssuer};
use tokio::sync::OnceCell;

use crate::statements::home;

/// The home, as far as this process knows it.
#[derive(Debug)]
pub(super) struct Home {
    configured: Option<Issuer>,
    recorded: OnceCell<Arc<str>>,
}

impl Home {
    pub const fn new(configured: Option<Issuer>) -> Self {
        Self {
            configured,
            recorded: OnceCell::const_new(),
        }
    }

    /// `issuer` in the form of the rows.
    pub async fn stored(&self, pool: &Pool, issuer: &Issuer) -> Result<StoredIssuer, DatabaseError> {
        let recorded = self
            .recorded
            .get_or_try_init(|| async {
                let first = self.configured.as_ref().unwrap_or(issuer).as_str();
                run(pool, |mut connection| async move {
                    home::recorded(&mut connection, first).await
                })
                .await
                .map(Arc::from)
            })
            .await?;
        Ok(issuer.stored(recorded))
    }
}
