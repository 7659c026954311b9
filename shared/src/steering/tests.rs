#[cfg(not(target_arch = "wasm32"))]
mod properties;

use super::{
    Change, HISTORY, LONGEST_SECONDS, MAX_KEPT_CHARS, Order, Outcome, PENDING_SECONDS, Refusal, Requested,
    Shown, Steering, Told, UnreadableOverrides,
};
use crate::rollout::Percentage;
use crate::routing::{Policy, Users};
use crate::time::UnixTime;

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

fn percent(text: &str) -> Option<Percentage> {
    Some(Percentage::parse(text).unwrap())
}

fn wanted(change: Change, expected_version: u64) -> Requested {
    Requested {
        change,
        reason: "canary".to_owned(),
        expires_at: Some(NOW.plus(3_600)),
        expected_version: Some(expected_version),
    }
}

fn to(text: &str) -> Change {
    Change {
        percent: percent(text),
        ..Change::default()
    }
}

fn switch() -> Change {
    Change {
        kill_switch: Some(true),
        ..Change::default()
    }
}

fn base(text: &str) -> Policy {
    Policy {
        percentage: Percentage::parse(text).unwrap(),
        ..Policy::all_legacy()
    }
}

#[test]
fn stored_overrides_are_read_or_reported_unreadable() {
    let mut steering = Steering::default();
    steering.put(wanted(to("25"), 0), "ops", false, NOW).unwrap();
    let kept = serde_json::to_string(&steering).unwrap();
    assert_eq!(Steering::from_kept(&kept), Ok(steering));
    assert_eq!(Steering::from_kept(""), Ok(Steering::default()));
    for unreadable in [
        "{",
        "null",
        "{}",
        r#"{"history":[{"of":"a later version"}],"pending":null}"#,
    ] {
        assert_eq!(
            Steering::from_kept(unreadable),
            Err(UnreadableOverrides),
            "{unreadable}"
        );
    }
}

#[test]
fn autopilot_keeps_other_fields_and_obeys_the_operator() {
    let mut steering = Steering::default();
    let listed = Change {
        force_legacy: Some(Users::parse("ada@example.com").unwrap()),
        autopilot: Some(Order::Hold),
        despite_kill_switch: true,
        ..to("5")
    };
    steering
        .put(wanted(listed.clone(), 0), "ops", false, NOW)
        .unwrap();
    assert!(steering.is_held(NOW) && !steering.is_held(NOW.plus(3_600)));
    assert_eq!(steering.last_go(), 0);
    let own = steering.with_percent(Percentage::EVERYBODY, "all is well", NOW);
    assert_eq!(own.change.force_legacy, listed.force_legacy);
    assert!(!own.change.despite_kill_switch && own.change.autopilot.is_none());
    steering.put(own, crate::autopilot::AUTHOR, false, NOW).unwrap();
    assert_eq!(
        steering.current(NOW).unwrap().change.percent,
        Some(Percentage::EVERYBODY)
    );
    let go = Change {
        autopilot: Some(Order::Go),
        ..Change::default()
    };
    // Only an operator says go.
    steering
        .put(wanted(go.clone(), 2), crate::autopilot::AUTHOR, false, NOW)
        .unwrap();
    assert_eq!(steering.last_go(), 0);
    steering.put(wanted(go, 3), "ops", false, NOW).unwrap();
    assert_eq!(steering.last_go(), 4);
}

#[test]
fn change_holds_until_it_expires() {
    let mut steering = Steering::default();
    steering.put(wanted(to("25"), 0), "ops", false, NOW).unwrap();
    let told = Told::of(&steering, NOW).unwrap();
    let policy = told.policy(&base("5"), NOW.plus(3_599)).unwrap();
    assert_eq!(policy.percentage, Percentage::parse("25").unwrap());
    assert_eq!(told.policy(&base("5"), NOW.plus(3_600)), None);
    assert_eq!(Told::of(&steering, NOW.plus(3_600)), None);
    assert_eq!(
        steering.version(),
        1,
        "an expired override still counts in the version"
    );
}

#[test]
fn second_change_with_the_same_version_is_refused() {
    let mut steering = Steering::default();
    steering.put(wanted(to("25"), 0), "ops", false, NOW).unwrap();
    let before = steering.clone();
    let refused = steering.put(wanted(to("50"), 0), "other", false, NOW);
    assert_eq!(refused, Err(Refusal::Version { current: 1 }));
    assert_eq!(steering, before);
}

