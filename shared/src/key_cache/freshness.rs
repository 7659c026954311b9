//! How long an HTTP answer is fresh (RFC 9111 section 4.2), as far as a key set needs it.

/// Seconds for which an answer with these headers is fresh: `max-age − age`, 0 when the issuer does not say or says it badly.
///
/// The `Age` of a shared cache counts: without it, keys are used past the time their issuer gave them.
/// `no-store` and `no-cache` mean 0; `s-maxage` is for shared caches and is not read.
#[must_use]
pub fn freshness(cache_control: Option<&str>, age: Option<&str>) -> i64 {
    let Some(max_age) = cache_control.and_then(max_age) else {
        return 0;
    };
    let age = match age {
        None => 0,
        // An unreadable Age is ignored (RFC 9111 section 5.1).
        Some(text) => seconds(text.trim()).unwrap_or(0),
    };
    max_age.saturating_sub(age).max(0)
}

fn max_age(cache_control: &str) -> Option<i64> {
    let mut found = None;
    for directive in cache_control.split(',') {
        let (name, value) = match directive.split_once('=') {
            Some((name, value)) => (name.trim(), Some(value.trim())),
            None => (directive.trim(), None),
        };
        if name.eq_ignore_ascii_case("no-store") || name.eq_ignore_ascii_case("no-cache") {
            return None;
        }
        if name.eq_ignore_ascii_case("max-age") {
            let value = seconds(value?.trim_matches('"'))?;
            // Said twice: the shorter holds, so that a confused answer is not kept for long.
            found = Some(found.map_or(value, |earlier: i64| earlier.min(value)));
        }
    }
    found
}

/// RFC 9111 section 1.2.2: digits only; a number too large to hold means "long".
fn seconds(text: &str) -> Option<i64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(text.parse::<i64>().unwrap_or(i64::MAX))
}
