//! The configuration of Firebase's account services.

use shared::config::Reader;
use shared::ids::{ProjectId, TenantId};
use shared::token::TokenPolicy;

use super::issuer::Issuer;
use super::mails::FirebaseMails;
use super::role_claim::RoleClaim;
use super::service_account::ServiceAccount;
use super::source::file::{Rules, read_file};
use super::source::{AwsEnvironment, EXECUTABLES_ALLOWED, Source};
use super::urls::{FirebaseUrls, PlainHttp, service_url};

/// The configuration of Firebase's account services.
#[derive(Debug, Clone)]
pub struct FirebaseConfig {
    /// The project that manages the accounts: the first of `FIREBASE_PROJECT_ID`.
    pub project: ProjectId,
    /// The issuer of users without one in their rows: this project, with `FIREBASE_TENANT_ID`.
    pub home: Issuer,
    /// The project's web API key. Without it no user can register or sign in here; everything else works.
    pub api_key: Option<String>,
    /// The tenant that has the accounts: `FIREBASE_TENANT_ID`.
    pub tenant: Option<TenantId>,
    /// The credentials that manage accounts: needed to move, disable and delete them.
    pub source: Option<Source>,
    /// The service account that signs custom tokens, where the credentials do not name it.
    pub signer: Option<String>,
    /// The project to which administrators' calls are charged.
    pub quota_project: Option<String>,
    /// The mails that Firebase sends for us.
    pub mails: FirebaseMails,
    /// `host:port` of the Auth emulator, where the environment allows it.
    pub emulator: Option<String>,
    /// The custom claim that holds the role, if one is configured.
    pub role_claim: Option<RoleClaim>,
    /// The addresses of the services, unless the emulator is used.
    pub urls: FirebaseUrls,
}

impl FirebaseConfig {
    /// Reads `FIREBASE_API_KEY`; `FIREBASE_CREDENTIALS`, `FIREBASE_CLIENT_EMAIL` with `FIREBASE_PRIVATE_KEY` or the file that
    /// `GOOGLE_APPLICATION_CREDENTIALS` names, `FIREBASE_SERVICE_ACCOUNT`, `GOOGLE_CLOUD_QUOTA_PROJECT`, `FIREBASE_TOKEN_URI`, and the variables of
    /// [`FirebaseUrls`]. `tokens` has read the
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
        let (source, of_file) = source(reader).unzip();
        let source = source.map(|source| match (source, token_uri) {
            (Source::Key(account), Some(uri)) => Source::Key(account.exchanged_at(uri)),
            (source, _) => source,
        });
        let role_claim = reader.optional("FIREBASE_USER_TYPE_CLAIM", RoleClaim::parse);
        let signer = reader.optional("FIREBASE_SERVICE_ACCOUNT", |text| {
            if text.contains('@') && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/') {
                Ok(text.to_owned())
            } else {
                Err("is not the e-mail address of a service account")
            }
        });
        let quota_project = reader
            .optional("GOOGLE_CLOUD_QUOTA_PROJECT", |text| {
                ProjectId::parse(text).map(|project| project.to_string())
            })
            .or_else(|| of_file.flatten());
        let urls = FirebaseUrls::read(reader);
        let mails = FirebaseMails::read(reader);
        let tokens = tokens?;
        let project = tokens.projects.first()?.clone();
        Some(Self {
            home: Issuer::new(&project, tokens.tenant.as_ref()),
            project,
            api_key,
            tenant: tokens.tenant.clone(),
            source,
            signer,
            quota_project,
            mails,
            emulator: tokens.emulator.as_ref().map(|permit| permit.host().to_owned()),
            role_claim,
            urls,
        })
    }
}

/// The credentials that manage accounts, and the project to which their file charges calls.
fn source(reader: &mut Reader<'_>) -> Option<(Source, Option<String>)> {
    let plain = PlainHttp::allowed(reader);
    let metadata = reader.or("FIREBASE_CREDENTIALS", false, |text| match text {
        "auto" => Ok(false),
        "metadata" => Ok(true),
        _ => Err("is neither auto nor metadata"),
    });
    // Link-local, and plain by design: <https://docs.cloud.google.com/compute/docs/metadata/overview>.
    let host = reader.or(
        "GCE_METADATA_HOST",
        "metadata.google.internal".to_owned(),
        |text| {
            let plain =
                |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']');
            if !text.is_empty() && text.bytes().all(plain) {
                Ok(text.to_owned())
            } else {
                Err("is not a host, perhaps with a port")
            }
        },
    );
    if metadata {
        return Some((Source::Metadata(format!("http://{host}")), None));
    }
    if reader.text("FIREBASE_CLIENT_EMAIL").is_none() && reader.text("FIREBASE_PRIVATE_KEY").is_none() {
        let rules = Rules {
            allowed: &|url| service_url(url, plain).is_ok(),
            executables: reader.text(EXECUTABLES_ALLOWED).as_deref() == Some("1"),
            aws: AwsEnvironment::read(reader),
        };
        return reader.optional("GOOGLE_APPLICATION_CREDENTIALS", |path| {
            let text = std::fs::read(path).map_err(|_| "names a file that cannot be read")?;
            read_file(&text, &rules)
        });
    }
    service_account(reader).map(|account| (Source::Key(account), None))
}

fn service_account(reader: &mut Reader<'_>) -> Option<ServiceAccount> {
    let email = reader.required("FIREBASE_CLIENT_EMAIL", |text| {
        if text.contains('@') {
            Ok(text.to_owned())
        } else {
            Err("is not an e-mail address")
        }
    });
    // Shells and container files often carry the key on one line, with each line break written as `\n`.
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
