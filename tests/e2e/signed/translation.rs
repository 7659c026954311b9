//! Token translation: the plan's own services (`tests/services/plan.mjs`) run unchanged behind the edge.

mod secrecy;
mod waiting;

use std::process::Command;

use serde_json::{Value, json};
use testkit::recorder::{Received, Recorder};
use testkit::tokens::{LegacyUser, legacy_token, now};

use super::clients::program::{Program, root};
use crate::edges::{self, Edge, Wanted};
use crate::puppet::Puppet;
use crate::stack;
use crate::users::{deactivate_holder, id_token, new_token, register_with_legacy, stranger};

const ID: &str = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";

/// One of the plan's services, and an edge that translates for it.
struct Behind {
    service: Program,
    edge: Edge,
}

impl Behind {
    async fn start(more: &[(&str, &str)]) -> Self {
        Self::start_with("query:token", more).await
    }

    async fn start_with(token_in: &str, more: &[(&str, &str)]) -> Self {
        let service = Program::service(
            "plan.mjs",
            &[
                ("JWT_SECRET", stack::variable("E2E_LEGACY_SECRET")),
                ("AUTH_SERVICE_URL", stack::variable("E2E_LEGACY")),
            ],
        );
        let entry = |name: &str| json!({ "name": name, "prefix": format!("/api/{name}"), "url": service.url, "auth": "required", "token": "legacy" });
        let mut sockets = entry("notifications");
        sockets["websocket"] = json!(true);
        sockets["token_in"] = json!(token_in);
        let upstreams = json!([
            entry("assessment"),
            entry("archive"),
            entry("chatbot"),
            entry("admin"),
            sockets
        ]);
        let edge = more
            .iter()
            .fold(edges::edge(), |edge, (name, value)| edge.with(name, value))
            .with("UPSTREAMS", &upstreams.to_string())
            .counted()
            .start()
            .await;
        Self { service, edge }
    }
}

/// A service that records what it received.
fn in_front_of(recorder: &Recorder) -> Wanted {
    let url = &recorder.url;
    edges::edge().with(
        "UPSTREAMS",
        &json!([
            { "prefix": "/api/old", "url": url, "auth": "required", "token": "legacy" },
            { "prefix": "/api/new", "url": url, "auth": "required" },
        ])
        .to_string(),
    )
}

#[tokio::test]
async fn services_of_the_plan_run_unchanged_for_every_sign_in() {
    let behind = Behind::start(&[]).await;
    let firebase = new_token();
    let (_, registered) = register_with_legacy().await;
    let legacy = registered.text_at("/data/token");
    let mut sent = 0;
    for token in [&firebase, &legacy] {
        let id = stack::edge().me(token).await.expect(200).text_at("/data/user/id");
        for (method, path) in [
            ("POST", "/api/assessment/submit"),
            ("GET", "/api/archive/results"),
            ("GET", "/api/chatbot/conversations"),
        ] {
            behind
                .edge
                .api
                .call(method, path)
                .bearer(token)
                .send()
                .await
                .expect(200)
                .came_from("edge", "app_service")
                .has("/data/user/id", id.as_str());
        }
        // The service knows the user, who is no administrator.
        for path in ["/api/admin/stats", "/api/archive/admin/users"] {
            behind.edge.api.get(path).bearer(token).send().await.expect(403);
        }
        sent += 5;
    }
    // The data points count which services still need translation.
    let points = behind.edge.points(sent).await;
    for point in &points {
        assert_eq!(point["doubles"][10], 1.0, "{point}");
        let path = point["blobs"][6].as_str().unwrap();
        assert!(
            ["/api/assessment", "/api/archive", "/api/chatbot", "/api/admin"].contains(&path),
            "{point}"
        );
    }
    // A direct call without translation: the service cannot read the token.
    let direct = crate::api::Api::at(&behind.service.url);
    direct
        .get("/api/archive/results")
        .bearer(&firebase)
        .send()
        .await
        .expect(401);
    behind.edge.end().await;
}

#[tokio::test]
async fn roles_at_a_service_are_those_of_the_row() {
    let origin = Puppet::start().await;
    let behind = Behind::start(&[("ORIGIN_URL", &origin.url)]).await;
    let secret = stack::variable("E2E_LEGACY_SECRET");
    let was_admin = LegacyUser {
        id: ID.to_owned(),
        email: "ann@example.com".to_owned(),
        username: Some("ann".to_owned()),
        user_type: "superadmin".to_owned(),
        token_balance: 3,
    };
    let was_admin = legacy_token(&was_admin, secret.as_bytes(), now() - 10, 3_600).mint();
    for (user_type, token, status) in [
        ("user", &was_admin, 403),
        ("moderator", &new_token(), 403),
        ("superadmin", &new_token(), 200),
    ] {
        origin.knows(
            json!({ "id": ID, "user_type": user_type, "email": "ann@example.com", "username": "ann" }),
        );
        let answer = behind
            .edge
            .api
            .get("/api/archive/admin/users")
            .bearer(token)
            .send()
            .await;
        assert_eq!(answer.status, status, "{user_type}\n{answer}");
        if status == 200 {
            answer.has("/data/role", user_type);
        }
    }
    behind.edge.end().await;
}

