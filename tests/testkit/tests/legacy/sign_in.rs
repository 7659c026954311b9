//! Registering, signing in, tokens and what they open.

use serde_json::{Value, json};
use testkit::tokens::{LegacyUser, legacy_token, now};

use crate::support::{PASSWORD, SECRET, Stand, bearer, members, refused, text};

const USER: &str = "created_at email id is_active last_login token_balance updated_at user_type username";

#[test]
fn registering_answers_the_row_and_a_token() {
    let stand = Stand::start();
    let body = json!({"username": "ann", "email": "ann@example.com", "password": PASSWORD, "colour": 1});
    let answer = stand.post("/auth/register", None, &body);
    assert_eq!(answer.status, 201);
    assert_eq!(members(&answer.body), "data message success");
    assert_eq!(answer.body["message"], "User registered successfully");
    assert_eq!(members(&answer.body["data"]), "token user");
    let user = &answer.body["data"]["user"];
    assert_eq!(members(user), USER);
    assert_eq!(
        (&user["username"], &user["email"], &user["user_type"]),
        (&json!("ann"), &json!("ann@example.com"), &json!("user"))
    );
    assert_eq!(
        (&user["token_balance"], &user["is_active"], &user["last_login"]),
        (&json!(3), &json!(true), &Value::Null)
    );
    assert!(text(&user["created_at"]).ends_with('Z'));
    for (changed, code) in [
        (json!({"username": "bob"}), "EMAIL_EXISTS"),
        (json!({"email": "bob@example.com"}), "USERNAME_EXISTS"),
    ] {
        let mut again = body.clone();
        again
            .as_object_mut()
            .unwrap()
            .extend(changed.as_object().unwrap().clone());
        refused(&stand.post("/auth/register", None, &again), 400, code);
    }
}

#[test]
fn every_broken_rule_is_named() {
    let stand = Stand::start();
    let body = json!({"username": "a b", "email": "ann", "password": "short"});
    let answer = stand.post("/auth/register", None, &body);
    refused(&answer, 400, "VALIDATION_ERROR");
    assert_eq!(answer.body["error"]["message"], "Validation failed");
    let details = answer.body["error"]["details"].as_array().unwrap();
    assert_eq!(details.len(), 3, "{details:?}");
    for body in [
        json!({"password": PASSWORD}),
        json!({"email": "ann@example.com", "username": "ann", "password": PASSWORD}),
        json!({"email": "ann@example.com"}),
    ] {
        refused(&stand.post("/auth/login", None, &body), 400, "VALIDATION_ERROR");
    }
    refused(
        &stand.post("/auth/verify-token", None, &json!({})),
        400,
        "VALIDATION_ERROR",
    );
}

#[test]
fn sign_in_reveals_which_users_exist() {
    let stand = Stand::start();
    stand.register("ann");
    let sign_in = |who: Value, password: &str| {
        let mut body = who;
        body["password"] = json!(password);
        stand.post("/auth/login", None, &body)
    };
    for who in [json!({"email": "ann@example.com"}), json!({"username": "ann"})] {
        let answer = sign_in(who.clone(), PASSWORD);
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.body["message"], "Login successful");
        assert_eq!(members(&answer.body["data"]), "token user");
        assert_eq!(members(&answer.body["data"]["user"]), USER);
        refused(&sign_in(who, "wrong password 1"), 401, "INVALID_PASSWORD");
    }
    // Only in the spelling of the registration.
    for nobody in [
        json!({"email": "bob@example.com"}),
        json!({"email": "Ann@example.com"}),
    ] {
        refused(&sign_in(nobody, PASSWORD), 404, "IDENTIFIER_NOT_FOUND");
    }
    stand.sql("ALTER TABLE auth.users ALTER COLUMN password_hash DROP NOT NULL; UPDATE auth.users SET password_hash = NULL");
    refused(
        &sign_in(json!({"email": "ann@example.com"}), PASSWORD),
        500,
        "INTERNAL_ERROR",
    );
}

