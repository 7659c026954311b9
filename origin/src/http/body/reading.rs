//! Reads a typed body from JSON and goes on after a fault: the caller learns all faults at once.

use std::fmt;

use serde::de::{self, DeserializeOwned, DeserializeSeed, IntoDeserializer as _, MapAccess, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::{Map, Value};

/// The field with the fault, and its rule; together they are the sentence for the caller.
pub type Fault = (&'static str, String);

/// Reads the fields of `T` in their declared order and adds a fault for each that breaks its rule. A missing field is read like `null`: an
/// `Option` is `None`, any other field "is required".
pub fn read<T: DeserializeOwned>(mut fields: Map<String, Value>, faults: &mut Vec<Fault>) -> Option<T> {
    let mut next = 0;
    loop {
        let before = faults.len();
        let pass = Pass {
            fields: &mut fields,
            names: &[],
            next: &mut next,
            faults,
        };
        // A derived `Deserialize` stops at the first fault. The next pass starts after it.
        let read = T::deserialize(pass);
        if faults.len() > before {
            continue;
        }
        return match read {
            Ok(value) => Some(value),
            Err(_) if before > 0 => None,
            Err(rule) => {
                faults.push(("body", rule.0));
                None
            }
        };
    }
}

/// One way through the fields, from `next` on.
struct Pass<'a> {
    fields: &'a mut Map<String, Value>,
    names: &'static [&'static str],
    next: &'a mut usize,
    faults: &'a mut Vec<Fault>,
}

/// The broken rule; never the value, which may be a password.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Broken(String);

impl de::Error for Broken {
    fn custom<T: fmt::Display>(rule: T) -> Self {
        Self(rule.to_string())
    }
}

impl<'de> de::Deserializer<'de> for Pass<'_> {
    type Error = Broken;

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Broken> {
        Err(Broken("is not read as an object".to_owned()))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        mut self,
        _name: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Broken> {
        self.names = names;
        visitor.visit_map(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct seq
        tuple tuple_struct map enum identifier ignored_any
    }
}

impl<'de> MapAccess<'de> for Pass<'_> {
    type Error = Broken;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Broken> {
        let name = self.names.get(*self.next);
        name.map(|name| seed.deserialize(name.into_deserializer()))
            .transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Broken> {
        let name = self.names.get(*self.next).copied().unwrap_or_default();
        *self.next += 1;
        seed.deserialize(Given(self.fields.remove(name)))
            .inspect_err(|rule| self.faults.push((name, rule.0.clone())))
    }
}

/// The value of one field, if it was sent.
struct Given(Option<Value>);

impl<'de> de::Deserializer<'de> for Given {
    type Error = Broken;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Broken> {
        match self.0 {
            None | Some(Value::Null) => Err(Broken("is required".to_owned())),
            // The parser's own message may quote the value.
            Some(value) => value
                .deserialize_any(visitor)
                .map_err(|_| Broken("is of the wrong type".to_owned())),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Broken> {
        match self.0 {
            None | Some(Value::Null) => visitor.visit_none(),
            given => visitor.visit_some(Self(given)),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct newtype_struct seq
        tuple tuple_struct map struct enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;
    use crate::http::fields::{Email, NewPassword, ShownName};
    use crate::http::tokens::Amount;

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    #[expect(dead_code, reason = "the test is about what is refused")]
    struct Body {
        email: Email,
        new_password: NewPassword,
        shown: Option<ShownName>,
        amount: Amount,
    }

    fn faults(body: Value) -> Vec<String> {
        let mut faults = Vec::new();
        let read = read::<Body>(serde_json::from_value(body).unwrap(), &mut faults);
        assert!(faults.is_empty() == read.is_some() || read.is_some());
        faults
            .iter()
            .map(|(name, rule)| format!("{name} {rule}"))
            .collect()
    }

    #[test]
    fn broken_fields_are_named_once_in_declared_order() {
        for (body, expected) in [
            (
                json!({"email": "Ada@example.com", "newPassword": "abcdefg1", "amount": 1, "other": []}),
                vec![],
            ),
            (
                json!({"shown": null}),
                vec![
                    "email is required",
                    "newPassword is required",
                    "amount is required",
                ],
            ),
            (
                json!({"email": 7, "newPassword": "short1", "shown": "", "amount": 1.5}),
                vec![
                    "email must be a string",
                    "newPassword must be 8 to 4096 characters",
                    "shown must be 1 to 100 characters",
                    "amount must be a whole number from 1 to 2147483647",
                ],
            ),
            (
                json!({"email": "a@example.com", "newPassword": "abcdefg1", "shown": "a\u{7}", "amount": "1"}),
                vec![
                    "shown must not contain control characters",
                    "amount must be a whole number from 1 to 2147483647",
                ],
            ),
            (
                json!({"email": "a@example.com", "newPassword": "abcdefg1", "shown": 1, "amount": 1}),
                vec!["shown must be a string"],
            ),
        ] {
            assert_eq!(faults(body.clone()), expected, "{body}");
        }
    }

    #[test]
    fn body_refused_as_a_whole_names_a_fault() {
        let mut faults = Vec::new();
        assert_eq!(read::<String>(Map::new(), &mut faults), None);
        assert_eq!(faults.len(), 1);
    }
}
