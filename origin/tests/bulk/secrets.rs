//! The service's most detailed log contains no password, no token and no address.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::program;
use crate::support::{Drill, PASSWORD};

const SERVICE_KEY: &str = "admin-key-0123456789-0123456789-abcd";
const LEGACY_SECRET: &str = "legacy-secret-of-the-tests-0123456789";

#[tokio::test]
async fn no_credential_is_logged() {
    let drill = Drill::start().await;
    drill.fill(1).await;
    let mut child = program::origin()
        .arg("serve")
        .envs([
            ("ENVIRONMENT", "development"),
            ("DATABASE_URL", drill.database.url()),
            ("HOST", "127.0.0.1"),
            ("PORT", "0"),
            ("BCRYPT_ROUNDS", "4"),
            ("LOG_LEVEL", "trace"),
            ("LOG_FORMAT", "json"),
            (
                "ORIGIN_ASSERTION_KEYS",
                "k1:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc",
            ),
            ("LEGACY_JWT_SECRETS", LEGACY_SECRET),
            ("INTERNAL_SERVICE_KEYS", &format!("admin:{SERVICE_KEY}:admin")),
        ])
        .envs(drill.toolkit.variables())
        .current_dir(std::env::temp_dir())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let errors = std::thread::spawn(move || {
        let mut text = String::new();
        stderr.read_to_string(&mut text).unwrap();
        text
    });
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok);
    let mut log = String::new();
    let base = loop {
        let line = lines.next().expect("the program ended before it listened");
        log.push_str(&line);
        let line: Value = serde_json::from_str(&line).unwrap_or_default();
        if line["message"] == "listening" {
            break format!("http://{}", line["address"].as_str().unwrap());
        }
    };
    let rest = std::thread::spawn(move || lines.collect::<String>());

    let client = http_client::client().unwrap();
    let post = async |path: &str, header: (&str, String), body: Value| -> Value {
        let request = client
            .post(format!("{base}{path}"))
            .header(header.0, header.1)
            .header("content-type", "application/json")
            .body(body.to_string());
        let answer = request.send().await.unwrap().text().await.unwrap();
        serde_json::from_str(&answer).unwrap()
    };
    let nobody = || ("x-request-id", "somebody".to_owned());
    let new = json!({"email": "zoe@example.org", "password": "registered-horse-2", "displayName": "Zoe"});
    let old = json!({"email": "person1@example.org", "password": PASSWORD});
    let registered = post("/v1/auth/register", nobody(), new.clone()).await;
    post("/v1/auth/register", nobody(), new.clone()).await;
    let moved = post("/v1/auth/login", nobody(), old.clone()).await;
    let refresh = |session: &Value| json!({"refreshToken": session["data"]["refreshToken"]});
    let renewed = post("/v1/auth/refresh", nobody(), refresh(&moved)).await;
    post(
        "/v1/auth/refresh",
        nobody(),
        json!({"refreshToken": "forged-refresh-token"}),
    )
    .await;
    let wrong = json!({"email": "person1@example.org", "password": "mistyped-horse-3"});
    post("/v1/auth/login", nobody(), wrong).await;
    post(
        "/v1/auth/reset-password",
        nobody(),
        json!({"oobCode": "forged-oob-code", "newPassword": "chosen-horse-4"}),
    )
    .await;
    post(
        "/v1/auth/forgot-password",
        nobody(),
        json!({"email": "person1@example.org"}),
    )
    .await;
    let token = |session: &Value| session["data"]["idToken"].as_str().unwrap().to_owned();
    let verify = json!({"token": token(&registered)});
    post("/v1/auth/verify-token", nobody(), verify).await;
    let legacy = post("/auth/login", nobody(), old).await["data"]["token"].clone();
    let id = moved["data"]["user"]["id"].as_str().unwrap().to_owned();
    drill.change(json!({"fail": {
        "accounts.signInWithPassword": {"status": 400, "message": "SOMETHING_NEW : about zoe@example.org"},
        "projects.accounts.update": {"status": 503, "message": "about zoe@example.org"},
    }}));
    post("/v1/auth/login", nobody(), new).await;
    let bearer = ("authorization", format!("Bearer {}", token(&registered)));
    post("/v1/auth/logout", bearer, json!({})).await;
    let key = ("x-service-key", SERVICE_KEY.to_owned());
    let out = post(&format!("/v1/users/{id}/deactivate"), key, json!({})).await;
    assert_eq!(out["success"], true, "{out}");
    child.kill().unwrap();
    child.wait().unwrap();
    log.push_str(&rest.join().unwrap());
    log.push_str(&errors.join().unwrap());

    assert!(
        log.contains("\"path\":\"/v1/auth/login\"") || log.contains("/v1/auth/login"),
        "nothing was logged"
    );
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    for secret in [
        PASSWORD.to_owned(),
        "registered-horse-2".to_owned(),
        "mistyped-horse-3".to_owned(),
        "chosen-horse-4".to_owned(),
        "forged-refresh-token".to_owned(),
        "forged-oob-code".to_owned(),
        "@example.org".to_owned(),
        SERVICE_KEY.to_owned(),
        LEGACY_SECRET.to_owned(),
        token(&registered),
        token(&moved),
        text(&renewed["data"]["idToken"]),
        text(&legacy),
        text(&registered["data"]["refreshToken"]),
        text(&moved["data"]["refreshToken"]),
        "$2b$".to_owned(),
    ] {
        if let Some(at) = log.find(&secret) {
            let around: String = log.chars().skip(at.saturating_sub(200)).take(400).collect();
            panic!("{secret} in …{around}…");
        }
    }
}
