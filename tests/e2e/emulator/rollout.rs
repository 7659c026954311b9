//! What the rollout's variables do to users who sign in.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::answer::Answer;
use crate::edges::{self, Edge, Wanted};
use crate::stack;
use crate::users::register_with_legacy;

/// Nothing listens on this port of this machine.
const NOBODY: &str = "http://127.0.0.1:9";

/// Enough users for both sides to get some at 50 %.
const USERS: usize = 40;

/// The side that answered a user unknown to both sides.
#[track_caller]
fn side(answer: &Answer) -> &str {
    assert_eq!(answer.status, 404, "{answer}");
    match answer.header("x-auth-route-reason") {
        Some("in_cohort" | "not_in_cohort") => answer.header("x-auth-route").unwrap_or_default(),
        _ => panic!("not decided by the percentage\n{answer}"),
    }
}

/// The body with which a new user registers.
fn newcomer(domain: &str) -> Value {
    let name = Uuid::new_v4().simple().to_string();
    json!({ "username": name, "email": format!("{name}@{domain}"), "password": "correct horse 1" })
}

fn edge_at(percent: &str) -> Wanted {
    edges::edge().with("ROLLOUT_PERCENT", percent)
}

async fn register(edge: &Edge, user: &Value) -> Answer {
    edge.api.post("/auth/register", user).send().await
}

async fn sign_in(edge: &Edge, user: &Value) -> Answer {
    let credentials = json!({ "email": user["email"], "password": user["password"] });
    edge.api.post("/auth/login", &credentials).send().await
}

/// Checks that the token of a sign-in is good for the user on both contracts, and which side issued it.
async fn holds(answer: &Answer, kind: &str) {
    let (id, token) = (answer.text_at("/data/user/id"), answer.text_at("/data/token"));
    stack::edge()
        .me(&token)
        .await
        .expect(200)
        .has("/data/user/id", id.as_str());
    stack::edge()
        .post("/v1/auth/verify-token", &json!({ "token": token }))
        .send()
        .await
        .expect(200)
        .has("/data/token_kind", kind)
        .has("/data/user/id", id.as_str());
    stack::edge()
        .get("/auth/profile")
        .bearer(&token)
        .send()
        .await
        .expect(200)
        .came_from(if kind == "legacy" { "legacy" } else { "v2" }, "token_issuer")
        .has("/data/user/id", id.as_str());
}

#[tokio::test]
async fn users_stay_with_legacy_at_0_percent() {
    let edge = edge_at("0").start().await;
    let user = newcomer("example.com");
    let registered = register(&edge, &user)
        .await
        .expect(201)
        .came_from("legacy", "not_in_cohort");
    let signed_in = sign_in(&edge, &user)
        .await
        .expect(200)
        .came_from("legacy", "not_in_cohort");
    assert_eq!(registered.at("/data/user/id"), signed_in.at("/data/user/id"));
    holds(&signed_in, "legacy").await;
    edge.end().await;
}

#[tokio::test]
async fn users_move_and_keep_their_rows_at_100_percent() {
    let edge = edge_at("100").start().await;
    let user = newcomer("example.com");
    register(&edge, &user)
        .await
        .expect(201)
        .came_from("v2", "in_cohort");
    let signed_in = sign_in(&edge, &user)
        .await
        .expect(200)
        .came_from("v2", "in_cohort");
    holds(&signed_in, "firebase_session_cookie").await;
    // A user with an account at the legacy service moves with the first sign-in, and keeps id and tokens.
    let (user, registered) = register_with_legacy().await;
    for _ in 0..2 {
        let moved = sign_in(&edge, &user)
            .await
            .expect(200)
            .came_from("v2", "in_cohort")
            .has("/data/user/id", registered.at("/data/user/id"))
            .has(
                "/data/user/token_balance",
                registered.at("/data/user/token_balance"),
            );
        holds(&moved, "firebase_session_cookie").await;
    }
    // The way back: the user's password still works on the old side.
    let back = edge_at("0").start().await;
    let signed_in = sign_in(&back, &user)
        .await
        .expect(200)
        .came_from("legacy", "not_in_cohort");
    holds(&signed_in, "legacy").await;
    back.end().await;
    edge.end().await;
}

#[tokio::test]
async fn wrong_password_is_final_on_either_side() {
    let (user, _) = register_with_legacy().await;
    let wrong = json!({ "email": user["email"], "password": "wrong horse 2" });
    for (percent, side, reason) in [("0", "legacy", "not_in_cohort"), ("100", "v2", "in_cohort")] {
        let edge = edge_at(percent).start().await;
        sign_in(&edge, &wrong)
            .await
            .refused(401, "INVALID_PASSWORD")
            .came_from(side, reason);
        edge.end().await;
    }
}

