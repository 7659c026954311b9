//! Token translation: which callers get a legacy token that the edge makes, which service sees it, and that the edge does not accept it.

use serde_json::{Value, json};
use shared::problem::ErrorCode;

use crate::no_changes;
use crate::support::{
    Answered, Edge, claims, emulator_cookie, emulator_token, legacy_token, legacy_token_saying,
};

const ID: &str = "11111111-1111-4111-8111-111111111111";
const VERIFY: &str = "POST\nhttp://edge/auth/verify-token\ncontent-type:application/json";

fn me(user_type: &str) -> String {
    json!({"data": {"user": {
        "id": ID, "user_type": user_type, "email": "ann@example.com", "username": "ann", "token_balance": 7, "is_active": true,
    }}})
    .to_string()
}

fn edge_with(more: &[(&str, &str)]) -> Edge {
    let mut variables = vec![(
        "UPSTREAMS",
        r#"[{"prefix":"/api/old","url":"http://old","auth":"required","token":"legacy","strict":["/api/old/pay"]},
            {"prefix":"/api/open","url":"http://open","auth":"optional","token":"legacy"},
            {"prefix":"/api/live","url":"http://live","auth":"required","websocket":true,"token":"legacy","token_in":"query:token"},
            {"prefix":"/api/new","url":"http://new","auth":"required"},
            {"prefix":"/api/own","url":"http://own","auth":"required","forward_token":true},
            {"prefix":"/api/alone","url":"http://alone","auth":"none"}]"#,
    )];
    variables.extend(more);
    let edge = Edge::with(&variables);
    edge.answers("/v1/changes", 200, &no_changes("1"));
    edge.answers("/v1/changes?since=1", 200, &no_changes("1"));
    edge.answers("/v1/auth/me", 200, &me("user"));
    edge
}

fn edge() -> Edge {
    edge_with(&[])
}

fn get(edge: &Edge, token: &str, path: &str) -> Answered {
    edge.handle(
        &format!("GET\nhttp://edge{path}\nauthorization:Bearer {token}"),
        "",
    )
}

/// The token in the header of the request that was sent last.
fn minted(edge: &Edge) -> String {
    edge.last_sent().bearer()
}

#[test]
fn service_gets_a_legacy_token_of_the_users_row() {
    let edge = edge();
    let tokens = [
        ("firebase", emulator_token(&edge, "uid-1", "other@example.com")),
        ("firebase_session_cookie", emulator_cookie(&edge, "uid-1")),
        ("legacy", legacy_token(&edge, ID)),
    ];
    for (kind, token) in tokens {
        let answered = get(&edge, &token, "/api/old/jobs");
        assert_eq!((answered.status, answered.translated), (200, true), "{kind}");
        let sent = edge.last_sent();
        let made = minted(&edge);
        assert_ne!(made, token);
        let claims = claims(&made);
        let now = claims["iat"].as_i64().unwrap();
        let expected = json!({
            "id": ID, "email": "ann@example.com", "type": "user", "tokenBalance": 7, "iss": "atma-auth-service",
            "aud": "atma-services", "iat": now, "auth_time": claims["auth_time"], "exp": now + 900, "crossfade": "translated",
        });
        assert_eq!(claims, expected, "{kind}");
        assert_eq!(sent.header("x-auth-token-kind"), Some(kind));
        assert_eq!(sent.header("x-user-id"), Some(ID));
        assert!(sent.header("x-crossfade-assertion").is_some());
        assert!(!sent.holds(&token), "{kind}");
        // The same token, as long as it serves.
        edge.pass(1);
        get(&edge, &token, "/api/old/jobs");
        assert_eq!(minted(&edge), made);
    }
}

#[test]
fn roles_come_from_the_row_and_never_from_the_callers_token() {
    let edge = edge();
    let admin = legacy_token_saying(&edge, ID, &json!({ "type": "admin", "role": "superadmin" }));
    get(&edge, &admin, "/api/old/jobs");
    let first = claims(&minted(&edge));
    assert_eq!((&first["type"], first.get("role")), (&json!("user"), None));
    // A promoted user has the role from the next reading of the row on, and so does a demoted one.
    for (user_type, kind, role) in [
        ("superadmin", "admin", Some("superadmin")),
        ("moderator", "user", None),
    ] {
        edge.answers("/v1/auth/me", 200, &me(user_type));
        edge.pass(301);
        get(&edge, &admin, "/api/old/jobs");
        let claims = claims(&minted(&edge));
        assert_eq!(claims["type"], kind);
        assert_eq!(claims.get("role").and_then(Value::as_str), role);
    }
}

