//! Whose users the rows are that name no issuer.
//!
//! Rows from before `users.firebase_issuer`, and those that a release of before still writes, name none: they are users of the one project
//! that was configured then. Which one that was is written down once, by the first replica that needs to know, and never follows the
//! configuration afterwards: a list in another order must not give one project's users to another's.

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

    /// `issuer` as rows carry it.
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
