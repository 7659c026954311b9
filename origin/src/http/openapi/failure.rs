//! The failures of an operation, and their form in the document.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::problem::ErrorCode;
use utoipa::ToSchema;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::{
    AllOfBuilder, Components, Content, Header, ObjectBuilder, Ref, RefOr, Response, ResponseBuilder, Schema,
    Type,
};

use super::envelopes::{self, failure_with, problem_with};

/// A possible failure, as its table has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Failure {
    /// HTTP status.
    pub status: u16,
    /// Stable code.
    pub code: Cow<'static, str>,
    /// What it means, in a few words.
    pub title: Cow<'static, str>,
}

impl From<ErrorCode> for Failure {
    fn from(code: ErrorCode) -> Self {
        Self {
            status: code.status(),
            code: code.as_str().into(),
            title: code.title().into(),
        }
    }
}

/// The refusals of a call with a user's credential.
pub fn of_users() -> Vec<Failure> {
    let tokens = ErrorCode::ALL
        .iter()
        .filter(|code| code.as_str().starts_with("TOKEN_"));
    let users = [
        ErrorCode::UserDisabled,
        ErrorCode::UserNotFound,
        ErrorCode::AccountLinkConflict,
        ErrorCode::KeysUnavailable,
        ErrorCode::DatabaseUnavailable,
    ];
    tokens.copied().chain(users).map(Failure::from).collect()
}

/// The refusals of a call that asks Firebase.
pub const OF_FIREBASE: [ErrorCode; 3] = [
    ErrorCode::FirebaseUnavailable,
    ErrorCode::RateLimited,
    ErrorCode::SignInBlocked,
];

/// Adds the failures in an annotation: codes, [`Failure`]s, and lists of both.
pub fn named(value: &Value, failures: &mut BTreeSet<Failure>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| named(value, failures)),
        Value::String(text) => {
            let known = ErrorCode::ALL.iter().find(|code| code.as_str() == text);
            failures.extend(known.map(|code| Failure::from(*code)));
        }
        value => failures.extend(Failure::deserialize(value).ok()),
    }
}

/// The failures by status, as references to shared responses: many operations have the same ones.
pub fn responses(failures: &BTreeSet<Failure>, components: &mut Components) -> Vec<(String, Ref)> {
    let mut by_status: BTreeMap<u16, Vec<Failure>> = BTreeMap::new();
    for failure in failures {
        by_status.entry(failure.status).or_default().push(failure.clone());
    }
    by_status
        .into_iter()
        .map(|(status, failures)| {
            let name = name(status, &failures);
            if !components.responses.contains_key(&name) {
                let response = response(status, &failures, components);
                components.responses.insert(name.clone(), response.into());
            }
            (status.to_string(), Ref::from_response_name(name))
        })
        .collect()
}

/// `401.UNAUTHORIZED`; the many codes of tokens become their number.
fn name(status: u16, failures: &[Failure]) -> String {
    let (tokens, others): (Vec<&Failure>, Vec<&Failure>) = failures
        .iter()
        .partition(|failure| failure.code.starts_with("TOKEN_") && failures.len() > 6);
    let mut name = status.to_string();
    for failure in others {
        name.push('.');
        name.push_str(&failure.code);
    }
    if !tokens.is_empty() {
        name.push_str(&format!(".TOKEN-{}", tokens.len()));
    }
    name
}

fn response(status: u16, failures: &[Failure], components: &mut Components) -> Response {
    let codes: Vec<&str> = failures.iter().map(|failure| failure.code.as_ref()).collect();
    let meanings: Vec<String> = failures
        .iter()
        .map(|failure| format!("`{}`: {}", failure.code, failure.title))
        .collect();
    let envelope = narrowed(
        named_schema::<envelopes::Failure>(components),
        failure_with(&codes),
    );
    let problem = narrowed(
        named_schema::<envelopes::ProblemDetails>(components),
        problem_with(status, &codes),
    );
    let mut response = ResponseBuilder::new()
        .description(meanings.join("; "))
        .header("X-Request-Id", request_id())
        .content("application/json", Content::new(Some(envelope)))
        .content("application/problem+json", Content::new(Some(problem)));
    if status == 401 {
        let challenge = "A `Bearer` challenge (RFC 6750); absent where no token was asked for.";
        response = response.header("WWW-Authenticate", header(Type::String, challenge));
    }
    if matches!(status, 429 | 503 | 504) {
        response = response.header("Retry-After", header(Type::Integer, "Seconds to wait."));
    }
    response.build()
}

/// A reference to the schema of `T`, which this adds together with the schemas that it refers to.
fn named_schema<T: ToSchema>(components: &mut Components) -> Ref {
    let mut found: Vec<(String, RefOr<Schema>)> = vec![(T::name().into_owned(), T::schema())];
    T::schemas(&mut found);
    for (name, schema) in found {
        components.schemas.entry(name).or_insert(schema);
    }
    Ref::from_schema_name(T::name())
}

fn narrowed(whole: Ref, part: utoipa::openapi::Object) -> Schema {
    Schema::AllOf(AllOfBuilder::new().item(whole).item(part).build())
}

/// `X-Request-Id`, on every answer.
pub fn request_id() -> Header {
    header(Type::String, "The name of the request.")
}

/// A header of an answer.
pub fn header(kind: Type, text: &str) -> Header {
    HeaderBuilder::new()
        .schema(ObjectBuilder::new().schema_type(kind))
        .description(Some(text))
        .build()
}
