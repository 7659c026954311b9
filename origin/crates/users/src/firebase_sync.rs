//! Synchronises rows with their Firebase accounts: one on request, many at once, and failed ones again until they succeed.

pub mod push;

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use database::leases::{self, Job};
use database::{DatabaseError, run};
use firebase::issuer::StoredIssuer;
use firebase::{Account, Firebase, FirebaseError, MAX_LOOKUP};
use serde::Serialize;
use shared::causes::Causes;
use shared::ids::{FirebaseUid, NormalizedEmail, UserId};
use shared::ownership::{self, Way};
use shared::time::UnixTime;
use shared::web_address::is_web_address;
use uuid::Uuid;

use crate::administration::show;
use crate::audit::{Actor, RequestSource};
use crate::directory::Directory;
use crate::error::AccountError;
use crate::rules::sign_in::display_name;
use crate::rules::user::{UserError, UserRecord};
use crate::statements::accounts::FirebaseFacts;
use crate::statements::legacy_hash;
use crate::statements::legacy_hash::SetAside;
use crate::statements::syncs;
use crate::statements::syncs::Due;
use crate::statements::{accounts, pushes};

/// The job that sends pending notifications to Firebase and retries failed rows.
const RETRY_SYNCS: Job = Job("retry_syncs");
/// How long the lease of a replica that has died stops the others, in seconds.
const LEASE_SECONDS: u32 = 120;

/// The code of a row without its account at Firebase.
pub(super) const ACCOUNT_MISSING: &str = "ACCOUNT_MISSING";

/// Synchronises rows with Firebase. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Syncing {
    /// The rows of users.
    pub directory: Directory,
    /// Firebase's account services.
    pub firebase: Firebase,
    /// The time.
    pub clock: fn() -> UnixTime,
}

/// The result of a round.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Synced {
    /// Users with a row that now agrees with their account.
    pub synced: u64,
    /// Users without their account; they are retried, since it may come back.
    pub missing: u64,
    /// Users whose account status Firebase has now been notified of.
    pub told: u64,
}

/// The result of a retry round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Round {
    /// This replica did the round.
    Done(Synced),
    /// Another replica does it.
    Elsewhere,
}

impl Syncing {
    /// Synchronises a user's row with their Firebase account. Values that are gone there are removed here; the address follows only when it
    /// is verified and no other user has it. The row decides who may act: a deactivated user's account is disabled. Without an answer of
    /// Firebase, the background retries.
    ///
    /// # Errors
    /// [`UserError::NotFound`] when there is no such user, or they have no (or no longer a) Firebase account that we manage; a fault of
    /// ours.
    pub async fn one(
        &self,
        id: UserId,
        actor: &Actor,
        source: &RequestSource,
    ) -> Result<UserRecord, AccountError> {
        let record = show(self.directory.pool(), id).await?;
        let is_managed = record.issuer == self.managed_issuer().await?;
        let uid = record
            .user
            .firebase_uid
            .filter(|_| is_managed)
            .and_then(|uid| FirebaseUid::parse(uid).ok())
            .ok_or(UserError::NotFound)?;
        let account = match self.firebase.find_account(&uid).await {
            Ok(account) => account,
            Err(error) => {
                self.failed(&[id.0], error.code().as_str()).await?;
                return Err(error.into());
            }
        };
        let record = self.apply(id, account.as_ref(), actor, source).await?;
        let is_out = record.as_ref().is_some_and(|record| !record.user.is_active);
        if is_out && account.as_ref().is_some_and(|account| !account.disabled) {
            run(self.directory.pool(), |mut connection| async move {
                pushes::mark_pending(&mut connection, id).await
            })
            .await?;
            self.notify_soon(id).await;
        }
        match record {
            Some(record) if account.is_some() => Ok(record),
            _ => Err(UserError::NotFound.into()),
        }
    }

    /// Synchronises all users who were not compared since `before`.
    ///
    /// # Errors
    /// A fault of ours; the background retries the affected users.
    pub async fn stale(&self, before: DateTime<Utc>, actor: &Actor) -> Result<Synced, AccountError> {
        let mut all = Synced::default();
        let issuer = &self.managed_issuer().await?;
        loop {
            let due = run(self.directory.pool(), |mut connection| async move {
                syncs::claim_stale(&mut connection, issuer, before, page()).await
            })
            .await?;
            if due.is_empty() {
                return Ok(all);
            }
            all.add(self.claimed(&due, actor).await?);
        }
    }

    /// Sends pending notifications to Firebase, and retries the failed rows that are due. One replica at a time does so; the others return
    /// at once.
    ///
    /// # Errors
    /// A fault of ours; the background retries the affected users.
    pub async fn retry(&self) -> Result<Round, AccountError> {
        let (actor, holder) = (Actor::origin(), Uuid::new_v4());
        if !self.holds_retries(holder).await? {
            return Ok(Round::Elsewhere);
        }
        // A failure of one does not stop the other.
        let told = self.notify_due().await;
        let again = if self.holds_retries(holder).await? {
            self.failed_again(&actor).await
        } else {
            Ok(Synced::default())
        };
        run(self.directory.pool(), |mut connection| async move {
            leases::release(&mut connection, RETRY_SYNCS, holder).await
        })
        .await?;
        Ok(Round::Done(Synced {
            told: told?,
            ..again?
        }))
    }

    async fn holds_retries(&self, holder: Uuid) -> Result<bool, DatabaseError> {
        run(self.directory.pool(), |mut connection| async move {
            leases::claim(&mut connection, RETRY_SYNCS, holder, LEASE_SECONDS).await
        })
        .await
    }

