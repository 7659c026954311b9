//! Bodies, checked as the legacy service checks them: it reports all broken rules at once and ignores unknown fields.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Map, Value};

use super::answer::Failure;

/// A JSON object, read field by field.
#[derive(Debug, Default)]
pub struct Input {
    fields: Map<String, Value>,
    faults: Vec<String>,
}

/// A rule for a text; its error completes `"field" …`.
pub type Rule = fn(&str) -> Result<(), &'static str>;

impl<S: Send + Sync> FromRequest<S> for Input {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|_| Failure::validation(&["the body cannot be read".to_owned()]))?;
        Ok(Self {
            fields: serde_json::from_slice(&bytes).unwrap_or_default(),
            faults: Vec::new(),
        })
    }
}

impl Input {
    pub fn fault(&mut self, name: &str, rule: &str) {
        self.faults.push(format!("\"{name}\" {rule}"));
    }

    /// The value of `name`; `null` counts as missing.
    pub fn take(&mut self, name: &str) -> Option<Value> {
        self.fields.remove(name).filter(|value| !value.is_null())
    }

    pub fn is_null(&self, name: &str) -> bool {
        matches!(self.fields.get(name), Some(Value::Null))
    }

    pub fn optional(&mut self, name: &str, rule: Rule) -> Option<String> {
        let Value::String(text) = self.take(name)? else {
            self.fault(name, "must be a string");
            return None;
        };
        if let Err(rule) = rule(&text) {
            self.fault(name, rule);
            return None;
        }
        Some(text)
    }

    /// Empty, with a fault noted, when the field is missing or breaks its rule.
    pub fn required(&mut self, name: &str, rule: Rule) -> String {
        if !matches!(self.fields.get(name), None | Some(Value::Null)) {
            return self.optional(name, rule).unwrap_or_default();
        }
        self.fault(name, "is required");
        String::new()
    }

    pub fn integer(&mut self, name: &str) -> Option<i64> {
        let value = self.take(name)?;
        let number = value.as_i64();
        if number.is_none() {
            self.fault(name, "must be an integer");
        }
        number
    }

    /// 400 with every broken rule, if there is one.
    pub fn finish(self) -> Result<(), Failure> {
        if self.faults.is_empty() {
            Ok(())
        } else {
            Err(Failure::validation(&self.faults))
        }
    }
}

pub fn anything(_: &str) -> Result<(), &'static str> {
    Ok(())
}

pub fn not_empty(text: &str) -> Result<(), &'static str> {
    check(!text.is_empty(), "is not allowed to be empty")
}

pub fn email(text: &str) -> Result<(), &'static str> {
    let parts = text.split_once('@');
    let valid = parts.is_some_and(|(name, domain)| {
        !name.is_empty()
            && domain.contains('.')
            && !domain.contains('@')
            && !text.contains(char::is_whitespace)
    });
    check(valid && text.len() <= 255, "must be a valid email")
}

pub fn username(text: &str) -> Result<(), &'static str> {
    check(
        text.bytes().all(|byte| byte.is_ascii_alphanumeric()) && (3..=100).contains(&text.len()),
        "must be 3 to 100 alpha-numeric characters",
    )
}

pub fn password(text: &str) -> Result<(), &'static str> {
    let letter = text.bytes().any(|byte| byte.is_ascii_alphabetic());
    let digit = text.bytes().any(|byte| byte.is_ascii_digit());
    check(
        text.chars().count() >= 8 && letter && digit,
        "must be at least 8 characters with a letter and a digit",
    )
}

pub fn at_most_100(text: &str) -> Result<(), &'static str> {
    check(
        (1..=100).contains(&text.chars().count()),
        "must be 1 to 100 characters",
    )
}

pub fn at_most_200(text: &str) -> Result<(), &'static str> {
    check(
        (1..=200).contains(&text.chars().count()),
        "must be 1 to 200 characters",
    )
}

/// An ISO date or date-time that is not in the future.
pub fn past_date(text: &str) -> Result<(), &'static str> {
    check(
        date(text).is_some_and(|date| date <= Utc::now().date_naive()),
        "must be in ISO 8601 date format, less than or equal to now",
    )
}

/// The day of an ISO date or date-time.
pub fn date(text: &str) -> Option<NaiveDate> {
    text.parse()
        .ok()
        .or_else(|| text.parse::<DateTime<Utc>>().ok().map(|time| time.date_naive()))
}

fn check(holds: bool, rule: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(rule) }
}
