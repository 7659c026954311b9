//! The emulator's unsigned tokens, with and without the permission.

use super::{Entry, NOW, SECRET, USER_ID, case, id_token, legacy_token};
use crate::draft::{Draft, Signer};

const EMULATOR: &str = "Emulator";

fn unsigned() -> Draft {
    Draft::new(&[("alg", "\"none\""), ("typ", "\"JWT\"")], &[])
}

fn token() -> Draft {
    [
        ("name", "\"Ada\""),
        ("email", "\"ada@example.com\""),
        ("email_verified", "false"),
        ("auth_time", "1794999930"),
        ("user_id", "\"ada\""),
        (
            "firebase",
            r#"{"identities":{"email":["ada@example.com"]},"sign_in_provider":"password"}"#,
        ),
        ("iat", "1794999990"),
        ("exp", "1795003590"),
        ("aud", "\"demo-crossfade\""),
        ("iss", "\"https://securetoken.google.com/demo-crossfade\""),
        ("sub", "\"ada\""),
    ]
    .into_iter()
    .fold(unsigned(), |draft, (name, value)| draft.claim(name, value))
}

fn permitted(entry: Entry) -> Entry {
    entry
        .with("ENVIRONMENT", "development")
        .with("FIREBASE_PROJECT_ID", "demo-crossfade")
        .with("FIREBASE_AUTH_EMULATOR_HOST", "127.0.0.1:9099")
}

pub fn cases() -> Vec<Entry> {
    let bare = |draft: &Draft| draft.sign(Signer::Text(""));
    let signed = id_token()
        .claim("iss", "\"https://securetoken.google.com/demo-crossfade\"")
        .claim("aud", "\"demo-crossfade\"");
    let cookie = token().claim("iss", "\"https://session.firebase.google.com/demo-crossfade\"");
    vec![
        permitted(case(EMULATOR, "an unsigned token", bare(&token()), "accepted").naming("ada")),
        permitted(case(
            EMULATOR,
            "with a signature under alg none",
            token().sign(Signer::Issuer),
            "signed_in_emulator",
        )),
        permitted(case(
            EMULATOR,
            "a genuine signature",
            signed.sign(Signer::Issuer),
            "signed_in_emulator",
        )),
        permitted(case(
            EMULATOR,
            "HS256 as Firebase",
            signed
                .clone()
                .header("alg", "\"HS256\"")
                .sign(Signer::Hmac(SECRET.as_bytes())),
            "signed_in_emulator",
        )),
        permitted(case(
            EMULATOR,
            "of another project",
            bare(&token().claim("aud", "\"demo-other\"")),
            "aud",
        )),
        permitted(case(
            EMULATOR,
            "expired",
            bare(&token().claim("exp", (NOW - 60).to_string())),
            "expired",
        )),
        permitted(case(
            EMULATOR,
            "without a sub",
            bare(&token().without("sub")),
            "claim_missing",
        )),
        permitted(
            case(
                EMULATOR,
                "a session cookie where they are off",
                bare(&cookie),
                "session_cookie",
            )
            .with("FIREBASE_SESSION_COOKIES", "off"),
        ),
        permitted(
            case(EMULATOR, "a session cookie", bare(&cookie), "accepted")
                .with("FIREBASE_SESSION_COOKIES", "on"),
        ),
        permitted(
            case(
                EMULATOR,
                "a legacy token beside it",
                legacy_token().sign(Signer::Hmac(SECRET.as_bytes())),
                "accepted",
            )
            .naming(USER_ID),
        ),
        permitted(case(
            EMULATOR,
            "an unsigned legacy token",
            bare(&legacy_token().header("alg", "\"none\"")),
            "alg",
        )),
        case(
            EMULATOR,
            "an unsigned token without the permission",
            bare(&token()),
            "alg",
        ),
        case(
            EMULATOR,
            "the same of our project",
            bare(
                &token()
                    .claim("iss", "\"https://securetoken.google.com/crossfade-app\"")
                    .claim("aud", "\"crossfade-app\""),
            ),
            "alg",
        ),
        // Without one of the conditions the configuration does not start: the permit is not silently dropped.
        permitted(case(
            EMULATOR,
            "in production",
            bare(&token()),
            "bad_configuration",
        ))
        .with("ENVIRONMENT", "production"),
        permitted(case(EMULATOR, "in staging", bare(&token()), "bad_configuration"))
            .with("ENVIRONMENT", "staging"),
        permitted(case(
            EMULATOR,
            "with a real project",
            bare(&token()),
            "bad_configuration",
        ))
        .with("FIREBASE_PROJECT_ID", "crossfade-app"),
        permitted(case(
            EMULATOR,
            "on another machine",
            bare(&token()),
            "bad_configuration",
        ))
        .with("FIREBASE_AUTH_EMULATOR_HOST", "emulator.example:9099"),
    ]
}
