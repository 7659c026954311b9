//! The configuration in force, by the names of its variables.

use serde_json::{Map, Value, json};
use shared::config::Lookup;

use crate::config::EdgeConfig;

/// Shown with their values. Addresses among them cannot hold credentials: the configuration accepts none that does.
const SHOWN: [&str; 29] = [
    "ENVIRONMENT",
    "FIREBASE_PROJECT_ID",
    "FIREBASE_TENANT_ID",
    "FIREBASE_SESSION_COOKIES",
    "FIREBASE_JWKS_URL",
    "FIREBASE_SESSION_COOKIE_JWKS_URL",
    "FIREBASE_SESSION_COOKIE_NAME",
    "FIREBASE_AUTH_EMULATOR_HOST",
    "CLOCK_SKEW_SECONDS",
    "ORIGIN_URL",
    "LEGACY_AUTH_URL",
    "LEGACY_AUTH_TOKEN",
    "LEGACY_JWT_ISSUER",
    "LEGACY_JWT_AUDIENCE",
    "LEGACY_TOKENS_ACCEPTED_UNTIL",
    "UPSTREAM_TIMEOUT_MS",
    "UPSTREAMS",
    "CORS_ALLOWED_ORIGINS",
    "ROLLOUT_PERCENT",
    "ROLLOUT_GROUP",
    "ROLLOUT_NEW_USERS",
    "ROLLOUT_KILL_SWITCH",
    "ROLLOUT_TWO_PERSONS",
    "ROLLOUT_AUTOPILOT",
    "SHADOW_PERCENT",
    "ROLLBACK_ERROR_RATE",
    "ROLLBACK_WINDOW_SECONDS",
    "RATE_LIMITS",
    "LOG_LEVEL",
];

/// Lists of users: their length, not their entries.
const COUNTED: [&str; 2] = ["ROLLOUT_FORCE_V2", "ROLLOUT_FORCE_LEGACY"];

/// The variables that are set, without secrets: keys by their names, other secrets by their number. Variables that are not set are left
/// out; the defaults then hold.
#[must_use]
pub fn configuration(lookup: &dyn Lookup, config: &EdgeConfig) -> Value {
    let mut shown = Map::new();
    for name in SHOWN {
        if let Some(value) = lookup.get(name).filter(|value| !value.is_empty()) {
            shown.insert(name.to_owned(), json!(value));
        }
    }
    for name in COUNTED {
        let entries = lookup.get(name).filter(|value| !value.is_empty());
        let count = entries.map_or(0, |list| list.split(',').count());
        shown.insert(name.to_owned(), json!({ "entries": count }));
    }
    let services = config.service_keys.services().map(|service| {
        let role = if service.admin { ":admin" } else { "" };
        format!("{}{role}", service.name)
    });
    shown.insert(
        "ORIGIN_ASSERTION_KEYS".to_owned(),
        json!({ "kids": config.sealers.kids() }),
    );
    shown.insert(
        "INTERNAL_SERVICE_KEYS".to_owned(),
        json!({ "services": services.collect::<Vec<_>>() }),
    );
    shown.insert(
        "LEGACY_JWT_SECRETS".to_owned(),
        json!({ "entries": config.tokens.legacy.secrets.len() }),
    );
    Value::Object(shown)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const WRANGLER: &str = include_str!("../../../wrangler.toml");
    const SECRETS: [(&str, &str); 3] = [
        (
            "ORIGIN_ASSERTION_KEYS",
            "new:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA,old:BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA",
        ),
        (
            "LEGACY_JWT_SECRETS",
            "0123456789abcdef0123456789abcdef,fedcba9876543210fedcba9876543210",
        ),
        (
            "INTERNAL_SERVICE_KEYS",
            "archive:00000000000000000000000000000000,ops:11111111111111111111111111111111:admin",
        ),
    ];

    fn production() -> BTreeMap<String, String> {
        let document: toml::Table = WRANGLER.parse().unwrap();
        let vars = document["env"]["production"]["vars"].as_table().unwrap();
        vars.iter()
            .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
            .chain(SECRETS.map(|(name, value)| (name.to_owned(), value.to_owned())))
            .chain([(
                "ROLLOUT_FORCE_V2".to_owned(),
                "ada@example.com,@example.org".to_owned(),
            )])
            .collect()
    }

    #[test]
    fn configuration_shows_every_variable_and_no_secret() {
        let variables = production();
        let config = EdgeConfig::read(&variables).unwrap();
        let shown = configuration(&variables, &config);
        for (name, value) in &variables {
            assert!(value.is_empty() || shown.get(name).is_some(), "{name}");
        }
        let text = shown.to_string();
        for (_, secrets) in SECRETS {
            for part in secrets.split([',', ':']).filter(|part| part.len() >= 32) {
                assert!(!text.contains(part), "{text}");
            }
        }
        assert!(!text.contains("example.com"), "a user is named\n{text}");
        assert_eq!(shown["ROLLOUT_FORCE_V2"]["entries"], 2);
        assert_eq!(shown["ORIGIN_ASSERTION_KEYS"]["kids"], json!(["new", "old"]));
        assert_eq!(
            shown["INTERNAL_SERVICE_KEYS"]["services"],
            json!(["archive", "ops:admin"])
        );
        assert_eq!(shown["LEGACY_JWT_SECRETS"]["entries"], 2);
    }
}
