//! Which calls the edge counts, by which key, and what a full counter does.

use crate::support::{Answered, Edge, SERVICE_KEY};
use crate::{IN_COHORT, LOGIN, half};

const NEW_LOGIN: &str = "POST\nhttps://edge/v1/auth/login\ncontent-type:application/json";
const PER_ACCOUNT: [&str; 2] = ["LIMIT_ACCOUNT", "LIMIT_ACCOUNT_NETWORK"];

fn from(address: &str, request: &str) -> String {
    format!("{request}\ncf-connecting-ip:{address}")
}

fn said(reply: &Answered) -> String {
    reply.headers.as_text().to_owned()
}

/// The keys counted for one request, by binding.
fn keys(edge: &Edge, request: &str, body: &str) -> Vec<(String, String)> {
    edge.counted();
    edge.handle(request, body);
    edge.counted()
}

#[test]
fn full_counter_refuses_strangers_and_not_services() {
    let edge = half();
    edge.exhaust(&["LIMIT_LOGIN"]);
    let reply = edge.handle(&from("192.0.2.1", LOGIN), IN_COHORT);
    assert_eq!((reply.status, reply.code), (429, Some("RATE_LIMITED")));
    assert_eq!(reply.reason, "limit_login");
    assert!(edge.sent().is_empty());
    let service = format!("{LOGIN}\nx-service-key:{SERVICE_KEY}");
    assert_eq!(edge.handle(&from("192.0.2.1", &service), IN_COHORT).status, 200);
    let me = from("192.0.2.1", "GET\nhttps://edge/v1/auth/me");
    assert_eq!(edge.handle(&me, "").status, 200);
}

#[test]
fn limit_is_announced_and_refusal_has_retry_after() {
    let edge = Edge::with(&[("RATE_LIMITS", "login=20/60")]);
    let login = from("192.0.2.1", LOGIN);
    let headers = said(&edge.handle(&login, IN_COHORT));
    assert!(
        headers.contains("\nratelimit-policy:\"login\";q=20;w=60"),
        "{headers}"
    );
    assert!(!headers.contains("\nratelimit:"), "{headers}");
    let me = from("192.0.2.1", "GET\nhttps://edge/v1/auth/me");
    assert!(!said(&edge.handle(&me, "")).contains("ratelimit"));
    edge.exhaust(&["LIMIT_LOGIN"]);
    let headers = said(&edge.handle(&login, IN_COHORT));
    assert!(headers.contains("\nratelimit:\"login\";r=0;t=60"), "{headers}");
}

#[test]
fn public_and_password_taking_calls_are_counted() {
    let edge = half();
    for (method, path, binding) in [
        ("POST", "/auth/login", "LIMIT_LOGIN"),
        ("POST", "/api/auth/LOGIN/", "LIMIT_LOGIN"),
        ("POST", "/api/auth/v2/login", "LIMIT_LOGIN"),
        ("POST", "/v1/auth/register", "LIMIT_REGISTER"),
        ("POST", "/v1/auth/forgot-password", "LIMIT_FORGOT_PASSWORD"),
        ("POST", "/v1/auth/reset-password", "LIMIT_PASSWORD"),
        ("POST", "/v1/auth/refresh", "LIMIT_REFRESH"),
        ("POST", "/v1/auth/exchange", "LIMIT_EXCHANGE"),
        ("POST", "/v1/auth/verify-token", "LIMIT_VERIFY_TOKEN"),
        ("POST", "/v1/auth/mfa/finish", "LIMIT_MFA"),
        ("POST", "/auth/change-password", "LIMIT_PASSWORD"),
        ("POST", "/api/auth/Change-Password/", "LIMIT_PASSWORD"),
        ("GET", "/auth/Schools/", "LIMIT_SCHOOLS"),
        ("DELETE", "/v1/auth/user", "LIMIT_PASSWORD"),
        ("DELETE", "/auth/account", "LIMIT_PASSWORD"),
        ("GET", "/auth/schools", "LIMIT_SCHOOLS"),
    ] {
        let request = from("192.0.2.1", &format!("{method}\nhttps://edge{path}"));
        let counted = keys(&edge, &request, "{}");
        assert_eq!(
            counted.first().map(|(name, _)| name.as_str()),
            Some(binding),
            "{method} {path}"
        );
    }
}

#[test]
fn network_is_counted_in_any_spelling_and_never_shown() {
    let edge = half();
    let key = |address: &str| {
        let counted = keys(&edge, &from(address, NEW_LOGIN), "{}");
        counted.into_iter().next().unwrap().1
    };
    assert_eq!(key("2001:db8::1"), key("2001:DB8:0:0:ffff::"));
    assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
    assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
    assert!(!key("192.0.2.1").contains("192"), "{}", key("192.0.2.1"));
}

