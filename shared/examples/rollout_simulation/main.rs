//! Simulated rollouts: how often the autopilot errs, and how many users a bad release harms before it is stopped, beside two other rules.
//! `cargo run --release -p crossfade-shared --example rollout_simulation -- [ROLLOUTS] [SIGN-INS A SECOND]`
//!
//! Each rollout has a site's traffic and a regression. Both sides fail 0.2 % of sign-ins by themselves, refuse 5 % for their password, and
//! take long for 2 %; 92 % of those who sign in make a call soon after, 30 % after an hour. v2 fails so many more sign-ins as the
//! regression says. Users harmed are the sign-ins that the regression failed within 30 days.
//!
//! - **autopilot**: `ROLLOUT_AUTOPILOT = "on"`, played by the state machines of the Durable Object, [`Autopilot`] and [`StepDown`], with the
//!   reports of isolates: every 2 seconds; every 10 with one sign-in a second; every 100 with one in 50 seconds; and every 30 seconds at least
//!   once a step has lasted an hour. v2 calls itself ready all the while.
//! - **threshold**: the analysis of a canary as Flagger does it, with the figures of its documentation: success below 99 % within a
//!   minute is a failed check, five failed checks end it, and a minute without one promotes
//!   (<https://docs.flagger.app/usage/how-it-works>).
//! - **25 % of 20**: an operator promotes every hour; sign-ins are sent back when v2 fails a quarter of at least 20 in 10 seconds.
//!
//! A second table has releases that sign users in and then lose them.

mod dice;
mod game;
mod rules;
mod site;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use dice::Dice;
use game::{End, Played, autopilot, marks};
use rules::{quarter_of_twenty, threshold};
use shared::callers::CallerMark;
use site::Site;

/// From here on a regression is harmful: v2 then fails 0.5 %.
const HARMFUL: f64 = 0.003;
const TRAFFIC: [f64; 4] = [0.02, 1.0, 50.0, 1_000.0];
/// The last takes longest: nothing stops it.
const REGRESSIONS: [f64; 13] = [
    0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 0.8, 1.0, 0.0,
];
/// Releases that lose users after the sign-in: the share of users who make no call soon, and the share who are gone after an hour.
const LOSSES: [(f64, f64); 5] = [(0.1, 0.0), (0.3, 0.0), (1.0, 1.0), (0.0, 0.4), (0.0, 1.0)];

