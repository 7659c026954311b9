//! Closes an account.

use database::run;
use shared::ids::UserId;

use crate::accounts::handle::Accounts;
use crate::audit::{Actor, RequestSource};
use crate::error::AccountError;
use crate::rules::user::UserError;
use crate::statements::accounts;
use crate::statements::accounts::ClosedAccount;

impl Accounts {
    /// Closes an account on both sides; at Firebase only where we manage it. The user's data is deleted; the ledger stays, without the
    /// user.
    ///
    /// # Errors
    /// [`UserError::NotFound`] when there is no account to close, or a fault of ours; the call may then be repeated.
    pub async fn close(
        &self,
        user: UserId,
        actor: &Actor,
        source: &RequestSource,
    ) -> Result<ClosedAccount, AccountError> {
        let known = self.own_credentials(user).await?;
        if let Some(uid) = &known.firebase_uid
            && self.is_managed(&known.issuer).await?
        {
            self.firebase.delete_account(uid).await?;
        }
        let closed = run(self.directory.pool(), |mut connection| async move {
            accounts::close(&mut connection, user, actor, source).await
        });
        Ok(closed.await?.ok_or(UserError::NotFound)?)
    }
}
