use super::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const SIGN_IN: Attempt = Attempt {
    purpose: Purpose::SignIn,
    side: Side::V2,
    repeatable: true,
    proven: false,
};

#[test]
fn answers_about_the_request_are_final() {
    for side in [Side::V2, Side::Legacy] {
        for status in [200, 201, 204, 301, 400, 401, 403, 422, 429] {
            for purpose in [
                Purpose::SignIn,
                Purpose::Registration,
                Purpose::Token(TokenKind::Legacy),
                Purpose::Other,
            ] {
                let attempt = Attempt {
                    purpose,
                    side,
                    repeatable: true,
                    proven: false,
                };
                assert_eq!(
                    cause(attempt, Outcome::Status(status)),
                    None,
                    "{status} {purpose:?}"
                );
            }
        }
    }
}

#[test]
fn causes() {
    let registration = Attempt {
        purpose: Purpose::Registration,
        repeatable: false,
        ..SIGN_IN
    };
    let reset = Attempt {
        repeatable: false,
        ..SIGN_IN
    };
    let at_legacy = Attempt {
        side: Side::Legacy,
        ..SIGN_IN
    };
    let legacy_token = Attempt {
        purpose: Purpose::Token(TokenKind::Legacy),
        side: Side::Legacy,
        repeatable: true,
        proven: true,
    };
    let write = Attempt {
        repeatable: false,
        ..legacy_token
    };
    let unproven = Attempt {
        proven: false,
        ..legacy_token
    };
    for (attempt, outcome, expected) in [
        (SIGN_IN, Outcome::Status(404), Some(Cause::UnknownThere)),
        (SIGN_IN, Outcome::Status(409), Some(Cause::ConflictThere)),
        (at_legacy, Outcome::Status(409), None),
        (registration, Outcome::Status(409), None),
        (legacy_token, Outcome::Status(409), None),
        (SIGN_IN, Outcome::Status(500), Some(Cause::ServerError)),
        (SIGN_IN, Outcome::Timeout, Some(Cause::Timeout)),
        (SIGN_IN, Outcome::Unreachable, Some(Cause::Unreachable)),
        (SIGN_IN, Outcome::BreakerOpen, Some(Cause::BreakerOpen)),
        // A reset mail may be on its way already: only a request of which nothing was sent goes to the other side.
        (reset, Outcome::Timeout, None),
        (reset, Outcome::BreakerOpen, Some(Cause::BreakerOpen)),
        (reset, Outcome::Status(404), Some(Cause::UnknownThere)),
        (registration, Outcome::Timeout, None),
        (registration, Outcome::Unreachable, None),
        (registration, Outcome::Status(503), None),
        (registration, Outcome::Status(404), None),
        (registration, Outcome::BreakerOpen, Some(Cause::BreakerOpen)),
        (legacy_token, Outcome::Status(503), Some(Cause::ServerError)),
        (legacy_token, Outcome::Status(404), None),
        (legacy_token, Outcome::Status(401), Some(Cause::DeniedThere)),
        (legacy_token, Outcome::Status(403), None),
        (write, Outcome::Status(401), None),
        (unproven, Outcome::Status(401), None),
    ] {
        assert_eq!(cause(attempt, outcome), expected, "{attempt:?} {outcome:?}");
    }
}

#[test]
fn a_firebase_token_is_never_sent_to_the_legacy_service() {
    for kind in [TokenKind::Firebase, TokenKind::FirebaseSessionCookie] {
        let attempt = Attempt {
            purpose: Purpose::Token(kind),
            side: Side::V2,
            repeatable: true,
            proven: true,
        };
        for outcome in [
            Outcome::Status(401),
            Outcome::BreakerOpen,
            Outcome::Unreachable,
            Outcome::Timeout,
            Outcome::Status(500),
            Outcome::Status(404),
        ] {
            assert_eq!(cause(attempt, outcome), None);
        }
    }
}

#[test]
fn settle_chooses_the_answer() {
    const OK: Outcome = Outcome::Status(200);
    const WRONG: Outcome = Outcome::Status(401);
    const UNKNOWN: Outcome = Outcome::Status(404);
    const CONFLICT: Outcome = Outcome::Status(409);
    const FAULT: Outcome = Outcome::Timeout;
    for (first, second, expected) in [
        (UNKNOWN, OK, Counts::Second),
        (UNKNOWN, WRONG, Counts::Second),
        (UNKNOWN, UNKNOWN, Counts::First),
        (UNKNOWN, FAULT, Counts::Second),
        (CONFLICT, OK, Counts::Second),
        (CONFLICT, WRONG, Counts::Second),
        (CONFLICT, UNKNOWN, Counts::First),
        // The side that would sign the user in is down: the client must try again.
        (CONFLICT, FAULT, Counts::Second),
        (FAULT, OK, Counts::Second),
        (FAULT, WRONG, Counts::Second),
        (FAULT, UNKNOWN, Counts::First),
        (FAULT, Outcome::Status(503), Counts::First),
        // A user without a hash at the legacy service, while v2 is down.
        (Outcome::Status(500), FAULT, Counts::Second),
        (Outcome::Status(500), Outcome::Status(503), Counts::Second),
        (Outcome::Status(500), Outcome::BreakerOpen, Counts::Second),
        (Outcome::Status(500), Outcome::Status(500), Counts::First),
        (Outcome::BreakerOpen, Outcome::Status(500), Counts::First),
    ] {
        assert_eq!(
            settle(Purpose::SignIn, first, second),
            expected,
            "{first:?} {second:?}"
        );
    }
    let about = Purpose::Token(TokenKind::Legacy);
    assert_eq!(settle(about, FAULT, UNKNOWN), Counts::Second);
    for (second, expected) in [
        (OK, Counts::Second),
        (FAULT, Counts::Second),
        (Outcome::BreakerOpen, Counts::Second),
        (Outcome::Status(503), Counts::Second),
        (WRONG, Counts::First),
        (Outcome::Status(403), Counts::First),
    ] {
        assert_eq!(settle(about, WRONG, second), expected, "denied, then {second:?}");
    }
}

