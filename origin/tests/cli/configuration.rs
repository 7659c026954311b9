//! The program's input: arguments and variables.

use crate::support::origin;

const COMPLETE: [(&str, &str); 4] = [
    ("DATABASE_URL", "postgres://app:hunter2@127.0.0.1:9/app"),
    ("FIREBASE_PROJECT_ID", "demo-cli"),
    (
        "ORIGIN_ASSERTION_KEYS",
        "k1:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc",
    ),
    (
        "INTERNAL_SERVICE_KEYS",
        "archive:archive-key-0123456789-0123456789-ab",
    ),
];

#[tokio::test]
async fn complete_configuration_is_accepted_without_further_variables() {
    // No database is there: only the doctor checks it.
    let fine = origin("check-config", &COMPLETE).await.expect(0);
    assert_eq!(
        (fine.stdout.as_str(), fine.stderr.as_str()),
        ("The configuration is complete.\n", "")
    );
}

#[tokio::test]
async fn every_bad_variable_is_named_with_its_rule_and_without_its_value() {
    let bad = [
        &COMPLETE[..],
        &[
            ("PORT", "hunter2"),
            ("DATABASE_URL", "hunter2://app"),
            ("DB_POOL_MAX", "0"),
            ("LEGACY_JWT_SECRETS", "hunter2"),
            ("LOG_FORMAT", "hunter2"),
            ("FIREBASE_IDENTITY_TOOLKIT_URL", "http://hunter2.example"),
        ],
    ]
    .concat();
    for verb in ["check-config", "doctor", "serve"] {
        let refused = origin(verb, &bad).await.expect(64).complains(&[
            "The configuration is wrong:\n",
            "  PORT ",
            "  DATABASE_URL is not a postgres:// URL\n",
            "  DB_POOL_MAX ",
            "  LEGACY_JWT_SECRETS ",
            "  LOG_FORMAT is neither `json` nor `pretty`\n",
            "  FIREBASE_IDENTITY_TOOLKIT_URL ",
        ]);
        assert!(!refused.stderr.contains("hunter2"), "{}", refused.stderr);
        assert_eq!(refused.stderr.lines().count(), 7, "{}", refused.stderr);
        assert_eq!(refused.stdout, "");
    }
}

#[tokio::test]
async fn verbs_require_only_their_own_variables() {
    origin("migrate status", &[])
        .await
        .expect(64)
        .complains(&["DATABASE_URL is required (or DB_HOST, DB_NAME, DB_USER and DB_PASSWORD)"]);
    origin("assertion-keys archive", &[])
        .await
        .expect(64)
        .complains(&["ORIGIN_ASSERTION_KEYS is required"]);
    let bulk = origin("users migrate", &COMPLETE)
        .await
        .expect(64)
        .complains(&[
            "FIREBASE_CLIENT_EMAIL is required (or GOOGLE_APPLICATION_CREDENTIALS, or FIREBASE_CREDENTIALS=metadata)",
        ]);
    assert_eq!(bulk.stderr.lines().count(), 2, "{}", bulk.stderr);
    origin("openapi", &[])
        .await
        .expect(0)
        .says(&["\"openapi\"", "/v1/auth/verify-token"]);
}

#[tokio::test]
async fn wrong_call_exits_64_and_help_does_not() {
    for (call, reason) in [
        ("", "Usage: origin <COMMAND>"),
        ("serv", "unrecognized subcommand 'serv'"),
        ("migrate", "Usage: origin migrate <COMMAND>"),
        ("migrate up --lock-patience soon", "invalid value 'soon'"),
        ("migrate down --to -1", "unexpected argument '-1'"),
        ("migrate backup", "--output <FILE>"),
        ("users migrate --cohort 101", "invalid value '101'"),
        ("users migrate --dry-run --resume", "cannot be used with"),
        ("users migrate --rate 0", "0 is not in 1..=1000"),
        ("users show 17", "invalid value '17'"),
        ("ledger show", "<USER>"),
    ] {
        // Clap's own 2 would mean "done, but not for all users" or "the ledger has differences".
        let refused = origin(call, &COMPLETE).await.expect(64).complains(&[reason]);
        assert_eq!(refused.stdout, "", "{call}");
    }
    for asked in ["--help", "migrate --help", "help users", "users migrate --help"] {
        let help = origin(asked, &[]).await.expect(0).says(&["Usage: origin"]);
        assert_eq!(help.stderr, "", "{asked}");
    }
    origin("--version", &[]).await.expect(0).says(&["origin "]);
}
