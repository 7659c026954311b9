//! The token ledger: credits, debits, holds, and the guarantees about them.
//!
//! Every movement is one SQL statement: it is in the ledger completely or not at all, even if the process dies. Every movement has an
//! idempotency key: the caller can send it again without knowing which of the two happened, and so can `Attempts` after a deadlock or a
//! lost connection.

mod counters;
mod expiry;
mod failure;
mod handle;
mod holds;
mod make;
mod movements;
mod outcome;
mod queue;
mod retry;
mod rules;
mod statements;
mod sweep;

pub use counters::{CounterSnapshot, Counters};
pub use failure::LedgerFailure;
pub use handle::Ledger;
pub use movements::TransferPage;
pub use outcome::{Receipt, Reservation, SettledHold};
pub use rules::description::*;
pub use rules::{
    Amount, Caller, Cursor, Direction, Hold, HoldId, HoldLifetime, HoldRequest, HoldState, IdempotencyKey,
    IdempotencyToken, InvalidAmount, InvalidCursor, InvalidField, LedgerError, MAX_BALANCE, Movement,
    PageSize, RequestHash, Settlement,
};
pub use shared::api::ledger::Transfer;
pub use statements::{Balance, Difference};
pub use sweep::Sweep;
