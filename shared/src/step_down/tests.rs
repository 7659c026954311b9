use std::collections::BTreeMap;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::callers::CallerMark;
use crate::fallback::{BodyFault, Dependency, Outcome};
use crate::routing::Side;

// The generator of cases needs an operating system.
#[cfg(not(target_arch = "wasm32"))]
mod properties;

const START: UnixTime = UnixTime::from_secs(1_795_000_000);

/// (requests, failures) of v2, then of the legacy service.
fn seen(v2: (u32, u32), legacy: (u32, u32)) -> Report {
    let tally = |(requests, failures)| Tally {
        requests,
        failures,
        ..Tally::default()
    };
    let report = Report {
        v2: tally(v2),
        legacy: tally(legacy),
        ..Report::default()
    };
    report.with_callers(None)
}

fn figures(v2: (u32, u32), legacy: (u32, u32)) -> Figures {
    Figures::from(&seen(v2, legacy))
}

fn caller(number: u32) -> CallerMark {
    let [_, b, c, d] = number.to_be_bytes();
    CallerMark::of_address(Some(&format!("10.{b}.{c}.{d}")))
}

/// Requests of these callers to v2, all with this outcome.
fn sent(report: &mut Report, callers: impl IntoIterator<Item = u32>, outcome: Outcome) {
    for number in callers {
        report.count(Side::V2, outcome, caller(number));
    }
}

#[test]
fn one_caller_sends_nobody_back_and_many_do() {
    let rule = Rule::default();
    // (failing callers, requests of each, callers who are well) → whether it trips.
    for (failing, times, well, trips) in [
        (1, 1_000, 0, false),
        (FAILING_CALLERS - 1, 100, 0, false),
        (FAILING_CALLERS, 4, 0, true),
        (30, 1, 0, true),
        (10, 1, 100, false),
        (10, 1_000, 100, false),
        (100, 1, 60, true),
    ] {
        let mut report = Report::default();
        for _ in 0..times {
            sent(&mut report, 0..failing, Outcome::Status(503));
        }
        sent(&mut report, 1_000..1_000 + well, Outcome::Status(200));
        // Split over isolates, as it arrives.
        let mut step_down = StepDown::default();
        let mut tripped = false;
        for second in 0..5 {
            let now = START.plus(second);
            tripped |= step_down.report(report.clone(), &rule, now).is_some();
        }
        assert_eq!(tripped, trips, "{failing} failing {times} times, {well} well");
    }
}

#[test]
fn one_caller_cannot_keep_sign_ins_at_a_dead_v2() {
    let rule = Rule::default();
    let mut report = Report::default();
    sent(&mut report, 0..40, Outcome::Unreachable);
    for _ in 0..10_000 {
        // Thousands of good answers, or this caller's own failures at the legacy service, must not keep them there.
        report.count(Side::V2, Outcome::Status(200), caller(999));
        report.count(Side::Legacy, Outcome::Timeout, caller(999));
    }
    assert!(StepDown::default().report(report, &rule, START).is_some());
}

#[test]
fn a_report_is_read_by_earlier_versions_and_theirs_by_this_one() {
    let mut report = Report::default();
    sent(&mut report, 0..7, Outcome::Status(503));
    sent(&mut report, 0..9, Outcome::Status(200));
    let body = serde_json::to_string(&report).unwrap();
    assert_eq!(
        body,
        r#"{"v2":{"requests":16,"failures":7},"legacy":{"requests":0,"failures":0}}"#
    );
    // An earlier object refuses more than 256 characters.
    let largest = seen((u32::MAX, u32::MAX), (u32::MAX, u32::MAX));
    assert!(serde_json::to_string(&largest).unwrap().len() <= 256);
    let callers = report.callers_text();
    let read: Report = serde_json::from_str(&body).unwrap();
    assert_eq!(read.clone().with_callers(Some(&callers)), report);
    assert_eq!(report.v2.callers(), (9, 7));
    for text in [None, Some(""), Some("nonsense")] {
        assert_eq!(read.clone().with_callers(text).v2.callers(), (16, 7));
    }
}

fn rule(variables: &[(&str, &str)]) -> Result<Rule, crate::config::Faults> {
    let table: BTreeMap<String, String> = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    read_rule(&table)
}

#[test]
fn only_v2_failing_alone_sends_sign_ins_back() {
    for (report, trips) in [
        (seen((20, 12), (0, 0)), true),
        (seen((20, 9), (0, 0)), false),
        (seen((FAILING_CALLERS, FAILING_CALLERS), (0, 0)), true),
        (seen((4, 4), (0, 0)), false),
        (seen((20, 20), (10, 4)), true),
        (seen((20, 20), (10, 5)), false),
        // One caller's failures at the legacy service are no reason to return.
        (seen((20, 20), (1, 1)), true),
        (seen((0, 0), (20, 20)), false),
        (seen((0, 0), (0, 0)), false),
        (seen((u32::MAX, u32::MAX), (u32::MAX, 0)), true),
    ] {
        let mut step_down = StepDown::default();
        let change = step_down.report(report.clone(), &Rule::default(), START);
        assert_eq!(change.is_some(), trips, "{report:?}");
        assert_eq!(step_down.is_down(), trips, "{report:?}");
    }
}

