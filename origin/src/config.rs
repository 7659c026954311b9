//! The origin's configuration: read in one pass, complete or not at all.

mod bulk;
mod dotenv;
mod listen;
mod log;
mod traces;

use std::num::NonZeroUsize;

use database::DatabaseConfig;
use firebase::FirebaseConfig;
use limits::LimitsConfig;
use shared::assertion::AssertionKeys;
use shared::config::{self, Faults, Lookup, Reader};
use shared::service_keys::ServiceKeys;
use shared::token::{Environment, KeyUrls, TokenPolicy};
use users::rules::bcrypt_hash::MAX_COST;
use users::{LegacySession, OwnershipNotices};

pub use bulk::BulkConfig;
pub use dotenv::{DotenvError, process_environment};
pub use listen::ListenConfig;
pub use log::{LogConfig, LogFormat};
pub use traces::TracesConfig;

/// The largest welcome grant, in tokens: a slip of the keyboard must not give everyone a fortune.
const MAX_WELCOME_TOKENS: i64 = 1_000_000;
/// A day: most clients call within one of signing in, and a token that leaks later brings no session.
const LEGACY_EXCHANGE_MAX_AGE: i64 = 24 * 3_600;
/// No token of the legacy service is good for longer.
const MAX_LEGACY_EXCHANGE_MAX_AGE: i64 = 366 * 24 * 3_600;
/// How many verified tokens are remembered when nothing else is said: about 8 MiB when full.
const VERIFIED_TOKENS: usize = 4096;

/// Everything `origin serve` needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where this deployment stands.
    pub environment: Environment,
    /// Where to listen.
    pub listen: ListenConfig,
    /// The database and how to use it.
    pub database: DatabaseConfig,
    /// How to log.
    pub log: LogConfig,
    /// Where traces go, if anywhere.
    pub traces: Option<TracesConfig>,
    /// Which tokens are accepted when a service calls without going through the edge.
    pub tokens: TokenPolicy,
    /// How to reach Firebase's account services.
    pub firebase: FirebaseConfig,
    /// What the legacy contract answers as `token`.
    pub legacy_session: LegacySession,
    /// Where the issuer's keys are fetched from.
    pub key_urls: KeyUrls,
    /// How many verified tokens are remembered.
    pub verified_tokens: NonZeroUsize,
    /// The keys that open the edge's assertions.
    pub assertion_keys: AssertionKeys,
    /// The services that may call the internal routes.
    pub service_keys: ServiceKeys,
    /// Tokens a new user starts with; 0 grants none.
    pub welcome_tokens: i32,
    /// The cost of new password hashes: 2^cost rounds.
    pub bcrypt_cost: u32,
    /// How old a token of the legacy service may be to be exchanged for a session, in seconds; 0 exchanges none.
    pub legacy_exchange_max_age: i64,
    /// The cost above which stored password hashes are not checked.
    pub bcrypt_max_cost: u32,
    /// How often may be called and guessed.
    pub limits: LimitsConfig,
    /// Who mails users that their account's ownership changed, if anybody.
    pub ownership_notices: Option<OwnershipNotices>,
}

impl Config {
    /// Reads everything from `lookup`.
    ///
    /// # Errors
    /// [`Faults`] naming every bad variable, none of them with its value.
    pub fn read(lookup: &dyn Lookup) -> Result<Self, Faults> {
        let mut reader = Reader::new(lookup);
        let environment = Environment::read(&mut reader);
        let listen = ListenConfig::read(&mut reader, environment);
        let database = DatabaseConfig::read(&mut reader);
        let log = LogConfig::read(&mut reader, environment);
        let traces = TracesConfig::read(&mut reader);
        let tokens = TokenPolicy::read(&mut reader);
        let firebase = FirebaseConfig::read(&mut reader, tokens.as_ref());
        let legacy_session = LegacySession::read(&mut reader, tokens.as_ref());
        let key_urls = KeyUrls::read(&mut reader);
        let verified_tokens = reader.or("VERIFIED_TOKENS", VERIFIED_TOKENS, |text| {
            config::whole_number(text, 1..=1_000_000).map(|number| usize::try_from(number).unwrap_or(1))
        });
        let assertion_keys = reader.required("ORIGIN_ASSERTION_KEYS", AssertionKeys::parse);
        let service_keys = reader.or(
            "INTERNAL_SERVICE_KEYS",
            ServiceKeys::default(),
            ServiceKeys::parse,
        );
        let welcome_tokens = reader.or("WELCOME_TOKENS", 3, |text| {
            config::whole_number(text, 0..=MAX_WELCOME_TOKENS)
                .map(|number| i32::try_from(number).unwrap_or(0))
        });
        let bcrypt_cost = reader.or("BCRYPT_ROUNDS", 10, |text| {
            config::whole_number(text, 4..=15).map(|number| u32::try_from(number).unwrap_or(10))
        });
        let legacy_exchange_max_age = reader.or(
            "LEGACY_EXCHANGE_MAX_AGE_SECONDS",
            LEGACY_EXCHANGE_MAX_AGE,
            |text| config::whole_number(text, 0..=MAX_LEGACY_EXCHANGE_MAX_AGE),
        );
        let bcrypt_max_cost = bcrypt_max_cost(&mut reader);
        if bcrypt_cost > bcrypt_max_cost {
            reader.fault("BCRYPT_MAX_COST", "is less than BCRYPT_ROUNDS");
        }
        let limits = LimitsConfig::read(&mut reader, environment);
        let ownership_notices = OwnershipNotices::read(&mut reader);
        let value = (|| {
            Some(Self {
                environment,
                listen,
                database: database?,
                log,
                traces,
                tokens: tokens?,
                firebase: firebase?,
                legacy_session,
                key_urls,
                verified_tokens: NonZeroUsize::new(verified_tokens)?,
                assertion_keys: assertion_keys?,
                service_keys,
                welcome_tokens,
                bcrypt_cost,
                legacy_exchange_max_age,
                bcrypt_max_cost,
                limits,
                ownership_notices,
            })
        })();
        reader.finish(value)
    }
}

