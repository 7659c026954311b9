//! A ledger with users in it.

use std::collections::BTreeMap;

use ledger::{
    Amount, Caller, Direction, HoldLifetime, HoldRequest, IdempotencyKey, IdempotencyToken, LedgerError,
    Movement, Reason, Receipt,
};
use ledger::{Ledger, LedgerFailure};
use shared::ids::UserId;
use uuid::Uuid;

use crate::database::TestDatabase;

pub struct Fixture {
    pub database: TestDatabase,
    pub ledger: Ledger,
}

impl Fixture {
    pub async fn new() -> Self {
        Self::with_connections(8).await
    }

    pub async fn with_connections(connections: u32) -> Self {
        let database = TestDatabase::with_connections(connections).await;
        let ledger = Ledger::new(database.pool.clone());
        Self { database, ledger }
    }

    /// A user with `balance` tokens, given by the ledger.
    pub async fn user(&self, balance: i64) -> UserId {
        let user = UserId(Uuid::new_v4());
        sqlx::query("INSERT INTO auth.users (id, email, password_hash) VALUES ($1, $2, 'x')")
            .bind(user.0)
            .bind(format!("{user}@example.org"))
            .execute(&self.database.pool)
            .await
            .unwrap();
        if balance > 0 {
            self.ledger
                .move_tokens(key(&format!("start:{user}")), credit(user, balance))
                .await
                .unwrap();
        }
        user
    }

    pub async fn balance(&self, user: UserId) -> i32 {
        self.ledger.balance(user).await.unwrap().spendable
    }

    pub async fn held(&self, user: UserId) -> i64 {
        self.ledger.balance(user).await.unwrap().held
    }

    pub async fn transfers_of(&self, user: UserId) -> i64 {
        self.database
            .value(&format!(
                "SELECT count(*) FROM auth.token_transfers WHERE user_id = '{user}'"
            ))
            .await
    }

    /// Every guarantee that the rows themselves can show.
    pub async fn assert_adds_up(&self) {
        assert_eq!(self.ledger.reconcile().await.unwrap(), Vec::new());
    }
}

/// A token of the test's own service.
pub fn key(text: &str) -> IdempotencyToken {
    IdempotencyToken {
        caller: Caller::service("test").unwrap(),
        key: IdempotencyKey::parse(text).unwrap(),
    }
}

pub fn credit(user: UserId, amount: i64) -> Movement {
    movement(user, Direction::Credit, amount)
}

pub fn debit(user: UserId, amount: i64) -> Movement {
    movement(user, Direction::Debit, amount)
}

fn movement(user: UserId, direction: Direction, amount: i64) -> Movement {
    Movement {
        user,
        direction,
        amount: Amount::new(amount).unwrap(),
        description: Reason::parse("test").unwrap().into(),
    }
}

pub fn hold(user: UserId, amount: i64) -> HoldRequest {
    HoldRequest {
        user,
        amount: Amount::new(amount).unwrap(),
        lifetime: HoldLifetime::DEFAULT,
        description: Reason::parse("test").unwrap().into(),
    }
}

/// The refusal.
///
/// # Panics
/// When there is no refusal.
pub fn refusal<T: std::fmt::Debug>(outcome: Result<T, LedgerFailure>) -> LedgerError {
    match outcome {
        Err(LedgerFailure::Refused(refusal)) => refusal,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

/// How often each outcome came.
pub fn tally(outcomes: &[Result<Receipt, LedgerFailure>]) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for outcome in outcomes {
        let name = match outcome {
            Ok(receipt) if receipt.replayed => "replayed",
            Ok(_) => "made",
            Err(fault) => fault.code().as_str(),
        };
        *counts.entry(name).or_insert(0) += 1;
    }
    counts
}

/// Runs all of `futures` at once, each as a task of its own.
pub async fn together<T: Send + 'static>(
    futures: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let tasks: Vec<_> = futures.into_iter().map(tokio::spawn).collect();
    let mut outcomes = Vec::with_capacity(tasks.len());
    for task in tasks {
        outcomes.push(task.await.unwrap());
    }
    outcomes
}
