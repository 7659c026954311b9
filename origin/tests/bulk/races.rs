//! Runs that are killed or run twice at once, and users who sign in, change their passwords or leave in between.

use serde_json::json;
use shared::ids::NormalizedEmail;

use crate::ended::end;
use crate::migrate::firebase;
use crate::support::{Drill, PASSWORD};

/// Kills a run as soon as it has moved a user, twenty times over: no user is lost and none is doubled.
#[tokio::test]
async fn run_killed_at_any_moment_resumes() {
    let drill = Drill::start().await;
    drill.fill(2500).await;
    let looked = drill
        .users(&["migrate", "--limit", "0", "--json"])
        .await
        .expect(0)
        .json();
    assert_eq!(looked["waiting"], 2500);
    for round in 0..20_u64 {
        // Slow enough to show its leases before it ends.
        let mut child = drill.spawn(&["migrate", "--resume", "--json", "--rate", "10", "--limit", "100"]);
        // Another moment each time: claim, look-up, import or link.
        drill
            .until("SELECT EXISTS (SELECT FROM auth.user_migrations WHERE lease_until > now() AND leased_by LIKE 'bulk:%')")
            .await;
        for _ in 0..round {
            let _a_moment: i64 = drill.database.value("SELECT count(*) FROM auth.users").await;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        drill.leases_run_out().await;
    }
    let moved = drill.linked().await;
    let rest = drill
        .users(&["migrate", "--resume", "--json", "--rate", "1000"])
        .await
        .expect(0)
        .json();
    assert_eq!(
        rest["report"]["imported"].as_i64().unwrap() + rest["report"]["found"].as_i64().unwrap() + moved,
        2500
    );
    assert_eq!(
        (drill.linked().await, drill.toolkit.accounts().len()),
        (2500, 2500)
    );
    let events: i64 = drill
        .database
        .value("SELECT count(DISTINCT user_id) FROM auth.auth_events WHERE kind = 'user.migrated'")
        .await;
    let all: i64 = drill
        .database
        .value("SELECT count(*) FROM auth.auth_events")
        .await;
    assert_eq!((events, all), (2500, 2500), "somebody was moved twice");
    assert!(drill.signs_in("person2500@example.org", PASSWORD).await);
}

/// Killed during its preflight: before it has written anything, and with a part of the users queued.
#[tokio::test]
async fn run_killed_in_its_preflight_resumes_it() {
    let drill = Drill::start().await;
    drill.fill(5_600).await;
    // Slow enough to be caught: two and a half seconds for the first page of five thousand, half a second for the second.
    drill.change(json!({"latency_ms": 300}));
    for looked in ["false", "true"] {
        let mut child = drill.spawn(&["migrate", "--resume", "--json", "--rate", "20"]);
        drill
            .until(&format!(
                "SELECT EXISTS (SELECT FROM auth.migration_looks WHERE finished_at IS NULL AND (looked_to IS NOT NULL) = {looked})"
            ))
            .await;
        child.kill().unwrap();
        child.wait().unwrap();
        let queued: i64 = drill
            .database
            .value("SELECT count(*) FROM auth.user_migrations")
            .await;
        assert_eq!(queued, if looked == "true" { 5_000 } else { 0 });
    }
    drill.change(json!({"latency_ms": 0}));
    let outcome = drill
        .users(&["migrate", "--resume", "--json", "--rate", "1000"])
        .await
        .expect(0)
        .json();
    let preflight = &outcome["preflight"];
    assert_eq!(
        (&preflight["is_rest"], &preflight["importable"]),
        (&json!(true), &json!(600))
    );
    assert_eq!(outcome["report"]["imported"], 5_600);
    assert_eq!(
        (drill.linked().await, drill.toolkit.accounts().len()),
        (5_600, 5_600)
    );
    // The preflight has no users left.
    let again = drill
        .users(&["migrate", "--resume", "--json"])
        .await
        .expect(0)
        .json();
    assert_eq!(
        (&again["preflight"], &again["report"]["imported"]),
        (&json!(null), &json!(0))
    );
}

#[tokio::test]
async fn resume_without_a_share_uses_the_previous_share() {
    let drill = Drill::start().await;
    drill.fill(200).await;
    let first = drill
        .users(&["migrate", "--cohort", "12.5", "--limit", "2", "--json"])
        .await
        .expect(0)
        .json();
    let left = first["waiting"].as_i64().unwrap();
    assert!(left > 0);
    let rest = drill
        .users(&["migrate", "--resume", "--json"])
        .await
        .expect(0)
        .json();
    assert_eq!(
        (&rest["cohort"], &rest["report"]["imported"]),
        (&json!("12.50"), &json!(left))
    );
    // Another share has had no preflight yet.
    let more = drill
        .users(&["migrate", "--resume", "--cohort", "100", "--json"])
        .await
        .expect(0)
        .json();
    assert_eq!(more["report"]["imported"], 200 - 2 - left);
}

#[tokio::test]
async fn user_deactivated_during_import_is_disabled_at_firebase() {
    let drill = Drill::start().await;
    drill.fill(1).await;
    drill.change(json!({"latency_ms": 700}));
    let running = tokio::spawn(end(drill.spawn(&["migrate", "--json"])));
    drill.import_begins(&running).await;
    drill
        .database
        .execute("UPDATE auth.users SET is_active = false")
        .await
        .unwrap();
    drill.change(json!({"latency_ms": 0}));
    let outcome = running.await.unwrap().expect(0).json();
    assert_eq!(outcome["report"]["retried"], 1, "{outcome}");
    assert_eq!(drill.linked().await, 1);
    assert_eq!(drill.toolkit.accounts()[0]["disabled"], true);
    assert!(!drill.signs_in("person1@example.org", PASSWORD).await);
}

#[tokio::test]
async fn concurrent_runs_share_the_work() {
    let drill = Drill::start().await;
    drill.fill(3500).await;
    drill.change(json!({"latency_ms": 20}));
    let runs: Vec<_> = (0..3)
        .map(|_| tokio::spawn(end(drill.spawn(&["migrate", "--json", "--rate", "1000"]))))
        .collect();
    let (mut imported, mut busy) = (0, 0);
    for run in runs {
        let outcome = run.await.unwrap().expect(0).json();
        assert_eq!(
            (&outcome["report"]["failed"], &outcome["waiting"]),
            (&json!({}), &json!(0))
        );
        let count = outcome["report"]["imported"].as_i64().unwrap();
        imported += count;
        busy += i64::from(count > 0);
    }
    assert_eq!(imported, 3500);
    assert!(busy > 1, "one did everything");
    assert_eq!(
        (drill.linked().await, drill.toolkit.accounts().len()),
        (3500, 3500)
    );
}

#[tokio::test]
async fn account_in_use_is_linked_and_not_replaced() {
    let drill = Drill::start().await;
    drill.fill(2).await;
    drill.users(&["migrate", "--json"]).await.expect(0).json();
    // The state after a run died between the import and the link, and the user signed in and chose a new password.
    drill
        .database
        .execute("UPDATE auth.users SET firebase_uid = NULL, auth_provider = 'local'")
        .await
        .unwrap();
    assert!(drill.signs_in("person1@example.org", PASSWORD).await);
    let uid: String = drill
        .database
        .value("SELECT id::text FROM auth.users WHERE username = 'person1'")
        .await;
    firebase(&drill)
        .set_password(&uid, "a-new-horse-2")
        .await
        .unwrap();

    let outcome = drill.users(&["migrate", "--json"]).await.expect(0).json();
    let report = &outcome["report"];
    assert_eq!(
        (&report["found"], &report["imported"]),
        (&json!(1), &json!(1)),
        "{outcome}"
    );
    assert!(drill.signs_in("person1@example.org", "a-new-horse-2").await);
    assert!(!drill.signs_in("person1@example.org", PASSWORD).await);
    assert!(drill.signs_in("person2@example.org", PASSWORD).await);
    assert_eq!(drill.linked().await, 2);
}

#[tokio::test]
async fn password_changed_during_import_is_the_one_that_moves() {
    let drill = Drill::start().await;
    drill.fill(1).await;
    drill.change(json!({"latency_ms": 700}));
    let child = drill.spawn(&["migrate", "--json"]);
    let running = tokio::spawn(end(child));
    drill.import_begins(&running).await;
    // The import with the old hash is running.
    let hash = bcrypt::hash("a-new-horse-2", 4).unwrap();
    drill
        .database
        .execute(&format!("UPDATE auth.users SET password_hash = '{hash}'"))
        .await
        .unwrap();
    drill.change(json!({"latency_ms": 0}));
    let outcome = running.await.unwrap().expect(0).json();
    assert_eq!(outcome["report"]["retried"], 1, "{outcome}");
    assert_eq!(outcome["report"]["imported"], 1);
    assert!(drill.signs_in("person1@example.org", "a-new-horse-2").await);
    assert!(!drill.signs_in("person1@example.org", PASSWORD).await);
}

#[tokio::test]
async fn account_closed_during_import_is_deleted_at_firebase() {
    let drill = Drill::start().await;
    drill.fill(1).await;
    drill.change(json!({"latency_ms": 700}));
    let running = tokio::spawn(end(drill.spawn(&["migrate", "--json"])));
    drill.import_begins(&running).await;
    drill
        .database
        .execute("UPDATE auth.users SET email = 'deleted_1760000000_' || email, is_active = false")
        .await
        .unwrap();
    drill.change(json!({"latency_ms": 0}));
    let outcome = running.await.unwrap().expect(0).json();
    assert_eq!(outcome["report"]["skipped"], json!({"DELETED": 1}), "{outcome}");
    assert_eq!((drill.linked().await, drill.toolkit.accounts().len()), (0, 0));
}

#[tokio::test]
async fn account_of_a_user_erased_during_import_is_not_left() {
    let drill = Drill::start().await;
    drill.fill(1).await;
    let id: uuid::Uuid = drill.database.value("SELECT id FROM auth.users").await;
    drill.change(json!({"latency_ms": 700}));
    let running = tokio::spawn(end(drill.spawn(&["migrate", "--json"])));
    drill.import_begins(&running).await;
    drill.change(json!({"latency_ms": 0}));
    drill
        .users(&["erase", &id.to_string(), "--yes"])
        .await
        .expect(0)
        .says(&["Erased"]);
    running.await.unwrap().expect(0);
    assert_eq!(drill.toolkit.accounts(), Vec::<serde_json::Value>::new());
    let left: Option<String> = drill
        .database
        .value("SELECT coalesce(email, password_hash) FROM auth.users")
        .await;
    assert_eq!(left, None);
}

#[tokio::test]
async fn sign_in_keeps_the_import_away() {
    let drill = Drill::start().await;
    drill.fill(2).await;
    drill
        .users(&["migrate", "--limit", "0", "--json"])
        .await
        .expect(0)
        .json();
    // A sign-in moves a user: the account is made, and the link comes a moment later.
    let id: uuid::Uuid = drill
        .database
        .value("SELECT id FROM auth.users WHERE username = 'person1'")
        .await;
    let held = |connection: sqlx::pool::PoolConnection<sqlx::Postgres>| async move {
        let mut connection = connection;
        users::statements::lease::hold(&mut connection, shared::ids::UserId(id), "sign-in:test", 30).await
    };
    assert!(held(drill.database.pool.acquire().await.unwrap()).await.unwrap());
    let running = tokio::spawn(end(drill.spawn(&["migrate", "--resume", "--json"])));
    drill
        .until("SELECT count(*) = 1 FROM auth.users WHERE firebase_uid IS NOT NULL")
        .await;
    let email = NormalizedEmail::parse("person1@example.org").unwrap();
    firebase(&drill)
        .create_account(&firebase::NewAccount {
            uid: &id.to_string(),
            email: &email,
            email_verified: false,
            password: Some("typed-at-sign-in-1"),
            display_name: None,
            photo_url: None,
        })
        .await
        .unwrap();
    drill
        .database
        .execute(&format!(
            "UPDATE auth.users SET firebase_uid = id::text, auth_provider = 'hybrid' WHERE id = '{id}'; \
             UPDATE auth.user_migrations SET lease_until = now() - interval '1 second' WHERE user_id = '{id}'"
        ))
        .await
        .unwrap();
    let outcome = running.await.unwrap().expect(0).json();
    let report = &outcome["report"];
    assert_eq!(
        (&report["imported"], &report["moved_elsewhere"]),
        (&json!(1), &json!(1)),
        "{outcome}"
    );
    assert!(drill.signs_in("person1@example.org", "typed-at-sign-in-1").await);
    // The reverse: a sign-in cannot take a user whom the user import holds.
    drill
        .database
        .execute("UPDATE auth.user_migrations SET leased_by = 'bulk:x', lease_until = now() + interval '30 seconds'")
        .await
        .unwrap();
    assert!(!held(drill.database.pool.acquire().await.unwrap()).await.unwrap());
}
