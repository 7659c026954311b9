//! Takeover attempts: an attacker knows a user's address, and never reads its mail.

use serde_json::{Value, json};

use crate::google::{OTHER, PASSWORD, World};
use crate::support::legacy_token;
use shared::ids::NormalizedEmail;

const ADDRESS: &str = "ann@example.org";
/// The attacker's password.
const THIEFS: &str = "thiefs-horse-4";

/// An account at Firebase that the origin has not seen: its uid and ID token.
async fn sign_up(world: &World, email: &str) -> (String, String) {
    let email = NormalizedEmail::parse(email).unwrap();
    let firebase = &world.app.app.accounts.firebase;
    let signed_in = firebase.sign_up(&email, THIEFS, None).await.unwrap();
    (signed_in.uid, signed_in.id_token)
}

/// The user signs in with Google, in a later second than everything before; answers their token and their row.
async fn proves_by_google(world: &World) -> (String, String) {
    world.next_second().await;
    let (_, token) = world.google.sign_in_with_google(ADDRESS);
    let id = row_of(world, &token).await;
    (token, id)
}

async fn row_of(world: &World, token: &str) -> String {
    let me = world.me(token).await.expect(200);
    me.body["data"]["user"]["id"].as_str().unwrap().to_owned()
}

/// The attacker's tokens and passwords open nothing of the row `id`.
async fn nothing_is_left(world: &World, id: &str, tokens: &[&str]) {
    for token in tokens {
        for (method, path) in [
            ("GET", "/v1/auth/me"),
            ("POST", "/v1/auth/exchange"),
            ("GET", "/auth/profile"),
            ("DELETE", "/auth/account"),
            ("DELETE", "/v1/auth/user"),
        ] {
            let answer = world.app.call_as(method, path, token, &json!({})).await;
            assert_eq!(answer.status, 401, "{method} {path}: {}", answer.body);
        }
    }
    world.log_in(ADDRESS, THIEFS).await.expect(401);
    assert!(!world.legacy_lets_in(id, THIEFS).await);
}

#[tokio::test]
async fn google_sign_in_of_the_owner_voids_anothers_legacy_registration() {
    let world = World::start().await;
    let id = world.local(ADDRESS, THIEFS, 4).await;
    let stolen = legacy_token(&id, crate::support::now());
    world.me(&stolen).await.expect(200);
    let (token, owned) = proves_by_google(&world).await;
    assert_eq!(owned, id, "the row of the address is its owner's");
    nothing_is_left(&world, &id, &[&stolen, &legacy_token(&id, crate::support::now())]).await;
    assert_eq!(row_of(&world, &token).await, id);
    assert_eq!(world.events(&id, "ownership.changed").await, 1);
}

#[tokio::test]
async fn attacker_who_moved_first_loses_the_row_to_its_owner() {
    let world = World::start().await;
    let id = world.local(ADDRESS, THIEFS, 4).await;
    let stolen = legacy_token(&id, crate::support::now());
    let session: Value = world.log_in(ADDRESS, THIEFS).await.expect(200).body["data"].take();
    let (_, owned) = proves_by_google(&world).await;
    assert_eq!(owned, id);
    nothing_is_left(&world, &id, &[&stolen, session["idToken"].as_str().unwrap()]).await;
    world.refresh(&session).await.expect(401);
    let code = world.mailed_code(ADDRESS).await;
    world
        .post("reset-password", &json!({"oobCode": code, "newPassword": OTHER}))
        .await
        .expect(200);
    nothing_is_left(&world, &id, &[&stolen]).await;
}

#[tokio::test]
async fn attacker_who_registered_here_loses_the_row_when_google_merges_the_accounts() {
    let world = World::start().await;
    let session = world
        .post("register", &json!({"email": ADDRESS, "password": THIEFS}))
        .await;
    let session: Value = session.expect(201).body["data"].take();
    let (_, id) = proves_by_google(&world).await;
    assert_eq!(
        id,
        session["user"]["id"].as_str().unwrap(),
        "one account at Firebase, one row"
    );
    nothing_is_left(&world, &id, &[session["idToken"].as_str().unwrap()]).await;
    world.refresh(&session).await.expect(401);
}

#[tokio::test]
async fn token_of_before_an_address_change_does_not_open_the_row_linked_under_the_new_address() {
    let world = World::start().await;
    let id = world.local(ADDRESS, PASSWORD, 4).await;
    let (uid, early) = sign_up(&world, "thief@example.org").await;
    assert!(world.google.change_address(&uid, ADDRESS));
    world.next_second().await;
    let code = world.mailed_code(ADDRESS).await;
    world
        .post("reset-password", &json!({"oobCode": code, "newPassword": OTHER}))
        .await
        .expect(200);
    let session = world.log_in(ADDRESS, OTHER).await.expect(200);
    assert_eq!(session.body["data"]["user"]["id"], id.as_str());
    nothing_is_left(&world, &id, &[&early]).await;
    let stands: bool = world.app.database.value("SELECT is_active FROM auth.users").await;
    assert!(stands);
}

