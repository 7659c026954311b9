//! Simulated rollouts: how often the autopilot errs, and how many users a bad release harms before it is stopped, beside two other rules.
//! `cargo run --release -p crossfade-shared --example rollout_simulation -- [ROLLOUTS] [SIGN-INS A SECOND]`
//!
//! Each rollout has a site's traffic and a regression. Both sides fail 0.2 % of sign-ins by themselves, refuse 5 % for their password, and
//! take long for 2 %; 92 % of those who sign in make a call soon after, 30 % after an hour. v2 fails so many more sign-ins as the
//! regression says. Users harmed are the sign-ins that the regression failed within 30 days.
//!
//! - **autopilot**: `ROLLOUT_AUTOPILOT = "on"`, played by the state machines of the Durable Object, [`Autopilot`] and [`StepDown`], with the
//!   reports of isolates: every 2 seconds; every 10 with one sign-in a second; every 50 with one in 50 seconds; and every 30 seconds at least
//!   once a step has lasted an hour. v2 calls itself ready all the while.
//! - **threshold**: the analysis of a canary as Flagger does it, with the figures of its documentation: success below 99 % within a
//!   minute is a failed check, five failed checks end it, and a minute without one promotes
//!   (<https://docs.flagger.app/usage/how-it-works>).
//! - **25 % of 20**: an operator promotes every hour; sign-ins are sent back when v2 fails a quarter of at least 20 in 10 seconds.
//!
//! A second table has releases that sign users in and then lose them.

use std::collections::VecDeque;

use shared::autopilot::{Autopilot, MOST, Outcome, Plan, Sightings, Situation, UserMark};
use shared::callers::CallerMark;
use shared::fallback::Outcome as Attempt;
use shared::rollout::Percentage;
use shared::routing::Side;
use shared::step_down::{PROBE_SECONDS, Report, Rule, StepDown, read_rule};
use shared::time::UnixTime;

const BASE: f64 = 0.002;
const WRONG: f64 = 0.05;
const SLOW: f64 = 0.02;
const CALL: f64 = 0.92;
const STAY: f64 = 0.3;
/// When those calls come, in seconds after the sign-in.
const SOON: i64 = 30;
const LATER: i64 = 4_000;
const PLAN: [f64; 7] = [0.01, 0.05, 0.10, 0.25, 0.50, 0.80, 1.0];
const DAYS: f64 = 30.0;
/// So many of a report's callers are played for the step-down.
const CALLERS_TOLD: u32 = 300;
/// From here on a regression is harmful: v2 then fails 0.5 %.
const HARMFUL: f64 = 0.003;
const TRAFFIC: [f64; 4] = [0.02, 1.0, 50.0, 1_000.0];
const REGRESSIONS: [f64; 13] = [
    0.0, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 0.8, 1.0,
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

struct Site {
    traffic: f64,
    /// The additional share of sign-ins that fail at v2.
    regression: f64,
    /// The additional share of v2's users who make no call soon after.
    without_call: f64,
    /// The share of v2's users who would come back after an hour and do not.
    gone: f64,
}

/// How a rollout ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Promoted,
    RolledBack,
    Undecided,
}

struct Played {
    end: End,
    harmed: f64,
    /// Whether it left the first step.
    went_on: bool,
}

fn share(count: usize, of: u32) -> String {
    format!("{:.1} %", 100.0 * count as f64 / f64::from(of))
}

fn harmed(mut values: Vec<f64>) -> String {
    values.sort_by(f64::total_cmp);
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    format!("{:.0}, {mean:.0}", values[values.len() / 2])
}

