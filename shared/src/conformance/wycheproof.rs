//! Project Wycheproof's vectors (<https://github.com/C2SP/wycheproof>, Apache-2.0), read from the published files.

use serde::Deserialize;
use serde_json::Value;

use super::BadVectors;
use super::case::{Case, Layer};

/// Marked valid there, refused here: a `?` stands inside a base64url segment, and we accept one spelling only.
const STRICTER_HERE: [u32; 2] = [372, 373];

/// Marked invalid there, accepted here: byte for byte the same token under the same key as #357, which is marked valid
/// (<https://github.com/C2SP/wycheproof/issues/236>). No verifier can satisfy both marks.
const SAME_AS_VALID: [u32; 2] = [367, 370];

#[derive(Deserialize)]
struct File {
    #[serde(rename = "testGroups")]
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    public: Option<Value>,
    private: Option<Value>,
    tests: Vec<Test>,
}

#[derive(Deserialize)]
struct Test {
    #[serde(rename = "tcId")]
    id: u32,
    comment: String,
    jws: Value,
    result: String,
}

/// `json_web_signature_test.json`. A verifier of RS256 and HS256 accepts the valid ones of these two algorithms, but for the two where we
/// are stricter. It refuses all others, but for two that repeat a valid one.
///
/// # Errors
/// [`BadVectors`]
pub fn signature_cases(file: &str) -> Result<Vec<Case>, BadVectors> {
    cases(file, "Wycheproof JWS")
}

/// `json_web_key_test.json`: the same over key sets.
///
/// # Errors
/// [`BadVectors`]
pub fn key_cases(file: &str) -> Result<Vec<Case>, BadVectors> {
    cases(file, "Wycheproof JWK sets")
}

fn cases(file: &str, source: &str) -> Result<Vec<Case>, BadVectors> {
    let file: File = serde_json::from_str(file)?;
    let mut cases = Vec::new();
    for group in file.groups {
        let keys = group
            .public
            .or(group.private)
            .ok_or_else(|| BadVectors("a group without keys".to_owned()))?;
        let set = if keys.get("keys").is_some() {
            keys
        } else {
            serde_json::json!({ "keys": [keys] })
        };
        let ours = set.get("keys").and_then(Value::as_array).is_some_and(|keys| {
            keys.iter()
                .all(|key| matches!(key.get("alg").and_then(Value::as_str), Some("RS256" | "HS256")))
        });
        for test in group.tests {
            let marked = test.result == "valid" && ours && !STRICTER_HERE.contains(&test.id);
            let accepted = marked || SAME_AS_VALID.contains(&test.id);
            cases.push(Case {
                source: source.to_owned(),
                name: format!("#{} {}", test.id, test.comment),
                layer: Layer::Jws,
                // A few vectors are in JSON serialisation, an object instead of a string: here that is no token at all.
                token: test
                    .jws
                    .as_str()
                    .map_or_else(|| test.jws.to_string(), str::to_owned),
                keys: set.to_string(),
                now: 0,
                config: std::collections::BTreeMap::new(),
                expect: if accepted { "accepted" } else { "refused" }.to_owned(),
                subject: None,
            });
        }
    }
    Ok(cases)
}
