//! The JWS layer alone: header rules, key choice and signature, for vectors with a payload that is not JSON.

use serde_json::Value;

use super::case::{Case, Layer};
use crate::base64url;
use crate::token::{
    HmacSecret, KeySet, SignatureEngine, UnverifiedAlgorithm, UnverifiedHeader, UnverifiedJws,
};

/// Whether `text` is a JWS by a key of `keys`, a JWK set.
pub(super) async fn judge<E: SignatureEngine>(
    engine: &E,
    text: &str,
    keys: &str,
) -> Result<(), &'static str> {
    let jws = UnverifiedJws::parse(text).map_err(|rejection| rejection.reason())?;
    let header = jws.header().map_err(|rejection| rejection.reason())?;
    match header.algorithm() {
        UnverifiedAlgorithm::Rs256 => by_rsa(engine, &jws, &header, keys).await,
        UnverifiedAlgorithm::Hs256 => by_hmac(&jws, &header, keys),
        _ => Err("alg"),
    }
}

async fn by_rsa<E: SignatureEngine>(
    engine: &E,
    jws: &UnverifiedJws<'_>,
    header: &UnverifiedHeader,
    keys: &str,
) -> Result<(), &'static str> {
    let set = KeySet::parse(keys.as_bytes()).map_err(|_| "bad_key_set")?;
    // RFC 7515's own examples name no key: with a set of one, that key is taken.
    let key = match header.key_id() {
        Ok(kid) => set.get(kid),
        Err(_) if set.iter().count() == 1 => set.iter().next().map(|(_, key)| key),
        Err(_) => None,
    };
    let key = engine
        .import(key.ok_or("key_unknown")?)
        .await
        .map_err(|_| "engine")?;
    match engine.verify_rs256(&key, jws.signed(), jws.signature()).await {
        Ok(true) => Ok(()),
        Ok(false) => Err("signature"),
        Err(_) => Err("engine"),
    }
}

fn by_hmac(jws: &UnverifiedJws<'_>, header: &UnverifiedHeader, keys: &str) -> Result<(), &'static str> {
    let secrets = secrets(keys)?;
    let verified = secrets.iter().any(|(kid, secret)| {
        let named = header.key_id().is_err() || header.key_id().ok() == kid.as_deref();
        named && secret.verifies(jws)
    });
    if verified { Ok(()) } else { Err("signature") }
}

/// In production HMAC secrets come from configuration and never as JWK. This reads them from the vectors' sets.
fn secrets(keys: &str) -> Result<Vec<(Option<String>, HmacSecret)>, &'static str> {
    let set: Value = serde_json::from_str(keys).map_err(|_| "bad_key_set")?;
    let mut secrets: Vec<(Option<String>, HmacSecret)> = Vec::new();
    for key in set.get("keys").and_then(Value::as_array).ok_or("bad_key_set")? {
        let text = |name: &str| key.get(name).and_then(Value::as_str);
        let for_us = text("kty") == Some("oct")
            && matches!(text("alg"), None | Some("HS256"))
            && matches!(text("use"), None | Some("sig"));
        let kid = text("kid").map(str::to_owned);
        if !for_us || secrets.iter().any(|(known, _)| known.is_some() && *known == kid) {
            return Err("bad_key_set");
        }
        let bytes = base64url::decode(text("k").unwrap_or_default().as_bytes()).map_err(|_| "bad_key_set")?;
        secrets.push((kid, HmacSecret::new(&bytes).map_err(|_| "bad_key_set")?));
    }
    Ok(secrets)
}

const A1_KEYS: &str = r#"{"keys":[{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}]}"#;
const A2_KEYS: &str = concat!(
    r#"{"keys":[{"kty":"RSA","kid":"A.2","e":"AQAB","n":""#,
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMs",
    "D1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdV",
    "MTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
    r#""}]}"#
);
const PAYLOAD: &str =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
const A1_SIGNATURE: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const A2_SIGNATURE: &str = concat!(
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4",
    "BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqv",
    "hJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
);

