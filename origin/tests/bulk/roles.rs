//! Roles as a custom claim at Firebase (`FIREBASE_USER_TYPE_CLAIM`).

use origin::config::BulkConfig;
use serde_json::Value;
use shared::ids::FirebaseUid;
use users::directory::Directory;
use users::firebase_sync::Syncing;

use crate::support::Drill;

/// The synchronisation, with the claim of this name.
fn syncing(drill: &Drill, claim: &str) -> Syncing {
    let lookup = |name: &str| match name {
        "ENVIRONMENT" => Some("development".to_owned()),
        "DATABASE_URL" => Some(drill.database.url().to_owned()),
        "FIREBASE_USER_TYPE_CLAIM" => Some(claim.to_owned()),
        name => {
            let mut variables = drill.toolkit.variables().into_iter();
            variables
                .find(|(known, _)| *known == name)
                .map(|(_, value)| value)
        }
    };
    let config = BulkConfig::read(&lookup).unwrap();
    Syncing {
        directory: Directory::new(drill.database.pool.clone(), None),
        clock: origin::clock::now,
        firebase: firebase::Firebase::new(&config.firebase, origin::clock::now).unwrap(),
    }
}

async fn uid(drill: &Drill, username: &str) -> FirebaseUid {
    let sql = format!("SELECT id::text FROM auth.users WHERE username = '{username}'");
    FirebaseUid::parse(drill.database.value::<String>(&sql).await).unwrap()
}

async fn becomes(drill: &Drill, username: &str, user_type: &str) {
    let sql = format!("UPDATE auth.users SET user_type = '{user_type}' WHERE username = '{username}'");
    drill.database.execute(&sql).await.unwrap();
}

async fn claims(syncing: &Syncing, uid: &FirebaseUid) -> Value {
    let claims = syncing.firebase.claims(uid).await.unwrap();
    claims.map_or(Value::Null, |text| serde_json::from_str(&text).unwrap())
}

#[tokio::test]
async fn role_is_claimed_at_migration_and_at_change_beside_other_claims() {
    let drill = Drill::start().await;
    drill.fill(3).await;
    becomes(&drill, "person1", "moderator").await;
    drill.users(&["migrate"]).await.expect(0);
    let syncing = syncing(&drill, "role");
    let (first, second, third) = (
        uid(&drill, "person1").await,
        uid(&drill, "person2").await,
        uid(&drill, "person3").await,
    );
    assert_eq!(syncing.notify_due().await.unwrap(), 1, "those with a role alone");
    assert_eq!(claims(&syncing, &first).await["role"], "moderator");
    assert_eq!(claims(&syncing, &second).await, Value::Null);

    syncing
        .firebase
        .set_claims(&second, r#"{"plan":"gold"}"#)
        .await
        .unwrap();
    becomes(&drill, "person2", "admin").await;
    becomes(&drill, "person1", "user").await;
    let full = format!(r#"{{"x":"{}"}}"#, "y".repeat(980));
    syncing.firebase.set_claims(&third, &full).await.unwrap();
    becomes(&drill, "person3", "admin").await;
    syncing.notify_due().await.unwrap();
    assert_eq!(
        claims(&syncing, &second).await,
        serde_json::json!({ "plan": "gold", "role": "admin" })
    );
    assert_eq!(claims(&syncing, &first).await, serde_json::json!({}));
    assert_eq!(claims(&syncing, &third).await["role"], Value::Null, "no room");
    let owed = drill.rows("SELECT last_error FROM auth.standing_pushes").await;
    assert_eq!(owed, ["VALIDATION_ERROR"], "said, and tried again");
}

#[tokio::test]
async fn roles_are_not_copied_without_a_configured_claim() {
    let drill = Drill::start().await;
    drill.fill(1).await;
    becomes(&drill, "person1", "admin").await;
    drill.users(&["migrate"]).await.expect(0);
    let off = syncing(&drill, "");
    let first = uid(&drill, "person1").await;
    off.notify_due().await.unwrap();
    assert_eq!(claims(&off, &first).await, Value::Null);
    // The claim is configured later: Firebase is notified of earlier roles.
    drill.users(&["roles"]).await.expect(0).says(&["1 to be told"]);
    let on = syncing(&drill, "user_type");
    on.notify_due().await.unwrap();
    assert_eq!(claims(&on, &first).await["user_type"], "admin");
}
