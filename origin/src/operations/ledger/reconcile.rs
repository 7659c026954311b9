//! Does the ledger add up?

use super::{Fault, Ledger};
use crate::postgres::ledger::{self as statements, Difference};

impl Ledger {
    /// Everything that is wrong; empty when every guarantee holds. Reads the whole ledger in one snapshot.
    ///
    /// # Errors
    /// [`Fault::Database`].
    pub async fn reconcile(&self) -> Result<Vec<Difference>, Fault> {
        let mut transaction = self.pool.begin().await?;
        statements::lift_time_limit(&mut transaction).await?;
        let differences = statements::differences(&mut transaction).await?;
        transaction.rollback().await?;
        Ok(differences)
    }
}
