use serde_json::json;

use super::*;
use crate::source::exchange::encode;
use crate::source::signing::standard_base64;

fn read(file: &serde_json::Value) -> Result<Source, BadFile> {
    read_allowing(file, false).map(|(source, _)| source)
}

fn read_allowing(file: &serde_json::Value, executables: bool) -> Result<(Source, Option<String>), BadFile> {
    let rules = Rules {
        allowed: &|url| url.starts_with("https://"),
        executables,
        aws: Environment::default(),
    };
    read_file(file.to_string().as_bytes(), &rules)
}

fn user() -> serde_json::Value {
    json!({"type": "authorized_user", "client_id": "c", "client_secret": "s-secret", "refresh_token": "r-secret", "quota_project_id": "q"})
}

fn external() -> serde_json::Value {
    json!({
        "type": "external_account", "audience": "//iam.googleapis.com/p", "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": "https://sts.googleapis.com/v1/token", "credential_source": {"file": "/var/run/token"},
    })
}

fn aws(id: &str, metadata: &str, sts: &str) -> serde_json::Value {
    json!({
        "environment_id": id, "region_url": "http://169.254.169.254/zone", "url": format!("http://{metadata}/keys"),
        "regional_cred_verification_url": format!("https://{sts}/?Action=GetCallerIdentity"),
    })
}

const IMPERSONATION: &str = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/a@p.iam.gserviceaccount.com:generateAccessToken";

#[test]
fn kinds_of_application_default_credentials_are_read() {
    assert_eq!(read(&user()).unwrap().kind(), "authorized_user");
    assert_eq!(read(&external()).unwrap().kind(), "external_account");
    let mut impersonating = external();
    impersonating["service_account_impersonation_url"] = json!(IMPERSONATION);
    let source = read(&impersonating).unwrap();
    assert_eq!(source.service_account(), Some("a@p.iam.gserviceaccount.com"));
    let file = json!({
        "type": "impersonated_service_account", "service_account_impersonation_url": IMPERSONATION, "source_credentials": user(),
    });
    let source = read(&file).unwrap();
    assert_eq!(source.kind(), "impersonated_service_account");
    assert_eq!(source.service_account(), Some("a@p.iam.gserviceaccount.com"));
    let mut sources = external();
    for source in [
        aws("aws1", "[fd00:ec2::254]", "sts.{region}.amazonaws.com"),
        json!({"executable": {"command": "/bin/x --y=z", "timeout_millis": 5000}}),
    ] {
        sources["credential_source"] = source;
        assert_eq!(
            read_allowing(&sources, true).unwrap().0.kind(),
            "external_account"
        );
    }
    let (_, quota) = read_allowing(&user(), false).unwrap();
    assert_eq!(quota.as_deref(), Some("q"));
}

#[test]
fn unusable_credentials_are_refused_without_their_secrets() {
    let with = |mut file: serde_json::Value, name: &str, value: serde_json::Value| {
        file[name] = value;
        file
    };
    for file in [
        json!({}),
        json!({"type": "gdch_service_account"}),
        json!({"type": "authorized_user", "client_id": "c"}),
        with(user(), "token_uri", json!("http://oauth2.example/token")),
        with(external(), "token_url", json!("http://sts.example")),
        with(
            external(),
            "credential_source",
            json!({"executable": {"command": "/bin/x"}}),
        ),
        with(
            external(),
            "credential_source",
            aws("aws2", "169.254.169.254", "sts.x"),
        ),
        with(
            external(),
            "credential_source",
            aws("aws1", "169.254.0.1", "sts.x"),
        ),
        with(
            external(),
            "credential_source",
            aws("aws1", "169.254.169.254", "x.x"),
        ),
        with(
            external(),
            "credential_source",
            json!({"url": "file:///etc/passwd"}),
        ),
        with(
            external(),
            "credential_source",
            json!({"file": "/t", "format": {"type": "json"}}),
        ),
        with(
            external(),
            "service_account_impersonation_url",
            json!("http://iam.example"),
        ),
        json!({"type": "impersonated_service_account", "service_account_impersonation_url": IMPERSONATION}),
        json!({
            "type": "impersonated_service_account", "service_account_impersonation_url": IMPERSONATION,
            "source_credentials": {"type": "impersonated_service_account"},
        }),
        json!({"type": "service_account", "client_email": "a@b", "private_key": "no-key"}),
    ] {
        let rule = read(&file).unwrap_err();
        assert!(rule.starts_with("names a file"), "{rule}");
    }
    assert!(!format!("{:?}", read(&user()).unwrap()).contains("secret"));
}

#[test]
fn forms_and_bytes_are_encoded_for_google() {
    let mut text = String::new();
    encode("a b+c/ä&=~", &mut text);
    assert_eq!(text, "a%20b%2Bc%2F%C3%A4%26%3D~");
    assert_eq!(standard_base64(&[0xfb, 0xff]), "+/8=");
}
