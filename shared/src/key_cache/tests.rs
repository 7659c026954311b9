#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;

// The generator of cases needs an operating system.
#[cfg(not(target_arch = "wasm32"))]
mod properties;

const T0: i64 = 1_795_000_000;

fn at(seconds: i64) -> UnixTime {
    UnixTime::from_secs(T0 + seconds)
}

fn keys(kids: &[&str]) -> BTreeMap<String, ()> {
    kids.iter().map(|kid| ((*kid).to_owned(), ())).collect()
}

/// A cache that fetched `a` and `b` at second 0, fresh for 1000 seconds.
fn warm() -> KeyCache<()> {
    let mut cache = KeyCache::new();
    assert_eq!(cache.decide("a", at(0)), Decision::FetchFirst);
    cache.fetched(keys(&["a", "b"]), 1000, at(0));
    cache
}

#[test]
fn a_hundred_cold_requests_make_one_fetch() {
    let mut cache = KeyCache::<()>::new();
    let decisions: Vec<_> = (0..100).map(|_| cache.decide("a", at(0))).collect();
    assert_eq!(decisions[0], Decision::FetchFirst);
    assert!(
        decisions[1..]
            .iter()
            .all(|decision| *decision == Decision::WaitForFetch)
    );
    cache.fetched(keys(&["a"]), 1000, at(1));
    assert_eq!(cache.decide("a", at(1)), Decision::Fresh);
    assert!(cache.find("a").is_some() && cache.find("z").is_none());
}

#[test]
fn keys_are_refreshed_ahead_without_a_wait() {
    let mut cache = warm();
    assert_eq!(cache.decide("a", at(799)), Decision::Fresh);
    assert_eq!(cache.decide("a", at(800)), Decision::FreshButRefreshAhead);
    assert_eq!(cache.decide("a", at(800)), Decision::Fresh);
    cache.failed("503", at(801));
    assert_eq!(cache.decide("a", at(801)), Decision::Fresh);
    assert_eq!(cache.decide("a", at(806)), Decision::FreshButRefreshAhead);
    cache.fetched(keys(&["a", "c"]), 1000, at(806));
    assert_eq!(cache.decide("c", at(1500)), Decision::Fresh);
    assert_eq!(cache.status(at(1500)).last_error, None);
}

#[test]
fn outage_goes_unnoticed_for_a_day() {
    let mut cache = warm();
    for second in (0..STALE_SECONDS + 1000).step_by(7) {
        let decision = cache.decide("a", at(second));
        match decision {
            Decision::Fresh | Decision::ServeStale => {}
            Decision::FreshButRefreshAhead | Decision::ServeStaleAndRefresh => {
                cache.failed("down", at(second));
            }
            other => panic!("{other:?} at {second}"),
        }
    }
    let after = STALE_SECONDS + 1000;
    assert!(!cache.status(at(after)).usable);
    // Past the limit the keys are unusable; the cache asks the issuer again, with pauses.
    let mut asked = 0;
    for second in after..after + 600 {
        match cache.decide("a", at(second)) {
            Decision::FetchFirst => {
                asked += 1;
                cache.failed("down", at(second));
            }
            Decision::Unavailable { retry_after } => assert!((1..=30).contains(&retry_after)),
            other => panic!("{other:?} at {second}"),
        }
    }
    assert!((20..=21).contains(&asked), "{asked}");
}

#[test]
fn after_a_quiet_night_the_first_request_waits_once() {
    let mut cache = warm();
    assert_eq!(
        cache.decide("a", at(1000 + GRACE_SECONDS - 1)),
        Decision::ServeStaleAndRefresh
    );
    let mut cache = warm();
    assert_eq!(cache.decide("a", at(40_000)), Decision::FetchFirst);
    assert_eq!(cache.decide("a", at(40_000)), Decision::WaitForFetch);
    cache.failed("down", at(40_003));
    assert_eq!(cache.decide("a", at(40_003)), Decision::ServeStale);
    assert_eq!(cache.decide("a", at(40_010)), Decision::ServeStaleAndRefresh);
}

#[test]
fn a_new_key_is_found_at_once() {
    let mut cache = warm();
    assert_eq!(cache.decide("new", at(5)), Decision::FetchFirst);
    cache.fetched(keys(&["b", "new"]), 1000, at(5));
    assert_eq!(cache.decide("new", at(5)), Decision::Fresh);
}

