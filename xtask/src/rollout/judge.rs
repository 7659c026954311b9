//! `cargo xtask rollout judge LOG`: whether the request lines since the last step allow the next one.
//!
//! The same sequential test whenever it is asked: a judgement every minute errs no more often than one a week.

use std::collections::BTreeMap;
use std::path::PathBuf;

use rehearsal::lines::{self, Moment, purpose};
use serde::Deserialize;
use shared::fallback::Cause;
use shared::guardrail::{Count, Guardrail, Margins, Verdict};
use stack::fault::{Done, Fault, In as _};

use super::{STEP, reading};

/// Options of `cargo xtask rollout judge`.
#[derive(clap::Args)]
pub struct Judge {
    /// Request lines of the edge since the last change of the percentage (JSON, one a line, with a `timestamp`).
    log: PathBuf,
    /// In how many of a hundred rollouts the verdict may be false, either way. Each of the two guardrails gets half.
    #[arg(long, default_value = "1", value_parser = percent)]
    error_percent: f64,
}

fn percent(text: &str) -> Result<f64, &'static str> {
    match text.parse::<f64>() {
        Ok(number) if number > 0.0 && number <= 50.0 => Ok(number),
        _ => Err("is not a number above 0 and up to 50"),
    }
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    path: Option<&'a str>,
    status: u16,
    #[serde(borrow)]
    route: &'a str,
    #[serde(borrow)]
    reason: &'a str,
    #[serde(borrow)]
    instead_of: Option<&'a str>,
    timestamp: Option<Moment>,
}

/// What one side did in a minute.
#[derive(Default, Clone, Copy)]
struct Side {
    sign_ins: u32,
    failures: u32,
    wrong_passwords: u32,
}

/// Judges, and prints by what.
pub fn run(options: &Judge) -> Done {
    let text = std::fs::read(&options.log).in_step(&reading(&options.log))?;
    let mut minutes: BTreeMap<i64, [Side; 2]> = BTreeMap::new();
    lines::each(&text, |_, json, at| {
        let Ok(line) = serde_json::from_slice::<Line<'_>>(json) else {
            return;
        };
        let at = at.or_else(|| line.timestamp.as_ref()?.seconds());
        let (Some((side, failed)), Some(at)) = (judged(&line), at) else {
            return;
        };
        let sides = minutes.entry(at.div_euclid(60)).or_default();
        let side = &mut sides[side];
        side.sign_ins += 1;
        side.failures += u32::from(failed);
        side.wrong_passwords += u32::from(!failed && line.status == 401);
    });
    if minutes.is_empty() {
        return Err(Fault::new(STEP, "the log holds no sign-in with a time"));
    }
    let error = options.error_percent / 100.0 / 2.0;
    let mut guardrails = [
        ("failures", Guardrail::new(Margins::failures(error))),
        ("wrong passwords", Guardrail::new(Margins::wrong_passwords(error))),
    ];
    for [v2, legacy] in minutes.values() {
        let count = |side: &Side, events| Count {
            requests: side.sign_ins,
            events,
        };
        let [failures, wrong] = &mut guardrails;
        failures
            .1
            .observe(count(v2, v2.failures), count(legacy, legacy.failures));
        wrong.1.observe(
            count(v2, v2.wrong_passwords),
            count(legacy, legacy.wrong_passwords),
        );
    }
    println!("{} minutes", minutes.len());
    for (name, guardrail) in &guardrails {
        let (v2, legacy) = guardrail.figures();
        println!(
            "  {name:<16} v2 {:>7} of {:>8}   legacy {:>7} of {:>8}   {}",
            v2.events,
            v2.requests,
            legacy.events,
            legacy.requests,
            word(guardrail.verdict())
        );
    }
    println!(
        "{}",
        overall(&guardrails.map(|(_, guardrail)| guardrail.verdict()))
    );
    Ok(())
}

/// The side that was asked first (0: v2, 1: legacy), and whether it failed.
fn judged(line: &Line<'_>) -> Option<(usize, bool)> {
    purpose(line.path?)?;
    let first = line.instead_of.unwrap_or(line.route);
    let side = match first {
        "v2" => 0,
        "legacy" => 1,
        // Refused by the edge itself: says nothing about either.
        _ => return None,
    };
    // A user whom only the other side knows is no failure of this one.
    let is_theirs = [Cause::UnknownThere, Cause::ConflictThere]
        .iter()
        .any(|cause| cause.as_str() == line.reason);
    let fell_back = line.instead_of.is_some() && !is_theirs;
    Some((side, fell_back || line.status >= 500))
}

const fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Promote => "fine",
        Verdict::RollBack => "worse than is tolerable",
        Verdict::Inconclusive => "too little evidence",
    }
}

fn overall(verdicts: &[Verdict]) -> &'static str {
    if verdicts.contains(&Verdict::RollBack) {
        return "roll back";
    }
    if verdicts.iter().all(|verdict| *verdict == Verdict::Promote) {
        return "promote";
    }
    "wait: not enough has happened, whatever the clock says"
}

#[cfg(test)]
mod tests {
    use super::{Line, judged, overall};
    use shared::guardrail::Verdict::{Inconclusive, Promote, RollBack};

    #[test]
    fn the_side_that_was_asked_first_is_judged() {
        for (line, expected) in [
            (
                r#"{"path":"/auth/login","status":200,"route":"v2","reason":"in_cohort"}"#,
                Some((0, false)),
            ),
            (
                r#"{"path":"/api/auth/login","status":401,"route":"legacy","reason":"not_in_cohort"}"#,
                Some((1, false)),
            ),
            (
                r#"{"path":"/auth/login","status":200,"route":"legacy","reason":"fallback_timeout","instead_of":"v2"}"#,
                Some((0, true)),
            ),
            (
                r#"{"path":"/auth/login","status":200,"route":"v2","reason":"fallback_unknown_there","instead_of":"legacy"}"#,
                Some((1, false)),
            ),
            (
                r#"{"path":"/auth/login","status":503,"route":"v2","reason":"in_cohort"}"#,
                Some((0, true)),
            ),
            (
                r#"{"path":"/auth/login","status":429,"route":"edge","reason":"login_limit"}"#,
                None,
            ),
            (
                r#"{"path":"/auth/profile","status":200,"route":"v2","reason":"token_issuer"}"#,
                None,
            ),
        ] {
            let read: Line<'_> = serde_json::from_str(line).unwrap();
            assert_eq!(judged(&read), expected, "{line}");
        }
    }

    #[test]
    fn one_guardrail_is_enough_to_roll_back_and_all_are_needed_to_promote() {
        assert_eq!(overall(&[Promote, RollBack]), "roll back");
        assert_eq!(overall(&[Promote, Promote]), "promote");
        assert!(overall(&[Promote, Inconclusive]).starts_with("wait"));
    }
}
