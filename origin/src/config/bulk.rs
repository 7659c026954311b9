//! The configuration of commands about many users: no HTTP, no tokens.

use database::DatabaseConfig;
use firebase::FirebaseConfig;
use shared::config::{Faults, Lookup, Reader};
use shared::routing::read_policy;
use shared::token::TokenPolicy;

/// The configuration of commands about many users.
#[derive(Debug, Clone)]
pub struct BulkConfig {
    /// The database.
    pub database: DatabaseConfig,
    /// Firebase's account services.
    pub firebase: FirebaseConfig,
    /// `ROLLOUT_GROUP`, equal to the edge's: with another group the same share means other users.
    pub rollout_group: String,
    /// The highest cost of a hash that is imported.
    pub bcrypt_max_cost: u32,
}

impl BulkConfig {
    /// Reads everything from `lookup`.
    ///
    /// # Errors
    /// [`Faults`] naming every bad variable; missing credentials for Firebase's account services are among them.
    pub fn read(lookup: &dyn Lookup) -> Result<Self, Faults> {
        let mut reader = Reader::new(lookup);
        let database = DatabaseConfig::read(&mut reader);
        let tokens = TokenPolicy::read(&mut reader);
        let firebase = FirebaseConfig::read(&mut reader, tokens.as_ref());
        if firebase
            .as_ref()
            .is_some_and(|firebase| firebase.emulator.is_none() && firebase.source.is_none())
        {
            reader.fault(
                "FIREBASE_CLIENT_EMAIL",
                "is required (or GOOGLE_APPLICATION_CREDENTIALS, or FIREBASE_CREDENTIALS=metadata): accounts are managed by a service account",
            );
        }
        let (policy, faults) = read_policy(lookup, true);
        for fault in faults.into_iter().flat_map(|faults| faults.0) {
            reader.fault(&fault.name, fault.reason);
        }
        let bcrypt_max_cost = super::bcrypt::max_cost(&mut reader);
        let value = (|| {
            Some(Self {
                database: database?,
                firebase: firebase?,
                rollout_group: policy.group,
                bcrypt_max_cost,
            })
        })();
        reader.finish(value)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn every_bad_variable_is_named() {
        let table: BTreeMap<String, String> = [
            ("DATABASE_URL", "mysql://x"),
            ("FIREBASE_PROJECT_ID", "demo-app"),
            ("ROLLOUT_GROUP", "not a group"),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
        let faults = BulkConfig::read(&table).unwrap_err();
        let mut names = faults.names();
        names.sort_unstable();
        assert_eq!(names, ["DATABASE_URL", "FIREBASE_CLIENT_EMAIL", "ROLLOUT_GROUP"]);
    }
}
