//! A deployment of variables alone reaches running isolates in a new `env`: the next request obeys it.
//!
//! Each test has one isolate, under two sets of variables in turn; once the isolate tells them apart by the deployed version, once by the
//! variables.

use serde_json::{Value, json};
use testkit::recorder::{Received, Recorder};

use crate::answer::Answer;
use crate::edges::{Edge, Wanted, edge, under};
use crate::puppet::Puppet;
use crate::users::{id_token, legacy_draft, stranger};

const SECRETS: [&str; 2] = [
    "an old secret of thirty-two bytes",
    "a new secret of thirty-two bytes",
];
const ASSERTION_KEYS: [&str; 2] = [
    "old:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "new:BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA",
];

/// The isolate, before and after a deployment.
struct Deployed {
    edge: Edge,
    versioned: bool,
    isolate: Option<String>,
}

/// One with the binding of the deployed version and one without.
async fn isolates(wanted: impl Fn() -> Wanted) -> [Deployed; 2] {
    let mut isolates = Vec::new();
    for versioned in [true, false] {
        isolates.push(Deployed {
            edge: wanted().changeable().start().await,
            versioned,
            isolate: None,
        });
    }
    isolates
        .try_into()
        .unwrap_or_else(|_| unreachable!("two were made"))
}

impl Deployed {
    /// Sends `call` to this edge under `variables`, those of `version`. The same isolate always answers.
    async fn ask(
        &mut self,
        version: &str,
        mut variables: Value,
        call: impl FnOnce(&Edge) -> crate::api::Call,
    ) -> Answer {
        variables["CF_VERSION_METADATA"] = if self.versioned {
            json!({ "id": version, "tag": "", "timestamp": "" })
        } else {
            Value::Null
        };
        let answer = under(call(&self.edge), &variables).send().await;
        let isolate = answer.header("x-test-isolate").map(str::to_owned);
        assert!(isolate.is_some(), "{answer}");
        let first = self.isolate.get_or_insert_with(|| isolate.clone().unwrap());
        assert_eq!(isolate.as_ref(), Some(&*first), "another isolate\n{answer}");
        answer
    }
}

fn sign_in(edge: &Edge) -> crate::api::Call {
    let body = json!({ "email": "somebody@example.com", "password": "x" });
    edge.api.post("/auth/login", &body)
}

async fn two_sides() -> (Puppet, Puppet) {
    (Puppet::start().await, Puppet::start().await)
}

fn between(v2: &Puppet, legacy: &Puppet) -> Wanted {
    edge().between(v2, legacy).with("ROLLOUT_PERCENT", "100")
}

#[tokio::test]
async fn kill_switch_and_percentage_are_obeyed_at_the_next_request() {
    let (v2, legacy) = two_sides().await;
    for mut isolate in isolates(|| between(&v2, &legacy)).await {
        for (version, variables, side, reason) in [
            ("1", json!({}), "v2", "in_cohort"),
            (
                "2",
                json!({ "ROLLOUT_KILL_SWITCH": "on" }),
                "legacy",
                "kill_switch",
            ),
            ("3", json!({ "ROLLOUT_PERCENT": "0" }), "legacy", "not_in_cohort"),
            // In turn, as in a gradual deployment.
            ("1", json!({}), "v2", "in_cohort"),
            ("3", json!({ "ROLLOUT_PERCENT": "0" }), "legacy", "not_in_cohort"),
            ("1", json!({}), "v2", "in_cohort"),
        ] {
            let answer = isolate.ask(version, variables, sign_in).await;
            answer.expect(200).came_from(side, reason);
        }
        isolate.edge.end().await;
    }
}

#[tokio::test]
async fn withdrawn_secret_proves_no_token_at_the_next_request() {
    let (v2, legacy) = two_sides().await;
    let [old, new] = SECRETS.map(|secret| {
        legacy_draft()
            .signed(testkit::tokens::Signature::Hs256(secret.into()))
            .mint()
    });
    for mut isolate in isolates(|| between(&v2, &legacy)).await {
        for (version, secret, refused, taken) in [
            ("1", SECRETS[0], &new, &old),
            ("2", SECRETS[1], &old, &new),
            ("1", SECRETS[0], &new, &old),
        ] {
            let variables = json!({ "LEGACY_JWT_SECRETS": secret });
            for (token, status) in [(taken, 200), (refused, 401), (taken, 200)] {
                let me = |edge: &Edge| edge.api.get("/v1/auth/me").bearer(token);
                isolate.ask(version, variables.clone(), me).await.expect(status);
            }
        }
        isolate.edge.end().await;
    }
}

