//! Completes the document from the handlers' annotations: the common parts of operations of one kind are written here, once.

use std::collections::{BTreeMap, BTreeSet};

use shared::problem::ErrorCode;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::schema::{SchemaFormat, SchemaType};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{
    Components, Deprecated, KnownFormat, Object, ObjectBuilder, OpenApi, RefOr, Required, Response, Schema,
    Type,
};

use super::envelopes;
use super::failure::{self, Failure};
use super::names::{BEARER, EDGE, FAILS, LEGACY, OPERATORS};
use crate::http::body::MAX_BODY_BYTES;

/// The failures of every call.
const EVERYWHERE: [ErrorCode; 4] = [
    ErrorCode::Forbidden,
    ErrorCode::Internal,
    ErrorCode::ConfigInvalid,
    ErrorCode::UpstreamTimeout,
];
/// The failures of a call with a body.
const WITH_BODY: [ErrorCode; 3] = [
    ErrorCode::ValidationError,
    ErrorCode::PayloadTooLarge,
    ErrorCode::UnsupportedMediaType,
];

/// Completes `api`.
pub fn finish(api: &mut OpenApi) {
    let components = api.components.get_or_insert_default();
    write_fields_where_used(components);
    let bodies: BTreeSet<String> = api
        .paths
        .paths
        .values_mut()
        .flat_map(operations)
        .filter_map(body_name)
        .collect();
    for (name, schema) in &mut components.schemas {
        if !bodies.contains(name) {
            require_all(schema);
        }
    }
    for (path, item) in &mut api.paths.paths {
        for operation in operations(item) {
            complete(operation, path, components);
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [
        &mut item.get,
        &mut item.put,
        &mut item.post,
        &mut item.delete,
        &mut item.patch,
    ]
    .into_iter()
    .flatten()
}

fn body_name(operation: &mut Operation) -> Option<String> {
    let content = operation.request_body.as_mut()?.content.values_mut().next()?;
    // `Option<T>` is described as `null` or `T`, and `null` is no object.
    if let Some(RefOr::T(Schema::OneOf(either))) = &mut content.schema {
        content.schema = either.items.pop();
    }
    match content.schema.as_ref()? {
        RefOr::Ref(reference) => Some(last(&reference.ref_location)),
        RefOr::T(_) => None,
    }
}

fn last(reference: &str) -> String {
    reference.rsplit('/').next().unwrap_or_default().to_owned()
}

/// Every field of an answer is present, `null` where there is no value.
fn require_all(schema: &mut RefOr<Schema>) {
    match schema {
        RefOr::T(Schema::Object(object)) => object.required = object.properties.keys().cloned().collect(),
        RefOr::T(Schema::AllOf(all)) => all.items.iter_mut().for_each(require_all),
        _ => {}
    }
}

/// Replaces references to the types of `http::fields` by their descriptions.
fn write_fields_where_used(components: &mut Components) {
    let (fields, others): (BTreeMap<_, _>, _) = std::mem::take(&mut components.schemas)
        .into_iter()
        .partition(|(name, _)| name.starts_with("field::"));
    components.schemas = others;
    for schema in components.schemas.values_mut() {
        if let RefOr::T(Schema::Object(object)) = schema {
            for property in object.properties.values_mut() {
                if let Some(written) = written(property, &fields) {
                    *property = RefOr::T(Schema::Object(written));
                }
            }
        }
    }
}

fn written(property: &RefOr<Schema>, fields: &BTreeMap<String, RefOr<Schema>>) -> Option<Object> {
    let (reference, optional, text) = match property {
        RefOr::Ref(reference) => (reference, false, Some(&reference.description)),
        RefOr::T(Schema::OneOf(either)) => match either.items.as_slice() {
            [_, RefOr::Ref(reference)] => (reference, true, either.description.as_ref()),
            _ => return None,
        },
        RefOr::T(_) => return None,
    };
    let Some(RefOr::T(Schema::Object(field))) = fields.get(&last(&reference.ref_location)) else {
        return None;
    };
    let mut field = field.clone();
    if let (true, SchemaType::Type(kind)) = (optional, &field.schema_type) {
        field.schema_type = SchemaType::Array(vec![kind.clone(), Type::Null]);
    }
    if let Some(text) = text.filter(|text| !text.is_empty()) {
        field.description = Some(text.clone());
    }
    Some(field)
}

fn complete(operation: &mut Operation, path: &str, components: &mut Components) {
    let tagged = |tag: &str| operation.tags.iter().flatten().any(|one| one == tag);
    let (bare, legacy) = (tagged(OPERATORS), tagged(LEGACY));
    if legacy {
        operation.deprecated = Some(Deprecated::True);
    }
    // The code has a sentence, the document a title.
    operation.summary = operation
        .summary
        .take()
        .map(|text| text.trim_end_matches('.').to_owned());
    let security = operation.security.get_or_insert_default();
    if security.iter().any(|one| *one == requires(BEARER)) {
        security.push(requires(EDGE));
    }
    if path.contains("{id}") {
        let id = ParameterBuilder::new()
            .name("id")
            .parameter_in(ParameterIn::Path)
            .description(Some("A UUID, in its usual form."))
            .required(Required::True)
            .schema(Some(uuid()));
        operation.parameters.get_or_insert_default().insert(0, id.build());
    }
    if let Some(body) = &mut operation.request_body {
        body.description = Some(format!("At most {MAX_BODY_BYTES} bytes."));
        body.required.get_or_insert(Required::False);
    }
    let failures = failures(operation);
    let replays = once(operation) == Some(Required::True);
    for response in operation.responses.responses.values_mut() {
        if let RefOr::T(response) = response {
            complete_answer(response, bare, replays);
        }
    }
    for (status, reference) in failure::responses(&failures, components) {
        // If a probe answers the status itself, it does so in its own shape.
        let answers = &mut operation.responses.responses;
        answers.entry(status).or_insert(RefOr::Ref(reference));
    }
}

fn complete_answer(response: &mut Response, bare: bool, replays: bool) {
    response
        .headers
        .insert("X-Request-Id".to_owned(), failure::request_id());
    if replays {
        let text = "`true` on an answer that repeats an earlier one, else absent.";
        response.headers.insert(
            "Idempotent-Replayed".to_owned(),
            failure::header(Type::String, text),
        );
    }
    if bare {
        return;
    }
    let content = response.content.entry("application/json".to_owned()).or_default();
    let data = content
        .schema
        .take()
        .unwrap_or_else(|| envelopes::nothing().into());
    content.schema = Some(RefOr::T(envelopes::success(data).into()));
}

/// All failures of the operation: the handler's own, and those of its arguments.
fn failures(operation: &mut Operation) -> BTreeSet<Failure> {
    let mut failures: BTreeSet<Failure> = EVERYWHERE.map(Failure::from).into();
    if let Some(extensions) = &mut operation.extensions {
        failure::named(&extensions.remove(FAILS).unwrap_or_default(), &mut failures);
    }
    if operation.request_body.is_some() {
        failures.extend(WITH_BODY.map(Failure::from));
    }
    if operation
        .parameters
        .as_ref()
        .is_some_and(|parameters| !parameters.is_empty())
    {
        failures.insert(ErrorCode::ValidationError.into());
    }
    if once(operation).is_some() {
        failures.insert(ErrorCode::IdempotencyKeyReused.into());
    }
    failures
}

/// Whether it takes an `Idempotency-Key`, and whether the key is required.
fn once(operation: &Operation) -> Option<Required> {
    let mut parameters = operation.parameters.iter().flatten();
    parameters
        .find(|one| one.name == "Idempotency-Key")
        .map(|one| one.required.clone())
}

fn requires(scheme: &str) -> SecurityRequirement {
    SecurityRequirement::new(scheme, Vec::<String>::new())
}

fn uuid() -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)))
}