#[test]
fn reports_are_summed_within_the_window() {
    let rule = Rule::default();
    let mut step_down = StepDown::default();
    for second in 0..2 {
        let change = step_down.report(seen((2, 2), (1, 0)), &rule, START.plus(second));
        assert_eq!(change, None);
    }
    let change = step_down.report(seen((2, 2), (1, 0)), &rule, START.plus(9));
    assert_eq!(
        change,
        Some(Change::SteppedDown {
            figures: figures((6, 6), (3, 0)),
            hold_seconds: 10
        })
    );
    // Ten seconds later the figures no longer show the first of them.
    step_down.report(seen((1, 1), (0, 0)), &rule, START.plus(11));
    assert_eq!(step_down.figures(), seen((3, 3), (1, 0)));
}

/// Six minutes at 0.02 sign-ins a second: no two of them fall into one window.
#[test]
fn site_without_traffic_steps_down_after_a_handful_of_failures() {
    for (good_before, most) in [(0, FAILING_CALLERS), (10_000, FAILING_CALLERS + 1)] {
        let rule = rule(&[("ROLLBACK_ERROR_RATE", "25")]).unwrap();
        let mut step_down = StepDown::default();
        let mut now = START;
        for number in 0..good_before {
            let mut report = Report::default();
            sent(&mut report, [number], Outcome::Status(200));
            now = now.plus(50);
            assert_eq!(step_down.report(report, &rule, now), None);
        }
        let failures = (0..).find(|number| {
            let mut report = Report::default();
            sent(&mut report, [50_000 + number], Outcome::Status(503));
            now = now.plus(50);
            step_down.report(report, &rule, now).is_some()
        });
        assert!(failures.is_some_and(|number| number < most), "{failures:?}");
    }
}

#[test]
fn one_isolate_that_cannot_reach_v2_sends_nobody_back() {
    let rule = rule(&[("ROLLBACK_ERROR_RATE", "25")]).unwrap();
    let mut step_down = StepDown::default();
    for second in 0..600_u32 {
        // Ten isolates, each reporting every two seconds; one of them sees only failures.
        for isolate in (0..10).filter(|isolate| isolate % 2 == second % 2) {
            let outcome = Outcome::Status(if isolate == 4 { 503 } else { 200 });
            let mut report = Report::default();
            let first = (second * 10 + isolate) * 50;
            sent(&mut report, first..first + 50, outcome);
            let change = step_down.report(report, &rule, START.plus(i64::from(second)));
            assert_eq!(change, None, "{second}");
        }
    }
}

/// The failures that both sides have anyway, for as many callers as a large site has in a day.
#[test]
fn few_failures_among_many_send_nobody_back() {
    let rule = rule(&[("ROLLBACK_ERROR_RATE", "25")]).unwrap();
    let mut step_down = StepDown::default();
    for second in 0..5_000_u32 {
        let mut report = Report::default();
        let first = second * 200;
        sent(&mut report, first..first + 4, Outcome::Status(503));
        sent(&mut report, first + 4..first + 200, Outcome::Status(200));
        let change = step_down.report(report, &rule, START.plus(i64::from(second)));
        assert_eq!(change, None, "{second}");
    }
}

#[test]
fn one_caller_sends_nobody_back_however_long_they_try() {
    let rule = rule(&[("ROLLBACK_ERROR_RATE", "1")]).unwrap();
    let mut step_down = StepDown::default();
    for hour in 0..5_000 {
        let mut report = Report::default();
        sent(&mut report, 0..FAILING_CALLERS - 1, Outcome::Status(503));
        assert_eq!(step_down.report(report, &rule, START.plus(hour * 3_600)), None);
    }
}

#[test]
fn sign_ins_return_after_the_hold_when_v2_is_ready() {
    let rule = Rule::default();
    let mut step_down = StepDown::default();
    step_down.report(seen((20, 20), (0, 0)), &rule, START);
    assert_eq!(step_down.probed(true, &rule, START.plus(5)), None);
    assert_eq!(step_down.probed(true, &rule, START.plus(9)), None);
    assert_eq!(step_down.probed(false, &rule, START.plus(10)), None);
    assert_eq!(step_down.probed(true, &rule, START.plus(15)), None);
    assert_eq!(
        step_down.probed(true, &rule, START.plus(20)),
        Some(Change::Recovered {
            figures: figures((0, 0), (0, 0)),
            down_seconds: 20
        })
    );
    assert!(!step_down.is_down());
    assert_eq!(step_down.probed(true, &rule, START.plus(25)), None);
}