#[tokio::test]
async fn translated_token_works_at_legacy_and_not_at_the_edge() {
    let recorder = Recorder::start().await.unwrap();
    let edge = in_front_of(&recorder).start().await;
    let user = stranger();
    let token = id_token(&user).mint();
    let get = |path: &str| edge.api.get(path).bearer(&token).send();
    let answer = get("/api/old/x").await.expect(200);
    let received: Received = serde_json::from_value(answer.json()).unwrap();
    let made = received
        .header("authorization")
        .unwrap()
        .strip_prefix("Bearer ")
        .unwrap();
    assert_ne!(made, token);
    assert_eq!(received.header("x-auth-token-kind"), Some("firebase"));
    assert!(received.header("x-crossfade-assertion").is_some());

    let id = received.header("x-user-id").unwrap();
    let body = json!({ "token": made });
    for (api, path) in [
        (&stack::legacy(), "/auth/verify-token"),
        (&edge.api, "/auth/verify-token"),
        (&stack::origin(), "/auth/verify-token"),
        (&stack::origin(), "/v1/auth/verify-token"),
    ] {
        let verdict = api.post(path, &body).send().await.expect(200);
        verdict.has("/data/valid", true).has("/data/user/id", id);
    }
    stack::legacy()
        .get("/auth/profile")
        .bearer(made)
        .send()
        .await
        .expect(200);

    for path in ["/api/old/x", "/api/new/x", "/auth/profile", "/v1/auth/me"] {
        let answer = edge.api.get(path).bearer(made).send().await;
        answer.refused(401, "TOKEN_WRONG_KIND");
    }
    stack::origin().me(made).await.refused(401, "TOKEN_WRONG_KIND");

    // A service that reads assertions gets no such token.
    let other = get("/api/new/x").await.expect(200);
    let received: Received = serde_json::from_value(other.json()).unwrap();
    assert!(received.header("authorization").is_none(), "{other}");
    edge.end().await;
}

#[tokio::test]
async fn no_token_is_translated_without_the_origin() {
    let recorder = Recorder::start().await.unwrap();
    let origin = Puppet::start().await;
    let edge = in_front_of(&recorder)
        .with("ORIGIN_URL", &origin.url)
        .start()
        .await;
    for (status, expected, code) in [
        (503, 503, "UPSTREAM_UNAVAILABLE"),
        (403, 403, "USER_DISABLED"),
        (401, 401, "TOKEN_REVOKED"),
    ] {
        origin.answers(status);
        let answer = edge.api.get("/api/old/x").bearer(&new_token()).send().await;
        answer.refused(expected, code);
    }
    edge.end().await;
}

#[tokio::test]
async fn page_opens_a_socket_of_the_plans_service() {
    for place in ["query", "auth"] {
        let behind = Behind::start_with(&format!("{place}:token"), &[]).await;
        let token = new_token();
        let id = stack::edge()
            .me(&token)
            .await
            .expect(200)
            .text_at("/data/user/id");
        for transports in ["websocket", "polling", "polling,websocket"] {
            let told = connect(&behind.edge, &[&token, transports, place]).await;
            assert_eq!(told["userId"], json!(id), "{place} {transports}: {told}");
            assert_eq!(told["transport"], json!(transports.rsplit(',').next()), "{told}");
        }
        for transports in ["websocket", "polling"] {
            let refused = connect(&behind.edge, &["not.a.token", transports, place]).await;
            assert_eq!(refused["success"], json!(false), "{refused}");
            if (place, transports) == ("auth", "websocket") {
                assert_eq!(refused["code"], "TOKEN_MALFORMED", "{refused}");
            }
        }
        behind.edge.end().await;
    }
}

#[tokio::test]
async fn socket_with_its_token_in_packets_resists_attacks() {
    let behind = Behind::start_with("auth:token", &[]).await;
    let (_, registered) = register_with_legacy().await;
    // A token that the service itself would accept.
    let revoked = registered.text_at("/data/token");
    deactivate_holder(&revoked).await;
    let told = node("socket-attacks.mjs", &behind.edge, &[&new_token(), &revoked]).await;
    for (attack, outcome) in told.as_object().unwrap() {
        assert_eq!(outcome, "as expected", "{attack}: {told:#}");
    }
    behind.edge.end().await;
}

/// What a page that connects by Socket.IO receives.
async fn connect(edge: &Edge, words: &[&str]) -> Value {
    node("socket-client.mjs", edge, words).await
}

async fn node(script: &str, edge: &Edge, more: &[&str]) -> Value {
    let script = root().join("tests/services").join(script);
    let mut words = vec![edge.api.base().to_owned()];
    words.extend(more.iter().map(|word| (*word).to_owned()));
    let output = tokio::task::spawn_blocking(move || Command::new("node").arg(script).args(words).output())
        .await
        .unwrap()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(text.trim()).unwrap_or_else(|_| panic!("{output:?}"))
}
