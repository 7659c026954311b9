//! `cargo xtask drill rollout --autopilot`: nobody touches the rollout, and it goes from 0 to 100 %, with an outage of either side and a hanging
//! legacy service on the way. Every sign-in has to succeed: one side is up all the time.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stack::Stack;
use stack::fault::{Done, Fault, In as _};
use stack::http::{self, Client};

use super::users::{SignsInBy, User};
use super::{acts, seed};

const STEP: &str = "drill rollout --autopilot";
/// Margins wide enough for the sign-ins that one machine makes in minutes, and a limit of latency that a busy one keeps. No session gets an
/// hour old in it.
const PLAN: &str = "25,50,100; error_percent=20; slow_ms=6000; session_seconds=0";
/// A pause of a busy machine is not to look like both sides being down.
const TIMEOUT_MS: &str = "8000";
/// The whole way takes no longer.
const WITHIN: Duration = Duration::from_secs(20 * 60);
/// How long something is broken.
const BROKEN: Duration = Duration::from_secs(15);
/// How often we look.
const LOOK: Duration = Duration::from_millis(250);
/// Longer than the edge waits for both sides.
const PATIENCE: Duration = Duration::from_secs(30);

/// What came of all sign-ins.
#[derive(Default)]
struct Tally {
    at_v2: AtomicU32,
    at_legacy: AtomicU32,
    failed: Mutex<Vec<String>>,
}

/// Brings the edge up under the autopilot, signs users in all the while, breaks things, and says what came of it.
pub fn run(stack: &mut Stack, users: u32, at_once: u32, stop: &AtomicBool) -> Done {
    let users = seed::seed(&stack.addresses, users)?;
    // Known to both sides, or moved by signing in: whichever side is up can sign them in.
    let users: Vec<User> = users
        .into_iter()
        .filter(|user| user.legacy_knows() && user.by == SignsInBy::Address)
        .collect();
    drop(stack.deploy(&[
        ("ROLLOUT_PERCENT", "0".to_owned()),
        ("ROLLOUT_AUTOPILOT", PLAN.to_owned()),
        ("UPSTREAM_TIMEOUT_MS", TIMEOUT_MS.to_owned()),
    ])?);
    let (tally, callers, done) = (Tally::default(), AtomicU32::new(0), AtomicBool::new(false));
    let edge = stack.addresses.edge.clone();
    let began = Instant::now();
    let result = thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| sign_in(&edge, &users, &tally, &callers, &done));
        }
        let result = watch(stack, began, stop);
        done.store(true, Ordering::Relaxed);
        result
    });
    let failed = tally.failed.lock().unwrap_or_else(PoisonError::into_inner);
    println!(
        "\n{} sign-ins at v2, {} at the legacy service, {} failed, in {:.0} s",
        tally.at_v2.load(Ordering::Relaxed),
        tally.at_legacy.load(Ordering::Relaxed),
        failed.len(),
        began.elapsed().as_secs_f32()
    );
    result?;
    match failed.first() {
        None => Ok(()),
        Some(first) => Err(Fault::new(
            STEP,
            format!("{} sign-ins failed; {first}", failed.len()),
        )),
    }
}

/// Signs one after the other in, each from an address of its own.
fn sign_in(edge: &str, users: &[User], tally: &Tally, callers: &AtomicU32, done: &AtomicBool) {
    let client = Client::new(PATIENCE);
    while !done.load(Ordering::Relaxed) {
        let number = callers.fetch_add(1, Ordering::Relaxed);
        let index = usize::try_from(number)
            .unwrap_or_default()
            .checked_rem(users.len());
        let Some(user) = index.and_then(|index| users.get(index)) else {
            return;
        };
        let [_, b, c, d] = number.to_be_bytes();
        let body = json!({ "email": user.email(), "password": user.password() });
        let answer = client.post(
            &format!("{edge}/auth/login"),
            &[("cf-connecting-ip", &format!("11.{b}.{c}.{d}"))],
            &body,
        );
        match answer {
            Ok(answer) if answer.status == 200 => {
                let side = if answer.header("x-auth-route") == Some("v2") {
                    &tally.at_v2
                } else {
                    &tally.at_legacy
                };
                side.fetch_add(1, Ordering::Relaxed);
            }
            other => {
                let what = other.map_or_else(
                    |error| error,
                    |answer| {
                        let reason = answer
                            .header("x-auth-route-reason")
                            .unwrap_or_default()
                            .to_owned();
                        format!("{} {reason} {}", answer.status, answer.text)
                    },
                );
                let mut failed = tally.failed.lock().unwrap_or_else(PoisonError::into_inner);
                failed.push(what);
            }
        }
    }
}

/// Watches the percentage, and breaks something at each step, until all are at v2.
fn watch(stack: &mut Stack, began: Instant, stop: &AtomicBool) -> Done {
    let mut at = String::new();
    while began.elapsed() < WITHIN && !stop.load(Ordering::Relaxed) {
        let rollout = rollout(stack)?;
        let percent = rollout["effective"]["percent"].as_str().unwrap_or_default();
        if percent != at {
            percent.clone_into(&mut at);
            say(began, &format!("{percent} %"));
            let control = stack.addresses.legacy_control.clone();
            match percent {
                "25" => {
                    say(began, "legacy refuses connections");
                    acts::tell(&control, &json!({ "refuse": true }))?;
                    thread::sleep(BROKEN);
                    acts::tell(&control, &json!({}))?;
                }
                "50" => {
                    say(began, "origin is gone");
                    stack.stop_origin()?;
                    thread::sleep(BROKEN);
                    stack.start_origin()?;
                    settled(stack, began)?;
                    say(began, "legacy hangs");
                    acts::tell(&control, &json!({ "hang": true }))?;
                    thread::sleep(BROKEN);
                    acts::tell(&control, &json!({}))?;
                }
                "100" => return finished(&rollout),
                _ => {}
            }
            say(began, "all is well");
        }
        thread::sleep(LOOK);
    }
    Err(Fault::new(STEP, format!("it is still at {at} %")))
}

/// Waits until no side is down by what the autopilot knows.
fn settled(stack: &Stack, began: Instant) -> Done {
    while began.elapsed() < WITHIN {
        if rollout(stack)?["autopilot"]["outage"] == false {
            return Ok(());
        }
        thread::sleep(LOOK);
    }
    Err(Fault::new(STEP, "a side is still down"))
}

fn finished(rollout: &Value) -> Done {
    let records = rollout["autopilot"]["evidence"].as_array();
    let mut outcomes: Vec<&str> = records
        .into_iter()
        .flatten()
        .filter_map(|record| record["outcome"].as_str())
        .collect();
    outcomes.reverse();
    println!("decisions: {}", outcomes.join(", "));
    if outcomes.iter().all(|outcome| *outcome == "promote") {
        return Ok(());
    }
    Err(Fault::new(STEP, "it has rolled back"))
}

fn rollout(stack: &Stack) -> Done<Value> {
    let url = format!("{}/v1/rollout", stack.addresses.edge);
    let key = stack.addresses.service_key.as_str();
    let answer = http::get(&url, &[("x-service-key", key)]).in_step(STEP)?;
    if answer.status != 200 {
        return Err(Fault::new(STEP, answer.text));
    }
    Ok(answer.json()["data"].take())
}

fn say(began: Instant, what: &str) {
    println!("{:>6.1} s  {what}", began.elapsed().as_secs_f32());
}
