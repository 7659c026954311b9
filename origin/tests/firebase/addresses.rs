//! Different spellings of one address mean one user; different addresses mean different users.

use serde_json::json;

use crate::google::{PASSWORD, World};

#[tokio::test]
async fn case_and_white_space_do_not_distinguish_users() {
    let world = World::start().await;
    // As the legacy service may have stored it.
    let id = world.local("\u{c4}ngela+Tag@Example.ORG", PASSWORD, 4).await;
    for written in [
        "\u{e4}ngela+tag@example.org",
        "  \u{c4}NGELA+TAG@EXAMPLE.ORG\t",
        "\u{c4}ngela+Tag@Example.org",
    ] {
        let session = world.log_in(written, PASSWORD).await.expect(200);
        assert_eq!(session.body["data"]["uid"], json!(id), "{written}");
        let again = json!({"email": written, "password": "another-horse_9"});
        assert_eq!(world.post("register", &again).await.code(), "EMAIL_EXISTS");
    }
    let accounts = world.google.accounts();
    assert_eq!(accounts.len(), 1);
    assert_eq!(accounts[0]["email"], "\u{e4}ngela+tag@example.org");
}

#[tokio::test]
async fn dots_and_tags_distinguish_users() {
    let world = World::start().await;
    world.registered("ann.lee@example.org").await;
    for other in ["annlee@example.org", "ann.lee+x@example.org"] {
        world.log_in(other, PASSWORD).await.expect(401);
        world.registered(other).await;
    }
    assert_eq!((world.google.accounts().len(), world.app.users().await), (3, 3));
}

#[tokio::test]
async fn invalid_address_or_name_is_refused_without_a_call() {
    let world = World::start().await;
    for email in [
        "\u{212a}ate@example.org",
        "ann\n@example.org",
        "ann@",
        "ann\u{0}@example.org",
        "a b@example.org",
    ] {
        let user = json!({"email": email, "password": PASSWORD});
        for route in ["register", "login", "forgot-password"] {
            let refused = world.post(route, &user).await;
            assert_eq!(
                (refused.status, refused.code()),
                (400, "VALIDATION_ERROR"),
                "{route} {email:?}"
            );
        }
    }
    for (field, value) in [
        ("displayName", "Ann\u{1b}[2J"),
        ("displayName", "Ann\r\nX-Admin: 1"),
        ("photoURL", "javascript:alert(1)"),
        ("photoURL", "https://"),
        ("photoURL", "https://x.de/a b"),
        ("photoURL", "data:text/html,x"),
    ] {
        let user = json!({"email": "ann@example.org", "password": PASSWORD, field: value});
        let refused = world.post("register", &user).await;
        assert_eq!(
            (refused.status, refused.code()),
            (400, "VALIDATION_ERROR"),
            "{value:?}"
        );
        assert!(!refused.body.to_string().contains("alert"));
    }
    let long = json!({"email": "ann@example.org", "password": PASSWORD, "displayName": "x".repeat(70_000)});
    assert_eq!(world.post("register", &long).await.status, 413);
    assert_eq!(world.google.accounts().len(), 0);
}
