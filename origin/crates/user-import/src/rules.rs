//! The order in which users move to Firebase, and the step that each user needs.

use std::collections::{BTreeMap, BTreeSet};

use shared::ids::{NormalizedEmail, UserId};
use shared::rollout::{Bucket, RolloutKey};

/// A user's bucket in the order of the move: the edge's own; a share means the same users on both sides.
#[must_use]
pub fn bucket(group: &str, email: Option<&str>, id: UserId) -> Bucket {
    let email = email.and_then(|email| NormalizedEmail::parse(email).ok());
    match &email {
        Some(email) => Bucket::of(group, RolloutKey::Email(email)),
        None => Bucket::of(group, RolloutKey::Id(&id.to_string())),
    }
}

/// Firebase's accounts for the users of one batch.
#[derive(Debug, Default)]
pub struct Known {
    /// Whether the account of this uid has had a sign-in.
    signed_in: BTreeMap<String, bool>,
    /// The accounts with this address. Firebase's import makes a second account with an address without asking, hence several.
    owners: BTreeMap<String, BTreeSet<String>>,
    /// The accounts with a second factor.
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

    /// Records that the account has a second factor.
    pub fn add_factor(&mut self, uid: &str) {
        self.factors.insert(uid.to_owned());
    }

    /// Whether the account under our id has a second factor, which the legacy service would not require.
    #[must_use]
    pub fn has_factor(&self, id: UserId) -> bool {
        self.factors.contains(&id.to_string())
    }

    /// Whether there is an account of ours (its uid is the row's id) without a sign-in.
    #[must_use]
    pub fn is_untouched(&self, id: UserId) -> bool {
        self.signed_in.get(&id.to_string()) == Some(&false)
    }

    /// The step that the user `id` with `email` needs.
    #[must_use]
    pub fn action(&self, id: UserId, email: &NormalizedEmail) -> Action {
        let uid = id.to_string();
        match self.signed_in.get(&uid) {
            // A second import would undo all changes to the account since, above all a new password.
            Some(true) => Action::Link,
            // An interrupted attempt made it. The row may have a newer password.
            Some(false) => Action::Replace,
            None if self.owners.contains_key(email.as_str()) => Action::Conflict,
            None => Action::Import,
        }
    }
}

/// The step that a user needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Import the account and link the row.
    Import,
    /// Import the account in place of ours, which no user has used yet, and link the row.
    Replace,
    /// The account exists and is in use: only link the row.
    Link,
    /// Another account has the address: an import would make a second one.
    Conflict,
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn share_means_the_same_users_as_at_the_edge() {
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
    fn account_in_use_is_never_replaced_nor_its_address_doubled() {
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
