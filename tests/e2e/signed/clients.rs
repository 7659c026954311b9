//! Services behind the edge that use our clients: they learn from the edge alone who is calling.

mod assertions;
pub(super) mod program;

use serde_json::{Value, json};

use crate::api::Api;
use crate::edges::{self, Edge};
use crate::stack;
use crate::users::{id_token, legacy_draft, new_token, register_with_legacy, stranger};
use assertions::Sealer;
use program::Program;

/// Nothing listens on this port of this machine.
const NOBODY: &str = "http://127.0.0.1:9";
const NODE: (&str, &str) = ("node-archive", "/api/archive");
const TOWER: (&str, &str) = ("tower-archive", "/api/vault");

/// One service of each kind, with an edge in front of both.
struct Services {
    edge: Edge,
    node: Program,
    tower: Program,
}

impl Services {
    async fn start() -> Self {
        let variables = |audience: &str| {
            [
                ("CROSSFADE_AUDIENCE", audience.to_owned()),
                ("CROSSFADE_ASSERTION_KEYS", Sealer::of_service(audience).key()),
            ]
        };
        let node = Program::node("http-service.mjs", &variables(NODE.0));
        let tower = Program::tower_example(&variables(TOWER.0));
        let upstream = |(name, prefix): (&str, &str), program: &Program| json!({ "name": name, "prefix": prefix, "url": program.url, "auth": "required" });
        let upstreams = json!([upstream(NODE, &node), upstream(TOWER, &tower)]);
        let edge = edges::edge()
            .with("UPSTREAMS", &upstreams.to_string())
            .start()
            .await;
        Self { edge, node, tower }
    }
}

/// Where both services show their caller.
const CALLER: &str = "/user";

#[tokio::test]
async fn services_behind_the_edge_get_the_caller() {
    let services = Services::start().await;
    let user = stranger();
    let token = id_token(&user).mint();
    let id = stack::edge()
        .me(&token)
        .await
        .expect(200)
        .text_at("/data/user/id");
    for (_, prefix) in [NODE, TOWER] {
        let answer = services
            .edge
            .api
            .call("POST", &format!("{prefix}/results/7%20b?page=2"))
            .bearer(&token)
            // A header that only the edge may set: the edge replaces it.
            .header("x-crossfade-assertion", "spoofed")
            .header("x-user-id", "somebody-else")
            .send()
            .await
            .expect(200)
            .came_from("edge", "app_service");
        let caller = answer.at(CALLER);
        assert_eq!(
            (&caller["id"], &caller["email"], &caller["user_type"]),
            (&json!(id), &json!(user.email), &json!("user")),
            "{answer}"
        );
    }
    services.edge.end().await;
}

#[tokio::test]
async fn a_legacy_token_names_the_same_kind_of_caller() {
    let services = Services::start().await;
    let (_, registered) = register_with_legacy().await;
    for (_, prefix) in [NODE, TOWER] {
        services
            .edge
            .api
            .get(&format!("{prefix}/results"))
            .bearer(&registered.text_at("/data/token"))
            .send()
            .await
            .expect(200)
            .has(&format!("{CALLER}/id"), registered.at("/data/user/id"));
    }
    services.edge.end().await;
}

#[tokio::test]
async fn caller_who_bypasses_the_edge_is_refused() {
    let services = Services::start().await;
    for ((service, _), program) in [(NODE, &services.node), (TOWER, &services.tower)] {
        let direct = Api::at(&program.url);
        let call = || {
            direct
                .get("/results/7")
                .header("x-user-id", "3f2504e0-4f89-41d3-9a0c-0305e82c3301")
        };
        call().send().await.refused(401, "TOKEN_MISSING");
        let with = |assertion: String| call().header("x-crossfade-assertion", &assertion).send();
        let claims = assertions::claims(service, "GET", "/results/7");
        with(Sealer::of_service(service).seal(&claims)).await.expect(200);
        // Neither the edge's own key nor another service's opens an assertion here.
        for stranger in [Sealer::of_the_edge(), Sealer::of_service("chatbot")] {
            with(stranger.seal(&claims))
                .await
                .refused(401, "TOKEN_SIGNATURE_INVALID");
        }
        for (wrong, code) in [
            (
                assertions::claims("chatbot", "GET", "/results/7"),
                "TOKEN_AUDIENCE",
            ),
            (assertions::claims(service, "PUT", "/results/7"), "TOKEN_AUDIENCE"),
            (assertions::claims(service, "GET", "/results/8"), "TOKEN_AUDIENCE"),
            (assertions::aged(&claims, 120), "TOKEN_EXPIRED"),
        ] {
            with(Sealer::of_service(service).seal(&wrong))
                .await
                .refused(401, code);
        }
    }
    services.edge.end().await;
}

#[tokio::test]
async fn origin_prints_the_keys_of_a_service() {
    let printed = program::origin(
        &["assertion-keys", NODE.0],
        &[("ORIGIN_ASSERTION_KEYS", stack::variable("E2E_ASSERTION_KEYS"))],
    );
    assert_eq!(printed.trim(), Sealer::of_service(NODE.0).key());
}

fn direct_service(auth: &str, fallback: Option<String>) -> Program {
    let mut variables = vec![
        ("AUTH_URL", auth.to_owned()),
        ("SERVICE_KEY", stack::variable("E2E_SERVICE_KEY")),
    ];
    variables.extend(fallback.map(|url| ("AUTH_SERVICE_URL", url)));
    Program::node("verify-token-service.mjs", &variables)
}

#[tokio::test]
async fn a_service_that_asks_verify_token_gets_the_balance_in_both_spellings() {
    let user = stranger();
    let service = direct_service(&stack::variable("E2E_EDGE"), Some(stack::variable("E2E_LEGACY")));
    let api = Api::at(&service.url);
    let answer = api
        .get("/")
        .bearer(&id_token(&user).mint())
        .send()
        .await
        .expect(200);
    assert_eq!(
        (answer.at("/user/tokenBalance"), answer.at("/user/token_balance")),
        (json!(3), json!(3)),
        "{answer}"
    );
    assert_eq!(answer.at("/user/firebase_uid"), user.uid.as_str());
    api.get("/").send().await.refused(401, "TOKEN_MISSING");
    let expired = id_token(&user)
        .claim("exp", testkit::tokens::now() - 3_600)
        .mint();
    api.get("/")
        .bearer(&expired)
        .send()
        .await
        .refused(401, "TOKEN_EXPIRED");
}

#[tokio::test]
async fn client_asks_the_older_service_while_the_new_one_is_away() {
    let service = direct_service(NOBODY, Some(stack::variable("E2E_LEGACY")));
    let api = Api::at(&service.url);
    let (_, registered) = register_with_legacy().await;
    api.get("/")
        .bearer(&registered.text_at("/data/token"))
        .send()
        .await
        .expect(200)
        .has("/user/id", registered.at("/data/user/id"));
    // A token that the new service refuses stays refused. The client does not ask the older service about a token that it cannot read: that
    // would sign users out.
    let answer = api
        .get("/")
        .bearer(&legacy_draft().mint())
        .send()
        .await
        .expect(401);
    assert_eq!(answer.at("/success"), Value::Bool(false), "{answer}");
    api.get("/")
        .bearer(&new_token())
        .send()
        .await
        .refused(503, "UPSTREAM_UNAVAILABLE");
    let alone = direct_service(NOBODY, None);
    Api::at(&alone.url)
        .get("/")
        .bearer(&new_token())
        .send()
        .await
        .refused(503, "UPSTREAM_UNAVAILABLE");
}
