//! The ledger's routes on the real program.

use serde_json::{Value, json};
use shared::ids::UserId;
use uuid::Uuid;

use crate::fixture::Fixture;
use crate::process::{Process, run};

#[tokio::test(flavor = "multi_thread")]
async fn credit_and_debit_follow_the_contract() {
    let fixture = Fixture::new().await;
    let user = fixture.user(0).await;
    let process = Process::start(fixture.database.url()).await;
    let sender = process.sender();

    let credited = sender.credit(user, 10, "k1").await.unwrap();
    assert_eq!((credited.status, credited.replayed), (200, false));
    let data = &credited.body["data"];
    assert_eq!(credited.body["success"], true);
    assert_eq!(data["token_balance"], 10);
    assert_eq!(data["transfer"]["kind"], "credit");
    assert_eq!(data["transfer"]["amount"], 10);
    assert_eq!(data["transfer"]["credit_account"], format!("user:{user}"));
    assert_eq!(data["transfer"]["debit_account"], "system:issued");

    let again = sender.credit(user, 10, "k1").await.unwrap();
    assert_eq!((again.status, again.replayed), (200, true));
    assert_eq!(again.body["data"], credited.body["data"]);

    let other = sender.credit(user, 11, "k1").await.unwrap();
    assert_eq!((other.status, other.code()), (422, "IDEMPOTENCY_KEY_REUSED"));

    let debited = sender.debit(user, 4, "k2").await.unwrap();
    assert_eq!(
        (debited.status, &debited.body["data"]["token_balance"]),
        (200, &json!(6))
    );
    let refused = sender.debit(user, 7, "k3").await.unwrap();
    assert_eq!((refused.status, refused.code()), (409, "INSUFFICIENT_TOKENS"));
    let nobody = sender.credit(UserId(Uuid::new_v4()), 1, "k4").await.unwrap();
    assert_eq!((nobody.status, nobody.code()), (404, "USER_NOT_FOUND"));
    let overflow = sender.credit(user, 2_147_483_647, "k5").await.unwrap();
    assert_eq!((overflow.status, overflow.code()), (422, "BALANCE_OVERFLOW"));
    fixture.assert_adds_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_rule_is_named_and_moves_nothing() {
    let fixture = Fixture::new().await;
    let user = fixture.user(5).await;
    let process = Process::start(fixture.database.url()).await;
    let sender = process.sender();
    let path = format!("/v1/users/{user}/tokens/debit");
    let good = json!({"amount": 1, "reason": "r"});
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body[name] = value;
        Some(body)
    };
    let no_user = "/v1/users/me/tokens/debit".to_owned();
    for (path, key, body, word) in [
        (&path, None, Some(good.clone()), "Idempotency-Key is required"),
        (
            &path,
            Some(""),
            Some(good.clone()),
            "Idempotency-Key must be 1 to 255",
        ),
        (&path, Some("k"), with("amount", json!(0)), "amount"),
        (&path, Some("k"), with("amount", json!(-5)), "amount"),
        (&path, Some("k"), with("amount", json!(1.5)), "amount"),
        (&path, Some("k"), with("amount", json!("5")), "amount"),
        (
            &path,
            Some("k"),
            with("amount", json!(2_147_483_648_i64)),
            "amount",
        ),
        (&path, Some("k"), with("reason", Value::Null), "reason"),
        (&path, Some("k"), with("reason", json!(" ")), "reason"),
        (&path, Some("k"), with("reason", json!("x".repeat(101))), "reason"),
        (&path, Some("k"), with("reference", json!("a\u{0}b")), "reference"),
        (&no_user, Some("k"), Some(good.clone()), "id is not a UUID"),
    ] {
        let answer = sender.post(path, key, body).await.unwrap();
        assert_eq!(
            (answer.status, answer.code()),
            (400, "VALIDATION_ERROR"),
            "{word}: {answer:?}"
        );
        let details = answer.body["error"]["details"].to_string();
        assert!(details.contains(word), "{word}: {details}");
    }
    let long = "k".repeat(256);
    let answer = sender.post(&path, Some(&long), Some(good)).await.unwrap();
    assert_eq!(answer.status, 400);
    assert_eq!(fixture.balance(user).await, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn holds_are_reserved_captured_and_released_over_http() {
    let fixture = Fixture::new().await;
    let user = fixture.user(10).await;
    let process = Process::start(fixture.database.url()).await;
    let sender = process.sender();
    let reserve = format!("/v1/users/{user}/holds");
    let body =
        |amount: i64| Some(json!({"amount": amount, "reason": "assessment", "expires_in_seconds": 60}));

    let reserved = sender.post(&reserve, Some("r1"), body(6)).await.unwrap();
    assert_eq!(reserved.status, 201);
    assert_eq!(reserved.body["data"]["hold"]["state"], "reserved");
    assert_eq!(reserved.body["data"]["token_balance"], 4);
    let again = sender.post(&reserve, Some("r1"), body(6)).await.unwrap();
    assert_eq!(
        (again.status, again.replayed, &again.body["data"]),
        (201, true, &reserved.body["data"])
    );
    let id = reserved.body["data"]["hold"]["id"].as_str().unwrap().to_owned();

    let capture = format!("/v1/holds/{id}/capture");
    let too_much = sender
        .post(&capture, Some("c0"), Some(json!({"amount": 7})))
        .await
        .unwrap();
    assert_eq!((too_much.status, too_much.code()), (409, "INSUFFICIENT_TOKENS"));
    for bad in [json!({"amount": 0}), json!({"amount": "1"}), json!([1])] {
        let answer = sender.post(&capture, Some("c0"), Some(bad)).await.unwrap();
        assert_eq!((answer.status, answer.code()), (400, "VALIDATION_ERROR"));
    }
    let captured = sender
        .post(&capture, Some("c1"), Some(json!({"amount": 2})))
        .await
        .unwrap();
    assert_eq!(captured.status, 200);
    assert_eq!(captured.body["data"]["hold"]["captured_amount"], 2);
    assert_eq!(captured.body["data"]["token_balance"], 8);
    let late = sender
        .post(&format!("/v1/holds/{id}/release"), Some("x1"), None)
        .await
        .unwrap();
    assert_eq!((late.status, late.code()), (409, "HOLD_SETTLED"));

    let second = sender.post(&reserve, Some("r2"), body(8)).await.unwrap();
    let id = second.body["data"]["hold"]["id"].as_str().unwrap().to_owned();
    let released = sender
        .post(&format!("/v1/holds/{id}/release"), Some("x2"), None)
        .await
        .unwrap();
    assert_eq!(
        (released.status, &released.body["data"]["token_balance"]),
        (200, &json!(8))
    );
    let nothing = sender
        .post(&format!("/v1/holds/{}/capture", Uuid::new_v4()), Some("c2"), None)
        .await
        .unwrap();
    assert_eq!((nothing.status, nothing.code()), (404, "NOT_FOUND"));
    fixture.assert_adds_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_our_own_services_may_move_tokens() {
    let fixture = Fixture::new().await;
    let user = fixture.user(5).await;
    let process = Process::start(fixture.database.url()).await;
    let hold = Uuid::new_v4();
    for path in [
        format!("/v1/users/{user}/tokens/credit"),
        format!("/v1/users/{user}/tokens/debit"),
        format!("/v1/users/{user}/holds"),
        format!("/v1/holds/{hold}/capture"),
        format!("/v1/holds/{hold}/release"),
    ] {
        for keys in [
            &[][..],
            &["another-service-key-0123456789-0123"],
            &[crate::process::SERVICE_KEY; 2],
        ] {
            let answer = process.sender().with_service_keys(keys, &path).await;
            assert_eq!(
                (answer.status, answer.code()),
                (403, "FORBIDDEN"),
                "{path} {keys:?}"
            );
        }
    }
    assert_eq!(fixture.balance(user).await, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn command_line_reconciles_shows_and_expires() {
    let fixture = Fixture::new().await;
    let user = fixture.user(10).await;
    let url = fixture.database.url();
    assert_eq!(
        run(url, &["ledger", "reconcile"]).await,
        (0, "0 differences\n".to_owned())
    );
    assert_eq!(
        run(url, &["ledger", "reconcile", "--json"]).await,
        (0, "{\"differences\":[]}\n".to_owned())
    );
    assert_eq!(
        run(url, &["ledger", "expire-holds"]).await,
        (0, "0 holds given back\n".to_owned())
    );
    let (code, text) = run(url, &["ledger", "show", &user.to_string()]).await;
    assert_eq!(code, 0);
    assert!(
        text.starts_with(&format!("{user}: 10 tokens to spend, 0 held\n")),
        "{text}"
    );
    assert!(
        text.contains("credit   +10 = 10  system:issued -> user:"),
        "{text}"
    );
    assert_eq!(
        run(url, &["ledger", "show", &Uuid::new_v4().to_string()]).await.0,
        1
    );

    let mut connection = fixture.database.connect().await;
    sqlx::raw_sql("SET session_replication_role = replica; UPDATE auth.users SET token_balance = 11;")
        .execute(&mut connection)
        .await
        .unwrap();
    let (code, text) = run(url, &["ledger", "reconcile"]).await;
    assert_eq!(code, 2);
    assert_eq!(
        text,
        format!("balance: user {user}: expected 10, found 11\n1 difference\n")
    );
    let (code, text) = run(url, &["ledger", "reconcile", "--json"]).await;
    assert_eq!(code, 2);
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["differences"][0]["kind"], "balance");
}
