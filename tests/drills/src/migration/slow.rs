//! Registrations while Google is slow.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use stack::accounts::AccountStack;
use stack::console;
use stack::fault::{Done, Fault, In as _};
use stack::http::{self, Client};

const STEP: &str = "register";
const LATENCY_MS: u64 = 250;
const AT_ONCE: u32 = 4;
const ROUNDS: u32 = 15;

/// How long they took.
#[derive(Debug, Clone, Copy)]
pub struct Registrations {
    /// How many there were.
    pub number: usize,
    /// The 95th percentile, in milliseconds.
    pub p95_ms: u128,
}

/// Registers users, a few at a time.
pub fn register(stack: &AccountStack) -> Done<Registrations> {
    let control = format!("{}/control", stack.google);
    http::post(&control, &[], &json!({"latency_ms": LATENCY_MS})).in_step(STEP)?;
    let times: Vec<Option<Duration>> = thread::scope(|scope| {
        let callers: Vec<_> = (0..AT_ONCE)
            .map(|caller| {
                scope.spawn(move || {
                    let client = Client::new(Duration::from_secs(30));
                    (0..ROUNDS)
                        .map(|round| one(&client, stack, &format!("new{caller}-{round}@example.org")))
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        callers
            .into_iter()
            .flat_map(|caller| caller.join().unwrap_or_default())
            .collect()
    });
    http::post(&control, &[], &json!({"latency_ms": 0})).in_step(STEP)?;
    let mut times: Vec<Duration> = times
        .into_iter()
        .collect::<Option<_>>()
        .ok_or_else(|| Fault::new(STEP, "a registration was refused"))?;
    times.sort();
    let place = times.len().saturating_mul(95).div_ceil(100).saturating_sub(1);
    Ok(Registrations {
        number: times.len(),
        p95_ms: times.get(place).map_or(0, Duration::as_millis),
    })
}

fn one(client: &Client, stack: &AccountStack, email: &str) -> Option<Duration> {
    let url = format!("{}/v1/auth/register", stack.origin);
    let started = Instant::now();
    let body = json!({"email": email, "password": "correct-horse-1"});
    let answer = client.post(&url, &[], &body).ok()?;
    (answer.status == 201).then(|| started.elapsed())
}

impl console::StepResult for Registrations {}
