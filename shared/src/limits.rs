//! Counting calls and guesses: by whom, how fast, and when the answer is "not now". Pure; the counters live at the edge and at the
//! origin.
//!
//! A counter is a *debt* in milliseconds (the generic cell rate algorithm, ITU-T I.371 annex A): every call adds its price, time pays
//! it back, and a call is in time while the debt leaves room for its price. One number a counter, no windows with edges.

mod guesses;
mod key;
mod limit;
mod network;
mod pace;
mod quota;
#[cfg(test)]
mod tests;

pub use guesses::{ACCOUNT, Debts, NETWORK, PAIR, Verdict, judge};
pub use key::{Key, KeyMaker};
pub use limit::Limit;
pub use network::{Network, is_pseudo_ipv4};
pub use pace::Pace;
pub use quota::{Quota, read_quotas};