#[test]
fn account_is_counted_on_either_contract_by_any_name() {
    let edge = half();
    let key = |address: &str, request: &str, body: &str| {
        let counted = keys(&edge, &from(address, request), body);
        let account = counted.iter().find(|(name, _)| name == "LIMIT_ACCOUNT");
        account.map(|(_, key)| key.clone())
    };
    let ann = key("192.0.2.1", NEW_LOGIN, r#"{"email":"ann@example.com"}"#);
    assert!(ann.is_some());
    assert_eq!(
        ann,
        key(
            "192.0.2.2",
            LOGIN,
            r#"{"email":" Ann@Example.com ","password":"x"}"#
        )
    );
    assert_ne!(ann, key("192.0.2.1", LOGIN, r#"{"email":"ben@example.com"}"#));
    assert!(key("192.0.2.1", LOGIN, r#"{"username":"Ann"}"#).is_some());
    assert_eq!(
        key("192.0.2.1", LOGIN, r#"{"username":"Ann"}"#),
        key("192.0.2.1", LOGIN, r#"{"username":"ann"}"#)
    );
    for nobody in ["{}", r#"{"username":""}"#, r#"{"email":null}"#] {
        assert_eq!(key("192.0.2.1", LOGIN, nobody), None, "{nobody}");
    }
    let forgot = "POST\nhttps://edge/v1/auth/forgot-password\ncontent-type:application/json";
    assert_ne!(
        ann,
        key("192.0.2.1", forgot, r#"{"email":"ann@example.com"}"#),
        "a counter of its own"
    );
    assert!(!ann.unwrap().contains("ann"));
}

/// The services behind the edge read bodies that it cannot, and each framework reads others. All of these count as calls about one account
/// without a name: nobody escapes the account's counter by hiding the name.
#[test]
fn hidden_account_is_counted_as_one_without_a_name() {
    let edge = half();
    let json = "POST\nhttps://edge/auth/login\ncontent-type:application/json";
    let form = "POST\nhttps://edge/auth/login\ncontent-type:application/x-www-form-urlencoded";
    let accounts = |request: &str, body: &str| {
        let counted = keys(&edge, &from("192.0.2.1", request), body);
        let of_accounts = counted.into_iter().filter(|(name, _)| name == PER_ACCOUNT[0]);
        of_accounts.map(|(_, key)| key).collect::<Vec<String>>()
    };
    let nameless = accounts(json, "no JSON");
    assert_eq!(nameless.len(), 1);
    let ann = accounts(json, r#"{"email":"ann@example.com"}"#);
    let named = r#"{"email":"ann@example.com","password":"x"}"#;
    let long = format!(
        r#"{{"padding":"{}","email":"ann@example.com"}}"#,
        "x".repeat(17_000)
    );
    for (request, body) in [
        (json, long.as_str()),
        (json, "\u{feff}{\"email\":\"ann@example.com\"}"),
        (json, r#"{"email":"ben@example.com","email":"ann@example.com"}"#),
        (json, r#"{"email":"ann@example.com","username":7}"#),
        (json, r#"{"email":"ann@example.com","token":{}}"#),
        (json, r#"{"email":["ann@example.com"]}"#),
        (json, "email=ann@example.com"),
        (form, named),
        (form, "email=%4"),
    ] {
        assert_eq!(accounts(request, body), nameless, "{request} {body}");
    }
    // Another reading of the same bytes may name another account: both count.
    for header in [
        "content-encoding:gzip",
        "content-encoding:identity, br",
        "content-type:application/json; charset=utf-7",
        "content-type:application/json; charset=\"UTF-16\"",
        "content-type:application/json; charset=utf-8; charset=utf-7",
    ] {
        let request = format!("POST\nhttps://edge/auth/login\n{header}");
        assert_eq!(
            accounts(&request, named),
            [ann.clone(), nameless.clone()].concat(),
            "{header}"
        );
    }
    let twice = accounts(form, "email=ann%40example.com&email=ben%40example.com");
    assert_eq!(twice, [ann.clone(), nameless].concat());
    for header in [
        "content-encoding:identity",
        "content-type:application/json; charset=\"UTF-8\"",
        "content-type:text/plain",
    ] {
        let request = format!("POST\nhttps://edge/auth/login\n{header}");
        assert_eq!(accounts(&request, named), ann, "{header}");
    }
    assert_eq!(
        accounts(form, "email=ann%40example.com&email=ann%40example.com"),
        ann
    );
}

/// A legacy service may look for the one or the other.
#[test]
fn both_names_of_an_account_count() {
    let edge = half();
    let count = |body: &str| {
        let counted = keys(&edge, &from("192.0.2.1", LOGIN), body);
        let of_accounts = counted.into_iter().filter(|(name, _)| name == PER_ACCOUNT[0]);
        of_accounts.map(|(_, key)| key).collect::<Vec<String>>()
    };
    let (email, username) = (
        count(r#"{"email":"ann@example.com"}"#),
        count(r#"{"username":"ben"}"#),
    );
    let both = count(r#"{"email":"ann@example.com","username":"ben"}"#);
    assert_eq!(both, [email.clone(), username].concat());
    // An address that is none by our rules may be one by the legacy service's.
    assert_eq!(count(r#"{"email":"ann"}"#).len(), 1);
    assert_eq!(count("{\"email\":\"\u{feff}Ann@example.com \"}"), email);
}

/// A stranger can fill the account's counter, but not the counter of the owner's network.
#[test]
fn full_counter_of_an_account_refuses_those_who_filled_it() {
    let edge = half();
    let body = r#"{"email":"ann@example.com","password":"x"}"#;
    edge.exhaust(&PER_ACCOUNT[..1]);
    for request in [LOGIN, NEW_LOGIN] {
        assert_eq!(edge.handle(&from("192.0.2.1", request), body).status, 200);
    }
    edge.exhaust(&PER_ACCOUNT);
    for request in [LOGIN, NEW_LOGIN] {
        let reply = edge.handle(&from("192.0.2.1", request), body);
        assert_eq!((reply.status, reply.code), (429, Some("RATE_LIMITED")));
        assert!(said(&reply).contains("x-auth-route:edge"), "{}", said(&reply));
    }
}

#[test]
fn failing_counters_and_absent_addresses_limit_nobody() {
    let edge = half();
    edge.break_counters();
    assert_eq!(edge.handle(&from("192.0.2.1", LOGIN), IN_COHORT).status, 200);
    let edge = half();
    edge.exhaust(&["LIMIT_LOGIN"]);
    for request in [LOGIN.to_owned(), from("9.9.9.9, 8.8.8.8", LOGIN)] {
        assert_eq!(edge.handle(&request, IN_COHORT).status, 200);
    }
}
