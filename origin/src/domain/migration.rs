//! Who can be brought to Firebase with their password, who cannot, and what is to be done given what Firebase has already.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use shared::ids::{NormalizedEmail, UserId};
use shared::rollout::{Bucket, RolloutKey};

use super::bcrypt_hash::{BcryptHash, UnusableHash};

/// A person who can be imported with the hash of their password.
#[derive(Clone, PartialEq, Eq)]
pub struct Importable {
    /// Their address.
    pub email: NormalizedEmail,
    /// The whole bcrypt string, prefix and salt included, in a spelling that Firebase reads.
    pub bcrypt_hash: String,
}

impl std::fmt::Debug for Importable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Importable").finish_non_exhaustive()
    }
}

/// Why somebody is not imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Obstacle {
    /// The account was closed: its address is `deleted_<epoch>_<address>`.
    Deleted,
    /// Their row is gone.
    Gone,
    /// There is no address.
    NoEmail,
    /// The address is none.
    InvalidEmail,
    /// Several rows have the address, told apart by case or white space alone. Somebody has to say whose it is.
    DuplicateEmail,
    /// There is no bcrypt hash: no password, a placeholder, or another algorithm.
    NoBcryptHash,
    /// The hash costs more than `BCRYPT_MAX_COST`: a check of it would hold up everybody.
    HashTooCostly,
}

impl Obstacle {
    /// The stable code, as stored and reported.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Deleted => "DELETED",
            Self::Gone => "GONE",
            Self::NoEmail => "NO_EMAIL",
            Self::InvalidEmail => "INVALID_EMAIL",
            Self::DuplicateEmail => "DUPLICATE_EMAIL",
            Self::NoBcryptHash => "NO_BCRYPT_HASH",
            Self::HashTooCostly => "HASH_TOO_COSTLY",
        }
    }
}

/// Whether somebody with this address and hash, of at most `max_cost`, can be imported.
///
/// # Errors
/// The [`Obstacle`].
pub fn importable(
    email: Option<&str>,
    password_hash: Option<&str>,
    max_cost: u32,
) -> Result<Importable, Obstacle> {
    let email = email.ok_or(Obstacle::NoEmail)?;
    if is_deleted(email) {
        return Err(Obstacle::Deleted);
    }
    let email = NormalizedEmail::parse(email).map_err(|_| Obstacle::InvalidEmail)?;
    let stored = password_hash.ok_or(Obstacle::NoBcryptHash)?;
    let hash = BcryptHash::parse(stored, max_cost).map_err(|unusable| match unusable {
        UnusableHash::NotBcrypt => Obstacle::NoBcryptHash,
        UnusableHash::TooCostly { .. } => Obstacle::HashTooCostly,
    })?;
    Ok(Importable {
        email,
        bcrypt_hash: hash.for_firebase(),
    })
}

/// What the preflight report calls this hash: its prefix, or why it is no bcrypt hash.
#[must_use]
pub fn hash_kind(password_hash: Option<&str>) -> &'static str {
    match password_hash {
        None => "none",
        Some(hash) if BcryptHash::parse(hash, u32::MAX).is_err() => "other",
        Some(hash) if hash.starts_with("$2a$") => "bcrypt $2a$",
        Some(hash) if hash.starts_with("$2y$") => "bcrypt $2y$",
        Some(_) => "bcrypt $2b$",
    }
}

/// A person's place in the order in which people move: the edge's own, so that a share means the same people on both sides.
#[must_use]
pub fn bucket(group: &str, email: Option<&str>, id: UserId) -> Bucket {
    let email = email.and_then(|email| NormalizedEmail::parse(email).ok());
    match &email {
        Some(email) => Bucket::of(group, RolloutKey::Email(email)),
        None => Bucket::of(group, RolloutKey::Id(&id.to_string())),
    }
}

/// As the legacy service closes accounts.
fn is_deleted(email: &str) -> bool {
    email
        .strip_prefix("deleted_")
        .and_then(|rest| rest.split_once('_'))
        .is_some_and(|(epoch, _)| !epoch.is_empty() && epoch.bytes().all(|byte| byte.is_ascii_digit()))
}

/// What Firebase has of the people of one batch.
#[derive(Debug, Default)]
pub struct Known {
    /// Whether the account of this uid was ever signed in to.
    signed_in: BTreeMap<String, bool>,
    /// Who has this address. Firebase's import makes a second account with an address without asking, hence several.
    owners: BTreeMap<String, BTreeSet<String>>,
    /// Which accounts have a second factor.
    factors: BTreeSet<String>,
}

impl Known {
    /// Adds an account.
    pub fn add(&mut self, uid: &str, email: Option<&str>, signed_in: bool) {
        self.signed_in.insert(uid.to_owned(), signed_in);
        if let Some(email) = email {
            let owners = self.owners.entry(email.to_lowercase()).or_default();
            owners.insert(uid.to_owned());
        }
    }

    /// Notes that the account has a second factor.
    pub fn add_factor(&mut self, uid: &str) {
        self.factors.insert(uid.to_owned());
    }

    /// Whether the account under our id has a second factor, for which the legacy service would not ask.
    #[must_use]
    pub fn has_factor(&self, id: UserId) -> bool {
        self.factors.contains(&id.to_string())
    }

