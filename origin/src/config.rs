//! The origin's configuration: read in one pass, complete or not at all.

mod bcrypt;
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
use users::{LegacySession, OwnershipNotices};

pub use bulk::BulkConfig;
pub use dotenv::{DotenvError, process_environment};
pub use listen::ListenConfig;
pub use log::{LogConfig, LogFormat};
pub use traces::TracesConfig;

/// The largest welcome grant, in tokens: a typing error must not give every user a fortune.
const MAX_WELCOME_TOKENS: i64 = 1_000_000;
/// A day: most clients call within a day of their sign-in, and a token that leaks later gives no session.
const LEGACY_EXCHANGE_MAX_AGE: i64 = 24 * 3_600;
/// No legacy token is good for longer.
const MAX_LEGACY_EXCHANGE_MAX_AGE: i64 = 366 * 24 * 3_600;
/// How many verified tokens are remembered by default: about 8 MiB when full.
const VERIFIED_TOKENS: usize = 4096;

/// The configuration of `origin serve`.
#[derive(Debug, Clone)]
pub struct Config {
    /// The kind of this deployment.
    pub environment: Environment,
    /// The listening address and limits.
    pub listen: ListenConfig,
    /// The database and its limits.
    pub database: DatabaseConfig,
    /// The log's level and format.
    pub log: LogConfig,
    /// Where traces go, if they are configured.
    pub traces: Option<TracesConfig>,
    /// Which tokens are accepted from callers that do not come through the edge.
    pub tokens: TokenPolicy,
    /// The configuration of Firebase's account services.
    pub firebase: FirebaseConfig,
    /// Which token the legacy contract answers as `token`.
    pub legacy_session: LegacySession,
    /// The addresses of the issuer's keys.
    pub key_urls: KeyUrls,
    /// How many verified tokens are remembered.
    pub verified_tokens: NonZeroUsize,
    /// The keys that open the edge's assertions.
    pub assertion_keys: AssertionKeys,
    /// The services that may call the internal routes.
    pub service_keys: ServiceKeys,
    /// The tokens of a new user; 0 grants none.
    pub welcome_tokens: i32,
    /// The cost of new password hashes: 2^cost rounds.
    pub bcrypt_cost: u32,
    /// The greatest age of a legacy token that is exchanged for a session, in seconds; 0 exchanges none.
    pub legacy_exchange_max_age: i64,
    /// The cost above which stored password hashes are not checked.
    pub bcrypt_max_cost: u32,
    /// How often clients may call and guess.
    pub limits: LimitsConfig,
    /// The mailer for changes of ownership, if one is configured.
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
        let bcrypt_max_cost = bcrypt::max_cost(&mut reader);
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
    fn three_variables_suffice() {
        let config = Config::read(&good()).unwrap();
        assert_eq!(config.environment, Environment::Production);
        assert_eq!(config.listen.address().to_string(), "0.0.0.0:3008");
        assert_eq!(config.welcome_tokens, 3);
        assert_eq!(config.log.format, LogFormat::Json);
    }

    /// Reads the configuration along every branch, with each variable set and not set.
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
        // The rollout's variables are read together; the origin uses only the group.
        read.retain(|name| !name.starts_with("ROLLOUT_") || name == "ROLLOUT_GROUP");
        assert_eq!(read, documented, "shared/src/variables/list.rs");
    }

    #[test]
    fn bad_variables_are_named_without_their_values() {
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
