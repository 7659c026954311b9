//! The autopilot, as the Durable Object runs it.

use std::collections::VecDeque;

use shared::autopilot::{Autopilot, Outcome, Plan, Sightings, Situation, UserMark};
use shared::callers::CallerMark;
use shared::fallback::Outcome as Attempt;
use shared::rollout::Percentage;
use shared::routing::Side;
use shared::step_down::{PROBE_SECONDS, Report, Rule, StepDown, read_rule};
use shared::time::UnixTime;

use crate::dice::Dice;
use crate::site::{BASE, DAYS, Site};

const WRONG: f64 = 0.05;
const SLOW: f64 = 0.02;
const CALL: f64 = 0.92;
const STAY: f64 = 0.3;
/// When those calls come, in seconds after the sign-in.
const SOON: i64 = 30;
const LATER: i64 = 4_000;
/// So many of a report's callers are played for the step-down.
const CALLERS_TOLD: u32 = 300;
/// So many callers of sign-ins are told in one report, as by many isolates with few each. Each caller counts alone, so it does not matter in
/// which report; a short one is searched fast for a caller who is told twice.
const CALLERS_OF_A_REPORT: usize = 16;

/// How a rollout ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Promoted,
    RolledBack,
    Undecided,
}

/// What came of a rollout.
pub struct Played {
    pub end: End,
    /// How many users the regression harmed.
    pub harmed: f64,
    /// Whether it left the first step.
    pub went_on: bool,
}

/// A caller for each hash that isolates can report.
pub fn marks() -> Vec<CallerMark> {
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

/// Plays one rollout.
pub fn autopilot(site: &Site, dice: &mut Dice, marks: &[CallerMark]) -> Played {
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
        let pause = f64::clamp(10.0 / self.site.traffic, 2.0, 100.0);
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
                if self.in_last >= CALLERS_OF_A_REPORT {
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
