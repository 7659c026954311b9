//! What each service of a stack is told.

use super::Addresses;
use super::plan::{Database, Plan};
use super::secrets::Secrets;

pub type Variables = Vec<(&'static str, String)>;

/// The stand-in legacy service.
pub fn legacy(database_url: &str, secrets: &Secrets, control_port: u16) -> Variables {
    vec![
        ("DATABASE_URL", database_url.to_owned()),
        ("JWT_SECRET", secrets.legacy_jwt.clone()),
        ("INTERNAL_SERVICE_KEY", secrets.service.clone()),
        ("HOST", "127.0.0.1".to_owned()),
        ("CONTROL_PORT", control_port.to_string()),
    ]
}

/// The origin.
pub fn origin(
    plan: &Plan,
    database_url: &str,
    secrets: &Secrets,
    issuer: &[(&'static str, String)],
) -> Variables {
    let mut variables = vec![
        ("ENVIRONMENT", "development".to_owned()),
        ("DATABASE_URL", database_url.to_owned()),
        ("ORIGIN_ASSERTION_KEYS", secrets.assertion_keys()),
        ("LEGACY_JWT_SECRETS", secrets.legacy_jwt.clone()),
        ("INTERNAL_SERVICE_KEYS", secrets.service_keys()),
    ];
    variables.extend(issuer.iter().cloned());
    if plan.database == Database::ThrowAway {
        // Tests run on machines that are busy with compiling: slow there is not an outage.
        variables.push(("DB_POOL_ACQUIRE_MS", "8000".to_owned()));
    }
    variables
}

/// The edge.
pub fn edge(
    plan: &Plan,
    addresses: &Addresses,
    secrets: &Secrets,
    issuer: &[(&'static str, String)],
) -> Variables {
    let mut variables = vec![
        ("ORIGIN_URL", addresses.origin.clone()),
        ("LEGACY_AUTH_URL", addresses.legacy.clone()),
        ("ORIGIN_ASSERTION_KEYS", secrets.assertion_keys()),
        ("LEGACY_JWT_SECRETS", secrets.legacy_jwt.clone()),
        ("INTERNAL_SERVICE_KEYS", secrets.service_keys()),
    ];
    variables.extend(issuer.iter().cloned());
    if plan.database == Database::ThrowAway {
        // More than the origin's own patience, see above.
        variables.push(("UPSTREAM_TIMEOUT_MS", "15000".to_owned()));
    }
    variables.extend(plan.edge.iter().cloned());
    variables
}
