//! Against a stack with the Auth emulator: accounts that can really sign in on either side.

mod rollout;
