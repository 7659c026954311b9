//! JSON bodies: bounded, strict, and with an error for every broken field at once.

mod reading;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts as _, Request};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use shared::ids::UserId;
use shared::problem::ErrorCode;

use self::reading::Fault;
use super::error::ApiError;
use super::path_text::PathText;

/// The largest body read, in bytes. The largest legitimate one is a batch of fifty registrations.
pub(super) const MAX_BODY_BYTES: usize = 64 * 1024;

/// A JSON body of the type `T`. Fields that `T` does not name are ignored, as old clients expect.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let fields = Fields::from_request(request, state).await?;
        fields.read().map(Self)
    }
}

/// The user in the path and a JSON body of the type `T`: a refusal names the faults in both.
#[derive(Debug)]
pub struct ForUser<T>(pub UserId, pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for ForUser<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        let PathText(id) = PathText::from_request_parts(&mut parts, state).await?;
        let mut fields = Fields::from_request(Request::from_parts(parts, body), state).await?;
        let user = UserId::parse(&id).map_err(|rule| fields.fault("id", rule.0));
        let body = fields.read()?;
        user.map(|user| Self(user, body))
            .map_err(|()| ApiError::invalid(vec!["id is not a UUID".to_owned()]))
    }
}

/// A JSON object that is not yet read into a type.
#[derive(Debug)]
pub struct Fields {
    fields: Map<String, Value>,
    faults: Vec<Fault>,
}

impl<S: Send + Sync> FromRequest<S> for Fields {
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
        // The parser's own message may quote the body and a password in it.
        serde_json::from_slice(&bytes)
            .map(Self::new)
            .map_err(|_| ApiError::invalid(vec!["the body is not a JSON object".to_owned()]))
    }
}

impl Fields {
    /// These fields.
    pub fn new(fields: Map<String, Value>) -> Self {
        let faults = Vec::new();
        Self { fields, faults }
    }

    /// Whether `name` is present and not `null`.
    pub fn has(&self, name: &str) -> bool {
        !matches!(self.fields.get(name), None | Some(Value::Null))
    }

    /// Whether `name` is present and `null`.
    pub fn is_null(&self, name: &str) -> bool {
        matches!(self.fields.get(name), Some(Value::Null))
    }

    /// Removes these fields: they count as not sent.
    pub fn leave_out(&mut self, names: &[&str]) {
        for name in names {
            self.fields.remove(*name);
        }
    }

    /// Refuses `null` for these: it becomes a value that no rule allows.
    pub fn refuse_null(&mut self, names: &[&str]) {
        for name in names {
            if let Some(value @ Value::Null) = self.fields.get_mut(*name) {
                *value = Value::Bool(false);
            }
        }
    }

    /// Records that `name` breaks `rule`, before the fields are read: they are refused.
    pub fn fault(&mut self, name: &'static str, rule: &str) {
        self.faults.push((name, rule.to_owned()));
    }

    /// Reads the fields as `T`.
    ///
    /// # Errors
    /// 400 with every fault.
    pub fn read<T: DeserializeOwned>(self) -> Result<T, ApiError> {
        self.read_with(|_| None)
    }

    /// Reads the fields as `T`, with a rule about several of them: `together` gets, for each name, whether it is present and good, and
    /// answers which name breaks which rule.
    ///
    /// # Errors
    /// 400 with every fault, that of `together` last.
    pub fn read_with<T: DeserializeOwned>(
        self,
        together: impl FnOnce(&dyn Fn(&str) -> bool) -> Option<(&'static str, &'static str)>,
    ) -> Result<T, ApiError> {
        let mut faults = self.faults;
        let given: Vec<String> = self
            .fields
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, _)| name.clone())
            .collect();
        let read = reading::read(self.fields, &mut faults);
        let is_good =
            |name: &str| given.iter().any(|one| one == name) && faults.iter().all(|(bad, _)| *bad != name);
        if let Some((name, rule)) = together(&is_good) {
            faults.push((name, rule.to_owned()));
        }
        match read {
            Some(body) if faults.is_empty() => Ok(body),
            _ => Err(ApiError::invalid(
                faults
                    .iter()
                    .map(|(name, rule)| format!("{name} {rule}"))
                    .collect(),
            )),
        }
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

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;
    use crate::http::fields::{Email, Username};

    #[derive(Debug, Deserialize)]
    struct Either {
        #[serde(rename = "email")]
        _email: Option<Email>,
        #[serde(rename = "username")]
        _username: Option<Username>,
    }

    fn fields(value: Value) -> Fields {
        Fields::new(serde_json::from_value(value).unwrap())
    }

    fn details(read: Result<Either, ApiError>) -> Vec<String> {
        read.map_or_else(|error| error.problem().details.fields().to_vec(), |_| Vec::new())
    }

    #[test]
    fn rule_about_two_fields_treats_a_broken_field_as_missing() {
        let neither = ["email or username is required".to_owned()];
        for (body, own) in [
            (json!({}), vec![]),
            (json!({"email": null}), vec![]),
            (json!({"email": 1}), vec!["email must be a string".to_owned()]),
        ] {
            let read = fields(body.clone()).read_with(|is_good| {
                (!is_good("email") && !is_good("username")).then_some(("email", "or username is required"))
            });
            assert_eq!(details(read), [own.as_slice(), &neither].concat(), "{body}");
        }
    }

    #[test]
    fn fault_recorded_before_reading_comes_first_and_refuses_good_fields() {
        let mut body = fields(json!({"email": "a@example.com", "username": "a"}));
        body.fault("id", "is not a UUID");
        assert_eq!(
            details(body.read()),
            ["id is not a UUID", "username must be 3 to 100 letters and digits"]
        );
    }

    #[test]
    fn removed_field_is_not_judged() {
        let mut body = fields(json!({"email": 1, "username": 2}));
        body.leave_out(&["email"]);
        assert_eq!(details(body.read()), ["username must be a string"]);
    }

    #[test]
    fn meaningless_null_breaks_the_rule_of_its_field() {
        let mut body = fields(json!({"email": null, "username": null}));
        body.refuse_null(&["username"]);
        assert_eq!(details(body.read()), ["username must be a string"]);
    }
}
