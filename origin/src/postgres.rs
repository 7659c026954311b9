//! SQL: one statement, one function.

pub mod migrations;