#[test]
fn ready_v2_that_fails_its_requests_gets_no_sign_ins() {
    let rule = Rule::default();
    let mut step_down = StepDown::default();
    step_down.report(seen((20, 20), (0, 0)), &rule, START);
    for second in (5..60).step_by(5) {
        step_down.report(seen((20, 15), (9, 0)), &rule, START.plus(second));
        assert_eq!(step_down.probed(true, &rule, START.plus(second)), None);
    }
    assert!(step_down.probed(true, &rule, START.plus(70)).is_some());
}

#[test]
fn a_failing_legacy_service_is_no_refuge() {
    let rule = Rule::default();
    let mut step_down = StepDown::default();
    step_down.report(seen((20, 20), (0, 0)), &rule, START);
    step_down.report(seen((0, 0), (5, 5)), &rule, START.plus(1));
    assert_eq!(step_down.probed(true, &rule, START.plus(1)), None);
    assert!(step_down.probed(true, &rule, START.plus(2)).is_some());
}

#[test]
fn each_relapse_is_held_twice_as_long() {
    let rule = Rule::default();
    let mut step_down = StepDown::default();
    let mut now = START;
    let mut holds = Vec::new();
    for _ in 0..10 {
        let change = step_down.report(seen((20, 20), (0, 0)), &rule, now);
        let Some(Change::SteppedDown { hold_seconds, .. }) = change else {
            panic!("{change:?}");
        };
        holds.push(hold_seconds);
        now = now.plus(hold_seconds);
        step_down.probed(true, &rule, now);
        assert!(step_down.probed(true, &rule, now).is_some());
        now = now.plus(60);
    }
    assert_eq!(holds, [10, 20, 40, 80, 160, 320, 640, 1_280, 1_800, 1_800]);
    now = now.plus(RELAPSE_SECONDS);
    let change = step_down.report(seen((20, 20), (0, 0)), &rule, now);
    assert!(matches!(
        change,
        Some(Change::SteppedDown { hold_seconds: 10, .. })
    ));
}

#[test]
fn step_down_survives_storage() {
    let rule = Rule::default();
    let mut step_down = StepDown::default();
    step_down.report(seen((20, 20), (0, 0)), &rule, START);
    let kept = serde_json::to_string(&step_down).unwrap();
    let mut read: StepDown = serde_json::from_str(&kept).unwrap();
    assert!(read.is_down());
    read.probed(true, &rule, START.plus(10));
    assert!(read.probed(true, &rule, START.plus(15)).is_some());
}

#[test]
fn what_counts_as_a_failure_differs_by_side() {
    // (outcome, [requests, failures] at v2, the same at legacy)
    for (outcome, v2, legacy) in [
        (Outcome::Status(200), [1, 0], [1, 0]),
        (Outcome::Status(401), [1, 0], [1, 0]),
        (Outcome::Status(403), [1, 0], [1, 0]),
        (Outcome::Status(404), [1, 0], [1, 0]),
        (Outcome::Status(408), [1, 0], [1, 0]),
        (Outcome::Status(413), [1, 0], [1, 0]),
        (Outcome::Status(500), [1, 1], [1, 0]),
        (Outcome::Status(503), [1, 1], [1, 1]),
        (Outcome::Status(522), [1, 1], [1, 1]),
        (Outcome::Timeout, [1, 1], [1, 1]),
        (Outcome::Unreachable, [1, 1], [1, 1]),
        (Outcome::BreakerOpen, [1, 1], [1, 1]),
        (Outcome::Without(Dependency::Firebase), [1, 1], [0, 0]),
        (Outcome::Without(Dependency::Database), [1, 1], [0, 0]),
        (Outcome::Unusable, [1, 1], [0, 0]),
        (Outcome::Interrupted, [0, 0], [0, 0]),
        (Outcome::Body(BodyFault::Broken), [0, 0], [0, 0]),
        (Outcome::Body(BodyFault::Stalled), [0, 0], [0, 0]),
        (Outcome::Unsendable, [0, 0], [0, 0]),
    ] {
        let mut report = Report::default();
        report.count(Side::V2, outcome, caller(1));
        report.count(Side::Legacy, outcome, caller(1));
        let counted = |tally: &Tally| [tally.requests, tally.failures];
        assert_eq!(counted(&report.v2), v2, "{outcome:?}");
        assert_eq!(counted(&report.legacy), legacy, "{outcome:?}");
    }
}

#[test]
fn bad_variables_are_named() {
    for (name, bad) in [
        ("ROLLBACK_ERROR_RATE", ["0", "101", "50%", "-1"]),
        ("ROLLBACK_WINDOW_SECONDS", ["4", "601", "10s", "-1"]),
    ] {
        for value in bad {
            assert_eq!(rule(&[(name, value)]).unwrap_err().names(), [name], "{value}");
        }
    }
    let read = rule(&[("ROLLBACK_ERROR_RATE", "0.5"), ("ROLLBACK_WINDOW_SECONDS", "60")]).unwrap();
    assert!(read.is_failing(&seen((1_000, 5), (0, 0)).v2));
    assert!(!read.is_failing(&seen((1_001, 5), (0, 0)).v2));
    assert_eq!(rule(&[]), Ok(Rule::default()));
}
