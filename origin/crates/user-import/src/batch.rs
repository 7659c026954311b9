//! One batch: claim, look up, import, link.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use database::{DatabaseError, run};
use firebase::{AccountToImport, UID_EXISTS};
use shared::ids::UserId;
use tokio::time::Instant;
use users::rules::importable::{Importable, Obstacle, importable};
use users::statements::legacy_hash;
use users::statements::legacy_hash::SetAside;
use uuid::Uuid;

use super::lookup::Identifier;
use super::rules::{Action, Known};
use super::statements::{self, Claimed, LocalUser, Settlement};
use super::{ImportError, LEASE_SECONDS, MAX_ATTEMPTS, Report, UserImport};

/// How much time may pass between the renewal of a lease and its import. A process that paused for longer gives up: another process may
/// hold the lease when the import arrives.
const SEND_WITHIN: Duration = Duration::from_secs(5);
/// The row changed, or another process took the lease, while Firebase was asked.
const CHANGED: &str = "CHANGED_MEANWHILE";

/// The users of a batch, by the step that each needs.
#[derive(Default)]
struct Batch {
    candidates: Vec<(LocalUser, Importable)>,
    withdrawn: Vec<(UserId, Obstacle)>,
    settlements: Vec<Settlement>,
}

impl UserImport {
    /// Imports at most `limit` users; answers how many were taken.
    pub(super) async fn batch(&self, limit: i64, report: &mut Report) -> Result<usize, ImportError> {
        let (holder, share) = (self.holder.as_str(), self.share.basis_points());
        let claimed = run(self.directory.pool(), |mut connection| async move {
            statements::claim(&mut connection, holder, share, limit, LEASE_SECONDS).await
        })
        .await?;
        let taken: Vec<Uuid> = claimed.iter().map(|claimed| claimed.id.0).collect();
        if taken.is_empty() {
            return Ok(0);
        }
        let outcome = self.bring(claimed, report).await;
        if let Err(error) = &outcome {
            // Settled users are no longer ours and stay as they are. If this call fails too, the leases expire.
            let _best_effort = self.release(&taken, error.code(), false).await;
        }
        outcome.map(|()| taken.len())
    }

    async fn bring(&self, claimed: Vec<Claimed>, report: &mut Report) -> Result<(), ImportError> {
        let mut batch = sort(claimed, self.max_cost, report);
        let known = self.look_up(&identifiers(&batch)).await?;
        self.withdraw(&mut batch, &known, report).await?;
        let (mut to_import, mut to_replace, mut to_link) = (Vec::new(), Vec::new(), Vec::new());
        let mut addresses = HashSet::new();
        for (user, importable) in std::mem::take(&mut batch.candidates) {
            if !addresses.insert(importable.email.clone()) {
                batch.fail(user.id, Obstacle::DuplicateEmail.code().to_owned(), report);
                continue;
            }
            match known.action(user.id, &importable.email) {
                Action::Import => to_import.push((user, importable)),
                Action::Replace => to_replace.push((user, importable)),
                Action::Link => to_link.push(user),
                Action::Conflict => batch.fail(user.id, "EMAIL_EXISTS".to_owned(), report),
            }
        }
        for (users, replace) in [(to_import, false), (to_replace, true)] {
            let imported = self.import(users, replace, &mut batch, report).await?;
            let linked = self.link(&imported, "imported", report).await?;
            report.imported = report.imported.saturating_add(linked);
        }
        let linked = self.link(&to_link, "found", report).await?;
        report.found = report.found.saturating_add(linked);
        for user in to_link.iter().filter(|user| known.has_factor(user.id)) {
            let id = user.id;
            run(self.directory.pool(), |mut connection| async move {
                legacy_hash::set_aside(&mut connection, id, SetAside::SecondFactor).await
            })
            .await?;
        }
        self.settle(&batch.settlements).await?;
        Ok(())
    }

    /// Users who cannot be imported after all. An account from an earlier attempt that no user has used is deleted.
    async fn withdraw(
        &self,
        batch: &mut Batch,
        known: &Known,
        report: &mut Report,
    ) -> Result<(), ImportError> {
        for (id, obstacle) in std::mem::take(&mut batch.withdrawn) {
            if known.is_untouched(id) {
                self.pace.turn().await;
                self.firebase.delete_account(&id.to_string()).await?;
            }
            count(&mut report.skipped, obstacle.code());
            batch.settlements.push(Settlement {
                id,
                state: "skipped",
                result: obstacle.code().to_owned(),
            });
        }
        Ok(())
    }

