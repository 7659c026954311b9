//! `origin doctor`: its findings about a database and an issuer, healthy and faulty.

use axum::Router;
use axum::routing::get;
use serde_json::{Value, json};
use testkit::identity_toolkit::IdentityToolkit;
use testkit::key_server::KeyServer;
use tokio::net::TcpListener;

use crate::database::TestDatabase;
use crate::ended::Ended;
use crate::support::{self, url};

const PROJECT: &str = "demo-doctor";

/// A healthy database and issuer.
struct Healthy {
    database: TestDatabase,
    google: IdentityToolkit,
    keys: KeyServer,
}

impl Healthy {
    async fn start() -> Self {
        Self {
            database: TestDatabase::current().await,
            google: IdentityToolkit::start(PROJECT).await.unwrap(),
            keys: KeyServer::start().await.unwrap(),
        }
    }

    /// `origin doctor`, with some variables changed.
    async fn doctor(&self, arguments: &str, variables: &[(&str, &str)]) -> Ended {
        let (database, keys) = (url(&self.database), self.keys.url());
        let google = self.google.variables();
        let mut all = vec![
            ("ENVIRONMENT", "development"),
            ("DATABASE_URL", database.as_str()),
            (
                "ORIGIN_ASSERTION_KEYS",
                "k1:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc",
            ),
        ];
        all.extend(google.iter().map(|(name, value)| (*name, value.as_str())));
        all.push(("FIREBASE_JWKS_URL", keys.as_str()));
        all.extend(variables);
        let ended = support::origin(&format!("doctor {arguments}"), &all).await;
        assert_eq!(ended.stderr, "");
        for secret in ["PRIVATE KEY", "BwcHBw", "postgres://", "127.0.0.1"] {
            assert!(!ended.stdout.contains(secret), "{secret} in {}", ended.stdout);
        }
        ended
    }

