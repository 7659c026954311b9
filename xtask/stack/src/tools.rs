//! Everything the project builds and runs with that a fresh machine does not have: installed from the project's own files, once.

pub mod bindgen;
pub mod cargo_tools;
pub mod npm;
pub mod schemathesis;
pub mod system;
pub mod wasm_target;
