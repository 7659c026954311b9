//! What a person has.

use database::read;
use shared::ids::UserId;

use super::{Fault, Ledger};
use crate::domain::ledger::LedgerError;
use crate::postgres::ledger::{self as statements, Balance};

impl Ledger {
    /// The balance of `user`. Writes nothing: a hold whose time is up counts as held until it is given back.
    ///
    /// # Errors
    /// [`LedgerError::UserNotFound`]; [`Fault::Database`].
    pub async fn balance(&self, user: UserId) -> Result<Balance, Fault> {
        read(&self.pool, |mut connection| async move {
            statements::balance(&mut connection, user).await
        })
        .await?
        .ok_or_else(|| LedgerError::UserNotFound.into())
    }
}
