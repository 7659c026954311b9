//! The judge sees what it is there to see.

use std::sync::atomic::AtomicBool;

use super::*;
use crate::rollout::tally::Row;

/// User 0 is known to legacy only, 4 to v2 only.
const OLD: u32 = 0;
const NEW: u32 = 4;

struct Case {
    stage: Stage,
    began: Instant,
}

impl Case {
    fn at(percent: &str) -> Self {
        let users = (0..10).map(User::new).collect();
        let stage = Stage::new(users, 1, "http://edge", Arc::new(AtomicBool::new(false))).unwrap();
        stage.switch_to(Deployment::new(0, "http://edge", percent).unwrap());
        stage.begin("test");
        Self {
            stage,
            began: Instant::now(),
        }
    }

    fn user(&self, number: u32) -> &User {
        self.stage
            .users
            .iter()
            .find(|user| user.number == number)
            .unwrap()
    }

    /// A sign-in of `number`: status, route, reason and what else the answer says.
    fn sign_in(&self, number: u32, issuer: Option<Side>, answer: Answer) -> bool {
        let user = self.user(number);
        let seen = Seen::new(
            Call::SignIn,
            issuer,
            self.stage.deployment(),
            self.began,
            Ok(answer),
        );
        judge(&self.stage, user, &seen)
    }

    /// What was found wrong, the row being begun anew.
    fn wrong(&self) -> Vec<Wrong> {
        let row = std::mem::replace(self.stage.rows().last_mut().unwrap(), Row::new("test"));
        row.wrong.into_keys().collect()
    }
}

fn answer(status: u16, route: &str, reason: &str, body: &Value) -> Answer {
    let mut headers = ureq::http::HeaderMap::new();
    headers.insert("x-auth-route", route.parse().unwrap());
    headers.insert("x-auth-route-reason", reason.parse().unwrap());
    Answer {
        status,
        headers,
        text: body.to_string(),
    }
}

fn signed_in(case: &Case, number: u32, route: &str, reason: &str) -> Answer {
    let id = case.user(number).row_id();
    answer(200, route, reason, &json!({"data": {"user": {"id": id}}}))
}

fn outage(retry_after: bool) -> Answer {
    let mut answer = answer(503, "edge", "upstream_unreachable", &Value::Null);
    if retry_after {
        answer.headers.insert("retry-after", "5".parse().unwrap());
    }
    answer
}

#[test]
fn a_side_is_right_by_the_rules_or_for_a_cause_that_is_true() {
    let legacy = Some(Side::Legacy);
    let v2 = Some(Side::V2);
    for (percent, user, issuer, route, reason, right) in [
        ("0", OLD, legacy, "legacy", "not_in_cohort", true),
        ("100", OLD, v2, "v2", "in_cohort", true),
        ("100", OLD, legacy, "legacy", "not_in_cohort", false),
        ("0", OLD, v2, "v2", "in_cohort", false),
        ("0", OLD, v2, "v2", "fallback_unreachable", false),
        ("0", OLD, v2, "v2", "fallback_server_error", false),
        ("0", NEW, v2, "v2", "fallback_server_error", true),
        ("100", NEW, v2, "v2", "stepped_down", false),
        ("100", OLD, legacy, "legacy", "stepped_down", false),
        // The token is the other side's.
        ("0", OLD, v2, "legacy", "not_in_cohort", false),
        ("0", OLD, None, "legacy", "not_in_cohort", false),
    ] {
        let case = Case::at(percent);
        case.sign_in(user, issuer, signed_in(&case, user, route, reason));
        let expected: &[Wrong] = if right { &[] } else { &[Wrong::Side] };
        assert_eq!(case.wrong(), expected, "{percent} % {user} {route} {reason}");
    }
}

#[test]
fn a_side_in_trouble_may_be_left() {
    let case = Case::at("100");
    case.stage.troubles.begin(Side::V2);
    for (route, reason) in [
        ("legacy", "fallback_breaker_open"),
        ("legacy", "stepped_down"),
        ("v2", "in_cohort"),
    ] {
        let issuer = if route == "v2" { Side::V2 } else { Side::Legacy };
        case.sign_in(OLD, Some(issuer), signed_in(&case, OLD, route, reason));
        assert_eq!(case.wrong(), [], "{reason}");
    }
    // It was legacy that was left.
    let unreachable = signed_in(&case, OLD, "v2", "fallback_unreachable");
    case.sign_in(OLD, Some(Side::V2), unreachable);
    assert_eq!(case.wrong(), [Wrong::Side]);
}

