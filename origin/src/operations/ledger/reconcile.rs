//! Does the ledger add up?

use std::time::Duration;

use super::{Fault, Ledger};
use crate::postgres::ledger::{self as statements, Difference};

/// How long a ledger may take to be read.
const PATIENCE: Duration = Duration::from_secs(3600);

impl Ledger {
    /// Everything that is wrong; empty when every guarantee holds. Reads the whole ledger in one snapshot.
    ///
    /// # Errors
    /// [`Fault::Database`].
    pub async fn reconcile(&self) -> Result<Vec<Difference>, Fault> {
        let differences = self.pool.transaction(PATIENCE, |mut connection| async move {
            statements::lift_time_limit(&mut connection).await?;
            statements::differences(&mut connection).await
        });
        Ok(differences.await?)
    }
}
