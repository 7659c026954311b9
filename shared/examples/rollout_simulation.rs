//! Simulated rollouts: how often the sequential test of `shared::guardrail` errs when a rollout follows its verdicts, and how many users a
//! bad release harms before it is stopped, beside two other rules. `cargo run --release -p crossfade-shared --example rollout_simulation -- [ROLLOUTS]`
//!
//! Each rollout has a site's traffic and a regression. Both sides fail 0.2 % of sign-ins by themselves, and refuse 5 % for their
//! password; v2 fails so many more as the regression says. A rule is asked after every interval. Users harmed are the sign-ins that
//! the regression failed, until the rule stopped the rollout or 30 days are over.
//!
//! - **autopilot**: `ROLLOUT_AUTOPILOT = "on"`: failures, wrong passwords and slow sign-ins, each with a guardrail a step, through 1, 5, 10, 25, 50,
//!   80 to 100 %, in intervals that count twelve seconds after their end; beside it the step-down, which sends sign-ins back within seconds. v2 calls
//!   itself ready all the while, so that two step-downs within a step end the rollout. All tests together err in 1 % of the rollouts at most.
//! - **threshold**: the analysis of a canary as Flagger does it, with the figures of its documentation: success below 99 % within a
//!   minute is a failed check, five failed checks end it, and a minute without one promotes
//!   (<https://docs.flagger.app/usage/how-it-works>).
//! - **25 % of 20**: an operator promotes every hour; sign-ins are sent back when v2 fails a quarter of at least 20 in 10 seconds.

use shared::autopilot::{CALLERS, Name, Plan};
use shared::callers::CallerMark;
use shared::fallback::Outcome;
use shared::guardrail::{Count, Guardrail, Margins, Verdict};
use shared::routing::Side as RoutedTo;
use shared::step_down::{Report, StepDown, read_rule};
use shared::time::UnixTime;

const BASE: f64 = 0.002;
const WRONG: f64 = 0.05;
const SLOW: f64 = 0.02;
const PLAN: [f64; 7] = [0.01, 0.05, 0.10, 0.25, 0.50, 0.80, 1.0];
const DAYS: f64 = 30.0;
/// How often an isolate reports, and how much later an interval counts, in seconds.
const REPORT: f64 = 2.0;
const SETTLES: f64 = 12.0;
/// From here on a regression is harmful: v2 then fails 0.5 %.
const HARMFUL: f64 = 0.003;
const TRAFFIC: [f64; 4] = [0.02, 1.0, 50.0, 1_000.0];
const REGRESSIONS: [f64; 13] = [
    0.0, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 0.8, 1.0,
];

