//! The OpenAPI document of all routes: what `GET /openapi.json` and `origin openapi` show.

use std::sync::LazyLock;

use utoipa::openapi::OpenApi;

use super::{openapi, routes};

/// The document, compact: what `GET /openapi.json` answers. Built at the first call.
pub fn compact() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        // Maps with text keys and plain values always serialise.
        serde_json::to_string(&document()).unwrap_or_default()
    });
    &TEXT
}

/// The document for readers and reviews: indented, ending in a line feed.
#[must_use]
pub fn pretty() -> String {
    let mut text = serde_json::to_string_pretty(&document()).unwrap_or_default();
    text.push('\n');
    text
}

/// The document.
#[must_use]
pub fn document() -> OpenApi {
    openapi::complete(routes::routes().to_openapi())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::openapi::TAGS;
    use crate::http::openapi::names::FAILS;

    /// The copy makes a change of the contract visible in review.
    #[test]
    fn checked_in_copy_equals_the_document() {
        let copy = include_str!("../../../docs/api/openapi.json");
        assert!(
            copy == pretty(),
            "docs/api/openapi.json is not what the code says. Look at what changed for callers, then rewrite it:\n\n    \
             cargo run -p crossfade-origin -- openapi > docs/api/openapi.json\n"
        );
    }

    #[test]
    fn every_path_is_in_the_overview() {
        let page = include_str!("../../../docs/api/auth-v2-endpoints.md");
        let mut named = std::collections::BTreeSet::new();
        for code in page.split('`').skip(1).step_by(2) {
            let path = code.split('?').next().unwrap();
            match path.rsplit_once('{').filter(|(_, rest)| rest.contains(',')) {
                Some((start, rest)) => {
                    named.extend(
                        rest.trim_end_matches('}')
                            .split(',')
                            .map(|end| format!("{start}{end}")),
                    );
                }
                None => drop(named.insert(path.to_owned())),
            }
        }
        let document = serde_json::to_value(document()).unwrap();
        for path in document["paths"].as_object().unwrap().keys() {
            assert!(
                named.contains(path),
                "docs/api/auth-v2-endpoints.md does not name {path}"
            );
        }
    }

    #[test]
    fn every_operation_has_a_unique_id_and_a_summary() {
        let document = serde_json::to_value(document()).unwrap();
        let mut names = std::collections::BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let at = format!("{method} {path}");
                assert!(
                    names.insert(operation["operationId"].as_str().unwrap().to_owned()),
                    "{at}"
                );
                let summary = operation["summary"].as_str().unwrap();
                assert!(!summary.is_empty() && !summary.contains('\n'), "{at}: {summary}");
                let tags: Vec<&str> = TAGS.iter().map(|(tag, _)| *tag).collect();
                assert!(tags.contains(&operation["tags"][0].as_str().unwrap()), "{at}");
                assert_eq!(operation.get(FAILS), None, "{at}");
            }
        }
        assert!(names.len() > 40, "{names:?}");
    }

    #[test]
    fn every_reference_resolves() {
        let document = serde_json::to_value(document()).unwrap();
        let mut open = vec![&document];
        let mut seen = 0;
        while let Some(value) = open.pop() {
            match value {
                serde_json::Value::Object(fields) => {
                    if let Some(target) = fields.get("$ref").and_then(|target| target.as_str()) {
                        seen += 1;
                        let pointer = target.strip_prefix('#').unwrap();
                        assert!(document.pointer(pointer).is_some(), "{target}");
                    }
                    open.extend(fields.values());
                }
                serde_json::Value::Array(items) => open.extend(items),
                _ => {}
            }
        }
        assert!(seen > 100, "{seen}");
    }
}
