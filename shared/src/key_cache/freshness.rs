//! How long an HTTP answer is fresh (RFC 9111 section 4.2), as far as a key set needs it.

/// Seconds for which an answer with these headers is fresh: `max-age − age`, or 0 when the issuer does not say or says it wrongly.
///
/// The `Age` of a shared cache counts: without it, keys would be used longer than their issuer allowed.
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
            // `max-age` twice: the shorter holds, so that an inconsistent answer is not kept for long.
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

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn max_age_less_age() {
        for (cache_control, age, expected) in [
            (
                Some("public, max-age=18821, must-revalidate, no-transform"),
                Some("52"),
                18_769,
            ),
            (
                Some("public, max-age=18821, must-revalidate, no-transform"),
                None,
                18_821,
            ),
            (Some("public,max-age=100"), None, 100),
            (Some("MAX-AGE=100"), None, 100),
            (Some("max-age = 100"), None, 100),
            (Some("max-age=\"100\""), None, 100),
            (Some("max-age=100, max-age=7"), None, 7),
            (Some("max-age=100"), Some("100"), 0),
            (Some("max-age=100"), Some("101"), 0),
            (Some("max-age=100"), Some("x"), 100),
            (Some("max-age=100"), Some("-5"), 100),
            (Some("max-age=99999999999999999999"), None, i64::MAX),
            (
                Some("max-age=99999999999999999999"),
                Some("99999999999999999999"),
                0,
            ),
            (None, None, 0),
            (Some(""), None, 0),
            (Some("max-age 100"), None, 0),
            (Some("max-age: 100"), None, 0),
            (Some("max-age2=100"), None, 0),
            (Some("max-age=foo"), None, 0),
            (Some("max-age=-1"), None, 0),
            (Some("max-age=1.5"), None, 0),
            (Some("max-age="), None, 0),
            (Some("max-age"), None, 0),
            (Some("private,"), None, 0),
            (Some("no-store, max-age=100"), None, 0),
            (Some("max-age=100, no-cache"), None, 0),
            (Some("s-maxage=100"), None, 0),
        ] {
            assert_eq!(
                freshness(cache_control, age),
                expected,
                "{cache_control:?} {age:?}"
            );
        }
    }
}
