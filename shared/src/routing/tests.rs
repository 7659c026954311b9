//! The decision order as a table, and what holds for every combination.

use super::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn email(text: &str) -> NormalizedEmail {
    NormalizedEmail::parse(text).unwrap()
}

fn facts<'a>(purpose: Purpose, email: Option<&'a NormalizedEmail>) -> Facts<'a> {
    Facts {
        purpose,
        email,
        id: None,
        cookie: None,
        stepped_down: false,
    }
}

fn at(percent: &str) -> Policy {
    Policy {
        percentage: Percentage::parse(percent).unwrap(),
        ..Policy::all_legacy()
    }
}

#[test]
fn the_order_of_rules() {
    let ann = email("ann@example.com");
    let listed = || Users::parse("ann@example.com").unwrap();
    let sign_in = facts(Purpose::SignIn, Some(&ann));
    let registration = facts(Purpose::Registration, Some(&ann));
    let unreadable = Policy {
        unreadable: true,
        ..at("100")
    };
    let gone = Policy {
        legacy_exists: false,
        kill_switch: true,
        ..at("0")
    };
    let killed = Policy {
        kill_switch: true,
        force_v2: listed(),
        ..at("100")
    };
    let both_lists = Policy {
        force_v2: listed(),
        force_legacy: listed(),
        ..at("100")
    };
    let forced = Policy {
        force_v2: listed(),
        ..at("0")
    };
    let new_at_v2 = Policy {
        new_users: NewUsers::V2,
        ..at("0")
    };
    let new_at_legacy = Policy {
        new_users: NewUsers::Legacy,
        ..at("100")
    };
    let stepped_down = Facts {
        stepped_down: true,
        ..sign_in
    };
    for (name, facts, policy, side, reason) in [
        ("no legacy", sign_in, &gone, Side::V2, Reason::NoLegacyService),
        (
            "unreadable",
            sign_in,
            &unreadable,
            Side::Legacy,
            Reason::ConfigInvalid,
        ),
        ("kill switch", sign_in, &killed, Side::Legacy, Reason::KillSwitch),
        (
            "kill switch over step-down",
            stepped_down,
            &killed,
            Side::Legacy,
            Reason::KillSwitch,
        ),
        (
            "step-down over lists",
            stepped_down,
            &forced,
            Side::Legacy,
            Reason::SteppedDown,
        ),
        (
            "legacy list over v2 list",
            sign_in,
            &both_lists,
            Side::Legacy,
            Reason::ForcedLegacy,
        ),
        (
            "v2 list over percentage",
            sign_in,
            &forced,
            Side::V2,
            Reason::ForcedV2,
        ),
        (
            "v2 list over new users",
            registration,
            &forced,
            Side::V2,
            Reason::ForcedV2,
        ),
        (
            "new users at v2",
            registration,
            &new_at_v2,
            Side::V2,
            Reason::NewUsers,
        ),
        (
            "old users not",
            sign_in,
            &new_at_v2,
            Side::Legacy,
            Reason::NotInCohort,
        ),
        (
            "new users at legacy",
            registration,
            &new_at_legacy,
            Side::Legacy,
            Reason::NewUsers,
        ),
        (
            "old users not",
            sign_in,
            &new_at_legacy,
            Side::V2,
            Reason::InCohort,
        ),
        ("everybody", sign_in, &at("100"), Side::V2, Reason::InCohort),
        ("nobody", sign_in, &at("0"), Side::Legacy, Reason::NotInCohort),
        (
            "nobody known",
            facts_of_nobody(),
            &at("100"),
            Side::Legacy,
            Reason::Unidentified,
        ),
    ] {
        let decision = decide(&facts, policy);
        assert_eq!((decision.side, decision.reason), (side, reason), "{name}");
    }
}

fn facts_of_nobody() -> Facts<'static> {
    facts(Purpose::SignIn, None)
}

