//! JSON as strictly as a credential deserves: no duplicate member at any depth (RFC 8725 section 2.4, RFC 7519 section 4),
//! bounded nesting and member count, valid UTF-8, nothing after the value.
//!
//! Bounds are enforced while reading, so hostile text stops the reader at the first member too many.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

/// A JSON value. Numbers other than whole ones in `i64` keep no value: no claim of ours is a fraction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Whole(i64),
    OtherNumber,
    Text(String),
    List(Vec<Json>),
    Object(Object),
}

/// A JSON object without duplicate members.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Object(Vec<(String, Json)>);

impl Object {
    /// The member called `name`; `null` counts as a value.
    pub(crate) fn get(&self, name: &str) -> Option<&Json> {
        self.0
            .iter()
            .find_map(|(known, value)| (known == name).then_some(value))
    }

    /// Whether there is a member called `name`, whatever its value.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Takes the member called `name` out.
    pub(crate) fn take(&mut self, name: &str) -> Option<Json> {
        let at = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.swap_remove(at).1)
    }

    /// The member called `name` if it is a string.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Some(Json::Text(text)) => Some(text),
            _ => None,
        }
    }
}

/// Why text is not the JSON we accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JsonFault {
    /// Not JSON, or not UTF-8.
    Syntax,
    /// JSON, but not an object.
    NotAnObject,
    /// A member name occurs twice in one object.
    DuplicateMember,
    /// Nested deeper than allowed.
    TooDeep,
    /// More members, counted over all objects, than allowed.
    TooManyMembers,
}

/// What a document may cost: nesting, and members of all its objects together. Shared by the parts of one token.
#[derive(Debug)]
pub(crate) struct Budget {
    depth: u8,
    members: Cell<u16>,
    fault: Cell<Option<JsonFault>>,
}

impl Budget {
    pub(crate) const fn new(depth: u8, members: u16) -> Self {
        Self {
            depth,
            members: Cell::new(members),
            fault: Cell::new(None),
        }
    }

    fn stop<E: serde::de::Error>(&self, fault: JsonFault) -> E {
        self.fault.set(Some(fault));
        E::custom("refused")
    }
}

/// Reads one JSON object.
///
/// # Errors
/// [`JsonFault`], the first one met.
pub(crate) fn object(bytes: &[u8], budget: &Budget) -> Result<Object, JsonFault> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = Value { budget, depth: 0 }
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value))
        .map_err(|_| budget.fault.take().unwrap_or(JsonFault::Syntax))?;
    match value {
        Json::Object(object) => Ok(object),
        _ => Err(JsonFault::NotAnObject),
    }
}

#[derive(Clone, Copy)]
struct Value<'b> {
    budget: &'b Budget,
    depth: u8,
}

impl Value<'_> {
    fn inner<E: serde::de::Error>(self) -> Result<Self, E> {
        let depth = self.depth.saturating_add(1);
        if depth > self.budget.depth {
            return Err(self.budget.stop(JsonFault::TooDeep));
        }
        Ok(Self { depth, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Whole(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(i64::try_from(value).map_or(Json::OtherNumber, Json::Whole))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Json, E> {
        Ok(Json::OtherNumber)
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Json, E> {
        Ok(Json::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json, A::Error> {
        let inner = self.inner::<A::Error>()?;
        let mut values = Vec::new();
        while let Some(value) = list.next_element_seed(inner)? {
            values.push(value);
        }
        Ok(Json::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let inner = self.inner::<A::Error>()?;
        let mut members: Vec<(String, Json)> = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            let Some(left) = self.budget.members.get().checked_sub(1) else {
                return Err(self.budget.stop(JsonFault::TooManyMembers));
            };
            self.budget.members.set(left);
            if members.iter().any(|(known, _)| *known == name) {
                return Err(self.budget.stop(JsonFault::DuplicateMember));
            }
            members.push((name, map.next_value_seed(inner)?));
        }
        Ok(Json::Object(Object(members)))
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
    fn anything_else_is_refused() {
        for (text, fault) in [
            ("", JsonFault::Syntax),
            ("{", JsonFault::Syntax),
            ("{}x", JsonFault::Syntax),
            ("{} {}", JsonFault::Syntax),
            ("\u{feff}{}", JsonFault::Syntax),
            ("{'a':1}", JsonFault::Syntax),
            ("{\"a\":1,}", JsonFault::Syntax),
            ("{\"a\":01}", JsonFault::Syntax),
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
        // A reader that went on would need 100,000 members (or recursion) to get here.
        let deep = format!("{{\"a\":{}", "[".repeat(1_000_000));
        assert_eq!(read(&deep), Err(JsonFault::TooDeep));
        let wide: String = (0..100_000).map(|n| format!("\"{n}\":0,")).collect();
        assert_eq!(read(&format!("{{{wide}")), Err(JsonFault::TooManyMembers));
    }
}
