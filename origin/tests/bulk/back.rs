//! `origin users verify` and `origin users unlink`: the comparison of both sides, and the way back.

use serde_json::json;
use shared::ids::NormalizedEmail;

use crate::migrate::firebase;
use crate::support::{Drill, PASSWORD};

#[tokio::test]
async fn sides_agree_after_an_import_and_differences_are_named() {
    let drill = Drill::start().await;
    drill.fill(6).await;
    drill.users(&["migrate", "--json"]).await.expect(0).json();
    let agreed = drill.users(&["verify", "--json"]).await.expect(0).json();
    assert_eq!(
        (
            &agreed["agrees"],
            &agreed["comparison"]["linked"],
            &agreed["comparison"]["accounts"]
        ),
        (&json!(true), &json!(6), &json!(6))
    );

    let firebase = firebase(&drill);
    let uid = |n: u32| {
        let database = &drill.database;
        async move {
            let sql = format!("SELECT id::text FROM auth.users WHERE username = 'person{n}'");
            database.value::<String>(&sql).await
        }
    };
    firebase.delete_account(&uid(1).await).await.unwrap();
    firebase
        .set_standing(&uid(2).await, Some(true), None)
        .await
        .unwrap();
    drill
        .database
        .execute(
            "UPDATE auth.users SET is_active = false WHERE username = 'person3'; \
             UPDATE auth.users SET email = 'moved@example.org' WHERE username = 'person4'",
        )
        .await
        .unwrap();
    let stranger = NormalizedEmail::parse("stranger@example.org").unwrap();
    let stranger = firebase.sign_up(&stranger, "stranger-1", None).await.unwrap();
    // An import without a look-up does this.
    let double = [firebase::AccountToImport {
        uid: "double".to_owned(),
        email: "person5@example.org".to_owned(),
        email_verified: false,
        display_name: None,
        disabled: false,
        bcrypt_hash: bcrypt::hash(PASSWORD, 4).unwrap(),
    }];
    drill.import_unchecked(&double).await;

    let differs = drill.users(&["verify", "--json"]).await.expect(2).json();
    let uids = &differs["comparison"]["uids"];
    assert_eq!(uids["missing_account"], json!([uid(1).await]));
    assert_eq!(uids["disabled_account"], json!([uid(2).await]));
    assert_eq!(uids["enabled_account"], json!([uid(3).await]));
    assert_eq!(uids["email"], json!([uid(4).await]));
    let mut doubled = vec![uid(5).await, "double".to_owned()];
    doubled.sort();
    assert_eq!(uids["doubled_email"], json!(doubled));
    let mut without_row = vec![stranger.uid, "double".to_owned()];
    without_row.sort();
    assert_eq!(uids["missing_row"], json!(without_row));
    let text = drill.users(&["verify"]).await;
    assert!(text.stdout.contains("The sides differ."), "{}", text.stdout);
    assert!(
        !text.stdout.contains('@'),
        "an address was shown: {}",
        text.stdout
    );
}

#[tokio::test]
async fn unlinked_users_are_as_before_and_can_be_migrated_again() {
    let drill = Drill::start().await;
    drill.fill(70).await;
    let before: Vec<String> = drill.rows(USER).await;
    drill.users(&["migrate", "--json"]).await.expect(0).json();

    let looked = drill
        .users(&["unlink", "--all-migrated", "--dry-run", "--json"])
        .await
        .expect(0)
        .json();
    assert_eq!((&looked["found"], &looked["unlinked"]), (&json!(70), &json!(0)));
    assert_eq!(drill.linked().await, 70);

    let done = drill
        .users(&["unlink", "--all-migrated", "--json", "--rate", "1000"])
        .await
        .expect(0)
        .json();
    assert_eq!((&done["unlinked"], &done["deleted"]), (&json!(70), &json!(70)));
    assert_eq!((drill.linked().await, drill.toolkit.accounts().len()), (0, 0));
    assert_eq!(
        drill.rows(USER).await,
        before,
        "the legacy service sees somebody else"
    );
    let voided: bool = drill
        .database
        .value("SELECT bool_and(valid_since > now() - interval '1 minute') FROM auth.users")
        .await;
    assert!(voided, "a token of a deleted account could link again");

    let again = drill.users(&["migrate", "--json"]).await.expect(0).json();
    assert_eq!(again["report"]["imported"], 70);
    assert!(drill.signs_in("person70@example.org", PASSWORD).await);
}

#[tokio::test]
async fn interrupted_unlinking_is_finished_and_one_user_alone_can_be_unlinked() {
    let drill = Drill::start().await;
    drill.fill(3).await;
    drill.users(&["migrate", "--json"]).await.expect(0).json();
    let id: String = drill
        .database
        .value("SELECT id::text FROM auth.users WHERE username = 'person2'")
        .await;
    drill.change(json!({"fail": {"projects.accounts.delete": {"status": 503, "message": "UNAVAILABLE"}}}));
    let broken = drill.users(&["unlink", &id, "--json"]).await.expect(1).json();
    assert_eq!((&broken["unlinked"], &broken["deleted"]), (&json!(1), &json!(0)));
    drill.change(json!({"fail": {"projects.accounts.delete": null}}));
    drill
        .database
        .execute("UPDATE auth.user_migrations SET lease_until = now() - interval '1 second' WHERE leased_by LIKE 'unlink:%'")
        .await
        .unwrap();
    drill.users(&["unlink", &id, "--dry-run"]).await.expect(0).says(&[
        "0 users would be unlinked.",
        "1 account of earlier runs would be deleted.",
    ]);
    let finished = drill.users(&["unlink", &id, "--json"]).await.expect(0).json();
    assert_eq!(
        (&finished["unlinked"], &finished["deleted"]),
        (&json!(0), &json!(1))
    );
    assert_eq!((drill.linked().await, drill.toolkit.accounts().len()), (2, 2));
    assert_eq!(
        drill.users(&["unlink", &id]).await.code,
        1,
        "there is nobody left to unlink"
    );
}

#[tokio::test]
async fn kept_accounts_stay() {
    let drill = Drill::start().await;
    drill.fill(2).await;
    drill.users(&["migrate", "--json"]).await.expect(0).json();
    let done = drill
        .users(&["unlink", "--all-migrated", "--keep-accounts", "--json"])
        .await
        .expect(0)
        .json();
    assert_eq!((&done["unlinked"], &done["deleted"]), (&json!(2), &json!(0)));
    assert_eq!((drill.linked().await, drill.toolkit.accounts().len()), (0, 2));
    let owed: i64 = drill
        .database
        .value("SELECT count(*) FROM auth.user_migrations WHERE state = 'unlinking' OR leased_by IS NOT NULL")
        .await;
    assert_eq!(owed, 0);
}

/// The columns of a user that the legacy service reads.
const USER: &str = "SELECT concat_ws(' ', id, email, username, password_hash, is_active, token_balance, auth_provider, firebase_uid) \
                      FROM auth.users ORDER BY id";
