//! What a deployment accepts, read once at start.

use super::emulator::{self, EmulatorPermit, Environment};
use super::legacy::{HmacSecret, LegacyPolicy};
use crate::config::{self, Reader};
use crate::ids::{ProjectId, TenantId};
use crate::time::{ClockSkew, UnixTime};

/// The most projects one deployment serves.
const MAX_PROJECTS: usize = 16;
/// The most legacy secrets at once: a rotation needs two.
const MAX_SECRETS: usize = 4;

/// What a deployment accepts. Edge and origin read the same variables into it, so they judge alike.
#[derive(Debug, Clone)]
pub struct TokenPolicy {
    /// The Firebase projects with accepted tokens, each by its own issuer and audience.
    pub projects: Vec<ProjectId>,
    /// The one tenant with accepted tokens; `None` refuses tokens that have a tenant.
    pub tenant: Option<TenantId>,
    /// How far the issuer's clock may be from ours.
    pub skew: ClockSkew,
    /// Whether Firebase session cookies are a credential here. By default they are: old clients get one.
    pub session_cookies: bool,
    /// Present only where the Auth emulator is allowed to replace Firebase.
    pub emulator: Option<EmulatorPermit>,
    /// The legacy service's tokens.
    pub legacy: LegacyPolicy,
}

impl TokenPolicy {
    /// Reads `FIREBASE_PROJECT_ID` (required), `FIREBASE_TENANT_ID`, `FIREBASE_SESSION_COOKIES`, `CLOCK_SKEW_SECONDS`,
    /// `LEGACY_JWT_SECRETS`, `LEGACY_JWT_ISSUER`, `LEGACY_JWT_AUDIENCE`, `LEGACY_TOKENS_ACCEPTED_UNTIL`, `ENVIRONMENT` and
    /// `FIREBASE_AUTH_EMULATOR_HOST`.
    ///
    /// `None` when a required one is missing or bad; every fault is recorded in `reader`.
    pub fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let projects = reader.required("FIREBASE_PROJECT_ID", projects);
        let tenant = reader.optional("FIREBASE_TENANT_ID", |text| TenantId::parse(text));
        let session_cookies = reader.or("FIREBASE_SESSION_COOKIES", true, config::on_off);
        let skew = reader.or("CLOCK_SKEW_SECONDS", ClockSkew::DEFAULT, |text| {
            config::whole_number(text, 0..=60)
                .and_then(|seconds| ClockSkew::from_secs(seconds).ok_or_else(|| "is out of range".to_owned()))
        });
        let legacy = LegacyPolicy {
            secrets: reader.or("LEGACY_JWT_SECRETS", Vec::new(), secrets),
            issuer: reader.or("LEGACY_JWT_ISSUER", "atma-auth-service".to_owned(), name),
            audience: reader.or("LEGACY_JWT_AUDIENCE", "atma-services".to_owned(), name),
            accepted_until: reader.optional("LEGACY_TOKENS_ACCEPTED_UNTIL", UnixTime::parse_rfc3339),
        };
        let environment = Environment::read(reader);
        let host = reader.text("FIREBASE_AUTH_EMULATOR_HOST");
        let emulator = match emulator::permit(
            environment,
            host.as_deref(),
            projects.as_deref().unwrap_or_default(),
        ) {
            Ok(permit) => permit,
            Err(refusal) => {
                reader.fault("FIREBASE_AUTH_EMULATOR_HOST", refusal.to_string());
                None
            }
        };
        Some(Self {
            projects: projects?,
            tenant,
            skew,
            session_cookies,
            emulator,
            legacy,
        })
    }
}

fn projects(text: &str) -> Result<Vec<ProjectId>, String> {
    let mut projects: Vec<ProjectId> = Vec::new();
    for id in text.split(',') {
        let id = ProjectId::parse(id.trim()).map_err(|rule| rule.to_string())?;
        if projects.contains(&id) {
            return Err("names a project twice".to_owned());
        }
        projects.push(id);
    }
    if projects.len() > MAX_PROJECTS {
        Err("names more than 16 projects".to_owned())
    } else {
        Ok(projects)
    }
}

fn secrets(text: &str) -> Result<Vec<HmacSecret>, String> {
    let mut secrets = Vec::new();
    for (index, secret) in text.split(',').enumerate() {
        let at = index.saturating_add(1);
        if secret.trim() != secret {
            return Err(format!("entry {at} has white space around it"));
        }
        // A public key as HMAC secret would make the classic confusion attack possible for good.
        if secret.contains("-----BEGIN") {
            return Err(format!("entry {at} is a PEM key, not a secret"));
        }
        secrets.push(HmacSecret::new(secret.as_bytes()).map_err(|rule| format!("entry {at} {rule}"))?);
    }
    if secrets.len() > MAX_SECRETS {
        Err("has more than 4 entries".to_owned())
    } else {
        Ok(secrets)
    }
}

