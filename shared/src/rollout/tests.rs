//! The bucket against Unleash's published expectations, the percentage against everything that users type, and the properties that make a
//! rollout safe.

use super::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// Unleash enables a feature when `hash % 100 + 1 <= percentage`. It never enables one for a context without the sticky field, except by a
/// strategy that does not look at the field.
fn unleash_enabled(group: &str, id: Option<&str>, percentage: u32) -> bool {
    id.is_some_and(|id| murmur3_32(&[group.as_bytes(), b":", id.as_bytes()]) % 100 < percentage)
}

/// Restated from Unleash's client-specification (Apache-2.0), specifications 03, 04, 10 and 12: gradual rollout by user id, by
/// session id, flexible rollout and custom stickiness.
/// <https://github.com/Unleash/client-specification>
#[test]
fn unleash_expectations_hold_at_modulus_100() {
    const FLEXIBLE_10: &str = "Feature.flexibleRollout.10";
    const FLEXIBLE_55: &str = "Feature.flexibleRollout.userId.55";
    const FLEXIBLE_42: &str = "Feature.flexibleRollout.sessionId.42";
    const CUSTOM_50: &str = "Feature.flexible.rollout.custom.stickiness_50";
    for (group, id, percentage, expected) in [
        // 03, by user id.
        ("AB12A", Some("123"), 100, true),
        ("AB12A", None, 100, false),
        ("AB12A", Some("122"), 50, true),
        ("AB12A", Some("155"), 50, false),
        ("AB12A", Some("122"), 0, false),
        // 04, by session id: the same hash under another name.
        ("AB12A", Some("123"), 100, true),
        ("AB12A", None, 100, false),
        ("AB12A", Some("122"), 50, true),
        ("AB12A", Some("155"), 50, false),
        ("AB12A", Some("122"), 0, false),
        // 10, flexible.
        (FLEXIBLE_10, Some("174"), 10, true),
        (FLEXIBLE_10, Some("499"), 10, false),
        (FLEXIBLE_10, Some("174"), 10, true),
        (FLEXIBLE_10, Some("499"), 10, false),
        (FLEXIBLE_55, Some("25"), 55, true),
        (FLEXIBLE_55, None, 55, false),
        (FLEXIBLE_55, None, 55, false),
        (FLEXIBLE_42, Some("147"), 42, true),
        ("Feature.flexibleRollout.0", Some("12"), 0, false),
        // 12, custom stickiness.
        (
            "Feature.flexible.rollout.custom.stickiness_100",
            Some("any_value"),
            100,
            true,
        ),
        (CUSTOM_50, None, 50, false),
        (CUSTOM_50, Some("402"), 50, false),
        (CUSTOM_50, Some("388"), 50, true),
        (CUSTOM_50, Some("39"), 50, true),
    ] {
        assert_eq!(
            unleash_enabled(group, id, percentage),
            expected,
            "{group} {id:?} at {percentage}"
        );
    }
    // The three expectations left do not look at the hash: 03 and 04 end with a second strategy that always applies, and 10's rollout of
    // 100 without an id draws at random, which this project never does.
}

#[test]
fn hashes_are_murmur3() {
    for (group, key, hash) in [
        ("gr1", "123", 538_421_172),
        ("groupX", "999", 3_843_606_124),
        ("AB12A", "155", 3_268_232_399),
        ("Feature.flexibleRollout.10", "174", 3_067_997_709),
        ("auth-v2", "user-1", 2_943_499_639),
        ("auth-v2", "3f2504e0-4f89-41d3-9a0c-0305e82c3301", 4_118_220_863),
        ("auth-v2", "Zoë", 1_675_094_259),
        ("auth-v2", "", 1_056_158_709),
    ] {
        assert_eq!(
            murmur3_32(&[group.as_bytes(), b":", key.as_bytes()]),
            hash,
            "{group}:{key}"
        );
        assert_eq!(
            u32::from(Bucket::of(group, RolloutKey::Id(key)).number()),
            hash % 10_000
        );
    }
}