#[tokio::test]
async fn kill_switch_outranks_all_but_a_token() {
    let edge = edge_at("100")
        .with("ROLLOUT_KILL_SWITCH", "on")
        .with("ROLLOUT_FORCE_V2", "@example.com")
        .with("ROLLOUT_NEW_USERS", "v2")
        .start()
        .await;
    let user = newcomer("example.com");
    register(&edge, &user)
        .await
        .expect(201)
        .came_from("legacy", "kill_switch");
    sign_in(&edge, &user)
        .await
        .expect(200)
        .came_from("legacy", "kill_switch");
    edge.api
        .get("/readyz")
        .send()
        .await
        .expect(200)
        .has("/rollout/kill_switch", true);
    // A user who is signed in at Firebase stays signed in there.
    let moved = edge_at("100").start().await;
    let user = newcomer("example.com");
    let token = register(&moved, &user).await.expect(201).text_at("/data/token");
    edge.api
        .get("/auth/profile")
        .bearer(&token)
        .send()
        .await
        .expect(200)
        .came_from("v2", "token_issuer");
    // The edge still finds a user who has an account only there.
    sign_in(&edge, &user).await.expect(200);
    moved.end().await;
    edge.end().await;
}

#[tokio::test]
async fn forced_users_go_to_their_side_and_legacy_wins() {
    let forced = newcomer("forced.example");
    let email = forced["email"].as_str().unwrap_or_default().to_uppercase();
    let nobody_moves = edge_at("0")
        .with(
            "ROLLOUT_FORCE_V2",
            &format!("{email},@moved.example,@both.example"),
        )
        .with("ROLLOUT_FORCE_LEGACY", "@both.example")
        .start()
        .await;
    for (user, side, reason) in [
        (forced, "v2", "forced_v2"),
        (newcomer("moved.example"), "v2", "forced_v2"),
        (newcomer("both.example"), "legacy", "forced_legacy"),
        (newcomer("sub.moved.example"), "legacy", "not_in_cohort"),
    ] {
        register(&nobody_moves, &user)
            .await
            .expect(201)
            .came_from(side, reason);
        sign_in(&nobody_moves, &user)
            .await
            .expect(200)
            .came_from(side, reason);
    }
    nobody_moves.end().await;
}

#[tokio::test]
async fn registrations_go_where_new_users_says() {
    for (percent, new_users, side) in [("0", "v2", "v2"), ("100", "legacy", "legacy")] {
        let edge = edge_at(percent)
            .with("ROLLOUT_NEW_USERS", new_users)
            .start()
            .await;
        let user = newcomer("example.com");
        register(&edge, &user)
            .await
            .expect(201)
            .came_from(side, "new_users");
        // Their sign-in is decided like every other; the edge finds a user who is unknown there on the other side.
        let signed_in = sign_in(&edge, &user).await.expect(200);
        assert!(signed_in.at("/data/token").is_string(), "{signed_in}");
        edge.end().await;
    }
}

#[tokio::test]
async fn user_keeps_side_and_more_percent_only_adds_users() {
    let half = edge_at("50").start().await;
    let more = edge_at("75").start().await;
    let mut moved = 0;
    for _ in 0..USERS {
        let mut user = newcomer("example.com");
        let first = sign_in(&half, &user).await;
        let email = user["email"].as_str().unwrap_or_default().to_uppercase();
        user["email"] = email.into();
        let again = sign_in(&half, &user).await;
        assert_eq!(side(&first), side(&again), "{first}\n\n{again}");
        let later = sign_in(&more, &user).await;
        if side(&first) == "v2" {
            moved += 1;
            assert_eq!(side(&later), "v2", "{first}\n\n{later}");
        }
    }
    // Chance alone breaks this about once in 10^12 runs.
    assert!(0 < moved && moved < USERS, "{moved} of {USERS} at 50 %");
    more.end().await;
    half.end().await;
}

#[tokio::test]
async fn legacy_users_sign_in_at_v2_while_legacy_is_down() {
    let edge = edge_at("0").with("LEGACY_AUTH_URL", NOBODY).start().await;
    let (user, registered) = register_with_legacy().await;
    let signed_in = sign_in(&edge, &user)
        .await
        .expect(200)
        .came_from("v2", "fallback_unreachable")
        .has("/data/user/id", registered.at("/data/user/id"));
    holds(&signed_in, "firebase_session_cookie").await;
    // A registration may have reached the other side: the edge does not send it twice.
    register(&edge, &newcomer("example.com"))
        .await
        .refused(503, "UPSTREAM_UNAVAILABLE");
    edge.end().await;
}

#[tokio::test]
async fn users_sign_in_at_legacy_while_v2_is_down() {
    let (user, registered) = register_with_legacy().await;
    let edge = edge_at("100").with("ORIGIN_URL", NOBODY).start().await;
    let signed_in = sign_in(&edge, &user)
        .await
        .expect(200)
        .came_from("legacy", "fallback_unreachable")
        .has("/data/user/id", registered.at("/data/user/id"));
    holds(&signed_in, "legacy").await;
    edge.end().await;
}
