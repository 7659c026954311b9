//! `auth.user_migrations`: the users on their way to Firebase, and the process that holds each lease.

pub mod looks;
mod queue;
mod rows;
mod unlinking;

pub use queue::{Backlog, Claimed, Entry, Settlement, backlog, claim, enqueue, link, release, renew, settle};
pub use rows::{LinkedUser, LocalUser, linked_users, local_users, sharing_an_address, users_by_provider};
pub use unlinking::{
    claim_unlinking, count_unlinkable, count_unlinking, prolong_unlinking, settle_relinked, unlink, unlinked,
};
