//! Which tries of a password are counted, and as what.

use limits::{Attempt, Ending, SlowDown};

use crate::accounts::Accounts;
use crate::audit::RequestSource;
use crate::error::AccountError;
use crate::rules::user::UserError;
use crate::statements::accounts::Identifier;

impl Accounts {
    /// Asks whether a password may be tried. Before anything is looked up: what is answered does not depend on whether there is such an
    /// account.
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

/// What an outcome says about the password that was tried.
pub(super) fn ending<T>(outcome: &Result<T, AccountError>) -> Ending {
    match outcome {
        Ok(_) => Ending::Right,
        // A registration with an address that has an account tries that account's password.
        Err(
            AccountError::WrongPassword
            | AccountError::UnknownIdentifier
            | AccountError::DisabledThere
            | AccountError::EmailExists,
        ) => Ending::Wrong,
        // Said to those alone who know the password.
        Err(AccountError::User(UserError::Disabled)) => Ending::Right,
        Err(_) => Ending::Undecided,
    }
}
