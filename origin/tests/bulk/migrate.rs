//! `origin users migrate`: which users it imports, and its report.

use serde_json::json;
use shared::ids::NormalizedEmail;
use shared::rollout::{Bucket, Percentage, RolloutKey};

use crate::support::{Drill, PASSWORD};

#[tokio::test]
async fn users_move_with_their_passwords() {
    let drill = Drill::start().await;
    drill.fill(120).await;
    let ended = drill.users(&["migrate", "--json"]).await;
    let outcome = ended.expect(0).json();
    assert_eq!(outcome["preflight"]["importable"], 120);
    assert_eq!(outcome["report"]["imported"], 120, "{outcome}");
    assert_eq!(outcome["waiting"], 0);
    assert_eq!(drill.linked().await, 120);

    let accounts = drill.toolkit.accounts();
    assert_eq!(accounts.len(), 120);
    for account in &accounts {
        assert_eq!(account["emailVerified"], false, "nobody has verified {account}");
    }
    for n in [1, 60, 120] {
        let email = format!("person{n}@example.org");
        assert!(drill.signs_in(&email, PASSWORD).await);
        assert!(!drill.signs_in(&email, "another-horse-2").await);
    }
    let events: i64 = drill
        .database
        .value("SELECT count(*) FROM auth.auth_events WHERE kind = 'user.migrated' AND actor = 'cli:tester'")
        .await;
    assert_eq!(events, 120);

    // A second run finds nothing to do.
    let again = drill.users(&["migrate", "--json"]).await.expect(0).json();
    assert_eq!(
        (&again["report"]["imported"], &again["preflight"]["importable"]),
        (&json!(0), &json!(0))
    );
    assert_eq!(drill.toolkit.accounts().len(), 120);
}

#[tokio::test]
async fn too_costly_hash_is_named_and_not_imported() {
    let drill = Drill::start().await;
    drill.fill(1).await;
    let digest = "N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy";
    drill
        .database
        .execute(&format!(
            "INSERT INTO auth.users (email, password_hash) VALUES ('slow@example.org', '$2b$31${digest}')"
        ))
        .await
        .unwrap();
    let id: uuid::Uuid = drill
        .database
        .value("SELECT id FROM auth.users WHERE email = 'slow@example.org'")
        .await;
    let looked = drill.users(&["migrate", "--dry-run"]).await.expect(0);
    assert!(
        looked
            .stdout
            .contains(&format!("hash too costly (BCRYPT_MAX_COST): {id}")),
        "{}",
        looked.stdout
    );
    let outcome = drill.users(&["migrate", "--json"]).await.expect(0).json();
    assert_eq!(outcome["preflight"]["obstacles"], json!({"HASH_TOO_COSTLY": 1}));
    assert_eq!(outcome["preflight"]["too_costly"], json!([id.to_string()]));
    assert_eq!(drill.linked().await, 1);
}

