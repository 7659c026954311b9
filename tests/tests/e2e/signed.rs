//! Against a stack whose issuer is a key server: RS256 tokens, as in production.

mod assertions;
mod blame;
mod changed_variables;
mod clients;
mod cors;
mod envelopes;
mod fallback;
mod health;
mod identity;
mod keys;
mod legacy_standing;
mod limits;
mod old_clients;
mod rate_limits;
mod refusals;
mod relay;
mod shadow;
mod sockets;
mod spoofing;
mod step_down;
mod streams;
mod strict;
mod targets;
mod telemetry;
mod trace;
mod verdicts;
