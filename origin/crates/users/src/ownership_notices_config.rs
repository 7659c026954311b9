//! The configuration of the mailer for changes of ownership.

use firebase::{PlainHttp, service_url};
use ring::hmac;
use shared::config::Reader;

const URL: &str = "OWNERSHIP_NOTICE_URL";
const SECRET: &str = "OWNERSHIP_NOTICE_SECRET";
const LEAST_SECRET_BYTES: usize = 32;

/// The operator's service that mails users, and the key for our signatures.
#[derive(Debug, Clone)]
pub struct OwnershipNotices {
    /// The address that receives notices.
    pub url: String,
    /// The key that signs them.
    pub key: hmac::Key,
}

impl OwnershipNotices {
    /// Reads `OWNERSHIP_NOTICE_URL` and `OWNERSHIP_NOTICE_SECRET`: both, or neither.
    pub fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let plain = PlainHttp::allowed(reader);
        let url = reader.optional(URL, |text| service_url(text, plain));
        let key = reader.optional(SECRET, |text| {
            if text.len() < LEAST_SECRET_BYTES {
                return Err("is shorter than 32 characters");
            }
            Ok(hmac::Key::new(hmac::HMAC_SHA256, text.as_bytes()))
        });
        match (url, key) {
            (Some(url), Some(key)) => Some(Self { url, key }),
            (Some(_), None) => {
                reader.fault(SECRET, "is required beside OWNERSHIP_NOTICE_URL");
                None
            }
            (None, _) => None,
        }
    }
}
