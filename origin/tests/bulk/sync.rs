//! `origin users sync`, and the service's own retries.

use database::leases::{self, Job};
use serde_json::json;
use shared::ids::UserId;
use users::directory::Directory;
use users::firebase_sync::{Round, Synced, Syncing};

use crate::migrate::firebase;
use crate::support::Drill;

async fn id_of(drill: &Drill, username: &str) -> uuid::Uuid {
    drill
        .database
        .value(&format!(
            "SELECT id FROM auth.users WHERE username = '{username}'"
        ))
        .await
}

fn syncing(drill: &Drill) -> Syncing {
    Syncing {
        directory: Directory::new(drill.database.pool.clone(), None),
        clock: origin::clock::now,
        firebase: firebase(drill),
    }
}

#[tokio::test]
async fn stale_rows_follow_their_accounts() {
    let drill = Drill::start().await;
    drill.fill(130).await;
    drill.users(&["migrate", "--json"]).await.expect(0).json();
    let (renamed, gone, disabled) = (
        id_of(&drill, "person1").await,
        id_of(&drill, "person2").await,
        id_of(&drill, "person3").await,
    );
    let firebase = firebase(&drill);
    firebase
        .set_profile(&renamed.to_string(), Some("Ada"), None)
        .await
        .unwrap();
    firebase.delete_account(&gone.to_string()).await.unwrap();
    firebase
        .set_standing(&disabled.to_string(), Some(true), None)
        .await
        .unwrap();

    let fresh = drill
        .users(&["sync", "--stale", "24h", "--json"])
        .await
        .expect(0)
        .json();
    assert_eq!(fresh, json!({"synced": 0, "missing": 0, "told": 0}));
    drill
        .database
        .execute("UPDATE auth.users SET last_firebase_sync = now() - interval '25 hours'")
        .await
        .unwrap();
    let before = drill.toolkit.calls("projects.accounts.lookup");
    let done = drill
        .users(&["sync", "--stale", "24h", "--json"])
        .await
        .expect(2)
        .json();
    assert_eq!(done, json!({"synced": 129, "missing": 1, "told": 0}));
    assert_eq!(
        drill.toolkit.calls("projects.accounts.lookup") - before,
        2,
        "a hundred at a time"
    );
    let told = drill
        .rows(
            "SELECT username || ' ' || federation_status || ' ' || coalesce(display_name, '-') FROM auth.users \
             WHERE federation_status <> 'active' OR display_name IS NOT NULL ORDER BY username",
        )
        .await;
    assert_eq!(
        told,
        ["person1 active Ada", "person2 failed -", "person3 disabled -"]
    );
    let owed = drill
        .rows("SELECT user_id::text || ' ' || last_error FROM auth.user_syncs")
        .await;
    assert_eq!(owed, [format!("{gone} ACCOUNT_MISSING")]);
}

#[tokio::test]
async fn user_is_named_by_id_or_by_uid() {
    let drill = Drill::start().await;
    drill.fill(2).await;
    drill.users(&["migrate", "--json"]).await.expect(0).json();
    let firebase = firebase(&drill);
    let email = shared::ids::NormalizedEmail::parse("zoe@example.org").unwrap();
    let uid = firebase
        .sign_up(&email, "correct-horse-1", None)
        .await
        .unwrap()
        .uid;
    let by_themselves = "INSERT INTO auth.users (firebase_uid, email, auth_provider) VALUES";
    drill
        .database
        .execute(&format!(
            "{by_themselves} ('{uid}', 'zoe@example.org', 'firebase')"
        ))
        .await
        .unwrap();
    firebase.set_profile(&uid, Some("Zoe"), None).await.unwrap();
    let one = json!({"synced": 1, "missing": 0, "told": 0});
    assert_eq!(drill.users(&["sync", &uid, "--json"]).await.expect(0).json(), one);
    let shown: String = drill
        .database
        .value(&format!(
            "SELECT display_name FROM auth.users WHERE firebase_uid = '{uid}'"
        ))
        .await;
    assert_eq!(shown, "Zoe");
    // A moved user's id and uid are the same text; in capitals it is only the id.
    let id = id_of(&drill, "person1").await.to_string();
    for name in [id.clone(), id.to_uppercase()] {
        assert_eq!(
            drill.users(&["sync", &name, "--json"]).await.expect(0).json(),
            one
        );
    }
    for nobody in ["nobody", &uuid::Uuid::new_v4().to_string()] {
        let refused = drill.users(&["sync", nobody]).await;
        assert_eq!(refused.code, 1);
        assert!(refused.stderr.contains("no user has this"), "{}", refused.stderr);
    }
    // A uid of the service account's choice that is another user's id.
    drill
        .database
        .execute(&format!(
            "UPDATE auth.users SET firebase_uid = NULL, auth_provider = 'local' WHERE id = '{id}'; \
             {by_themselves} ('{id}', 'imp@example.org', 'firebase')"
        ))
        .await
        .unwrap();
    let refused = drill.users(&["sync", &id]).await;
    assert_eq!(refused.code, 1);
    assert!(
        refused.stderr.contains("another's Firebase uid"),
        "{}",
        refused.stderr
    );
}