#[test]
fn kill_switch_is_thrown_by_who_knows_neither_version_nor_clock() {
    let mut steering = Steering::default();
    steering
        .put(wanted(to("25"), 0), "autopilot", false, NOW)
        .unwrap();
    let throw = Requested::parse(br#"{"kill_switch":true,"reason":"sign-ins fail"}"#).unwrap();
    steering.put(throw, "ops", true, NOW).unwrap();
    let thrown = steering.current(NOW).unwrap();
    assert_eq!((&thrown.change, thrown.version), (&switch(), 2));
    assert_eq!(thrown.expires_at, NOW.plus(LONGEST_SECONDS));
}

#[test]
fn expired_or_endless_change_is_refused_and_changes_nothing() {
    let mut steering = Steering::default();
    for (expires_at, refusal) in [
        (NOW, Refusal::Expired),
        (NOW.plus(-1), Refusal::Expired),
        (NOW.plus(LONGEST_SECONDS + 1), Refusal::TooLong),
    ] {
        let requested = Requested {
            expires_at: Some(expires_at),
            ..wanted(to("1"), 0)
        };
        assert_eq!(steering.put(requested, "ops", false, NOW), Err(refusal));
    }
    assert_eq!(steering, Steering::default());
}

#[test]
fn kill_switch_of_the_variables_outranks_an_override() {
    let base = Policy {
        kill_switch: true,
        ..base("5")
    };
    let timid = Change {
        percent: percent("50"),
        kill_switch: Some(false),
        ..Change::default()
    };
    assert_eq!(timid.on(&base), base);
    let bold = Change {
        despite_kill_switch: true,
        ..timid
    };
    assert!(!bold.on(&base).kill_switch);
}

#[test]
fn unreadable_variables_outrank_every_override() {
    let base = Policy {
        unreadable: true,
        ..base("0")
    };
    let bold = Change {
        percent: percent("50"),
        despite_kill_switch: true,
        ..Change::default()
    };
    assert_eq!(bold.on(&base), base);
}

#[test]
fn empty_change_returns_to_the_variables() {
    let mut steering = Steering::default();
    steering.put(wanted(to("25"), 0), "ops", false, NOW).unwrap();
    steering
        .put(wanted(Change::default(), 1), "ops", false, NOW)
        .unwrap();
    assert_eq!(Told::of(&steering, NOW), None);
    assert_eq!(steering.version(), 2);
}

#[test]
fn change_needs_two_services_where_configured() {
    let mut steering = Steering::default();
    assert!(matches!(
        steering.put(wanted(to("25"), 0), "ops", true, NOW),
        Ok(Outcome::Pending(_))
    ));
    assert_eq!(Told::of(&steering, NOW), None);
    let again = steering.put(wanted(to("25"), 0), "ops", true, NOW);
    assert!(
        matches!(again, Ok(Outcome::Pending(_))),
        "nobody approves their own change"
    );
    let other = steering.put(wanted(to("26"), 0), "lead", true, NOW);
    assert!(
        matches!(other, Ok(Outcome::Pending(_))),
        "another change is no approval"
    );
    let agreed = Requested {
        reason: "fine by me".to_owned(),
        ..wanted(to("26"), 0)
    };
    let Ok(Outcome::Changed(changed)) = steering.put(agreed, "ops", true, NOW) else {
        panic!("the second service's agreement puts it in force");
    };
    assert_eq!(
        (changed.author.as_str(), changed.approved_by.as_deref()),
        ("lead", Some("ops"))
    );
    assert_eq!(changed.reason, "canary", "the author says why");
}

#[test]
fn agreement_comes_within_the_hour_or_not_at_all() {
    let mut steering = Steering::default();
    let long = Requested {
        expires_at: Some(NOW.plus(90_000)),
        ..wanted(to("25"), 0)
    };
    steering.put(long.clone(), "ops", true, NOW).unwrap();
    let mut early = steering.clone();
    let late = steering.put(long.clone(), "lead", true, NOW.plus(PENDING_SECONDS));
    assert!(matches!(late, Ok(Outcome::Pending(_))));
    // The clock stepped back: nobody knows how old it is.
    let early = early.put(long, "lead", true, NOW.plus(-60));
    assert!(matches!(early, Ok(Outcome::Pending(_))));
}

#[test]
fn kill_switch_waits_for_nobody() {
    let mut steering = Steering::default();
    let thrown = steering.put(wanted(switch(), 0), "ops", true, NOW);
    assert!(matches!(thrown, Ok(Outcome::Changed(_))));
    assert!(
        Told::of(&steering, NOW)
            .unwrap()
            .policy(&base("50"), NOW)
            .unwrap()
            .kill_switch
    );
}

#[test]
fn history_keeps_the_newest() {
    let mut steering = Steering::default();
    for version in 0..(HISTORY as u64 + 20) {
        steering.put(wanted(to("1"), version), "ops", false, NOW).unwrap();
    }
    assert_eq!(steering.history().count(), HISTORY);
    assert_eq!(steering.history().next().unwrap().version, HISTORY as u64 + 20);
}

/// Storage takes no larger value, and then no change at all, the kill switch neither.
#[test]
fn history_of_long_lists_leaves_room_for_the_next_change() {
    let listed = (0..200)
        .map(|number| format!("somebody-with-a-long-name-{number:04}@a-site-with-a-long-name.example"));
    let listed: Vec<String> = listed.collect();
    let lists = Change {
        force_v2: Some(Users::parse(&listed.join(",")).unwrap()),
        ..to("5")
    };
    let mut steering = Steering::default();
    for version in 0..80 {
        steering
            .put(wanted(lists.clone(), version), "ops", false, NOW)
            .unwrap();
    }
    steering.put(wanted(switch(), 80), "ops", false, NOW).unwrap();
    let kept = serde_json::to_string(&steering).unwrap();
    assert!(kept.len() <= MAX_KEPT_CHARS, "{}", kept.len());
    assert_eq!(steering.history().next().unwrap().change, switch());
    assert!(steering.history().count() > 20, "{}", steering.history().count());
}

#[test]
fn bodies_are_read_strictly() {
    let good = br#"{"percent":12.5,"force_v2":["@example.com"],"reason":"canary","expires_at":"2027-01-15T09:00:00Z","expected_version":3}"#;
    let read = Requested::parse(good).unwrap();
    assert_eq!(read.change.percent, percent("12.5"));
    assert_eq!(read.change.force_v2, Some(Users::parse("@example.com").unwrap()));
    assert_eq!(read.expected_version, Some(3));
    for (body, rule) in [
        ("", "JSON object"),
        ("[]", "JSON object"),
        (
            r#"{"percent":1,"reason":"x","expires_at":"2027-01-15T09:00:00Z"}"#,
            "expected_version is missing",
        ),
        (
            r#"{"kill_switch":true,"percent":1,"reason":"x","expected_version":0}"#,
            "expires_at is missing",
        ),
        (r#"{"kill_switch":false,"reason":"x"}"#, "expires_at is missing"),
        (
            r#"{"kill_switch":true,"reason":"x","expires_at":"tomorrow"}"#,
            "RFC 3339",
        ),
        (
            r#"{"percentage":1,"reason":"x","expires_at":"2027-01-15T09:00:00Z","expected_version":0}"#,
            "JSON object",
        ),
        (
            r#"{"percent":101,"reason":"x","expires_at":"2027-01-15T09:00:00Z","expected_version":0}"#,
            "percent",
        ),
        (
            r#"{"percent":"1e1","reason":"x","expires_at":"2027-01-15T09:00:00Z","expected_version":0}"#,
            "percent",
        ),
        (
            r#"{"force_v2":["a,b"],"reason":"x","expires_at":"2027-01-15T09:00:00Z","expected_version":0}"#,
            "comma",
        ),
        (
            r#"{"force_legacy":[""],"reason":"x","expires_at":"2027-01-15T09:00:00Z","expected_version":0}"#,
            "force_legacy",
        ),
        (
            r#"{"percent":1,"reason":" ","expires_at":"2027-01-15T09:00:00Z","expected_version":0}"#,
            "reason",
        ),
        (
            r#"{"percent":1,"reason":"a\nb","expires_at":"2027-01-15T09:00:00Z","expected_version":0}"#,
            "reason",
        ),
        (
            r#"{"percent":1,"reason":"x","expires_at":"tomorrow","expected_version":0}"#,
            "expires_at",
        ),
    ] {
        let Err(Refusal::Invalid { rules }) = Requested::parse(body.as_bytes()) else {
            panic!("{body} was read");
        };
        assert!(rules.iter().any(|text| text.contains(rule)), "{body}: {rules:?}");
    }
    let long = format!("{{\"reason\":\"{}\"}}", "x".repeat(20_000));
    assert!(matches!(
        Requested::parse(long.as_bytes()),
        Err(Refusal::Invalid { .. })
    ));
}

#[test]
fn shown_state_names_base_override_and_history() {
    let mut steering = Steering::default();
    steering.put(wanted(to("25"), 0), "ops", false, NOW).unwrap();
    let shown = serde_json::to_value(Shown::of(&steering, None, &base("5"), NOW)).unwrap();
    assert_eq!(shown["base"]["percent"], "5");
    assert_eq!(shown["effective"]["percent"], "25");
    assert_eq!(shown["override"]["author"], "ops");
    assert_eq!(shown["override"]["percent"], "25");
    assert_eq!(shown["history"][0]["version"], 1);
    assert!(shown["pending"].is_null());
}