    /// Its finding of `check` with these variables, after `code`; all other checks must pass.
    async fn only_says(&self, code: i32, check: &str, variables: &[(&str, &str)]) -> String {
        let ended = self.doctor("--json", variables).await.expect(code);
        let found = ended.json();
        assert_eq!(found["fine"], code == 0, "{found}");
        let (about, others): (Vec<&Value>, Vec<&Value>) = found["findings"]
            .as_array()
            .unwrap()
            .iter()
            .partition(|finding| finding["check"] == check && finding["verdict"] != "ok");
        assert!(others.iter().all(|finding| finding["verdict"] == "ok"), "{found}");
        assert_eq!(about.len(), 1, "{found}");
        let verdict = if code == 0 { "warning" } else { "wrong" };
        assert_eq!(about[0]["verdict"], verdict, "{found}");
        about[0]["detail"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn doctor_finds_a_healthy_setup_healthy() {
    let healthy = Healthy::start().await;
    let ended = healthy
        .doctor("", &[("DB_POOL_MAX", "3")])
        .await
        .expect(0)
        .says(&[
            "ok       database   PostgreSQL ",
            "ok       opening    a session takes ",
            "ok       writing    the database takes writes\n",
            "ok       pooler     sessions stay ours between two statements\n",
            "ok       pool       DB_POOL_MAX 3; the server has ",
            "ok       clock      agrees with the database's\n",
            "ok       schema     current, version 00",
            "ok       keys       firebase_id_token: ",
            " usable, fresh for ",
            "ok       clock      agrees with the issuer's\n",
            "ok       firebase   answers in ",
            "ok       accounts   web API key and credentials to manage accounts are configured\n",
        ]);
    assert_eq!(ended.stdout.lines().count(), 13, "{}", ended.stdout);
    assert_eq!(healthy.keys.fetches(), 1);

    let found = healthy
        .doctor("--json", &[("DB_POOL_MAX", "3")])
        .await
        .expect(0)
        .json();
    assert_eq!(found["fine"], true);
    assert_eq!(found["findings"].as_array().unwrap().len(), 13);
    assert!(found["at"].as_str().unwrap().ends_with('Z'), "{found}");
}

#[tokio::test]
async fn read_only_database_is_reported() {
    let healthy = Healthy::start().await;
    let mut address = reqwest::Url::parse(&url(&healthy.database)).unwrap();
    address
        .query_pairs_mut()
        .append_pair("options", "-c default_transaction_read_only=on");
    let told = healthy
        .only_says(1, "writing", &[("DATABASE_URL", address.as_str())])
        .await;
    assert!(told.starts_with("the database takes no writes"), "{told}");
}

#[tokio::test]
async fn each_server_is_reported_and_the_serving_one_checked() {
    let healthy = Healthy::start().await;
    let address = url(&healthy.database);
    let port = reqwest::Url::parse(&address).unwrap().port().unwrap();
    let servers = |list: &str| address.replace(&format!("127.0.0.1:{port}"), list);
    let one_lost = servers(&format!("127.0.0.1:9,127.0.0.1:{port}"));
    assert_eq!(
        healthy
            .only_says(0, "servers", &[("DATABASE_URL", one_lost.as_str())])
            .await,
        "in the order of DATABASE_URL: 1 unreachable: connection refused; 2 takes writes"
    );
    let all_lost = servers("127.0.0.1:9,127.0.0.1:10");
    let ended = healthy.doctor("", &[("DATABASE_URL", &all_lost)]).await;
    ended.expect(1).says(&[
        "warning  servers    in the order of DATABASE_URL: 1 unreachable: connection refused; 2 unreachable: connection refused\n",
        "WRONG    database   unreachable: connection refused\n",
    ]);
}

#[tokio::test]
async fn unreachable_database_is_reported_beside_working_checks() {
    let healthy = Healthy::start().await;
    let gone = [("DATABASE_URL", "postgres://nobody@127.0.0.1:9/nothing")];
    healthy.doctor("", &gone).await.expect(1).says(&[
        "WRONG    database   unreachable: connection refused\n",
        "ok       keys ",
        "ok       firebase ",
    ]);
    let address = url(&healthy.database);
    let mut wrong = reqwest::Url::parse(&address).unwrap();
    wrong.set_password(Some("not-the-password")).unwrap();
    assert_eq!(
        healthy
            .only_says(1, "database", &[("DATABASE_URL", wrong.as_str())])
            .await,
        "refused, SQLSTATE 28P01: role and password are not accepted"
    );
    let mut wrong = reqwest::Url::parse(&address).unwrap();
    wrong.set_path("/no_such_database");
    assert_eq!(
        healthy
            .only_says(1, "database", &[("DATABASE_URL", wrong.as_str())])
            .await,
        "refused, SQLSTATE 3D000: there is no such database"
    );
}

#[tokio::test]
async fn outdated_schema_names_what_is_missing() {
    let healthy = Healthy::start().await;
    let newest = schema::newest_version();
    healthy.database.down(newest - 1).await.unwrap();
    assert_eq!(
        healthy.only_says(1, "schema", &[("DB_POOL_MAX", "3")]).await,
        "1 migration pending; see `origin migrate status`"
    );
    healthy
        .database
        .execute(
            "UPDATE auth.schema_migrations SET checksum = 'x' WHERE version < 3; \
             UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'auth.users_email_lower_key'::regclass",
        )
        .await;
    assert_eq!(
        healthy.only_says(1, "schema", &[("DB_POOL_MAX", "3")]).await,
        "1 migration pending, 2 migrations applied with another text, half built: auth.users_email_lower_key; \
         see `origin migrate status`"
    );
}

#[tokio::test]
async fn role_without_schema_rights_is_reported() {
    let healthy = Healthy::start().await;
    let role = format!("stranger_{}", uuid::Uuid::new_v4().simple());
    healthy
        .database
        .execute(&format!("CREATE ROLE {role} LOGIN PASSWORD 'stranger'"))
        .await;
    let mut theirs = reqwest::Url::parse(&url(&healthy.database)).unwrap();
    theirs.set_username(&role).unwrap();
    theirs.set_password(Some("stranger")).unwrap();
    let said = healthy
        .only_says(
            1,
            "schema",
            &[("DATABASE_URL", theirs.as_str()), ("DB_POOL_MAX", "3")],
        )
        .await;
    healthy.database.execute(&format!("DROP ROLE {role}")).await;
    assert_eq!(
        said,
        "cannot be read: refused, SQLSTATE 42501: this role may not read it"
    );
}

#[tokio::test]
async fn pool_too_large_for_the_server_is_reported() {
    let healthy = Healthy::start().await;
    let room: i64 = healthy
        .database
        .value("SELECT current_setting('max_connections')::bigint - current_setting('superuser_reserved_connections')::bigint")
        .await;
    // The doctor itself holds one.
    let said = healthy
        .only_says(0, "pool", &[("DB_POOL_MAX", &room.to_string())])
        .await;
    assert!(
        said.starts_with(&format!("DB_POOL_MAX {room}; the server has ")),
        "{said}"
    );
    let said = healthy
        .only_says(1, "pool", &[("DB_POOL_MAX", &(room + 1).to_string())])
        .await;
    assert!(said.ends_with(&format!(" of {room} connections free")), "{said}");
}

#[tokio::test]
async fn issuer_without_usable_keys_is_reported() {
    let healthy = Healthy::start().await;
    let pool = ("DB_POOL_MAX", "3");
    for (keys, said) in [
        ("http://127.0.0.1:9/jwks", "firebase_id_token: unreachable"),
        (
            healthy.keys.url().replace("/jwks", "/nowhere").as_str(),
            "firebase_id_token: answered 404 Not Found",
        ),
    ] {
        let found = healthy
            .only_says(1, "keys", &[pool, ("FIREBASE_JWKS_URL", keys)])
            .await;
        assert_eq!(found, said);
    }
    for (mode, said) in [
        ("error", "answered 503 Service Unavailable"),
        ("down", "the answer broke off"),
        ("garbage", "the answer is not a JWK set"),
        ("wrong", "the answer is not a JWK set"),
        ("huge", "the key set is larger than 64 KiB"),
    ] {
        let mode = serde_json::from_value(json!({"mode": mode})).unwrap();
        healthy.keys.change(mode).unwrap();
        let found = healthy.only_says(1, "keys", &[pool]).await;
        assert!(
            found.starts_with(&format!("firebase_id_token: {said}")),
            "{found}"
        );
        println!("{found}");
    }
}

#[tokio::test]
async fn clock_that_refuses_the_issuers_tokens_is_reported() {
    let healthy = Healthy::start().await;
    for (date, says) in [
        ("Sun, 06 Nov 1994 08:49:37 GMT", " s ahead of the issuer's"),
        ("Fri, 31 Dec 2094 23:59:59 GMT", " s behind the issuer's"),
    ] {
        let keys = testkit::keys::jwk_set([testkit::keys::Key::issuer()]).to_string();
        let router = Router::new().route(
            "/jwks",
            get(move || std::future::ready(([("date", date)], keys.clone()))),
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}/jwks", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await });
        let said = healthy
            .only_says(
                1,
                "clock",
                &[("DB_POOL_MAX", "3"), ("FIREBASE_JWKS_URL", &issuer)],
            )
            .await;
        serving.abort();
        let (seconds, rest) = said.split_at(said.find(' ').unwrap());
        assert_eq!(rest, says);
        assert!(seconds.parse::<u64>().unwrap() > 1_000_000, "{said}");
    }
}

#[tokio::test]
async fn missing_credentials_are_reported() {
    let healthy = Healthy::start().await;
    let pool = ("DB_POOL_MAX", "3");
    let no_key = ("FIREBASE_API_KEY", "");
    let no_account = [("FIREBASE_CLIENT_EMAIL", ""), ("FIREBASE_PRIVATE_KEY", "")];
    for (variables, said) in [
        (
            vec![no_key],
            "no FIREBASE_API_KEY: users cannot register or sign in here",
        ),
        (
            no_account.to_vec(),
            "no credentials to manage accounts: no user is moved, disabled or deleted at Firebase",
        ),
        (
            [&no_account[..], &[no_key]].concat(),
            "no Firebase credentials: tokens are verified, accounts are not served",
        ),
    ] {
        let variables = [&variables[..], &[pool]].concat();
        assert_eq!(healthy.only_says(0, "accounts", &variables).await, said);
    }
    let away = ("FIREBASE_IDENTITY_TOOLKIT_URL", "http://127.0.0.1:9");
    assert_eq!(
        healthy.only_says(1, "firebase", &[pool, away]).await,
        "unreachable"
    );
}

#[tokio::test]
async fn emulator_replaces_the_outside_checks() {
    let healthy = Healthy::start().await;
    let emulator = reqwest::Url::parse(&healthy.keys.url()).unwrap();
    let host = format!("127.0.0.1:{}", emulator.port().unwrap());
    let ended = healthy
        .doctor(
            "",
            &[("DB_POOL_MAX", "3"), ("FIREBASE_AUTH_EMULATOR_HOST", &host)],
        )
        .await
        .expect(0)
        .says(&["ok       emulator   answers in "]);
    assert_eq!(ended.stdout.lines().count(), 8, "{}", ended.stdout);
    let nobody = ("FIREBASE_AUTH_EMULATOR_HOST", "127.0.0.1:9");
    assert_eq!(
        healthy
            .only_says(1, "emulator", &[("DB_POOL_MAX", "3"), nobody])
            .await,
        "unreachable"
    );
}
