//! Clients of the old contract keep the token of their sign-in for seven days and cannot refresh it. The test sets the edge's clock.

use testkit::key_server::{Change, KeyServer};
use testkit::tokens::{now, session_cookie};

use crate::answer::Answer;
use crate::edges::{Edge, edge};
use crate::puppet::Puppet;
use crate::stack;
use crate::users::{id_token, stranger};

const HOUR: i64 = 3_600;
const WEEK: i64 = 7 * 24 * HOUR;

async fn profile(edge: &Edge, token: &str, at: i64) -> Answer {
    edge.api
        .get("/auth/profile")
        .bearer(token)
        .header("x-test-now", &(at * 1_000).to_string())
        .send()
        .await
}

#[tokio::test]
async fn client_without_refresh_stays_signed_in_for_seven_days() {
    let v2 = Puppet::start().await;
    let issuer = KeyServer::start().await.unwrap();
    let cookies = Change {
        keys: Some(vec!["cookies".to_owned()]),
        ..Change::default()
    };
    issuer.change(cookies).unwrap();
    let edge = edge()
        .with("ORIGIN_URL", &v2.url)
        .with("FIREBASE_SESSION_COOKIE_JWKS_URL", &issuer.url())
        .changeable()
        .start()
        .await;
    let signed_in_at = now();
    let clients: Vec<String> = (0..4)
        .map(|_| {
            session_cookie(&stack::project(), &stranger(), signed_in_at)
                .claim("exp", signed_in_at + WEEK)
                .mint()
        })
        .collect();
    let mut signed_out = 0;
    for hours in (0..WEEK / HOUR).step_by(6) {
        for token in &clients {
            let answer = profile(&edge, token, signed_in_at + hours * HOUR).await;
            signed_out += i32::from(answer.status == 401);
            answer.expect(200).came_from("v2", "token_issuer");
        }
    }
    println!("{} clients over 7 days: {signed_out} signed out", clients.len());
    assert_eq!(signed_out, 0);
    let over = profile(&edge, &clients[0], signed_in_at + WEEK + HOUR).await;
    over.refused(401, "TOKEN_EXPIRED");
    // The token that they were given before lives an hour.
    let id_token = id_token(&stranger()).claim("iat", signed_in_at).mint();
    profile(&edge, &id_token, signed_in_at).await.expect(200);
    let later = profile(&edge, &id_token, signed_in_at + 2 * HOUR).await;
    later.refused(401, "TOKEN_EXPIRED");
    assert_eq!(
        v2.asked()
            .iter()
            .filter(|asked| *asked == "GET /auth/profile")
            .count(),
        28 * 4 + 1
    );
    edge.end().await;
}
