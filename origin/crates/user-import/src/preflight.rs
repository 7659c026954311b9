//! The preflight: which users an import would take, the obstacles of the others, and the accounts that Firebase has already.

use std::collections::{BTreeMap, HashSet};

use database::run;
use firebase::MAX_LOOKUP;
use serde::Serialize;
use shared::ids::UserId;
use users::rules::importable::{Obstacle, hash_kind, importable};
use uuid::Uuid;

use super::lookup::Identifier;
use super::rules::{Action, bucket};
use super::statements::{self, Entry, LocalUser, looks};
use super::{ImportError, Looking, UserImport};

/// The rows of one read.
const PAGE: i64 = 5000;
/// How many users with a too costly hash are listed.
const NAMED: usize = 100;

/// The result of a preflight. Counts are of users without a Firebase account, unless a field says otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Preflight {
    /// Whether an earlier run had already checked a part of the users: the counts are of the rest.
    pub is_rest: bool,
    /// All users by provider: `local` may be imported, `hybrid` were, `firebase` registered there.
    pub users: BTreeMap<String, i64>,
    /// Importable and in the share.
    pub importable: u64,
    /// Importable once the share is raised.
    pub outside_share: u64,
    /// Not importable, by reason, in any share.
    pub obstacles: BTreeMap<&'static str, u64>,
    /// The first of those with a hash that is too costly to check: an operator must look at each.
    pub too_costly: Vec<UserId>,
    /// Users by kind of hash.
    pub hash_kinds: BTreeMap<&'static str, u64>,
    /// Of the importable: administrators and other privileged users.
    pub privileged: u64,
    /// Of the importable: deactivated; their accounts will be disabled.
    pub disabled: u64,
    /// Of the importable: those with an account at Firebase under our id.
    pub in_firebase: u64,
    /// Of those: with a second factor. They are linked and not replaced, and the legacy service no longer accepts their password.
    pub second_factors: u64,
    /// Of the importable: those with an address that another account at Firebase has. They will fail.
    pub address_taken: u64,
}

impl UserImport {
    /// Checks users, and queues those of the share unless it is a dry run. Every page records the progress: a killed run can be resumed.
    ///
    /// # Errors
    /// [`ImportError`].
    pub async fn preflight(&self, looking: Looking) -> Result<Preflight, ImportError> {
        let (group, share) = (self.group.as_str(), self.share.basis_points());
        let mut after = None;
        match looking {
            Looking::Dry => {}
            Looking::Anew => {
                run(self.directory.pool(), |mut connection| async move {
                    looks::begin(&mut connection, group, share).await
                })
                .await?;
            }
            Looking::After(looked_to) => after = looked_to,
        }
        let enqueue = looking != Looking::Dry;
        let mut found = Preflight {
            is_rest: after.is_some(),
            users: run(self.directory.pool(), |mut connection| async move {
                statements::users_by_provider(&mut connection).await
            })
            .await?,
            ..Preflight::default()
        };
        let sharing = run(self.directory.pool(), |mut connection| async move {
            statements::sharing_an_address(&mut connection).await
        });
        let sharing: HashSet<Uuid> = sharing.await?.into_iter().collect();
        loop {
            let page = run(self.directory.pool(), |mut connection| async move {
                statements::local_users(&mut connection, after, PAGE).await
            })
            .await?;
            let Some(last) = page.last().map(|user| user.id) else {
                break;
            };
            after = Some(last);
            self.preflight_page(&page, &sharing, enqueue, &mut found).await?;
            if enqueue {
                run(self.directory.pool(), |mut connection| async move {
                    looks::advance(&mut connection, group, share, last).await
                })
                .await?;
            }
        }
        if enqueue {
            run(self.directory.pool(), |mut connection| async move {
                looks::finish(&mut connection, group, share).await
            })
            .await?;
        }
        Ok(found)
    }

    async fn preflight_page(
        &self,
        page: &[LocalUser],
        sharing: &HashSet<Uuid>,
        enqueue: bool,
        found: &mut Preflight,
    ) -> Result<(), ImportError> {
        let mut entries = Vec::with_capacity(page.len());
        let mut cohort = Vec::new();
        for user in page {
            count(&mut found.hash_kinds, hash_kind(user.password_hash.as_deref()));
            let bucket = bucket(&self.group, user.email.as_deref(), user.id);
            let (email, hash) = (user.email.as_deref(), user.password_hash.as_deref());
            let obstacle = match importable(email, hash, self.max_cost) {
                Ok(_) if sharing.contains(&user.id.0) => Some(Obstacle::DuplicateEmail),
                Ok(importable) => {
                    if bucket.is_within(self.share) {
                        found.add(user);
                        cohort.push((user.id, importable.email));
                    } else {
                        found.outside_share = found.outside_share.saturating_add(1);
                    }
                    None
                }
                Err(obstacle) => Some(obstacle),
            };
            if let Some(obstacle) = obstacle {
                count(&mut found.obstacles, obstacle.code());
                if obstacle == Obstacle::HashTooCostly && found.too_costly.len() < NAMED {
                    found.too_costly.push(user.id);
                }
            }
            if bucket.is_within(self.share) {
                entries.push(Entry {
                    id: user.id,
                    bucket: bucket.number(),
                    obstacle: obstacle.map(Obstacle::code),
                });
            }
        }
        for some in cohort.chunks(MAX_LOOKUP.saturating_mul(20)) {
            let addresses: Vec<Identifier> = some
                .iter()
                .map(|(_, email)| Identifier::Email(email.as_str().to_owned()))
                .collect();
            let known = self.look_up(&addresses).await?;
            for (id, email) in some {
                if known.has_factor(*id) {
                    found.second_factors = found.second_factors.saturating_add(1);
                }
                match known.action(*id, email) {
                    Action::Conflict => found.address_taken = found.address_taken.saturating_add(1),
                    Action::Link | Action::Replace => {
                        found.in_firebase = found.in_firebase.saturating_add(1);
                    }
                    Action::Import => {}
                }
            }
        }
        if enqueue && !entries.is_empty() {
            let entries = &entries;
            run(self.directory.pool(), |mut connection| async move {
                statements::enqueue(&mut connection, entries).await
            })
            .await?;
        }
        Ok(())
    }
}

impl Preflight {
    fn add(&mut self, user: &LocalUser) {
        self.importable = self.importable.saturating_add(1);
        if user.user_type != "user" {
            self.privileged = self.privileged.saturating_add(1);
        }
        if !user.is_active {
            self.disabled = self.disabled.saturating_add(1);
        }
    }
}

fn count(counts: &mut BTreeMap<&'static str, u64>, what: &'static str) {
    let count = counts.entry(what).or_default();
    *count = count.saturating_add(1);
}
