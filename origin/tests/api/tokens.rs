//! What users see of their tokens.

use serde_json::{Value, json};

use crate::support::{Answer, SERVICE_KEY, TestApp, send, token_with_email, with_json};

async fn credit(app: &TestApp, user: &str, amount: i64, key: &str) -> Answer {
    let request = app
        .request("POST", &format!("/v1/users/{user}/tokens/credit"))
        .header("x-service-key", SERVICE_KEY)
        .header("idempotency-key", key);
    send(with_json(request, &json!({"amount": amount, "reason": "bonus"}))).await
}

fn amounts(page: &Value) -> Vec<i64> {
    let transfers = page["data"]["transfers"].as_array().unwrap();
    transfers
        .iter()
        .map(|transfer| transfer["amount"].as_i64().unwrap())
        .collect()
}

#[tokio::test]
async fn user_sees_their_own_balance_and_transfers() {
    let app = TestApp::start().await;
    let (ada, ben) = (
        token_with_email("ada", "ada@example.org", true),
        token_with_email("ben", "ben@example.org", true),
    );
    let id = app.get("/v1/tokens/balance", &ada).await.expect(200).body["data"]["user_id"]
        .as_str()
        .unwrap()
        .to_owned();
    app.get("/v1/tokens/balance", &ben).await.expect(200);
    for amount in 10..=14 {
        credit(&app, &id, amount, &format!("k{amount}")).await.expect(200);
    }
    let reserve = app
        .request("POST", &format!("/v1/users/{id}/holds"))
        .header("x-service-key", SERVICE_KEY)
        .header("idempotency-key", "hold");
    send(with_json(reserve, &json!({"amount": 20, "reason": "assessment"})))
        .await
        .expect(201);

    let balance = app.get("/v1/tokens/balance", &ada).await.expect(200);
    assert_eq!(
        balance.body["data"],
        json!({"user_id": id, "token_balance": 3 + 60 - 20, "held": 20})
    );

    let first = app
        .get("/v1/tokens/transfers?limit=3", &ada)
        .await
        .expect(200)
        .body;
    assert_eq!(amounts(&first), [20, 14, 13]);
    let cursor = first["data"]["next_cursor"].as_str().unwrap().to_owned();
    let second = app
        .get(&format!("/v1/tokens/transfers?limit=100&cursor={cursor}"), &ada)
        .await
        .expect(200)
        .body;
    assert_eq!(amounts(&second), [12, 11, 10, 3]);
    assert_eq!(second["data"]["next_cursor"], Value::Null);
    assert_eq!(second["data"]["transfers"][3]["kind"], "welcome");

    let others = app.get("/v1/tokens/transfers", &ben).await.expect(200).body;
    assert_eq!(amounts(&others), [3]);
    assert_eq!(app.differences().await, Vec::<String>::new());
}

#[tokio::test]
async fn impossible_page_is_refused() {
    let app = TestApp::start().await;
    let ada = token_with_email("ada", "ada@example.org", true);
    for (query, word) in [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=ten", "limit"),
        ("limit=-1", "limit"),
        ("cursor=1", "cursor"),
        ("cursor=%00", "cursor"),
        ("cursor=MS54", "cursor"),
    ] {
        let answer = app
            .get(&format!("/v1/tokens/transfers?{query}"), &ada)
            .await
            .expect(400);
        assert_eq!(answer.code(), "VALIDATION_ERROR", "{query}");
        assert!(
            answer.body["error"]["details"][0]
                .as_str()
                .unwrap()
                .starts_with(word),
            "{query}: {}",
            answer.body
        );
    }
    let answer = send(app.request("GET", "/v1/tokens/transfers")).await.expect(401);
    assert_eq!(answer.code(), "TOKEN_MISSING");
}
