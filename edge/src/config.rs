//! The edge's configuration, read from wrangler's variables and secrets whenever an isolate sees new ones. It names every bad variable.

mod auth_mode;
mod limits;
mod sealers;
mod strict;
mod translation;
mod upstreams;
mod url;

use shared::assertion::AssertionKeys;
use shared::autopilot::Plan;
use shared::config::{self, Faults, Lookup, Reader};
use shared::limits::KeyMaker;
use shared::rollout::Percentage;
use shared::routing::{self, Policy};
use shared::service_keys::ServiceKeys;
use shared::step_down;
use shared::token::{Environment, Ring, TokenPolicy};

use crate::browser_session::BrowserSession;
use crate::cors::AllowedOrigins;
pub use auth_mode::AuthMode;
pub use limits::Quotas;
pub use sealers::Sealers;
pub use strict::StrictRoutes;
pub use translation::Translation;
pub use upstreams::{AppService, AppServices};
pub use url::{BaseUrl, Target};

/// The whole configuration of the edge.
#[derive(Debug)]
pub struct EdgeConfig {
    /// Which tokens are accepted.
    pub tokens: TokenPolicy,
    /// Where the keys of ID tokens are published.
    pub id_token_keys_url: String,
    /// Where the keys of session cookies are published.
    pub session_cookie_keys_url: String,
    /// The origin.
    pub origin: BaseUrl,
    /// The legacy auth service, as long as there is one.
    pub legacy: Option<BaseUrl>,
    /// Whether the edge sends it a legacy token for users who signed in at v2, on paths that only it answers.
    pub legacy_gets_token: bool,
    /// How long the origin or the legacy service may take to begin its answer, in milliseconds.
    pub timeout_ms: u32,
    /// The sealers that prove the edge to the origin and to app services.
    pub sealers: Sealers,
    /// The browser cookie that is a credential, if one is.
    pub browser_session: Option<BrowserSession>,
    /// Makes the names of counters of calls.
    pub counters: KeyMaker,
    /// Our own services.
    pub service_keys: ServiceKeys,
    /// The app services behind `/api/*`.
    pub app_services: AppServices,
    /// Which users sign in at which side.
    pub rollout: Policy,
    /// The faults in the rollout's variables. The legacy side then answers requests, and readiness reports the faults.
    pub rollout_faults: Option<Faults>,
    /// The share of reads with a legacy token that is repeated at v2 for comparison.
    pub shadow: Percentage,
    /// How the rollout steers itself, if it does.
    pub autopilot: Option<Plan>,
    /// What the edge tells callers about the limits on public calls.
    pub quotas: Quotas,
    /// The origins from which browsers may call.
    pub cors: AllowedOrigins,
    /// Which requests get a line in the log.
    pub log: LogLevel,
}

/// Which requests get a line in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// All.
    Info,
    /// Requests that failed by our fault (5xx) or took the other side.
    Warn,
    /// None.
    Off,
}

