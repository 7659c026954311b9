//! The parts that account operations use, and what all of them need.

use std::sync::Arc;

use database::{DatabaseError, run};
use firebase::issuer::StoredIssuer;
use firebase::{Firebase, SignedIn};
use limits::Limits;
use shared::identity::{Identity, ProvenIdentity};
use shared::ids::UserId;
use shared::time::UnixTime;
use tokio::sync::Semaphore;
use verification::Verifier;

use super::move_queues::MoveQueues;
use crate::LegacySession;
use crate::audit::Actor;
use crate::audit::RequestSource;
use crate::directory::Directory;
use crate::error::AccountError;
use crate::error::OperationError;
use crate::firebase_sync::Syncing;
use crate::first_sight::{ensure_user, find_active};
use crate::passwords::{Passwords, Turn};
use crate::proofs::Proofs;
use crate::rules::credentials::Password;
use crate::rules::user::{ActiveUser, UserError, UserRecord};
use crate::statements::accounts;
use crate::statements::accounts::{Credentials, Identifier};

/// The parts that account operations use. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Accounts {
    /// The rows of users.
    pub directory: Directory,
    /// Firebase's account services.
    pub firebase: Firebase,
    /// Asks Firebase how addresses were proven.
    pub proofs: Proofs,
    /// Password hashes of the legacy service.
    pub passwords: Passwords,
    /// The limits on attempts at a password.
    pub limits: Limits,
    /// Verifies Firebase's tokens: ours pass the same rules as all others.
    pub verifier: Arc<Verifier>,
    /// The tokens of a new user.
    pub welcome_tokens: i32,
    /// Which token the legacy contract answers as `token`.
    pub legacy_session: LegacySession,
    /// Sign-ins that wait for another one of the same user.
    pub moves: MoveQueues,
    /// Limits concurrent password recoveries, which go on after their answer.
    pub recoveries: Arc<Semaphore>,
    /// The time.
    pub clock: fn() -> UnixTime,
}

/// How many password recoveries may go on at once.
pub const MAX_RECOVERIES: usize = 16;

/// A user who has just signed in, with their row.
#[derive(Debug)]
pub struct SignedInUser {
    /// Firebase's tokens.
    pub tokens: SignedIn,
    /// The row.
    pub user: ActiveUser,
}

impl Accounts {
    /// The stored issuer of the accounts that we manage.
    pub(super) async fn managed_issuer(&self) -> Result<StoredIssuer, DatabaseError> {
        self.directory.stored_issuer(&self.firebase.issuer()).await
    }

    /// Whether we manage the account of a linked row with a uid of `issuer`. Any other account must not be looked up by its uid: in our
    /// project that uid is another user's.
    pub(super) async fn is_managed(&self, issuer: &StoredIssuer) -> Result<bool, DatabaseError> {
        Ok(*issuer == self.managed_issuer().await?)
    }

    /// What checks the password of `who`; `None` when there is no such user.
    pub(super) async fn credentials_of(
        &self,
        who: &Identifier,
    ) -> Result<Option<Credentials>, DatabaseError> {
        run(self.directory.pool(), |mut connection| async move {
            accounts::credentials(&mut connection, who).await
        })
        .await
    }

    /// The same of a user who is known by their id.
    pub(super) async fn own_credentials(&self, id: UserId) -> Result<Credentials, AccountError> {
        let known = self.credentials_of(&Identifier::Id(id)).await?;
        Ok(known.ok_or(UserError::NotFound)?)
    }

    /// Checks `password` against the hash in the row.
    ///
    /// # Errors
    /// [`AccountError::WrongPassword`], also for a user without a hash.
    pub(super) async fn verify_stored(
        &self,
        known: &Credentials,
        password: &Password,
        turn: Turn,
    ) -> Result<(), AccountError> {
        let hash = known.password_hash.as_deref().unwrap_or_default();
        let password = password.expose().to_owned();
        let is_right = self.passwords.verify(turn, password, hash, known.id).await?;
        is_right.then_some(()).ok_or(AccountError::WrongPassword)
    }

    /// The row of a user whom Firebase has just signed in; makes or links it if necessary.
    pub(super) async fn admit(
        &self,
        tokens: SignedIn,
        source: &RequestSource,
    ) -> Result<SignedInUser, AccountError> {
        let identity: Arc<ProvenIdentity> = self.verifier.verify(&tokens.id_token, (self.clock)()).await?;
        let user = self.user_of(&identity, source).await?;
        Ok(SignedInUser { tokens, user })
    }

    /// The active user behind `identity`, at most [`REPLICA_SECONDS`](shared::token::REPLICA_SECONDS) old where there is a replica to ask.
    /// Not for calls that move tokens or change the user.
    ///
    /// # Errors
    /// As [`Self::user_of`].
    pub async fn recent_user_of(
        &self,
        identity: &Identity,
        source: &RequestSource,
    ) -> Result<ActiveUser, OperationError> {
        match find_active(&self.directory, identity).await {
            Some(user) => Ok(user),
            None => self.user_of(identity, source).await,
        }
    }

    /// The active user behind `identity`: [`ensure_user`].
    ///
    /// # Errors
    /// See there.
    pub async fn user_of(
        &self,
        identity: &Identity,
        source: &RequestSource,
    ) -> Result<ActiveUser, OperationError> {
        ensure_user(
            &self.directory,
            &self.proofs,
            identity,
            self.welcome_tokens,
            source,
        )
        .await
    }

    /// Synchronises a user's row with their Firebase account: [`Syncing::one`].
    ///
    /// # Errors
    /// See there.
    pub async fn sync(
        &self,
        id: UserId,
        actor: &Actor,
        source: &RequestSource,
    ) -> Result<UserRecord, AccountError> {
        self.syncing().one(id, actor, source).await
    }

    /// The part that synchronises rows.
    #[must_use]
    pub fn syncing(&self) -> Syncing {
        Syncing {
            directory: self.directory.clone(),
            firebase: self.firebase.clone(),
            clock: self.clock,
        }
    }
}
