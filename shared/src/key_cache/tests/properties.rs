//! Any events in any order.

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Step {
    Wait(i64),
    Ask(u8),
    /// The running fetch, if any, ends with keys (of the first of `true`s), or in failure.
    End(Option<u8>),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (0..2_000_i64).prop_map(Step::Wait),
        (0..6_u8).prop_map(Step::Ask),
        (0..6_u8).prop_map(Step::Ask),
        prop::option::of(0..3_u8).prop_map(Step::End),
    ];
    prop::collection::vec(step, 1..200)
}

proptest! {
    /// In any order of events one fetch runs at a time, held keys are served, and strangers cause few fetches.
    #[test]
    fn the_guarantees_hold_in_any_order(steps in steps()) {
        let mut cache = KeyCache::new();
        let mut now = 0_i64;
        let mut fetching_since: Option<i64> = None;
        let mut held: Option<(i64, BTreeMap<String, ()>)> = None;
        let mut fetches_for_unknown = 0_i64;
        for step in steps {
            match step {
                Step::Wait(seconds) => now += seconds,
                Step::End(outcome) => {
                    if fetching_since.take().is_some() {
                        match outcome {
                            Some(count) if count > 0 => {
                                let fetched: BTreeMap<_, _> = (0..count).map(|kid| (format!("k{kid}"), ())).collect();
                                held = Some((now, fetched.clone()));
                                cache.fetched(fetched, 1000, at(now));
                            }
                            Some(_) => cache.fetched(BTreeMap::new(), 1000, at(now)),
                            None => cache.failed("down", at(now)),
                        }
                    }
                }
                Step::Ask(kid) => {
                    let kid = format!("k{kid}");
                    let lost = fetching_since.is_some_and(|since| now - since >= LOST_SECONDS);
                    let decision = cache.decide(&kid, at(now));
                    let fetches = matches!(decision, Decision::FetchFirst | Decision::FreshButRefreshAhead | Decision::ServeStaleAndRefresh);
                    if fetches {
                        prop_assert!(fetching_since.is_none() || lost, "two fetches at once");
                        fetching_since = Some(now);
                    }
                    let usable = held.as_ref().filter(|(since, _)| now - since < 1000 + STALE_SECONDS);
                    let known = usable.is_some_and(|(_, keys)| keys.contains_key(&kid));
                    let serves = matches!(decision, Decision::Fresh | Decision::FreshButRefreshAhead | Decision::ServeStale | Decision::ServeStaleAndRefresh);
                    if serves {
                        prop_assert!(known && cache.find(&kid).is_some(), "served a key that is not held");
                    }
                    if known {
                        prop_assert!(!matches!(decision, Decision::UnknownRefused | Decision::Unavailable { .. }), "{decision:?} with the key held");
                        if usable.is_some_and(|(since, _)| now - since < 1000) {
                            prop_assert!(serves, "a fresh key made a caller wait: {decision:?}");
                        }
                    }
                    if decision == Decision::UnknownRefused {
                        prop_assert!(usable.is_some() && !known);
                    }
                    if decision == Decision::FetchFirst && usable.is_some() && !known {
                        fetches_for_unknown += 1;
                        prop_assert!(fetches_for_unknown <= 1 + now / UNKNOWN_KEY_SECONDS, "strangers caused too many fetches");
                    }
                }
            }
        }
    }
}
