//! A password alone signs in no user who has a second factor: at v2, under the kill switch, while Google is away and while the origin is
//! away.

use serde_json::{Value, json};
use testkit::identity_toolkit::TOTP_CODE;

use crate::answer::Answer;
use crate::api::Api;
use crate::edges::{edge, under};
use crate::stack;
use crate::users::register_with_legacy;

/// Nothing listens on this port of this machine.
const NOBODY: &str = "http://127.0.0.1:9";

async fn google_will(what: &Value) {
    let google = Api::at(&stack::variable("E2E_GOOGLE"));
    google.post("/control", what).send().await.expect(200);
}

fn let_nobody_in(answer: &Answer) {
    assert_ne!(answer.status, 200, "a password alone was enough\n{answer}");
    for token in ["/data/token", "/data/idToken"] {
        assert_eq!(answer.json().pointer(token), None, "{answer}");
    }
}

/// These variables, deployed as the version called `name`.
fn deployed(name: &str, mut variables: Value) -> Value {
    variables["CF_VERSION_METADATA"] = json!({ "id": name, "tag": "", "timestamp": "" });
    variables
}

#[tokio::test]
async fn password_alone_is_never_enough_once_the_factor_is_known() {
    let (user, _) = register_with_legacy().await;
    let edge = edge().with("ROLLOUT_PERCENT", "100").changeable().start().await;
    let log_in = || edge.api.post("/auth/login", &user);
    log_in().send().await.expect(200).came_from("v2", "in_cohort");

    let email = user["email"].as_str().unwrap();
    google_will(&json!({ "factors": { email: [{ "id": "app" }] } })).await;
    log_in().send().await.refused(403, "SECOND_FACTOR_REQUIRED");

    for (what, variables) in [
        ("kill switch", json!({ "ROLLOUT_KILL_SWITCH": "on" })),
        ("nobody moved", json!({ "ROLLOUT_PERCENT": "0" })),
        ("origin away", json!({ "ORIGIN_URL": NOBODY })),
        (
            "origin away under the kill switch",
            json!({ "ORIGIN_URL": NOBODY, "ROLLOUT_KILL_SWITCH": "on" }),
        ),
    ] {
        let_nobody_in(&under(log_in(), &deployed(what, variables)).send().await);
    }
    google_will(&json!({ "down": true })).await;
    for (what, variables) in [
        ("Google away", json!({})),
        (
            "Google away under the kill switch",
            json!({ "ROLLOUT_KILL_SWITCH": "on" }),
        ),
    ] {
        let_nobody_in(&under(log_in(), &deployed(what, variables)).send().await);
    }
    google_will(&json!({ "down": false })).await;

    let new = edge.api.post("/v1/auth/login", &user).send().await.expect(403);
    let finish = json!({
        "mfaPendingCredential": new.at("/error/details/mfaPendingCredential"), "mfaEnrollmentId": "app", "code": TOTP_CODE,
    });
    let finished = edge
        .api
        .post("/v1/auth/mfa/finish", &finish)
        .send()
        .await
        .expect(200);
    let token = finished.text_at("/data/idToken");
    edge.api
        .get("/v1/auth/me")
        .bearer(&token)
        .send()
        .await
        .expect(200);
    edge.end().await;
}
