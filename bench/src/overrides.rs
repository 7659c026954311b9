//! `cargo xtask bench overrides`: how long a change of the rollout (`PUT /v1/rollout`) takes to reach every isolate under load, from the
//! moment at which an operator sends it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::json;
use shared::time::UnixTime;
use stack::build_edge::Profile;
use stack::fault::{Done, Fault, In as _};
use stack::http::Client;
use stack::{Issuer, Plan, Stack};

use crate::target::{self, at_most, median};
use crate::upstream;

const STEP: &str = "bench overrides";
const KEY: &str = "an-admin-key-of-at-least-32-characters";
const PATIENCE: Duration = Duration::from_secs(10);
/// In seconds: within this time each isolate has to know.
const TARGET: f64 = 4.0;
/// Isolates report every two seconds, so changes come at other moments of them.
const PAUSES_MS: [u64; 5] = [5_000, 5_700, 5_300, 6_100, 5_500];

/// Options of `cargo xtask bench overrides`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// How often the rollout is changed.
    #[arg(long, default_value_t = 10)]
    changes: u64,
    /// Among how many isolates.
    #[arg(long, default_value_t = 10)]
    isolates: u32,
}

/// A change, or what an isolate did from then on: whether sign-ins go to v2.
type Turn = (Instant, bool);

/// What one change did.
struct Heard {
    /// When each isolate routed by it, in seconds after it was sent; not a number where one never did.
    seconds: Vec<f64>,
    /// How often an isolate routed by the change and then again by what was before.
    split: usize,
}

/// Changes the rollout again and again, and prints how long that took.
pub fn run(options: &Options) -> Done {
    let stack = Stack::up(&Plan {
        worker: Profile::Release,
        more_edges: true,
        ..Plan::throw_away(Issuer::KeyServer)
    })?;
    let isolates = isolates(&stack, options.isolates)?;
    let requests = AtomicU64::new(0);
    let (changes, turns) = turns(&isolates, options.changes, &requests)?;
    let heard: Vec<Heard> = changes
        .iter()
        .enumerate()
        .map(|(number, change)| heard(*change, changes.get(number + 1), &turns))
        .collect();
    let last: Vec<f64> = heard
        .iter()
        .map(|heard| heard.seconds.iter().copied().fold(0.0, later))
        .collect();
    let each: Vec<f64> = heard.iter().flat_map(|heard| heard.seconds.clone()).collect();
    let splits: usize = heard.iter().map(|heard| heard.split).sum();
    println!(
        "\n{} changes, {} isolates, {} sign-ins\n\n  until an isolate routes by it   median {:.2} s\n  until the last one does         median {:.2} s\n",
        changes.len(),
        isolates.len(),
        requests.into_inner(),
        median(each),
        median(last.clone()),
    );
    let splits = u32::try_from(splits).unwrap_or(u32::MAX);
    target::print(&[
        at_most(
            "until the last isolate, worst, s".to_owned(),
            last.into_iter().fold(0.0, later),
            TARGET,
        ),
        at_most("split decisions".to_owned(), f64::from(splits), 0.0),
    ]);
    Ok(())
}

/// The later of both; never is later than any time.
fn later(one: f64, other: f64) -> f64 {
    if one.is_nan() || other.is_nan() {
        f64::NAN
    } else {
        one.max(other)
    }
}

/// Starts isolates around one object, between two services that answer at once. Where each of them listens.
fn isolates(stack: &Stack, count: u32) -> Done<Vec<String>> {
    let edges = stack
        .addresses
        .edges
        .as_deref()
        .ok_or_else(|| Fault::new(STEP, "nobody starts edges on request"))?;
    let (v2, legacy) = (upstream::start().in_step(STEP)?, upstream::start().in_step(STEP)?);
    let wanted = json!({
        "variables": {
            "ORIGIN_URL": format!("http://{v2}"),
            "LEGACY_AUTH_URL": format!("http://{legacy}"),
            "ROLLOUT_PERCENT": "0",
            "INTERNAL_SERVICE_KEYS": format!("ops:{KEY}:admin"),
            "LOG_LEVEL": "off",
        },
        "bindings": { "durableObjects": { "STEP_DOWN": { "className": "StepDown", "useSQLite": true } } },
        "isolates": count,
    });
    let answer = Client::new(Duration::from_secs(60))
        .post(&format!("{edges}/"), &[], &wanted)
        .in_step(STEP)?;
    if answer.status != 201 {
        return Err(Fault::new(STEP, answer.text));
    }
    let answer = answer.json();
    let others = answer["others"].as_array().into_iter().flatten();
    Ok(std::iter::once(&answer["direct"])
        .chain(others)
        .filter_map(|url| url.as_str().map(str::to_owned))
        .collect())
}