#[test]
fn both_sides_are_about_one_user() {
    let case = Case::at("0");
    let other = signed_in(&case, 1, "legacy", "not_in_cohort");
    case.sign_in(OLD, Some(Side::Legacy), other);
    assert_eq!(case.wrong(), [Wrong::Side]);
}

#[test]
fn nobody_moves_without_a_cause() {
    let case = Case::at("0");
    let sign_in = |side: Side, reason: &str| {
        case.sign_in(OLD, Some(side), signed_in(&case, OLD, side.as_str(), reason));
        case.wrong().contains(&Wrong::Flip)
    };
    assert!(!sign_in(Side::Legacy, "not_in_cohort"));
    assert!(sign_in(Side::V2, "in_cohort"));
    assert!(sign_in(Side::Legacy, "not_in_cohort"));
    case.stage
        .switch_to(Deployment::new(1, "http://edge", "100").unwrap());
    assert!(!sign_in(Side::V2, "in_cohort"), "somebody changed the percentage");
}

#[test]
fn a_failure_is_excused_only_where_nobody_could_have_served() {
    let case = Case::at("100");
    case.sign_in(OLD, None, outage(true));
    assert_eq!(case.wrong(), [Wrong::SignIn], "both sides are up");
    case.stage.troubles.begin(Side::V2);
    case.sign_in(OLD, None, outage(true));
    assert_eq!(case.wrong(), [Wrong::SignIn], "legacy knows them too");
    case.sign_in(NEW, None, outage(true));
    assert_eq!(case.wrong(), []);
    case.sign_in(NEW, None, outage(false));
    assert_eq!(case.wrong(), [Wrong::Wording], "no Retry-After");
    let denied = answer(401, "v2", "in_cohort", &Value::Null);
    case.sign_in(NEW, None, denied);
    assert_eq!(case.wrong(), [Wrong::Wording]);
}

#[test]
fn a_verdict_of_invalid_is_a_failure() {
    let case = Case::at("0");
    let verdict = answer(200, "legacy", "token_issuer", &json!({"data": {"valid": false}}));
    let seen = Seen::new(
        Call::Verify,
        Some(Side::Legacy),
        case.stage.deployment(),
        case.began,
        Ok(verdict),
    );
    assert!(!judge(&case.stage, case.user(OLD), &seen));
    assert_eq!(case.wrong(), [Wrong::Call, Wrong::Wording]);
}

/// What is found wrong with this answer of the service to [`OLD`], and whether the service counts as cut off.
fn of_service(case: &Case, service: Service, answer: Answer) -> (Vec<Wrong>, bool) {
    let seen = Seen::new(
        Call::Service(service),
        Some(Side::Legacy),
        case.stage.deployment(),
        case.began,
        Ok(answer),
    );
    judge(&case.stage, case.user(OLD), &seen);
    let cut_off = case.stage.rows().last().unwrap().services.cut_off == 1;
    (case.wrong(), cut_off)
}

#[test]
fn service_must_know_its_caller_unless_what_it_needs_is_down() {
    let knows = |case: &Case, number| signed_in(case, number, "edge", "app_service");
    let refuses = || answer(401, "edge", "app_service", &Value::Null);
    let case = Case::at("0");
    for service in Service::ALL {
        assert_eq!(of_service(&case, service, knows(&case, OLD)), (vec![], false));
        let other = of_service(&case, service, knows(&case, 1));
        assert_eq!(other, (vec![Wrong::Side], false), "another user");
        let both = vec![Wrong::Service, Wrong::Wording];
        assert_eq!(of_service(&case, service, refuses()), (both, false));
        assert_eq!(
            of_service(&case, service, outage(true)),
            (vec![Wrong::Service], false)
        );
    }
    case.stage.troubles.begin(Side::Legacy);
    // It asks the legacy service itself.
    assert_eq!(of_service(&case, Service::Assessment, refuses()), (vec![], true));
    for service in [Service::Archive, Service::Chatbot] {
        assert_eq!(
            of_service(&case, service, outage(true)),
            (vec![Wrong::Service], false)
        );
    }
    let case = Case::at("0");
    case.stage.troubles.begin(Side::V2);
    for service in Service::ALL {
        assert_eq!(of_service(&case, service, outage(true)), (vec![], false));
        assert_eq!(
            of_service(&case, service, refuses()),
            (vec![Wrong::Wording], false)
        );
    }
}
