//! Anyone can register any address at Firebase. That gives a stranger nothing, and takes nothing from the address's owner.

use serde_json::json;

use crate::google::{OTHER, PASSWORD, World};
use shared::ids::NormalizedEmail;

const ADDRESS: &str = "ann@example.org";
const THIEFS: &str = "thiefs-horse-4";

/// A local user with an address that a stranger has registered at Firebase: the user's id, and the stranger's ID token.
async fn taken(world: &World) -> (String, String) {
    let id = world.local(ADDRESS, PASSWORD, 4).await;
    let email = NormalizedEmail::parse(ADDRESS).unwrap();
    let firebase = &world.app.app.accounts.firebase;
    let stranger = firebase.sign_up(&email, THIEFS, None).await.unwrap();
    (id, stranger.id_token)
}

async fn me(world: &World, token: &str) -> (u16, String) {
    let answer = world.app.call_as("GET", "/v1/auth/me", token, &json!({})).await;
    (answer.status, answer.code().to_owned())
}

#[tokio::test]
async fn stranger_gains_nothing_by_registering_an_address() {
    let world = World::start().await;
    let (_, strangers) = taken(&world).await;
    world.log_in(ADDRESS, THIEFS).await.expect(401);
    assert_eq!(
        me(&world, &strangers).await,
        (409, "ACCOUNT_LINK_CONFLICT".to_owned())
    );
    assert_eq!(world.link().await, "- local");
    // Even the old password does not show the owner: the edge asks the legacy service about a conflict.
    let conflict = world.log_in(ADDRESS, PASSWORD).await;
    assert_eq!((conflict.status, conflict.code()), (409, "ACCOUNT_LINK_CONFLICT"));
    assert!(world.legacy_accepts(PASSWORD).await);
}

#[tokio::test]
async fn password_mail_returns_the_address_to_its_owner() {
    let world = World::start().await;
    let (id, strangers) = taken(&world).await;
    let code = world.mailed_code(ADDRESS).await;
    let reset = json!({"oobCode": code, "newPassword": OTHER});
    world.post("reset-password", &reset).await.expect(200);

    let signed_in = world.log_in(ADDRESS, OTHER).await.expect(200);
    assert_eq!(signed_in.body["data"]["user"]["id"], id.as_str());
    assert_eq!(signed_in.body["data"]["user"]["token_balance"], 7);
    assert!(world.link().await.ends_with(" firebase"));
    // The token is good at Firebase until it expires, and belongs to the same account that is now the user's.
    assert_eq!(me(&world, &strangers).await, (401, "TOKEN_REVOKED".to_owned()));
    for no_longer in [THIEFS, PASSWORD] {
        world.log_in(ADDRESS, no_longer).await.expect(401);
    }
}
