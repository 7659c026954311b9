//! Error rates and power, by simulation with a fixed seed, and properties of every sequence.

use super::{Count, Guardrail, Margins, Verdict};

/// SplitMix64: the same numbers everywhere.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn count(&mut self, requests: u32, rate: f64) -> Count {
        let events = (0..requests).filter(|_| self.next() < rate).count();
        Count {
            requests,
            events: u32::try_from(events).unwrap(),
        }
    }
}

struct Site {
    v2_requests: u32,
    legacy_requests: u32,
    v2_rate: f64,
    legacy_rate: f64,
    intervals: u32,
}

struct Shares {
    promoted: f64,
    rolled_back: f64,
}

const ERROR: f64 = 0.01;
const ROLLOUTS: u32 = 1_000;
/// Three standard deviations above the promised error, for this many rollouts.
const ALLOWED: f64 = ERROR + 3.0 * 0.003_15;

/// Each rollout ends with its first verdict, as if an operator looked after every interval.
fn play(site: &Site) -> Shares {
    let mut ended = [0_u32; 2];
    for rollout in 0..ROLLOUTS {
        let mut dice = Dice(u64::from(rollout).wrapping_mul(0x5851_F42D_4C95_7F2D));
        let mut guardrail = Guardrail::new(Margins::failures(ERROR));
        for _ in 0..site.intervals {
            let v2 = dice.count(site.v2_requests, site.v2_rate);
            let legacy = dice.count(site.legacy_requests, site.legacy_rate);
            guardrail.observe(v2, legacy);
            match guardrail.verdict() {
                Verdict::Inconclusive => {}
                Verdict::Promote => {
                    ended[0] += 1;
                    break;
                }
                Verdict::RollBack => {
                    ended[1] += 1;
                    break;
                }
            }
        }
    }
    let share = |count: u32| f64::from(count) / f64::from(ROLLOUTS);
    Shares {
        promoted: share(ended[0]),
        rolled_back: share(ended[1]),
    }
}

#[test]
fn a_harmful_release_is_promoted_in_one_of_a_hundred_rollouts_at_most() {
    // Just harmful: the hardest rate to tell.
    for (legacy_rate, v2_rate) in [(0.0025, 0.005), (0.01, 0.02), (0.05, 0.1), (0.0, 0.005)] {
        for (v2_requests, legacy_requests) in [(5, 95), (50, 50), (1, 3)] {
            let site = Site {
                v2_requests,
                legacy_requests,
                v2_rate,
                legacy_rate,
                intervals: 400,
            };
            let shares = play(&site);
            assert!(
                shares.promoted <= ALLOWED,
                "{legacy_rate} {v2_rate} {v2_requests}: {}",
                shares.promoted
            );
        }
    }
}

#[test]
fn a_tolerable_release_is_rolled_back_in_one_of_a_hundred_rollouts_at_most() {
    for (legacy_rate, v2_rate) in [
        (0.002, 0.002),
        (0.01, 0.012),
        (0.2, 0.24),
        (0.0, 0.001),
        (0.5, 0.5),
        (0.0, 0.0),
    ] {
        for (v2_requests, legacy_requests) in [(5, 95), (50, 50), (1, 3)] {
            let site = Site {
                v2_requests,
                legacy_requests,
                v2_rate,
                legacy_rate,
                intervals: 400,
            };
            let shares = play(&site);
            assert!(
                shares.rolled_back <= ALLOWED,
                "{legacy_rate} {v2_rate} {v2_requests}: {}",
                shares.rolled_back
            );
        }
    }
}

#[test]
fn a_release_that_is_as_good_is_promoted() {
    for rate in [0.0, 0.002, 0.02] {
        let site = Site {
            v2_requests: 50,
            legacy_requests: 50,
            v2_rate: rate,
            legacy_rate: rate,
            intervals: 4_000,
        };
        let shares = play(&site);
        assert!(shares.promoted > 0.95, "{rate}: {}", shares.promoted);
    }
}

#[test]
fn a_clear_regression_is_rolled_back() {
    for rate in [0.02, 0.1, 0.5, 1.0] {
        let site = Site {
            v2_requests: 5,
            legacy_requests: 95,
            v2_rate: rate,
            legacy_rate: 0.002,
            intervals: 1_000,
        };
        let shares = play(&site);
        assert!(shares.rolled_back > 0.99, "{rate}: {}", shares.rolled_back);
    }
}

#[test]
fn a_total_outage_is_seen_at_the_third_failure_of_a_site_without_traffic() {
    let mut guardrail = Guardrail::new(Margins::failures(ERROR));
    let quiet = Count {
        requests: 99,
        events: 0,
    };
    let failed = Count {
        requests: 1,
        events: 1,
    };
    let seen = (1..=10).find(|_| {
        guardrail.observe(failed, quiet);
        guardrail.verdict() == Verdict::RollBack
    });
    assert!(seen.is_some_and(|failures| failures <= 3), "{seen:?}");
}

#[test]
fn an_outage_of_both_sides_is_not_held_against_v2() {
    let mut guardrail = Guardrail::new(Margins::failures(ERROR));
    let all_failed = |requests| Count {
        requests,
        events: requests,
    };
    for _ in 0..1_000 {
        guardrail.observe(all_failed(5), all_failed(95));
    }
    assert_ne!(guardrail.verdict(), Verdict::RollBack);
}

#[test]
fn no_evidence_gives_no_verdict() {
    let mut guardrail = Guardrail::new(Margins::failures(ERROR));
    for _ in 0..10_000 {
        guardrail.observe(
            Count::default(),
            Count {
                requests: 100,
                events: 3,
            },
        );
        guardrail.observe(Count::default(), Count::default());
    }
    assert_eq!(guardrail.verdict(), Verdict::Inconclusive);
}

#[test]
fn report_with_more_events_than_requests_is_capped() {
    let mut told = Guardrail::new(Margins::failures(ERROR));
    let mut cut = told.clone();
    let legacy = Count {
        requests: 10,
        events: 0,
    };
    told.observe(
        Count {
            requests: 2,
            events: 9,
        },
        legacy,
    );
    cut.observe(
        Count {
            requests: 2,
            events: 2,
        },
        legacy,
    );
    assert_eq!(told, cut);
}

#[test]
fn a_guardrail_survives_storage() {
    let mut guardrail = Guardrail::new(Margins::failures(ERROR));
    guardrail.observe(
        Count {
            requests: 7,
            events: 1,
        },
        Count {
            requests: 70,
            events: 2,
        },
    );
    let stored = serde_json::to_string(&guardrail).unwrap();
    let mut read: Guardrail = serde_json::from_str(&stored).unwrap();
    assert_eq!(read.figures(), guardrail.figures());
    // The last digit of a number may differ, a verdict must not: the same failures must lead to it.
    let failed = Count {
        requests: 1,
        events: 1,
    };
    let quiet = Count {
        requests: 99,
        events: 0,
    };
    for _ in 0..10 {
        read.observe(failed, quiet);
        guardrail.observe(failed, quiet);
        assert_eq!(read.verdict(), guardrail.verdict());
    }
    assert_eq!(read.verdict(), Verdict::RollBack);
}
