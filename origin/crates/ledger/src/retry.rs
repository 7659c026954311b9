//! Retries a statement, a bounded number of times, where PostgreSQL's error means that a retry can help.

use std::time::Duration;

use database::Ending;

use crate::counters::Counters;
use crate::failure::LedgerFailure;
use crate::statements::IDEMPOTENCY_INDEX;

/// The most attempts at a statement.
const MAX_ATTEMPTS: u32 = 6;
/// The first pause, doubled after each attempt. Only causes without a wait in PostgreSQL itself get a pause.
const FIRST_PAUSE: Duration = Duration::from_millis(5);

/// Why a statement is retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    Deadlock,
    Serialization,
    SameKey,
    Raced,
    Connection,
}

impl Cause {
    /// Whether the failure in `error` undid the statement, or left its effect unknown: a key makes both safe to retry. `None` for failures
    /// that would only repeat.
    fn of(error: &sqlx::Error) -> Option<Self> {
        if Ending::of(error).may_fare_better_on_a_fresh_session() {
            return Some(Self::Connection);
        }
        let database = error.as_database_error()?;
        match database.code().as_deref()? {
            "40P01" => Some(Self::Deadlock),
            "40001" => Some(Self::Serialization),
            "23505" if database.constraint() == Some(IDEMPOTENCY_INDEX) => Some(Self::SameKey),
            _ => None,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Deadlock => "deadlock",
            Self::Serialization => "serialization_failure",
            Self::SameKey => "same_key_in_flight",
            Self::Raced => "raced",
            Self::Connection => "connection_lost",
        }
    }

    /// The other causes have already waited in PostgreSQL for the other transaction.
    const fn needs_a_pause(self) -> bool {
        matches!(self, Self::Connection | Self::Serialization)
    }
}

/// The attempts at one statement.
#[derive(Debug)]
pub(crate) struct Attempts<'a> {
    statement: &'static str,
    counters: &'a Counters,
    made: u32,
}

impl<'a> Attempts<'a> {
    pub(crate) const fn new(statement: &'static str, counters: &'a Counters) -> Self {
        Self {
            statement,
            counters,
            made: 0,
        }
    }

    /// Returns when the statement may be run again after `error`.
    ///
    /// # Errors
    /// `error` itself when a retry cannot help or the attempts are used up.
    pub(crate) async fn again_after(&mut self, error: sqlx::Error) -> Result<(), LedgerFailure> {
        let Some(cause) = Cause::of(&error) else {
            return Err(error.into());
        };
        match self.again(cause).await {
            Ok(()) => Ok(()),
            Err(TooMany) => Err(error.into()),
        }
    }

    /// Returns when the statement may be run again because the state in its snapshot has changed.
    ///
    /// # Errors
    /// [`LedgerFailure::Busy`] when the attempts are used up.
    pub(crate) async fn again_raced(&mut self) -> Result<(), LedgerFailure> {
        self.again(Cause::Raced)
            .await
            .map_err(|TooMany| LedgerFailure::Busy)
    }

    async fn again(&mut self, cause: Cause) -> Result<(), TooMany> {
        self.made = self.made.saturating_add(1);
        if self.made >= MAX_ATTEMPTS {
            self.counters.exhausted();
            tracing::error!(
                statement = self.statement,
                cause = cause.as_str(),
                attempts = self.made,
                "gave up"
            );
            return Err(TooMany);
        }
        match cause {
            Cause::Deadlock => self.counters.retried_deadlock(),
            Cause::Serialization => self.counters.retried_serialization(),
            Cause::SameKey => self.counters.retried_same_key(),
            Cause::Raced => self.counters.retried_raced(),
            Cause::Connection => self.counters.retried_connection(),
        }
        tracing::debug!(
            statement = self.statement,
            cause = cause.as_str(),
            attempts = self.made,
            "runs again"
        );
        if cause.needs_a_pause() {
            let pause = FIRST_PAUSE.saturating_mul(1 << self.made.min(8));
            tokio::time::sleep(pause).await;
        }
        Ok(())
    }
}

struct TooMany;
