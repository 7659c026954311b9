//! The audit trail: append-only, and without secrets.

use crate::support::TestDatabase;

#[tokio::test]
async fn events_are_neither_changed_nor_deleted() {
    let database = TestDatabase::current().await;
    database.execute("INSERT INTO auth.auth_events (kind, actor, source_ip, request_id) VALUES ('user.created', 'origin', '203.0.113.7', 'r-1')").await;
    for forbidden in [
        "UPDATE auth.auth_events SET actor = 'nobody'",
        "DELETE FROM auth.auth_events",
        "DELETE FROM auth.auth_events WHERE false",
        "TRUNCATE auth.auth_events",
    ] {
        assert_eq!(
            database.refusal(forbidden).await.map(|(code, _)| code),
            Some("23001".to_owned()),
            "{forbidden}"
        );
    }
    let count: i64 = database.value("SELECT count(*) FROM auth.auth_events").await;
    assert_eq!(count, 1);
}

#[tokio::test]
async fn details_accept_facts_and_refuse_secrets() {
    let database = TestDatabase::current().await;
    let insert = |details: &str| {
        format!(
            "INSERT INTO auth.auth_events (kind, actor, details) VALUES ('user.linked', 'origin', '{details}')"
        )
    };

    assert_eq!(database.refusal(&insert(r#"{"provider": "hybrid"}"#)).await, None);
    for (details, constraint) in [
        (r#"{"password": "x"}"#.to_owned(), "auth_events_secret_check"),
        (r#"{"idToken": "x"}"#.to_owned(), "auth_events_secret_check"),
        (r#"{"email": "x"}"#.to_owned(), "auth_events_secret_check"),
        (r#"["a"]"#.to_owned(), "auth_events_details_check"),
        (
            format!(r#"{{"long": "{}"}}"#, "x".repeat(9000)),
            "auth_events_details_check",
        ),
    ] {
        assert_eq!(
            database.refusal(&insert(&details)).await,
            Some(("23514".to_owned(), Some(constraint.to_owned()))),
            "{details:.40}"
        );
    }
}
