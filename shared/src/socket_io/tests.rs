use super::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// The packet with the token `new`, or why there is none.
fn replaced(packet: &str) -> Result<String, &'static str> {
    match Connect::read(packet) {
        Err(Malformed) => Err("malformed"),
        Ok(None) => Err("another"),
        Ok(Some(connect)) => match connect.unverified_token("token") {
            Err(Malformed) => Err("malformed token"),
            Ok(None) => Err("no token"),
            Ok(Some(_)) => Ok(connect.with_token("token", "new")),
        },
    }
}

#[test]
fn only_the_token_of_a_connect_packet_is_replaced() {
    for (packet, expected) in [
        (r#"40{"token":"old"}"#, Ok(r#"40{"token":"new"}"#)),
        (r#"40/admin,{"token":"old"}"#, Ok(r#"40/admin,{"token":"new"}"#)),
        (r#"40/,{"token":"old"}"#, Ok(r#"40/,{"token":"new"}"#)),
        (
            r#"40{"token":"old","lang":"de","n":1.5,"deep":{"token":"kept"}}"#,
            Ok(r#"40{"deep":{"token":"kept"},"lang":"de","n":1.5,"token":"new"}"#),
        ),
        // A server reads the last of two equal keys.
        (r#"40{"token":"a","token":"b"}"#, Ok(r#"40{"token":"new"}"#)),
        (r#"40{"tok\u0065n":"old"}"#, Ok(r#"40{"token":"new"}"#)),
        ("40", Err("no token")),
        ("40/admin", Err("no token")),
        ("40/admin,", Err("no token")),
        ("40{}", Err("no token")),
        (r#"40{"token":null}"#, Err("no token")),
        (r#"40{"token":["old"]}"#, Err("malformed token")),
        (r#"40{"token":7}"#, Err("malformed token")),
        // A server takes white space for the digit 0: `Number(" ")`.
        (r#"4 {"token":"old"}"#, Err("malformed")),
        ("4\u{a0}{\"token\":\"old\"}", Err("malformed")),
        ("4\t/admin,{\"token\":\"old\"}", Err("malformed")),
        (r#"4{"token":"old"}"#, Err("malformed")),
        ("4", Err("malformed")),
        ("47", Err("malformed")),
        (r#"401{"token":"old"}"#, Err("malformed")),
        (r#"40/admin,1{"token":"old"}"#, Err("malformed")),
        (r#"40 {"token":"old"}"#, Err("malformed")),
        (r#"40["token"]"#, Err("malformed")),
        (r#"40{"token":"old"}{"#, Err("malformed")),
        (r#"40{"token":"old""#, Err("malformed")),
        (r#"42["connect",{"token":"old"}]"#, Err("another")),
        ("41", Err("another")),
        (r#"451-["x",{"_placeholder":true,"num":0}]"#, Err("another")),
        ("2probe", Err("another")),
        ("5", Err("another")),
        ("3", Err("another")),
        ("bAAEC", Err("another")),
        ("", Err("another")),
    ] {
        assert_eq!(replaced(packet).as_deref(), expected.as_deref(), "{packet}");
    }
}

#[test]
fn long_connect_packet_is_refused() {
    let padded = |bytes: usize| {
        let payload = r#"{"token":"old","x":""}"#;
        let padding = "x".repeat(bytes - payload.len());
        format!(r#"40{{"token":"old","x":"{padding}"}}"#)
    };
    assert!(replaced(&padded(MAX_CONNECT_BYTES)).is_ok());
    assert_eq!(replaced(&padded(MAX_CONNECT_BYTES + 1)), Err("malformed"));
    let deep = format!("40{}", r#"{"a":"#.repeat(2_000));
    assert_eq!(replaced(&deep), Err("malformed"));
    let event = format!("42[\"{}\"]", "x".repeat(1_000_000));
    assert_eq!(replaced(&event), Err("another"));
}

#[test]
fn refusal_names_the_namespace() {
    for (packet, expected) in [
        (r#"40{"token":"x"}"#, r#"44{"data":{"code":"C"},"message":"m"}"#),
        ("40/admin", r#"44/admin,{"data":{"code":"C"},"message":"m"}"#),
        ("40/a,{}", r#"44/a,{"data":{"code":"C"},"message":"m"}"#),
    ] {
        let connect = Connect::read(packet).unwrap().unwrap();
        assert_eq!(connect.refusal("m", "C"), expected, "{packet}");
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod properties {
    use proptest::prelude::*;

    use super::*;

    /// What the server's parser reads of `packet`, by its rules: the namespace and the token of a CONNECT.
    fn server_reads(packet: &str) -> Option<(String, Option<Value>)> {
        let message = packet.strip_prefix('4')?;
        let kind = message.chars().next()?;
        // `Number(character) === 0`
        if kind != '0' && !kind.is_whitespace() && kind != '\u{feff}' {
            return None;
        }
        let rest = &message[kind.len_utf8()..];
        let (namespace, rest) = match rest.strip_prefix('/') {
            Some(_) => rest.split_once(',').unwrap_or((rest, "")),
            None => ("/", rest),
        };
        let rest = rest.trim_start_matches(|next: char| next.is_ascii_digit() || next.is_whitespace());
        if rest.is_empty() {
            return Some((namespace.to_owned(), None));
        }
        let payload: Map<String, Value> = serde_json::from_str(rest).ok()?;
        Some((namespace.to_owned(), payload.get("token").cloned()))
    }

    proptest! {
        #[test]
        fn server_never_reads_an_unverified_token(
            packet in r#"[0-9b]?4?[ \t0-9\u{a0}\u{feff}]?(/[a-z/ ]{0,4},?)?[ 0-9]{0,2}(\{("token":"(old|x)"|"a":1)?(,"(token|b)":("old"|null|3|\{\}))?\})?[ \x1e]?"#
        ) {
            match Connect::read(&packet) {
                Err(Malformed) => {}
                Ok(None) => prop_assert_eq!(server_reads(&packet), None),
                Ok(Some(connect)) => {
                    let namespace = server_reads(&packet).map(|(namespace, _)| namespace);
                    let sent = connect.with_token("token", "new");
                    prop_assert_eq!(server_reads(&sent), Some((namespace.unwrap(), Some(Value::from("new")))));
                    if connect.unverified_token("token") == Ok(None) {
                        let read = server_reads(&connect.unchanged()).unwrap();
                        prop_assert!(matches!(read.1, None | Some(Value::Null)));
                    }
                }
            }
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in ".{0,64}") {
            for packet in packets(&text) {
                let _ = Connect::read(packet).map(|connect| connect.map(|connect| connect.refusal(&text, "C")));
            }
            let again: Vec<String> = packets(&text).map(str::to_owned).collect();
            prop_assert_eq!(payload(&again), text);
        }
    }
}
