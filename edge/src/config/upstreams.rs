//! The app services behind `/api/*` (`UPSTREAMS`).

use serde::Deserialize;
use shared::assertion::{FEED_AUDIENCE, ORIGIN_AUDIENCE};

use super::strict::{StrictRoutes, Written};
use super::url::{BaseUrl, Target};

/// All app services; the longest prefix wins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AppServices(Vec<AppService>);

/// A service behind the edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppService {
    /// Its name: the audience of the assertions made for it, and its label in logs.
    pub name: String,
    /// The paths it serves: this one and everything below.
    pub prefix: String,
    /// Where it is.
    pub url: BaseUrl,
    /// Whether its callers must be known.
    pub auth: AuthMode,
    /// Whether the prefix is taken off before the path is forwarded.
    pub strip_prefix: bool,
    /// Whether the caller's own token is forwarded too. Off, because a service that holds a token can act as its holder anywhere;
    /// the assertion is good for one request. On for services that still verify tokens themselves.
    pub forward_token: bool,
    /// Whether WebSocket connections may be opened to it. Off, because one outlives the token it was opened with.
    pub websocket: bool,
    /// Before which of its routes the origin is asked about the caller each time. None, because it costs a round trip each.
    pub strict: StrictRoutes,
    /// How long it may take to begin its answer, in milliseconds.
    pub timeout_ms: u32,
}

/// Whether the callers of a service must be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuthMode {
    /// A good token, or 401.
    Required,
    /// A good token or none.
    Optional,
    /// The service looks after itself: `Authorization` is forwarded unread.
    None,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: Option<String>,
    prefix: String,
    url: String,
    auth: AuthMode,
    #[serde(default)]
    strip_prefix: bool,
    #[serde(default)]
    forward_token: bool,
    #[serde(default)]
    websocket: bool,
    #[serde(default)]
    strict: Written,
    timeout_ms: Option<u32>,
}

impl AppServices {
    /// Reads the JSON list.
    ///
    /// # Errors
    /// The broken rule, naming the entry by its position.
    pub fn parse(text: &str, default_timeout_ms: u32) -> Result<Self, String> {
        let entries: Vec<Entry> =
            serde_json::from_str(text).map_err(|error| format!("is not a list of upstreams: {error}"))?;
        let mut services: Vec<AppService> = Vec::with_capacity(entries.len());
        for (index, entry) in entries.into_iter().enumerate() {
            let at = index.saturating_add(1);
            let service =
                AppService::new(entry, default_timeout_ms).map_err(|rule| format!("entry {at}: {rule}"))?;
            if services
                .iter()
                .any(|known| known.prefix == service.prefix || known.name == service.name)
            {
                return Err(format!("entry {at} repeats a prefix or name"));
            }
            services.push(service);
        }
        services.sort_by_key(|service| std::cmp::Reverse(service.prefix.len()));
        Ok(Self(services))
    }

    /// The names of all services.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|service| service.name.as_str())
    }

    /// The service that serves `path`.
    #[must_use]
    pub fn find(&self, path: &str) -> Option<&AppService> {
        self.0.iter().find(|service| service.serves(path))
    }
}

