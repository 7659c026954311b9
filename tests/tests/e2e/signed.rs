//! Against a stack whose issuer is a key server: RS256 tokens, as in production.

mod clients;
mod envelopes;
mod health;
mod identity;
mod limits;
mod refusals;
mod trace;