fn row(site: &Site, rollouts: u32, marks: &[CallerMark], sums: &mut Sums) {
    let mut played = Vec::new();
    let mut others: [Vec<(bool, f64)>; 2] = Default::default();
    for rollout in 0..rollouts {
        let mut dice = Dice::seeded(site, rollout);
        played.push(autopilot(site, &mut dice, marks));
        others[0].push(threshold(site, &mut dice));
        others[1].push(quarter_of_twenty(site, &mut dice));
    }
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
    let played: Vec<_> = (0..rollouts)
        .map(|rollout| autopilot(site, &mut Dice::seeded(site, rollout), marks).end)
        .collect();
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

/// A caller for each hash that isolates can report.
fn marks() -> Vec<CallerMark> {
    let mut marks = vec![None; 1 << 16];
    let mut missing = marks.len();
    for name in 0_u32.. {
        let mark = CallerMark::of_name(&name.to_string());
        let place = &mut marks[usize::from(mark.short())];
        if place.is_none() {
            *place = Some(mark);
            missing -= 1;
            if missing == 0 {
                break;
            }
        }
    }
    marks.into_iter().flatten().collect()
}

/// A rollout that is played.
struct Game<'a> {
    site: &'a Site,
    marks: &'a [CallerMark],
    plan: Plan,
    rule: Rule,
    pilot: Autopilot,
    step_down: StepDown,
    situation: Situation,
    /// Callers that the step has not counted within the day, by side: it does not look at the others again.
    unseen: [Vec<CallerMark>; 2],
    unseen_since: f64,
    step_began: f64,
    /// How many callers the last of the reports names.
    in_last: usize,
    /// Calls to come: the time, the user, and the age of the session then.
    calls: [VecDeque<(f64, UserMark, i64)>; 2],
    time: f64,
    probed_at: f64,
    version: u64,
    harmed: f64,
    went_on: bool,
}

fn autopilot(site: &Site, dice: &mut Dice, marks: &[CallerMark]) -> Played {
    let mut game = Game::new(site, marks);
    let end = loop {
        if let Some(end) = game.tick(game.pause(), dice) {
            break end;
        }
        if game.time > DAYS * 86_400.0 {
            break End::Undecided;
        }
    };
    let rest = match end {
        // No rule looks any more.
        End::Promoted => (DAYS * 86_400.0 - game.time) * site.traffic * (1.0 - BASE) * site.regression,
        End::RolledBack | End::Undecided => 0.0,
    };
    Played {
        end,
        harmed: game.harmed + rest,
        went_on: game.went_on,
    }
}

/// The outcome of a sign-in at a side that fails at this rate.
fn attempt(rate: f64, dice: &mut Dice) -> Attempt {
    let luck = dice.next();
    if luck < rate {
        Attempt::Status(503)
    } else if luck < rate + WRONG * (1.0 - rate) {
        Attempt::Status(401)
    } else {
        Attempt::Status(200)
    }
}

impl<'a> Game<'a> {
    fn new(site: &'a Site, marks: &'a [CallerMark]) -> Self {
        let Ok(Some(plan)) = Plan::parse("on") else {
            unreachable!("it is the usual one")
        };
        let rate = |name: &str| (name == "ROLLBACK_ERROR_RATE").then(|| "25".to_owned());
        Self {
            site,
            marks,
            pilot: Autopilot::new(&plan, Percentage::NOBODY, UnixTime::from_secs(0)),
            plan,
            rule: read_rule(&rate).unwrap_or_default(),
            step_down: StepDown::default(),
            situation: Situation {
                percent: Percentage::NOBODY,
                held: None,
                outage: false,
                shadow: false,
                go: 0,
                ready: true,
                expires_at: None,
            },
            unseen: [marks.to_vec(), marks.to_vec()],
            unseen_since: 0.0,
            step_began: 0.0,
            in_last: 0,
            calls: Default::default(),
            time: 0.0,
            probed_at: 0.0,
            version: 0,
            harmed: 0.0,
            went_on: false,
        }
    }

    /// How long until the next reports.
    fn pause(&self) -> f64 {
        let pause = f64::clamp(10.0 / self.site.traffic, 2.0, 50.0);
        if self.time - self.step_began > 3_600.0 {
            pause.max(30.0)
        } else {
            pause
        }
    }

    /// Plays the time until the next reports, and what follows from them.
    fn tick(&mut self, pause: f64, dice: &mut Dice) -> Option<End> {
        self.time += pause;
        let now = UnixTime::from_secs(self.time as i64);
        if self.time - self.unseen_since >= 86_400.0 {
            self.forget();
        }
        for unseen in &mut self.unseen {
            if unseen.len() <= 32_768 {
                *unseen = self.marks.to_vec();
            }
        }
        let mut told = vec![Sightings::default()];
        self.in_last = 0;
        self.sign_ins(pause, &mut told, dice);
        self.tell_calls(&mut told);
        self.situation.outage = self.step_down.is_down();
        for sightings in &told {
            self.pilot.observe(&self.plan, sightings, now);
        }
        let decision = self.pilot.decide(&self.plan, &self.situation, now)?;
        self.version += 1;
        self.went_on |=
            decision.record.outcome == Outcome::Promote && self.situation.percent > Percentage::NOBODY;
        self.situation.percent = decision.percent;
        self.pilot.applied(&self.plan, &decision, self.version, now);
        self.forget();
        self.step_began = self.time;
        if decision.record.outcome == Outcome::RollBack {
            return Some(End::RolledBack);
        }
        (decision.percent == Percentage::EVERYBODY).then_some(End::Promoted)
    }