#[test]
fn batch_needs_no_credential_and_reports_each_user() {
    let stand = Stand::start();
    stand.register("ann");
    let entry = |name: &str| json!({"email": format!("{name}@example.com"), "password": PASSWORD});
    let batch = json!({"users": [entry("ann"), entry("bob"), {"email": "cid@example.com"}]});
    let answer = stand.post("/auth/register/batch", None, &batch);
    assert_eq!(answer.status, 201, "{}", answer.body);
    let data = &answer.body["data"];
    assert_eq!(members(data), "failed results successful total");
    assert_eq!(
        (&data["total"], &data["successful"], &data["failed"]),
        (&json!(3), &json!(1), &json!(2))
    );
    for (index, good) in [(0, false), (1, true), (2, false)] {
        let result = &data["results"][index];
        assert_eq!(members(result), "error index success token user");
        assert_eq!(
            (&result["index"], &result["success"]),
            (&json!(index), &json!(good))
        );
        assert_eq!(result["user"].is_object(), good);
        assert_eq!(result["error"].is_string(), !good);
    }
    assert_eq!(
        members(&data["results"][1]["user"]),
        "created_at email id token_balance"
    );
    let twice = json!({"users": [entry("dan"), entry("dan")]});
    refused(
        &stand.post("/auth/register/batch", None, &twice),
        500,
        "INTERNAL_ERROR",
    );
    let dan = stand.post(
        "/auth/login",
        None,
        &json!({"email": "dan@example.com", "password": PASSWORD}),
    );
    refused(&dan, 404, "IDENTIFIER_NOT_FOUND");
    for bad in [
        json!({"users": []}),
        json!({}),
        json!({"users": vec![entry("eve"); 51]}),
    ] {
        refused(
            &stand.post("/auth/register/batch", None, &bad),
            400,
            "VALIDATION_ERROR",
        );
    }
}

#[test]
fn verdict_on_a_token_is_200() {
    let stand = Stand::start();
    let (token, id) = stand.register("ann");
    let judge = |token: &str| stand.post("/auth/verify-token", None, &json!({"token": token}));
    let good = judge(&token);
    assert_eq!(good.status, 200);
    assert_eq!(
        good.body["data"],
        json!({"valid": true, "user": {"id": id, "email": "ann@example.com", "user_type": "user"}})
    );
    let user = LegacyUser {
        id: id.clone(),
        email: "ann@example.com".to_owned(),
        username: None,
        user_type: "user".to_owned(),
        token_balance: 3,
    };
    let expired = legacy_token(&user, SECRET, now() - 100, 99).mint();
    let forged = legacy_token(&user, b"another secret", now(), 60).mint();
    let stranger = LegacyUser {
        id: "8b0c9a5e-6c1a-4d3b-9d8e-0f1a2b3c4d5e".to_owned(),
        ..user
    };
    let nobody = legacy_token(&stranger, SECRET, now(), 60).mint();
    for (token, words) in [
        (expired.as_str(), "Token has expired"),
        (&forged, "Invalid token"),
        ("x", "Invalid token"),
        (&nobody, "User not found"),
    ] {
        let answer = judge(token);
        assert_eq!(answer.status, 200);
        assert_eq!(answer.body["success"], true);
        assert_eq!(answer.body["data"], json!({"valid": false, "error": words}));
    }
    for (token, code) in [
        (Some(expired.as_str()), "TOKEN_EXPIRED"),
        (Some(&forged), "INVALID_TOKEN"),
        (Some(&nobody), "USER_NOT_FOUND"),
        (None, "UNAUTHORIZED"),
    ] {
        refused(&stand.get("/auth/profile", token), 401, code);
    }
    stand.sql("UPDATE auth.users SET is_active = false");
    refused(&stand.get("/auth/profile", Some(&token)), 401, "UNAUTHORIZED");
    assert_eq!(judge(&token).body["data"]["valid"], false);
}

#[test]
fn a_lost_database_signs_everybody_out() {
    let stand = Stand::start();
    let (token, _) = stand.register("ann");
    stand.lose_database();
    refused(&stand.get("/auth/profile", Some(&token)), 401, "UNAUTHORIZED");
    let judged = stand.post("/auth/verify-token", None, &json!({"token": token}));
    assert_eq!(
        (judged.status, &judged.body["data"]["valid"]),
        (200, &json!(false))
    );
    let sign_in = json!({"email": "ann@example.com", "password": PASSWORD});
    refused(&stand.post("/auth/login", None, &sign_in), 500, "INTERNAL_ERROR");
    assert_eq!(stand.get("/health/ready", None).status, 503);
}

#[test]
fn verification_remembers_users_where_configured() {
    let stand = Stand::with_cache(true);
    let (token, _) = stand.register("ann");
    let valid = || {
        stand
            .post("/auth/verify-token", None, &json!({"token": token}))
            .body["data"]["valid"]
            == true
    };
    assert!(valid());
    stand.sql("UPDATE auth.users SET is_active = false");
    assert!(valid(), "for an hour after the last request");
    refused(
        &stand.call("GET", "/auth/profile", &bearer(Some(&token)), &Value::Null),
        401,
        "UNAUTHORIZED",
    );
}