#[test]
fn a_percentage_is_plain_digits() {
    for (text, basis_points) in [
        ("0", 0),
        ("0.01", 1),
        ("0.1", 10),
        ("1", 100),
        ("01", 100),
        ("10", 1_000),
        ("12.5", 1_250),
        ("99.99", 9_999),
        ("100", 10_000),
        ("100.00", 10_000),
    ] {
        assert_eq!(
            Percentage::parse(text).map(Percentage::basis_points),
            Ok(basis_points),
            "{text}"
        );
    }
    for refused in [
        "",
        " ",
        "10%",
        "%",
        "-1",
        "-0",
        "+1",
        "101",
        "100.01",
        "1000",
        "NaN",
        "nan",
        "inf",
        "1e1",
        " 10 ",
        "10 ",
        "\t10",
        "0x10",
        "1,5",
        "1.",
        ".5",
        ".",
        "1.234",
        "1.2.3",
        "ten",
        "１０",
        "10\n",
        "99999999999999999999",
    ] {
        assert_eq!(Percentage::parse(refused), Err(InvalidPercentage), "{refused:?}");
    }
}

#[test]
fn a_percentage_survives_its_text() {
    for basis_points in 0..=BUCKETS {
        let percentage = Percentage::from_basis_points(basis_points).unwrap();
        assert_eq!(Percentage::parse(&percentage.to_string()), Ok(percentage));
    }
    assert_eq!(Percentage::from_basis_points(BUCKETS + 1), None);
}

fn users(count: u32) -> impl Iterator<Item = String> {
    (0..count).map(|n| format!("person-{n}@example.com"))
}

#[test]
fn nobody_at_zero_and_everybody_at_a_hundred() {
    for number in 0..BUCKETS {
        let bucket = Bucket::from_number(number).unwrap();
        assert!(!bucket.is_within(Percentage::NOBODY));
        assert!(bucket.is_within(Percentage::EVERYBODY));
    }
    assert_eq!(Bucket::from_number(BUCKETS), None);
}

#[test]
fn raising_the_percentage_only_adds_users() {
    for user in users(2_000) {
        let bucket = Bucket::of("auth-v2", RolloutKey::Id(&user));
        let mut was_within = false;
        for basis_points in (0..=BUCKETS).step_by(50) {
            let within = bucket.is_within(Percentage::from_basis_points(basis_points).unwrap());
            assert!(within || !was_within, "{user} fell out at {basis_points}");
            was_within = within;
        }
    }
}

/// Of `n` independent users a share `p` moves, give or take 3σ = 3·√(p(1−p)/n).
#[test]
fn the_share_is_what_was_asked_for() {
    const USERS: u32 = 50_000;
    let buckets: Vec<Bucket> = users(USERS)
        .map(|user| Bucket::of("auth-v2", RolloutKey::Id(&user)))
        .collect();
    for basis_points in [1, 10, 100, 1_000, 2_500, 5_000, 9_000, 9_999] {
        let share = Percentage::from_basis_points(basis_points).unwrap();
        let moved = buckets.iter().filter(|bucket| bucket.is_within(share)).count() as f64;
        let (n, p) = (f64::from(USERS), f64::from(basis_points) / 10_000.0);
        let allowed = 3.0 * (n * p * (1.0 - p)).sqrt();
        assert!((moved - n * p).abs() <= allowed, "{moved} of {n} at {share} %");
    }
}

/// Two cohorts of one half each, of different groups, overlap in a quarter of all users.
#[test]
fn groups_are_independent() {
    const USERS: u32 = 50_000;
    let half = Percentage::from_basis_points(5_000).unwrap();
    let both = users(USERS)
        .filter(|user| {
            ["auth-v2", "something-else"]
                .iter()
                .all(|group| Bucket::of(group, RolloutKey::Id(user)).is_within(half))
        })
        .count() as f64;
    let expected = f64::from(USERS) / 4.0;
    let allowed = 3.0 * (f64::from(USERS) * 0.25 * 0.75).sqrt();
    assert!((both - expected).abs() <= allowed, "{both} of {USERS}");
}

#[test]
fn one_user_has_one_bucket_whatever_the_spelling() {
    let bucket = |email: &str| {
        let email = NormalizedEmail::parse(email).unwrap();
        Bucket::of("auth-v2", RolloutKey::Email(&email))
    };
    assert_eq!(bucket("Zoe@Example.com "), bucket("zoe@example.com"));
}
