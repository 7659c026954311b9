//! ID tokens and session cookies: each claim's rule from both sides.

use super::{Entry, NOW, case, id_token};
use crate::draft::{Draft, Signer};

const RULES: &str = "Firebase rules";
const BOUNDARIES: &str = "Boundaries";
const CUSTOM_TOKEN_AUDIENCE: &str =
    "\"https://identitytoolkit.googleapis.com/google.identity.identitytoolkit.v1.IdentityToolkit\"";

fn signed(name: impl Into<String>, draft: &Draft, expect: &'static str) -> Entry {
    case(RULES, name, draft.sign(Signer::Issuer), expect)
}

pub fn cases() -> Vec<Entry> {
    let mut cases = vec![
        signed("an ID token", &id_token(), "accepted").naming("ada"),
        signed("without typ", &id_token().without_header("typ"), "accepted"),
        signed(
            "without a firebase claim",
            &id_token().without("firebase"),
            "accepted",
        ),
        signed("without user_id", &id_token().without("user_id"), "accepted"),
        signed(
            "without an e-mail",
            &id_token().without("email").without("email_verified"),
            "accepted",
        ),
        signed(
            "anonymous",
            &id_token()
                .without("email")
                .claim("firebase", r#"{"sign_in_provider":"anonymous"}"#),
            "accepted",
        ),
        signed(
            "custom claims",
            &id_token().claim("role", "{\"a\":[1,2.5,null]}"),
            "accepted",
        ),
        signed(
            "a name that is no string decides nothing",
            &id_token().claim("name", "{\"first\":\"Ada\"}"),
            "accepted",
        ),
    ];
    cases.extend(parties());
    cases.extend(subjects());
    cases.extend(times());
    cases.extend(other_claims());
    cases.extend(session_cookies());
    cases.extend(wrong_kinds());
    cases
}

fn parties() -> Vec<Entry> {
    let mut cases = Vec::new();
    for (name, iss, expect) in [
        (
            "iss of another project",
            "\"https://securetoken.google.com/another-app\"",
            "iss",
        ),
        (
            "iss without a project",
            "\"https://securetoken.google.com/\"",
            "iss",
        ),
        ("iss that is the bare project", "\"crossfade-app\"", "iss"),
        (
            "iss over http",
            "\"http://securetoken.google.com/crossfade-app\"",
            "iss",
        ),
        (
            "iss with a slash after it",
            "\"https://securetoken.google.com/crossfade-app/\"",
            "iss",
        ),
        (
            "iss with a host before it",
            "\"https://evil.example/https://securetoken.google.com/crossfade-app\"",
            "iss",
        ),
        (
            "iss with another case",
            "\"https://SecureToken.google.com/crossfade-app\"",
            "iss",
        ),
        ("iss empty", "\"\"", "iss"),
        ("iss a number", "1", "iss"),
        (
            "iss a list",
            "[\"https://securetoken.google.com/crossfade-app\"]",
            "iss",
        ),
        ("iss null", "null", "iss"),
    ] {
        cases.push(signed(name, &id_token().claim("iss", iss), expect));
    }
    cases.push(signed("no iss", &id_token().without("iss"), "claim_missing"));
    for (name, aud) in [
        ("aud of another project", "\"another-app\""),
        ("aud with a project's prefix", "\"crossfade-ap\""),
        ("aud longer than the project", "\"crossfade-app2\""),
        ("aud a list that holds the project", "[\"crossfade-app\"]"),
        ("aud a list of two", "[\"another-app\",\"crossfade-app\"]"),
        ("aud empty", "\"\""),
        ("aud a number", "1"),
        ("aud null", "null"),
    ] {
        cases.push(signed(name, &id_token().claim("aud", aud), "aud"));
    }
    cases.push(signed("no aud", &id_token().without("aud"), "aud"));
    let two = "crossfade-app,crossfade-two";
    let second = id_token()
        .claim("iss", "\"https://securetoken.google.com/crossfade-two\"")
        .claim("aud", "\"crossfade-two\"");
    cases.push(signed("the second of two projects", &second, "accepted").with("FIREBASE_PROJECT_ID", two));
    let crossed = id_token().claim("aud", "\"crossfade-two\"");
    cases.push(
        signed("iss of one project, aud of the other", &crossed, "aud").with("FIREBASE_PROJECT_ID", two),
    );
    cases
}

fn subjects() -> Vec<Entry> {
    let subject = |sub: &str| id_token().claim("sub", sub).claim("user_id", sub);
    let quoted = |text: String| format!("\"{text}\"");
    let mut cases = vec![
        signed("no sub", &id_token().without("sub"), "claim_missing"),
        signed("sub empty", &subject("\"\""), "sub"),
        signed("sub blank", &subject("\"  \""), "sub"),
        signed("sub with a line break", &subject("\"a\\nb\""), "sub"),
        signed("sub with a zero byte", &subject("\"a\\u0000\""), "sub"),
        signed(
            "sub of 128 characters",
            &subject(&quoted("x".repeat(128))),
            "accepted",
        ),
        signed("sub of 129 characters", &subject(&quoted("x".repeat(129))), "sub"),
        signed(
            "sub of 128 characters in 512 bytes",
            &subject(&quoted("𝒳".repeat(128))),
            "accepted",
        ),
        signed("sub of one character", &subject("\"a\""), "accepted"),
        signed(
            "sub empty with event_type beforeSendSms",
            &subject("\"\"").claim("event_type", "\"beforeSendSms\""),
            "sub",
        ),
        signed(
            "user_id of somebody else",
            &id_token().claim("user_id", "\"eve\""),
            "user_id",
        ),
        signed(
            "user_id not a string",
            &id_token().claim("user_id", "1"),
            "user_id",
        ),
        signed("user_id null", &id_token().claim("user_id", "null"), "user_id"),
    ];
    for sub in [
        "1",
        "0",
        "true",
        "null",
        "[]",
        "[\"ada\"]",
        "{}",
        "{\"a\":1}",
        "1.5",
    ] {
        cases.push(signed(format!("sub {sub}"), &subject(sub), "claim_invalid"));
    }
    cases
}

fn times() -> Vec<Entry> {
    let mut cases = Vec::new();
    let timed = |name: String, claim: &str, value: i64, expect| {
        case(
            BOUNDARIES,
            name,
            id_token().claim(claim, value.to_string()).sign(Signer::Issuer),
            expect,
        )
    };
    for skew in [0, 30, 60] {
        let config = skew.to_string();
        // Issued an hour ago, so that the lifetime stays legal for every `exp` here.
        let old = id_token()
            .claim("iat", (NOW - 3600).to_string())
            .claim("auth_time", (NOW - 7200).to_string());
        for (at, expect) in [(-skew - 1, "expired"), (-skew, "expired"), (1 - skew, "accepted")] {
            let token = old
                .clone()
                .claim("exp", (NOW + at).to_string())
                .sign(Signer::Issuer);
            cases.push(
                case(
                    BOUNDARIES,
                    format!("exp {at:+} with a skew of {skew}"),
                    token,
                    expect,
                )
                .with("CLOCK_SKEW_SECONDS", &config),
            );
        }
        for claim in ["iat", "auth_time", "nbf"] {
            for (at, expect) in [(skew, "accepted"), (skew + 1, "in_future")] {
                let name = format!("{claim} {at:+} with a skew of {skew}");
                cases.push(timed(name, claim, NOW + at, expect).with("CLOCK_SKEW_SECONDS", &config));
            }
        }
    }
    cases.push(
        timed("a skew does not shorten exp".into(), "exp", NOW + 1, "accepted")
            .with("CLOCK_SKEW_SECONDS", "60"),
    );
    for (name, exp, expect) in [
        ("a lifetime of 24 hours", NOW - 10 + 86_400, "accepted"),
        (
            "a lifetime of 24 hours and a second",
            NOW - 10 + 86_401,
            "lifetime",
        ),
        ("exp before iat, within the skew", NOW - 11, "lifetime"),
        ("exp at iat, within the skew", NOW - 10, "lifetime"),
        ("exp in the year 2106", 4_294_967_296, "lifetime"),
        ("exp 2^53 - 1", 9_007_199_254_740_991, "lifetime"),
        ("exp 2^53", 9_007_199_254_740_992, "claim_invalid"),
        ("exp 2^63 - 1", i64::MAX, "claim_invalid"),
        ("exp 0", 0, "expired"),
        ("exp negative", -1, "claim_invalid"),
    ] {
        cases.push(timed(name.to_owned(), "exp", exp, expect));
    }
    let later = 2_200_000_000;
    let after_2038 = id_token()
        .claim("auth_time", later.to_string())
        .claim("iat", later.to_string())
        .claim("exp", (later + 3600).to_string());
    cases.push(
        case(
            BOUNDARIES,
            "after 2038",
            after_2038.sign(Signer::Issuer),
            "accepted",
        )
        .later(later - NOW),
    );
    for claim in ["exp", "iat", "auth_time"] {
        cases.push(case(
            BOUNDARIES,
            format!("no {claim}"),
            id_token().without(claim).sign(Signer::Issuer),
            "claim_missing",
        ));
    }
    for claim in ["exp", "iat", "auth_time", "nbf"] {
        for value in [
            "\"1794999990\"",
            "null",
            "true",
            "[1794999990]",
            "{}",
            "1794999990.5",
            "1794999990.0",
            "1.79499999e9",
            "-0",
            "18446744073709551616",
        ] {
            let token = id_token().claim(claim, value).sign(Signer::Issuer);
            cases.push(case(
                BOUNDARIES,
                format!("{claim} {value}"),
                token,
                "claim_invalid",
            ));
        }
        let token = id_token().claim(claim, "1e400").sign(Signer::Issuer);
        cases.push(case(BOUNDARIES, format!("{claim} 1e400"), token, "payload_json"));
    }
    cases
}

fn other_claims() -> Vec<Entry> {
    let mut cases = Vec::new();
    for (name, claim, value) in [
        ("email_verified as a string", "email_verified", "\"true\""),
        ("email_verified as a number", "email_verified", "1"),
        ("email as a list", "email", "[\"ada@example.com\"]"),
        ("email null", "email", "null"),
        ("phone_number as a number", "phone_number", "123"),
        ("firebase as a string", "firebase", "\"password\""),
        ("firebase null", "firebase", "null"),
        (
            "sign_in_provider as a list",
            "firebase",
            "{\"sign_in_provider\":[\"password\"]}",
        ),
    ] {
        cases.push(signed(name, &id_token().claim(claim, value), "claim_invalid"));
    }
    let tenant = |value: &str| {
        id_token().claim(
            "firebase",
            format!("{{\"sign_in_provider\":\"password\",\"tenant\":{value}}}"),
        )
    };
    let configured = |entry: Entry| entry.with("FIREBASE_TENANT_ID", "tenant-a");
    cases.push(signed(
        "a tenant where none is configured",
        &tenant("\"tenant-a\""),
        "tenant",
    ));
    cases.push(signed(
        "a null tenant where none is configured",
        &tenant("null"),
        "tenant",
    ));
    cases.push(configured(signed(
        "the configured tenant",
        &tenant("\"tenant-a\""),
        "accepted",
    )));
    cases.push(configured(signed(
        "another tenant",
        &tenant("\"tenant-b\""),
        "tenant",
    )));
    cases.push(configured(signed(
        "a tenant in another case",
        &tenant("\"Tenant-a\""),
        "tenant",
    )));
    cases.push(configured(signed(
        "no tenant where one is configured",
        &id_token(),
        "tenant",
    )));
    cases.push(configured(signed(
        "no firebase claim where a tenant is configured",
        &id_token().without("firebase"),
        "tenant",
    )));
    cases.push(configured(signed(
        "the tenant in a list",
        &tenant("[\"tenant-a\"]"),
        "tenant",
    )));
    cases
}

fn session_cookies() -> Vec<Entry> {
    const COOKIES: &str = "Session cookies";
    let cookie = id_token()
        .header("kid", "\"cookie-1\"")
        .claim("iss", "\"https://session.firebase.google.com/crossfade-app\"")
        .claim("exp", (NOW - 10 + 14 * 86_400).to_string());
    let on = |entry: Entry| entry.with("FIREBASE_SESSION_COOKIES", "on");
    let too_long = cookie.clone().claim("exp", (NOW - 9 + 14 * 86_400).to_string());
    let of_another = cookie
        .clone()
        .claim("iss", "\"https://session.firebase.google.com/another-app\"");
    vec![
        on(case(
            COOKIES,
            "a session cookie of two weeks",
            cookie.sign(Signer::Cookies),
            "accepted",
        )
        .naming("ada")),
        case(
            COOKIES,
            "where they are off",
            cookie.sign(Signer::Cookies),
            "session_cookie",
        )
        .with("FIREBASE_SESSION_COOKIES", "off"),
        on(case(
            COOKIES,
            "longer than two weeks",
            too_long.sign(Signer::Cookies),
            "lifetime",
        )),
        on(case(
            COOKIES,
            "of another project",
            of_another.sign(Signer::Cookies),
            "iss",
        )),
        on(case(
            COOKIES,
            "signed with a key of ID tokens under its own name",
            cookie.clone().header("kid", "\"key-1\"").sign(Signer::Issuer),
            "key_unknown",
        )),
        on(case(
            COOKIES,
            "signed with a key of ID tokens under a cookie key's name",
            cookie.sign(Signer::Issuer),
            "signature",
        )),
        on(case(
            COOKIES,
            "an ID token signed with a cookie key under its own name",
            id_token().header("kid", "\"cookie-1\"").sign(Signer::Cookies),
            "key_unknown",
        )),
        on(case(
            COOKIES,
            "an ID token that lives like a cookie",
            id_token()
                .claim("exp", (NOW + 86_400).to_string())
                .sign(Signer::Issuer),
            "lifetime",
        )),
        on(case(
            COOKIES,
            "an ID token beside them",
            id_token().sign(Signer::Issuer),
            "accepted",
        )),
    ]
}

fn wrong_kinds() -> Vec<Entry> {
    const KINDS: &str = "Tokens of another kind";
    let custom = Draft::new(
        &[("alg", "\"RS256\""), ("typ", "\"JWT\"")],
        &[
            ("aud", CUSTOM_TOKEN_AUDIENCE),
            ("iat", "1794999990"),
            ("exp", "1795003590"),
            ("iss", "\"sa@crossfade-app.iam.gserviceaccount.com\""),
            ("sub", "\"sa@crossfade-app.iam.gserviceaccount.com\""),
            ("uid", "\"ada\""),
        ],
    );
    let legacy_custom = Draft::new(
        &[("alg", "\"HS256\""), ("typ", "\"JWT\"")],
        &[("v", "0"), ("d", "{\"uid\":\"ada\"}"), ("iat", "1794999990")],
    );
    let app_check = id_token()
        .claim("iss", "\"https://firebaseappcheck.googleapis.com/123\"")
        .claim("aud", "[\"projects/123\"]");
    let google = id_token()
        .claim("iss", "\"https://accounts.google.com\"")
        .claim("aud", "\"client.apps.googleusercontent.com\"");
    vec![
        case(
            KINDS,
            "a custom token",
            custom.sign(Signer::Stranger),
            "custom_token",
        ),
        case(
            KINDS,
            "a custom token of the emulator",
            custom.clone().header("alg", "\"none\"").sign(Signer::Text("")),
            "custom_token",
        ),
        case(
            KINDS,
            "a custom token's audience in an ID token",
            id_token()
                .claim("aud", CUSTOM_TOKEN_AUDIENCE)
                .sign(Signer::Issuer),
            "custom_token",
        ),
        case(
            KINDS,
            "a legacy custom token",
            legacy_custom.sign(Signer::Hmac(b"app-secret")),
            "legacy_custom_token",
        ),
        case(
            KINDS,
            "an App Check token",
            app_check.sign(Signer::Issuer),
            "app_check_token",
        ),
        case(
            KINDS,
            "a Google ID token",
            google.sign(Signer::Issuer),
            "google_id_token",
        ),
        case(
            KINDS,
            "a stranger's token",
            id_token()
                .claim("iss", "\"https://issuer.example\"")
                .sign(Signer::Stranger),
            "iss",
        ),
    ]
}
