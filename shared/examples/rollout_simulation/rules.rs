//! The two other rules.

use crate::dice::Dice;
use crate::site::{BASE, DAYS, Site};

const PLAN: [f64; 7] = [0.01, 0.05, 0.10, 0.25, 0.50, 0.80, 1.0];

/// Whether it stopped the rollout.
pub fn threshold(site: &Site, dice: &mut Dice) -> (bool, f64) {
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
pub fn quarter_of_twenty(site: &Site, dice: &mut Dice) -> (bool, f64) {
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
