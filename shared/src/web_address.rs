//! The one rule for addresses that clients put into pages unchanged, such as a user's photo.

/// The longest such address, in characters.
pub const MAX_CHARACTERS: usize = 2048;

/// Whether `text` is a web address that a page may load: `http://` or `https://` with a host, 1 to [`MAX_CHARACTERS`] characters of
/// printable ASCII.
///
/// `javascript:` and `data:` are addresses too, and run or show in the page what the user wrote into their profile. White space and control
/// characters are refused, since browsers drop some of them and then read another scheme than we did (WHATWG URL, section 4.4).
#[must_use]
pub fn is_web_address(text: &str) -> bool {
    if text.len() > MAX_CHARACTERS {
        return false;
    }
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        let host = rest.bytes().next();
        host.is_some_and(|first| first.is_ascii_alphanumeric() || first == b'[')
            && rest.bytes().all(|byte| byte.is_ascii_graphic())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn only_http_addresses_are_web_addresses() {
        let longest = format!("https://a/{}", "x".repeat(MAX_CHARACTERS - 10));
        for good in [
            "https://lh3.googleusercontent.com/a/b=s96-c",
            "http://a",
            "https://[::1]/x?y#z",
            &longest,
        ] {
            assert!(is_web_address(good), "{good}");
        }
        for bad in [
            "",
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            " javascript:alert(1)",
            "java\nscript:alert(1)",
            "data:text/html,x",
            "vbscript:x",
            "blob:https://a/b",
            "ftp://a/b",
            "//a/b",
            "/a",
            "https:",
            "https://",
            "https:///a",
            "https://@a",
            "https://a b",
            "https://a\tb",
            "https://a\0b",
            "https://a\u{7f}",
            "https://é",
            "https://a\u{202e}b",
            &format!("{longest}x"),
        ] {
            assert!(!is_web_address(bad), "{bad:?}");
        }
    }
}
