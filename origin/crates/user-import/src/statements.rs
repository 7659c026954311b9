//! `auth.user_migrations`: who is on the way to Firebase, and whose turn it is to bring them.

pub mod looks;
mod people;
mod queue;
mod unlinking;

pub use people::{
    LinkedPerson, LocalPerson, linked_people, local_people, people_by_provider, sharing_an_address,
};
pub use queue::{Backlog, Claimed, Entry, Settlement, backlog, claim, enqueue, link, release, renew, settle};
pub use unlinking::{
    claim_unlinking, count_unlinkable, count_unlinking, prolong_unlinking, settle_relinked, unlink, unlinked,
};
