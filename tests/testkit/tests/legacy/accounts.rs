//! Passwords, signing out and the end of an account.

use serde_json::{Value, json};

use crate::support::{PASSWORD, Stand, bearer, members, refused, text};

const NEW: &str = "new password 2";

#[test]
fn password_change_needs_the_current_one() {
    let stand = Stand::start();
    let (token, _) = stand.register("ann");
    let change = |current: &str, new: &str| {
        let body = json!({"currentPassword": current, "newPassword": new});
        stand.post("/auth/change-password", Some(&token), &body)
    };
    refused(&change("wrong password 1", NEW), 500, "INTERNAL_ERROR");
    refused(&change(PASSWORD, "short"), 400, "VALIDATION_ERROR");
    let changed = change(PASSWORD, NEW);
    assert_eq!(
        changed.body,
        json!({"success": true, "message": "Password changed successfully"})
    );
    let sign_in = |password: &str| {
        stand.post(
            "/auth/login",
            None,
            &json!({"email": "ann@example.com", "password": password}),
        )
    };
    refused(&sign_in(PASSWORD), 401, "INVALID_PASSWORD");
    assert_eq!(sign_in(NEW).status, 200);
    assert_eq!(
        stand.get("/auth/profile", Some(&token)).status,
        200,
        "tokens outlive it"
    );
}

#[test]
fn signing_out_ends_nothing() {
    let stand = Stand::start();
    let (token, _) = stand.register("ann");
    let bye = stand.post("/auth/logout", Some(&token), &Value::Null);
    assert_eq!(bye.body, json!({"success": true, "message": "Logout successful"}));
    refused(
        &stand.post("/auth/logout", None, &Value::Null),
        401,
        "UNAUTHORIZED",
    );
    assert_eq!(stand.get("/auth/profile", Some(&token)).status, 200);
}

#[test]
fn closed_account_frees_its_address() {
    let stand = Stand::start();
    let (token, _) = stand.register("ann");
    let close = || stand.call("DELETE", "/auth/account", &bearer(Some(&token)), &Value::Null);
    let closed = close();
    assert_eq!((closed.status, &closed.body["message"]), (200, &json!("Success")));
    let data = &closed.body["data"];
    assert_eq!(members(data), "data message");
    assert_eq!(data["message"], "Account deleted successfully");
    assert_eq!(members(&data["data"]), "deletedAt originalEmail");
    assert_eq!(data["data"]["originalEmail"], "ann@example.com");
    assert!(text(&data["data"]["deletedAt"]).ends_with('Z'));
    refused(&close(), 401, "UNAUTHORIZED");
    stand.sql("UPDATE auth.users SET username = NULL WHERE email ~ '^deleted_[0-9]{13}_ann@example.com$' AND token_balance = 0");
    stand.register("ann");
}
