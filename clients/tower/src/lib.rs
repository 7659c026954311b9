//! For Rust services behind the edge: a [`tower`](https://docs.rs/tower) layer that opens the edge's assertion of each request, hands it to the handlers
//! as an extension, and refuses everything else in the envelope every Crossfade service answers with.
//!
//! ```
//! use crossfade_tower::{AssertionKeys, AssertionLayer};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let printed_by_origin = "2027-01:IiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiI";
//! // What `origin assertion-keys archive` prints.
//! let keys = AssertionKeys::parse(printed_by_origin)?;
//! let layer = AssertionLayer::new("archive", keys)?;
//! # Ok(())
//! # }
//! ```
//!
//! Handlers read [`Caller`] from the request's extensions. The layer ignores headers such as `X-User-ID`, since any client that reaches the
//! service can write them. Put the layer outside of every layer that rewrites the path: an assertion is bound to the path as sent.
#![deny(missing_docs)]

mod future;
mod layer;
mod opener;
mod refusal;

pub use future::AssertionFuture;
pub use layer::{AssertionLayer, AssertionService};
pub use opener::{Caller, InvalidAudience};
pub use shared::assertion::{AssertionKeys, OpenedAssertion};
pub use shared::identity::{AssertedUser, Identity, ProvenIdentity, Subject, TokenKind};
pub use shared::time::{ClockSkew, UnixTime};