#[test]
fn refused_users_get_no_translated_token() {
    let outages: [(u16, u16, &str); 5] = [
        (403, 403, ErrorCode::UserDisabled.as_str()),
        (401, 401, ErrorCode::TokenRevoked.as_str()),
        (404, 404, ErrorCode::UserNotFound.as_str()),
        (409, 409, ErrorCode::AccountLinkConflict.as_str()),
        (500, 503, ErrorCode::UpstreamUnavailable.as_str()),
    ];
    for (origin, status, code) in outages {
        let edge = edge();
        let token = emulator_token(&edge, "uid-1", "ann@example.com");
        edge.answers("/v1/auth/me", origin, "{}");
        for path in ["/api/old/jobs", "/api/open/jobs", "/api/live/s", "/api/old/pay"] {
            let answered = get(&edge, &token, path);
            assert_eq!((answered.status, answered.code), (status, Some(code)), "{path}");
            assert!(!answered.translated);
            assert_eq!(edge.asked(path), 0, "{path}");
        }
    }
    let edge = edge();
    let token = emulator_token(&edge, "uid-1", "ann@example.com");
    edge.silence("/v1/auth/me");
    assert_eq!(get(&edge, &token, "/api/old/jobs").status, 503);
    assert_eq!(edge.asked("/api/old/jobs"), 0);
}

#[test]
fn strict_routes_ask_the_origin_before_each() {
    let edge = edge();
    let token = emulator_token(&edge, "uid-1", "ann@example.com");
    for asked in 1..=3 {
        assert_eq!(get(&edge, &token, "/api/old/pay").status, 200);
        assert_eq!(edge.asked("/v1/auth/me"), asked);
        edge.pass(1);
    }
    edge.answers("/v1/auth/me", 403, "{}");
    assert_eq!(get(&edge, &token, "/api/old/pay").status, 403);
    assert_eq!(edge.asked("/api/old/pay"), 3);
}

#[test]
fn only_the_configured_service_sees_a_translated_token() {
    let edge = edge();
    let token = emulator_token(&edge, "uid-1", "ann@example.com");
    let answered = get(&edge, &token, "/api/old/jobs");
    let made = minted(&edge);
    assert!(!format!("{answered:?}").contains(&made), "{answered:?}");
    let signature = made.rsplit('.').next().unwrap();
    for path in [
        "/api/new/x",
        "/api/own/x",
        "/api/alone/x",
        "/auth/profile",
        "/v1/auth/me",
        "/auth/schools",
    ] {
        let before = edge.sent().len();
        let answered = get(&edge, &token, path);
        assert!(!answered.translated, "{path}");
        for sent in edge.sent().iter().skip(before) {
            assert!(!sent.holds(signature), "{path}: {sent:?}");
            let authorization = sent.header("authorization");
            assert!(
                authorization.is_none_or(|value| value == format!("Bearer {token}")),
                "{path}"
            );
        }
    }
    // A caller without a token, at a service that accepts such callers.
    let answered = edge.handle("GET\nhttp://edge/api/open/x\nx_auth_token_kind:legacy", "");
    assert_eq!((answered.status, answered.translated), (200, false));
    let sent = edge.last_sent();
    assert!(sent.header("authorization").is_none() && sent.removes("x_auth_token_kind"));
}

#[test]
fn translated_token_is_no_credential_at_the_edge() {
    let edge = edge_with(&[("LEGACY_AUTH_TOKEN", "legacy")]);
    let token = emulator_token(&edge, "uid-1", "ann@example.com");
    get(&edge, &token, "/api/old/jobs");
    let made = minted(&edge);
    let before = edge.sent().len();
    for path in [
        "/api/old/jobs",
        "/api/open/x",
        "/api/live/s",
        "/api/new/x",
        "/api/own/x",
        "/auth/profile",
        "/auth/schools",
        "/auth/other",
        "/v1/auth/me",
        "/v1/tokens/balance",
        "/api/auth/v2/profile",
    ] {
        let answered = get(&edge, &made, path);
        assert_eq!(
            (answered.status, answered.code),
            (401, Some("TOKEN_WRONG_KIND")),
            "{path}"
        );
        assert_eq!(answered.reason, "translated", "{path}");
    }
    for request in [
        format!("GET\nhttp://edge/api/live/s?token={made}\nupgrade:websocket"),
        format!(
            "GET\nhttp://edge/api/live/s\nupgrade:websocket\nsec-websocket-protocol:crossfade.v1, crossfade.bearer.{made}"
        ),
    ] {
        let answered = edge.handle(&request, "");
        assert_eq!(
            (answered.status, answered.code),
            (401, Some("TOKEN_WRONG_KIND")),
            "{request}"
        );
    }
    assert_eq!(edge.sent().len(), before, "nothing was sent anywhere");
}

