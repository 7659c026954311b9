use super::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const START: UnixTime = UnixTime::from_secs(1_795_000_000);
const FAILED: Option<Evidence> = Some(Evidence::Failed);
const WELL: Option<Evidence> = Some(Evidence::Well);

fn caller(number: u32) -> CallerMark {
    CallerMark::of_address(Some(&format!("10.0.0.{number}")))
}

fn opened() -> Breaker {
    let mut breaker = Breaker::default();
    for number in 0..FAILURES_IN_A_ROW {
        assert_eq!(breaker.admit(caller(99), START), Admission::Send);
        breaker.record(FAILED, caller(number), START);
    }
    breaker
}

#[test]
fn one_caller_opens_no_breaker() {
    for callers in 1..=MIN_CALLERS {
        let mut breaker = Breaker::default();
        for request in 0..1_000 {
            breaker.record(
                FAILED,
                caller(request % callers),
                START.plus(i64::from(request / 50)),
            );
        }
        assert_eq!(breaker.is_open(), callers == MIN_CALLERS, "{callers} callers");
    }
}

#[test]
fn few_failing_callers_among_many_open_no_breaker() {
    let mut breaker = Breaker::default();
    for round in 0..50 {
        for number in 0..10 {
            breaker.record(FAILED, caller(100 + number % 4), START);
            breaker.record(WELL, caller(number), START);
        }
        assert!(!breaker.is_open(), "round {round}");
    }
}

#[test]
fn outcome_without_evidence_changes_nothing() {
    let mut breaker = Breaker::default();
    for number in 0..100 {
        breaker.record(None, caller(number), START);
    }
    assert!(!breaker.is_open());
    let mut row = Breaker::default();
    for number in 0..FAILURES_IN_A_ROW {
        row.record(FAILED, caller(number), START);
        row.record(None, caller(number), START);
    }
    assert!(row.is_open(), "the row of failures went on");
}

#[test]
fn probe_without_evidence_lets_another_go() {
    let mut breaker = opened();
    let later = START.plus(OPEN_SECONDS);
    assert_eq!(breaker.admit(caller(99), later), Admission::Probe);
    breaker.record(None, caller(1), later);
    assert!(breaker.is_open());
    assert_eq!(
        breaker.admit(caller(98), later),
        Admission::Probe,
        "at once, by somebody else"
    );
    breaker.record(WELL, caller(98), later);
    assert_eq!(breaker.admit(caller(99), later), Admission::Send);
}

#[test]
fn one_caller_keeps_no_breaker_open() {
    // Each probe ends as a failure, or its caller leaves before it ends.
    for ends in [FAILED, None] {
        let mut breaker = opened();
        let mut now = START;
        let (mut theirs, mut others) = (0, 0);
        for _ in 0..200 {
            now = now.plus(1);
            // This caller always comes first.
            for _ in 0..50 {
                if breaker.admit(caller(66), now) == Admission::Probe {
                    theirs += 1;
                    if ends.is_some() {
                        breaker.record(ends, caller(66), now);
                    }
                }
            }
            if breaker.admit(caller(1), now) == Admission::Probe {
                others += 1;
                breaker.record(WELL, caller(1), now);
                break;
            }
        }
        assert_eq!(others, 1, "{ends:?}");
        assert!(theirs <= 1, "{ends:?}: {theirs}");
        assert!(!breaker.is_open());
    }
}

#[test]
fn a_row_of_failures_opens_and_a_good_probe_closes() {
    let mut breaker = opened();
    assert_eq!(
        breaker.admit(caller(99), START),
        Admission::Refuse { retry_after: 2 }
    );
    assert_eq!(breaker.state(), "open");
    let later = START.plus(OPEN_SECONDS);
    assert_eq!(breaker.admit(caller(99), later), Admission::Probe);
    assert_eq!(breaker.state(), "probing");
    assert_eq!(
        breaker.admit(caller(98), later),
        Admission::Refuse { retry_after: 2 },
        "one probe at a time"
    );
    breaker.record(WELL, caller(0), later);
    assert!(!breaker.is_open());
    assert_eq!(breaker.state(), "closed");
    assert_eq!(breaker.admit(caller(99), later), Admission::Send);
}

#[test]
fn one_success_breaks_the_row() {
    let mut breaker = Breaker::default();
    for _ in 0..3 {
        for number in 1..FAILURES_IN_A_ROW {
            breaker.record(FAILED, caller(number), START);
        }
        for number in 10..16 {
            breaker.record(WELL, caller(number), START);
        }
    }
    assert!(!breaker.is_open());
}

#[test]
fn half_of_many_requests_opens() {
    let odd = |request: u32| if request % 2 == 1 { FAILED } else { WELL };
    let mut breaker = Breaker::default();
    for request in 0..MIN_REQUESTS {
        assert!(!breaker.is_open(), "opened after {request}");
        breaker.record(odd(request), caller(request), START);
    }
    assert!(breaker.is_open());
    let mut spread_out = Breaker::default();
    for request in 0..MIN_REQUESTS {
        spread_out.record(odd(request), caller(request), START.plus(i64::from(request)));
    }
    assert!(!spread_out.is_open(), "a window is {WINDOW_SECONDS} s");
}

#[test]
fn failed_probes_wait_longer_and_longer() {
    let mut breaker = opened();
    let mut now = START;
    for (number, pause) in (0..).zip([2, 4, 8, 16, 16]) {
        now = now.plus(pause - 1);
        let refused = Admission::Refuse { retry_after: 1 };
        assert_eq!(breaker.admit(caller(number), now), refused);
        now = now.plus(1);
        assert_eq!(breaker.admit(caller(number), now), Admission::Probe);
        breaker.record(FAILED, caller(number), now);
    }
}

#[test]
fn a_lost_probe_is_replaced() {
    let mut breaker = opened();
    let mut now = START.plus(OPEN_SECONDS);
    assert_eq!(breaker.admit(caller(1), now), Admission::Probe);
    now = now.plus(OPEN_SECONDS);
    assert_eq!(breaker.admit(caller(2), now), Admission::Probe);
}

/// In any order of events, and even if the clock jumps, the breaker refuses no caller for longer than two of its longest pauses.
#[test]
fn breaker_never_refuses_for_ever() {
    let mut state: u64 = 42;
    let mut next = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) % below
    };
    let mut breaker = Breaker::default();
    let mut now = START;
    for _ in 0..20_000 {
        now = now.plus(i64::try_from(next(7)).unwrap() - 2);
        if next(2) == 0 {
            let evidence = [FAILED, FAILED, WELL, None][usize::try_from(next(4)).unwrap()];
            breaker.record(evidence, caller(u32::try_from(next(9)).unwrap()), now);
        }
        let asking = caller(u32::try_from(next(9)).unwrap());
        if let Admission::Refuse { retry_after } = breaker.admit(asking, now) {
            assert!((1..=32).contains(&retry_after));
            let mut patient = breaker.clone();
            let then = now.plus(i64::from(retry_after));
            assert_eq!(patient.admit(asking, then), Admission::Probe);
        }
    }
}
