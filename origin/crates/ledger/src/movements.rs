//! Credits, debits, and the list of transfers.

use database::read;
use shared::api::ledger::Transfer;
use shared::ids::UserId;
use uuid::Uuid;

use crate::failure::LedgerFailure;
use crate::handle::Ledger;
use crate::outcome::Receipt;
use crate::rules::{Caller, Cursor, IdempotencyKey, IdempotencyToken, Movement, PageSize};
use crate::statements;

/// One page of a user's transfers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransferPage {
    /// Newest first.
    pub transfers: Vec<Transfer>,
    /// The cursor of the next page; `None` on the last one.
    pub next: Option<Cursor>,
}

impl Ledger {
    /// Credits or debits a user, once for each `token`. Waiting movements of one user share a statement.
    ///
    /// # Errors
    /// A refusal of [`LedgerError`], which changed nothing; otherwise the database gave no answer, and a retry with the same token finds
    /// out whether tokens moved.
    pub async fn move_tokens(
        &self,
        token: IdempotencyToken,
        movement: Movement,
    ) -> Result<Receipt, LedgerFailure> {
        self.queue.make(token, movement).await
    }

    /// Credits or debits a user for a caller that names no key, as callers of the old contract do. The movement is made once, even if the
    /// connection to the database breaks; a repeat by the caller is another movement.
    ///
    /// # Errors
    /// As [`Ledger::move_tokens`].
    pub async fn move_tokens_unnamed(
        &self,
        caller: Caller,
        movement: Movement,
    ) -> Result<Receipt, LedgerFailure> {
        let key = IdempotencyKey::fresh(Uuid::new_v4());
        self.move_tokens(IdempotencyToken { caller, key }, movement).await
    }

    /// A page of the transfers of `user`, newest first.
    ///
    /// # Errors
    /// [`LedgerFailure::Database`].
    pub async fn transfers(
        &self,
        user: UserId,
        cursor: Option<Cursor>,
        size: PageSize,
    ) -> Result<TransferPage, LedgerFailure> {
        let transfers = read(&self.pool, |mut connection| async move {
            statements::transfers(&mut connection, user, cursor, size).await
        })
        .await?;
        let full = i64::try_from(transfers.len()).is_ok_and(|count| count == size.get());
        // Versions have no gap and begin at 0 or 1: a full page that ends above 1 is not the last.
        let next = transfers
            .last()
            .filter(|last| full && last.version > 0)
            .map(|last| Cursor { before: last.version });
        Ok(TransferPage { transfers, next })
    }
}
