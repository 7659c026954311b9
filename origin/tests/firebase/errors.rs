//! Every documented message of Google, and our answer to it.

use serde_json::{Value, json};

use crate::google::{PASSWORD, World};

/// Method at Google, its status and message, our status and code.
type Case = (u16, &'static str, u16, &'static str);

const SIGN_IN: &[Case] = &[
    (400, "EMAIL_NOT_FOUND", 401, "INVALID_CREDENTIALS"),
    (400, "INVALID_PASSWORD", 401, "INVALID_CREDENTIALS"),
    (400, "INVALID_LOGIN_CREDENTIALS", 401, "INVALID_CREDENTIALS"),
    (400, "INVALID_EMAIL", 401, "INVALID_CREDENTIALS"),
    // Firebase says so for any password: nothing was proven.
    (400, "USER_DISABLED", 401, "INVALID_CREDENTIALS"),
    (
        400,
        "TOO_MANY_ATTEMPTS_TRY_LATER : Access to this account has been temporarily disabled",
        429,
        "RATE_LIMITED",
    ),
    (400, "OPERATION_NOT_ALLOWED", 403, "SIGN_IN_BLOCKED"),
    (400, "PASSWORD_LOGIN_DISABLED", 403, "SIGN_IN_BLOCKED"),
    (400, "CONFIGURATION_NOT_FOUND", 403, "SIGN_IN_BLOCKED"),
    (400, "MISSING_RECAPTCHA_TOKEN", 403, "SIGN_IN_BLOCKED"),
    (503, "Error code: 47", 403, "SIGN_IN_BLOCKED"),
    (400, "PROJECT_NOT_FOUND", 503, "FIREBASE_UNAVAILABLE"),
    (
        400,
        "API key not valid. Please pass a valid API key.",
        503,
        "FIREBASE_UNAVAILABLE",
    ),
    (
        403,
        "PERMISSION_DENIED: caller secret@example.org lacks it",
        503,
        "FIREBASE_UNAVAILABLE",
    ),
    (
        400,
        "SOMETHING_NEW : about secret@example.org",
        403,
        "SIGN_IN_BLOCKED",
    ),
    (500, "INTERNAL_ERROR", 503, "FIREBASE_UNAVAILABLE"),
    (503, "UNAVAILABLE", 503, "FIREBASE_UNAVAILABLE"),
    (
        429,
        "QUOTA_EXCEEDED : Exceeded quota for verifying passwords.",
        503,
        "FIREBASE_UNAVAILABLE",
    ),
];

const CREATE: &[Case] = &[
    (400, "EMAIL_EXISTS", 409, "EMAIL_EXISTS"),
    (400, "DUPLICATE_EMAIL", 409, "EMAIL_EXISTS"),
    (400, "INVALID_EMAIL", 400, "VALIDATION_ERROR"),
    (400, "MISSING_PASSWORD", 400, "VALIDATION_ERROR"),
    (
        400,
        "WEAK_PASSWORD : Password should be at least 6 characters",
        400,
        "VALIDATION_ERROR",
    ),
    (
        400,
        "PASSWORD_DOES_NOT_MEET_REQUIREMENTS : Missing password requirements: [upper]",
        400,
        "VALIDATION_ERROR",
    ),
    (400, "OPERATION_NOT_ALLOWED", 403, "SIGN_IN_BLOCKED"),
    (400, "ADMIN_ONLY_OPERATION", 403, "SIGN_IN_BLOCKED"),
    (403, "PERMISSION_DENIED", 503, "FIREBASE_UNAVAILABLE"),
    (503, "UNAVAILABLE", 503, "FIREBASE_UNAVAILABLE"),
    (429, "RESOURCE_EXHAUSTED", 503, "FIREBASE_UNAVAILABLE"),
];

const REFRESH: &[Case] = &[
    (400, "TOKEN_EXPIRED", 401, "TOKEN_EXPIRED"),
    (400, "USER_DISABLED", 401, "TOKEN_EXPIRED"),
    (400, "USER_NOT_FOUND", 401, "TOKEN_EXPIRED"),
    (400, "INVALID_REFRESH_TOKEN", 401, "TOKEN_EXPIRED"),
    (400, "MISSING_REFRESH_TOKEN", 401, "TOKEN_EXPIRED"),
    (400, "INVALID_GRANT_TYPE", 401, "TOKEN_EXPIRED"),
    (400, "TOO_MANY_ATTEMPTS_TRY_LATER", 429, "RATE_LIMITED"),
    (400, "PROJECT_NUMBER_MISMATCH", 503, "FIREBASE_UNAVAILABLE"),
    (500, "INTERNAL", 503, "FIREBASE_UNAVAILABLE"),
    (429, "RESOURCE_EXHAUSTED", 503, "FIREBASE_UNAVAILABLE"),
];

const RESET: &[Case] = &[
    (400, "EXPIRED_OOB_CODE", 400, "VALIDATION_ERROR"),
    (400, "INVALID_OOB_CODE", 400, "VALIDATION_ERROR"),
    (400, "USER_DISABLED", 403, "USER_DISABLED"),
    (
        400,
        "WEAK_PASSWORD : Password should be at least 6 characters",
        400,
        "VALIDATION_ERROR",
    ),
    (400, "RESET_PASSWORD_EXCEED_LIMIT", 429, "RATE_LIMITED"),
    (400, "OPERATION_NOT_ALLOWED", 403, "SIGN_IN_BLOCKED"),
    (503, "UNAVAILABLE", 503, "FIREBASE_UNAVAILABLE"),
];

#[tokio::test]
async fn every_message_of_google_has_its_code() {
    let user = json!({"email": "ann@example.org", "password": PASSWORD});
    let refresh = json!({"refreshToken": "some-refresh-token"});
    let reset = json!({"oobCode": "some-code", "newPassword": PASSWORD});
    check("accounts.signInWithPassword", "login", &user, SIGN_IN).await;
    check("projects.accounts", "register", &user, CREATE).await;
    check("token", "refresh", &refresh, REFRESH).await;
    check("accounts.resetPassword", "reset-password", &reset, RESET).await;
}

/// On a service of its own, since a lack of quota makes the service pause; such cases come last.
async fn check(method: &str, route: &str, body: &Value, cases: &[Case]) {
    let world = World::start().await;
    for (status, message, expected_status, code) in cases {
        world.google_will(json!({"fail": {method: {"status": status, "message": message}}}));
        let answer = world.post(route, body).await;
        assert_eq!(
            (answer.status, answer.code()),
            (*expected_status, *code),
            "{route}: {message}"
        );
        let text = answer.body.to_string();
        let explanation = message
            .split_once([' ', ':'])
            .map(|(_, rest)| rest.trim_start_matches([' ', ':']));
        assert!(
            explanation.is_none_or(|shown| !text.contains(shown)),
            "Google's own text is shown: {text}"
        );
        if matches!(expected_status, 429 | 503) {
            assert!(answer.header("retry-after").is_some(), "{route}: {message}");
        }
    }
    assert_eq!(world.app.users().await, 0);
}

#[tokio::test]
async fn unreadable_answer_is_our_outage() {
    let world = World::start().await;
    world.google_will(
        json!({"fail": {"accounts.signInWithPassword": {"status": 200, "message": "EMAIL_EXISTS"}}}),
    );
    let answer = world.log_in("ann@example.org", PASSWORD).await;
    assert_eq!((answer.status, answer.code()), (503, "FIREBASE_UNAVAILABLE"));
}
