//! Known attacks on JWT verifiers, and the ways peers' own test suites probe them.

use shared::base64url;

use super::{Entry, SECRET, case, id_token, legacy_token};
use crate::draft::{Draft, Signer, modulus, seal};

const ATTACKS: &str = "Attacks";

pub fn cases() -> Vec<Entry> {
    let mut cases = algorithms();
    cases.extend(confusions());
    cases.extend(key_ids());
    cases.extend(headers());
    cases.extend(tampering());
    cases
}

/// CVE-2015-9235 and its kind: the token chooses how it is checked.
fn algorithms() -> Vec<Entry> {
    let mut cases = Vec::new();
    for alg in [
        "none",
        "None",
        "NONE",
        "nOnE",
        "RS384",
        "RS512",
        "PS256",
        "ES256",
        "HS384",
        "HS512",
        "EdDSA",
        "rs256",
        "RS256 ",
        "RS256\\u0000",
        "",
    ] {
        for (how, signer) in [
            ("without a signature", Signer::Text("")),
            ("with the issuer's signature", Signer::Issuer),
        ] {
            let token = id_token().header("alg", format!("\"{alg}\"")).sign(signer);
            cases.push(case(ATTACKS, format!("alg {alg:?} {how}"), token, "alg"));
        }
    }
    for alg in ["null", "1", "true", "[\"RS256\"]", "{\"RS256\":1}"] {
        let token = id_token().header("alg", alg).sign(Signer::Issuer);
        cases.push(case(ATTACKS, format!("alg {alg}"), token, "alg"));
    }
    cases.push(case(
        ATTACKS,
        "no alg",
        id_token().without_header("alg").sign(Signer::Issuer),
        "alg",
    ));
    for alg in ["none", "RS256", "HS384"] {
        let token = legacy_token()
            .header("alg", format!("\"{alg}\""))
            .header("kid", "\"key-1\"");
        for signer in [Signer::Text(""), Signer::Issuer, Signer::Hmac(SECRET.as_bytes())] {
            cases.push(case(
                ATTACKS,
                format!("a legacy token with alg {alg}"),
                token.sign(signer),
                "alg",
            ));
        }
    }
    cases
}

/// CVE-2016-5431 and its kind: a public key taken for a secret, one ring's credential for the other's.
fn confusions() -> Vec<Entry> {
    let n = modulus(Signer::Issuer);
    let jwk_n = base64url::encode(&n);
    let pem = pem(&spki(&n));
    let der = spki(&n);
    let firebase = id_token().header("alg", "\"HS256\"");
    let legacy = legacy_token().header("kid", "\"key-1\"");
    let mut cases = Vec::new();
    for (what, secret) in [
        ("the modulus", n.as_slice()),
        ("the JWK's n", jwk_n.as_bytes()),
        ("the PEM", pem.as_bytes()),
        ("the PEM without its last line break", pem.trim_end().as_bytes()),
        ("the DER", der.as_slice()),
        ("nothing", b"".as_slice()),
        ("the key's name", b"key-1".as_slice()),
        ("the legacy secret", SECRET.as_bytes()),
    ] {
        cases.push(case(
            ATTACKS,
            format!("HS256 as Firebase under {what}"),
            firebase.sign(Signer::Hmac(secret)),
            "alg",
        ));
        if what != "the legacy secret" {
            cases.push(case(
                ATTACKS,
                format!("a legacy token naming an RSA key under {what}"),
                legacy.sign(Signer::Hmac(secret)),
                "signature",
            ));
        }
    }
    let as_legacy = |draft: Draft| {
        draft
            .claim("iss", "\"atma-auth-service\"")
            .claim("aud", "\"atma-services\"")
    };
    let as_firebase = |draft: Draft| {
        draft
            .claim("iss", "\"https://securetoken.google.com/crossfade-app\"")
            .claim("aud", "\"crossfade-app\"")
    };
    cases.push(case(
        ATTACKS,
        "a Firebase token with the legacy issuer",
        as_legacy(id_token()).sign(Signer::Issuer),
        "alg",
    ));
    cases.push(case(
        ATTACKS,
        "the same under the legacy secret",
        as_legacy(id_token())
            .header("alg", "\"HS256\"")
            .sign(Signer::Hmac(SECRET.as_bytes())),
        "claim_missing",
    ));
    cases.push(case(
        ATTACKS,
        "a legacy token with Firebase's issuer",
        as_firebase(legacy_token()).sign(Signer::Hmac(SECRET.as_bytes())),
        "alg",
    ));
    cases.push(case(
        ATTACKS,
        "the same with alg RS256",
        as_firebase(legacy_token())
            .header("alg", "\"RS256\"")
            .header("kid", "\"key-1\"")
            .sign(Signer::Hmac(SECRET.as_bytes())),
        "claim_missing",
    ));
    cases
}