/// Nothing that the caller did makes the edge ask another side or counts against a service.
#[test]
fn caller_fault_causes_no_fallback_and_no_evidence() {
    let outcomes = [
        Outcome::Body(BodyFault::Broken),
        Outcome::Body(BodyFault::Stalled),
        Outcome::Unsendable,
        Outcome::Interrupted,
    ];
    for outcome in outcomes {
        for needs_google in [false, true] {
            assert_eq!(outcome.of_service(needs_google), None, "{outcome:?}");
        }
        assert_eq!(outcome.of_sign_ins(), None, "{outcome:?}");
        for side in [Side::V2, Side::Legacy] {
            assert_eq!(outcome.of_side(side), None, "{outcome:?}");
            for purpose in [
                Purpose::SignIn,
                Purpose::Registration,
                Purpose::Token(TokenKind::Legacy),
                Purpose::Token(TokenKind::Firebase),
                Purpose::Other,
            ] {
                let attempt = Attempt {
                    purpose,
                    side,
                    repeatable: true,
                    proven: true,
                };
                // The edge still holds the long body and may find a side that takes it.
                if outcome != Outcome::Interrupted {
                    assert_eq!(cause(attempt, outcome), None, "{attempt:?} {outcome:?}");
                }
            }
        }
    }
    assert_eq!(cause(SIGN_IN, Outcome::Interrupted), Some(Cause::Unreachable));
}

/// v2 answers 403 when Google wants a second factor or blocks the sign-in; 408, 413 and 429 are definite too.
#[test]
fn definite_refusal_causes_no_fallback() {
    for status in (400..500).filter(|status| ![404, 409].contains(status)) {
        let outcome = Outcome::Status(status);
        assert_eq!(cause(SIGN_IN, outcome), None, "{status}");
        assert_ne!(outcome.of_service(true), Some(Evidence::Failed), "{status}");
        assert_ne!(outcome.of_sign_ins(), Some(Evidence::Failed), "{status}");
        assert_eq!(outcome.of_side(Side::V2), Some(Evidence::Well), "{status}");
        // A side that was asked second, because the legacy service failed or did not know the user, refuses: that refusal stands.
        for first in [Outcome::Status(404), Outcome::Timeout, Outcome::Status(500)] {
            assert_eq!(
                settle(Purpose::SignIn, first, outcome),
                Counts::Second,
                "{status}"
            );
        }
    }
}

#[test]
fn without_google_reads_go_on() {
    let (failed, well) = (Some(Evidence::Failed), Some(Evidence::Well));
    // (outcome, evidence about the service for a read, for a sign-in, about sign-ins)
    for (outcome, read, sign_in, sign_ins) in [
        (Outcome::Without(Dependency::Firebase), well, well, failed),
        (Outcome::Without(Dependency::Keys), well, well, None),
        (Outcome::Without(Dependency::Database), failed, failed, None),
        (Outcome::Timeout, failed, None, failed),
        (Outcome::Status(504), failed, None, failed),
        (Outcome::Status(503), failed, failed, failed),
        (Outcome::Status(522), failed, failed, failed),
        (Outcome::Unreachable, failed, failed, failed),
        (Outcome::Unusable, None, None, None),
        (Outcome::BreakerOpen, None, None, None),
        (Outcome::Status(500), well, well, None),
        (Outcome::Status(401), well, well, well),
        (Outcome::Status(200), well, well, well),
        (Outcome::Status(400), well, well, None),
    ] {
        assert_eq!(outcome.of_service(false), read, "{outcome:?}");
        assert_eq!(outcome.of_service(true), sign_in, "{outcome:?}");
        assert_eq!(outcome.of_sign_ins(), sign_ins, "{outcome:?}");
    }
    for dependency in Dependency::ALL {
        assert_eq!(Dependency::parse(dependency.as_str()), Some(dependency));
        let outcome = Outcome::Without(dependency);
        assert_eq!(cause(SIGN_IN, outcome), Some(Cause::ServerError));
        assert!(outcome.is_fault() && outcome.is_outage());
    }
    assert_eq!(Dependency::parse("Firebase"), None);
    assert_eq!(cause(SIGN_IN, Outcome::Unusable), Some(Cause::ServerError));
}
