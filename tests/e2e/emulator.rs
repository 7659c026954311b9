//! Tests against a stack with the Auth emulator: its accounts can really sign in on either side.

mod rollout;