/// The property that keeps users signed in: while both sides exist, no setting sends a token to another side.
#[test]
fn a_token_goes_where_its_issuer_is_whatever_the_settings() {
    let ann = email("ann@example.com");
    let list = Users::parse("ann@example.com").unwrap();
    for kill_switch in [false, true] {
        for stepped_down in [false, true] {
            for (force_v2, force_legacy) in [
                (Users::default(), Users::default()),
                (list.clone(), Users::default()),
                (Users::default(), list.clone()),
            ] {
                for percent in ["0", "50", "100"] {
                    let policy = Policy {
                        kill_switch,
                        force_v2: force_v2.clone(),
                        force_legacy: force_legacy.clone(),
                        ..at(percent)
                    };
                    for (kind, side) in [
                        (TokenKind::Firebase, Side::V2),
                        (TokenKind::FirebaseSessionCookie, Side::V2),
                        (TokenKind::Legacy, Side::Legacy),
                    ] {
                        let facts = Facts {
                            stepped_down,
                            ..facts(Purpose::Token(kind), Some(&ann))
                        };
                        let decision = decide(&facts, &policy);
                        assert_eq!((decision.side, decision.reason), (side, Reason::TokenIssuer));
                    }
                }
            }
        }
    }
}

#[test]
fn the_address_decides_before_the_id_and_the_id_before_the_cookie() {
    let ann = email("ann@example.com");
    let (id, cookie) = (
        "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
        Bucket::from_number(7).unwrap(),
    );
    let all = Facts {
        id: Some(id),
        cookie: Some(cookie),
        ..facts(Purpose::SignIn, Some(&ann))
    };
    let without_email = Facts { email: None, ..all };
    let only_cookie = Facts {
        id: None,
        ..without_email
    };
    let policy = at("50");
    let bucket = |facts: &Facts<'_>| decide(facts, &policy).bucket;
    assert_eq!(bucket(&all), Some(Bucket::of("auth-v2", RolloutKey::Email(&ann))));
    assert_eq!(
        bucket(&without_email),
        Some(Bucket::of("auth-v2", RolloutKey::Id(id)))
    );
    assert_eq!(bucket(&only_cookie), Some(cookie));
}

#[test]
fn bucket_is_said_whichever_rule_decides() {
    let ann = email("ann@example.com");
    let registration = facts(Purpose::Registration, Some(&ann));
    let calm = at("50");
    let stepped_down = Facts {
        stepped_down: true,
        ..registration
    };
    let users = Users::parse("ann@example.com").unwrap();
    let with = |change: fn(&mut Policy, Users)| {
        let mut policy = calm.clone();
        change(&mut policy, users.clone());
        policy
    };
    for (facts, policy, reason) in [
        (registration, calm.clone(), Reason::NotInCohort),
        (stepped_down, calm.clone(), Reason::SteppedDown),
        (
            registration,
            with(|policy, _| policy.legacy_exists = false),
            Reason::NoLegacyService,
        ),
        (
            registration,
            with(|policy, _| policy.unreadable = true),
            Reason::ConfigInvalid,
        ),
        (
            registration,
            with(|policy, _| policy.kill_switch = true),
            Reason::KillSwitch,
        ),
        (
            registration,
            with(|policy, users| policy.force_legacy = users),
            Reason::ForcedLegacy,
        ),
        (
            registration,
            with(|policy, users| policy.force_v2 = users),
            Reason::ForcedV2,
        ),
        (
            registration,
            with(|policy, _| policy.new_users = NewUsers::V2),
            Reason::NewUsers,
        ),
    ] {
        let decision = decide(&facts, &policy);
        let bucket = Bucket::of("auth-v2", RolloutKey::Email(&ann));
        assert_eq!((decision.reason, decision.bucket), (reason, Some(bucket)));
    }
    let by_token = facts(Purpose::Token(TokenKind::Firebase), Some(&ann));
    assert_eq!(decide(&by_token, &calm).bucket, None);
}

#[test]
fn lists_name_users_by_address_domain_or_id() {
    let users =
        Users::parse("Ann@Example.com, @pilot.example ,3F2504E0-4F89-41D3-9A0C-0305E82C3301").unwrap();
    let by_email = |text: &str| users.contains(&facts(Purpose::SignIn, Some(&email(text))));
    assert!(by_email("ann@example.com"));
    assert!(by_email("ANYBODY@pilot.example"));
    for stranger in [
        "bob@example.com",
        "a@notpilot.example",
        "a@pilot.example.org",
        "a@sub.pilot.example",
    ] {
        assert!(!by_email(stranger), "{stranger}");
    }
    assert!(users.contains(&Facts {
        id: Some("3f2504e0-4f89-41d3-9a0c-0305e82c3301"),
        ..facts_of_nobody()
    }));
    assert!(!users.contains(&facts_of_nobody()));
    for refused in ["", ",", "a@b.de,", "@", "a b"] {
        assert!(Users::parse(refused).is_err(), "{refused:?}");
    }
}
