use super::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn read(target: &str) -> Result<String, TargetFault> {
    Target::read(target).map(|target| [target.path, target.query].concat())
}

#[test]
fn canonical_target_is_borrowed() {
    for target in [
        "/",
        "/v1/auth/me?a=b?c",
        "/auth/login",
        "//auth//login/",
        "/a:b@c!$&'()*+,;=/x",
        "/a.b/c..d/...x?..",
        "/a/%2Fb/%C3%A9?%zz&%",
        "/?",
    ] {
        let read = Target::read(target).unwrap();
        assert_eq!(format!("{}{}", read.path, read.query), target);
        assert!(matches!(read.path, Cow::Borrowed(_)), "{target}");
        assert!(matches!(read.query, Cow::Borrowed(_)), "{target}");
    }
}

#[test]
fn other_spellings_become_canonical() {
    for (target, expected) in [
        ("/auth/register/%2e/batch", "/auth/register/batch"),
        ("/auth/register/./batch", "/auth/register/batch"),
        ("/api/keep/%2e%2e/%2E%2e/metrics", "/metrics"),
        ("/a/.%2e/b", "/b"),
        ("/a/..", "/"),
        ("/a/b/.", "/a/b/"),
        ("/..", "/"),
        ("/%2e", "/"),
        ("/a/..//b", "//b"),
        ("/a//../b", "/a/b"),
        ("/%61uth/%6cogin", "/auth/login"),
        ("/%7ea%2D%5f", "/~a-_"),
        ("/a%2fb%5cc%3b", "/a%2Fb%5Cc%3B"),
        ("/\u{e9}", "/%C3%A9"),
        ("/a%20b%00", "/a%20b%00"),
        ("/a\"<>^`{|}[]", "/a%22%3C%3E%5E%60%7B%7C%7D%5B%5D"),
        ("/%5bid%5D", "/%5Bid%5D"),
        ("/a?x='\"<>\u{e9}", "/a?x=%27%22%3C%3E%C3%A9"),
        ("/a?x=\\..\\{|}^`", "/a?x=\\..\\{|}^`"),
        ("/a/%25zz", "/a/%25zz"),
        ("/a/.../.b/..c", "/a/.../.b/..c"),
    ] {
        assert_eq!(read(target).as_deref(), Ok(expected), "{target}");
        assert_eq!(read(expected).as_deref(), Ok(expected), "{target} twice");
    }
}

#[test]
fn target_without_one_reading_is_refused() {
    use TargetFault as F;
    let nested = format!("/a/%{}2e", "25".repeat(5));
    let long = format!("/{}", "a".repeat(MAX_TARGET_BYTES));
    for (target, fault) in [
        ("", F::NoPath),
        ("auth/login", F::NoPath),
        ("?x", F::NoPath),
        ("\\auth", F::NoPath),
        ("/auth/login#x", F::Fragment),
        ("/a?q#d", F::Fragment),
        ("/a\\..\\b", F::Backslash),
        ("/\\evil.example/x", F::Backslash),
        ("/a\u{1}", F::Control),
        ("/a\u{7f}", F::Control),
        ("/a b", F::Control),
        ("/a?\t", F::Control),
        ("/caf\u{fffd}", F::NotUtf8),
        ("/a?caf\u{fffd}", F::NotUtf8),
        ("/%", F::Escape),
        ("/a%4", F::Escape),
        ("/%zz", F::Escape),
        ("/%+1", F::Escape),
        ("/%u002e%u002e/x", F::Escape),
        ("/a/..%2fb", F::HiddenDots),
        ("/a/%2e%2e%2Fb", F::HiddenDots),
        ("/a/%2e%2e%5cb", F::HiddenDots),
        ("/a%2f..", F::HiddenDots),
        ("/a/%252e%252e/b", F::HiddenDots),
        ("/a/%25252e/b", F::HiddenDots),
        ("/a/..;x=1/b", F::HiddenDots),
        ("/a/.;/b", F::HiddenDots),
        ("/a/%2e%2e%3Bx/b", F::HiddenDots),
        ("/a/..%00/b", F::HiddenDots),
        ("/a/..%20/b", F::HiddenDots),
        (&nested, F::EscapedTooOften),
        (&long, F::TooLong),
    ] {
        assert_eq!(read(target), Err(fault), "{target}");
    }
}

/// For every target of up to four of these pieces: a second reading changes nothing, no reader finds a dot segment left, and a URL parser
/// sends what was read.
#[test]
fn canonical_form_is_final_for_generated_targets() {
    const PIECES: [&str; 12] = [
        "/", "a", ".", "%2e", "%2F", "%5c", "%25", ";", "?", "\u{e9}", "2e", "'",
    ];
    let mut targets: Vec<String> = vec!["/".to_owned()];
    for _ in 0..4 {
        let longer = targets
            .iter()
            .flat_map(|target| PIECES.iter().map(move |piece| format!("{target}{piece}")));
        targets = longer.collect();
        for target in &targets {
            let Ok(first) = Target::read(target) else {
                continue;
            };
            let spelled = [first.path.as_ref(), first.query.as_ref()].concat();
            let second = Target::read(&spelled).unwrap();
            assert_eq!(
                (&second.path, &second.query),
                (&first.path, &first.query),
                "{target}"
            );
            assert!(
                first.path.starts_with('/') && !first.path.contains(['#', '?', '\\']),
                "{target}"
            );
            assert!(
                first
                    .path
                    .split('/')
                    .all(|segment| segment != "." && segment != ".."),
                "{target}"
            );
            agrees_with_a_url_parser(&first, &spelled);
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
fn agrees_with_a_url_parser(read: &Target<'_>, spelled: &str) {
    let parsed = url::Url::parse(&format!("https://gw.example.com{spelled}")).unwrap();
    assert_eq!(parsed.path(), read.path, "{spelled}");
    assert_eq!(parsed.query(), read.query.strip_prefix('?'), "{spelled}");
    assert_eq!(parsed.fragment(), None, "{spelled}");
}

#[cfg(target_arch = "wasm32")]
const fn agrees_with_a_url_parser(_: &Target<'_>, _: &str) {}

#[cfg(not(target_arch = "wasm32"))]
mod any {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn text_is_refused_or_has_one_form(target in "/(?s).{0,40}") {
            if let Ok(read) = Target::read(&target) {
                let spelled = [read.path.as_ref(), read.query.as_ref()].concat();
                agrees_with_a_url_parser(&read, &spelled);
                let again = Target::read(&spelled).unwrap();
                prop_assert_eq!((again.path, again.query), (read.path.clone(), read.query.clone()));
            }
        }
    }
}