    fn forget(&mut self) {
        self.unseen = [self.marks.to_vec(), self.marks.to_vec()];
        self.unseen_since = self.time;
    }

    /// The object asks v2 about its readiness while sign-ins are sent back.
    fn probe(&mut self) {
        while self.step_down.is_down() && self.probed_at + PROBE_SECONDS as f64 <= self.time {
            self.probed_at += PROBE_SECONDS as f64;
            self.pilot.probed(true);
            let at = UnixTime::from_secs(self.probed_at as i64);
            self.step_down.probed(true, &self.rule, at);
        }
    }

    fn sign_ins(&mut self, pause: f64, told: &mut Vec<Sightings>, dice: &mut Dice) {
        let moved = f64::from(self.situation.percent.basis_points()) / 10_000.0;
        let is_down = self.step_down.is_down();
        let moved = if is_down { 0.0 } else { moved };
        let mean = self.site.traffic * pause;
        let mut report = Report::default();
        let mut enough = 0;
        for (index, side, mean) in [
            (0, Side::V2, mean * moved),
            (1, Side::Legacy, mean * (1.0 - moved)),
        ] {
            let rate = if side == Side::V2 {
                self.site.v2_rate()
            } else {
                BASE
            };
            let sign_ins = dice.poisson(mean);
            if side == Side::V2 {
                self.harmed += f64::from(dice.binomial(sign_ins, rate)) * (1.0 - BASE / rate);
            }
            // More callers add nothing: the set of callers of a report fills up, and the shares stay the same.
            for _ in 0..sign_ins.min(CALLERS_TOLD) {
                let mark = self.marks[dice.below(1 << 16)];
                report.count(side, attempt(rate, dice), mark);
            }
            // While sign-ins are sent back the percentage does not decide about them.
            let unseen = if is_down { 0 } else { self.unseen[index].len() };
            let unseen = dice.binomial(sign_ins, unseen as f64 / 65_536.0);
            if side == Side::V2 {
                enough = 200 + 20 * unseen;
            }
            // It looks at no more of the legacy service's callers.
            for _ in 0..unseen.min(enough) {
                let unseen = &mut self.unseen[index];
                if unseen.is_empty() {
                    break;
                }
                let mark = unseen.swap_remove(dice.below(unseen.len() as u64));
                let outcome = attempt(rate, dice);
                let took_ms = if dice.next() < SLOW { 1_500 } else { 200 };
                // No two of them have the same caller, so none is left out.
                if self.in_last >= MOST {
                    told.push(Sightings::default());
                    self.in_last = 0;
                }
                self.in_last += 1;
                let Some(sightings) = told.last_mut() else {
                    continue;
                };
                sightings.sign_in(side, outcome, mark, took_ms, self.plan.slow_ms);
                if outcome == Attempt::Status(200) {
                    self.session(side, mark, sightings, dice);
                }
            }
        }
        // Isolates report sign-ins that they routed by the state before.
        self.probe();
        let now = UnixTime::from_secs(self.time as i64);
        if self.step_down.report(report, &self.rule, now).is_some() {
            self.probed_at = self.time;
        }
    }

    fn session(&mut self, side: Side, mark: CallerMark, sightings: &mut Sightings, dice: &mut Dice) {
        let user = UserMark::from_bits(dice.below(1 << 24) as u32);
        sightings.session(side, Attempt::Status(200), mark, user);
        let (mut call, mut stay) = (CALL, STAY);
        if side == Side::V2 {
            call *= 1.0 - self.site.without_call;
            stay *= 1.0 - self.site.gone;
        }
        for (index, (likely, after)) in [(call, SOON), (stay, LATER)].into_iter().enumerate() {
            if dice.next() < likely {
                self.calls[index].push_back((self.time + after as f64, user, after));
            }
        }
    }