fn key_ids() -> Vec<Entry> {
    let named = |name: &str, kid: &str, expect| {
        case(
            ATTACKS,
            name,
            id_token().header("kid", kid).sign(Signer::Issuer),
            expect,
        )
    };
    let mut cases = vec![
        case(
            ATTACKS,
            "no kid",
            id_token().without_header("kid").sign(Signer::Issuer),
            "kid",
        ),
        named("kid empty", "\"\"", "kid"),
        named("kid a number", "1", "kid"),
        named("kid null", "null", "kid"),
        named("kid a list", "[\"key-1\"]", "kid"),
        named("kid of 257 bytes", &format!("\"{}\"", "k".repeat(257)), "kid"),
        named(
            "kid of 256 bytes",
            &format!("\"{}\"", "k".repeat(256)),
            "key_unknown",
        ),
        named("kid with a line break", "\"key-1\\r\\nX-User-Id: 1\"", "kid"),
        named("kid unknown", "\"key-2\"", "key_unknown"),
        named("kid in another case", "\"KEY-1\"", "key_unknown"),
        named("kid with white space", "\"key-1 \"", "key_unknown"),
        named("kid as a path", "\"../../../dev/null\"", "key_unknown"),
        named("kid as SQL", "\"' UNION SELECT 'key\"", "key_unknown"),
        named("kid as a URL", "\"https://evil.example/jwks\"", "key_unknown"),
        named("kid as a prototype", "\"__proto__\"", "key_unknown"),
        named("kid as a constructor", "\"constructor\"", "key_unknown"),
    ];
    cases.push(case(
        ATTACKS,
        "a header that repeats itself as foo",
        seal(
            b"{\"foo\":\"bar\"}",
            id_token().payload().as_bytes(),
            Signer::Issuer,
        ),
        "alg",
    ));
    cases
}