    /// Imports; answers the imported users.
    async fn import(
        &self,
        users: Vec<(LocalUser, Importable)>,
        replace: bool,
        batch: &mut Batch,
        report: &mut Report,
    ) -> Result<Vec<LocalUser>, ImportError> {
        if users.is_empty() {
            return Ok(Vec::new());
        }
        self.pace.turn().await;
        let renewed_at = Instant::now();
        let rows: Vec<LocalUser> = users.iter().map(|(user, _)| user.clone()).collect();
        let (holder, seen) = (self.holder.as_str(), &rows);
        let renewed = run(self.directory.pool(), |mut connection| async move {
            statements::renew(&mut connection, holder, seen, LEASE_SECONDS).await
        });
        let renewed: HashSet<Uuid> = renewed.await?.into_iter().collect();
        let in_time = renewed_at.elapsed() < SEND_WITHIN;
        let (ours, lost): (Vec<_>, Vec<_>) = users
            .into_iter()
            .partition(|(user, _)| in_time && renewed.contains(&user.id.0));
        self.give_back(lost.iter().map(|(user, _)| user.id.0).collect(), report)
            .await?;
        if ours.is_empty() {
            return Ok(Vec::new());
        }
        let accounts: Vec<AccountToImport> = ours
            .iter()
            .map(|(user, importable)| account(user, importable))
            .collect();
        let refused: BTreeMap<usize, String> = self
            .firebase
            .import_accounts(&accounts, replace)
            .await?
            .into_iter()
            .collect();
        let mut imported = Vec::with_capacity(ours.len());
        let mut again = Vec::new();
        for (place, (user, _)) in ours.into_iter().enumerate() {
            match refused.get(&place) {
                Some(code) if code == UID_EXISTS => again.push(user.id.0),
                Some(code) => batch.fail(user.id, code.clone(), report),
                None => imported.push(user),
            }
        }
        self.give_back(again, report).await?;
        Ok(imported)
    }

    /// Links, and answers how many; a user with a changed row is tried again.
    async fn link(&self, users: &[LocalUser], result: &str, report: &mut Report) -> Result<u64, ImportError> {
        if users.is_empty() {
            return Ok(0);
        }
        let (holder, actor) = (self.holder.as_str(), &self.actor);
        let issuer = &self.directory.stored_issuer(&self.firebase.issuer()).await?;
        let linked = run(self.directory.pool(), |mut connection| async move {
            statements::link(&mut connection, holder, users, issuer, result, actor).await
        });
        let linked: HashSet<Uuid> = linked.await?.into_iter().collect();
        let changed = users
            .iter()
            .map(|user| user.id.0)
            .filter(|id| !linked.contains(id))
            .collect();
        self.give_back(changed, report).await?;
        Ok(u64::try_from(linked.len()).unwrap_or(u64::MAX))
    }

    async fn give_back(&self, ids: Vec<Uuid>, report: &mut Report) -> Result<(), DatabaseError> {
        if ids.is_empty() {
            return Ok(());
        }
        report.retried = report
            .retried
            .saturating_add(u64::try_from(ids.len()).unwrap_or(u64::MAX));
        self.release(&ids, CHANGED, true).await
    }

    async fn release(&self, ids: &[Uuid], result: &str, counts: bool) -> Result<(), DatabaseError> {
        let holder = self.holder.as_str();
        run(self.directory.pool(), |mut connection| async move {
            statements::release(&mut connection, holder, ids, result, counts, MAX_ATTEMPTS).await
        })
        .await
    }

    async fn settle(&self, settlements: &[Settlement]) -> Result<(), DatabaseError> {
        if settlements.is_empty() {
            return Ok(());
        }
        let holder = self.holder.as_str();
        run(self.directory.pool(), |mut connection| async move {
            statements::settle(&mut connection, holder, settlements).await
        })
        .await
    }
}

impl Batch {
    fn fail(&mut self, id: UserId, code: String, report: &mut Report) {
        count(&mut report.failed, &code);
        self.settlements.push(Settlement {
            id,
            state: "failed",
            result: code,
        });
    }
}

/// Rows may have changed since the preflight: each is judged again.
fn sort(claimed: Vec<Claimed>, max_cost: u32, report: &mut Report) -> Batch {
    let mut batch = Batch::default();
    for Claimed { id, user, linked } in claimed {
        let Some(user) = user else {
            if linked {
                report.moved_elsewhere = report.moved_elsewhere.saturating_add(1);
                batch.settlements.push(Settlement {
                    id,
                    state: "done",
                    result: "elsewhere".to_owned(),
                });
            } else {
                batch.withdrawn.push((id, Obstacle::Gone));
            }
            continue;
        };
        match importable(user.email.as_deref(), user.password_hash.as_deref(), max_cost) {
            Ok(importable) => batch.candidates.push((user, importable)),
            Err(obstacle) => batch.withdrawn.push((id, obstacle)),
        }
    }
    batch
}

fn identifiers(batch: &Batch) -> Vec<Identifier> {
    let uids = batch
        .candidates
        .iter()
        .map(|(user, _)| user.id)
        .chain(batch.withdrawn.iter().map(|(id, _)| *id))
        .map(|id| Identifier::Uid(id.to_string()));
    let emails = batch
        .candidates
        .iter()
        .map(|(_, importable)| Identifier::Email(importable.email.as_str().to_owned()));
    uids.chain(emails).collect()
}

fn account(user: &LocalUser, importable: &Importable) -> AccountToImport {
    AccountToImport {
        uid: user.id.to_string(),
        email: importable.email.as_str().to_owned(),
        email_verified: user.email_verified,
        display_name: user.display_name.clone(),
        disabled: !user.is_active,
        bcrypt_hash: importable.bcrypt_hash.clone(),
    }
}

fn count(counts: &mut BTreeMap<String, u64>, what: &str) {
    let count = counts.entry(what.to_owned()).or_default();
    *count = count.saturating_add(1);
}
