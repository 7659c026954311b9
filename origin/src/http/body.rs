//! JSON bodies: bounded, strict, and every broken field named at once.

use std::ops::RangeInclusive;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde_json::{Map, Value};
use shared::ids::NormalizedEmail;
use shared::problem::ErrorCode;
use shared::web_address::{MAX_CHARACTERS, is_web_address};
use users::rules::credentials::{BadCredential, Password, Username};

use super::error::ApiError;

/// A JSON object, read field by field. Fields nobody asks for are ignored, as old clients expect.
#[derive(Debug)]
pub struct JsonObject {
    fields: Map<String, Value>,
    faults: Vec<String>,
}

impl<S: Send + Sync> FromRequest<S> for JsonObject {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        if !is_json(&request) {
            return Err(
                ApiError::new(ErrorCode::UnsupportedMediaType).message("The body must be application/json")
            );
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| {
            if rejection.into_response().status() == StatusCode::PAYLOAD_TOO_LARGE {
                ApiError::new(ErrorCode::PayloadTooLarge)
            } else {
                ApiError::invalid(vec!["the body could not be read".to_owned()])
            }
        })?;
        // The parser's own message may quote the body, and with it a password.
        let fields = serde_json::from_slice(&bytes)
            .map_err(|_| ApiError::invalid(vec!["the body is not a JSON object".to_owned()]))?;
        Ok(Self {
            fields,
            faults: Vec::new(),
        })
    }
}

fn is_json(request: &Request) -> bool {
    request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| {
            value
                .split(';')
                .next()
                .is_some_and(|media| media.trim().eq_ignore_ascii_case("application/json"))
        })
}

impl JsonObject {
    /// An object that came inside another.
    pub fn from_fields(fields: Map<String, Value>) -> Self {
        Self {
            fields,
            faults: Vec::new(),
        }
    }

    /// The text `name` of `length` characters. Empty, with a fault recorded, when it is missing or breaks its rule.
    pub fn required_text(&mut self, name: &str, length: RangeInclusive<usize>) -> String {
        if matches!(self.fields.get(name), None | Some(Value::Null)) {
            self.fault(name, "is required");
            return String::new();
        }
        self.optional_text(name, length).unwrap_or_default()
    }

    /// The text `name`, `None` when it is missing, `null` or (with a fault recorded) breaks its rule.
    pub fn optional_text(&mut self, name: &str, length: RangeInclusive<usize>) -> Option<String> {
        match self.fields.remove(name) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) if length.contains(&text.chars().count()) && !text.contains('\0') => {
                Some(text)
            }
            Some(Value::String(_)) => {
                self.fault(
                    name,
                    &format!("must be {} to {} characters", length.start(), length.end()),
                );
                None
            }
            Some(_) => {
                self.fault(name, "must be a string");
                None
            }
        }
    }

    /// A name to show, of at most 100 characters.
    pub fn shown_name(&mut self, name: &str) -> Option<String> {
        let text = self.optional_text(name, 1..=100)?;
        if text.chars().any(char::is_control) {
            self.fault(name, "must not contain control characters");
            return None;
        }
        Some(text)
    }

    /// A web address, by the rule of [`shared::web_address`].
    pub fn web_address(&mut self, name: &str) -> Option<String> {
        let text = self.optional_text(name, 1..=MAX_CHARACTERS)?;
        if is_web_address(&text) {
            return Some(text);
        }
        self.fault(name, "must be an http or https URL");
        None
    }

    /// The whole number `name`, `None` (with a fault recorded) when it is missing or outside `range`.
    pub fn required_integer(&mut self, name: &str, range: RangeInclusive<i64>) -> Option<i64> {
        match self.fields.remove(name) {
            None | Some(Value::Null) => self.fault(name, "is required"),
            Some(value) => match value.as_i64().filter(|number| range.contains(number)) {
                Some(number) => return Some(number),
                None => {
                    self.fault(
                        name,
                        &format!("must be a whole number from {} to {}", range.start(), range.end()),
                    );
                }
            },
        }
        None
    }

    /// The address `name`, normalised.
    pub fn required_email(&mut self, name: &str) -> Option<NormalizedEmail> {
        let text = self.required_text(name, 1..=NormalizedEmail::MAX_BYTES);
        if text.is_empty() {
            return None;
        }
        NormalizedEmail::parse(&text)
            .map_err(|rule| self.fault(name, rule.0))
            .ok()
    }

    /// The username `name`, if it is there.
    pub fn username(&mut self, name: &str) -> Option<Username> {
        let text = self.optional_text(name, 1..=200)?;
        self.checked(name, Username::parse(text))
    }

    /// The password `name` as typed at a sign-in.
    pub fn typed_password(&mut self, name: &str) -> Option<Password> {
        let text = self.password_text(name)?;
        self.checked(name, Password::typed(text))
    }

    /// The password `name`, newly chosen.
    pub fn new_password(&mut self, name: &str) -> Option<Password> {
        let text = self.password_text(name)?;
        self.checked(name, Password::chosen(text))
    }

    fn password_text(&mut self, name: &str) -> Option<String> {
        let text = self.required_text(name, 1..=Password::MAX_CHARACTERS);
        (!text.is_empty()).then_some(text)
    }

    fn checked<T>(&mut self, name: &str, value: Result<T, BadCredential>) -> Option<T> {
        value.map_err(|rule| self.fault(name, rule.0)).ok()
    }

    /// Whether `name` is there and not `null`.
    pub fn has(&self, name: &str) -> bool {
        !matches!(self.fields.get(name), None | Some(Value::Null))
    }

    /// Whether `name` is there and `null`.
    pub fn is_null(&self, name: &str) -> bool {
        matches!(self.fields.get(name), Some(Value::Null))
    }

    /// Whether something was wrong so far.
    pub fn has_faults(&self) -> bool {
        !self.faults.is_empty()
    }

    /// The value of `name` as it came, taken out.
    pub fn take(&mut self, name: &str) -> Option<Value> {
        self.fields.remove(name)
    }

    /// Records that `name` breaks the rule `reason`.
    pub fn fault(&mut self, name: &str, reason: &str) {
        self.faults.push(format!("{name} {reason}"));
    }

    /// Nothing, if nothing was wrong.
    ///
    /// # Errors
    /// 400 with every fault.
    pub fn finish(self) -> Result<(), ApiError> {
        if self.faults.is_empty() {
            Ok(())
        } else {
            Err(ApiError::invalid(self.faults))
        }
    }
}
