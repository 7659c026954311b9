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
    /// The Firebase projects whose tokens are accepted, each by its own issuer and audience.
    pub projects: Vec<ProjectId>,
    /// The one tenant whose tokens are accepted; `None` refuses tokens that have one.
    pub tenant: Option<TenantId>,
    /// How far the issuer's clock may be from ours.
    pub skew: ClockSkew,
    /// Whether Firebase session cookies are a credential here.
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
        let session_cookies = reader.or("FIREBASE_SESSION_COOKIES", false, config::on_off);
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
        // A public key as HMAC secret is the classic confusion attack made permanent.
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
