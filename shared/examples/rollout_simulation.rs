//! Simulated rollouts: how often the sequential test of `shared::guardrail` errs when a rollout follows its verdicts, and how many users a
//! bad release harms before it is stopped, beside two other rules. `cargo run --release -p crossfade-shared --example rollout_simulation -- [ROLLOUTS]`
//!
//! Each rollout has a site's traffic and a regression. Both sides fail 0.2 % of sign-ins by themselves, and refuse 5 % for their
//! password; v2 fails so many more as the regression says. A rule is asked after every interval. Users harmed are the sign-ins that
//! the regression failed, until the rule stopped the rollout or 30 days are over.
//!
//! - **guardrails**: failures and wrong passwords, each with a guardrail a step, through 1, 5, 10, 25, 50, 80 to 100 %. All of them together
//!   err in 1 % of the rollouts at most.
//! - **threshold**: the analysis of a canary as Flagger does it, with the figures of its documentation: success below 99 % within a
//!   minute is a failed check, five failed checks end it, and a minute without one promotes
//!   (<https://docs.flagger.app/usage/how-it-works>).
//! - **25 % of 20**: an operator promotes every hour; sign-ins are sent back when v2 fails a quarter of at least 20 in 10 seconds.

use shared::guardrail::{Count, Guardrail, Margins, Verdict};

const BASE: f64 = 0.002;
const WRONG: f64 = 0.05;
const PLAN: [f64; 7] = [0.01, 0.05, 0.10, 0.25, 0.50, 0.80, 1.0];
const DAYS: f64 = 30.0;
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
        "| sign-ins/s | regression | guardrails: promoted to 100 % | rolled back | undecided | harmed | threshold: ended | harmed | 25 % of 20: ended | harmed |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for traffic in TRAFFIC {
        for regression in REGRESSIONS {
            row(traffic, regression, per_cell);
        }
    }
}

fn row(traffic: f64, regression: f64, rollouts: u32) {
    let site = Site { traffic, regression };
    let mut ends = [0_u32; 3];
    let mut harmed: [Vec<f64>; 3] = Default::default();
    let mut stopped = [0_u32; 2];
    for rollout in 0..rollouts {
        let mut dice = Dice::seeded(traffic, regression, rollout);
        let (end, harm) = guardrails(&site, &mut dice);
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
}

/// What one side did in an interval.
struct Side {
    failures: Count,
    wrong_passwords: Count,
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
fn guardrails(site: &Site, dice: &mut Dice) -> (usize, f64) {
    let seconds = (20.0 / site.traffic).clamp(2.0, 600.0);
    let error = 0.01 / (2 * (PLAN.len() - 1)) as f64;
    let (mut time, mut harmed) = (0.0, 0.0);
    for share in &PLAN[..PLAN.len() - 1] {
        let mut failures = Guardrail::new(Margins::failures(error));
        let mut wrong = Guardrail::new(Margins::wrong_passwords(error));
        loop {
            if time > DAYS * 86_400.0 {
                return (2, harmed);
            }
            let (v2, legacy, harm) = site.interval(seconds, *share, dice);
            time += seconds;
            harmed += harm;
            failures.observe(v2.failures, legacy.failures);
            wrong.observe(v2.wrong_passwords, legacy.wrong_passwords);
            match (failures.verdict(), wrong.verdict()) {
                (Verdict::RollBack, _) | (_, Verdict::RollBack) => return (1, harmed),
                (Verdict::Promote, Verdict::Promote) => break,
                _ => {}
            }
        }
    }
    (0, harmed)
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
            // Promoted, and no longer looked at.
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
    // Beyond the last step every interval is like the one before: two hours of it show whether it trips at all.
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