#[tokio::test]
async fn statements_are_sealed_by_the_new_key_at_the_next_request() {
    let recorder = Recorder::start().await.unwrap();
    let token = id_token(&stranger()).mint();
    for mut isolate in isolates(|| edge().with("ORIGIN_URL", &recorder.url)).await {
        for (version, keys) in [("1", ASSERTION_KEYS[0]), ("2", ASSERTION_KEYS[1])] {
            let variables = json!({ "ORIGIN_ASSERTION_KEYS": keys });
            let me = |edge: &Edge| edge.api.get("/v1/auth/me").bearer(&token);
            let answer = isolate.ask(version, variables, me).await.expect(200);
            let received: Received = serde_json::from_str(&answer.text).unwrap();
            assert_eq!(
                kid_of(&received),
                keys.split(':').next().unwrap(),
                "{received:#?}"
            );
        }
        isolate.edge.end().await;
    }
}

fn kid_of(received: &Received) -> String {
    use base64::Engine as _;
    let assertion = received.header("x-crossfade-assertion").expect("one assertion");
    let header = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(assertion.split('.').next().unwrap())
        .unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn bad_configuration_is_reported_and_replaces_the_old_one() {
    let (v2, legacy) = two_sides().await;
    for mut isolate in isolates(|| between(&v2, &legacy)).await {
        for _ in 0..2 {
            isolate
                .ask("1", json!({}), sign_in)
                .await
                .came_from("v2", "in_cohort");
            for (version, variables) in [
                ("2", json!({ "CORS_ALLOWED_ORIGINS": "*" })),
                // A required variable is missing, too.
                ("3", json!({ "ORIGIN_URL": null })),
            ] {
                // Not a sign-in: its body would stay unread, and the runtime would end the connection with it.
                let read = |edge: &Edge| edge.api.get("/auth/profile");
                let answer = isolate.ask(version, variables, read).await;
                answer.refused(503, "CONFIG_INVALID");
            }
        }
        isolate
            .ask("1", json!({}), sign_in)
            .await
            .came_from("v2", "in_cohort");
        isolate.edge.end().await;
    }
}

#[tokio::test]
async fn deployment_drops_user_records_and_keeps_issuer_keys() {
    let v2 = Puppet::start().await;
    v2.knows(json!({ "id": "0190a6a1-7c1e-7a51-8d0e-6f2f5a6b7c8d", "user_type": "user" }));
    let issuer = testkit::key_server::KeyServer::start().await.unwrap();
    let upstreams = json!([{ "prefix": "/api/shop", "url": v2.url, "auth": "required" }]);
    let wanted = || {
        edge()
            .with("ORIGIN_URL", &v2.url)
            .with("FIREBASE_JWKS_URL", &issuer.url())
            .with("UPSTREAMS", &upstreams.to_string())
    };
    let asked = || {
        v2.asked()
            .iter()
            .filter(|asked| *asked == "GET /v1/auth/me")
            .count()
    };
    for mut isolate in isolates(wanted).await {
        let fetches = issuer.fetches();
        let token = id_token(&stranger()).mint();
        let shop = |edge: &Edge| edge.api.get("/api/shop/cart").bearer(&token);
        for (version, percent) in [("1", "0"), ("2", "10")] {
            let before = asked();
            for _ in 0..2 {
                let variables = json!({ "ROLLOUT_PERCENT": percent });
                isolate.ask(version, variables, shop).await.expect(200);
            }
            assert_eq!(asked() - before, 1, "once a configuration");
        }
        assert_eq!(issuer.fetches() - fetches, 1, "the keys stay");
        isolate.edge.end().await;
    }
}

#[tokio::test]
async fn step_down_object_obeys_the_variables_of_the_asking_isolate() {
    let (v2, legacy) = two_sides().await;
    let key = "an-admin-key-of-at-least-32-characters";
    let change = json!({
        "percent": 50, "reason": "a test", "expected_version": 0,
        "expires_at": (chrono::Utc::now() + chrono::Duration::minutes(90)).to_rfc3339(),
    });
    let put = |edge: &Edge| {
        edge.api
            .call("PUT", "/v1/rollout")
            .header("x-service-key", key)
            .json(&change)
    };
    let wanted = || {
        between(&v2, &legacy)
            .with("INTERNAL_SERVICE_KEYS", &format!("ops:{key}:admin"))
            .watched()
    };
    for mut isolate in isolates(wanted).await {
        // The object lives from this exchange on.
        isolate.ask("1", json!({}), sign_in).await.expect(200);
        for (version, two_persons, status) in [("2", "on", 202), ("1", "off", 200)] {
            let variables = json!({ "ROLLOUT_TWO_PERSONS": two_persons });
            isolate.ask(version, variables, put).await.expect(status);
        }
        isolate.edge.end().await;
    }
}