fn name(text: &str) -> Result<String, &'static str> {
    if text.len() > 256 || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err("is not at most 256 bytes without white space");
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn read(table: &[(&str, &str)]) -> Result<TokenPolicy, config::Faults> {
        let table: BTreeMap<String, String> = table
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let mut reader = Reader::new(&table);
        let policy = TokenPolicy::read(&mut reader);
        reader.finish(policy)
    }

    #[test]
    fn a_project_is_all_that_is_needed() {
        let policy = read(&[("FIREBASE_PROJECT_ID", "crossfade")]).unwrap();
        assert_eq!(policy.projects, [ProjectId::parse("crossfade").unwrap()]);
        assert_eq!(policy.skew, ClockSkew::DEFAULT);
        assert_eq!(
            (policy.legacy.issuer.as_str(), policy.legacy.audience.as_str()),
            ("atma-auth-service", "atma-services")
        );
        assert!(policy.legacy.secrets.is_empty() && policy.legacy.accepted_until.is_none());
        assert!(policy.tenant.is_none() && policy.emulator.is_none() && policy.session_cookies);
    }

    #[test]
    fn every_variable_is_read() {
        let secret = "s".repeat(32);
        let policy = read(&[
            ("FIREBASE_PROJECT_ID", "demo-one, demo-two"),
            ("FIREBASE_TENANT_ID", "tenant-1"),
            ("FIREBASE_SESSION_COOKIES", "on"),
            ("CLOCK_SKEW_SECONDS", "0"),
            ("LEGACY_JWT_SECRETS", &format!("{secret},{secret}2")),
            ("LEGACY_JWT_ISSUER", "issuer"),
            ("LEGACY_JWT_AUDIENCE", "audience"),
            ("LEGACY_TOKENS_ACCEPTED_UNTIL", "2027-01-31T00:00:00Z"),
            ("ENVIRONMENT", "development"),
            ("FIREBASE_AUTH_EMULATOR_HOST", "127.0.0.1:9099"),
        ])
        .unwrap();
        assert_eq!(policy.projects.len(), 2);
        assert_eq!(policy.legacy.secrets.len(), 2);
        assert_eq!(policy.skew, ClockSkew::NONE);
        assert_eq!(policy.emulator.unwrap().host(), "127.0.0.1:9099");
        assert_eq!(
            policy.legacy.accepted_until.unwrap().to_string(),
            "2027-01-31T00:00:00Z"
        );
    }

    #[test]
    fn every_bad_variable_is_named_and_no_secret_is_shown() {
        let faults = read(&[
            ("FIREBASE_PROJECT_ID", "Crossfade"),
            ("FIREBASE_TENANT_ID", "a b"),
            ("FIREBASE_SESSION_COOKIES", "yes"),
            ("CLOCK_SKEW_SECONDS", "61"),
            ("LEGACY_JWT_SECRETS", "hunter2"),
            ("LEGACY_JWT_ISSUER", "two words"),
            ("LEGACY_TOKENS_ACCEPTED_UNTIL", "tomorrow"),
            ("ENVIRONMENT", "prod"),
            ("FIREBASE_AUTH_EMULATOR_HOST", "127.0.0.1:9099"),
        ])
        .unwrap_err();
        assert_eq!(
            faults.names(),
            [
                "FIREBASE_PROJECT_ID",
                "FIREBASE_TENANT_ID",
                "FIREBASE_SESSION_COOKIES",
                "CLOCK_SKEW_SECONDS",
                "LEGACY_JWT_SECRETS",
                "LEGACY_JWT_ISSUER",
                "LEGACY_TOKENS_ACCEPTED_UNTIL",
                "ENVIRONMENT",
                "FIREBASE_AUTH_EMULATOR_HOST",
            ]
        );
        assert!(!faults.to_string().contains("hunter2"));
    }

    #[test]
    fn unusable_secrets_stop_the_start() {
        let good = "s".repeat(32);
        for (text, reason) in [
            ("x".repeat(31), "entry 1 is shorter than 32 bytes"),
            (format!("{good},"), "entry 2 is shorter than 32 bytes"),
            (format!("{good}\n"), "entry 1 has white space around it"),
            (
                format!("-----BEGIN PUBLIC KEY-----{good}"),
                "entry 1 is a PEM key, not a secret",
            ),
            ([good.as_str(); 5].join(","), "has more than 4 entries"),
        ] {
            assert_eq!(secrets(&text).unwrap_err(), reason);
        }
        assert!(!format!("{:?}", secrets(&good).unwrap()).contains(&good));
    }

    #[test]
    fn project_lists() {
        for refused in [
            "",
            ",",
            "abcd,",
            "abcd,abcd",
            &(0..17).map(|n| format!("abc-{n}")).collect::<Vec<_>>().join(","),
        ] {
            assert!(projects(refused).is_err(), "{refused}");
        }
    }
}
