//! JWK sets (RFC 7517): from an issuer's answer to keys that are safe to verify with.

use std::collections::BTreeMap;

use super::compact::MAX_KEY_ID_BYTES;
use super::json::{self, Budget, Json, Object};
use super::roca;
use crate::base64url;

/// The largest key set that is read, in bytes.
pub const MAX_KEY_SET_BYTES: usize = 64 * 1024;
/// The most keys a set may hold.
pub const MAX_KEYS: usize = 64;

const MAX_DEPTH: usize = 8;
const MAX_MEMBERS: u16 = 1024;
const MIN_MODULUS_BITS: usize = 2048;
const MAX_MODULUS_BITS: usize = 8192;
const EXPONENT_65537: [u8; 3] = [1, 0, 1];

/// An RSA public key fit for RS256: 2048 to 8192 bits, exponent 65537, not of the ROCA family.
///
/// Not a byte string on purpose: no code can turn it into an HMAC secret, or a secret into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RsaPublicKey {
    modulus: Vec<u8>,
}

impl RsaPublicKey {
    /// Checks `modulus` and `exponent`, both big-endian.
    ///
    /// # Errors
    /// [`UnusableKey`] naming the rule.
    pub fn new(modulus: &[u8], exponent: &[u8]) -> Result<Self, UnusableKey> {
        let start = modulus
            .iter()
            .position(|byte| *byte != 0)
            .unwrap_or(modulus.len());
        let modulus = modulus.get(start..).unwrap_or_default();
        let unused = modulus.first().map_or(0, |byte| byte.leading_zeros());
        let bits = modulus
            .len()
            .saturating_mul(8)
            .saturating_sub(usize::try_from(unused).unwrap_or(0));
        if !(MIN_MODULUS_BITS..=MAX_MODULUS_BITS).contains(&bits) {
            return Err(UnusableKey::ModulusSize);
        }
        if modulus.last().is_none_or(|byte| byte % 2 == 0) || roca::is_vulnerable(modulus) {
            return Err(UnusableKey::WeakModulus);
        }
        if exponent != EXPONENT_65537 {
            return Err(UnusableKey::Exponent);
        }
        Ok(Self {
            modulus: modulus.to_vec(),
        })
    }

    /// The modulus, big-endian, without leading zeros.
    #[must_use]
    pub fn modulus(&self) -> &[u8] {
        &self.modulus
    }

    /// The exponent, big-endian: 65537.
    #[must_use]
    pub const fn exponent(&self) -> &'static [u8] {
        &EXPONENT_65537
    }

    /// `{"kty":"RSA","alg":"RS256","n":…,"e":…}`, for engines that import JWK.
    #[must_use]
    pub fn to_jwk(&self) -> String {
        let mut jwk = String::from(r#"{"kty":"RSA","alg":"RS256","e":"AQAB","n":""#);
        jwk.push_str(&base64url::encode(&self.modulus));
        jwk.push_str("\"}");
        jwk
    }
}

/// Why a key of a set is skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum UnusableKey {
    /// `kty` is not `RSA`.
    #[error("is not an RSA key")]
    KeyType,
    /// `alg` is there and not `RS256`.
    #[error("is for another algorithm")]
    Algorithm,
    /// `use` or `key_ops` does not allow verifying.
    #[error("is not for verifying signatures")]
    Use,
    /// `kid` is missing, empty or too long.
    #[error("has no usable kid")]
    KeyId,
    /// `n` or `e` is missing or not base64url.
    #[error("has no readable modulus or exponent")]
    Encoding,
    /// Shorter than 2048 or longer than 8192 bits.
    #[error("is not 2048 to 8192 bits long")]
    ModulusSize,
    /// Even, or of the ROCA family (CVE-2017-15361).
    #[error("is weak")]
    WeakModulus,
    /// `e` is not 65537.
    #[error("has another exponent than 65537")]
    Exponent,
}

