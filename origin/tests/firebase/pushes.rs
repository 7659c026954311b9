//! A user deactivated here is disabled at Firebase too, despite failures on the way.

mod addresses;

use firebase::FirebaseError;
use serde_json::{Value, json};
use shared::ids::{NormalizedEmail, UserId};
use users::firebase_sync::Round;
use users::firebase_sync::push::Notified;

use crate::google::{OTHER, PASSWORD, World};
use crate::support::ADMIN_KEY;

const UPDATE: &str = "projects.accounts.update";
const EMAIL: &str = "ann@example.org";

impl World {
    /// An administrator's operation on the only user.
    async fn administer(&self, what: &str) -> crate::support::Answer {
        let id: uuid::Uuid = self.app.database.value("SELECT id FROM auth.users").await;
        self.app
            .call_with_key("POST", &format!("/v1/users/{id}/{what}"), ADMIN_KEY, &json!({}))
            .await
    }

    /// Signs in at Firebase itself, without the origin.
    async fn directly(&self, password: &str) -> Result<(), FirebaseError> {
        let email = NormalizedEmail::parse(EMAIL).unwrap();
        let firebase = &self.app.app.accounts.firebase;
        firebase.sign_in(&email, password).await.map(drop)
    }

    async fn status(&self) -> String {
        let status = "SELECT federation_status FROM auth.users";
        self.app.database.value(status).await
    }

    async fn owed(&self) -> i64 {
        let count = "SELECT count(*) FROM auth.standing_pushes";
        self.app.database.value(count).await
    }

    /// The background's work of every half minute, once all retries are due.
    async fn background(&self) -> u64 {
        self.app
            .database
            .execute("UPDATE auth.standing_pushes SET next_attempt_at = now(), leased_until = NULL")
            .await
            .unwrap();
        match self.app.app.accounts.syncing().retry().await.unwrap() {
            Round::Done(done) => done.told,
            Round::Elsewhere => panic!("somebody else is at it"),
        }
    }

    async fn moved(&self) -> Value {
        self.local(EMAIL, PASSWORD, 4).await;
        self.log_in(EMAIL, PASSWORD).await.expect(200).body["data"].take()
    }
}

#[tokio::test]
async fn deactivated_user_cannot_sign_in_at_firebase_until_activated() {
    let world = World::start().await;
    let session = world.moved().await;
    world.next_second().await;
    let done = world.administer("deactivate").await.expect(200);
    assert_eq!(done.body["message"], "User deactivated");
    assert!(matches!(
        world.directly(PASSWORD).await,
        Err(FirebaseError::Disabled)
    ));
    world.refresh(&session).await.expect(401);
    assert_eq!(
        (world.status().await.as_str(), world.owed().await),
        ("disabled", 0)
    );
    assert_eq!(world.google.calls(UPDATE), 1, "one call for both");

    world.administer("activate").await.expect(200);
    world.directly(PASSWORD).await.unwrap();
    world.log_in(EMAIL, PASSWORD).await.expect(200);
    // The sign-in from before the deactivation stays void.
    world.refresh(&session).await.expect(401);
    assert_eq!((world.status().await.as_str(), world.owed().await), ("active", 0));
}

#[tokio::test]
async fn deactivation_during_firebase_outage_counts_here_at_once_and_there_later() {
    let world = World::start().await;
    let session = world.moved().await;
    let token = session["idToken"].as_str().unwrap();
    world.next_second().await;
    world.google_will(json!({"down": true}));
    let done = world.administer("deactivate").await.expect(200);
    assert_eq!(
        done.body["message"],
        "User deactivated; Firebase will be told as soon as it answers"
    );
    assert_eq!(world.app.get("/v1/auth/me", token).await.code(), "USER_DISABLED");
    assert_eq!((world.status().await.as_str(), world.owed().await), ("failed", 1));

    let syncing = world.app.app.accounts.syncing();
    assert_eq!(syncing.notify_due().await.unwrap(), 0, "not yet");
    for (attempts, minutes) in [(2, 2), (3, 4), (4, 8)] {
        let due = "UPDATE auth.standing_pushes SET next_attempt_at = now()";
        world.app.database.execute(due).await.unwrap();
        syncing.retry().await.unwrap_err();
        let next: String = world
            .app
            .database
            .value(
                "SELECT attempts || ' ' || round(extract(epoch FROM next_attempt_at - now()) / 60)::integer || ' ' || last_error \
                 FROM auth.standing_pushes",
            )
            .await;
        assert_eq!(next, format!("{attempts} {minutes} FIREBASE_UNAVAILABLE"));
    }
    world.google_will(json!({"down": false}));
    assert_eq!(world.background().await, 1);
    assert!(matches!(
        world.directly(PASSWORD).await,
        Err(FirebaseError::Disabled)
    ));
    world.refresh(&session).await.expect(401);
    assert_eq!(
        (world.status().await.as_str(), world.owed().await),
        ("disabled", 0)
    );
}