#[tokio::test]
async fn failed_sync_is_retried_with_growing_pauses_until_it_succeeds() {
    let drill = Drill::start().await;
    drill.fill(1).await;
    drill.users(&["migrate", "--json"]).await.expect(0).json();
    let id = id_of(&drill, "person1").await;
    let syncing = syncing(&drill);
    drill.change(json!({"fail": {"projects.accounts.lookup": {"status": 503, "message": "UNAVAILABLE"}}}));
    let refused = drill.users(&["sync", &id.to_string()]).await;
    assert_eq!(refused.code, 1, "{}", refused.stdout);
    assert_eq!(status(&drill).await, "failed");
    assert_eq!(
        syncing.retry().await.unwrap(),
        Round::Done(Synced::default()),
        "not yet"
    );

    for (attempt, minutes) in [(1, 1), (2, 2), (3, 4)] {
        time_comes(&drill).await;
        syncing.retry().await.unwrap_err();
        let next: String = drill
            .database
            .value(
                "SELECT attempts || ' ' || round(extract(epoch FROM next_attempt_at - now()) / 60)::integer || ' ' || last_error \
                 FROM auth.user_syncs",
            )
            .await;
        assert_eq!(next, format!("{attempt} {minutes} FIREBASE_UNAVAILABLE"));
    }
    drill.change(json!({"fail": {"projects.accounts.lookup": null}}));
    time_comes(&drill).await;
    let done = Synced {
        synced: 1,
        ..Synced::default()
    };
    assert_eq!(syncing.retry().await.unwrap(), Round::Done(done));
    assert_eq!(status(&drill).await, "active");
    let owed: i64 = drill.database.value("SELECT count(*) FROM auth.user_syncs").await;
    assert_eq!(owed, 0);
}

/// A user sets their name at Firebase themselves: whatever it holds, no other user's sync waits for it.
#[tokio::test]
async fn name_that_no_column_holds_stops_no_sync() {
    let drill = Drill::start().await;
    drill.fill(9).await;
    drill.users(&["migrate", "--json"]).await.expect(0).json();
    let odd: Vec<uuid::Uuid> = drill
        .database
        .value("SELECT array_agg(id) FROM auth.users WHERE username <> 'person1'")
        .await;
    let firebase = firebase(&drill);
    for id in odd {
        firebase
            .set_profile(&id.to_string(), Some("Ada\0 "), None)
            .await
            .unwrap();
    }
    let stale = "UPDATE auth.users SET last_firebase_sync = now() - interval '25 hours'";
    drill.database.execute(stale).await.unwrap();
    let done = drill
        .users(&["sync", "--stale", "24h", "--json"])
        .await
        .expect(0)
        .json();
    assert_eq!(done, json!({"synced": 9, "missing": 0, "told": 0}));
    let names = drill
        .rows("SELECT DISTINCT coalesce(display_name, '-') FROM auth.users ORDER BY 1")
        .await;
    assert_eq!(names, ["-", "Ada"]);
}

/// The database gives up on one user's row, as if another transaction held it.
#[tokio::test]
async fn user_whose_row_cannot_be_written_delays_no_other_sync() {
    let drill = Drill::start().await;
    drill.fill(9).await;
    drill.users(&["migrate", "--json"]).await.expect(0).json();
    drill
        .database
        .execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN RAISE lock_not_available; END $$; \
             CREATE TRIGGER refuse BEFORE UPDATE ON auth.users FOR EACH ROW \
             WHEN (new.last_firebase_sync > old.last_firebase_sync AND new.username = 'person5') EXECUTE FUNCTION refuse(); \
             UPDATE auth.users SET federation_status = 'failed'",
        )
        .await
        .unwrap();
    // Those behind the row come first in the next round.
    syncing(&drill).retry().await.unwrap_err();
    syncing(&drill).retry().await.unwrap();
    let left = drill
        .rows("SELECT username FROM auth.users WHERE federation_status <> 'active'")
        .await;
    assert_eq!(left, ["person5"]);
}

#[tokio::test]
async fn one_replica_at_a_time_retries_and_finds_interrupted_syncs() {
    let drill = Drill::start().await;
    drill.fill(1).await;
    drill.users(&["migrate", "--json"]).await.expect(0).json();
    let syncing = syncing(&drill);
    let mut other = drill.database.connect().await;
    let (job, holder) = (Job("retry_syncs"), uuid::Uuid::new_v4());
    assert!(leases::claim(&mut other, job, holder, 3600).await.unwrap());
    assert_eq!(syncing.retry().await.unwrap(), Round::Elsewhere);
    // The other replica takes a user and dies.
    drill
        .database
        .execute("UPDATE auth.users SET federation_status = 'syncing'")
        .await
        .unwrap();
    assert!(leases::claim(&mut other, job, holder, 0).await.unwrap());
    let done = Synced {
        synced: 1,
        ..Synced::default()
    };
    assert_eq!(syncing.retry().await.unwrap(), Round::Done(done));
    assert_eq!(status(&drill).await, "active");
}

#[tokio::test]
async fn service_account_signs_a_user_in() {
    let drill = Drill::start().await;
    drill.fill(1).await;
    drill.users(&["migrate", "--json"]).await.expect(0).json();
    let id = id_of(&drill, "person1").await;
    // The stand-in checks the signature, the signer and the audience.
    let session = firebase(&drill).sign_in_as(&id.to_string()).await.unwrap();
    assert_eq!(session.uid, id.to_string());
    assert_eq!(session.id_token.split('.').count(), 3);
    assert!(UserId::parse(&session.uid).is_ok());
}

async fn status(drill: &Drill) -> String {
    drill
        .database
        .value("SELECT federation_status FROM auth.users")
        .await
}

async fn time_comes(drill: &Drill) {
    drill
        .database
        .execute("UPDATE auth.user_syncs SET next_attempt_at = now()")
        .await
        .unwrap();
}
