//! The ledger records every other writer of the balance; no writer changes the past.

use ledger::PageSize;

use crate::fixture::{Fixture, credit, debit, key, together};

#[tokio::test]
async fn balance_written_past_the_ledger_becomes_a_movement() {
    let fixture = Fixture::new().await;
    let user = fixture.user(10).await;
    // Like the legacy service (absolute), like archive (floored), and without a change.
    for (sql, balance) in [
        ("token_balance = 4", 4),
        ("token_balance = greatest(token_balance - 100, 0)", 0),
        ("token_balance = 100", 100),
        ("token_balance = token_balance", 100),
    ] {
        fixture
            .database
            .execute(&format!("UPDATE auth.users SET {sql} WHERE id = '{user}'"))
            .await
            .unwrap();
        assert_eq!(fixture.balance(user).await, balance);
        fixture.assert_adds_up().await;
    }
    let page = fixture
        .ledger
        .transfers(user, None, PageSize::DEFAULT)
        .await
        .unwrap();
    let movements: Vec<_> = page
        .transfers
        .iter()
        .map(|transfer| (transfer.kind.as_str(), transfer.delta()))
        .collect();
    assert_eq!(
        movements,
        [
            ("external", 100),
            ("external", -4),
            ("external", -6),
            ("credit", 10),
        ]
    );
}

#[tokio::test]
async fn user_inserted_with_tokens_has_an_account_that_adds_up() {
    let fixture = Fixture::new().await;
    fixture
        .database
        .execute("INSERT INTO auth.users (email, password_hash, token_balance) VALUES ('dev@example.org', 'x', 100)")
        .await
        .unwrap();
    fixture.assert_adds_up().await;
    fixture.database.execute("DELETE FROM auth.users").await.unwrap();
    fixture.assert_adds_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sum_holds_while_ledger_and_outside_writers_race() {
    let fixture = Fixture::with_connections(16).await;
    let user = fixture.user(1000).await;
    let outside = (0..100).map(|index| {
        let pool = fixture.database.pool.clone();
        tokio::spawn(async move {
            let change = if index % 2 == 0 {
                "token_balance + 3"
            } else {
                "greatest(token_balance - 2, 0)"
            };
            let sql = format!("UPDATE auth.users SET token_balance = {change} WHERE id = $1");
            sqlx::query(sqlx::AssertSqlSafe(sql))
                .bind(user.0)
                .execute(&pool)
                .await
                .unwrap();
        })
    });
    let outside: Vec<_> = outside.collect();
    let outcomes = together((0..200_i64).map(|index| {
        let ledger = fixture.ledger.clone();
        let movement = if index % 2 == 0 {
            credit(user, 2)
        } else {
            debit(user, 1)
        };
        async move { ledger.move_tokens(key(&format!("m{index}")), movement).await }
    }))
    .await;
    for task in outside {
        task.await.unwrap();
    }
    assert!(outcomes.iter().all(Result::is_ok));
    assert_eq!(
        fixture.balance(user).await,
        1000 + 50 * 3 - 50 * 2 + 100 * 2 - 100
    );
    fixture.assert_adds_up().await;
}

#[tokio::test]
async fn transfers_cannot_be_changed_or_deleted() {
    let fixture = Fixture::new().await;
    fixture.user(10).await;
    for sql in [
        "UPDATE auth.token_transfers SET amount = 1",
        "DELETE FROM auth.token_transfers",
        "TRUNCATE auth.token_transfers CASCADE",
        "DELETE FROM auth.token_holds",
    ] {
        let error = fixture.database.execute(sql).await.unwrap_err();
        assert_eq!(
            error.as_database_error().unwrap().code().unwrap(),
            "23001",
            "{sql}"
        );
    }
    fixture.assert_adds_up().await;
}

#[tokio::test]
async fn reconciliation_finds_forced_writes() {
    let fixture = Fixture::new().await;
    let user = fixture.user(10).await;
    // Only an operator who switches the triggers off gets this far; reconciliation still sees it.
    let mut connection = fixture.database.connect().await;
    sqlx::raw_sql("SET session_replication_role = replica; UPDATE auth.users SET token_balance = 11;")
        .execute(&mut connection)
        .await
        .unwrap();
    let differences = fixture.ledger.reconcile().await.unwrap();
    assert_eq!(differences.len(), 1, "{differences:?}");
    let found = &differences[0];
    assert_eq!(
        (found.kind.as_str(), found.user_id, found.expected, found.actual),
        ("balance", user.0, 10, 11)
    );
}
