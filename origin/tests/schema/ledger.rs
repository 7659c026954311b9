//! Guarantees of the tables themselves, for every writer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use schema::{self, Options, Progress};
use uuid::Uuid;

use crate::support::{TestDatabase, connect, execute, server};

/// The ledger's way to move tokens: balance, version and transfer in one statement.
async fn credit(
    database: &TestDatabase,
    user: Uuid,
    amount: i64,
    kind: &str,
    key: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "WITH moved AS (
             UPDATE auth.users SET token_balance = token_balance + $2, ledger_version = ledger_version + 1
             WHERE id = $1 RETURNING id, token_balance, ledger_version
         )
         INSERT INTO auth.token_transfers
             (user_id, version, kind, debit_account, credit_account, amount, balance_after, reason, caller, idempotency_key, request_hash)
         SELECT id, ledger_version, $3, 'system:' || $3, 'user:' || id, $2, token_balance, 'test', 'tester', $4, sha256($4::bytea)
         FROM moved",
    )
    .bind(user)
    .bind(amount)
    .bind(kind)
    .bind(key)
    .execute(&mut database.connect().await)
    .await
    .map(drop)
}

fn refused_by(result: Result<(), sqlx::Error>) -> String {
    let error = result.expect_err("must be refused");
    error
        .as_database_error()
        .and_then(|database| database.constraint())
        .unwrap_or("no constraint")
        .to_owned()
}

const MOVEMENTS: &str =
    "SELECT version, kind, amount, balance_after FROM auth.token_transfers ORDER BY user_id, version";

#[tokio::test]
async fn transfers_are_neither_changed_nor_deleted() {
    let database = TestDatabase::current().await;
    database.legacy_user("a@x.test", 5).await;
    for forbidden in [
        "UPDATE auth.token_transfers SET amount = 1",
        "DELETE FROM auth.token_transfers",
        "DELETE FROM auth.token_transfers WHERE false",
        "TRUNCATE auth.token_transfers",
        "TRUNCATE auth.token_holds, auth.token_transfers",
    ] {
        assert_eq!(
            database.refusal(forbidden).await.map(|(code, _)| code),
            Some("23001".to_owned()),
            "{forbidden}"
        );
    }
    assert_eq!(database.rows(MOVEMENTS).await.len(), 1);
}

#[tokio::test]
async fn ledger_movements_are_recorded_once_and_others_as_external() {
    let database = TestDatabase::current().await;
    let user = database.legacy_user("a@x.test", 100).await;
    credit(&database, user, 3, "credit", "k1").await.unwrap();
    database
        .execute("UPDATE auth.users SET token_balance = token_balance - 40")
        .await;
    database
        .execute("UPDATE auth.users SET token_balance = token_balance, last_login = now()")
        .await;
    credit(&database, user, 1, "credit", "k2").await.unwrap();
    database
        .execute("UPDATE auth.users SET token_balance = 0, is_active = false")
        .await;

    assert_eq!(
        database.rows(MOVEMENTS).await,
        [
            r#"{"kind": "external", "amount": 100, "version": 0, "balance_after": 100}"#,
            r#"{"kind": "credit", "amount": 3, "version": 1, "balance_after": 103}"#,
            r#"{"kind": "external", "amount": 40, "version": 2, "balance_after": 63}"#,
            r#"{"kind": "credit", "amount": 1, "version": 3, "balance_after": 64}"#,
            r#"{"kind": "external", "amount": 64, "version": 4, "balance_after": 0}"#,
        ]
    );
    assert_eq!(database.ledger_differences().await, Vec::<String>::new());
}

