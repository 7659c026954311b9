//! Clients of the old contract, which keep the token of their sign-in for seven days and know no refresh. The days are pretended: the
//! edge takes the time from each request, and the origin is started with a clock that runs ahead as far.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use stack::fault::{Done, Fault, In as _};
use stack::http::{Answer, Client};
use stack::{Stack, console, programs};

use super::stage::Stage;
use super::users::{SignsInBy, User};

const STEP: &str = "old clients";
const PATIENCE: Duration = Duration::from_secs(10);
/// How many there are: of those who sign in by address, the others may be asked of the legacy service.
const CLIENTS: usize = 180;
const DAY: i64 = 24 * 3_600;
/// When they call, in seconds after the first sign-in: each day once, and just before the token ends.
const CALLS: [i64; 8] = [0, DAY, 2 * DAY, 3 * DAY, 4 * DAY, 5 * DAY, 6 * DAY, 7 * DAY - 300];
/// When nobody accepts it any more: it lives from its own sign-in on, and clocks may differ a little.
const OVER: i64 = 7 * DAY + 3_600;

/// What came of them.
#[derive(Debug, Default)]
pub struct Days {
    clients: usize,
    calls: u64,
    signed_out: u64,
    /// Other failures.
    failed: u64,
    /// Who were asked to sign in once the seven days were over.
    over: usize,
    examples: Vec<String>,
}

/// Signs them in at v2 and lets them call on each day.
pub fn play(stack: &mut Stack, stage: &Stage) -> Done<Days> {
    let mut days = Days::default();
    console::step("old clients: 7 days", || {
        programs::build_origin_ahead()?;
        stack.let_variables_change();
        drop(stack.deploy(&[("ROLLOUT_PERCENT", "100".to_owned())])?);
        let began = now();
        let client = Client::new(PATIENCE);
        let edge = stack.addresses.edge.clone();
        let tokens = stage
            .users
            .iter()
            .filter(|user| user.by == SignsInBy::Address)
            .take(CLIENTS)
            .map(|user| sign_in(&client, &edge, user))
            .collect::<Done<Vec<String>>>()?;
        days.clients = tokens.len();
        for since in CALLS {
            if stage.is_stopped() {
                return Err(Fault::new(STEP, "stopped before their end"));
            }
            ahead(stack, began, since)?;
            for token in &tokens {
                for answer in call(&client, &edge, token, began + since) {
                    days.count(since, &answer.in_step(STEP)?);
                }
            }
        }
        ahead(stack, began, OVER)?;
        for token in &tokens {
            let refused = call(&client, &edge, token, began + OVER)
                .into_iter()
                .all(|answer| answer.is_ok_and(|answer| is_signed_out(&answer)));
            days.over += usize::from(refused);
        }
        Ok(())
    })?;
    Ok(days)
}

/// The token of the old contract.
fn sign_in(client: &Client, edge: &str, user: &User) -> Done<String> {
    let body = json!({"email": user.email(), "password": user.password()});
    let answer = client
        .post(&format!("{edge}/auth/login"), &[], &body)
        .in_step(STEP)?;
    let route = answer.header("x-auth-route").unwrap_or_default();
    let body = answer.json();
    match body.pointer("/data/token").and_then(Value::as_str) {
        Some(token) if route == "v2" => Ok(token.to_owned()),
        _ => {
            let reason = answer.header("x-auth-route-reason").unwrap_or_default();
            let told = format!(
                "user {} was not signed in by v2: {}, {route} {reason}",
                user.number, answer.status
            );
            Err(Fault::new(STEP, told))
        }
    }
}

/// The origin's clock, `since` seconds after `began`.
fn ahead(stack: &mut Stack, began: i64, since: i64) -> Done {
    stack.restart_origin_ahead(began + since - now())
}

/// What a client asks, and what a service asks about it.
fn call(client: &Client, edge: &str, token: &str, at: i64) -> [Result<Answer, String>; 2] {
    let now = (at * 1_000).to_string();
    let bearer = format!("Bearer {token}");
    [
        client.get(
            &format!("{edge}/auth/profile"),
            &[("authorization", &bearer), ("x-test-now", &now)],
        ),
        client.post(
            &format!("{edge}/auth/verify-token"),
            &[("x-test-now", &now)],
            &json!({ "token": token }),
        ),
    ]
}

/// Whether a client would ask for the password, or a service send it away.
fn is_signed_out(answer: &Answer) -> bool {
    answer.status == 401
        || (answer.status == 200 && answer.json().pointer("/data/valid") == Some(&json!(false)))
}

impl Days {
    fn count(&mut self, since: i64, answer: &Answer) {
        self.calls += 1;
        let signed_out = is_signed_out(answer);
        let failed = !signed_out && answer.status != 200;
        self.signed_out += u64::from(signed_out);
        self.failed += u64::from(failed);
        if (signed_out || failed) && self.examples.len() < 5 {
            let text: String = answer.text.chars().take(200).collect();
            self.examples
                .push(format!("day {}: {} {text}", since / DAY, answer.status));
        }
    }

    /// Prints the row.
    pub fn print(&self) {
        println!(
            "\nclients that never refresh  days   calls  signed out  failed  refused after 7 days\n{:>26}  {:>4}  {:>6}  {:>10}  {:>6}  {:>20}",
            self.clients, 7, self.calls, self.signed_out, self.failed, self.over
        );
        for example in &self.examples {
            println!("\nold clients, {example}");
        }
    }

    /// Nobody was signed out within the days, and the days were real: everybody was after them.
    pub fn verdict(&self) -> Done {
        let missed = match self {
            Self { clients: 0, .. } => "nobody signed in".to_owned(),
            Self {
                signed_out, failed, ..
            } if signed_out + failed > 0 => {
                format!("{signed_out} signed out, {failed} calls failed within 7 days")
            }
            Self { over, clients, .. } if over < clients => {
                format!("{} accepted after 7 days", clients - over)
            }
            _ => return Ok(()),
        };
        Err(Fault::new(STEP, missed))
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(0)
}
