//! A service account that signs at Google, and the one of this machine.

use serde::Deserialize;
use shared::base64url;

use super::exchange::{TIMEOUT, not_understood};
use crate::FirebaseError;
use crate::transport::{send, send_text, with_json};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SignedAnswer {
    signed_blob: String,
}

/// A JWT of `claims`, signed by Google for `account`: the caller needs `iam.serviceAccounts.signBlob` on it.
/// <https://docs.cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/signBlob>
pub async fn sign_at_google(
    client: &reqwest::Client,
    iam: &str,
    account: &str,
    bearer: String,
    claims: &serde_json::Value,
) -> Result<String, FirebaseError> {
    let header = base64url::encode(br#"{"alg":"RS256","typ":"JWT"}"#);
    let signed = format!("{header}.{}", base64url::encode(claims.to_string().as_bytes()));
    let body = serde_json::json!({ "payload": standard_base64(signed.as_bytes()) });
    let url = format!("{iam}/v1/projects/-/serviceAccounts/{account}:signBlob");
    let request = with_json(client.post(url).bearer_auth(bearer), &body);
    let answer: SignedAnswer = send(request.timeout(TIMEOUT)).await?;
    // Google writes standard base64; the signature of a JWT is web-safe.
    let signature = answer
        .signed_blob
        .trim_end_matches('=')
        .replace('+', "-")
        .replace('/', "_");
    if signature.is_empty()
        || !signature
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    {
        return Err(not_understood());
    }
    Ok(format!("{signed}.{signature}"))
}

/// Base64 with `+`, `/` and padding, which Google's JSON requires for bytes.
pub(super) fn standard_base64(bytes: &[u8]) -> String {
    let mut text = base64url::encode(bytes).replace('-', "+").replace('_', "/");
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    text
}

/// The address of this machine's service account.
pub async fn metadata_email(client: &reqwest::Client, base: &str) -> Result<String, FirebaseError> {
    let url = format!("{base}/computeMetadata/v1/instance/service-accounts/default/email");
    let request = client
        .get(url)
        .header("metadata-flavor", "Google")
        .timeout(TIMEOUT);
    let email = send_text(request, 1024).await?;
    let email = email.trim();
    if email.contains('@') && email.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(email.to_owned())
    } else {
        Err(not_understood())
    }
}