/// Changes the rollout, first to 100 %, then to 0 %, and so on, while each isolate signs users in. The changes, and the turns of each
/// isolate.
fn turns(isolates: &[String], changes: u64, requests: &AtomicU64) -> Done<(Vec<Turn>, Vec<Vec<Turn>>)> {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let watched: Vec<_> = isolates
            .iter()
            .map(|isolate| scope.spawn(|| watch(isolate, &done, requests)))
            .collect();
        let made = make_changes(isolates, changes);
        done.store(true, Ordering::Relaxed);
        let turns: Done<Vec<Vec<Turn>>> = watched
            .into_iter()
            .map(|watched| {
                watched
                    .join()
                    .unwrap_or_else(|_| Err(Fault::new(STEP, "a client failed")))
            })
            .collect();
        Ok((made?, turns?))
    })
}

fn make_changes(isolates: &[String], changes: u64) -> Done<Vec<Turn>> {
    let client = Client::new(PATIENCE);
    let mut made = Vec::new();
    for (version, pause) in (0..changes).zip(PAUSES_MS.iter().cycle()) {
        thread::sleep(Duration::from_millis(*pause));
        let to_v2 = version % 2 == 0;
        let isolate = usize::try_from(version).ok().and_then(|number| {
            let index = number.checked_rem(isolates.len())?;
            isolates.get(index)
        });
        let url = format!("{}/v1/rollout", isolate.map(String::as_str).unwrap_or_default());
        let change = json!({
            "percent": if to_v2 { 100 } else { 0 }, "reason": "a measurement",
            "expires_at": in_an_hour(), "expected_version": version,
        });
        let sent = Instant::now();
        let answer = client
            .put(&url, &[("x-service-key", KEY)], &change)
            .in_step(STEP)?;
        if answer.status != 200 {
            return Err(Fault::new(STEP, answer.text));
        }
        made.push((sent, to_v2));
    }
    thread::sleep(Duration::from_secs_f64(TARGET * 2.0));
    Ok(made)
}

/// Signs a user in again and again, and takes note whenever the side is another one.
fn watch(isolate: &str, done: &AtomicBool, requests: &AtomicU64) -> Done<Vec<Turn>> {
    let client = Client::new(PATIENCE);
    let user = json!({ "email": "ann@example.com", "password": "x" });
    let mut turns: Vec<Turn> = Vec::new();
    while !done.load(Ordering::Relaxed) {
        let answer = client
            .post(&format!("{isolate}/auth/login"), &[], &user)
            .in_step(STEP)?;
        requests.fetch_add(1, Ordering::Relaxed);
        let at_v2 = match answer.header("x-auth-route") {
            Some("v2") => true,
            Some("legacy") => false,
            _ => {
                return Err(Fault::new(
                    STEP,
                    format!("a sign-in was answered {}", answer.text),
                ));
            }
        };
        if turns.last().is_none_or(|(_, before)| *before != at_v2) {
            turns.push((Instant::now(), at_v2));
        }
    }
    Ok(turns)
}

fn heard((sent, to_v2): Turn, next: Option<&Turn>, turns: &[Vec<Turn>]) -> Heard {
    let within = |at: Instant| at >= sent && next.is_none_or(|(next, _)| at < *next);
    let mut split = 0;
    let seconds = turns
        .iter()
        .map(|turns| {
            let since: Vec<&Turn> = turns.iter().filter(|(at, _)| within(*at)).collect();
            split += since.iter().filter(|(_, at_v2)| *at_v2 != to_v2).count();
            since
                .iter()
                .find(|(_, at_v2)| *at_v2 == to_v2)
                .map_or(f64::NAN, |(at, _)| at.duration_since(sent).as_secs_f64())
        })
        .collect();
    Heard { seconds, split }
}

fn in_an_hour() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = UnixTime::from_secs(i64::try_from(since.as_secs()).unwrap_or_default());
    now.plus(3_600).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_isolate_and_one_that_goes_back_are_seen() {
        let began = Instant::now();
        let at = |seconds: u64| began + Duration::from_secs(seconds);
        let (first, second) = ((at(10), true), (at(20), false));
        let prompt = vec![(at(0), false), (at(11), true), (at(22), false)];
        let undecided = vec![
            (at(0), false),
            (at(12), true),
            (at(13), false),
            (at(14), true),
            (at(21), false),
        ];
        let deaf = vec![(at(0), false)];
        let all = [prompt, undecided, deaf];
        let after_first = heard(first, Some(&second), &all);
        assert_eq!(after_first.seconds[..2], [1.0, 2.0]);
        assert!(after_first.seconds[2].is_nan());
        assert_eq!(after_first.split, 1);
        let after_second = heard(second, None, &all);
        assert_eq!(after_second.seconds[..2], [2.0, 1.0]);
        assert_eq!(after_second.split, 0);
        assert!(later(1.0, f64::NAN).is_nan());
    }
}
