use std::collections::BTreeMap;

use super::*;
use shared::rollout::Percentage;

const KEY: &str = "k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn variables(more: &[(&str, &str)]) -> BTreeMap<String, String> {
    [
        ("FIREBASE_PROJECT_ID", "crossfade-test"),
        ("ORIGIN_URL", "https://origin.example.com"),
        ("LEGACY_AUTH_URL", "https://legacy.example.com"),
        ("ORIGIN_ASSERTION_KEYS", KEY),
    ]
    .iter()
    .chain(more)
    .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
    .collect()
}

#[test]
fn the_required_variables_are_enough() {
    let config = EdgeConfig::read(&variables(&[])).unwrap();
    assert_eq!(config.timeout_ms, 3_000);
    assert_eq!(config.rollout.percentage, Percentage::NOBODY);
    assert!(config.rollout_faults.is_none());
    assert!(
        config
            .keys_url(Ring::FirebaseIdToken)
            .starts_with("https://www.googleapis.com/")
    );
}

#[test]
fn every_bad_variable_is_named_and_no_value_shown() {
    let faults = EdgeConfig::read(&variables(&[
        ("FIREBASE_PROJECT_ID", ""),
        ("ORIGIN_URL", "origin"),
        ("ORIGIN_ASSERTION_KEYS", "hunter2"),
        ("UPSTREAM_TIMEOUT_MS", "0"),
        ("CORS_ALLOWED_ORIGINS", "*"),
        ("LOG_LEVEL", "loud"),
        ("FIREBASE_JWKS_URL", "http://127.0.0.1:9/keys"),
        ("INTERNAL_SERVICE_KEYS", "a:hunter2"),
        ("UPSTREAMS", "[]x"),
    ]))
    .unwrap_err();
    let mut names = faults.names();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "CORS_ALLOWED_ORIGINS",
            "FIREBASE_JWKS_URL",
            "FIREBASE_PROJECT_ID",
            "INTERNAL_SERVICE_KEYS",
            "LOG_LEVEL",
            "ORIGIN_ASSERTION_KEYS",
            "ORIGIN_URL",
            "UPSTREAMS",
            "UPSTREAM_TIMEOUT_MS",
        ]
    );
    assert!(!faults.to_string().contains("hunter2"));
}

#[test]
fn bad_rollout_value_moves_no_user_and_stops_no_request() {
    for (name, value) in [
        ("ROLLOUT_PERCENT", "10%"),
        ("ROLLOUT_PERCENT", "-1"),
        ("ROLLOUT_PERCENT", "101"),
        ("ROLLOUT_PERCENT", "NaN"),
        ("ROLLOUT_PERCENT", "1e1"),
        ("ROLLOUT_PERCENT", ""),
        ("ROLLOUT_PERCENT", " 10 "),
        ("ROLLOUT_KILL_SWITCH", "yes"),
        ("ROLLOUT_NEW_USERS", "both"),
        ("ROLLOUT_FORCE_V2", "a@b.de,,"),
        ("ROLLOUT_FORCE_LEGACY", "@"),
        ("ROLLOUT_GROUP", "a b"),
        ("ROLLOUT_AUTOPILOT", "10,5"),
    ] {
        let mut variables = variables(&[("ROLLOUT_PERCENT", "100")]);
        variables.insert(name.to_owned(), value.to_owned());
        let config = EdgeConfig::read(&variables).unwrap();
        assert!(config.rollout.unreadable, "{name}={value:?}");
        assert_eq!(config.rollout_faults.unwrap().names(), [name]);
    }
}

#[test]
fn translation_needs_a_secret_to_sign_with() {
    let upstreams = r#"[{"prefix":"/api/x","url":"http://a","auth":"required","token":"legacy"}]"#;
    for (name, value) in [("UPSTREAMS", upstreams), ("LEGACY_AUTH_TOKEN", "legacy")] {
        let with_secret = variables(&[
            (name, value),
            ("LEGACY_JWT_SECRETS", "0123456789abcdef0123456789abcdef"),
        ]);
        assert!(EdgeConfig::read(&with_secret).is_ok(), "{name}");
        let faults = EdgeConfig::read(&variables(&[(name, value), ("LEGACY_JWT_SECRETS", "")])).unwrap_err();
        assert_eq!(faults.names(), [name]);
    }
    let faults = EdgeConfig::read(&variables(&[("LEGACY_AUTH_TOKEN", "on")])).unwrap_err();
    assert_eq!(faults.names(), ["LEGACY_AUTH_TOKEN"]);
}
