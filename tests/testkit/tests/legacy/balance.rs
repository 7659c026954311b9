//! `/auth/token-balance`

use serde_json::{Value, json};

use crate::support::{Answer, SERVICE_KEY, Stand, members, refused};

fn put(stand: &Stand, key: &str, body: &Value) -> Answer {
    let headers = [
        ("x-internal-service", "true".to_owned()),
        ("x-service-key", key.to_owned()),
    ];
    stand.call("PUT", "/auth/token-balance", &headers, body)
}

#[test]
fn a_service_changes_a_balance_and_its_owner_reads_it() {
    let stand = Stand::start();
    let (token, id) = stand.register("ann");
    let change = |amount: i64, operation: &str| {
        put(
            &stand,
            SERVICE_KEY,
            &json!({"userId": id, "amount": amount, "operation": operation}),
        )
    };
    // The service accepts zero and negative amounts.
    for (amount, operation, after) in [
        (4, "add", 7),
        (2, "subtract", 5),
        (0, "add", 5),
        (-1, "subtract", 6),
        (6, "subtract", 0),
    ] {
        let changed = change(amount, operation);
        assert_eq!(changed.status, 200, "{}", changed.body);
        assert_eq!(changed.body["message"], "Token balance updated");
        assert_eq!(changed.body["data"], json!({"user_id": id, "new_balance": after}));
    }
    refused(&change(1, "subtract"), 400, "INSUFFICIENT_TOKENS");
    refused(&change(1, "set"), 400, "VALIDATION_ERROR");
    let read = stand.get("/auth/token-balance", Some(&token));
    assert_eq!(read.body["data"], json!({"user_id": id, "token_balance": 0}));
    assert_eq!(members(&read.body), "data message success");
}

#[test]
fn only_a_service_changes_a_balance() {
    let stand = Stand::start();
    let (token, id) = stand.register("ann");
    let body = json!({"userId": id, "amount": 1, "operation": "add"});
    refused(&put(&stand, "another key", &body), 401, "UNAUTHORIZED");
    let as_owner = [("authorization", format!("Bearer {token}"))];
    refused(
        &stand.call("PUT", "/auth/token-balance", &as_owner, &body),
        401,
        "UNAUTHORIZED",
    );
    let nobody = json!({"userId": "8b0c9a5e-6c1a-4d3b-9d8e-0f1a2b3c4d5e", "amount": 1, "operation": "add"});
    refused(&put(&stand, SERVICE_KEY, &nobody), 404, "USER_NOT_FOUND");
    refused(&put(&stand, SERVICE_KEY, &json!({})), 400, "VALIDATION_ERROR");
}

/// Both read 3 before either writes.
#[test]
fn one_of_two_concurrent_changes_is_lost() {
    let stand = Stand::start();
    let (token, id) = stand.register("ann");
    let take = || {
        let body = json!({"userId": id, "amount": 1, "operation": "subtract"});
        assert_eq!(put(&stand, SERVICE_KEY, &body).body["data"]["new_balance"], 2);
    };
    stand.while_nobody_writes(2, || {
        std::thread::scope(|scope| {
            let other = scope.spawn(take);
            take();
            other.join().unwrap();
        });
    });
    let read = stand.get("/auth/token-balance", Some(&token));
    assert_eq!(read.body["data"]["token_balance"], 2);
}
