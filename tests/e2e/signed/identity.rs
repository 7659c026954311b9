//! The identity of a caller: the row at first sight, the same user under either kind of token, and on every path that asks.

use serde_json::{Value, json};

use crate::stack;
use crate::users::{id_token, register_with_legacy, stranger};

#[tokio::test]
async fn user_gets_row_and_tokens_at_first_sight() {
    let edge = stack::edge();
    let user = stranger();
    let token = id_token(&user).mint();
    let first = edge
        .me(&token)
        .await
        .expect(200)
        .came_from("v2", "new_contract")
        .has("/success", true)
        .has("/data/user/email", user.email.clone())
        .has("/data/user/firebase_uid", user.uid.as_str())
        .has("/data/user/token_balance", 3);
    let id = first.text_at("/data/user/id");
    for path in ["/v1/auth/me", "/api/auth/v2/me"] {
        edge.get(path)
            .bearer(&token)
            .send()
            .await
            .expect(200)
            .has("/data/user/id", id.as_str())
            .has("/data/user/token_balance", 3);
    }
    // A later token of the same user names the same row.
    edge.me(&id_token(&user).claim("name", "Ann").mint())
        .await
        .expect(200)
        .has("/data/user/id", id.as_str());
    edge.get("/v1/tokens/balance")
        .bearer(&token)
        .send()
        .await
        .expect(200)
        .has("/data/user_id", id.as_str())
        .has("/data/token_balance", 3);
}

#[tokio::test]
async fn verify_token_names_the_user_of_an_id_token() {
    let edge = stack::edge();
    let user = stranger();
    let draft = id_token(&user);
    let body = json!({ "token": draft.mint() });
    let verified = edge
        .post("/v1/auth/verify-token", &body)
        .send()
        .await
        .expect(200)
        .marked()
        .has("/data/valid", true)
        .has("/data/token_kind", "firebase")
        .has("/data/firebaseUid", user.uid.as_str())
        .has("/data/email", user.email.clone())
        .has("/data/emailVerified", true)
        .has("/data/tokenExpiration", draft.claims()["exp"].clone())
        .has("/data/issuedAt", draft.claims()["iat"].clone());
    let id = verified.text_at("/data/user/id");
    edge.post("/v1/token/verify", &body)
        .send()
        .await
        .expect(200)
        .has("/data/user/id", id.as_str());
    edge.call("POST", "/v1/token/verify-header")
        .bearer(&draft.mint())
        .send()
        .await
        .expect(200)
        .has("/data/user/id", id.as_str());
    edge.post("/auth/verify-token", &body)
        .send()
        .await
        .expect(200)
        .came_from("v2", "token_issuer")
        .has("/data/valid", true)
        .has("/data/user/id", id.as_str());
}

#[tokio::test]
async fn a_legacy_token_names_the_same_user_on_both_contracts() {
    let edge = stack::edge();
    let (_, registered) = register_with_legacy().await;
    let (id, token) = (
        registered.text_at("/data/user/id"),
        registered.text_at("/data/token"),
    );
    edge.me(&token)
        .await
        .expect(200)
        .came_from("v2", "new_contract")
        .has("/data/user/id", id.as_str())
        .has("/data/user/firebase_uid", Value::Null);
    for path in ["/auth/profile", "/api/auth/profile"] {
        edge.get(path)
            .bearer(&token)
            .send()
            .await
            .expect(200)
            .came_from("legacy", "token_issuer")
            .has("/data/user/id", id.as_str());
    }
    edge.post("/v1/auth/verify-token", &json!({ "token": token }))
        .send()
        .await
        .expect(200)
        .has("/data/token_kind", "legacy")
        .has("/data/user/id", id.as_str());
    edge.post("/auth/verify-token", &json!({ "token": token }))
        .send()
        .await
        .expect(200)
        .came_from("legacy", "token_issuer")
        .has("/data/valid", true)
        .has("/data/user/id", id.as_str());
}

#[tokio::test]
async fn legacy_user_keeps_the_row_when_coming_by_firebase() {
    let edge = stack::edge();
    let (_, registered) = register_with_legacy().await;
    let (id, token) = (
        registered.text_at("/data/user/id"),
        registered.text_at("/data/token"),
    );
    let mut user = stranger();
    user.email = Some(registered.text_at("/data/user/email"));
    edge.me(&id_token(&user).mint())
        .await
        .expect(200)
        .has("/data/user/id", id.as_str())
        .has("/data/user/firebase_uid", user.uid.as_str());
    // Another user may have registered the address there: that user's access ends with the proof.
    edge.me(&token).await.refused(401, "TOKEN_REVOKED");
}
