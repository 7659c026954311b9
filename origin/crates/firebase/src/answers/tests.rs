use std::collections::BTreeSet;

use proptest::prelude::*;
use shared::fallback::{Attempt, Outcome, cause};
use shared::problem::ErrorCode;
use shared::routing::{Purpose, Side};

use super::*;

/// The page, read when the test runs: the container image is built without the documents.
fn page() -> String {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../docs/architecture/auth-federation.md"
    );
    std::fs::read_to_string(path).unwrap()
}

fn answer(status: u16, message: &str) -> FirebaseError {
    read(
        status,
        serde_json::json!({"error": {"code": status, "message": message}})
            .to_string()
            .as_bytes(),
        1,
    )
}

fn is_outage(code: ErrorCode) -> bool {
    let sign_in = Attempt {
        purpose: Purpose::SignIn,
        side: Side::V2,
        repeatable: true,
        proven: false,
    };
    let outcome = Outcome::Status(code.status());
    // The edge also asks about a conflict at a sign-in, which is no outage.
    let asked = cause(sign_in, outcome).is_some() && code.status() != 409;
    assert_eq!(
        asked,
        code.status() >= 500,
        "{code:?}: asked elsewhere for no outage"
    );
    asked
}

#[test]
fn each_code_has_one_row() {
    let mut seen = BTreeSet::new();
    for (_, codes) in TABLE {
        for code in *codes {
            assert!(seen.insert(code), "{code} twice");
        }
    }
    assert!(seen.len() > 150);
}

#[test]
fn legacy_is_asked_only_after_outage_quota_or_own_credentials() {
    for (kind, codes) in TABLE {
        for code in *codes {
            let status = if *code == "Error code: 47" { 503 } else { 400 };
            let error = answer(status, &format!("{code} : about ann@example.org"));
            let expected = matches!(kind, Kind::Outage | Kind::Quota | Kind::OurCredentials);
            assert_eq!(is_outage(error.code()), expected, "{code}");
            assert!(!error.to_string().contains("ann@example.org"), "{code}");
        }
    }
}

#[test]
fn page_shows_this_table() {
    let page = page();
    for (kind, codes) in TABLE {
        let first = codes.first().unwrap();
        let status = if *kind == Kind::BlockerFailed { 503 } else { 400 };
        let code = answer(status, first).code();
        let asked = if is_outage(code) { "yes" } else { "no" };
        let names: Vec<String> = codes.iter().map(|code| format!("`{code}`")).collect();
        let row = format!(
            "| {} | {} `{}` | {asked} | {asked} |",
            names.join(", "),
            code.status(),
            code.as_str()
        );
        assert!(page.contains(&row), "the page lacks\n{row}");
    }
}

#[test]
fn definite_answers_keep_their_kind() {
    let blocked = ErrorCode::SignInBlocked;
    let outage = ErrorCode::FirebaseUnavailable;
    for (status, message, code) in [
        (400, "PASSWORD_LOGIN_DISABLED", blocked),
        (
            400,
            "OPERATION_NOT_ALLOWED : TOTP based MFA not enabled.",
            blocked,
        ),
        (400, "INVALID_PASSWORD_HASH", blocked),
        (400, "MISSING_RECAPTCHA_TOKEN", blocked),
        (400, "SOMETHING_NEW : text", blocked),
        (400, "Request contains an invalid argument.", blocked),
        (400, "Invalid value at 'password' (TYPE_STRING), 7", blocked),
        (404, "Requested entity was not found.", blocked),
        (409, "", blocked),
        (401, "Firebase App Check token is invalid.", blocked),
        (503, "Error code: 47", blocked),
        (400, "BLOCKING_FUNCTION_ERROR_RESPONSE : x", blocked),
        (500, "BLOCKING_FUNCTION_ERROR_RESPONSE : ((timeout))", blocked),
        (503, "Error code: 48", outage),
        (400, "API key not valid. Please pass a valid API key.", outage),
        (403, "PERMISSION_DENIED: caller ann@example.org lacks it", outage),
        (401, "Invalid Credentials", outage),
        (408, "SOMETHING_NEW", outage),
        (429, "SOMETHING_NEW", outage),
        (500, "EMAIL_EXISTS", outage),
        (503, "", outage),
        (302, "", outage),
        (
            400,
            "TOO_MANY_ATTEMPTS_TRY_LATER : Too many unsuccessful login attempts.",
            ErrorCode::RateLimited,
        ),
        (429, "TOO_MANY_ATTEMPTS_TRY_LATER", ErrorCode::RateLimited),
        (
            400,
            "QUOTA_EXCEEDED : Exceeded quota for verifying passwords.",
            outage,
        ),
        (400, "WEAK_PASSWORD", ErrorCode::ValidationError),
    ] {
        assert_eq!(answer(status, message).code(), code, "{status} {message}");
    }
}