/// CVE-2018-0114 and RFC 7515 section 4.1: a token brings its own key, or asks for other rules.
fn headers() -> Vec<Entry> {
    let n = base64url::encode(&modulus(Signer::Stranger));
    let jwk = format!(r#"{{"kty":"RSA","e":"AQAB","kid":"key-1","n":"{n}"}}"#);
    let mut cases = Vec::new();
    for (name, value) in [
        ("jwk", jwk.as_str()),
        ("jku", "\"https://evil.example/jwks\""),
        ("x5u", "\"https://evil.example/cert\""),
        ("x5c", "[\"MIIB\"]"),
        ("x5t", "\"AAAA\""),
    ] {
        // These members are not read at all: the stranger's key does not count, and the issuer's token stays good.
        cases.push(case(
            ATTACKS,
            format!("{name} of a stranger"),
            id_token().header(name, value).sign(Signer::Stranger),
            "signature",
        ));
        cases.push(case(
            ATTACKS,
            format!("{name} beside the issuer's signature"),
            id_token().header(name, value).sign(Signer::Issuer),
            "accepted",
        ));
    }
    for (name, value) in [
        ("crit", "[\"exp\"]"),
        ("crit", "[]"),
        ("crit", "null"),
        ("b64", "false"),
        ("b64", "true"),
        ("zip", "\"DEF\""),
    ] {
        let token = id_token().header(name, value).sign(Signer::Issuer);
        cases.push(case(
            ATTACKS,
            format!("{name} {value}"),
            token,
            "header_extension",
        ));
    }
    for typ in [
        "\"at+jwt\"",
        "\"jwt\"",
        "\"JOSE\"",
        "\"crossfade+jwt\"",
        "\"application/jwt\"",
        "\"\"",
        "null",
        "1",
    ] {
        let token = id_token().header("typ", typ).sign(Signer::Issuer);
        cases.push(case(ATTACKS, format!("typ {typ}"), token, "typ"));
    }
    cases
}

/// Changes after signing.
fn tampering() -> Vec<Entry> {
    let good = id_token().sign(Signer::Issuer);
    let mut parts = good.split('.');
    let [header, payload, signature]: [&str; 3] = std::array::from_fn(|_| parts.next().unwrap());
    let other = base64url::encode(
        id_token()
            .claim("sub", "\"eve\"")
            .claim("user_id", "\"eve\"")
            .payload()
            .as_bytes(),
    );
    let longer = base64url::encode(id_token().claim("exp", "1795003591").payload().as_bytes());
    let legacy = legacy_token().sign(Signer::Hmac(SECRET.as_bytes()));
    let legacy_signature = legacy.rsplit('.').next().unwrap();
    let bytes = base64url::decode(signature.as_bytes()).unwrap();
    let with = |name: &str, bytes: &[u8]| {
        case(
            ATTACKS,
            name,
            format!("{header}.{payload}.{}", base64url::encode(bytes)),
            "signature",
        )
    };
    let flipped = |at: usize| {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1;
        flipped
    };
    let mut cases = vec![
        case(
            ATTACKS,
            "another sub under the same signature",
            format!("{header}.{other}.{signature}"),
            "signature",
        ),
        case(
            ATTACKS,
            "a later exp under the same signature",
            format!("{header}.{longer}.{signature}"),
            "signature",
        ),
        case(
            ATTACKS,
            "signed by a stranger",
            id_token().sign(Signer::Stranger),
            "signature",
        ),
        case(
            ATTACKS,
            "signed with the cookies' key",
            id_token().sign(Signer::Cookies),
            "signature",
        ),
        case(
            ATTACKS,
            "a legacy token's signature",
            format!("{header}.{payload}.{legacy_signature}"),
            "signature",
        ),
        with("a signature of zeros", &[0; 256]),
        with("a signature of ones", &[0xFF; 256]),
        with("a signature of one byte", &[0]),
        with("a signature that is the modulus", &modulus(Signer::Issuer)),
        with(
            "a signature with a byte before it",
            &[[0].as_slice(), bytes.as_slice()].concat(),
        ),
        with(
            "a signature with a byte after it",
            &[bytes.as_slice(), [0].as_slice()].concat(),
        ),
        with("a signature without its last byte", &bytes[..255]),
        with(
            "a signature in reverse",
            &bytes.iter().rev().copied().collect::<Vec<_>>(),
        ),
    ];
    for at in [0, 1, 127, 254, 255] {
        cases.push(with(
            &format!("bit 0 of byte {at} of the signature changed"),
            &flipped(at),
        ));
    }
    cases
}

/// SubjectPublicKeyInfo of a 2048-bit key, exponent 65537 (RFC 8017 appendix A.1.1 in RFC 5280's frame).
fn spki(modulus: &[u8]) -> Vec<u8> {
    assert_eq!(modulus.len(), 256);
    let prefix = [
        0x30, 0x82, 0x01, 0x22, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01,
        0x05, 0x00, 0x03, 0x82, 0x01, 0x0f, 0x00, 0x30, 0x82, 0x01, 0x0a, 0x02, 0x82, 0x01, 0x01, 0x00,
    ];
    [
        prefix.as_slice(),
        modulus,
        [0x02, 0x03, 0x01, 0x00, 0x01].as_slice(),
    ]
    .concat()
}

fn pem(der: &[u8]) -> String {
    let text: Vec<char> = base64url::encode(der)
        .replace('-', "+")
        .replace('_', "/")
        .chars()
        .collect();
    let lines: Vec<String> = text.chunks(64).map(|line| line.iter().collect()).collect();
    format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        lines.join("\n")
    )
}