fn main() {
    let arguments: Vec<f64> = std::env::args()
        .skip(1)
        .filter_map(|text| text.parse().ok())
        .collect();
    let rollouts = arguments.first().copied().unwrap_or(10_000.0) as u32;
    // No rule should decide about a regression that is neither tolerable nor harmful, and these take most of the time: a few rollouts show
    // it.
    let decided = REGRESSIONS.iter().filter(|regression| !is_between(**regression));
    let per_row = (rollouts / (TRAFFIC.len() * decided.count()) as u32).max(1);
    let wanted = arguments.get(1).copied();
    let traffic = || {
        TRAFFIC
            .into_iter()
            .filter(move |traffic| wanted.is_none_or(|wanted| wanted == *traffic))
    };
    let marks = marks();
    println!("{per_row} rollouts a row, 0.1 and 0.2 % a fortieth of that; harmed: median, mean\n");
    println!(
        "| sign-ins/s | regression | autopilot: promoted to 100 % | rolled back | undecided | harmed | threshold rule: ended | harmed | 25 % of 20: ended | harmed |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    let mut sums = Sums::default();
    for traffic in traffic() {
        for regression in REGRESSIONS {
            let site = Site {
                traffic,
                regression,
                without_call: 0.0,
                gone: 0.0,
            };
            let rollouts = if is_between(regression) {
                per_row.div_ceil(40)
            } else {
                per_row
            };
            row(&site, rollouts, &marks, &mut sums);
        }
    }
    println!(
        "\nof {} rollouts of a harmful release: {} promoted to 100 %, {} promoted a step; of {} without a regression: {} rolled back",
        sums.harmful, sums.promoted, sums.went_on, sums.good, sums.rolled_back
    );
    println!(
        "\n| sign-ins/s | without a call | gone after an hour | promoted to 100 % | rolled back | undecided |"
    );
    println!("|---|---|---|---|---|---|");
    for traffic in traffic() {
        for (without_call, gone) in LOSSES {
            let site = Site {
                traffic,
                regression: 0.0,
                without_call,
                gone,
            };
            losses(&site, per_row.div_ceil(4), &marks);
        }
    }
}

fn is_between(regression: f64) -> bool {
    (0.0001..HARMFUL).contains(&regression)
}

#[derive(Default)]
struct Sums {
    harmful: u32,
    promoted: u32,
    went_on: u32,
    good: u32,
    rolled_back: u32,
}

fn share(count: usize, of: u32) -> String {
    format!("{:.1} %", 100.0 * count as f64 / f64::from(of))
}

fn harmed(mut values: Vec<f64>) -> String {
    values.sort_by(f64::total_cmp);
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    format!("{:.0}, {mean:.0}", values[values.len() / 2])
}

/// What `play` makes of each rollout, by all processors. A rollout has dice of its own, so it does not matter which of them plays it.
fn all<T: Send>(site: &Site, rollouts: u32, play: impl Fn(&mut Dice) -> T + Sync) -> Vec<T> {
    let (next, played) = (AtomicU32::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let rollout = next.fetch_add(1, Ordering::Relaxed);
                    if rollout >= rollouts {
                        break;
                    }
                    let one = play(&mut Dice::seeded(site, rollout));
                    played.lock().unwrap_or_else(PoisonError::into_inner).push(one);
                }
            });
        }
    });
    played.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn row(site: &Site, rollouts: u32, marks: &[CallerMark], sums: &mut Sums) {
    let all = all(site, rollouts, |dice| {
        let played = autopilot(site, dice, marks);
        (played, [threshold(site, dice), quarter_of_twenty(site, dice)])
    });
    let (played, others): (Vec<Played>, Vec<[(bool, f64); 2]>) = all.into_iter().unzip();
    let others = [0, 1].map(|rule| others.iter().map(|ended| ended[rule]).collect::<Vec<_>>());
    let ends = |end| played.iter().filter(|played| played.end == end).count();
    let [flagger, today] = others.map(|ended| {
        let stopped = ended.iter().filter(|(stopped, _)| *stopped).count();
        let values = ended.into_iter().map(|(_, harmed)| harmed).collect();
        format!("{} | {}", share(stopped, rollouts), harmed(values))
    });
    println!(
        "| {} | {:.1} % | {} | {} | {} | {} | {flagger} | {today} |",
        site.traffic,
        site.regression * 100.0,
        share(ends(End::Promoted), rollouts),
        share(ends(End::RolledBack), rollouts),
        share(ends(End::Undecided), rollouts),
        harmed(played.iter().map(|played| played.harmed).collect()),
    );
    if site.regression >= HARMFUL {
        sums.harmful += rollouts;
        sums.promoted += ends(End::Promoted) as u32;
        sums.went_on += played.iter().filter(|played| played.went_on).count() as u32;
    }
    if site.regression == 0.0 {
        sums.good += rollouts;
        sums.rolled_back += ends(End::RolledBack) as u32;
    }
}

fn losses(site: &Site, rollouts: u32, marks: &[CallerMark]) {
    let played = all(site, rollouts, |dice| autopilot(site, dice, marks).end);
    let ends = |end| share(played.iter().filter(|played| **played == end).count(), rollouts);
    println!(
        "| {} | {:.0} % | {:.0} % | {} | {} | {} |",
        site.traffic,
        100.0 * site.without_call,
        100.0 * site.gone,
        ends(End::Promoted),
        ends(End::RolledBack),
        ends(End::Undecided),
    );
}