#[test]
fn service_can_verify_a_translated_token_until_it_is_void() {
    let edge = edge();
    let token = emulator_token(&edge, "uid-1", "ann@example.com");
    get(&edge, &token, "/api/old/jobs");
    let body = json!({ "token": minted(&edge) }).to_string();
    let asked = edge.handle(VERIFY, &body);
    assert_eq!((asked.status, asked.route), (200, "legacy"));
    edge.pass(301);
    edge.answers("/v1/auth/me", 403, "{}");
    let asked = edge.handle(VERIFY, &body);
    assert_eq!((asked.route, asked.reason), ("v2", "token_void"));
}

#[test]
fn handshake_is_translated_in_header_or_query() {
    let edge = edge();
    let token = emulator_token(&edge, "uid-1", "ann@example.com");
    let bearer = format!("authorization:Bearer {token}");
    for request in [
        format!("GET\nhttp://edge/api/live/s?EIO=4&token={token}&x=1\nupgrade:websocket"),
        format!("POST\nhttp://edge/api/live/s?EIO=4&transport=polling&token={token}&x=1"),
        format!("GET\nhttp://edge/api/live/s?EIO=4&x=1\nupgrade:websocket\n{bearer}"),
        format!(
            "GET\nhttp://edge/api/live/s?EIO=4&x=1\nupgrade:websocket\nsec-websocket-protocol:crossfade.v1, crossfade.bearer.{token}"
        ),
    ] {
        let answered = edge.handle(&request, "");
        assert_eq!((answered.status, answered.translated), (200, true), "{request}");
        let made = minted(&edge);
        let sent = edge.last_sent();
        assert!(sent.url.ends_with(&format!("x=1&token={made}")), "{}", sent.url);
        assert!(!sent.holds(&token), "{request}");
    }
    // A parameter of that name in any other request belongs to the service.
    edge.handle(
        &format!("GET\nhttp://edge/api/live/reset?token=abc\n{bearer}"),
        "",
    );
    assert_eq!(edge.last_sent().url, "http://live/api/live/reset?token=abc");
    let two = format!("GET\nhttp://edge/api/live/s?token=a.b.c\nupgrade:websocket\n{bearer}");
    assert_eq!(edge.handle(&two, "").reason, "websocket_tokens");
}

#[test]
fn legacy_service_answers_paths_unknown_to_the_origin() {
    let edge = edge_with(&[("LEGACY_AUTH_TOKEN", "legacy")]);
    let token = emulator_token(&edge, "uid-1", "ann@example.com");
    let answered = get(&edge, &token, "/api/auth/schools/by-location?city=x");
    assert_eq!(
        (answered.status, answered.route, answered.reason),
        (200, "legacy", "translated")
    );
    assert!(answered.translated);
    assert_eq!(
        edge.last_sent().url,
        "http://legacy/auth/schools/by-location?city=x"
    );
    assert_eq!(claims(&minted(&edge))["id"], ID);
    // The edge forwards the legacy service's own tokens unchanged.
    let own = legacy_token(&edge, ID);
    assert!(!get(&edge, &own, "/auth/schools/by-location").translated);
    // The origin answers its own calls, in every spelling.
    for path in [
        "/auth/account",
        "/auth/Account/",
        "/auth//profile",
        "/auth/%70rofile",
        "/auth/token-balance",
    ] {
        let answered = edge.handle(
            &format!("DELETE\nhttp://edge{path}\nauthorization:Bearer {token}"),
            "",
        );
        assert_eq!((answered.route, answered.translated), ("v2", false), "{path}");
    }
    // If the edge passed on that the token is bad, the client would sign the user out.
    edge.side("http://legacy", 401);
    let answered = get(&edge, &token, "/auth/schools/by-location");
    assert_eq!((answered.status, answered.reason), (503, "denied_there"));
}

#[test]
fn legacy_service_sees_no_firebase_user_by_default() {
    let edge = edge();
    let token = emulator_token(&edge, "uid-1", "ann@example.com");
    let answered = get(&edge, &token, "/auth/schools/by-location");
    assert_eq!((answered.route, answered.translated), ("v2", false));
}
