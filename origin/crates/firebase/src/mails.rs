//! The mails that Firebase sends for us.

use reqwest::Url;
use shared::config::{Reader, on_off};

/// The configuration of Firebase's mails. The project has templates for their texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FirebaseMails {
    /// Whether Firebase mails a link to a new address to prove it.
    pub verify_new: bool,
    /// The language, as a tag of RFC 5646 (`de`, `pt-BR`); none = the template's language.
    pub locale: Option<String>,
    /// The address to which the page behind a link leads. Its host is one of the project's authorised domains.
    pub continue_url: Option<String>,
}

impl FirebaseMails {
    /// Reads `FIREBASE_VERIFY_NEW_ADDRESSES`, `FIREBASE_MAIL_LOCALE` and `FIREBASE_MAIL_CONTINUE_URL`.
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            verify_new: reader.or("FIREBASE_VERIFY_NEW_ADDRESSES", false, on_off),
            locale: reader.optional("FIREBASE_MAIL_LOCALE", |text| {
                let is_tag = (2..=35).contains(&text.len())
                    && text
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
                if is_tag {
                    Ok(text.to_owned())
                } else {
                    Err("is not a language tag")
                }
            }),
            continue_url: reader.optional("FIREBASE_MAIL_CONTINUE_URL", |text| {
                let url = Url::parse(text).ok().filter(|url| {
                    url.scheme() == "https"
                        && url.has_host()
                        && url.username().is_empty()
                        && url.password().is_none()
                });
                match url {
                    Some(_) if text.len() <= 2048 => Ok(text.to_owned()),
                    _ => Err("is not an https URL of at most 2048 characters"),
                }
            }),
        }
    }
}
