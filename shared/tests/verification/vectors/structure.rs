//! The form of a token: segments, base64url, JSON, bounds.

use shared::base64url;

use super::{Entry, case, id_token};
use crate::draft::{Signer, seal};

const FORM: &str = "Form";

pub fn cases() -> Vec<Entry> {
    let good = id_token().sign(Signer::Issuer);
    let [header, payload, signature] = split(&good);
    let signed = |name: &str, payload: String, expect| {
        case(
            FORM,
            name,
            seal(id_token().head().as_bytes(), payload.as_bytes(), Signer::Issuer),
            expect,
        )
    };
    let headed = |name: &str, header: &str, expect| {
        case(
            FORM,
            name,
            seal(header.as_bytes(), id_token().payload().as_bytes(), Signer::Issuer),
            expect,
        )
    };
    let text = |name: &str, token: String, expect| case(FORM, name, token, expect);
    let mut cases = vec![
        text("empty", String::new(), "segments"),
        text("a word", "invalid-token".into(), "segments"),
        text("one dot", "foo.bar".into(), "segments"),
        text("two dots", "..".into(), "header_json"),
        text("four segments", "fo.ob.ar.baz".into(), "segments"),
        text("five segments, as of a JWE", "a.b.c.d.e".into(), "segments"),
        text("three words", "foo.bar.baz".into(), "payload_encoding"),
        text("no header", format!(".{payload}.{signature}"), "header_json"),
        text("no payload", format!("{header}..{signature}"), "payload_json"),
        text("no signature", format!("{header}.{payload}."), "segments"),
        text("a dot after it", format!("{good}."), "segments"),
        text("a dot before it", format!(".{good}"), "segments"),
        text("white space before it", format!(" {good}"), "header_encoding"),
        text("a line break after it", format!("{good}\n"), "signature_encoding"),
        text("Bearer before it", format!("Bearer {good}"), "header_encoding"),
        text("a comma and another", format!("{good},{good}"), "segments"),
        text(
            "padded header",
            format!("{header}=.{payload}.{signature}"),
            "header_encoding",
        ),
        text("padded signature", format!("{good}=="), "signature_encoding"),
        text(
            "plain base64 in the signature",
            format!("{header}.{payload}.+{}", &signature[1..]),
            "signature_encoding",
        ),
        text("percent-encoded dots", good.replace('.', "%2E"), "segments"),
        text(
            "letters beyond ASCII",
            format!("{header}.{payload}.é{}", &signature[1..]),
            "signature_encoding",
        ),
        text(
            "a zero byte",
            format!("{header}.{payload}.{signature}\0"),
            "signature_encoding",
        ),
        text("8193 bytes", "x".repeat(8193), "too_long"),
        text("8192 bytes", "x".repeat(8192), "segments"),
        headed("a header that is a list", "[]", "header_json"),
        headed("a header that is a string", "\"RS256\"", "header_json"),
        headed(
            "a header with a comment",
            "{/**/\"alg\":\"RS256\"}",
            "header_json",
        ),
        headed(
            "two headers",
            "{\"alg\":\"RS256\",\"kid\":\"key-1\"}{}",
            "header_json",
        ),
        headed(
            "alg twice",
            r#"{"alg":"RS256","kid":"key-1","alg":"RS256"}"#,
            "header_json",
        ),
        headed(
            "alg twice, once escaped",
            r#"{"alg":"RS256","kid":"key-1","\u0061lg":"none"}"#,
            "header_json",
        ),
        signed("a payload that is a list", "[]".into(), "payload_json"),
        signed("a payload that is null", "null".into(), "payload_json"),
        signed(
            "a payload with a trailing comma",
            id_token().payload().replace("}}", "},}"),
            "payload_json",
        ),
        signed(
            "sub twice",
            id_token().twice("sub", "\"eve\"").payload(),
            "payload_json",
        ),
        signed(
            "exp twice with one value",
            id_token().twice("exp", "1795003590").payload(),
            "payload_json",
        ),
        signed(
            "a duplicate deep inside",
            id_token().claim("a", r#"[{"b":{"c":1,"c":1}}]"#).payload(),
            "payload_json",
        ),
        signed(
            "a lone surrogate",
            id_token().claim("name", "\"\\ud800\"").payload(),
            "payload_json",
        ),
        signed(
            "a byte order mark",
            format!("\u{feff}{}", id_token().payload()),
            "payload_json",
        ),
        // As much as Firebase's 1000 bytes of custom claims can hold.
        signed(
            "custom claims nested 17 deep",
            id_token().claim("a", nested(16)).payload(),
            "accepted",
        ),
        signed(
            "custom claims nested as deep as 1000 bytes go",
            id_token().claim("a", nested(497)).payload(),
            "accepted",
        ),
        signed("120 custom claims", many_claims(120), "accepted"),
        signed(
            "as many members as 1000 bytes of custom claims hold",
            id_token().claim("", chain(198)).payload(),
            "accepted",
        ),
        signed(
            "attributes of a SAML assertion",
            id_token().claim("firebase", saml(60)).payload(),
            "accepted",
        ),
        signed(
            "a duplicate as deep as 1000 bytes go",
            id_token()
                .claim(
                    "a",
                    format!("{}{{\"b\":1,\"b\":1}}{}", "[".repeat(490), "]".repeat(490)),
                )
                .payload(),
            "payload_json",
        ),
        signed(
            "nested 512 deep",
            id_token().claim("a", nested(511)).payload(),
            "accepted",
        ),
        signed(
            "nested 513 deep",
            id_token().claim("a", nested(512)).payload(),
            "payload_json",
        ),
        // The header already has 3 members and the payload 14, two of them inside `firebase` and one inside `identities`.
        signed(
            "512 members",
            id_token().claim("a", members(494)).payload(),
            "accepted",
        ),
        signed(
            "513 members",
            id_token().claim("a", members(495)).payload(),
            "payload_json",
        ),
        case(
            FORM,
            "a payload of invalid UTF-8",
            seal(
                id_token().head().as_bytes(),
                b"{\"sub\":\"\xff\xfe\"}",
                Signer::Issuer,
            ),
            "payload_json",
        ),
        case(
            FORM,
            "a payload in UTF-16",
            seal(
                id_token().head().as_bytes(),
                &id_token()
                    .payload()
                    .bytes()
                    .flat_map(|byte| [byte, 0])
                    .collect::<Vec<_>>(),
                Signer::Issuer,
            ),
            "payload_json",
        ),
        case(
            FORM,
            "white space in the payload",
            seal(
                id_token().head().as_bytes(),
                id_token().payload().replace(',', ",\r\n\t ").as_bytes(),
                Signer::Issuer,
            ),
            "accepted",
        ),
    ];
    cases.extend(unused_bits(&good));
    cases
}

fn split(token: &str) -> [&str; 3] {
    let mut parts = token.split('.');
    std::array::from_fn(|_| parts.next().unwrap())
}

fn nested(depth: usize) -> String {
    format!("{}{}", "[".repeat(depth), "]".repeat(depth))
}

/// Objects within objects, five bytes each.
fn chain(count: usize) -> String {
    format!("{}0{}", "{\"\":".repeat(count), "}".repeat(count))
}

fn many_claims(count: usize) -> String {
    let claims = (0..count).fold(id_token(), |token, number| {
        token.claim(&format!("c{number}"), "1")
    });
    claims.payload()
}

/// The claim `firebase` of a sign-in by SAML, with `count` attributes.
fn saml(count: usize) -> String {
    let attributes: Vec<String> = (0..count)
        .map(|number| format!("\"http://schemas.example.com/claims/{number}\":[\"a\",\"b\"]"))
        .collect();
    format!(
        "{{\"identities\":{{\"saml.example\":[\"ann\"]}},\"sign_in_provider\":\"saml.example\",\"sign_in_attributes\":{{{}}}}}",
        attributes.join(",")
    )
}

fn members(count: usize) -> String {
    let members: Vec<String> = (0..count).map(|n| format!("\"m{n}\":0")).collect();
    format!("{{{}}}", members.join(","))
}

/// The signature's last symbol has bits that decode to nothing: each other spelling of it is a forgery of the token's text.
fn unused_bits(good: &str) -> Vec<Entry> {
    let (rest, last) = good.split_at(good.len() - 1);
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let value = alphabet.find(last).unwrap();
    assert_eq!(
        base64url::decode(good.rsplit('.').next().unwrap().as_bytes())
            .unwrap()
            .len(),
        256
    );
    (1..16)
        .map(|bits| {
            let other = &alphabet[value + bits..=value + bits];
            case(
                FORM,
                format!("unused bits {bits:04b} in the signature"),
                format!("{rest}{other}"),
                "signature_encoding",
            )
        })
        .collect()
}
