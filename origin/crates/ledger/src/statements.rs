//! The ledger's statements. Each is one SQL statement in a file of its own, and one function here: connection first, answer as the database
//! gave it. The use cases decide what an answer means.

mod found;
mod holds;
mod movements;
mod reads;

pub use found::{Answer, Found};
pub use holds::{Ending, SeenHold, Settled, due_holds, due_holds_of, reserve, settle};
pub use movements::move_tokens;
pub use reads::{Balance, Difference, balance, differences, lift_time_limit, transfers};

/// The unique index that gives a key one effect. Its violation means that another statement uses the same key right now.
pub const IDEMPOTENCY_INDEX: &str = "token_transfers_idempotency_key";