#[tokio::test]
async fn row_that_is_not_inserted_moves_nothing() {
    let database = TestDatabase::current().await;
    database.legacy_user("a@x.test", 0).await;
    database.execute("INSERT INTO auth.users (email, password_hash, token_balance) VALUES ('a@x.test', 'h', 100) ON CONFLICT DO NOTHING").await;
    assert_eq!(database.rows(MOVEMENTS).await, Vec::<String>::new());

    database.execute("INSERT INTO auth.users (email, password_hash, token_balance) VALUES ('a@x.test', 'h', 100) ON CONFLICT (email) DO UPDATE SET token_balance = EXCLUDED.token_balance").await;
    assert_eq!(
        database.rows(MOVEMENTS).await,
        [r#"{"kind": "external", "amount": 100, "version": 1, "balance_after": 100}"#]
    );
    assert_eq!(database.ledger_differences().await, Vec::<String>::new());
}

#[tokio::test]
async fn writer_without_any_right_on_the_ledger_is_recorded_too() {
    let database = TestDatabase::current().await;
    database.legacy_user("a@x.test", 5).await;
    let role = format!("legacy_writer_{}", std::process::id());
    let mut admin = connect(&server()).await;
    execute(&mut admin, &format!("CREATE ROLE {role}")).await;
    database.execute(&format!("GRANT USAGE ON SCHEMA auth TO {role}; GRANT SELECT, INSERT, UPDATE, DELETE ON auth.users TO {role}")).await;

    let mut writer = connect(&database.options.clone().options([("role", &role)])).await;
    for statement in [
        "UPDATE auth.users SET token_balance = 2",
        "INSERT INTO auth.users (email, password_hash, token_balance) VALUES ('b@x.test', 'h', 100)",
        "DELETE FROM auth.users WHERE email = 'b@x.test'",
    ] {
        execute(&mut writer, statement).await;
    }
    let direct = sqlx::query("SELECT FROM auth.token_transfers")
        .execute(&mut writer)
        .await;
    drop(writer);
    let differences = database.ledger_differences().await;
    drop(database);
    execute(&mut admin, &format!("DROP ROLE {role}")).await;

    assert!(direct.is_err(), "the role could read the ledger");
    assert_eq!(differences, Vec::<String>::new());
}

#[tokio::test]
async fn deleted_user_leaves_closed_accounts_behind() {
    let database = TestDatabase::current().await;
    let user = database.legacy_user("a@x.test", 10).await;
    reserve(&database, user, 4).await;
    database.execute("DELETE FROM auth.users").await;

    assert_eq!(
        database.rows(MOVEMENTS).await,
        [
            r#"{"kind": "external", "amount": 10, "version": 0, "balance_after": 10}"#,
            r#"{"kind": "reserve", "amount": 4, "version": 1, "balance_after": 6}"#,
            r#"{"kind": "closing", "amount": 4, "version": 2, "balance_after": 6}"#,
            r#"{"kind": "closing", "amount": 6, "version": 3, "balance_after": 0}"#,
        ]
    );
    assert_eq!(database.ledger_differences().await, Vec::<String>::new());
}

#[tokio::test]
async fn one_key_has_one_effect_and_one_user_one_welcome() {
    let database = TestDatabase::current().await;
    let user = database.legacy_user("a@x.test", 0).await;
    let other = database.legacy_user("b@x.test", 0).await;
    credit(&database, user, 3, "welcome", "w1").await.unwrap();
    assert_eq!(
        refused_by(credit(&database, user, 3, "welcome", "w2").await),
        "token_transfers_welcome_key"
    );
    assert_eq!(
        refused_by(credit(&database, other, 3, "credit", "w1").await),
        "token_transfers_idempotency_key"
    );
    assert_eq!(
        refused_by(credit(&database, other, 0, "credit", "z").await),
        "token_transfers_amount_check"
    );
    assert_eq!(
        refused_by(credit(&database, other, -1, "credit", "n").await),
        "users_token_balance_check"
    );

    // Refused as a whole: the balance has not moved either.
    let balances: Vec<String> = database
        .rows("SELECT token_balance FROM auth.users ORDER BY email")
        .await;
    assert_eq!(balances, [r#"{"token_balance": 3}"#, r#"{"token_balance": 0}"#]);
    assert_eq!(database.ledger_differences().await, Vec::<String>::new());
}

#[tokio::test]
async fn transfer_has_two_sides_one_of_them_the_user() {
    let database = TestDatabase::current().await;
    let user = database.legacy_user("a@x.test", 0).await;
    let account = format!("user:{user}");
    let stranger = format!("user:{}", Uuid::new_v4());
    for (debit, credit) in [
        (account.as_str(), account.as_str()),
        ("system:a", "system:b"),
        ("system:a", stranger.as_str()),
        ("hold:x", "system:b"),
    ] {
        let insert = format!(
            "INSERT INTO auth.token_transfers (user_id, version, kind, debit_account, credit_account, amount, balance_after, reason, caller)
             VALUES ('{user}', 9, 'credit', '{debit}', '{credit}', 1, 1, 'test', 'tester')"
        );
        let refusal = database.refusal(&insert).await;
        assert_eq!(
            refusal,
            Some((
                "23514".to_owned(),
                Some("token_transfers_accounts_check".to_owned())
            )),
            "{debit} -> {credit}"
        );
    }
}

/// Moves `amount` from the balance to a new hold, in one statement.
async fn reserve(database: &TestDatabase, user: Uuid, amount: i64) -> Uuid {
    sqlx::query_scalar(
        "WITH moved AS (
             UPDATE auth.users SET token_balance = token_balance - $2, ledger_version = ledger_version + 1
             WHERE id = $1 AND token_balance >= $2 RETURNING id, token_balance, ledger_version
         ), hold AS (
             INSERT INTO auth.token_holds (user_id, amount, caller, reason, expires_at)
             SELECT id, $2, 'tester', 'analysis', now() + interval '10 minutes' FROM moved RETURNING id
         )
         INSERT INTO auth.token_transfers
             (user_id, version, kind, debit_account, credit_account, amount, balance_after, reason, caller, hold_id)
         SELECT moved.id, ledger_version, 'reserve', 'user:' || moved.id, 'hold:' || hold.id, $2, token_balance, 'analysis', 'tester', hold.id
         FROM moved, hold RETURNING hold_id",
    )
    .bind(user)
    .bind(amount)
    .fetch_one(&mut database.connect().await)
    .await
    .unwrap()
}

#[tokio::test]
async fn hold_is_settled_once_and_only_settled() {
    let database = TestDatabase::current().await;
    let user = database.legacy_user("a@x.test", 10).await;
    let hold = reserve(&database, user, 4).await;
    let balance: i32 = database.value("SELECT token_balance FROM auth.users").await;
    assert_eq!(balance, 6, "a reserved token can be spent no more");
    assert_eq!(database.ledger_differences().await, Vec::<String>::new());

    for forbidden in [
        "amount = 5",
        "user_id = gen_random_uuid()",
        "expires_at = now() + interval '1 year'",
        "caller = 'other'",
    ] {
        let refusal = database
            .refusal(&format!("UPDATE auth.token_holds SET {forbidden}"))
            .await;
        assert_eq!(
            refusal.map(|(code, _)| code),
            Some("23001".to_owned()),
            "{forbidden}"
        );
    }
    for inconsistent in [
        "state = 'captured', settled_at = now()",
        "state = 'released'",
        "state = 'captured', captured_amount = 5, settled_at = now()",
        "state = 'released', captured_amount = 1, settled_at = now()",
    ] {
        let refusal = database
            .refusal(&format!("UPDATE auth.token_holds SET {inconsistent}"))
            .await;
        assert_eq!(
            refusal.map(|(code, _)| code),
            Some("23514".to_owned()),
            "{inconsistent}"
        );
    }
    // Reconciliation shows a settlement without its transfer.
    database
        .execute("UPDATE auth.token_holds SET state = 'captured', captured_amount = 4, settled_at = now()")
        .await;
    let expected = format!(
        r#"{{"kind": "hold", "actual": 4, "hold_id": "{hold}", "user_id": "{user}", "expected": 0}}"#
    );
    assert_eq!(database.ledger_differences().await, [expected]);
    let again = database
        .refusal("UPDATE auth.token_holds SET state = 'released', captured_amount = 0")
        .await;
    assert_eq!(again.map(|(code, _)| code), Some("23001".to_owned()));
    assert_eq!(
        database
            .refusal("DELETE FROM auth.token_holds")
            .await
            .map(|(code, _)| code),
        Some("23001".to_owned())
    );
}

#[tokio::test]
async fn reconciliation_shows_tampering() {
    for (damage, kinds) in [
        ("UPDATE auth.users SET token_balance = 8", vec!["balance"]),
        ("UPDATE auth.users SET ledger_version = 7", vec!["version"]),
        (
            "DELETE FROM auth.token_transfers WHERE version = 1",
            vec!["balance", "chain", "gap"],
        ),
        (
            "DELETE FROM auth.token_transfers WHERE version = 2",
            vec!["balance", "version"],
        ),
        (
            "UPDATE auth.token_transfers SET amount = 4 WHERE version = 1",
            vec!["balance", "chain"],
        ),
        (
            "UPDATE auth.token_transfers SET balance_after = 9 WHERE version = 1",
            vec!["chain", "chain"],
        ),
        ("DELETE FROM auth.users", vec!["balance"]),
    ] {
        let database = TestDatabase::current().await;
        let user = database.legacy_user("a@x.test", 5).await;
        credit(&database, user, 3, "credit", "k1").await.unwrap();
        credit(&database, user, 2, "credit", "k2").await.unwrap();
        assert_eq!(database.ledger_differences().await, Vec::<String>::new());
        // A superuser can switch the triggers off.
        database
            .execute(&format!("SET session_replication_role = replica; {damage}"))
            .await;
        let found = database
            .rows("SELECT kind FROM auth.ledger_differences ORDER BY kind")
            .await;
        let expected: Vec<String> = kinds
            .iter()
            .map(|kind| format!(r#"{{"kind": "{kind}"}}"#))
            .collect();
        assert_eq!(found, expected, "{damage}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn openings_are_exact_under_concurrent_writes() {
    let database = Arc::new(TestDatabase::legacy().await);
    database.execute("INSERT INTO auth.users (email, password_hash, token_balance) SELECT n || '@x.test', 'h', n % 7 FROM generate_series(1, 5000) AS n").await;
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..3)
        .map(|writer| {
            let (database, stop) = (Arc::clone(&database), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut connection = database.connect().await;
                let mut written = 0_u32;
                while !stop.load(Ordering::Relaxed) {
                    sqlx::query("UPDATE auth.users SET token_balance = (token_balance + 1 + $1) % 9 WHERE email = $2 || '@x.test'")
                        .bind(writer)
                        .bind((written.wrapping_mul(7919) % 5000 + 1).to_string())
                        .execute(&mut connection)
                        .await
                        .unwrap();
                    written += 1;
                }
                written
            })
        })
        .collect();

    let options = Options {
        batch_size: 50,
        ..Options::default()
    };
    let mut batches = 0;
    let outcome = schema::up(&database.options, &options, &mut |progress| {
        if let Progress::Batch { batches: done, .. } = progress {
            batches = done;
        }
    })
    .await;
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        assert!(writer.await.unwrap() > 0);
    }

    outcome.unwrap();
    // More if the disk did not keep up.
    assert!(batches >= 100, "{batches}");
    assert_eq!(database.ledger_differences().await, Vec::<String>::new());
    let external: i64 = database
        .value("SELECT count(*) FROM auth.token_transfers WHERE kind = 'external'")
        .await;
    assert!(external > 0, "nobody wrote while the openings were made");
    let vacuumed: bool = database
        .value(
            "SELECT reltuples > 0 AND reloptions IS NULL FROM pg_class WHERE oid = 'auth.token_transfers'::regclass",
        )
        .await;
    assert!(
        vacuumed,
        "autovacuum is kept out for ever, or nobody has done its work"
    );
}
