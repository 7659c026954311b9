//! The two bodies of a failure, and the body of a success.
//!
//! Failures are rendered by [`shared::problem::Problem`]; these types give the document their shape.
#![expect(dead_code, reason = "only their shape is read")]

use shared::problem::Details;
use utoipa::openapi::{KnownFormat, Object, ObjectBuilder, RefOr, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema as _, ToSchema};

/// A failure, in the envelope of both contracts.
#[derive(ToSchema)]
pub struct Failure {
    /// Always `false`.
    success: bool,
    /// What happened, in words for the user.
    message: String,
    error: FailureFacts,
    /// The name of the request, as in `X-Request-Id`.
    request_id: String,
    /// RFC 3339, whole seconds, UTC.
    #[schema(format = DateTime)]
    timestamp: String,
}

/// What happened.
#[derive(ToSchema)]
pub struct FailureFacts {
    /// Stable: never changes its meaning or its status.
    code: String,
    /// In words for the user.
    message: String,
    /// One line per broken field, or the challenge of `SECOND_FACTOR_REQUIRED`; else absent.
    #[schema(required = false)]
    details: Details,
}

/// A failure as RFC 9457 defines it, for callers that ask for it by name.
#[derive(ToSchema)]
pub struct ProblemDetails {
    /// `about:blank`: the code says which problem it is.
    r#type: String,
    /// The same for every occurrence of the code.
    title: String,
    status: u16,
    /// What happened this time, in words for the user.
    detail: String,
    /// The path of the request.
    instance: String,
    /// Stable: never changes its meaning or its status.
    code: String,
    /// One line per broken field, or the challenge of `SECOND_FACTOR_REQUIRED`; else absent.
    #[schema(required = false)]
    details: Details,
    /// The name of the request, as in `X-Request-Id`.
    request_id: String,
}

/// `{success:true, data, message, timestamp}` around `data`.
pub fn success(data: impl Into<RefOr<Schema>>) -> Object {
    ObjectBuilder::new()
        .property("success", boolean(true))
        .required("success")
        .property("data", data)
        .required("data")
        .property("message", String::schema())
        .required("message")
        .property("timestamp", date_time())
        .required("timestamp")
        .build()
}

/// `data` of an answer without content.
pub fn nothing() -> Object {
    ObjectBuilder::new().schema_type(Type::Null).build()
}

/// Narrows [`Failure`] to these codes.
pub fn failure_with(codes: &[&str]) -> Object {
    let facts = ObjectBuilder::new().property("code", one_of(codes));
    ObjectBuilder::new()
        .property("success", boolean(false))
        .property("error", facts)
        .build()
}

/// Narrows [`ProblemDetails`] to this status and these codes.
pub fn problem_with(status: u16, codes: &[&str]) -> Object {
    ObjectBuilder::new()
        .property(
            "status",
            ObjectBuilder::new()
                .schema_type(Type::Integer)
                .enum_values(Some([status])),
        )
        .property("code", one_of(codes))
        .build()
}

fn one_of(codes: &[&str]) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(codes.iter().copied()))
        .build()
}

fn boolean(value: bool) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::Boolean)
        .enum_values(Some([value]))
        .build()
}

fn date_time() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
        .build()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use shared::problem::{ErrorCode, Problem};
    use shared::time::UnixTime;

    use super::*;

    fn described<T: ToSchema>() -> Vec<String> {
        let schema = serde_json::to_value(T::schema()).unwrap();
        let mut names: Vec<String> = schema["properties"]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect();
        names.sort();
        names
    }

    fn rendered(body: &Value) -> Vec<String> {
        let mut names: Vec<String> = body.as_object().unwrap().keys().cloned().collect();
        names.sort();
        names
    }

    #[test]
    fn described_envelopes_equal_rendered_ones() {
        let problem = Problem::new(ErrorCode::ValidationError).details(vec!["a is required".to_owned()]);
        let envelope: Value =
            serde_json::from_slice(&problem.envelope("r-1", UnixTime::from_secs(0))).unwrap();
        assert_eq!(described::<Failure>(), rendered(&envelope));
        assert_eq!(described::<FailureFacts>(), rendered(&envelope["error"]));
        let problem: Value = serde_json::from_slice(&problem.problem_json("r-1", "/")).unwrap();
        assert_eq!(described::<ProblemDetails>(), rendered(&problem));
    }
}
