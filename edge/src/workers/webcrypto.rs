//! The RSA primitive by WebCrypto: the runtime's native code, an order of magnitude faster than RSA in wasm.

use shared::token::{EngineFault, RsaPublicKey, SignatureEngine};
use wasm_bindgen::JsValue;

use super::glue;

/// `crypto.subtle`.
pub(super) struct WebCrypto;

/// An imported `CryptoKey`: importing is done once per key, not once per token.
#[derive(Debug, Clone)]
pub(super) struct ImportedKey(JsValue);

impl SignatureEngine for WebCrypto {
    type Key = ImportedKey;

    async fn import(&self, key: &RsaPublicKey) -> Result<ImportedKey, EngineFault> {
        glue::import_rs256(&key.to_jwk())
            .await
            .map(ImportedKey)
            .map_err(|_| EngineFault)
    }

    async fn verify_rs256(
        &self,
        key: &ImportedKey,
        message: &[u8],
        signature: &[u8],
    ) -> Result<bool, EngineFault> {
        glue::verify_rs256(&key.0, signature, message)
            .await
            .map_err(|_| EngineFault)?
            .as_bool()
            .ok_or(EngineFault)
    }
}
