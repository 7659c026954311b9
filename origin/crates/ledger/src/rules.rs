//! The token ledger's rules: kinds of movement, their limits, and how a repeated request is recognised.
//!
//! Pure: no SQL, no HTTP, no clock. `docs/LEDGER.md` states the guarantees; [`crate::Ledger`] keeps them.

mod amount;
mod batch;
pub mod description;
mod error;
mod fields;
mod hold;
mod invalid_field;
mod page;
mod request;
mod request_hash;

pub use amount::{Amount, InvalidAmount, MAX_BALANCE};
pub use batch::{Excursion, MAX_BATCH};
pub use error::LedgerError;
pub use fields::{Caller, IdempotencyKey};
pub use hold::{Hold, HoldId, HoldLifetime, HoldState};
pub use invalid_field::InvalidField;
pub use page::{Cursor, InvalidCursor, PageSize};
pub use request::{Direction, HoldRequest, IdempotencyToken, Movement, Settlement};
pub use request_hash::RequestHash;
