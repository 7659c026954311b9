//! The strict routes of an app service (`strict` in `UPSTREAMS`): before each request the edge asks the origin about the caller.
//! `second_factor`, written in the same way, names the routes that need a sign-in with a second factor.

use serde::Deserialize;

use super::auth_mode::AuthMode;

/// The strict routes of a service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum StrictRoutes {
    /// No route: a deactivated user is refused within ten seconds.
    #[default]
    None,
    /// Every route.
    All,
    /// Routes with a path that begins like one of these, in lower case.
    Below(Vec<String>),
}

/// As the variable has it: `true`, or a list of paths.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Written {
    Switch(bool),
    Paths(Vec<String>),
}

impl Default for Written {
    fn default() -> Self {
        Self::Switch(false)
    }
}

impl StrictRoutes {
    /// Reads the value for the service at `prefix`.
    ///
    /// # Errors
    /// The broken rule.
    pub(super) fn read(name: &str, written: Written, prefix: &str, auth: AuthMode) -> Result<Self, String> {
        let strict = match written {
            Written::Switch(false) => return Ok(Self::None),
            Written::Switch(true) => Self::All,
            Written::Paths(paths) => {
                let below = |path: &String| {
                    let rest = path.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('/'));
                    rest.is_some_and(|rest| !rest.is_empty()) && is_plain(path)
                };
                if paths.is_empty() || !paths.iter().all(below) {
                    return Err(format!(
                        "{name} is not `true` or a list of paths below {prefix}, of letters, digits, `-._~` and single slashes"
                    ));
                }
                Self::Below(paths.iter().map(|path| path.to_ascii_lowercase()).collect())
            }
        };
        if auth == AuthMode::None {
            return Err(format!(
                "{name} is about the caller, whom `auth: none` does not know"
            ));
        }
        Ok(strict)
    }

    /// Whether `path` is strict. A path in an unusual spelling always is: services decode escapes, fold case, collapse slashes and cut
    /// parameters off, and another spelling must not bypass the strict path.
    #[must_use]
    pub fn covers(&self, path: &str) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Below(paths) => {
                let path = path.to_ascii_lowercase();
                !is_plain(&path) || paths.iter().any(|strict| path.starts_with(strict.as_str()))
            }
        }
    }
}

fn is_plain(path: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'.' | b'_' | b'~');
    path.bytes().all(plain) && !path.contains("//")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(written: &str, auth: AuthMode) -> Result<StrictRoutes, String> {
        StrictRoutes::read(
            "strict",
            serde_json::from_str(written).unwrap(),
            "/api/shop",
            auth,
        )
    }

    #[test]
    fn another_spelling_is_strict_too() {
        let strict = read(
            r#"["/api/shop/Payments", "/api/shop/admin/keys"]"#,
            AuthMode::Required,
        )
        .unwrap();
        for covered in [
            "/api/shop/payments",
            "/api/shop/payments/7",
            "/api/shop/payments.json",
            "/api/shop/PAYMENTS",
            "/api/shop/%70ayments",
            "/api/shop//payments",
            "/api/shop/;x/payments",
            "/api/shop/admin/keys/",
        ] {
            assert!(strict.covers(covered), "{covered}");
        }
        for open in [
            "/api/shop",
            "/api/shop/pay",
            "/api/shop/admin",
            "/api/shop/cart-2",
        ] {
            assert!(!strict.covers(open), "{open}");
        }
        assert!(
            read("true", AuthMode::Optional)
                .unwrap()
                .covers("/api/shop/anything")
        );
        assert!(
            !read("false", AuthMode::None)
                .unwrap()
                .covers("/api/shop/payments")
        );
    }

    #[test]
    fn invalid_values_are_refused() {
        for refused in [
            "[]",
            r#"["payments"]"#,
            r#"["/api/shop"]"#,
            r#"["/api/shop/"]"#,
            r#"["/api/shopping/x"]"#,
            r#"["/api/other/x"]"#,
            r#"["/api/shop/a b"]"#,
            r#"["/api/shop/%41"]"#,
            r#"["/api/shop//x"]"#,
            r#"["/api/shop/ok", "/api/shop/*"]"#,
        ] {
            assert!(read(refused, AuthMode::Required).is_err(), "{refused}");
        }
        for nobody in ["true", r#"["/api/shop/payments"]"#] {
            assert!(read(nobody, AuthMode::None).is_err(), "{nobody}");
        }
    }
}
