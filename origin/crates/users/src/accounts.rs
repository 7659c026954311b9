//! Users' operations on their accounts, across Firebase and our rows.
//!
//! Firebase comes first and our row second: a process that dies in between leaves a Firebase account, and the next call makes or links its
//! row. No row ever claims an account that does not exist.

mod agreement;
mod change_password;
mod close;
mod confirm;
mod exchange;
mod guess;
mod handle;
mod lease;
mod legacy_session;
mod move_queues;
mod moving;
mod profile;
mod recover;
mod register;
mod second_factor;
mod sign_in;
mod verify_address;

pub use confirm::is_recent_sign_in;
pub use handle::{Accounts, MAX_RECOVERIES, SignedInUser};
pub use legacy_session::LegacyContractToken;
pub use move_queues::MoveQueues;
pub use register::Registration;
