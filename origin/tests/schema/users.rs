//! The rows that `auth.users` accepts and refuses.

use crate::support::TestDatabase;

/// (auth_provider, firebase_uid, password_hash, email) as SQL, and the constraint that refuses the row, if any.
const ROWS: &[(&str, &str, &str, &str, Option<&str>)] = &[
    ("'local'", "NULL", "'h'", "'a@x.test'", None),
    ("'firebase'", "'u'", "NULL", "'b@x.test'", None),
    ("'hybrid'", "'user_42'", "'h'", "'c@x.test'", None),
    // phone and anonymous accounts, more than one of them
    ("'firebase'", "'phone-1'", "NULL", "NULL", None),
    ("'firebase'", "'phone-2'", "NULL", "NULL", None),
    ("'firebase'", "repeat('é', 128)", "NULL", "NULL", None),
    // provider and credentials that contradict each other
    (
        "'local'",
        "NULL",
        "NULL",
        "'d@x.test'",
        Some("users_credentials_check"),
    ),
    (
        "'local'",
        "'linked'",
        "'h'",
        "'d@x.test'",
        Some("users_credentials_check"),
    ),
    (
        "'firebase'",
        "NULL",
        "NULL",
        "'d@x.test'",
        Some("users_credentials_check"),
    ),
    (
        "'firebase'",
        "'with-hash'",
        "'h'",
        "'d@x.test'",
        Some("users_credentials_check"),
    ),
    (
        "'hybrid'",
        "NULL",
        "'h'",
        "'d@x.test'",
        Some("users_credentials_check"),
    ),
    (
        "'hybrid'",
        "'no-hash'",
        "NULL",
        "'d@x.test'",
        Some("users_credentials_check"),
    ),
    ("'local'", "NULL", "'h'", "NULL", Some("users_identified_check")),
    (
        "'google'",
        "'g'",
        "NULL",
        "'d@x.test'",
        Some("users_auth_provider_check"),
    ),
    ("NULL", "NULL", "NULL", "'d@x.test'", Some("auth_provider")),
    // identifiers
    (
        "'firebase'",
        "''",
        "NULL",
        "'d@x.test'",
        Some("users_firebase_uid_check"),
    ),
    (
        "'firebase'",
        "repeat('x', 129)",
        "NULL",
        "'d@x.test'",
        Some("users_firebase_uid_check"),
    ),
    (
        "'firebase'",
        "'u'",
        "NULL",
        "'d@x.test'",
        Some("users_firebase_account_key"),
    ),
    (
        "'local'",
        "NULL",
        "'h'",
        "'A@X.test'",
        Some("users_email_lower_key"),
    ),
    ("'local'", "NULL", "'h'", "'a@x.test'", Some("users_email_key")),
];

#[tokio::test]
async fn provider_uid_hash_and_address_agree_in_every_row() {
    let database = TestDatabase::current().await;
    for (provider, uid, hash, email, refused_by) in ROWS {
        let insert = format!(
            "INSERT INTO auth.users (auth_provider, firebase_uid, password_hash, email) VALUES ({provider}, {uid}, {hash}, {email})"
        );
        let refusal = database.refusal(&insert).await;
        let constraint = refusal.as_ref().map(|(code, constraint)| match code.as_str() {
            // A NOT NULL violation names the column instead of a constraint.
            "23502" => "auth_provider",
            _ => constraint.as_deref().unwrap_or("unnamed"),
        });
        match refused_by {
            // Two indexes refuse a repeated address in the same case; either may check first.
            Some("users_email_key") => assert!(
                constraint.is_some_and(|name| name.starts_with("users_email_")),
                "{insert}"
            ),
            _ => assert_eq!(constraint, *refused_by, "{insert}"),
        }
    }
}

#[tokio::test]
async fn other_columns_keep_their_bounds() {
    let database = TestDatabase::current().await;
    database.legacy_user("a@x.test", 0).await;
    for (assignment, refused_by) in [
        ("federation_status = 'syncing'", None),
        (
            "federation_status = 'unknown'",
            Some("users_federation_status_check"),
        ),
        ("provider_data = '{\"provider\": \"google.com\"}'", None),
        ("provider_data = '[]'", Some("users_provider_data_check")),
        ("display_name = repeat('x', 256)", None),
        (
            "display_name = repeat('x', 257)",
            Some("users_display_name_check"),
        ),
        ("photo_url = repeat('x', 2049)", Some("users_photo_url_check")),
        ("token_balance = -1", Some("users_token_balance_check")),
        ("user_type = 'owner'", Some("users_user_type_check")),
    ] {
        let refusal = database
            .refusal(&format!("UPDATE auth.users SET {assignment}"))
            .await;
        assert_eq!(
            refusal.and_then(|(_, constraint)| constraint).as_deref(),
            refused_by,
            "{assignment}"
        );
    }
}

#[tokio::test]
async fn users_may_share_a_display_name() {
    let database = TestDatabase::current().await;
    database.execute("INSERT INTO auth.users (auth_provider, firebase_uid, display_name) SELECT 'firebase', 'uid-' || n, 'Jo Smith' FROM generate_series(1, 3) AS n").await;
    let count: i64 = database
        .value("SELECT count(*) FROM auth.users WHERE display_name = 'Jo Smith'")
        .await;
    assert_eq!(count, 3);
}

#[tokio::test]
async fn earlier_versions_hash_in_a_proven_row_is_set_aside_once() {
    let database = TestDatabase::current().await;
    database.down(29).await.unwrap();
    let own = "00000000-0000-7000-8000-00000000000";
    let noted = r#"{"password": {"digest": "unknown", "at": 1}}"#;
    for (number, provider, uid, proven, data, stays) in [
        // Linked by a proof of the address; made here, and proven since.
        (1, "hybrid", "'google-1'", true, "{}", false),
        (3, "hybrid", "id::text", true, "{}", false),
        // With an unproven address; linked by a later version, or confirmed by its owner.
        (2, "hybrid", "'google-2'", false, "{}", true),
        (4, "hybrid", "id::text", false, "{}", true),
        (5, "hybrid", "id::text", true, noted, true),
        (6, "hybrid", "'google-6'", true, noted, true),
        (7, "local", "NULL", false, "{}", true),
    ] {
        database
            .execute(&format!(
                "INSERT INTO auth.users (id, email, password_hash, auth_provider, firebase_uid, email_verified, provider_data, display_name) \
                 SELECT id, '{number}@x.test', 'h', '{provider}', {uid}, {proven}, '{data}', '{stays}' \
                 FROM (SELECT '{own}{number}'::uuid AS id) AS one"
            ))
            .await;
    }
    for _ in 0..2 {
        database.up().await.unwrap();
        let wrong = "SELECT email FROM auth.users WHERE display_name::boolean <> (password_hash IS NOT NULL) \
                        OR display_name::boolean <> (valid_since IS NULL) OR NOT display_name::boolean AND auth_provider <> 'firebase'";
        assert_eq!(database.rows(wrong).await, Vec::<String>::new());
        let kept: i64 = database
            .value("SELECT count(*) FROM auth.set_aside_hashes WHERE reason = 'address_proven' AND password_hash = 'h'")
            .await;
        let noted: i64 = database
            .value("SELECT count(*) FROM auth.auth_events WHERE kind = 'ownership.changed' AND details ->> 'by' = 'migration'")
            .await;
        assert_eq!((kept, noted), (2, 2));
        database.down(29).await.unwrap();
    }
}