impl EdgeConfig {
    /// Reads all variables.
    ///
    /// # Errors
    /// Every bad variable, except the rollout's: those are in [`EdgeConfig::rollout_faults`], because keeping users signed in at
    /// the legacy service is better than refusing them.
    pub fn read(lookup: &dyn Lookup) -> Result<Self, Faults> {
        let mut reader = Reader::new(lookup);
        let environment = Environment::read(&mut Reader::new(lookup));
        let tokens = TokenPolicy::read(&mut reader);
        let keys_url = |text: &str| url::keys_url(text, environment);
        let id_token_keys_url = reader.or(
            "FIREBASE_JWKS_URL",
            Ring::FirebaseIdToken.google_url().to_owned(),
            keys_url,
        );
        let session_cookie_keys_url = reader.or(
            "FIREBASE_SESSION_COOKIE_JWKS_URL",
            Ring::FirebaseSessionCookie.google_url().to_owned(),
            keys_url,
        );
        let origin = reader.required("ORIGIN_URL", BaseUrl::parse);
        let legacy = reader.optional("LEGACY_AUTH_URL", BaseUrl::parse);
        let legacy_gets_token = reader.or("LEGACY_AUTH_TOKEN", false, |text| match text {
            "legacy" => Ok(true),
            _ => Err("is not `legacy`"),
        });
        let browser_session = reader.optional("FIREBASE_SESSION_COOKIE_NAME", BrowserSession::parse);
        let timeout_ms = reader.or("UPSTREAM_TIMEOUT_MS", 3_000, milliseconds);
        let service_keys = reader.or(
            "INTERNAL_SERVICE_KEYS",
            ServiceKeys::default(),
            ServiceKeys::parse,
        );
        let app_services = reader.or("UPSTREAMS", AppServices::default(), |text| {
            AppServices::parse(text, timeout_ms)
        });
        let signs = tokens
            .as_ref()
            .is_none_or(|tokens| !tokens.legacy.secrets.is_empty());
        let wants = [
            ("UPSTREAMS", app_services.translates()),
            ("LEGACY_AUTH_TOKEN", legacy_gets_token),
        ];
        for (name, _) in wants.into_iter().filter(|(_, wants)| *wants && !signs) {
            reader.fault(name, "wants legacy tokens, and LEGACY_JWT_SECRETS is empty");
        }
        let sealers = reader.required("ORIGIN_ASSERTION_KEYS", |text| {
            Sealers::parse(text, &app_services)
        });
        // A second read of the same variable: its fault has been reported already.
        let keys = reader.text("ORIGIN_ASSERTION_KEYS");
        let counters = keys.and_then(|keys| AssertionKeys::parse(&keys).ok());
        let counters = counters.map(|keys| KeyMaker::new(&keys));
        let cors = reader.or(
            "CORS_ALLOWED_ORIGINS",
            AllowedOrigins::default(),
            AllowedOrigins::parse,
        );
        let log = reader.or("LOG_LEVEL", LogLevel::Info, log_level);
        let quotas = reader.or("RATE_LIMITS", Quotas::default(), Quotas::parse);
        let (rollout, shadow, autopilot, rollout_faults) = read_rollout(lookup, legacy.is_some());
        let config = match (tokens, origin, sealers, counters) {
            (Some(tokens), Some(origin), Some(sealers), Some(counters)) => Some(Self {
                tokens,
                id_token_keys_url,
                session_cookie_keys_url,
                origin,
                legacy,
                legacy_gets_token,
                timeout_ms,
                sealers,
                browser_session,
                counters,
                service_keys,
                app_services,
                rollout,
                rollout_faults,
                shadow,
                autopilot,
                quotas,
                cors,
                log,
            }),
            _ => None,
        };
        reader.finish(config)
    }

    /// Whether `other` has the same addresses of services: what the isolate knows of their answers then holds under both.
    #[must_use]
    pub fn asks_the_same_services(&self, other: &Self) -> bool {
        (&self.origin, &self.legacy, &self.app_services)
            == (&other.origin, &other.legacy, &other.app_services)
    }

    /// The address where the keys of `ring` are published.
    #[must_use]
    pub fn keys_url(&self, ring: Ring) -> &str {
        match ring {
            Ring::FirebaseIdToken => &self.id_token_keys_url,
            Ring::FirebaseSessionCookie => &self.session_cookie_keys_url,
        }
    }
}

/// Reads all variables of the rollout. If one is bad, no user is moved and no read shadowed.
fn read_rollout(
    lookup: &dyn Lookup,
    legacy_exists: bool,
) -> (Policy, Percentage, Option<Plan>, Option<Faults>) {
    let (policy, faults) = routing::read_policy(lookup, legacy_exists);
    let mut reader = Reader::new(lookup);
    let shadow = reader.or("SHADOW_PERCENT", Percentage::NOBODY, Percentage::parse);
    let autopilot = reader.or("ROLLOUT_AUTOPILOT", None, Plan::parse);
    // The Durable Object that keeps the overrides reads these two; every isolate reports a bad one.
    reader.or("ROLLOUT_TWO_PERSONS", false, config::on_off);
    reader.optional("ROLLOUT_WEBHOOK_URL", BaseUrl::parse);
    let faults: Vec<config::Fault> = [
        faults,
        reader.finish(Some(())).err(),
        step_down::read_rule(lookup).err(),
    ]
    .into_iter()
    .flatten()
    .flat_map(|faults| faults.0)
    .collect();
    if faults.is_empty() {
        return (policy, shadow, autopilot, None);
    }
    let policy = Policy {
        legacy_exists,
        unreadable: true,
        ..Policy::all_legacy()
    };
    (policy, Percentage::NOBODY, None, Some(Faults(faults)))
}

fn milliseconds(text: &str) -> Result<u32, String> {
    config::whole_number(text, 1..=60_000)
        .and_then(|number| u32::try_from(number).map_err(|_| "is out of range".to_owned()))
}

fn log_level(text: &str) -> Result<LogLevel, &'static str> {
    match text {
        "info" => Ok(LogLevel::Info),
        "warn" => Ok(LogLevel::Warn),
        "off" => Ok(LogLevel::Off),
        _ => Err("is not `info`, `warn` or `off`"),
    }
}

#[cfg(test)]
mod tests;