    async fn failed_again(&self, actor: &Actor) -> Result<Synced, AccountError> {
        let mut all = Synced::default();
        let issuer = &self.managed_issuer().await?;
        loop {
            let due = run(self.directory.pool(), |mut connection| async move {
                syncs::claim_failed(&mut connection, issuer, page()).await
            })
            .await?;
            if due.is_empty() {
                return Ok(all);
            }
            all.add(self.claimed(&due, actor).await?);
        }
    }

    /// Retries failed rows every `pause` until the future is dropped. A failed round is logged, and the next one follows. Ends at once
    /// where this deployment may not manage accounts.
    pub async fn keep_retrying(self, pause: Duration) {
        if !self.firebase.manages_accounts() {
            return;
        }
        let mut ticks = tokio::time::interval(pause);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            match self.retry().await {
                Ok(Round::Done(done)) if done != Synced::default() => {
                    tracing::info!(
                        synced = done.synced,
                        missing = done.missing,
                        told = done.told,
                        "failed syncs tried again"
                    );
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(
                        error = %Causes(&error),
                        "failed syncs could not be tried again"
                    );
                }
            }
        }
    }

    /// Synchronises the claimed users.
    async fn claimed(&self, due: &[Due], actor: &Actor) -> Result<Synced, AccountError> {
        let uids: Vec<String> = due.iter().map(|due| due.firebase_uid.clone()).collect();
        let found: BTreeMap<String, Account> = match self.firebase.find_accounts_in_full(&uids).await {
            Ok(accounts) => accounts
                .into_iter()
                .map(|account| (account.uid.clone(), account))
                .collect(),
            Err(error) => return Err(self.all_failed(due, error).await),
        };
        let mut done = Synced::default();
        let mut rest = due.iter();
        while let Some(due) = rest.next() {
            let account = found.get(&due.firebase_uid);
            let applied = self
                .apply(due.id, account, actor, &RequestSource::default())
                .await;
            if let Err(error) = applied {
                let ids: &Vec<Uuid> = &rest.map(|due| due.id.0).collect();
                run(self.directory.pool(), |mut connection| async move {
                    syncs::put_back(&mut connection, ids).await
                })
                .await?;
                return Err(error.into());
            }
            match account {
                Some(_) => done.synced = done.synced.saturating_add(1),
                None => done.missing = done.missing.saturating_add(1),
            }
        }
        Ok(done)
    }

    /// The stored issuer of the accounts that we manage: rows of others are left alone.
    pub(super) async fn managed_issuer(&self) -> Result<StoredIssuer, DatabaseError> {
        self.directory.stored_issuer(&self.firebase.issuer()).await
    }

    async fn all_failed(&self, due: &[Due], error: FirebaseError) -> AccountError {
        let ids: Vec<Uuid> = due.iter().map(|due| due.id.0).collect();
        match self.failed(&ids, error.code().as_str()).await {
            Ok(()) => error.into(),
            Err(error) => error.into(),
        }
    }

    /// Writes Firebase's facts about a user, `None` for an account that is gone. Answers the row, if there is one.
    async fn apply(
        &self,
        id: UserId,
        account: Option<&Account>,
        actor: &Actor,
        source: &RequestSource,
    ) -> Result<Option<UserRecord>, DatabaseError> {
        let name = account
            .and_then(|account| account.display_name.as_deref())
            .and_then(display_name);
        let facts = account.map(|account| facts(account, name.as_deref()));
        let facts = facts.as_ref();
        let record = run(self.directory.pool(), |mut connection| async move {
            accounts::sync(&mut connection, id, facts, actor, source).await
        })
        .await?;
        if account.is_some_and(|account| account.has_second_factor) {
            run(self.directory.pool(), |mut connection| async move {
                legacy_hash::set_aside(&mut connection, id, SetAside::SecondFactor).await
            })
            .await?;
        }
        if facts.is_some() {
            run(self.directory.pool(), |mut connection| async move {
                syncs::settled(&mut connection, &[id.0]).await
            })
            .await?;
        } else {
            self.failed(&[id.0], ACCOUNT_MISSING).await?;
        }
        Ok(record)
    }

    async fn failed(&self, ids: &[Uuid], code: &str) -> Result<(), DatabaseError> {
        run(self.directory.pool(), |mut connection| async move {
            syncs::failed(&mut connection, ids, code).await
        })
        .await
    }
}

impl Synced {
    fn add(&mut self, more: Self) {
        self.synced = self.synced.saturating_add(more.synced);
        self.missing = self.missing.saturating_add(more.missing);
        self.told = self.told.saturating_add(more.told);
    }
}

/// The size of one look-up.
fn page() -> i64 {
    i64::try_from(MAX_LOOKUP).unwrap_or(1)
}

/// How the address of an account may have been proven.
fn way(account: &Account) -> Way {
    if account.has_password {
        Way::Mail
    } else {
        Way::Provider
    }
}

/// The facts of an account that fit the table, with its name as the table can hold it.
fn facts<'a>(account: &'a Account, display_name: Option<&'a str>) -> FirebaseFacts<'a> {
    FirebaseFacts {
        email: account
            .email
            .as_deref()
            .filter(|email| email.chars().count() <= NormalizedEmail::MAX_BYTES),
        // A sign-in names its provider; an account shows only what it has now.
        proof: ownership::proof(
            account.email.is_some() && account.email_verified,
            way(account),
            Some(account.password_facts()),
        ),
        display_name,
        photo_url: account.photo_url.as_deref().filter(|url| is_web_address(url)),
        disabled: account.disabled,
    }
}
