//! The edge marks an unproven address as such, and sends it in no header.

use serde_json::{Value, json};
use shared::base64url;

use crate::half;
use crate::support::emulator_token;

#[test]
fn unproven_address_is_sent_in_no_header_and_marked_in_the_assertion() {
    let id = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
    for (email, stated, header, proven) in [
        (Some("ann@example.com"), Some(true), Some("ann@example.com"), true),
        (Some("ann@example.com"), Some(false), None, false),
        // An older origin, or a service in its place.
        (Some("ann@example.com"), None, None, false),
        (Some("zoë@example.com"), Some(true), None, true),
        (None, Some(false), None, false),
    ] {
        let edge = half();
        let mut user = json!({"id": id, "user_type": "user"});
        if let Some(email) = email {
            user["email"] = email.into();
        }
        if let Some(stated) = stated {
            user["email_verified"] = stated.into();
        }
        edge.answers("/v1/auth/me", 200, &json!({"data": {"user": user}}).to_string());
        // An address in the token is not an address that the row has proven.
        let token = emulator_token(&edge, "person-1", "other@example.com");
        let forged = "x-user-email:victim@example.com\nx_user_email:victim@example.com";
        edge.handle(
            &format!("GET\nhttps://edge/api/archive/x\n{forged}\nauthorization:Bearer {token}"),
            "",
        );
        let sent = edge.last_sent();
        assert_eq!(sent.header("x-user-email"), header, "{email:?} {stated:?}");
        assert!(
            header.is_some() || sent.removes("x-user-email"),
            "{email:?} {stated:?}"
        );
        let assertion = sent.header("x-crossfade-assertion").unwrap();
        let claims = base64url::decode(assertion.split('.').nth(1).unwrap().as_bytes()).unwrap();
        let claims: Value = serde_json::from_slice(&claims).unwrap();
        assert_eq!(claims["usr"]["email_verified"], proven, "{email:?} {stated:?}");
        assert_eq!(claims["usr"]["email"].as_str(), email);
    }
}