#[test]
fn every_envelope_is_read() {
    let outage = ErrorCode::FirebaseUnavailable;
    for (status, body, code) in [
        (
            400,
            r#"{"error":{"code":400,"message":"EMAIL_EXISTS","errors":[{"message":"EMAIL_EXISTS","domain":"global","reason":"invalid"}]}}"#,
            ErrorCode::EmailExists,
        ),
        (
            400,
            r#"{"error":{"code":400,"message":"INVALID_REFRESH_TOKEN","status":"INVALID_ARGUMENT"}}"#,
            ErrorCode::TokenExpired,
        ),
        (
            400,
            r#"{"error":{"code":400,"message":"Invalid value at 'users[0].password'","status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"users[0].password"}]}]}}"#,
            ErrorCode::SignInBlocked,
        ),
        (
            400,
            r#"{"error":{"code":400,"message":"API key expired. Please renew the API key.","status":"INVALID_ARGUMENT","details":[{"@type":"t","reason":"API_KEY_INVALID","metadata":{"service":"s"}},{"@type":"l","message":"m"}]}}"#,
            outage,
        ),
        (
            403,
            r#"{"error":{"code":403,"message":"Method doesn't allow unregistered callers (callers without established identity).","status":"PERMISSION_DENIED","errors":[{"reason":"forbidden"}]}}"#,
            outage,
        ),
        (
            403,
            r#"{"error":{"code":403,"message":"Requests are blocked.","status":"PERMISSION_DENIED","details":[{"reason":"API_KEY_SERVICE_BLOCKED"}]}}"#,
            outage,
        ),
        (
            401,
            r#"{"error":{"code":401,"message":"Request is missing required authentication credential.","status":"UNAUTHENTICATED","details":[{"reason":"CREDENTIALS_MISSING"}]}}"#,
            outage,
        ),
        (
            500,
            r#"{"error":{"code":500,"message":"Internal error encountered.","status":"INTERNAL","errors":[{"reason":"backendError"}]}}"#,
            outage,
        ),
        (404, "<!DOCTYPE html><title>Error 404</title>", outage),
        (502, "", outage),
    ] {
        assert_eq!(read(status, body.as_bytes(), 1).code(), code, "{body}");
    }
}

#[test]
fn message_of_a_function_is_shown_as_one_line() {
    let beginning = "BLOCKING_FUNCTION_ERROR_RESPONSE : HTTP Cloud Function returned an error:";
    for (rest, shown) in [
        (
            r#" {"error":{"message":"Only staff may sign in","status":"PERMISSION_DENIED"}}"#,
            Some("Only staff may sign in"),
        ),
        (
            r#" {"error":{"message":"a: b {c}\r\nX-Header: 1\u0007","details":{"error":{"message":"x"}}}}"#,
            Some("a: b {c} X-Header: 1"),
        ),
        (r#" {"error":{"message":"a\u202eb\u200bc"}})))"#, Some("abc")),
        (r#" {"error":{"message":" \u200b "}}"#, None),
        (r#" {"error":{"message":7}}"#, None),
        (r#" {"error":"#, None),
        (" 404 Page not found", None),
        ("", None),
    ] {
        assert_eq!(
            message_of_function(&format!("{beginning}{rest}")).as_deref(),
            shown,
            "{rest}"
        );
    }
    let long = format!(
        "{beginning} {{\"error\":{{\"message\":\"{}\"}}}}",
        "é".repeat(5_000)
    );
    assert_eq!(
        message_of_function(&long).unwrap().chars().count(),
        LONGEST_MESSAGE
    );
}

proptest! {
    /// A 4xx of any text is an outage for one of four reasons only.
    #[test]
    fn only_four_reasons_make_a_4xx_an_outage(status in 400_u16..500, message in ".{0,80}") {
        let body = serde_json::json!({"error": {"message": message}}).to_string();
        if let FirebaseError::Outage { .. } = read(status, body.as_bytes(), 1) {
            prop_assert!(status == 408 || matches!(known(leading_code(&message)), Some(Kind::Outage)));
        }
    }

    #[test]
    fn any_body_is_read(status in 100_u16..600, body in proptest::collection::vec(any::<u8>(), 0..300)) {
        let error = read(status, &body, 1);
        prop_assert!(error.to_string().len() < 200);
    }
}
