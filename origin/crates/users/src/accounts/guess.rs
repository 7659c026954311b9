//! Which attempts at a password are counted, and how.

use limits::{Attempt, Ending, SlowDown};

use crate::accounts::handle::Accounts;
use crate::audit::RequestSource;
use crate::error::AccountError;
use crate::rules::user::UserError;
use crate::statements::accounts::Identifier;

impl Accounts {
    /// Asks whether a password may be tried, before any look-up: the answer does not depend on whether there is such an account.
    pub(super) async fn attempt(
        &self,
        who: &Identifier,
        source: &RequestSource,
    ) -> Result<Attempt, SlowDown> {
        let account = match who {
            Identifier::Email(email) => self.limits.account(email.as_str()),
            Identifier::Username(name) => self.limits.account(name.as_str()),
            Identifier::Id(user) => self.limits.user(*user),
        };
        self.limits.admit(account, source.source_ip).await
    }
}

/// The verdict of an outcome on the tried password.
pub(super) fn ending<T>(outcome: &Result<T, AccountError>) -> Ending {
    match outcome {
        Ok(_) => Ending::Right,
        // A registration with the address of an account tries that account's password.
        Err(
            AccountError::WrongPassword
            | AccountError::UnknownIdentifier
            | AccountError::DisabledThere
            | AccountError::EmailExists,
        ) => Ending::Wrong,
        // Only a caller with the right password gets this answer.
        Err(AccountError::User(UserError::Disabled)) => Ending::Right,
        Err(_) => Ending::Undecided,
    }
}
