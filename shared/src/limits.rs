//! Limits on calls and guesses: who counts as one caller, how fast calls may come, and when the answer is "not now". Pure; the edge and the
//! origin keep the counters.
//!
//! A counter is a *debt* in milliseconds (the generic cell rate algorithm, ITU-T I.371 annex A): every call adds its price, time pays the
//! debt back, and a call is admitted while the debt leaves room for its price. Each counter is one number, and no window has edges.

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
