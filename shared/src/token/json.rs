//! JSON as strictly as a credential needs it: no duplicate member at any depth (RFC 8725 section 2.4, RFC 7519 section 4), bounded nesting
//! and member count, valid UTF-8, nothing after the value.
//!
//! The reader enforces bounds while it reads, so hostile text stops it at the first member too many. Nothing here recurses: a level of
//! nesting costs a frame on the heap, not on the stack.

mod reader;
mod scan;
mod value;

pub use value::JsonFault;
pub(crate) use value::{Budget, Json, Object};

/// Reads one JSON object.
///
/// # Errors
/// [`JsonFault`], the first one met.
pub(crate) fn object(bytes: &[u8], budget: &Budget) -> Result<Object, JsonFault> {
    let text = std::str::from_utf8(bytes).map_err(|_| JsonFault::Syntax)?;
    match reader::read(text, budget)? {
        Json::Object(object) => Ok(object),
        _ => Err(JsonFault::NotAnObject),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn read(text: &str) -> Result<Object, JsonFault> {
        object(text.as_bytes(), &Budget::new(4, 6))
    }

    #[test]
    fn objects_are_read() {
        let value =
            read(r#" {"a":1,"b":[true,null,{"c":"\u00e9"}],"d":-1.5,"e":18446744073709551615} "#).unwrap();
        assert_eq!(value.get("a"), Some(&Json::Whole(1)));
        assert_eq!(value.get("d"), Some(&Json::OtherNumber));
        assert_eq!(value.get("e"), Some(&Json::OtherNumber));
        assert!(value.has("b") && !value.has("c"));
    }

    #[test]
    fn other_json_is_refused() {
        for (text, fault) in [
            ("", JsonFault::Syntax),
            ("{", JsonFault::Syntax),
            ("{}x", JsonFault::Syntax),
            ("{} {}", JsonFault::Syntax),
            ("\u{feff}{}", JsonFault::Syntax),
            ("{'a':1}", JsonFault::Syntax),
            ("{\"a\":1,}", JsonFault::Syntax),
            ("{\"a\":01}", JsonFault::Syntax),
            ("{\"a\":-01}", JsonFault::Syntax),
            ("{\"a\":+1}", JsonFault::Syntax),
            ("{\"a\":1.}", JsonFault::Syntax),
            ("{\"a\":.5}", JsonFault::Syntax),
            ("{\"a\":1e}", JsonFault::Syntax),
            ("{\"a\":-}", JsonFault::Syntax),
            ("{\"a\":truex}", JsonFault::Syntax),
            ("{\"a\":tru}", JsonFault::Syntax),
            ("{\"a\":1 2}", JsonFault::Syntax),
            ("{\"a\"}", JsonFault::Syntax),
            ("{\"a\":}", JsonFault::Syntax),
            ("{\"a\":1]", JsonFault::Syntax),
            ("{\"a\":[1}", JsonFault::Syntax),
            ("{,}", JsonFault::Syntax),
            ("{\"a\":[,]}", JsonFault::Syntax),
            ("{\"a\":[1,]}", JsonFault::Syntax),
            ("{1:2}", JsonFault::Syntax),
            ("{\"a\":\"\\x\"}", JsonFault::Syntax),
            ("{\"a\":\"\\u12\"}", JsonFault::Syntax),
            ("{\"a\":\"\\ud800\\u0041\"}", JsonFault::Syntax),
            ("{\"a\":\"\\udc00\"}", JsonFault::Syntax),
            ("{\"a\":\"", JsonFault::Syntax),
            ("{\u{a0}}", JsonFault::Syntax),
            ("{\"a\":NaN}", JsonFault::Syntax),
            ("{\"a\":1e400}", JsonFault::Syntax),
            ("{\"a\":\"\\ud800\"}", JsonFault::Syntax),
            ("{\"a\":\"\n\"}", JsonFault::Syntax),
            ("[]", JsonFault::NotAnObject),
            ("null", JsonFault::NotAnObject),
            ("\"{}\"", JsonFault::NotAnObject),
            (r#"{"a":1,"a":1}"#, JsonFault::DuplicateMember),
            (r#"{"a":1,"\u0061":1}"#, JsonFault::DuplicateMember),
            (r#"{"x":[{"a":1,"b":{},"a":1}]}"#, JsonFault::DuplicateMember),
            (r#"{"a":[[[[]]]]}"#, JsonFault::TooDeep),
            (r#"{"a":{"a":{"a":{"a":{}}}}}"#, JsonFault::TooDeep),
            (
                r#"{"a":1,"b":1,"c":{"d":1,"e":1,"f":1,"g":1}}"#,
                JsonFault::TooManyMembers,
            ),
        ] {
            assert_eq!(read(text), Err(fault), "{text}");
        }
        assert_eq!(
            object(b"{\"a\":\"\xff\"}", &Budget::new(4, 6)),
            Err(JsonFault::Syntax)
        );
        assert!(read(r#"{"a":{"a":{"a":{}}}}"#).is_ok());
        assert!(read(r#"{"a":1,"b":1,"c":{"d":1,"e":1,"f":1}}"#).is_ok());
    }

    #[test]
    fn hostile_text_stops_the_reader_early() {
        // A reader that did not stop would need 100,000 members (or recursion) to get here.
        let deep = format!("{{\"a\":{}", "[".repeat(1_000_000));
        assert_eq!(read(&deep), Err(JsonFault::TooDeep));
        let wide: String = (0..100_000).map(|n| format!("\"{n}\":0,")).collect();
        assert_eq!(read(&format!("{{{wide}")), Err(JsonFault::TooManyMembers));
    }

    #[test]
    fn deep_values_are_judged_and_not_kept() {
        let deep = |inner: &str| format!("{{\"a\":{}{inner}{}}}", "[".repeat(400), "]".repeat(400));
        let read = |text: &str| object(text.as_bytes(), &Budget::new(512, 512));
        assert!(read(&deep("")).is_ok());
        assert!(read(&deep("{\"a\":1,\"b\":\"\\ud83d\\ude00\"}")).is_ok());
        assert_eq!(read(&deep("{\"a\":1,\"a\":1}")), Err(JsonFault::DuplicateMember));
        assert_eq!(read(&deep("\"\\ud800\"")), Err(JsonFault::Syntax));
        assert_eq!(read(&deep("01")), Err(JsonFault::Syntax));
        let four = read(r#"{"a":[{"b":[1,[2]]}]}"#).unwrap();
        let inner = Object(vec![(
            "b".to_owned(),
            Json::List(vec![Json::Whole(1), Json::Deep]),
        )]);
        assert_eq!(four.get("a"), Some(&Json::List(vec![Json::Object(inner)])));
    }

    /// This reader and an ordinary one agree on every text of up to six of these pieces: the ordinary reader accepts and understands alike
    /// all that this one accepts, and this one refuses a text of the ordinary reader only by a rule of ours.
    #[test]
    fn ordinary_reader_agrees_on_generated_texts() {
        const PIECES: [&str; 14] = [
            "{",
            "}",
            "[",
            "]",
            ":",
            ",",
            "\"a\"",
            "\"\\u0061\"",
            "1",
            "-0",
            "1.5e1",
            "null",
            " ",
            "x",
        ];
        let mut texts = vec![String::new()];
        for _ in 0..5 {
            let longer = texts
                .iter()
                .flat_map(|text| PIECES.iter().map(move |piece| format!("{text}{piece}")));
            texts = longer.collect();
            for text in &texts {
                let ours = object(text.as_bytes(), &Budget::new(64, 64));
                let theirs = serde_json::from_str::<serde_json::Value>(text);
                match (&ours, &theirs) {
                    (Ok(_), Ok(theirs)) => assert!(theirs.is_object(), "{text}"),
                    (Err(JsonFault::DuplicateMember), Ok(_)) | (Err(_), Err(_)) => {}
                    (Err(JsonFault::NotAnObject), Ok(theirs)) => assert!(!theirs.is_object(), "{text}"),
                    _ => panic!("{text}: {ours:?} {theirs:?}"),
                }
            }
        }
    }
}
