//! `/auth/profile`

use serde_json::{Value, json};

use crate::support::{Answer, Stand, bearer, members, refused};

fn put(stand: &Stand, token: &str, body: &Value) -> Answer {
    stand.call("PUT", "/auth/profile", &bearer(Some(token)), body)
}

#[test]
fn a_profile_is_shown_changed_and_deleted() {
    let stand = Stand::start();
    let (token, id) = stand.register("ann");
    let fresh = stand.get("/auth/profile", Some(&token));
    assert_eq!((fresh.status, &fresh.body["message"]), (200, &json!("Success")));
    let user = &fresh.body["data"]["user"];
    assert_eq!(
        members(user),
        "created_at email id is_active last_login profile token_balance user_type username"
    );
    assert_eq!(user["profile"], Value::Null);

    stand.sql("INSERT INTO public.schools (id, name, city, province) VALUES (7, 'North', 'Bergen', NULL)");
    let change = json!({
        "username": "anna", "email": "other@example.com", "full_name": "Ann A.", "school_id": 7,
        "date_of_birth": "1990-05-17T10:00:00Z", "gender": "female",
    });
    let changed = put(&stand, &token, &change);
    assert_eq!(changed.status, 200, "{}", changed.body);
    assert_eq!(members(&changed.body["data"]), "message user");
    assert_eq!(changed.body["data"]["message"], "Profile updated successfully");
    let user = &changed.body["data"]["user"];
    assert_eq!(
        (&user["username"], &user["email"]),
        (&json!("anna"), &json!("ann@example.com")),
        "the address is ignored"
    );
    let mut profile = user["profile"].clone();
    for time in ["created_at", "updated_at"] {
        assert!(profile[time].is_string());
        profile.as_object_mut().unwrap().remove(time);
    }
    let school = json!({"id": 7, "name": "North", "city": "Bergen", "province": null});
    assert_eq!(
        profile,
        json!({
            "user_id": id, "full_name": "Ann A.", "date_of_birth": "1990-05-17", "gender": "female", "school_id": 7,
            "school": school, "school_info": {"type": "structured", "school_id": 7, "school": school},
        })
    );
    let cleared = put(&stand, &token, &json!({"full_name": null}));
    let profile = &cleared.body["data"]["user"]["profile"];
    assert_eq!(
        (&profile["full_name"], &profile["gender"]),
        (&Value::Null, &json!("female"))
    );

    let delete = || stand.call("DELETE", "/auth/profile", &bearer(Some(&token)), &Value::Null);
    assert_eq!(
        delete().body["data"],
        json!({"message": "Profile deleted successfully"})
    );
    let gone = delete();
    refused(&gone, 404, "PROFILE_NOT_FOUND");
    assert_eq!(
        gone.body["error"]["details"],
        json!({}),
        "an object, unlike everywhere else"
    );
}

#[test]
fn a_change_is_refused_by_its_rule() {
    let stand = Stand::start();
    stand.register("bob");
    let (token, _) = stand.register("ann");
    for (change, code) in [
        (json!({"username": "bob"}), "USERNAME_EXISTS"),
        (json!({"school_id": 99}), "INVALID_SCHOOL_ID"),
        (json!({"school_id": 0}), "VALIDATION_ERROR"),
        (json!({"gender": "other"}), "VALIDATION_ERROR"),
        (json!({"date_of_birth": "2999-01-01"}), "VALIDATION_ERROR"),
        (json!({"email": "not an address"}), "VALIDATION_ERROR"),
        (json!({"full_name": "x".repeat(101)}), "VALIDATION_ERROR"),
    ] {
        refused(&put(&stand, &token, &change), 400, code);
    }
}
