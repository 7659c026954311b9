//! The names that annotations and the document share.

/// Names of the groups of operations.
pub const IDENTITY: &str = "identity";
pub const ACCOUNTS: &str = "accounts";
pub const TOKENS: &str = "tokens";
pub const USERS: &str = "users";
pub const LEGACY: &str = "legacy";
pub const OPERATORS: &str = "operators";

/// Names of the security schemes.
pub const BEARER: &str = "bearer";
pub const SERVICE_KEY: &str = "serviceKey";
pub const EDGE: &str = "edgeAssertion";

/// The extension in which an annotation lists the handler's own failures; the document shows them as answers.
pub const FAILS: &str = "x-fails";
