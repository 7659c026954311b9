//! How often clients may call and guess, and where replicas share their counters.

use std::fmt;

use redis::IntoConnectionInfo as _;
use shared::config::Reader;
use shared::limits::{Limit, Quota, read_quotas};
use shared::token::Environment;

/// The limits, and where they are counted.
#[derive(Debug, Clone, Default)]
pub struct LimitsConfig {
    /// Quotas that differ from the default; `None` when nothing is counted at all.
    pub quotas: Option<Vec<(Limit, Quota)>>,
    /// The server with the counters that replicas share; without one each replica counts for itself.
    pub redis: Option<RedisUrl>,
}

/// The address of a Redis or Valkey server. It may hold a password and is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisUrl(String);

impl RedisUrl {
    /// Reads `redis://[user:password@]host[:port][/database]`, or `rediss:` for TLS; `valkey:` and `valkeys:` are the same.
    ///
    /// # Errors
    /// The broken rule, without the address.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let (scheme, rest) = text.split_once("://").ok_or("is not a URL")?;
        if !matches!(scheme, "redis" | "rediss" | "valkey" | "valkeys") {
            return Err("does not begin with `redis://` or `rediss://`");
        }
        if rest.contains('#') {
            return Err("has a fragment: certificates are always checked");
        }
        match text.into_connection_info() {
            Ok(_) => Ok(Self(text.to_owned())),
            Err(_) => Err("is not the address of a Redis server"),
        }
    }

    /// The address.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedisUrl")
    }
}

impl LimitsConfig {
    /// Reads `RATE_LIMITS` and `REDIS_URL`. In development nothing is counted unless `RATE_LIMITS` is set.
    pub fn read(reader: &mut Reader<'_>, environment: Environment) -> Self {
        // A developer's machine: tests make many calls, all from one address.
        let usual = (environment != Environment::Development).then(Vec::new);
        let quotas = reader.or("RATE_LIMITS", usual, |text| match text {
            "off" => Ok(None),
            "on" => Ok(Some(Vec::new())),
            list => read_quotas(list, Limit::named).map(Some),
        });
        Self {
            quotas,
            redis: reader.optional("REDIS_URL", RedisUrl::parse),
        }
    }

    /// The quota of `limit`.
    #[must_use]
    pub fn quota(&self, limit: Limit) -> Quota {
        let other = self.quotas.iter().flatten().find(|(known, _)| *known == limit);
        other.map_or(limit.usual(), |(_, quota)| *quota)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redis_address_is_read_or_refused_without_quoting_it() {
        for good in [
            "redis://127.0.0.1",
            "redis://:hunter2@cache.internal:6380/2",
            "rediss://app:hunter2@cache.example",
            "valkey://127.0.0.1:6379",
        ] {
            let url = RedisUrl::parse(good).unwrap();
            assert_eq!((url.expose(), format!("{url:?}").as_str()), (good, "RedisUrl"));
        }
        for bad in [
            "",
            "hunter2",
            "http://hunter2",
            "unix:///hunter2",
            "redis://",
            "redis://h:hunter2",
            "redis://h/hunter2",
            "rediss://hunter2/#insecure",
        ] {
            let rule = RedisUrl::parse(bad).unwrap_err();
            assert!(!rule.contains("hunter2"), "{rule}");
        }
    }
}
