//! The calls of the legacy contract, in any spelling of their path.
//!
//! The legacy service's framework ignores case and a slash at the end; others also decode `%6c` or skip empty segments. If the edge took a
//! spelling for another call, it would skip that call's limit, its routing and the service key that a batch needs, and the request would
//! still arrive. The paths that come here are already in the one spelling of `shared::target`.

use shared::target::decode;

/// A call of the legacy contract, as far as routing needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LegacyCall {
    /// The body holds e-mail and password of a user with an account.
    SignIn,
    /// The body holds the e-mail of a user who wants a new password; a mail is sent.
    PasswordReset,
    /// The body holds e-mail and password of a new user.
    Registration,
    /// The body holds a token.
    VerifyToken,
    /// The `Authorization` header holds a token, or a service calls.
    Bearer,
    /// Makes many accounts at once: one of our services calls. The legacy service itself accepts any caller.
    ServiceOnly,
}

/// The calls that are more than a token in a header, by the path that both sides use.
const CALLS: [(&str, LegacyCall); 5] = [
    ("/auth/login", LegacyCall::SignIn),
    ("/auth/verify-token", LegacyCall::VerifyToken),
    ("/auth/register", LegacyCall::Registration),
    ("/auth/forgot-password", LegacyCall::PasswordReset),
    ("/auth/register/batch", LegacyCall::ServiceOnly),
];

/// The call at `path`, and the path to send. Another spelling of a call above is sent in the spelling of that list, so that the side
/// answers the call that the edge judged.
pub(super) fn call(path: &str) -> (&str, LegacyCall) {
    let exact = CALLS.iter().find(|(known, _)| *known == path);
    let found = exact.or_else(|| {
        let plain = plain(path);
        CALLS.iter().find(|(known, _)| *known == plain)
    });
    found.copied().unwrap_or((path, LegacyCall::Bearer))
}

/// `path` as the most lenient server reads it: in lower case, fully decoded, without parameters of segments, empty segments and a slash at
/// the end.
pub(crate) fn plain(path: &str) -> String {
    let mut bytes = path.as_bytes().to_vec();
    while let Some(decoded) = decode(&bytes) {
        bytes = decoded;
    }
    let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
    let mut plain = String::with_capacity(text.len());
    let names = text
        .split(['/', '\\'])
        .filter_map(|segment| segment.split(';').next());
    for segment in names.filter(|name| !name.is_empty()) {
        plain.push('/');
        plain.push_str(segment);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_the_same_call() {
        for (path, expected) in [
            ("/auth/login", "/auth/login"),
            ("/auth/login/", "/auth/login"),
            ("/auth/LOGIN", "/auth/login"),
            ("/auth//login", "/auth/login"),
            ("/auth/%6cogin", "/auth/login"),
            ("/auth/%256Cogin", "/auth/login"),
            ("/auth%2flogin", "/auth/login"),
            ("/auth/log%69n%2F", "/auth/login"),
            ("/auth/Register/Batch/", "/auth/register/batch"),
            ("/auth/register%2fbatch", "/auth/register/batch"),
            ("/auth/register%5cbatch", "/auth/register/batch"),
            ("/auth/Verify-Token", "/auth/verify-token"),
        ] {
            let (sent_to, call) = call(path);
            assert_eq!(sent_to, expected, "{path}");
            assert_ne!(call, LegacyCall::Bearer, "{path}");
        }
    }

    #[test]
    fn other_paths_stay_as_they_are() {
        for path in [
            "/auth/profile",
            "/auth/Profile/",
            "/auth/login/x",
            "/auth/logins",
            "/auth/%",
            "/auth/%zz",
            "/auth/%+1ogin",
            "/auth/%ff",
            "/auth/",
        ] {
            assert_eq!(call(path), (path, LegacyCall::Bearer));
        }
    }
}
