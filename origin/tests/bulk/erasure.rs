//! `origin users export` and `erase`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::Drill;

const SECRET: &str = "A Very Own Name";

/// A user with data in every table: moved to Firebase, or known to the legacy service alone.
async fn user(drill: &Drill, moved: bool) -> String {
    drill.fill(1).await;
    if moved {
        drill.users(&["migrate"]).await.expect(0);
    }
    let id: uuid::Uuid = drill.database.value("SELECT id FROM auth.users").await;
    for statement in [
        format!(
            "UPDATE auth.users SET token_balance = 7, display_name = '{SECRET}', photo_url = 'https://p.example/{SECRET}', \
             provider_data = provider_data || '{{\"name\": \"{SECRET}\"}}', user_type = 'moderator', last_login = now()"
        ),
        format!("INSERT INTO auth.user_profiles (user_id, full_name) SELECT id, '{SECRET}' FROM auth.users"),
        "INSERT INTO auth.set_aside_hashes (user_id, password_hash, reason) \
         SELECT id, 'x-hash-x', 'second_factor' FROM auth.users"
            .to_owned(),
    ] {
        drill.database.execute(&statement).await.unwrap();
    }
    id.to_string()
}

async fn everything(drill: &Drill) -> String {
    drill
        .database
        .value(
            "SELECT concat((SELECT jsonb_agg(u) FROM auth.users AS u), (SELECT jsonb_agg(p) FROM auth.user_profiles AS p), \
             (SELECT jsonb_agg(m) FROM auth.user_migrations AS m), (SELECT jsonb_agg(h) FROM auth.set_aside_hashes AS h), \
             (SELECT jsonb_agg(e) FROM auth.auth_events AS e), (SELECT jsonb_agg(t) FROM auth.token_transfers AS t))",
        )
        .await
}

#[tokio::test]
async fn copy_has_every_table_that_names_users_and_no_hash() {
    let drill = Drill::start().await;
    let id = user(&drill, true).await;
    let copy = drill.users(&["export", &id]).await.expect(0);
    assert!(
        !copy.stdout.contains("$2b$") && !copy.stdout.contains("x-hash-x"),
        "{}",
        copy.stdout
    );
    let copy: Value = serde_json::from_str(&copy.stdout).unwrap();
    let exported: BTreeSet<String> = copy["auth"].as_object().unwrap().keys().cloned().collect();
    let mut tables: BTreeSet<String> = drill
        .rows(
            "SELECT c.table_name::text FROM information_schema.columns AS c JOIN information_schema.tables AS t \
             USING (table_schema, table_name) \
             WHERE c.table_schema = 'auth' AND c.column_name = 'user_id' AND t.table_type = 'BASE TABLE'",
        )
        .await
        .into_iter()
        .collect();
    tables.insert("users".to_owned());
    assert_eq!(
        exported, tables,
        "origin/crates/users/src/statements/erasure/export.sql"
    );
    assert_eq!(copy["auth"]["users"][0]["display_name"], SECRET);
    assert_eq!(copy["auth"]["users"][0]["has_password_hash"], true);
    assert_eq!(copy["auth"]["user_profiles"][0]["full_name"], SECRET);
    assert_eq!(copy["auth"]["token_transfers"][0]["amount"], 7);
    assert_eq!(copy["firebase_account"]["uid"], id);

    let nobody = uuid::Uuid::new_v4().to_string();
    drill.users(&["export", &nobody]).await.expect(1);
}

#[tokio::test]
async fn erased_user_is_gone_and_the_ledger_stays() {
    for moved in [true, false] {
        let drill = Drill::start().await;
        let id = user(&drill, moved).await;
        drill.users(&["erase", &id]).await.expect(64);
        drill
            .users(&["erase", &id, "--yes"])
            .await
            .expect(0)
            .says(&["Erased"]);
        assert_eq!(drill.toolkit.accounts(), Vec::<Value>::new());
        let kept = everything(&drill).await;
        for gone in [SECRET, "xample.org", "erson1", "$2b$", "x-hash-x"] {
            assert!(!kept.contains(gone), "{gone} is in {kept}");
        }
        let row: String = drill
            .database
            .value("SELECT concat_ws(' ', is_active, user_type, token_balance, valid_since IS NOT NULL) FROM auth.users")
            .await;
        assert_eq!(row, "f user 0 t");
        // Welcome, legacy writes and the end: the ledger still shows every movement.
        assert_eq!(
            drill
                .rows("SELECT kind || ' ' || amount FROM auth.token_transfers ORDER BY version")
                .await
                .last(),
            Some(&"closing 7".to_owned())
        );
        assert_eq!(
            drill
                .rows("SELECT difference::text FROM auth.ledger_differences AS difference")
                .await,
            Vec::<String>::new()
        );
        let event: String = drill
            .database
            .value("SELECT actor || ' ' || details::text FROM auth.auth_events WHERE kind = 'user.erased'")
            .await;
        assert_eq!(event, "cli:tester {}");
        let owed = drill.rows(
            "SELECT user_id::text FROM auth.standing_pushes UNION SELECT user_id::text FROM auth.user_syncs",
        );
        assert_eq!(owed.await, Vec::<String>::new());
        drill
            .users(&["erase", &id, "--yes"])
            .await
            .expect(0)
            .says(&["nothing left"]);
        // The address and the username are free again.
        drill.fill(1).await;
    }
}

#[tokio::test]
async fn interrupted_erasure_is_finished_by_a_repeat() {
    let drill = Drill::start().await;
    let id = user(&drill, true).await;
    drill.change(
        json!({ "fail": { "projects.accounts.delete": { "status": 503, "message": "UNAVAILABLE" } } }),
    );
    drill.users(&["erase", &id, "--yes"]).await.expect(1);
    let row: String = drill
        .database
        .value("SELECT concat_ws(' ', is_active, display_name IS NOT NULL) FROM auth.users")
        .await;
    assert_eq!(row, "f t", "out, and not yet forgotten");
    drill.change(json!({ "fail": { "projects.accounts.delete": null } }));
    // The account is deleted, and the answer is lost.
    drill.change(json!({ "lose": { "projects.accounts.delete": 3 } }));
    drill.users(&["erase", &id, "--yes"]).await.expect(1);
    assert_eq!(drill.toolkit.accounts(), Vec::<Value>::new());
    drill.change(json!({ "lose": { "projects.accounts.delete": 0 } }));
    drill
        .users(&["erase", &id, "--yes"])
        .await
        .expect(0)
        .says(&["Erased"]);
    assert!(!everything(&drill).await.contains(SECRET));
}

#[tokio::test]
async fn account_of_an_interrupted_move_is_deleted_too() {
    let drill = Drill::start().await;
    let id = user(&drill, true).await;
    drill
        .database
        .execute("UPDATE auth.users SET firebase_uid = NULL, auth_provider = 'local'")
        .await
        .unwrap();
    assert_eq!(drill.toolkit.accounts().len(), 1);
    drill.users(&["erase", &id, "--yes"]).await.expect(0);
    assert_eq!(drill.toolkit.accounts(), Vec::<Value>::new());
}
