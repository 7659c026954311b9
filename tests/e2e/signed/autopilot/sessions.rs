//! Releases that sign users in and then lose them: the calls that users make after the sign-in, or do not make, decide.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::tokens::{Draft, FirebaseUser, LegacyUser, legacy_token, now};

use super::{ADMIN, rollout};
use crate::api::Api;
use crate::edges::{Edge, edge};
use crate::puppet::Puppet;
use crate::{stack, users};

/// Sessions are looked at from this many seconds on; first calls come within a sixth of that.
const SESSION_SECONDS: u64 = 12;
/// A session's time, half as much again, and the twelve seconds after which it counts: a few rounds of that.
const WITHIN: Duration = Duration::from_secs(90);

/// A user who has signed in.
struct SignedIn {
    at: Instant,
    at_v2: bool,
    token: String,
}

/// Half of the users at v2.
async fn start(v2: &Puppet, legacy: &Puppet) -> Edge {
    edge()
        .between(v2, legacy)
        .with("ROLLOUT_PERCENT", "50")
        .with(
            "ROLLOUT_AUTOPILOT",
            &format!("50,100; error_percent=50; session_seconds={SESSION_SECONDS}"),
        )
        .with("INTERNAL_SERVICE_KEYS", &format!("ops:{ADMIN}:admin"))
        .watched()
        .start()
        .await
}

/// The token that the side which answered would have given.
fn token(email: &str, at_v2: bool) -> Draft {
    if at_v2 {
        return users::id_token(&FirebaseUser::new(&format!("uid-{email}"), email));
    }
    let user = LegacyUser {
        id: uuid::Uuid::new_v4().to_string(),
        email: email.to_owned(),
        username: None,
        user_type: "user".to_owned(),
        token_balance: 0,
    };
    legacy_token(
        &user,
        stack::variable("E2E_LEGACY_SECRET").as_bytes(),
        now(),
        3_600,
    )
}

async fn sign_in(edge: &Api, number: u32) -> SignedIn {
    let email = format!("user-{number}@example.com");
    let [_, b, c, d] = number.to_be_bytes();
    let answer = edge
        .post("/auth/login", &json!({ "email": email, "password": "x" }))
        .header("cf-connecting-ip", &format!("10.{b}.{c}.{d}"))
        .send()
        .await
        .expect(200);
    let at_v2 = answer.header("x-auth-route") == Some("v2");
    SignedIn {
        at: Instant::now(),
        at_v2,
        token: token(&email, at_v2).mint(),
    }
}

async fn call(edge: &Api, user: &SignedIn) {
    let answer = edge.get("/auth/profile").bearer(&user.token).send().await;
    answer.expect(200);
}

/// Users sign in, and those of the legacy service alone call so many seconds later, until the autopilot has decided. Returns its record.
async fn decision(edge: &Api, calls_after: Duration) -> Value {
    let began = Instant::now();
    let mut waiting = VecDeque::new();
    for number in 1.. {
        waiting.push_back(sign_in(edge, number).await);
        while let Some(user) = waiting.pop_front_if(|user: &mut SignedIn| user.at.elapsed() >= calls_after) {
            if !user.at_v2 {
                call(edge, &user).await;
            }
        }
        if number % 50 == 0 {
            let mut shown = rollout(edge).await;
            if !shown["autopilot"]["evidence"][0].is_null() {
                return shown["autopilot"]["evidence"][0].take();
            }
            assert!(began.elapsed() < WITHIN, "nothing decided\n{shown:#}");
        }
    }
    unreachable!("numbers do not end before the time")
}

fn verdict<'a>(record: &'a Value, guardrail: &str) -> &'a Value {
    let readings = record["readings"].as_array().unwrap();
    let reading = readings.iter().find(|reading| reading["guardrail"] == guardrail);
    &reading.unwrap()["verdict"]
}

#[tokio::test]
async fn v2_whose_users_make_no_call_after_the_sign_in_is_rolled_back() {
    let (v2, legacy) = (Puppet::start().await, Puppet::start().await);
    let edge = start(&v2, &legacy).await;
    let record = decision(&edge.api, Duration::ZERO).await;
    assert_eq!(record["outcome"], "roll_back", "{record:#}");
    assert_eq!(
        verdict(&record, "sign_ins_without_call"),
        "roll_back",
        "{record:#}"
    );
    assert_ne!(verdict(&record, "failures"), "roll_back", "{record:#}");
    edge.end().await;
}

#[tokio::test]
async fn v2_whose_sessions_end_before_their_time_is_rolled_back() {
    let (v2, legacy) = (Puppet::start().await, Puppet::start().await);
    let edge = start(&v2, &legacy).await;
    let record = decision(&edge.api, Duration::from_secs(SESSION_SECONDS + 1)).await;
    assert_eq!(record["outcome"], "roll_back", "{record:#}");
    assert_eq!(verdict(&record, "sessions_ended"), "roll_back", "{record:#}");
    // Nobody calls soon, on either side.
    assert_ne!(
        verdict(&record, "sign_ins_without_call"),
        "roll_back",
        "{record:#}"
    );
    edge.end().await;
}