/// Google fails for one account only: the accounts of the others are disabled in the next round, whichever comes first.
#[tokio::test]
async fn account_that_google_cannot_change_delays_no_other_users_notification() {
    let world = World::start().await;
    for n in 0..6 {
        world.registered(&format!("user{n}@example.org")).await;
    }
    let syncing = world.app.app.accounts.syncing();
    for (status, message, attempts) in [
        (500, "INTERNAL_ERROR", 3),
        (503, "UNAVAILABLE", 3),
        (400, "INVALID_LOCAL_ID", 1),
    ] {
        let change = "UPDATE auth.users SET is_active = NOT is_active";
        world.app.database.execute(change).await.unwrap();
        let failure = json!({"status": status, "message": message, "times": attempts});
        world.google_will(json!({"fail": {UPDATE: failure}}));
        assert_eq!(syncing.retry().await.is_err(), status != 400);
        syncing.retry().await.unwrap();
        assert_eq!(world.owed().await, 1, "{status} {message}");
        assert_eq!(world.background().await, 1);
    }
}

#[tokio::test]
async fn every_writer_of_the_row_makes_firebase_be_notified() {
    let world = World::start().await;
    world.moved().await;
    // The legacy service, an operator with an SQL console, or the origin, killed right after.
    let out = "UPDATE auth.users SET is_active = false";
    world.app.database.execute(out).await.unwrap();
    assert_eq!(world.background().await, 1);
    assert!(matches!(
        world.directly(PASSWORD).await,
        Err(FirebaseError::Disabled)
    ));
    // Deactivated while a link to a new account was running.
    let link =
        "UPDATE auth.users SET firebase_uid = NULL, auth_provider = 'local', federation_status = 'active'";
    world.app.database.execute(link).await.unwrap();
    assert_eq!(world.owed().await, 0, "nobody to tell");
    let link = "UPDATE auth.users SET firebase_uid = id::text, auth_provider = 'hybrid'";
    world.app.database.execute(link).await.unwrap();
    assert_eq!(world.owed().await, 1);
}

#[tokio::test]
async fn later_of_two_concurrent_changes_counts_on_both_sides() {
    let world = World::start().await;
    world.moved().await;
    for (first, second, open) in [
        ("deactivate", "activate", true),
        ("activate", "deactivate", false),
    ] {
        world.google_will(json!({"forget_calls": true, "latency_ms": 400}));
        let both = async {
            world
                .until("Firebase is being told", |world| world.google.calls(UPDATE) > 0)
                .await;
            world.administer(second).await.expect(200);
        };
        let (_, ()) = tokio::join!(world.administer(first), both);
        world.google_will(json!({"latency_ms": 0}));
        for _ in 0..2_000 {
            if world.owed().await == 0 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        assert_eq!(world.owed().await, 0);
        assert_eq!(world.directly(PASSWORD).await.is_ok(), open, "{first}, {second}");
    }
}

#[tokio::test]
async fn log_out_reaches_firebase_later_and_enables_no_account() {
    let world = World::start().await;
    let session = world.moved().await;
    let token = session["idToken"].as_str().unwrap();
    let uid = session["uid"].as_str().unwrap();
    let firebase = &world.app.app.accounts.firebase;
    world.next_second().await;
    world.google_will(json!({"down": true}));
    world
        .app
        .call_as("POST", "/v1/auth/logout", token, &json!({}))
        .await
        .expect(200);
    world.google_will(json!({"down": false}));
    world.refresh(&session).await.expect(200);
    // An operator disables the account in Firebase's console meanwhile.
    firebase.set_standing(uid, Some(true), None).await.unwrap();
    assert_eq!(world.background().await, 1);
    assert!(matches!(
        world.directly(PASSWORD).await,
        Err(FirebaseError::Disabled)
    ));
    firebase.set_standing(uid, Some(false), None).await.unwrap();
    world.refresh(&session).await.expect(401);
}

#[tokio::test]
async fn late_revocation_undoes_no_newer_one_of_firebase() {
    let world = World::start().await;
    let session = world.moved().await;
    let uid = session["uid"].as_str().unwrap().to_owned();
    let long_ago = "UPDATE auth.users SET valid_since = now() - interval '1 hour'";
    world.app.database.execute(long_ago).await.unwrap();
    world.next_second().await;
    world
        .app
        .app
        .accounts
        .firebase
        .set_password(&uid, OTHER)
        .await
        .unwrap();
    world.refresh(&session).await.expect(401);
    assert_eq!(world.background().await, 1);
    world.refresh(&session).await.expect(401);
}

#[tokio::test]
async fn missing_account_leaves_nothing_pending() {
    let world = World::start().await;
    let session = world.moved().await;
    let uid = session["uid"].as_str().unwrap();
    world.app.app.accounts.firebase.delete_account(uid).await.unwrap();
    world.administer("deactivate").await.expect(200);
    assert_eq!(world.owed().await, 0);
    world.administer("activate").await.expect(200);
    assert_eq!((world.status().await.as_str(), world.owed().await), ("failed", 0));
    // No user of ours at all.
    let nobody = UserId(uuid::Uuid::new_v4());
    let told = world.app.app.accounts.syncing().notify(nobody).await.unwrap();
    assert_eq!(told, Notified::Yes);
}

#[tokio::test]
async fn sync_disables_the_account_of_a_deactivated_user() {
    let world = World::start().await;
    let session = world.moved().await;
    let uid = session["uid"].as_str().unwrap();
    world.administer("deactivate").await.expect(200);
    // Enabled in Firebase's console, without the origin.
    let firebase = &world.app.app.accounts.firebase;
    firebase.set_standing(uid, Some(false), None).await.unwrap();
    world.directly(PASSWORD).await.unwrap();
    world.administer("sync").await.expect(200);
    assert!(matches!(
        world.directly(PASSWORD).await,
        Err(FirebaseError::Disabled)
    ));
    assert_eq!(world.status().await, "disabled");
}
