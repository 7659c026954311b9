//! One operation: what it takes, who may call it, and everything it can answer.

use std::collections::{BTreeMap, BTreeSet};

use shared::problem::ErrorCode;
use utoipa::ToSchema;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::SchemaFormat;
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{
    Content, Deprecated, KnownFormat, ObjectBuilder, RefOr, Required, Response, ResponseBuilder, Schema, Type,
};

use super::envelopes;
use super::failure::{self, Failure};
use super::schemas::Schemas;
use crate::http::MAX_BODY_BYTES;

/// Names of the security schemes.
pub const BEARER: &str = "bearer";
pub const SERVICE_KEY: &str = "serviceKey";
pub const EDGE: &str = "edgeAssertion";

/// What operations share: collected while they are described.
#[derive(Default)]
pub struct Parts {
    pub schemas: Schemas,
    pub responses: BTreeMap<String, Response>,
}

/// Who may call an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Anybody.
    Public,
    /// A person, by their token or through the edge.
    Person,
    /// One of our services.
    Service,
}

/// One operation under construction.
pub struct Operation {
    method: HttpMethod,
    path: &'static str,
    id: &'static str,
    tag: &'static str,
    summary: &'static str,
    description: Option<&'static str>,
    who: Who,
    deprecated: bool,
    parameters: Vec<Parameter>,
    body: Option<Body>,
    answers: Vec<(u16, Answer)>,
    failures: BTreeSet<Failure>,
    replays: bool,
}

struct Body {
    schema: fn(&mut Schemas) -> RefOr<Schema>,
    required: Required,
}

struct Answer {
    text: &'static str,
    media: &'static str,
    schema: fn(&mut Schemas) -> RefOr<Schema>,
}

impl Operation {
    /// `method` at `path`, named `id` and grouped under `tag`; callable by anybody until [`Operation::by`] says otherwise.
    pub fn new(
        method: HttpMethod,
        path: &'static str,
        id: &'static str,
        tag: &'static str,
        summary: &'static str,
    ) -> Self {
        let everywhere = [
            ErrorCode::Forbidden,
            ErrorCode::Internal,
            ErrorCode::ConfigInvalid,
            ErrorCode::UpstreamTimeout,
        ];
        let operation = Self {
            method,
            path,
            id,
            tag,
            summary,
            description: None,
            who: Who::Public,
            deprecated: false,
            parameters: Vec::new(),
            body: None,
            answers: Vec::new(),
            failures: everywhere.map(Failure::from).into(),
            replays: false,
        };
        if path.contains("{id}") {
            operation
                .parameter(
                    ParameterIn::Path,
                    "id",
                    "A UUID, in its usual form.",
                    uuid(),
                    true,
                )
                .fails([ErrorCode::ValidationError])
        } else {
            operation
        }
    }

    /// Says more than the summary.
    pub fn more(mut self, description: &'static str) -> Self {
        self.description = Some(description);
        self
    }

    /// Says who may call it. The failures that come with it are those of the new contract.
    pub fn by(mut self, who: Who) -> Self {
        self.who = who;
        match who {
            Who::Public | Who::Service => self,
            Who::Person => self.judges_tokens().reads_database(),
        }
    }

    /// Says who may call it, and with what a caller who may not is answered.
    pub fn by_refusing(mut self, who: Who, refusals: impl IntoIterator<Item = impl Into<Failure>>) -> Self {
        self.who = who;
        self.fails(refusals)
    }

    /// It verifies a token and looks up whose it is.
    pub fn judges_tokens(mut self) -> Self {
        self.failures.extend(failure::of_tokens());
        self.fails([
            ErrorCode::UserDisabled,
            ErrorCode::UserNotFound,
            ErrorCode::AccountLinkConflict,
            ErrorCode::KeysUnavailable,
        ])
    }

    /// It needs the database.
    pub fn reads_database(self) -> Self {
        self.fails([ErrorCode::DatabaseUnavailable])
    }

    /// It asks Firebase.
    pub fn asks_firebase(self) -> Self {
        self.fails([
            ErrorCode::FirebaseUnavailable,
            ErrorCode::RateLimited,
            ErrorCode::SignInBlocked,
        ])
    }

    /// It may fail with these as well.
    pub fn fails(mut self, failures: impl IntoIterator<Item = impl Into<Failure>>) -> Self {
        self.failures.extend(failures.into_iter().map(Into::into));
        self
    }

    /// It takes a JSON body.
    pub fn takes<T: ToSchema>(mut self) -> Self {
        self.body = Some(Body {
            schema: |schemas| schemas.plain::<T>().into(),
            required: Required::True,
        });
        self.reads_body()
    }

    /// It takes a JSON body, or none.
    pub fn may_take<T: ToSchema>(mut self) -> Self {
        self.body = Some(Body {
            schema: |schemas| schemas.plain::<T>().into(),
            required: Required::False,
        });
        self.reads_body()
    }

    fn reads_body(self) -> Self {
        self.fails([
            ErrorCode::ValidationError,
            ErrorCode::PayloadTooLarge,
            ErrorCode::UnsupportedMediaType,
        ])
    }

    /// It takes a query parameter.
    pub fn query(self, name: &'static str, text: &'static str, schema: ObjectBuilder) -> Self {
        self.parameter(ParameterIn::Query, name, text, schema, false)
            .fails([ErrorCode::ValidationError])
    }

