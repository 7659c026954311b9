//! An address that the legacy service writes into a linked row is copied to the account, and proves nothing.

use serde_json::json;
use shared::ids::FirebaseUid;

use super::EMAIL;
use crate::google::{PASSWORD, World};

const NEW: &str = "deleted_1760000000_ann@example.org";

impl World {
    /// A write by the legacy service, or by an operator with an SQL console.
    async fn writes_address(&self, email: &str) {
        let write = format!("UPDATE auth.users SET email = '{email}'");
        self.app.database.execute(&write).await.unwrap();
    }

    /// The account's address, and whether Firebase has verified it.
    async fn address_there(&self, id: &str) -> (String, bool) {
        let uid = FirebaseUid::parse(id.to_owned()).unwrap();
        let account = self.app.app.accounts.firebase.find_account(&uid).await;
        let account = account.unwrap().unwrap();
        (account.email.unwrap(), account.email_verified)
    }
}

#[tokio::test]
async fn address_written_by_the_legacy_service_is_the_accounts_and_unproven() {
    let world = World::start().await;
    let session = world.moved().await;
    let id = session["uid"].as_str().unwrap();
    let code = world.mailed_code(EMAIL).await;
    world
        .post(
            "reset-password",
            &json!({"oobCode": code, "newPassword": PASSWORD}),
        )
        .await
        .expect(200);
    assert_eq!(world.address_there(id).await, (EMAIL.to_owned(), true));
    world.background().await;

    world.writes_address(NEW).await;
    let proven = "SELECT email_verified FROM auth.users";
    assert!(!world.app.database.value::<bool>(proven).await);
    world.google_will(json!({"down": true}));
    world.app.app.accounts.syncing().retry().await.unwrap_err();
    assert_eq!(world.owed().await, 1);
    world.google_will(json!({"down": false}));
    assert_eq!(world.background().await, 1);
    assert_eq!(world.address_there(id).await, (NEW.to_owned(), false));
    assert_eq!(
        (world.owed().await, world.events(id, "address.told").await),
        (0, 1)
    );
    world.log_in(EMAIL, PASSWORD).await.expect(401);
    world.log_in(NEW, PASSWORD).await.expect(200);
    assert!(
        !world.app.database.value::<bool>(proven).await,
        "a password proves no address"
    );

    // The same address in another case is the same address.
    world.writes_address(&NEW.to_uppercase()).await;
    assert_eq!(world.owed().await, 0);
}

#[tokio::test]
async fn address_of_another_account_is_refused_once_and_noted() {
    let world = World::start().await;
    let session = world.moved().await;
    let id = session["uid"].as_str().unwrap();
    world.registered("ben@example.org").await;
    world
        .app
        .database
        .execute("DELETE FROM auth.users WHERE email = 'ben@example.org'")
        .await
        .unwrap();
    for taken in ["ben@example.org", "ann at home"] {
        world.writes_address(taken).await;
        assert_eq!(world.background().await, 1, "{taken}");
        assert_eq!(world.owed().await, 0, "{taken}");
        assert_eq!(world.address_there(id).await.0, EMAIL);
    }
    assert_eq!(world.events(id, "address.refused").await, 2);
}
