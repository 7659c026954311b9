//! The calls of the legacy contract, however their path is spelled.
//!
//! The legacy service's framework ignores case and a slash at the end, others decode `%6c` or skip empty segments too. A spelling that
//! the edge took for another call would go round its limit, its routing and the service key that a batch needs, and still arrive.

/// A call of the legacy contract, as far as routing cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LegacyCall {
    /// The body holds e-mail and password of somebody with an account.
    SignIn,
    /// The body holds the e-mail of somebody who wants a new password; a mail is sent.
    PasswordReset,
    /// The body holds e-mail and password of somebody new.
    Registration,
    /// The body holds a token.
    VerifyToken,
    /// The `Authorization` header holds a token, or a service calls.
    Bearer,
    /// Makes accounts by the dozen: one of our services calls. The legacy service itself lets anybody.
    ServiceOnly,
}

/// The calls that are more than a token in a header, by the path that both sides know them by.
const CALLS: [(&str, LegacyCall); 5] = [
    ("/auth/login", LegacyCall::SignIn),
    ("/auth/verify-token", LegacyCall::VerifyToken),
    ("/auth/register", LegacyCall::Registration),
    ("/auth/forgot-password", LegacyCall::PasswordReset),
    ("/auth/register/batch", LegacyCall::ServiceOnly),
];

/// The call at `path`, and the path to send it to: another spelling of a call above is sent as it is spelled there, so that either side
/// answers what was judged here.
pub(super) fn call(path: &str) -> (&str, LegacyCall) {
    let exact = CALLS.iter().find(|(known, _)| *known == path);
    let found = exact.or_else(|| {
        let plain = plain(path);
        CALLS.iter().find(|(known, _)| *known == plain)
    });
    found.copied().unwrap_or((path, LegacyCall::Bearer))
}

/// `path` in lower case, its escapes decoded until none is left, without empty segments and a slash at the end.
fn plain(path: &str) -> String {
    let mut bytes = path.as_bytes().to_vec();
    while let Some(decoded) = decode(&bytes) {
        bytes = decoded;
    }
    let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
    let mut plain = String::with_capacity(text.len());
    for segment in text.split(['/', '\\']).filter(|segment| !segment.is_empty()) {
        plain.push('/');
        plain.push_str(segment);
    }
    plain
}

/// One round of decoding; `None` when there was nothing to decode. Each round shortens the path, so the rounds end.
fn decode(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        let escape = (*first == b'%').then(|| after.split_at_checked(2)).flatten();
        let escaped = escape.and_then(|(digits, after)| {
            let digits = std::str::from_utf8(digits).ok()?;
            let plain = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
            let byte = u8::from_str_radix(digits, 16).ok().filter(|_| plain)?;
            Some((byte, after))
        });
        let (byte, after) = escaped.unwrap_or((*first, after));
        decoded.push(byte);
        rest = after;
    }
    (decoded.len() < bytes.len()).then_some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_spelling_is_taken_for_another_call() {
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