    /// It takes an `Idempotency-Key`.
    pub fn once(mut self, required: bool) -> Self {
        let key = ObjectBuilder::new()
            .schema_type(Type::String)
            .min_length(Some(1))
            .max_length(Some(255))
            .pattern(Some("^[!-~]([ -~]*[!-~])?$"));
        self.replays = required;
        self.parameter(
            ParameterIn::Header,
            "Idempotency-Key",
            "The caller's name for this one movement: the same key and request are answered alike, and it happens once.",
            key,
            required,
        )
        .fails([ErrorCode::ValidationError, ErrorCode::IdempotencyKeyReused])
    }

    fn parameter(
        mut self,
        place: ParameterIn,
        name: &'static str,
        text: &'static str,
        schema: ObjectBuilder,
        required: bool,
    ) -> Self {
        let required = if required { Required::True } else { Required::False };
        self.parameters.push(
            ParameterBuilder::new()
                .name(name)
                .parameter_in(place)
                .description(Some(text))
                .required(required)
                .schema(Some(schema))
                .build(),
        );
        self
    }

    /// It answers `T` in the success envelope.
    pub fn answers<T: ToSchema>(self, status: u16, text: &'static str) -> Self {
        self.answer(status, text, "application/json", |schemas| {
            RefOr::T(envelopes::success(schemas.complete::<T>()).into())
        })
    }

    /// It answers the success envelope with `data: null`.
    pub fn answers_nothing(self, status: u16, text: &'static str) -> Self {
        self.answer(status, text, "application/json", |_| {
            RefOr::T(envelopes::success(envelopes::nothing()).into())
        })
    }

    /// It answers `T` as it is.
    pub fn answers_bare<T: ToSchema>(self, status: u16, text: &'static str) -> Self {
        self.answer(status, text, "application/json", |schemas| {
            schemas.complete::<T>().into()
        })
    }

    /// It answers text of another media type.
    pub fn answers_text(self, status: u16, media: &'static str, text: &'static str) -> Self {
        self.answer(status, text, media, |_| {
            RefOr::T(ObjectBuilder::new().schema_type(Type::String).into())
        })
    }

    /// It answers a JSON object that is described elsewhere.
    pub fn answers_object(self, status: u16, text: &'static str) -> Self {
        self.answer(status, text, "application/json", |_| {
            RefOr::T(ObjectBuilder::new().schema_type(Type::Object).into())
        })
    }

    fn answer(
        mut self,
        status: u16,
        text: &'static str,
        media: &'static str,
        schema: fn(&mut Schemas) -> RefOr<Schema>,
    ) -> Self {
        self.answers.push((status, Answer { text, media, schema }));
        self
    }

    /// It is kept for old callers.
    pub fn kept_for_old_callers(mut self) -> Self {
        self.deprecated = true;
        self
    }

    #[cfg(test)]
    pub(super) const fn id(&self) -> &'static str {
        self.id
    }

    pub(super) const fn path(&self) -> &'static str {
        self.path
    }

    pub(super) fn method(&self) -> HttpMethod {
        self.method.clone()
    }

    /// The operation in the document's words; what it shares with others goes to `parts`.
    pub(super) fn describe(self, parts: &mut Parts) -> utoipa::openapi::path::Operation {
        let mut described = OperationBuilder::new()
            .operation_id(Some(self.id))
            .tag(self.tag)
            .summary(Some(self.summary))
            .description(self.description)
            .parameters((!self.parameters.is_empty()).then_some(self.parameters))
            .securities(Some(security(self.who)));
        if self.deprecated {
            described = described.deprecated(Some(Deprecated::True));
        }
        if let Some(body) = self.body {
            let content = Content::new(Some((body.schema)(&mut parts.schemas)));
            let body = RequestBodyBuilder::new()
                .description(Some(format!("At most {MAX_BODY_BYTES} bytes.")))
                .required(Some(body.required))
                .content("application/json", content);
            described = described.request_body(Some(body.build()));
        }
        for (status, reference) in failure::responses(&self.failures, parts) {
            // Where a probe answers the status itself, it does so in its own shape.
            if self
                .answers
                .iter()
                .all(|(answered, _)| answered.to_string() != status)
            {
                described = described.response(status, reference);
            }
        }
        for (status, answer) in self.answers {
            let mut response = ResponseBuilder::new()
                .description(answer.text)
                .header("X-Request-Id", failure::request_id())
                .content(
                    answer.media,
                    Content::new(Some((answer.schema)(&mut parts.schemas))),
                );
            if self.replays {
                let text = "`true` on an answer that repeats an earlier one, else absent.";
                response = response.header("Idempotent-Replayed", failure::header(Type::String, text));
            }
            described = described.response(status.to_string(), response.build());
        }
        described.build()
    }
}

fn security(who: Who) -> Vec<SecurityRequirement> {
    let scheme = |name: &str| SecurityRequirement::new(name, Vec::<String>::new());
    match who {
        Who::Public => Vec::new(),
        Who::Person => vec![scheme(BEARER), scheme(EDGE)],
        Who::Service => vec![scheme(SERVICE_KEY)],
    }
}

fn uuid() -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)))
}
