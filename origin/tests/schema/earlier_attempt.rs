//! A database after the plan's own three scripts: the runner recognises it, and the script in docs repairs it.

use schema::{SchemaError, verify};

use crate::support::{TestDatabase, execute};

/// The result of the plan's scripts, in the mixture of both known forms.
const EARLIER_ATTEMPT: &str = "
    ALTER TABLE auth.users ADD COLUMN firebase_uid varchar(128) UNIQUE;
    CREATE INDEX idx_users_firebase_uid ON auth.users (firebase_uid);
    ALTER TABLE auth.users ADD CONSTRAINT chk_firebase_uid_format CHECK (firebase_uid IS NULL OR length(firebase_uid) >= 20);
    ALTER TABLE auth.users
        ADD COLUMN auth_provider varchar(20) DEFAULT 'local',
        ADD COLUMN provider_data jsonb,
        ADD COLUMN last_firebase_sync timestamp,
        ADD COLUMN federation_status varchar(20) DEFAULT 'active';
    CREATE INDEX idx_users_auth_provider ON auth.users (auth_provider);
    CREATE INDEX idx_users_federation_status ON auth.users (federation_status);
    ALTER TABLE auth.users ADD CONSTRAINT chk_auth_provider CHECK (auth_provider IN ('local', 'firebase', 'hybrid'));
    ALTER TABLE auth.users ALTER COLUMN password_hash DROP NOT NULL;
    ALTER TABLE auth.users ADD CONSTRAINT chk_password_hash_required
        CHECK ((auth_provider = 'local' AND password_hash IS NOT NULL) OR auth_provider <> 'local');
    UPDATE auth.users SET firebase_uid = repeat('e', 28), auth_provider = 'hybrid', last_firebase_sync = '2026-03-01 12:00'
        WHERE username = 'eve';
    INSERT INTO auth.users (email, auth_provider, firebase_uid) VALUES ('fay@example.org', 'firebase', repeat('f', 28));
    INSERT INTO auth.users (email, auth_provider, firebase_uid) VALUES ('gil@example.org', NULL, repeat('g', 28));";

const SCRIPT: &str = include_str!("../../../docs/ops/adopt-earlier-attempt.sql");

/// Statement by statement, as psql sends them: the concurrent ones must be sent alone.
async fn run_script(database: &TestDatabase) {
    let mut connection = database.connect().await;
    for statement in SCRIPT.split(";\n") {
        execute(&mut connection, statement).await;
    }
}

#[tokio::test]
async fn earlier_attempt_is_refused_by_column_and_adopted_after_the_script() {
    let database = TestDatabase::legacy_with_users().await;
    database.execute(EARLIER_ATTEMPT).await;

    let SchemaError::NotReady(findings) = database.up().await.unwrap_err() else {
        panic!("not refused")
    };
    let texts: Vec<&str> = findings.iter().map(|finding| finding.text.as_str()).collect();
    assert!(
        texts.iter().any(
            |text| text.starts_with("auth.users.firebase_uid is already there as character varying(128)")
        ),
        "{texts:?}"
    );

    run_script(&database).await;
    run_script(&database).await;
    database.up().await.unwrap();

    assert_eq!(
        verify::read(&database.options).await.unwrap().differences,
        Vec::<String>::new()
    );
    assert_eq!(
        database
            .rows("SELECT auth_provider, count(*) FROM auth.users GROUP BY 1 ORDER BY 1")
            .await,
        [
            r#"{"count": 2, "auth_provider": "firebase"}"#,
            r#"{"count": 1, "auth_provider": "hybrid"}"#,
            r#"{"count": 5, "auth_provider": "local"}"#
        ]
    );
    let synced: bool = database
        .value("SELECT last_firebase_sync = '2026-03-01 12:00+00' FROM auth.users WHERE username = 'eve'")
        .await;
    assert!(synced);
    let indexes_on_uid: i64 = database
        .value(
            "SELECT count(*) FROM pg_indexes WHERE tablename = 'users' AND indexdef LIKE '%(firebase_uid%'",
        )
        .await;
    assert_eq!(indexes_on_uid, 1);

    database.down_accepting_loss(6).await.unwrap();
    database.up().await.unwrap();
}

#[tokio::test]
async fn contradictory_rows_are_reported() {
    let database = TestDatabase::legacy_with_users().await;
    database.execute(EARLIER_ATTEMPT).await;
    database
        .execute("UPDATE auth.users SET auth_provider = 'firebase' WHERE username = 'ada'")
        .await;
    run_script(&database).await;

    let SchemaError::NotReady(findings) = database.up().await.unwrap_err() else {
        panic!("not refused")
    };
    assert_eq!(findings.len(), 1);
    assert!(
        findings[0].text.starts_with("1 people of provider firebase"),
        "{findings:?}"
    );
    assert!(
        findings[0].text.contains("00000000-0000-4000-8000-000000000001"),
        "{findings:?}"
    );
}
