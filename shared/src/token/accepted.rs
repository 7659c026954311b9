//! What edge or origin accepts, without secrets: both read the same variables, and their values must agree.

use serde::{Deserialize, Serialize};

use super::policy::TokenPolicy;

/// What a deployment accepts, without a secret. Each field has the name of its variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub struct Accepted {
    /// The projects, by commas.
    pub firebase_project_id: String,
    /// The tenant, if there is one.
    pub firebase_tenant_id: Option<String>,
    /// Whether session cookies are accepted.
    pub firebase_session_cookies: bool,
    /// Whether the Auth emulator replaces Firebase.
    pub firebase_auth_emulator_host: bool,
    /// Seconds.
    pub clock_skew_seconds: i64,
    /// `iss` of legacy tokens.
    pub legacy_jwt_issuer: String,
    /// `aud` of legacy tokens.
    pub legacy_jwt_audience: String,
    /// When legacy tokens end, RFC 3339.
    pub legacy_tokens_accepted_until: Option<String>,
    /// How many secrets there are.
    pub legacy_jwt_secrets: usize,
    /// The names of the assertion keys, the sealing one first.
    pub origin_assertion_keys: Vec<String>,
}

impl Accepted {
    /// What `policy` accepts, where the keys called `kids` seal or open statements.
    #[must_use]
    pub fn of<'k>(policy: &TokenPolicy, kids: impl Iterator<Item = &'k str>) -> Self {
        let projects: Vec<&str> = policy.projects.iter().map(|project| project.as_str()).collect();
        Self {
            firebase_project_id: projects.join(","),
            firebase_tenant_id: policy.tenant.as_ref().map(|tenant| tenant.as_str().to_owned()),
            firebase_session_cookies: policy.session_cookies,
            firebase_auth_emulator_host: policy.emulator.is_some(),
            clock_skew_seconds: policy.skew.secs(),
            legacy_jwt_issuer: policy.legacy.issuer.clone(),
            legacy_jwt_audience: policy.legacy.audience.clone(),
            legacy_tokens_accepted_until: policy.legacy.accepted_until.and_then(|until| until.to_rfc3339()),
            legacy_jwt_secrets: policy.legacy.secrets.len(),
            origin_assertion_keys: kids.map(str::to_owned).collect(),
        }
    }

    /// The variables in which the origin differs from `self`, the edge. The origin needs only the assertion key by which the edge seals:
    /// during a rotation the two lists differ.
    #[must_use]
    pub fn differences(&self, origin: &Self) -> Vec<&'static str> {
        let sealing = self.origin_assertion_keys.first();
        let opens = sealing.is_some_and(|kid| origin.origin_assertion_keys.contains(kid));
        [
            (
                "FIREBASE_PROJECT_ID",
                self.firebase_project_id == origin.firebase_project_id,
            ),
            (
                "FIREBASE_TENANT_ID",
                self.firebase_tenant_id == origin.firebase_tenant_id,
            ),
            (
                "FIREBASE_SESSION_COOKIES",
                self.firebase_session_cookies == origin.firebase_session_cookies,
            ),
            (
                "FIREBASE_AUTH_EMULATOR_HOST",
                self.firebase_auth_emulator_host == origin.firebase_auth_emulator_host,
            ),
            (
                "CLOCK_SKEW_SECONDS",
                self.clock_skew_seconds == origin.clock_skew_seconds,
            ),
            (
                "LEGACY_JWT_ISSUER",
                self.legacy_jwt_issuer == origin.legacy_jwt_issuer,
            ),
            (
                "LEGACY_JWT_AUDIENCE",
                self.legacy_jwt_audience == origin.legacy_jwt_audience,
            ),
            (
                "LEGACY_TOKENS_ACCEPTED_UNTIL",
                self.legacy_tokens_accepted_until == origin.legacy_tokens_accepted_until,
            ),
            (
                "LEGACY_JWT_SECRETS",
                self.legacy_jwt_secrets == origin.legacy_jwt_secrets,
            ),
            ("ORIGIN_ASSERTION_KEYS", opens),
        ]
        .into_iter()
        .filter_map(|(name, same)| (!same).then_some(name))
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::config::Reader;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn accepted(variables: &[(&str, &str)], kids: &[&str]) -> Accepted {
        let table: BTreeMap<String, String> = [("FIREBASE_PROJECT_ID", "demo-app")]
            .iter()
            .chain(variables)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let policy = TokenPolicy::read(&mut Reader::new(&table)).unwrap();
        Accepted::of(&policy, kids.iter().copied())
    }

    #[test]
    fn every_difference_is_named() {
        let edge = accepted(&[], &["new", "old"]);
        assert!(edge.differences(&accepted(&[], &["old", "new"])).is_empty());
        assert_eq!(
            edge.differences(&accepted(&[], &["old"])),
            ["ORIGIN_ASSERTION_KEYS"]
        );
        for (name, value) in [
            ("FIREBASE_PROJECT_ID", "another-app"),
            ("FIREBASE_TENANT_ID", "tenant-1"),
            ("FIREBASE_SESSION_COOKIES", "off"),
            ("CLOCK_SKEW_SECONDS", "0"),
            ("LEGACY_JWT_ISSUER", "another"),
            ("LEGACY_JWT_AUDIENCE", "another"),
            ("LEGACY_TOKENS_ACCEPTED_UNTIL", "2027-01-31T00:00:00Z"),
            ("LEGACY_JWT_SECRETS", "0123456789abcdef0123456789abcdef"),
        ] {
            let origin = accepted(&[(name, value)], &["new"]);
            assert_eq!(edge.differences(&origin), [name]);
        }
    }

    #[test]
    fn accepted_values_hold_no_secret() {
        let secret = "0123456789abcdef0123456789abcdef";
        let told = serde_json::to_string(&accepted(&[("LEGACY_JWT_SECRETS", secret)], &["k1"])).unwrap();
        assert!(
            told.contains("\"LEGACY_JWT_SECRETS\":1") && !told.contains(secret),
            "{told}"
        );
    }
}
