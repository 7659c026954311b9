//! The fields of bodies: each is a type with one rule, which the reader and the document share.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use serde_json::Value;
use shared::ids::NormalizedEmail;
use shared::web_address::{MAX_CHARACTERS, is_web_address};
use users::rules::credentials::{Password, Username as LegacyUsername};
use utoipa::openapi::{KnownFormat, Object, ObjectBuilder, SchemaFormat, Type};

/// The rule that a value breaks; completes "`field` …".
pub type Rule = Cow<'static, str>;

/// Declares the type of a field: how its value is read and how the document describes it. Its name in the document starts with `field::`,
/// because the description is written into each use of the field.
macro_rules! field {
    ($($(#[$doc:meta])* $name:ident($inner:ty): $read:expr, $schema:expr;)*) => {$(
        $(#[$doc])*
        pub struct $name(pub $inner);

        // Without the value: it may be a password or a token.
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(stringify!($name))
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let read: fn(serde_json::Value) -> Result<$inner, $crate::http::fields::Rule> = $read;
                let value = serde::Deserialize::deserialize(deserializer)?;
                read(value).map(Self).map_err(serde::de::Error::custom)
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                utoipa::openapi::RefOr::T(utoipa::openapi::Schema::Object($schema.build()))
            }
        }

        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                concat!("field::", stringify!($name)).into()
            }
        }
    )*};
}

pub(super) use field;

field! {
    /// An e-mail address, normalised.
    Email(NormalizedEmail):
        |value| NormalizedEmail::parse(&text(value, 1..=NormalizedEmail::MAX_BYTES)?).map_err(|rule| rule.0.into()),
        format(texts(..=NormalizedEmail::MAX_BYTES), KnownFormat::Email);

    /// A password as typed at a sign-in.
    TypedPassword(Password):
        |value| Password::typed(text(value, 1..=Password::MAX_CHARACTERS)?).map_err(|rule| rule.0.into()),
        format(texts(1..=Password::MAX_CHARACTERS), KnownFormat::Password);

    /// A password, newly chosen.
    NewPassword(Password):
        |value| Password::chosen(text(value, 1..=Password::MAX_CHARACTERS)?).map_err(|rule| rule.0.into()),
        format(texts(8..=Password::MAX_CHARACTERS), KnownFormat::Password)
            .description(Some("A letter and a digit among the characters, any others allowed."));

    /// A username of the legacy contract.
    Username(LegacyUsername):
        |value| LegacyUsername::parse(text(value, 1..=200)?).map_err(|rule| rule.0.into()),
        texts(3..=100).pattern(Some("^[A-Za-z0-9]+$"));

    /// A name to show.
    ShownName(String):
        |value| {
            let text = text(value, 1..=100)?;
            if text.chars().any(char::is_control) {
                return Err("must not contain control characters".into());
            }
            Ok(text)
        },
        texts(1..=100).pattern(Some(r"^[^\x00-\x1f\x7f-\x9f]*$"));

    /// A web address, by the rule of [`shared::web_address`].
    WebAddress(String):
        |value| {
            let text = text(value, 1..=MAX_CHARACTERS)?;
            is_web_address(&text).then_some(text).ok_or("must be an http or https URL".into())
        },
        texts(1..=MAX_CHARACTERS).pattern(Some("^https?://[!-~]+$"));

    /// A token to be verified.
    Token(String):
        |value| text(value, 1..=shared::token::MAX_TOKEN_BYTES),
        texts(1..=shared::token::MAX_TOKEN_BYTES);
}

/// The text in `value`, of `length` characters. PostgreSQL stores no NUL.
pub fn text(value: Value, length: RangeInclusive<usize>) -> Result<String, Rule> {
    match value {
        Value::String(text) if length.contains(&text.chars().count()) && !text.contains('\0') => Ok(text),
        Value::String(_) => Err(format!("must be {} to {} characters", length.start(), length.end()).into()),
        _ => Err("must be a string".into()),
    }
}

/// The whole number in `value`; 0, which every range here leaves out, for anything else.
pub fn whole(value: &Value) -> i64 {
    value.as_i64().unwrap_or(0)
}

/// Describes a text of `length` characters.
pub fn texts(length: impl std::ops::RangeBounds<usize>) -> ObjectBuilder {
    let bound = |bound: std::ops::Bound<&usize>| match bound {
        std::ops::Bound::Included(limit) => Some(*limit),
        _ => None,
    };
    ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(bound(length.start_bound()))
        .max_length(bound(length.end_bound()))
}

/// Describes a whole number.
pub fn numbers(least: i32, most: i32) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int32)))
        .minimum(Some(least))
        .maximum(Some(most))
}

/// Describes a whole number from 1 to `most` of a query, which is `usual` unless given.
pub fn paging(most: i64, usual: i64) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(1))
        .maximum(Some(most))
        .default(Some(usual.into()))
        .build()
}

fn format(described: ObjectBuilder, format: KnownFormat) -> ObjectBuilder {
    described.format(Some(SchemaFormat::KnownFormat(format)))
}