    /// Whether there is an account of ours (its uid is the row's id) that nobody has signed in to.
    #[must_use]
    pub fn is_untouched(&self, id: UserId) -> bool {
        self.signed_in.get(&id.to_string()) == Some(&false)
    }

    /// What to do with the person `id` who has `email`.
    #[must_use]
    pub fn action(&self, id: UserId, email: &NormalizedEmail) -> Action {
        let uid = id.to_string();
        match self.signed_in.get(&uid) {
            // Importing again would undo whatever has been done with the account since, a new password first of all.
            Some(true) => Action::Link,
            // Made by an attempt that got no further. The row may have a newer password than it.
            Some(false) => Action::Replace,
            None if self.owners.contains_key(email.as_str()) => Action::Conflict,
            None => Action::Import,
        }
    }
}

/// What to do with a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Import the account and link the row.
    Import,
    /// Import the account in place of ours, which nobody has used yet, and link the row.
    Replace,
    /// The account is there and in use: link the row, no more.
    Link,
    /// Another account has the address: importing would make a second one.
    Conflict,
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::super::bcrypt_hash::MAX_COST;
    use super::*;

    const DIGEST: &str = "N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy";

    #[test]
    fn whole_bcrypt_strings_are_importable() {
        for (stored, imported) in [
            (format!("$2a$04${DIGEST}"), format!("$2a$04${DIGEST}")),
            (format!("$2b$10${DIGEST}"), format!("$2b$10${DIGEST}")),
            (format!("$2y$14${DIGEST}"), format!("$2b$14${DIGEST}")),
        ] {
            let person = importable(Some(" Ada@Example.org "), Some(&stored), MAX_COST).unwrap();
            assert_eq!(person.bcrypt_hash, imported);
            assert_eq!(person.email.as_str(), "ada@example.org");
        }
    }

    #[test]
    fn everything_else_names_its_obstacle() {
        let good = format!("$2b$10${DIGEST}");
        let good = Some(good.as_str());
        for (email, hash, obstacle) in [
            (Some("deleted_1760000000_a@b.de"), good, Obstacle::Deleted),
            (None, good, Obstacle::NoEmail),
            (Some("nobody"), good, Obstacle::InvalidEmail),
            (Some("a@b.de"), None, Obstacle::NoBcryptHash),
            (Some("a@b.de"), Some("!"), Obstacle::NoBcryptHash),
            (Some("a@b.de"), Some("$argon2id$v=19$x"), Obstacle::NoBcryptHash),
            (
                Some("a@b.de"),
                Some(&*format!("$2x$10${DIGEST}")),
                Obstacle::NoBcryptHash,
            ),
            (
                Some("a@b.de"),
                Some(&*format!("$2b$03${DIGEST}")),
                Obstacle::NoBcryptHash,
            ),
            (
                Some("a@b.de"),
                Some(&*format!("$2b$10${DIGEST}x")),
                Obstacle::NoBcryptHash,
            ),
            (
                Some("a@b.de"),
                Some(&*format!("$2b$+4${DIGEST}")),
                Obstacle::NoBcryptHash,
            ),
            (
                Some("a@b.de"),
                Some(&*format!("$2b$15${DIGEST}")),
                Obstacle::HashTooCostly,
            ),
        ] {
            assert_eq!(
                importable(email, hash, MAX_COST).unwrap_err(),
                obstacle,
                "{email:?}"
            );
        }
        // An address that only looks like one of a closed account.
        assert!(importable(Some("deleted_scenes@b.de"), good, MAX_COST).is_ok());
    }

    #[test]
    fn a_share_means_the_same_people_as_at_the_edge() {
        let id = UserId(Uuid::from_u128(7));
        let email = NormalizedEmail::parse("ada@example.org").unwrap();
        assert_eq!(
            bucket("auth-v2", Some(" ADA@example.org"), id),
            Bucket::of("auth-v2", RolloutKey::Email(&email))
        );
        assert_eq!(
            bucket("auth-v2", None, id),
            Bucket::of("auth-v2", RolloutKey::Id(&id.to_string()))
        );
    }

    #[test]
    fn an_account_in_use_is_never_replaced_and_an_address_never_doubled() {
        let id = UserId(Uuid::from_u128(1));
        let email = NormalizedEmail::parse("ada@example.org").unwrap();
        let known = |accounts: &[(&str, &str, bool)]| {
            let mut known = Known::default();
            for (uid, email, signed_in) in accounts {
                known.add(uid, Some(email), *signed_in);
            }
            known
        };
        let ours = id.to_string();
        for (accounts, action) in [
            (vec![], Action::Import),
            (vec![(ours.as_str(), "ada@example.org", false)], Action::Replace),
            (vec![(ours.as_str(), "ada@example.org", true)], Action::Link),
            (vec![(ours.as_str(), "new@example.org", true)], Action::Link),
            (vec![("other", "Ada@example.org", false)], Action::Conflict),
            (vec![("other", "bob@example.org", true)], Action::Import),
        ] {
            assert_eq!(known(&accounts).action(id, &email), action, "{accounts:?}");
        }
        assert!(known(&[(&ours, "a@b.de", false)]).is_untouched(id));
        assert!(!known(&[(&ours, "a@b.de", true)]).is_untouched(id));
        assert!(!known(&[]).is_untouched(id));
    }
}
