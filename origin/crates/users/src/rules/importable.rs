//! Whether a legacy user can be imported into Firebase with their password.

use serde::Serialize;
use shared::ids::NormalizedEmail;

use super::bcrypt_hash::{BcryptHash, UnusableHash};

/// A user who can be imported with the hash of their password.
#[derive(Clone, PartialEq, Eq)]
pub struct Importable {
    /// Their address.
    pub email: NormalizedEmail,
    /// The whole bcrypt string, prefix and salt included, in a form that Firebase reads.
    pub bcrypt_hash: String,
}

impl std::fmt::Debug for Importable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Importable").finish_non_exhaustive()
    }
}

/// Why a user is not imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Obstacle {
    /// The account was closed: its address is `deleted_<epoch>_<address>`.
    Deleted,
    /// The row is gone.
    Gone,
    /// There is no address.
    NoEmail,
    /// The address is invalid.
    InvalidEmail,
    /// Several rows have the address, apart from case or white space. An operator must decide which user owns it.
    DuplicateEmail,
    /// There is no bcrypt hash: no password, a placeholder, or another algorithm.
    NoBcryptHash,
    /// The hash costs more than `BCRYPT_MAX_COST`: a check would delay all other users.
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

/// Whether a user with this address and hash, with a cost of at most `max_cost`, can be imported.
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

/// The name of this hash in the preflight report: its prefix, or why it is not a bcrypt hash.
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

/// Whether the legacy service has closed the account of this address.
fn is_deleted(email: &str) -> bool {
    email
        .strip_prefix("deleted_")
        .and_then(|rest| rest.split_once('_'))
        .is_some_and(|(epoch, _)| !epoch.is_empty() && epoch.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
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
            let user = importable(Some(" Ada@Example.org "), Some(&stored), MAX_COST).unwrap();
            assert_eq!(user.bcrypt_hash, imported);
            assert_eq!(user.email.as_str(), "ada@example.org");
        }
    }

    #[test]
    fn unimportable_users_name_their_obstacle() {
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
}
