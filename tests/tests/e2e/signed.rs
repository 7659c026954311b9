//! Against a stack whose issuer is a key server: RS256 tokens, as in production.

mod assertions;
mod clients;
mod cors;
mod envelopes;
mod fallback;
mod health;
mod identity;
mod keys;
mod limits;
mod refusals;
mod spoofing;
mod streams;
mod trace;
