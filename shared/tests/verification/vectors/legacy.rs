//! Tokens of the legacy service.

use super::{Entry, NOW, OLD_SECRET, SECRET, USER_ID, case, legacy_token};
use crate::draft::{Draft, Signer};

const LEGACY: &str = "Legacy rules";

fn signed(name: impl Into<String>, draft: &Draft, expect: &'static str) -> Entry {
    case(LEGACY, name, draft.sign(Signer::Hmac(SECRET.as_bytes())), expect)
}

pub fn cases() -> Vec<Entry> {
    let admin = legacy_token()
        .claim("type", "\"admin\"")
        .claim("username", "\"root\"")
        .claim("role", "\"superadmin\"");
    let mut cases = vec![
        signed("a user's token", &legacy_token(), "accepted").naming(USER_ID),
        signed("an admin's token", &admin, "accepted").naming(USER_ID),
        signed(
            "an admin without an e-mail",
            &admin.clone().without("email"),
            "accepted",
        ),
        signed(
            "an admin with another role",
            &admin.clone().claim("role", "\"moderator\""),
            "claim_invalid",
        ),
        signed(
            "an admin without a role",
            &admin.clone().without("role"),
            "claim_invalid",
        ),
        signed(
            "another type",
            &legacy_token().claim("type", "\"service\""),
            "claim_invalid",
        ),
        signed("no type", &legacy_token().without("type"), "claim_missing"),
        signed("no id", &legacy_token().without("id"), "claim_missing"),
        signed(
            "an id that is no UUID",
            &legacy_token().claim("id", "\"ada\""),
            "sub",
        ),
        signed(
            "an id that is a number",
            &legacy_token().claim("id", "7"),
            "claim_invalid",
        ),
        signed(
            "an e-mail that is a list",
            &legacy_token().claim("email", "[]"),
            "claim_invalid",
        ),
        signed(
            "another aud",
            &legacy_token().claim("aud", "\"other-services\""),
            "aud",
        ),
        signed(
            "aud a list",
            &legacy_token().claim("aud", "[\"atma-services\"]"),
            "aud",
        ),
        signed("no aud", &legacy_token().without("aud"), "aud"),
        signed(
            "another iss",
            &legacy_token().claim("iss", "\"other-service\""),
            "iss",
        ),
        signed("no iss", &legacy_token().without("iss"), "claim_missing"),
        signed("no exp", &legacy_token().without("exp"), "claim_missing"),
        signed("no iat", &legacy_token().without("iat"), "claim_missing"),
        signed(
            "exp as a string",
            &legacy_token().claim("exp", "\"1795518400\""),
            "claim_invalid",
        ),
        signed(
            "expired",
            &legacy_token().claim("exp", (NOW - 30).to_string()),
            "expired",
        ),
        signed(
            "expired within the skew",
            &legacy_token().claim("exp", (NOW - 29).to_string()),
            "accepted",
        ),
        signed(
            "from the future",
            &legacy_token().claim("iat", (NOW + 31).to_string()),
            "in_future",
        ),
        signed(
            "nbf in the future",
            &legacy_token().claim("nbf", (NOW + 31).to_string()),
            "in_future",
        ),
        signed(
            "good for two years",
            &legacy_token().claim("exp", (NOW + 2 * 366 * 86_400).to_string()),
            "lifetime",
        ),
        signed(
            "the issuer of a deployment with other names",
            &legacy_token().claim("iss", "\"a\"").claim("aud", "\"b\""),
            "accepted",
        )
        .with("LEGACY_JWT_ISSUER", "a")
        .with("LEGACY_JWT_AUDIENCE", "b"),
        case(
            LEGACY,
            "the secret before the rotation",
            legacy_token().sign(Signer::Hmac(OLD_SECRET.as_bytes())),
            "accepted",
        ),
        case(
            LEGACY,
            "another secret",
            legacy_token().sign(Signer::Hmac(b"a-secret-that-nobody-here-has-ever-used")),
            "signature",
        ),
        case(
            LEGACY,
            "a blank secret",
            legacy_token().sign(Signer::Hmac(b"")),
            "signature",
        ),
        case(
            LEGACY,
            "a signature of 31 bytes",
            legacy_token().sign(Signer::Text("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")),
            "signature",
        ),
        case(
            LEGACY,
            "no signature",
            legacy_token().sign(Signer::Text("")),
            "signature",
        ),
        signed(
            "made by the edge for a service behind it",
            &legacy_token().claim("crossfade", "\"translated\""),
            "translated",
        ),
        signed(
            "a mark of the edge's with another value",
            &legacy_token().claim("crossfade", "null"),
            "translated",
        ),
        signed("no secret configured", &legacy_token(), "legacy_not_accepted").with("LEGACY_JWT_SECRETS", ""),
    ];
    let until = |entry: Entry| entry.with("LEGACY_TOKENS_ACCEPTED_UNTIL", "2026-11-18T11:06:40Z");
    // 2026-11-18T11:06:40Z is NOW.
    cases.push(until(
        signed("one second before the end", &legacy_token(), "accepted").later(-1),
    ));
    cases.push(until(signed(
        "at the end, whatever the skew",
        &legacy_token(),
        "legacy_ended",
    )));
    cases
}