    /// The calls that have come by now.
    fn tell_calls(&mut self, told: &mut Vec<Sightings>) {
        for calls in &mut self.calls {
            while let Some((_, user, age)) = calls.pop_front_if(|(at, ..)| *at <= self.time) {
                if told.last_mut().is_some_and(|told| told.sessions.used(user, age)) {
                    continue;
                }
                let mut more = Sightings::default();
                more.sessions.used(user, age);
                told.push(more);
            }
        }
    }
}

impl Site {
    fn v2_rate(&self) -> f64 {
        BASE + (1.0 - BASE) * self.regression
    }

    /// One interval at `share`: v2's sign-ins, those of them that fail, and how many users the regression harmed.
    fn interval(&self, seconds: f64, share: f64, dice: &mut Dice) -> (u32, u32, f64) {
        let requests = dice.poisson(self.traffic * seconds * share);
        let failures = dice.binomial(requests, self.v2_rate());
        let harmed = f64::from(failures) * (1.0 - BASE / self.v2_rate());
        (requests, failures, harmed)
    }
}

/// Whether it stopped the rollout.
fn threshold(site: &Site, dice: &mut Dice) -> (bool, f64) {
    let (mut step, mut failed, mut harmed, mut time) = (0, 0, 0.0, 0.0);
    while time < DAYS * 86_400.0 {
        let (requests, failures, harm) = site.interval(60.0, PLAN[step], dice);
        time += 60.0;
        harmed += harm;
        if requests > 0 && f64::from(failures) > 0.01 * f64::from(requests) {
            failed += 1;
            if failed >= 5 {
                return (true, harmed);
            }
        } else if step + 1 < PLAN.len() {
            step += 1;
        } else {
            // Promoted: this rule no longer looks.
            let rest = DAYS * 86_400.0 - time;
            return (
                false,
                harmed + rest * site.traffic * (1.0 - BASE) * site.regression,
            );
        }
    }
    (false, harmed)
}

/// Whether it ever sent sign-ins back.
fn quarter_of_twenty(site: &Site, dice: &mut Dice) -> (bool, f64) {
    let (mut harmed, mut time) = (0.0, 0.0);
    // Beyond the last step every interval is like the one before: two hours of it show whether the rule trips at all.
    let looked_at = (PLAN.len() as f64 + 2.0) * 3_600.0;
    while time < looked_at {
        let step = ((time / 3_600.0) as usize).min(PLAN.len() - 1);
        let (requests, failures, harm) = site.interval(10.0, PLAN[step], dice);
        time += 10.0;
        harmed += harm;
        if requests >= 20 && 4 * failures >= requests {
            return (true, harmed);
        }
    }
    (
        false,
        harmed + (DAYS * 86_400.0 - looked_at) * site.traffic * (1.0 - BASE) * site.regression,
    )
}

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn seeded(site: &Site, rollout: u32) -> Self {
        let parts = [site.traffic, site.regression, site.without_call, site.gone];
        let mixed = parts
            .into_iter()
            .fold(0_u64, |mixed, part| mixed.rotate_left(17) ^ part.to_bits());
        Self(mixed ^ u64::from(rollout).wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn next(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn below(&mut self, limit: u64) -> usize {
        (self.bits() % limit) as usize
    }

    fn normal(&mut self) -> f64 {
        let (u, v) = (1.0 - self.next(), self.next());
        (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    }

    fn poisson(&mut self, mean: f64) -> u32 {
        if mean > 60.0 {
            return (mean + mean.sqrt() * self.normal()).round().max(0.0) as u32;
        }
        let (limit, mut product, mut count) = ((-mean).exp(), self.next(), 0);
        while product > limit {
            product *= self.next();
            count += 1;
        }
        count
    }

    fn binomial(&mut self, trials: u32, rate: f64) -> u32 {
        let (n, p) = (f64::from(trials), rate.min(1.0));
        let deviation = (n * p * (1.0 - p)).sqrt();
        if n * p > 60.0 && n * (1.0 - p) > 60.0 {
            return (n * p + deviation * self.normal()).round().clamp(0.0, n) as u32;
        }
        if trials > 200 && n * p <= 60.0 {
            return self.poisson(n * p).min(trials);
        }
        u32::try_from((0..trials).filter(|_| self.next() < p).count()).unwrap_or(trials)
    }
}
