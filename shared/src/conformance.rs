//! Runs test vectors through the same code as production, with any engine: the same cases run natively and inside workerd.
//!
//! Only with the feature `conformance`, which no release build has.

mod case;
mod jose;
mod wycheproof;

use std::collections::BTreeMap;

use serde::Deserialize;

pub use case::{Case, Layer, Outcome};
pub use jose::rfc7515_cases;
pub use wycheproof::{key_cases, signature_cases};

use crate::config::Reader;
use crate::identity::Subject;
use crate::ids::InvalidId;
use crate::time::UnixTime;
use crate::token::{self, EngineFault, KeySet, Keys, KeysUnavailable, Ring, SignatureEngine, TokenPolicy};

/// Runs `case` with `engine`.
pub async fn run<E: SignatureEngine>(engine: &E, case: &Case) -> Outcome {
    let verdict = match case.layer {
        Layer::Jws => jose::judge(engine, &case.token, &case.keys).await.map(|()| None),
        Layer::Token => verify(engine, case).await.map(Some),
    };
    match verdict {
        Ok(subject) => Outcome {
            verdict: "accepted".to_owned(),
            subject,
        },
        Err(reason) => Outcome {
            verdict: reason.to_owned(),
            subject: None,
        },
    }
}

async fn verify<E: SignatureEngine>(engine: &E, case: &Case) -> Result<String, &'static str> {
    let mut reader = Reader::new(&case.config);
    let policy = TokenPolicy::read(&mut reader);
    let policy = reader.finish(policy).map_err(|_| "bad_configuration")?;
    let keys = PublishedKeys::import(engine, &case.keys)
        .await
        .map_err(|EngineFault| "engine")?;
    let proven = token::verify(&case.token, &policy, &keys, engine, UnixTime::from_secs(case.now))
        .await
        .map_err(|rejection| rejection.reason())?;
    Ok(match &proven.subject {
        Subject::Firebase(uid) => uid.to_string(),
        Subject::Legacy(id) => id.to_string(),
    })
}

/// `{"firebase_id_token": set, "firebase_session_cookie": set}`, or one set for the ID tokens alone.
struct PublishedKeys<K> {
    keys: Vec<(Ring, String, K)>,
}

impl<K: Clone> PublishedKeys<K> {
    async fn import<E: SignatureEngine<Key = K>>(engine: &E, text: &str) -> Result<Self, EngineFault> {
        let mut keys = Vec::new();
        for ring in [Ring::FirebaseIdToken, Ring::FirebaseSessionCookie] {
            let both = serde_json::from_str::<BTreeMap<String, serde_json::Value>>(text).unwrap_or_default();
            let set = match both.get(ring.as_str()) {
                Some(set) => set.to_string(),
                None if ring == Ring::FirebaseIdToken => text.to_owned(),
                None => continue,
            };
            let Ok(set) = KeySet::parse(set.as_bytes()) else {
                continue;
            };
            for (kid, key) in set.iter() {
                keys.push((ring, kid.to_owned(), engine.import(key).await?));
            }
        }
        Ok(Self { keys })
    }
}

impl<K: Clone> Keys for PublishedKeys<K> {
    type Key = K;

    async fn find(&self, ring: Ring, kid: &str, _: UnixTime) -> Result<Option<K>, KeysUnavailable> {
        let found = self
            .keys
            .iter()
            .find(|(of, known, _)| *of == ring && known == kid);
        Ok(found.map(|(_, _, key)| key.clone()))
    }
}

/// A file of vectors could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a vector file: {0}")]
pub struct BadVectors(pub String);

impl From<serde_json::Error> for BadVectors {
    fn from(error: serde_json::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<InvalidId> for BadVectors {
    fn from(error: InvalidId) -> Self {
        Self(error.to_string())
    }
}

/// Our own vectors, `shared/tests/vectors/tokens.json`: tokens with named key sets and a common clock and configuration.
///
/// # Errors
/// [`BadVectors`]
pub fn own_cases(file: &str) -> Result<Vec<Case>, BadVectors> {
    #[derive(Deserialize)]
    struct File {
        now: i64,
        config: BTreeMap<String, String>,
        keys: serde_json::Value,
        cases: Vec<Entry>,
    }
    #[derive(Deserialize)]
    struct Entry {
        source: String,
        name: String,
        token: String,
        expect: String,
        #[serde(default)]
        subject: Option<String>,
        #[serde(default)]
        later: i64,
        #[serde(default)]
        config: BTreeMap<String, String>,
    }
    let file: File = serde_json::from_str(file)?;
    let keys = file.keys.to_string();
    let case = |entry: Entry| {
        let mut config = file.config.clone();
        config.extend(entry.config);
        Case {
            source: entry.source,
            name: entry.name,
            layer: Layer::Token,
            token: entry.token,
            keys: keys.clone(),
            now: file.now.saturating_add(entry.later),
            config,
            expect: entry.expect,
            subject: entry.subject,
        }
    };
    Ok(file.cases.into_iter().map(case).collect())
}
