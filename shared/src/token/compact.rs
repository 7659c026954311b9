//! From a string to an unverified token: JWS compact serialisation (RFC 7515 section 7.1), read strictly.

use super::json::{self, Budget, Object};
use super::rejection::{Part, Rejection};
use crate::base64url;

/// The longest token that is looked at, in bytes.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;
/// The deepest nesting of header and payload. Firebase takes 1000 bytes of custom claims, and a level of nesting costs two of them (`[` and
/// `]`): custom claims nest at most 500 deep, one level below the payload.
pub const MAX_DEPTH: usize = 512;
/// The most members of all objects in header and payload together. In those 1000 bytes a member costs five (`{"":` and `}`): at most 200.
/// Firebase adds some twenty of its own, and the attributes of a SAML assertion, which the token's length bounds.
pub const MAX_MEMBERS: u16 = 512;
/// The longest `kid`, in bytes.
pub const MAX_KEY_ID_BYTES: usize = 256;

/// The three decoded segments of a compact JWS, and the bytes its signature covers. The payload is any bytes.
///
/// The layer below [`UnverifiedToken`], which adds that header and payload are JSON. It is separate because the payloads of published JWS
/// vectors are not JSON, and these vectors must run through the same code.
#[derive(Debug)]
pub struct UnverifiedJws<'a> {
    pub(crate) signed: &'a [u8],
    pub(crate) header: Vec<u8>,
    pub(crate) payload: Vec<u8>,
    pub(crate) signature: Vec<u8>,
}

impl<'a> UnverifiedJws<'a> {
    /// Splits and decodes `unverified`. It looks at the length first, so a megabyte costs no more than a byte.
    ///
    /// # Errors
    /// [`Rejection::TooLong`], [`Rejection::Segments`], [`Rejection::Encoding`].
    pub fn parse(unverified: &'a str) -> Result<Self, Rejection> {
        if unverified.len() > MAX_TOKEN_BYTES {
            return Err(Rejection::TooLong {
                bytes: unverified.len(),
            });
        }
        let segments = || Rejection::Segments {
            found: unverified.split('.').count(),
        };
        let (signed, signature) = unverified.rsplit_once('.').ok_or_else(segments)?;
        let (header, payload) = signed.split_once('.').ok_or_else(segments)?;
        if payload.contains('.') {
            return Err(segments());
        }
        let decode = |part: Part, text: &str| {
            base64url::decode(text.as_bytes()).map_err(|_| Rejection::Encoding { part })
        };
        Ok(Self {
            signed: signed.as_bytes(),
            header: decode(Part::Header, header)?,
            payload: decode(Part::Payload, payload)?,
            signature: decode(Part::Signature, signature)?,
        })
    }

    /// The bytes the signature covers: the first two segments as received.
    #[must_use]
    pub fn signed(&self) -> &[u8] {
        self.signed
    }

    /// The decoded signature; empty for an unsecured token.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// Reads the header.
    ///
    /// # Errors
    /// [`Rejection::Json`], and the header rules that hold for every kind of token (see [`UnverifiedHeader`]).
    pub fn header(&self) -> Result<UnverifiedHeader, Rejection> {
        UnverifiedHeader::read(&self.header, &Budget::new(MAX_DEPTH, MAX_MEMBERS))
    }
}

/// The algorithm that a header claims, as far as one of our rings knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnverifiedAlgorithm {
    /// `RS256`
    Rs256,
    /// `HS256`
    Hs256,
    /// `none`
    None,
    /// Any other string, another spelling included: algorithm names are case-sensitive (RFC 7515 section 4.1.1).
    Other,
    /// Absent, or not a string.
    Missing,
}

/// A JOSE header that obeys the rules common to all kinds. `jwk`, `jku`, `x5u`, `x5c` are never read: we supply the key.
#[derive(Debug)]
pub struct UnverifiedHeader {
    pub(crate) algorithm: UnverifiedAlgorithm,
    key_id: Option<String>,
}

impl UnverifiedHeader {
    fn read(bytes: &[u8], budget: &Budget) -> Result<Self, Rejection> {
        let mut header = json::object(bytes, budget).map_err(|fault| Rejection::Json {
            part: Part::Header,
            fault,
        })?;
        for name in ["crit", "zip", "b64"] {
            if header.has(name) {
                return Err(Rejection::HeaderExtension { name });
            }
        }
        if header.has("typ") && header.text("typ") != Some("JWT") {
            return Err(Rejection::Type);
        }
        let algorithm = match header.text("alg") {
            Some("RS256") => UnverifiedAlgorithm::Rs256,
            Some("HS256") => UnverifiedAlgorithm::Hs256,
            Some("none") => UnverifiedAlgorithm::None,
            Some(_) => UnverifiedAlgorithm::Other,
            None => UnverifiedAlgorithm::Missing,
        };
        let key_id = match header.take("kid") {
            None => None,
            Some(json::Json::Text(kid)) => Some(kid),
            Some(_) => return Err(Rejection::KeyId),
        };
        Ok(Self { algorithm, key_id })
    }

    /// The claimed algorithm.
    #[must_use]
    pub const fn algorithm(&self) -> UnverifiedAlgorithm {
        self.algorithm
    }

    /// The name of the key, checked for form.
    ///
    /// # Errors
    /// [`Rejection::KeyId`] when it is missing, empty, longer than 256 bytes or holds a control character.
    pub fn key_id(&self) -> Result<&str, Rejection> {
        match self.key_id.as_deref() {
            Some(kid)
                if !kid.is_empty() && kid.len() <= MAX_KEY_ID_BYTES && !kid.contains(char::is_control) =>
            {
                Ok(kid)
            }
            _ => Err(Rejection::KeyId),
        }
    }
}

/// A well-formed token that nothing has verified yet. It may choose the ring that judges it, and nothing else.
#[derive(Debug)]
pub struct UnverifiedToken<'a> {
    pub(crate) jws: UnverifiedJws<'a>,
    pub(crate) header: UnverifiedHeader,
    pub(crate) claims: Object,
}

impl<'a> UnverifiedToken<'a> {
    /// Reads `unverified` without believing it.
    ///
    /// # Errors
    /// The structural rejections; all of them are `TOKEN_MALFORMED`.
    pub fn parse(unverified: &'a str) -> Result<Self, Rejection> {
        let jws = UnverifiedJws::parse(unverified)?;
        let budget = Budget::new(MAX_DEPTH, MAX_MEMBERS);
        let header = UnverifiedHeader::read(&jws.header, &budget)?;
        let claims = json::object(&jws.payload, &budget).map_err(|fault| Rejection::Json {
            part: Part::Payload,
            fault,
        })?;
        Ok(Self { jws, header, claims })
    }
}
