//! An operator erases a user while the user makes a call: the call waits for the row, which the erasure has locked, and finds it empty.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use serde_json::json;
use sqlx::Connection as _;

use shared::ids::{NormalizedEmail, UserId};
use users::audit::{Actor, RequestSource};

use crate::google::{PASSWORD, World};
use crate::support::{ADMIN_KEY, Answer};
use crate::wait::until;

const ADDRESS: &str = "ann@example.org";
/// What a call would leave in an erased row.
const LEFT: &str = "SELECT concat_ws(' ', email, username, display_name, photo_url, password_hash, \
                    (SELECT row(p)::text FROM auth.user_profiles AS p), (SELECT row(h)::text FROM auth.set_aside_hashes AS h)) \
                    FROM auth.users";

/// A user with a row in every table that a call may write: their id and ID token.
async fn user(world: &World) -> (String, String) {
    let id = world.local(ADDRESS, PASSWORD, 4).await;
    world.next_second().await;
    // The proof sets the old hash aside.
    let (_, token) = world.google.sign_in_with_google(ADDRESS);
    world.me(&token).await.expect(200);
    // The account has a name, for the sync.
    for (method, path, body) in [
        ("PATCH", "/v1/auth/profile", json!({"displayName": "Ann"})),
        ("PUT", "/auth/profile", json!({"full_name": "Ann"})),
    ] {
        world.app.call_as(method, path, &token, &body).await.expect(200);
    }
    (id, token)
}

/// The answer to `call`, which waits for the row until an erasure has emptied it.
async fn while_erased(world: &World, id: &str, call: impl Future<Output = Answer>) -> Answer {
    let id: uuid::Uuid = id.parse().unwrap();
    let database = &world.app.database;
    let mut connection = database.connect().await;
    let mut erasure = connection.begin().await.unwrap();
    sqlx::query(include_str!(
        "../../crates/users/src/statements/erasure/shut_out.sql"
    ))
    .bind(id)
    .execute(&mut *erasure)
    .await
    .unwrap();
    let is_erased = AtomicBool::new(false);
    let call = async {
        let answer = call.await;
        assert!(is_erased.load(SeqCst), "it did not wait: {answer:?}");
        answer
    };
    let erasing = async {
        until("the call waits for the row", async || {
            database
                .value(
                    "SELECT EXISTS (SELECT FROM pg_stat_activity \
                     WHERE datname = current_database() AND wait_event_type = 'Lock')",
                )
                .await
        })
        .await;
        is_erased.store(true, SeqCst);
        sqlx::query(include_str!(
            "../../crates/users/src/statements/erasure/erase.sql"
        ))
        .bind(id)
        .bind("cli:test")
        .execute(&mut *erasure)
        .await
        .expect("an erasure that a call of the user stops");
        erasure.commit().await.unwrap();
    };
    tokio::join!(call, erasing).0
}

#[tokio::test]
async fn call_neither_stops_an_erasure_nor_fills_the_row_again() {
    let sync = |id: &str| format!("/v1/users/{id}/sync");
    for (method, path, body) in [
        (
            "PUT",
            "/auth/profile",
            json!({"username": "ann2", "full_name": "Ann"}),
        ),
        ("PUT", "/auth/profile", json!({"full_name": "Ann"})),
        ("PATCH", "/v1/auth/profile", json!({"displayName": "Anna"})),
        ("POST", "/v1/auth/confirm-password", json!({"password": PASSWORD})),
        ("POST", "sync", json!({})),
    ] {
        let world = World::start().await;
        let (id, token) = user(&world).await;
        if body["username"].is_null() {
            world
                .app
                .database
                .execute("DELETE FROM auth.user_profiles")
                .await
                .unwrap();
        }
        let call = async {
            match path {
                "sync" => {
                    world
                        .app
                        .call_with_key(method, &sync(&id), ADMIN_KEY, &body)
                        .await
                }
                _ => world.app.call_as(method, path, &token, &body).await,
            }
        };
        let answer = while_erased(&world, &id, call).await;
        assert!(answer.status < 500, "{method} {path} {body}: {}", answer.body);
        let left: String = world.app.database.value(LEFT).await;
        assert_eq!(left, "", "{method} {path} {body}");
    }
}

#[tokio::test]
async fn sign_in_that_moves_an_erased_user_leaves_no_account() {
    let world = World::start().await;
    let id = world.local(ADDRESS, PASSWORD, 4).await;
    let accounts = &world.app.app.accounts;
    world.google_will(json!({"forget_calls": true, "latency_ms": 400}));
    let erasing = async {
        let made = "projects.accounts.batchCreate";
        world
            .until("the account is being made", |world| world.google.calls(made) > 0)
            .await;
        world.google_will(json!({"latency_ms": 0}));
        let id = UserId(id.parse().unwrap());
        users::erasure::erase(
            accounts.directory.pool(),
            Some(&accounts.firebase),
            id,
            &Actor::cli("test"),
        )
        .await
    };
    let (signed_in, erased) = tokio::join!(world.log_in(ADDRESS, PASSWORD), erasing);
    erased.unwrap();
    assert!(signed_in.status < 500, "{}", signed_in.body);
    assert_eq!(world.google.accounts(), Vec::<serde_json::Value>::new());
    let left: String = world.app.database.value(LEFT).await;
    assert_eq!(left, "");
}

#[tokio::test]
async fn address_of_a_user_who_left_while_being_moved_is_free() {
    for way in ["login", "forgot-password"] {
        let world = World::start().await;
        let id = world.local(ADDRESS, PASSWORD, 4).await;
        let accounts = &world.app.app.accounts;
        let source = &RequestSource::default();
        world.google_will(json!({"forget_calls": true, "latency_ms": 400}));
        let moving = async {
            match way {
                "login" => assert_eq!(world.log_in(ADDRESS, PASSWORD).await.status, 403),
                _ => drop(
                    accounts
                        .recover(&NormalizedEmail::parse(ADDRESS).unwrap(), source)
                        .await,
                ),
            }
        };
        let leaving = async {
            let made = "projects.accounts.batchCreate";
            world
                .until("the account is being made", |world| world.google.calls(made) > 0)
                .await;
            world.google_will(json!({"latency_ms": 0}));
            accounts
                .close(UserId(id.parse().unwrap()), &Actor::user(), source)
                .await
        };
        let ((), left) = tokio::join!(moving, leaving);
        left.unwrap();
        assert_eq!(world.google.accounts(), Vec::<serde_json::Value>::new(), "{way}");
        world.registered(ADDRESS).await;
    }
}