#[tokio::test]
async fn unimportable_users_are_named_and_unchanged() {
    let drill = Drill::start().await;
    drill.fill(3).await;
    drill
        .database
        .execute(
            "INSERT INTO auth.users (email, username, password_hash, is_active, user_type) VALUES \
             ('deleted_1760000000_gone@example.org', 'gone', repeat('x', 60), false, 'user'), \
             ('reset@example.org', 'reset', '!', true, 'user'), \
             ('nonsense', 'nonsense', (SELECT password_hash FROM auth.users LIMIT 1), true, 'user'), \
             ('boss@example.org', 'boss', (SELECT password_hash FROM auth.users LIMIT 1), true, 'superadmin'), \
             ('out@example.org', 'out', (SELECT password_hash FROM auth.users LIMIT 1), false, 'user')",
        )
        .await
        .unwrap();
    let looked = drill
        .users(&["migrate", "--dry-run", "--json"])
        .await
        .expect(0)
        .json();
    let preflight = &looked["preflight"];
    assert_eq!(preflight["importable"], 5);
    assert_eq!(
        (&preflight["privileged"], &preflight["disabled"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(
        preflight["obstacles"],
        json!({"DELETED": 1, "INVALID_EMAIL": 1, "NO_BCRYPT_HASH": 1})
    );
    assert_eq!(preflight["hash_kinds"], json!({"bcrypt $2b$": 6, "other": 2}));
    let queued: i64 = drill
        .database
        .value("SELECT count(*) FROM auth.user_migrations")
        .await;
    assert_eq!(
        (queued, drill.toolkit.accounts().len()),
        (0, 0),
        "a dry run changed something"
    );

    let text = drill.users(&["migrate"]).await;
    assert_eq!(text.code, 0, "{}", text.stderr);
    for line in ["not importable, DELETED", "imported and linked"] {
        assert!(text.stdout.contains(line), "{}", text.stdout);
    }
    assert!(text.stderr.contains("5 of 5 (100 %)"), "{}", text.stderr);
    assert_eq!(drill.linked().await, 5);
    let disabled: Vec<String> = drill
        .toolkit
        .accounts()
        .iter()
        .filter(|account| account["disabled"] == true)
        .map(|account| account["email"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(disabled, ["out@example.org"]);
    let results: Vec<String> = drill
        .database
        .value("SELECT array_agg(result ORDER BY result) FROM auth.user_migrations WHERE state = 'skipped'")
        .await;
    assert_eq!(results, ["DELETED", "INVALID_EMAIL", "NO_BCRYPT_HASH"]);
}

#[tokio::test]
async fn share_selects_the_edges_users() {
    let drill = Drill::start().await;
    drill.fill(200).await;
    let share = Percentage::parse("12.5").unwrap();
    let expected: Vec<String> = (1..=200)
        .map(|n| format!("person{n}@example.org"))
        .filter(|email| {
            let email = NormalizedEmail::parse(email).unwrap();
            Bucket::of("auth-v2", RolloutKey::Email(&email)).is_within(share)
        })
        .collect();
    let count = i64::try_from(expected.len()).unwrap();
    assert!((5..60).contains(&count), "{count}");

    let some = drill
        .users(&["migrate", "--cohort", "12.5", "--limit", "2", "--json"])
        .await;
    assert_eq!(some.expect(0).json()["waiting"], count - 2);
    assert_eq!(drill.linked().await, 2);
    let rest = drill
        .users(&["migrate", "--cohort", "12.5", "--resume", "--json"])
        .await;
    assert_eq!(rest.expect(0).json()["report"]["imported"], count - 2);
    let moved: Vec<String> = drill
        .database
        .value("SELECT array_agg(lower(email) ORDER BY substr(username, 7)::integer) FROM auth.users WHERE firebase_uid IS NOT NULL")
        .await;
    assert_eq!(moved, expected);
}

#[tokio::test]
async fn taken_address_is_never_doubled() {
    let drill = Drill::start().await;
    drill.fill(4).await;
    let firebase = firebase(&drill);
    let taken = NormalizedEmail::parse("person2@example.org").unwrap();
    firebase.sign_up(&taken, "somebody-else-1", None).await.unwrap();
    let outcome = drill.users(&["migrate", "--json"]).await.expect(2).json();
    assert_eq!(outcome["preflight"]["address_taken"], 1);
    assert_eq!(outcome["report"]["failed"], json!({"EMAIL_EXISTS": 1}));
    assert_eq!(outcome["report"]["imported"], 3);
    assert_eq!(drill.toolkit.accounts().len(), 4);
    let result: String = drill
        .database
        .value("SELECT m.state || ' ' || m.result FROM auth.user_migrations m JOIN auth.users u ON u.id = m.user_id WHERE u.username = 'person2'")
        .await;
    assert_eq!(result, "failed EMAIL_EXISTS");
}

#[tokio::test]
async fn outages_quotas_and_lost_answers_only_delay_the_import() {
    let drill = Drill::start().await;
    drill.fill(30).await;
    drill.change(json!({
        "fail": {
            "projects.accounts.lookup": {"status": 429, "message": "QUOTA_EXCEEDED : slow down", "times": 1},
            "projects.accounts.batchCreate": {"status": 503, "message": "UNAVAILABLE", "times": 1},
        },
        "lose": {"projects.accounts.batchCreate": 1},
    }));
    let outcome = drill.users(&["migrate", "--json"]).await.expect(0).json();
    assert_eq!(outcome["report"]["imported"], 30, "{outcome}");
    assert_eq!((drill.linked().await, drill.toolkit.accounts().len()), (30, 30));
    assert_eq!(drill.toolkit.calls("projects.accounts.batchCreate"), 3);
}

#[tokio::test]
async fn lasting_refusal_stops_a_run_that_can_be_resumed() {
    let drill = Drill::start().await;
    drill.fill(5).await;
    let refusal = json!({"status": 403, "message": "PERMISSION_DENIED : ask person1@example.org"});
    drill.change(json!({"fail": {"projects.accounts.batchCreate": refusal}}));
    let ended = drill.users(&["migrate", "--json"]).await.expect(1);
    let stopped = ended.json();
    assert_eq!(
        stopped["stopped"],
        "Firebase does not accept our credentials: 403 PERMISSION_DENIED"
    );
    assert!(
        ended.stderr.contains("origin users migrate --resume"),
        "{}",
        ended.stderr
    );
    // No user is left with a lease: the next run need not wait.
    let free: i64 = drill
        .database
        .value("SELECT count(*) FROM auth.user_migrations WHERE state = 'pending' AND leased_by IS NULL")
        .await;
    assert_eq!(free, 5);
    drill.change(json!({"fail": {"projects.accounts.batchCreate": null}}));
    let resumed = drill
        .users(&["migrate", "--resume", "--json"])
        .await
        .expect(0)
        .json();
    assert_eq!(resumed["report"]["imported"], 5);
}

/// The origin's own client, for users' actions at Firebase.
pub fn firebase(drill: &Drill) -> firebase::Firebase {
    use std::collections::BTreeMap;
    let table: BTreeMap<String, String> = drill
        .toolkit
        .variables()
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .chain([
            ("ENVIRONMENT".to_owned(), "development".to_owned()),
            ("DATABASE_URL".to_owned(), drill.database.url().to_owned()),
        ])
        .collect();
    let config = origin::config::BulkConfig::read(&table).unwrap();
    firebase::Firebase::new(&config.firebase, origin::clock::now).unwrap()
}