#[test]
fn made_up_kids_cost_one_fetch_in_half_a_minute() {
    let mut cache = warm();
    let mut fetches = 0;
    for n in 0..1000 {
        let kid = format!("made-up-{n}");
        let now = at(10 + n / 50);
        while cache.decide(&kid, now) == Decision::FetchFirst {
            fetches += 1;
            cache.fetched(keys(&["a", "b"]), 1000, now);
        }
        assert_eq!(cache.decide(&kid, now), Decision::UnknownRefused);
        assert_eq!(cache.decide("a", now), Decision::Fresh);
    }
    assert_eq!(fetches, 1);
}

#[test]
fn a_refused_kid_is_remembered_and_forgiven() {
    let mut cache = warm();
    assert_eq!(cache.decide("x", at(10)), Decision::FetchFirst);
    cache.fetched(keys(&["a"]), 1000, at(10));
    assert_eq!(cache.decide("x", at(10)), Decision::UnknownRefused);
    // Another question for the same kid costs nothing for five minutes; half a minute later another kid may cause a fetch.
    assert_eq!(cache.decide("x", at(100)), Decision::UnknownRefused);
    assert_eq!(cache.decide("y", at(100)), Decision::FetchFirst);
    cache.fetched(keys(&["a"]), 1000, at(100));
    assert_eq!(cache.decide("x", at(10 + REFUSED_SECONDS)), Decision::FetchFirst);
    cache.fetched(keys(&["a", "x"]), 1000, at(310));
    assert_eq!(cache.decide("x", at(311)), Decision::Fresh);
}

#[test]
fn a_kid_refused_only_because_of_the_cool_down_is_not_remembered() {
    let mut cache = warm();
    assert_eq!(cache.decide("made-up", at(10)), Decision::FetchFirst);
    cache.fetched(keys(&["a"]), 1000, at(10));
    assert_eq!(cache.decide("genuine", at(11)), Decision::UnknownRefused);
    assert_eq!(cache.decide("genuine", at(40)), Decision::FetchFirst);
}

#[test]
fn an_unknown_kid_during_an_outage_is_our_fault() {
    let mut cache = warm();
    assert_eq!(cache.decide("x", at(10)), Decision::FetchFirst);
    cache.failed("down", at(13));
    assert!(matches!(cache.decide("x", at(13)), Decision::Unavailable { .. }));
    assert_eq!(cache.decide("a", at(13)), Decision::Fresh);
}

#[test]
fn a_bad_answer_never_replaces_good_keys() {
    let mut cache = warm();
    cache.failed("the answer is not a JWK set", at(900));
    cache.fetched(BTreeMap::new(), 1000, at(901));
    assert_eq!(cache.decide("a", at(902)), Decision::Fresh);
    let status = cache.status(at(902));
    assert_eq!(
        (status.keys, status.age_seconds, status.expires_in_seconds),
        (2, Some(902), Some(98))
    );
    assert_eq!(
        status.last_error.as_deref(),
        Some("the answer holds no usable key")
    );
    assert!(status.usable);
}

#[test]
fn a_lost_fetch_does_not_block_others() {
    let mut cache = KeyCache::<()>::new();
    assert_eq!(cache.decide("a", at(0)), Decision::FetchFirst);
    assert_eq!(cache.decide("a", at(5)), Decision::WaitForFetch);
    assert_eq!(cache.decide("a", at(6)), Decision::FetchFirst);
    // After the clock stepped back the cache must not wait for hours either.
    assert_eq!(cache.decide("a", at(-3600)), Decision::FetchFirst);
}

#[test]
fn an_issuer_without_max_age_is_not_asked_on_every_request() {
    let mut cache = KeyCache::new();
    assert_eq!(cache.decide("a", at(0)), Decision::FetchFirst);
    cache.fetched(keys(&["a"]), freshness(None, None), at(0));
    let mut refreshes = 0;
    for second in 0..60 {
        for _ in 0..50 {
            match cache.decide("a", at(second)) {
                Decision::ServeStaleAndRefresh => {
                    refreshes += 1;
                    cache.fetched(keys(&["a"]), 0, at(second));
                }
                Decision::ServeStale => {}
                other => panic!("{other:?}"),
            }
        }
    }
    assert!(refreshes <= 12, "{refreshes}");
}