#[tokio::test]
async fn squatted_address_goes_to_its_prover_and_the_squatter_keeps_the_rest() {
    let world = World::start().await;
    let squatter = world.registered(ADDRESS).await;
    let token = squatter["idToken"].as_str().unwrap();
    let uid = squatter["uid"].as_str().unwrap();
    assert!(world.google.change_address(uid, "elsewhere@example.org"));
    let (owners, id) = proves_by_google(&world).await;
    let me = world.me(&owners).await.expect(200);
    assert_eq!(me.body["data"]["user"]["email"], ADDRESS);
    let theirs = world.me(token).await.expect(200);
    let theirs = &theirs.body["data"]["user"];
    assert_ne!(theirs["id"], id.as_str());
    assert_eq!(
        (&theirs["email"], &theirs["token_balance"]),
        (&Value::Null, &json!(0))
    );
    assert_eq!(
        world.events(theirs["id"].as_str().unwrap(), "address.lost").await,
        1
    );
    assert_eq!(world.app.differences().await, Vec::<String>::new());
}

#[tokio::test]
async fn stolen_legacy_token_brings_no_session_where_the_passwords_do_not_agree() {
    let world = World::start().await;
    let id = world.local(ADDRESS, PASSWORD, 4).await;
    world.log_in(ADDRESS, PASSWORD).await.expect(200);
    let stolen = legacy_token(&id, crate::support::now() - 60);
    world
        .app
        .database
        .execute("UPDATE auth.users SET provider_data = provider_data - 'password'")
        .await
        .unwrap();
    assert_eq!(world.exchange(&stolen).await.code(), "TOKEN_REVOKED");
    let old = legacy_token(&id, crate::support::now() - 25 * 3_600);
    assert_eq!(world.exchange(&old).await.code(), "TOKEN_EXPIRED");
}

#[tokio::test]
async fn session_of_a_stolen_legacy_token_neither_deletes_nor_replaces_the_legacy_password() {
    let world = World::start().await;
    let id = world.local(ADDRESS, PASSWORD, 4).await;
    let stolen = legacy_token(&id, crate::support::now() - 60);
    let session = world.exchange(&stolen).await.expect(200);
    let uid = session.body["data"]["uid"].as_str().unwrap();
    // With the session the thief sets a password at Firebase, without the origin.
    let firebase = &world.app.app.accounts.firebase;
    firebase.set_password(uid, THIEFS).await.unwrap();
    let change = json!({"currentPassword": "anything-1", "newPassword": THIEFS});
    for token in [&stolen, session.body["data"]["idToken"].as_str().unwrap()] {
        let refused = world
            .app
            .call_as("POST", "/auth/change-password", token, &change)
            .await;
        assert_eq!((refused.status, refused.code()), (400, "INVALID_PASSWORD"));
    }
    assert!(world.legacy_lets_in(&id, PASSWORD).await);
    let deleted = world
        .app
        .call_as(
            "DELETE",
            "/v1/auth/user",
            &legacy_token(&id, crate::support::now()),
            &json!({}),
        )
        .await;
    assert_eq!(deleted.status, 400, "{}", deleted.body);
}

#[tokio::test]
async fn attacker_between_the_proof_at_google_and_the_first_call_here_gets_no_password_at_firebase() {
    let world = World::start().await;
    let id = world.local(ADDRESS, THIEFS, 4).await;
    world.log_in(ADDRESS, THIEFS).await.expect(200);
    world.next_second().await;
    let (_, token) = world.google.sign_in_with_google(ADDRESS);
    // The legacy service knows nothing of Google: there the attacker continues, and changes the password.
    let hash = bcrypt::hash(OTHER, 4).unwrap();
    world
        .app
        .database
        .execute(&format!(
            "UPDATE auth.users SET password_hash = '{hash}', last_login = now() + interval '1 hour'"
        ))
        .await
        .unwrap();
    world.log_in(ADDRESS, OTHER).await.expect(401);
    let stolen = legacy_token(&id, crate::support::now() + 1);
    assert_eq!(world.exchange(&stolen).await.code(), "TOKEN_REVOKED");
    // The row is the same even with a later last sign-in by the legacy service.
    assert_eq!(row_of(&world, &token).await, id);
    nothing_is_left(&world, &id, &[&stolen]).await;
    world.log_in(ADDRESS, OTHER).await.expect(401);
}

#[tokio::test]
async fn account_of_a_broken_off_move_that_its_owner_proved_since_is_not_linked_for_the_attacker() {
    let world = World::start().await;
    let id = world.local(ADDRESS, THIEFS, 4).await;
    world.log_in(ADDRESS, THIEFS).await.expect(200);
    for statement in [
        "UPDATE auth.users SET firebase_uid = NULL, auth_provider = 'local', provider_data = provider_data - 'password'",
        "DELETE FROM auth.user_migrations",
    ] {
        world.app.database.execute(statement).await.unwrap();
    }
    world.next_second().await;
    let (uid, token) = world.google.sign_in_with_google(ADDRESS);
    assert_eq!(uid, id);
    let stolen = legacy_token(&id, crate::support::now());
    assert_eq!(world.exchange(&stolen).await.code(), "ACCOUNT_LINK_CONFLICT");
    assert_eq!(
        world.log_in(ADDRESS, THIEFS).await.code(),
        "ACCOUNT_LINK_CONFLICT"
    );
    world.next_second().await;
    assert_eq!(row_of(&world, &token).await, id);
    nothing_is_left(&world, &id, &[&stolen]).await;
}