fn main() {
    let rollouts: u32 = std::env::args()
        .nth(1)
        .and_then(|text| text.parse().ok())
        .unwrap_or(10_000);
    let per_cell = (rollouts / (TRAFFIC.len() * REGRESSIONS.len()) as u32).max(1);
    println!("{per_cell} rollouts a row; harmed: median of the users harmed before the stop\n");
    println!(
        "| sign-ins/s | regression | autopilot: promoted to 100 % | rolled back | undecided | harmed | threshold: ended | harmed | 25 % of 20: ended | harmed |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    let (mut promoted, mut rolled_back) = ((0, 0), (0, 0));
    for traffic in TRAFFIC {
        for regression in REGRESSIONS {
            let ends = row(traffic, regression, per_cell);
            if regression >= HARMFUL {
                promoted = (promoted.0 + ends[0], promoted.1 + per_cell);
            }
            if regression == 0.0 {
                rolled_back = (rolled_back.0 + ends[1], rolled_back.1 + per_cell);
            }
        }
    }
    println!(
        "\nfalse promotions: {} of {}; false roll-backs: {} of {}",
        promoted.0, promoted.1, rolled_back.0, rolled_back.1
    );
}

fn row(traffic: f64, regression: f64, rollouts: u32) -> [u32; 3] {
    let site = Site { traffic, regression };
    let mut ends = [0_u32; 3];
    let mut harmed: [Vec<f64>; 3] = Default::default();
    let mut stopped = [0_u32; 2];
    for rollout in 0..rollouts {
        let mut dice = Dice::seeded(traffic, regression, rollout);
        let (end, harm) = autopilot(&site, &mut dice);
        ends[end] += 1;
        harmed[0].push(harm);
        for (index, rule) in [threshold, quarter_of_twenty].into_iter().enumerate() {
            let (stop, harm) = rule(&site, &mut dice);
            stopped[index] += u32::from(stop);
            harmed[index + 1].push(harm);
        }
    }
    let share = |count: u32| format!("{:.1} %", 100.0 * f64::from(count) / f64::from(rollouts));
    let median = |values: &mut Vec<f64>| {
        values.sort_by(f64::total_cmp);
        format!("{:.0}", values[values.len() / 2])
    };
    println!(
        "| {traffic} | {:.1} % | {} | {} | {} | {} | {} | {} | {} | {} |",
        regression * 100.0,
        share(ends[0]),
        share(ends[1]),
        share(ends[2]),
        median(&mut harmed[0]),
        share(stopped[0]),
        median(&mut harmed[1]),
        share(stopped[1]),
        median(&mut harmed[2]),
    );
    ends
}

/// What one side did in an interval.
struct Side {
    failures: Count,
    wrong_passwords: Count,
    slow: Count,
}

struct Site {
    traffic: f64,
    regression: f64,
}

impl Site {
    fn v2_rate(&self) -> f64 {
        BASE + (1.0 - BASE) * self.regression
    }

    /// One interval at `share`: v2's counts, legacy's, and how many users the regression harmed.
    fn interval(&self, seconds: f64, share: f64, dice: &mut Dice) -> (Side, Side, f64) {
        let side = |requests: u32, rate: f64, dice: &mut Dice| Side {
            failures: Count {
                requests,
                events: dice.binomial(requests, rate),
            },
            wrong_passwords: Count {
                requests,
                events: dice.binomial(requests, WRONG),
            },
            slow: Count {
                requests,
                events: dice.binomial(requests, SLOW),
            },
        };
        let moved = dice.poisson(self.traffic * seconds * share);
        let rest = dice.poisson(self.traffic * seconds * (1.0 - share));
        let v2 = side(moved, self.v2_rate(), dice);
        let legacy = side(rest, BASE, dice);
        let harmed = f64::from(v2.failures.events) * (1.0 - BASE / self.v2_rate());
        (v2, legacy, harmed)
    }
}

/// 0 promoted to the end, 1 rolled back, 2 undecided after 30 days.
fn autopilot(site: &Site, dice: &mut Dice) -> (usize, f64) {
    let Ok(Some(plan)) = Plan::parse("on") else {
        return (2, 0.0);
    };
    let error = plan.error_of(Name::ALL.len());
    let (mut time, mut harmed) = (0.0, 0.0);
    for share in &PLAN[..PLAN.len() - 1] {
        // An interval ends when both sides had sign-ins, and twenty together.
        let seconds = [
            10.0,
            20.0 / site.traffic,
            1.0 / (site.traffic * share),
            1.0 / (site.traffic * (1.0 - share)),
        ]
        .into_iter()
        .fold(0.0, f64::max)
        .min(3_600.0);
        // Two step-downs within the step while v2 calls itself ready: the first one comes before the first interval has counted, or not at
        // all.
        let first = step_down(site, *share, seconds + SETTLES, dice);
        if let Some(first) = first {
            harmed += first + step_down(site, *share, 3_600.0, dice).unwrap_or_default();
            return (1, harmed);
        }
        let mut failures = Guardrail::new(Margins::failures(error));
        let mut others = [
            Guardrail::new(Margins::wrong_passwords(error)),
            Guardrail::new(Margins::slow(error)),
        ];
        loop {
            if time > DAYS * 86_400.0 {
                return (2, harmed);
            }
            let (v2, legacy, harm) = site.interval(seconds, *share, dice);
            time += seconds;
            harmed += harm;
            failures.observe(v2.failures, legacy.failures);
            others[0].observe(v2.wrong_passwords, legacy.wrong_passwords);
            others[1].observe(v2.slow, legacy.slow);
            let all = [&failures, &others[0], &others[1]];
            let worse = |guardrail: &&Guardrail| {
                guardrail.verdict() == Verdict::RollBack && guardrail.figures().0.events >= CALLERS
            };
            let decided = all.iter().any(worse);
            if decided
                || all
                    .iter()
                    .all(|guardrail| guardrail.verdict() == Verdict::Promote)
            {
                let (_, _, harm) = site.interval(SETTLES, *share, dice);
                harmed += harm;
                if decided {
                    return (1, harmed);
                }
                break;
            }
        }
    }
    (0, harmed)
}

/// How many users are harmed before sign-ins go back, if that happens within `seconds` of the beginning of a step.
fn step_down(site: &Site, share: f64, seconds: f64, dice: &mut Dice) -> Option<f64> {
    let rule = |name: &str| (name == "ROLLBACK_ERROR_RATE").then(|| "25".to_owned());
    let rule = read_rule(&rule).unwrap_or_default();
    let (mut state, mut time, mut harmed, mut callers) = (StepDown::default(), 0.0, 0.0, 0_u32);
    let pause = f64::max(REPORT, 0.2 / (site.traffic * share)).min(600.0);
    while time < seconds {
        time += pause;
        let (v2, _, harm) = site.interval(pause, share, dice);
        harmed += harm;
        let mut report = Report::default();
        // More callers add nothing: a set of callers is full.
        let shown = 2_000.0 / f64::from(v2.failures.requests.max(2_000));
        let scaled = |count: u32| (f64::from(count) * shown) as u32;
        for number in 0..scaled(v2.failures.requests) {
            callers += 1;
            let failed = number < scaled(v2.failures.events);
            let outcome = Outcome::Status(if failed { 503 } else { 200 });
            report.count(RoutedTo::V2, outcome, CallerMark::of_name(&callers.to_string()));
        }
        if state
            .report(report, &rule, UnixTime::from_secs(time as i64))
            .is_some()
        {
            return Some(harmed);
        }
    }
    None
}

/// Whether it stopped the rollout.
fn threshold(site: &Site, dice: &mut Dice) -> (bool, f64) {
    let (mut step, mut failed, mut harmed, mut time) = (0, 0, 0.0, 0.0);
    while time < DAYS * 86_400.0 {
        let (v2, _, harm) = site.interval(60.0, PLAN[step], dice);
        time += 60.0;
        harmed += harm;
        let bad = v2.failures.requests > 0
            && f64::from(v2.failures.events) > 0.01 * f64::from(v2.failures.requests);
        if bad {
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
        let (v2, _, harm) = site.interval(10.0, PLAN[step], dice);
        time += 10.0;
        harmed += harm;
        if v2.failures.requests >= 20 && 4 * v2.failures.events >= v2.failures.requests {
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
    fn seeded(traffic: f64, regression: f64, rollout: u32) -> Self {
        Self(
            traffic.to_bits()
                ^ regression.to_bits().rotate_left(17)
                ^ u64::from(rollout).wrapping_mul(0x9E37_79B9_7F4A_7C15),
        )
    }

    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
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