/// Why an answer is no key set. The keys held so far stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum BadKeySet {
    /// Larger than [`MAX_KEY_SET_BYTES`].
    #[error("the key set is larger than 64 KiB")]
    TooLarge,
    /// Not the JSON of a key set.
    #[error("the answer is not a JWK set")]
    NotAKeySet,
    /// More than [`MAX_KEYS`] keys.
    #[error("the key set holds more than 64 keys")]
    TooManyKeys,
    /// Two keys share a `kid`: a token's `kid` then names neither.
    #[error("two keys of the set share a kid")]
    DuplicateKeyId,
    /// A published set holds a symmetric or private key: its issuer cannot be relied on.
    #[error("the key set holds secret keys")]
    SecretKey,
    /// Not one key is usable.
    #[error("no key of the set is usable")]
    NoUsableKey,
}

/// The usable keys of a set, by `kid`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySet {
    keys: BTreeMap<String, RsaPublicKey>,
    passed_over: usize,
}

impl KeySet {
    /// Reads an issuer's answer. It skips keys that we cannot use (RFC 7517 section 5), and refuses a set that cannot be relied on as a
    /// whole.
    ///
    /// # Errors
    /// [`BadKeySet`]
    pub fn parse(bytes: &[u8]) -> Result<Self, BadKeySet> {
        if bytes.len() > MAX_KEY_SET_BYTES {
            return Err(BadKeySet::TooLarge);
        }
        let set =
            json::object(bytes, &Budget::new(MAX_DEPTH, MAX_MEMBERS)).map_err(|_| BadKeySet::NotAKeySet)?;
        let Some(Json::List(entries)) = set.get("keys") else {
            return Err(BadKeySet::NotAKeySet);
        };
        if entries.len() > MAX_KEYS {
            return Err(BadKeySet::TooManyKeys);
        }
        let mut seen: Vec<&str> = Vec::with_capacity(entries.len());
        let mut keys = BTreeMap::new();
        let mut passed_over: usize = 0;
        for entry in entries {
            let Json::Object(jwk) = entry else {
                return Err(BadKeySet::NotAKeySet);
            };
            if jwk.has("d") || jwk.has("k") || jwk.text("kty") == Some("oct") {
                return Err(BadKeySet::SecretKey);
            }
            if let Some(kid) = jwk.text("kid") {
                if seen.contains(&kid) {
                    return Err(BadKeySet::DuplicateKeyId);
                }
                seen.push(kid);
            }
            match usable(jwk) {
                Ok((kid, key)) => {
                    keys.insert(kid.to_owned(), key);
                }
                Err(_) => passed_over = passed_over.saturating_add(1),
            }
        }
        if keys.is_empty() {
            Err(BadKeySet::NoUsableKey)
        } else {
            Ok(Self { keys, passed_over })
        }
    }

    /// The key called `kid`.
    #[must_use]
    pub fn get(&self, kid: &str) -> Option<&RsaPublicKey> {
        self.keys.get(kid)
    }

    /// All usable keys with their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &RsaPublicKey)> {
        self.keys.iter().map(|(kid, key)| (kid.as_str(), key))
    }

    /// How many keys of the answer were skipped.
    #[must_use]
    pub const fn passed_over(&self) -> usize {
        self.passed_over
    }
}

fn usable(jwk: &Object) -> Result<(&str, RsaPublicKey), UnusableKey> {
    if jwk.text("kty") != Some("RSA") {
        return Err(UnusableKey::KeyType);
    }
    if jwk.has("alg") && jwk.text("alg") != Some("RS256") {
        return Err(UnusableKey::Algorithm);
    }
    let may_verify = match jwk.get("key_ops") {
        None => true,
        Some(Json::List(operations)) => operations
            .iter()
            .any(|operation| matches!(operation, Json::Text(text) if text == "verify")),
        Some(_) => false,
    };
    if !may_verify || (jwk.has("use") && jwk.text("use") != Some("sig")) {
        return Err(UnusableKey::Use);
    }
    let kid = jwk
        .text("kid")
        .filter(|kid| !kid.is_empty() && kid.len() <= MAX_KEY_ID_BYTES)
        .ok_or(UnusableKey::KeyId)?;
    let number = |name: &str| {
        jwk.text(name)
            .and_then(|text| base64url::decode(text.as_bytes()).ok())
            .ok_or(UnusableKey::Encoding)
    };
    Ok((kid, RsaPublicKey::new(&number("n")?, &number("e")?)?))
}