impl AppService {
    fn new(entry: Entry, default_timeout_ms: u32) -> Result<Self, String> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.');
        let ours = entry.prefix == "/api/auth" || entry.prefix.starts_with("/api/auth/");
        let well_formed = entry
            .prefix
            .strip_prefix("/api/")
            .is_some_and(|rest| !rest.is_empty())
            && !entry.prefix.ends_with('/')
            && entry.prefix.bytes().all(plain);
        if !well_formed || ours {
            return Err("the prefix is not `/api/…` without a slash at the end, or is /api/auth".to_owned());
        }
        let name = entry
            .name
            .unwrap_or_else(|| entry.prefix.trim_start_matches("/api/").replace('/', "-"));
        if name.is_empty() || [ORIGIN_AUDIENCE, FEED_AUDIENCE].contains(&name.as_str()) {
            return Err("the name is empty, `origin` or `origin-feed`".to_owned());
        }
        let timeout_ms = entry.timeout_ms.unwrap_or(default_timeout_ms);
        if !(1..=300_000).contains(&timeout_ms) {
            return Err("timeout_ms is not from 1 to 300000".to_owned());
        }
        Ok(Self {
            name,
            url: BaseUrl::parse(&entry.url).map_err(|rule| format!("url {rule}"))?,
            strict: StrictRoutes::read(entry.strict, &entry.prefix, entry.auth)?,
            prefix: entry.prefix,
            auth: entry.auth,
            strip_prefix: entry.strip_prefix,
            forward_token: entry.forward_token,
            websocket: entry.websocket,
            timeout_ms,
        })
    }

    fn serves(&self, path: &str) -> bool {
        path.strip_prefix(self.prefix.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Where a request for `path` goes.
    #[must_use]
    pub fn target(&self, path: &str, query: &str) -> Target {
        let rest = if self.strip_prefix {
            path.strip_prefix(self.prefix.as_str()).unwrap_or(path)
        } else {
            path
        };
        self.url.target(if rest.is_empty() { "/" } else { rest }, query)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_serves() {
        let services = AppServices::parse(
            r#"[{"prefix":"/api/archive","url":"http://a:1","auth":"required"},
                {"prefix":"/api/archive/public","url":"http://b:1","auth":"none","strip_prefix":true,"timeout_ms":50}]"#,
            3_000,
        )
        .unwrap();
        let served = |path| services.find(path).map(|service| service.name.as_str());
        assert_eq!(served("/api/archive/jobs"), Some("archive"));
        assert_eq!(served("/api/archive/public/x"), Some("archive-public"));
        assert_eq!(served("/api/archive"), Some("archive"));
        assert_eq!(served("/api/archives"), None);
        let public = services.find("/api/archive/public/x").unwrap();
        assert_eq!(
            public.target("/api/archive/public/x", "?q").url(),
            "http://b:1/x?q"
        );
        assert_eq!(public.target("/api/archive/public", "").url(), "http://b:1/");
        assert_eq!((public.timeout_ms, public.auth), (50, AuthMode::None));
    }

    #[test]
    fn a_bad_list_is_refused() {
        for refused in [
            "",
            "{}",
            r#"[{"prefix":"/api/x","url":"http://a"}]"#,
            r#"[{"prefix":"/api/x","url":"http://a","auth":"maybe"}]"#,
            r#"[{"prefix":"/api/x","url":"http://a","auth":"none","colour":1}]"#,
            r#"[{"prefix":"/api/auth","url":"http://a","auth":"none"}]"#,
            r#"[{"prefix":"/api/auth/x","url":"http://a","auth":"none"}]"#,
            r#"[{"prefix":"/api/x/","url":"http://a","auth":"none"}]"#,
            r#"[{"prefix":"/x","url":"http://a","auth":"none"}]"#,
            r#"[{"prefix":"/api/x","url":"a","auth":"none"}]"#,
            r#"[{"prefix":"/api/x","url":"http://a","auth":"none","timeout_ms":0}]"#,
            r#"[{"prefix":"/api/origin","url":"http://a","auth":"none"}]"#,
            r#"[{"prefix":"/api/x","url":"http://a","auth":"none","strict":true}]"#,
            r#"[{"prefix":"/api/x","url":"http://a","auth":"required","strict":"yes"}]"#,
            r#"[{"prefix":"/api/x","url":"http://a","auth":"required","strict":["/api/y"]}]"#,
            r#"[{"prefix":"/api/x","url":"http://a","auth":"none"},{"prefix":"/api/x","url":"http://b","auth":"none"}]"#,
        ] {
            assert!(AppServices::parse(refused, 3_000).is_err(), "{refused}");
        }
    }
}
