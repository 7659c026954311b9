//! Which failures an operation can answer with, and how the document shows them.

use std::collections::{BTreeMap, BTreeSet};

use shared::problem::ErrorCode;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::{
    AllOfBuilder, Content, Header, ObjectBuilder, Ref, Response, ResponseBuilder, Schema, Type,
};

use super::envelopes::{self, failure_with, problem_with};
use super::operation::Parts;

/// A failure that can be answered, as the table it comes from has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Failure {
    /// HTTP status.
    pub status: u16,
    /// Stable code.
    pub code: &'static str,
    /// What it means, in a few words.
    pub title: &'static str,
}

impl From<ErrorCode> for Failure {
    fn from(code: ErrorCode) -> Self {
        Self {
            status: code.status(),
            code: code.as_str(),
            title: code.title(),
        }
    }
}

/// What a refused token can be answered with: every `TOKEN_*` code there is.
pub fn of_tokens() -> impl Iterator<Item = Failure> {
    ErrorCode::ALL
        .iter()
        .filter(|code| code.as_str().starts_with("TOKEN_"))
        .map(|code| Failure::from(*code))
}

/// The failures by status, as references to shared responses: many operations fail alike.
pub fn responses(failures: &BTreeSet<Failure>, parts: &mut Parts) -> Vec<(String, Ref)> {
    let mut by_status: BTreeMap<u16, Vec<Failure>> = BTreeMap::new();
    for failure in failures {
        by_status.entry(failure.status).or_default().push(*failure);
    }
    by_status
        .into_iter()
        .map(|(status, failures)| {
            let name = name(status, &failures);
            if !parts.responses.contains_key(&name) {
                let response = response(status, &failures, parts);
                parts.responses.insert(name.clone(), response);
            }
            (status.to_string(), Ref::from_response_name(name))
        })
        .collect()
}

/// `401.UNAUTHORIZED`; the many codes of tokens are written as their number.
fn name(status: u16, failures: &[Failure]) -> String {
    let (tokens, others): (Vec<&Failure>, Vec<&Failure>) = failures
        .iter()
        .partition(|failure| failure.code.starts_with("TOKEN_") && failures.len() > 6);
    let mut name = status.to_string();
    for failure in others {
        name.push('.');
        name.push_str(failure.code);
    }
    if !tokens.is_empty() {
        name.push_str(&format!(".TOKEN-{}", tokens.len()));
    }
    name
}

fn response(status: u16, failures: &[Failure], parts: &mut Parts) -> Response {
    let codes: Vec<&'static str> = failures.iter().map(|failure| failure.code).collect();
    let meanings: Vec<String> = failures
        .iter()
        .map(|failure| format!("`{}`: {}", failure.code, failure.title))
        .collect();
    let envelope = narrowed(parts.schemas.plain::<envelopes::Failure>(), failure_with(&codes));
    let problem = narrowed(
        parts.schemas.plain::<envelopes::ProblemDetails>(),
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
