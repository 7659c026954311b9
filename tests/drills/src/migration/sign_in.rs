//! Everybody signs in through the origin; and one user, a hundred times at once.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stack::accounts::AccountStack;
use stack::console;
use stack::fault::{Done, In as _};
use stack::http::{self, Client};

use super::users;

const STEP: &str = "sign in";
const PATIENCE: Duration = Duration::from_secs(30);
/// How many first sign-ins of one user come at once.
const AT_ONCE: u32 = 100;

/// How the sign-ins went.
#[derive(Debug)]
pub struct SignedIn {
    /// In the time of all of them, in seconds.
    pub seconds: f32,
    /// Who signed in, and was the user they have always been.
    pub succeeded: u32,
    /// Some of the answers that were not.
    pub failures: Vec<String>,
}

/// Signs the users from 1 to `number` in, `at_once` at a time.
pub fn everybody(stack: &AccountStack, number: u32, at_once: u32) -> Done<SignedIn> {
    let started = Instant::now();
    let (next, succeeded) = (AtomicU32::new(1), AtomicU32::new(0));
    let failures = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                let client = Client::new(PATIENCE);
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n > number {
                        break;
                    }
                    match log_in(&client, stack, &users::email(n), &users::password(n)) {
                        Ok(session) if is_themselves(&session, n) => {
                            succeeded.fetch_add(1, Ordering::Relaxed);
                        }
                        Ok(session) => {
                            note(&failures, format!("user {n} was signed in as another: {session}"));
                        }
                        Err(why) => note(&failures, format!("user {n}: {why}")),
                    }
                }
            });
        }
    });
    Ok(SignedIn {
        seconds: started.elapsed().as_secs_f32(),
        succeeded: succeeded.into_inner(),
        failures: failures.into_inner().unwrap_or_else(PoisonError::into_inner),
    })
}

/// What a hundred first sign-ins at once came to.
#[derive(Debug, Clone, Copy)]
pub struct FirstSignIns {
    /// How many there were.
    pub of: u32,
    /// Different refresh tokens.
    pub sessions: usize,
    /// Those of them that can be renewed.
    pub renewed: usize,
    /// Accounts that Google has more than before.
    pub accounts: u64,
    /// Rows with the address.
    pub rows: u64,
}

/// Makes one more local user and signs them in a hundred times at once.
pub fn one_user_at_once(stack: &AccountStack) -> Done<FirstSignIns> {
    const EMAIL: &str = "crowd@example.org";
    const PASSWORD: &str = "correct-horse-1";
    users::statement(
        stack,
        "INSERT INTO auth.users (username, email, password_hash) \
         VALUES ('crowd', 'crowd@example.org', '$2b$' || substr(crypt('correct-horse-1', gen_salt('bf', 4)), 5))",
    )?;
    let before = accounts(stack)?;
    let sessions: Vec<Value> = thread::scope(|scope| {
        let calls: Vec<_> = (0..AT_ONCE)
            .map(|_| scope.spawn(|| log_in(&Client::new(PATIENCE), stack, EMAIL, PASSWORD)))
            .collect();
        calls
            .into_iter()
            .filter_map(|call| call.join().ok()?.ok())
            .collect()
    });
    let tokens: BTreeSet<&str> = sessions
        .iter()
        .filter_map(|session| session.get("refreshToken")?.as_str())
        .collect();
    let client = Client::new(PATIENCE);
    let url = format!("{}/v1/auth/refresh", stack.origin);
    let renewed = tokens
        .iter()
        .filter(|token| {
            let body = json!({"refreshToken": token});
            client
                .post(&url, &[], &body)
                .is_ok_and(|answer| answer.status == 200)
        })
        .count();
    let row = users::query(
        stack,
        "SELECT count(*) AS rows FROM auth.users WHERE lower(email) = 'crowd@example.org'",
    )?;
    Ok(FirstSignIns {
        of: AT_ONCE,
        sessions: tokens.len(),
        renewed,
        accounts: accounts(stack)?.saturating_sub(before),
        rows: row.get("rows").and_then(Value::as_u64).unwrap_or(0),
    })
}

fn accounts(stack: &AccountStack) -> Done<u64> {
    let shown = http::get(&format!("{}/control", stack.google), &[])
        .in_step(STEP)?
        .json();
    Ok(shown.get("accounts").and_then(Value::as_u64).unwrap_or(0))
}

/// A session, or why there is none.
fn log_in(client: &Client, stack: &AccountStack, email: &str, password: &str) -> Result<Value, String> {
    let url = format!("{}/v1/auth/login", stack.origin);
    let answer = client.post(&url, &[], &json!({"email": email, "password": password}))?;
    let mut body = answer.json();
    if answer.status == 200 {
        Ok(body.get_mut("data").map_or(Value::Null, Value::take))
    } else {
        Err(format!("{} {}", answer.status, answer.text))
    }
}

/// Same row, same uid, same tokens as before.
fn is_themselves(session: &Value, n: u32) -> bool {
    let user = session.get("user");
    let of_user = |name: &str| user.and_then(|user| user.get(name));
    of_user("username").and_then(Value::as_str) == Some(&format!("person{n}"))
        && of_user("id") == session.get("uid")
        && of_user("token_balance").and_then(Value::as_u64) == Some(3)
}

fn note(failures: &Mutex<Vec<String>>, failure: String) {
    failures
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(failure);
}

impl console::StepResult for SignedIn {
    fn note(&self) -> Option<String> {
        Some(format!("{} of them", self.succeeded))
    }
}

impl console::StepResult for FirstSignIns {}
