//! How to reach Firebase's account services.

use shared::config::Reader;
use shared::ids::ProjectId;
use shared::token::TokenPolicy;

use super::firebase_urls::{FirebaseUrls, PlainHttp, service_url};
use crate::domain::issuer::Issuer;
use crate::domain::role_claim::RoleClaim;
use crate::firebase::ServiceAccount;

/// How to reach Firebase's account services.
#[derive(Debug, Clone)]
pub struct FirebaseConfig {
    /// The project whose accounts are managed: the first of `FIREBASE_PROJECT_ID`.
    pub project: ProjectId,
    /// Whose users a database knows whose rows do not say yet: those of this project, in `FIREBASE_TENANT_ID`.
    pub home: Issuer,
    /// The project's web API key. Without one nobody can register or sign in here; everything else works.
    pub api_key: Option<String>,
    /// Who manages accounts: needed to migrate, disable and delete them.
    pub service_account: Option<ServiceAccount>,
    /// `host:port` of the Auth emulator, where it may stand in.
    pub emulator: Option<String>,
    /// The custom claim that roles are written to, if they are.
    pub role_claim: Option<RoleClaim>,
    /// Where the services are, unless the emulator stands in.
    pub urls: FirebaseUrls,
}

impl FirebaseConfig {
    /// Reads `FIREBASE_API_KEY`, and `FIREBASE_CLIENT_EMAIL` with `FIREBASE_PRIVATE_KEY` or the file that
    /// `GOOGLE_APPLICATION_CREDENTIALS` names; `FIREBASE_TOKEN_URI`, and the variables of [`FirebaseUrls`]. `tokens` has read the
    /// project and the emulator already.
    pub fn read(reader: &mut Reader<'_>, tokens: Option<&TokenPolicy>) -> Option<Self> {
        let api_key = reader.optional("FIREBASE_API_KEY", |text| {
            let plain = text.len() <= 256
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
            if plain {
                Ok(text.to_owned())
            } else {
                Err("is not letters, digits, '-' and '_'")
            }
        });
        let plain = PlainHttp::allowed(reader);
        let token_uri = reader.optional("FIREBASE_TOKEN_URI", |text| service_url(text, plain));
        let service_account = service_account(reader).map(|account| match token_uri {
            Some(uri) => account.exchanged_at(uri),
            None => account,
        });
        let role_claim = reader.optional("FIREBASE_USER_TYPE_CLAIM", RoleClaim::parse);
        let urls = FirebaseUrls::read(reader);
        let tokens = tokens?;
        let project = tokens.projects.first()?.clone();
        Some(Self {
            home: Issuer::new(&project, tokens.tenant.as_ref()),
            project,
            api_key,
            service_account,
            emulator: tokens.emulator.as_ref().map(|permit| permit.host().to_owned()),
            role_claim,
            urls,
        })
    }
}

fn service_account(reader: &mut Reader<'_>) -> Option<ServiceAccount> {
    let plain = PlainHttp::allowed(reader);
    if reader.text("FIREBASE_CLIENT_EMAIL").is_none() && reader.text("FIREBASE_PRIVATE_KEY").is_none() {
        return reader.optional("GOOGLE_APPLICATION_CREDENTIALS", |path| {
            let text = std::fs::read(path).map_err(|_| "names a file that cannot be read")?;
            let account = ServiceAccount::from_json(&text)
                .map_err(|_| "names a file that is no service account key")?;
            match service_url(account.token_uri(), plain) {
                Ok(_) => Ok(account),
                Err(_) => {
                    Err("names a file whose token_uri may not be sent credentials: it is not an https URL")
                }
            }
        });
    }
    let email = reader.required("FIREBASE_CLIENT_EMAIL", |text| {
        if text.contains('@') {
            Ok(text.to_owned())
        } else {
            Err("is not an e-mail address")
        }
    });
    // Shells and container files often carry the key on one line, with `\n` spelled out.
    let pem = reader
        .text("FIREBASE_PRIVATE_KEY")
        .map(|text| text.replace("\\n", "\n"));
    let key = pem
        .as_deref()
        .map(|pem| ServiceAccount::new(email.clone().unwrap_or_default(), pem));
    match key {
        Some(Ok(account)) if email.is_some() => Some(account),
        Some(Err(_)) => {
            reader.fault(
                "FIREBASE_PRIVATE_KEY",
                "is not an RSA private key in PKCS#8 PEM form",
            );
            None
        }
        Some(Ok(_)) => None,
        None => {
            reader.fault("FIREBASE_PRIVATE_KEY", "is required beside FIREBASE_CLIENT_EMAIL");
            None
        }
    }
}
