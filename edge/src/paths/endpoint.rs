//! A path's name in the log and in telemetry: its template. A path itself may hold a user's id, or any text that a stranger typed.

/// Paths that hold nothing of a user.
const PLAIN: [&str; 35] = [
    "/livez",
    "/readyz",
    "/health",
    "/auth/account",
    "/auth/change-password",
    "/auth/forgot-password",
    "/auth/login",
    "/auth/logout",
    "/auth/profile",
    "/auth/register",
    "/auth/register/batch",
    "/auth/schools",
    "/auth/token-balance",
    "/auth/verify-token",
    "/v1/auth/confirm-password",
    "/v1/auth/exchange",
    "/v1/auth/forgot-password",
    "/v1/auth/login",
    "/v1/auth/logout",
    "/v1/auth/me",
    "/v1/auth/mfa/finish",
    "/v1/auth/mfa/start",
    "/v1/auth/profile",
    "/v1/auth/refresh",
    "/v1/auth/register",
    "/v1/auth/reset-password",
    "/v1/auth/user",
    "/v1/auth/verify-email",
    "/v1/auth/verify-token",
    "/v1/changes",
    "/v1/token/verify",
    "/v1/token/verify-header",
    "/v1/tokens/balance",
    "/v1/tokens/transfers",
    "/api/health",
];

/// Paths about one user or one hold: the part before the id, the part after it, the template.
const WITH_ID: [(&str, &str, &str); 10] = [
    ("/v1/users/", "", "/v1/users/{id}"),
    ("/v1/users/", "/activate", "/v1/users/{id}/activate"),
    ("/v1/users/", "/deactivate", "/v1/users/{id}/deactivate"),
    ("/v1/users/", "/events", "/v1/users/{id}/events"),
    ("/v1/users/", "/holds", "/v1/users/{id}/holds"),
    ("/v1/users/", "/sync", "/v1/users/{id}/sync"),
    ("/v1/users/", "/tokens/credit", "/v1/users/{id}/tokens/credit"),
    ("/v1/users/", "/tokens/debit", "/v1/users/{id}/tokens/debit"),
    ("/v1/holds/", "/capture", "/v1/holds/{id}/capture"),
    ("/v1/holds/", "/release", "/v1/holds/{id}/release"),
];

/// The template of `path`, if it belongs to either contract or to the edge itself; `None` for any other.
#[must_use]
pub fn endpoint(path: &str) -> Option<&'static str> {
    if let Some(plain) = PLAIN.into_iter().find(|known| *known == path) {
        return Some(plain);
    }
    WITH_ID.into_iter().find_map(|(before, after, template)| {
        let id = path.strip_prefix(before)?.strip_suffix(after)?;
        (!id.is_empty() && !id.contains('/')).then_some(template)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = include_str!("../../../docs/api/openapi.json");

    #[test]
    fn every_path_of_both_contracts_has_its_template() {
        let document: serde_json::Value = serde_json::from_str(DOCUMENT).unwrap();
        let contracts = document["paths"].as_object().unwrap().keys();
        let contracts = contracts.filter(|path| path.starts_with("/v1/") || path.starts_with("/auth/"));
        let mut count = 0;
        for template in contracts {
            let path = template.replace("{id}", "0190a6a1-7c1e-7a51-8d0e-6f2f5a6b7c8d");
            assert_eq!(endpoint(&path), Some(template.as_str()));
            count += 1;
        }
        assert!(count > 30, "the document has lost its paths");
    }

    #[test]
    fn unknown_path_has_no_template() {
        for path in [
            "/v1/auth/ada@example.com",
            "/v1/users/",
            "/v1/users//sync",
            "/v1/users/a/b",
            "/auth/login/",
            "/auth/reset?token=x",
            "/",
        ] {
            assert_eq!(endpoint(path), None, "{path}");
        }
    }
}
