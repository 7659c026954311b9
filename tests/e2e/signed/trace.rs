//! A request has one name on every hop.

use crate::answer::Answer;
use crate::stack;
use crate::users::new_token;

async fn named(path: &str, name: Option<&str>) -> Answer {
    let call = stack::edge().get(path).bearer(&new_token());
    match name {
        Some(name) => call.header("x-request-id", name),
        None => call,
    }
    .send()
    .await
}

/// 128 random bits in hexadecimal: the edge makes them when a request brings no name, or a bad one.
fn is_made_here(name: Option<&str>) -> bool {
    name.is_some_and(|name| name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

const LONGEST: &str = "0123456789012345678901234567890123456789012345678901234567890123";

#[tokio::test]
async fn a_good_name_is_kept() {
    for path in ["/v1/auth/me", "/nowhere", "/livez", "/auth/profile"] {
        for name in ["r-1", "A_b.c-9", LONGEST] {
            named(path, Some(name)).await.has_header("x-request-id", name);
        }
    }
}

#[tokio::test]
async fn a_bad_name_is_replaced_and_a_missing_one_made() {
    let too_long = format!("{LONGEST}4");
    for path in ["/v1/auth/me", "/nowhere", "/livez"] {
        let mut made = Vec::new();
        for name in [
            None,
            Some(too_long.as_str()),
            Some("a b"),
            Some("a;b"),
            Some("<script>"),
            Some("a/b"),
        ] {
            let answer = named(path, name).await;
            let found = answer.header("x-request-id");
            assert!(is_made_here(found), "the name\n{answer}");
            made.extend(found.map(str::to_owned));
        }
        made.sort();
        made.dedup();
        assert_eq!(made.len(), 6, "names made twice for {path}: {made:?}");
    }
}

#[tokio::test]
async fn failure_names_the_request_as_its_header_does() {
    for path in ["/nowhere", "/v1/nowhere"] {
        let answer = named(path, Some("a b")).await.expect(404);
        assert_eq!(
            Some(answer.text_at("/request_id").as_str()),
            answer.header("x-request-id"),
            "{answer}"
        );
    }
}