/// The cost above which stored password hashes are neither checked nor imported.
fn bcrypt_max_cost(reader: &mut Reader<'_>) -> u32 {
    reader.or("BCRYPT_MAX_COST", MAX_COST, |text| {
        config::whole_number(text, 4..=20).map(|number| u32::try_from(number).unwrap_or(MAX_COST))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn good() -> BTreeMap<String, String> {
        let key = shared::base64url::encode(&[7; 32]);
        [
            ("DATABASE_URL", "postgres://app:secret@127.0.0.1:5432/app"),
            ("FIREBASE_PROJECT_ID", "demo-app"),
            ("ORIGIN_ASSERTION_KEYS", &format!("k1:{key}")),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
    }

    #[test]
    fn three_variables_are_enough() {
        let config = Config::read(&good()).unwrap();
        assert_eq!(config.environment, Environment::Production);
        assert_eq!(config.listen.address().to_string(), "0.0.0.0:3008");
        assert_eq!(config.welcome_tokens, 3);
        assert_eq!(config.log.format, LogFormat::Json);
    }

    /// Whatever way the configuration takes, by what is set and what is not.
    #[test]
    fn names_read_are_the_names_documented() {
        use std::cell::RefCell;
        use std::collections::BTreeSet;

        use shared::variables::{Reads, VARIABLES};

        let read = RefCell::new(BTreeSet::from([crate::cli::doctor::ADMIN_SERVICE_KEY.to_owned()]));
        for set in [
            "",
            "DATABASE_URL",
            "DB_HOST",
            "FIREBASE_CLIENT_EMAIL",
            "FIREBASE_PRIVATE_KEY",
        ] {
            let lookup = |name: &str| {
                read.borrow_mut().insert(name.to_owned());
                (name == set).then(|| "x".to_owned())
            };
            let _ = Config::read(&lookup);
            let _ = BulkConfig::read(&lookup);
        }
        let documented: BTreeSet<String> = VARIABLES
            .iter()
            .filter(|variable| variable.is_read_by(Reads::Origin))
            .map(|variable| variable.name.to_owned())
            .collect();
        let mut read = read.into_inner();
        // The rollout's variables are read in one go; what the origin takes of them is the group.
        read.retain(|name| !name.starts_with("ROLLOUT_") || name == "ROLLOUT_GROUP");
        assert_eq!(read, documented, "shared/src/variables/list.rs");
    }

    #[test]
    fn every_bad_variable_is_named_and_none_is_shown() {
        let mut table = good();
        for (name, value) in [
            ("DATABASE_URL", "mysql://app:hunter2@db/app"),
            ("PORT", "70000"),
            ("HOST", "localhost hunter2"),
            ("WELCOME_TOKENS", "-1"),
            ("LOG_FORMAT", "hunter2"),
            ("LOG_LEVEL", "hunter2=="),
            ("ORIGIN_ASSERTION_KEYS", "hunter2"),
            ("INTERNAL_SERVICE_KEYS", "archive:hunter2"),
            ("DB_POOL_MAX", "0"),
            ("FIREBASE_AUTH_EMULATOR_HOST", "127.0.0.1:9099"),
            ("FIREBASE_IDENTITY_TOOLKIT_URL", "http://127.0.0.1/hunter2"),
            ("FIREBASE_SECURE_TOKEN_URL", "http://hunter2.example"),
            ("FIREBASE_TOKEN_URI", "hunter2"),
        ] {
            table.insert(name.to_owned(), value.to_owned());
        }
        let faults = Config::read(&table).unwrap_err();
        let mut names = faults.names();
        names.sort_unstable();
        assert_eq!(
            names,
            [
                "DATABASE_URL",
                "DB_POOL_MAX",
                "FIREBASE_AUTH_EMULATOR_HOST",
                "FIREBASE_IDENTITY_TOOLKIT_URL",
                "FIREBASE_SECURE_TOKEN_URL",
                "FIREBASE_TOKEN_URI",
                "HOST",
                "INTERNAL_SERVICE_KEYS",
                "LOG_FORMAT",
                "LOG_LEVEL",
                "ORIGIN_ASSERTION_KEYS",
                "PORT",
                "WELCOME_TOKENS",
            ]
        );
        assert!(!faults.to_string().contains("hunter2"), "{faults}");
    }

    #[test]
    fn development_listens_on_this_machine_only() {
        let mut table = good();
        table.insert("ENVIRONMENT".to_owned(), "development".to_owned());
        let config = Config::read(&table).unwrap();
        assert_eq!(config.listen.address().to_string(), "127.0.0.1:3008");
        assert_eq!(config.log.format, LogFormat::Pretty);
    }
}