/// The examples of RFC 7515 appendix A that concern RS256, HS256 and `none`, and its rules on headers (sections 4.1.11, 10.12).
#[must_use]
pub fn rfc7515_cases() -> Vec<Case> {
    let (hs256, rs256) = ("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9", "eyJhbGciOiJSUzI1NiJ9");
    let tampered = |signature: &str| signature.replacen(['d', 'c'], "e", 1);
    [
        (
            "A.1 HS256",
            format!("{hs256}.{PAYLOAD}.{A1_SIGNATURE}"),
            A1_KEYS,
            "accepted",
        ),
        (
            "A.1 with another signature",
            format!("{hs256}.{PAYLOAD}.{}", tampered(A1_SIGNATURE)),
            A1_KEYS,
            "signature",
        ),
        (
            "A.1 padded",
            format!("{hs256}.{PAYLOAD}.{A1_SIGNATURE}="),
            A1_KEYS,
            "signature_encoding",
        ),
        (
            "A.1 with unused bits set",
            format!("{hs256}.{PAYLOAD}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXl"),
            A1_KEYS,
            "signature_encoding",
        ),
        (
            "A.1 by the key of A.2",
            format!("{hs256}.{PAYLOAD}.{A1_SIGNATURE}"),
            A2_KEYS,
            "refused",
        ),
        (
            "A.2 RS256",
            format!("{rs256}.{PAYLOAD}.{A2_SIGNATURE}"),
            A2_KEYS,
            "accepted",
        ),
        (
            "A.2 with another signature",
            format!("{rs256}.{PAYLOAD}.{}", tampered(A2_SIGNATURE)),
            A2_KEYS,
            "signature",
        ),
        (
            "A.2 by the key of A.1",
            format!("{rs256}.{PAYLOAD}.{A2_SIGNATURE}"),
            A1_KEYS,
            "refused",
        ),
        (
            "A.2 under the header of A.1",
            format!("{hs256}.{PAYLOAD}.{A2_SIGNATURE}"),
            A2_KEYS,
            "refused",
        ),
        (
            "A.5 unsecured",
            format!("eyJhbGciOiJub25lIn0.{PAYLOAD}."),
            A2_KEYS,
            "alg",
        ),
        (
            "A.6 JSON serialisation",
            format!(r#"{{"payload":"{PAYLOAD}","protected":"{rs256}","signature":"{A2_SIGNATURE}"}}"#),
            A2_KEYS,
            "refused",
        ),
        (
            "4.1.11 crit",
            header(r#"{"alg":"RS256","crit":["exp"],"exp":1}"#),
            A2_KEYS,
            "header_extension",
        ),
        (
            "4.1.11 empty crit",
            header(r#"{"alg":"RS256","crit":[]}"#),
            A2_KEYS,
            "header_extension",
        ),
        (
            "RFC 7797 b64",
            header(r#"{"alg":"RS256","b64":false,"crit":["b64"]}"#),
            A2_KEYS,
            "header_extension",
        ),
        (
            "RFC 7516 zip",
            header(r#"{"alg":"RS256","zip":"DEF"}"#),
            A2_KEYS,
            "header_extension",
        ),
        (
            "10.12 duplicate header member",
            header(r#"{"alg":"RS256","alg":"none"}"#),
            A2_KEYS,
            "header_json",
        ),
        (
            "RFC 8259 section 7 control character",
            header("{\"alg\":\"RS256\",\"kid\":\"\u{feff}\u{0}\"}"),
            A2_KEYS,
            "header_json",
        ),
    ]
    .into_iter()
    .map(|(name, token, keys, expect)| Case {
        source: "RFC 7515".to_owned(),
        name: name.to_owned(),
        layer: Layer::Jws,
        token,
        keys: keys.to_owned(),
        now: 0,
        config: std::collections::BTreeMap::new(),
        expect: expect.to_owned(),
        subject: None,
    })
    .collect()
}

fn header(header: &str) -> String {
    format!(
        "{}.{PAYLOAD}.{A2_SIGNATURE}",
        base64url::encode(header.as_bytes())
    )
}
