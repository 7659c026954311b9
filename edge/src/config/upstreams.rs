//! The app services behind `/api/*` (`UPSTREAMS`).

use serde::Deserialize;
use shared::assertion::{FEED_AUDIENCE, ORIGIN_AUDIENCE};

use super::auth_mode::AuthMode;
use super::strict::{StrictRoutes, Written};
use super::translation::{Kind, Translation};
use super::url::{BaseUrl, Target};
use crate::paths;

/// The path of a Socket.IO server, where it has its default.
const SOCKET_IO: &str = "/socket.io";

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
    /// Its address.
    pub url: BaseUrl,
    /// Whether it must know its callers.
    pub auth: AuthMode,
    /// Whether the edge removes the prefix before it forwards the path.
    pub strip_prefix: bool,
    /// Whether the edge forwards the caller's own token too. Off by default, because a service that holds a token can act as its user
    /// anywhere, and the assertion is good for one request. On for services that still verify tokens themselves.
    pub forward_token: bool,
    /// How it gets a legacy token in place of the caller's own. `None` unless it reads nothing else.
    pub translation: Option<Translation>,
    /// Whether clients may open WebSocket connections to it. Off by default, because a connection outlives the token that opened it.
    pub websocket: bool,
    /// The routes before which the edge asks the origin about the caller each time. None by default, because each question is a round trip.
    pub strict: StrictRoutes,
    /// The routes that need a sign-in with a second factor. None by default.
    pub second_factor: StrictRoutes,
    /// How long it may take to begin its answer, in milliseconds.
    pub timeout_ms: u32,
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
    token: Option<Kind>,
    token_in: Option<String>,
    #[serde(default)]
    websocket: bool,
    #[serde(default)]
    strict: Written,
    #[serde(default)]
    second_factor: Written,
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

    /// Whether a service gets legacy tokens that the edge makes.
    #[must_use]
    pub fn translates(&self) -> bool {
        self.0.iter().any(|service| service.translation.is_some())
    }

    /// The service that serves `path`. `None` when the path, as a lenient server reads it, belongs to a stricter service: both may be the
    /// same server, which would then answer past the stricter one's guard.
    #[must_use]
    pub fn find(&self, path: &str) -> Option<&AppService> {
        let found = self.0.iter().find(|service| service.serves(path))?;
        let is_stricter = |service: &AppService| service.auth < found.auth;
        if !self
            .0
            .iter()
            .any(|service| is_stricter(service) && below(&service.prefix, &found.prefix))
        {
            return Some(found);
        }
        let plain = paths::plain(path);
        let lenient = self
            .0
            .iter()
            .find(|service| below(&plain, &service.prefix.to_ascii_lowercase()));
        (!lenient.is_some_and(is_stricter)).then_some(found)
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
            strict: StrictRoutes::read("strict", entry.strict, &entry.prefix, entry.auth)?,
            second_factor: StrictRoutes::read(
                "second_factor",
                entry.second_factor,
                &entry.prefix,
                entry.auth,
            )?,
            translation: Translation::read(
                entry.token,
                entry.token_in.as_deref(),
                entry.auth,
                entry.forward_token,
            )?,
            prefix: entry.prefix,
            auth: entry.auth,
            strip_prefix: entry.strip_prefix,
            forward_token: entry.forward_token,
            websocket: entry.websocket,
            timeout_ms,
        })
    }

    fn serves(&self, path: &str) -> bool {
        below(path, &self.prefix)
    }

    /// Where its Socket.IO server is, as clients see it, without a slash at the end.
    #[must_use]
    pub fn socket_io(&self) -> String {
        match self.prefix.strip_suffix(SOCKET_IO) {
            Some(_) => self.prefix.clone(),
            None => [&self.prefix, SOCKET_IO].concat(),
        }
    }

    /// The address for a request to `path`. `None` when two slashes follow a stripped prefix: a URL parser at the service would take the
    /// rest for a host.
    #[must_use]
    pub fn target(&self, path: &str, query: &str) -> Option<Target> {
        let rest = if self.strip_prefix {
            path.strip_prefix(self.prefix.as_str()).unwrap_or(path)
        } else {
            path
        };
        let rest = if rest.is_empty() { "/" } else { rest };
        (!rest.starts_with("//")).then(|| self.url.target(rest, query))
    }

    /// What a client may see in place of a `Location` of this service, if that is an address which the client cannot reach or should not
    /// know.
    #[must_use]
    pub fn public_location(&self, location: &str) -> Option<String> {
        if self.strip_prefix {
            self.url.below(location).map(|rest| [&self.prefix, rest].concat())
        } else {
            self.url.public_location(location)
        }
    }
}

fn below(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
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
            public.target("/api/archive/public/x", "?q").unwrap().url(),
            "http://b:1/x?q"
        );
        assert_eq!(
            public.target("/api/archive/public", "").unwrap().url(),
            "http://b:1/"
        );
        assert_eq!(public.target("/api/archive/public//evil.example/x", ""), None);
        assert_eq!((public.timeout_ms, public.auth), (50, AuthMode::None));
        let located = |path, location| services.find(path).unwrap().public_location(location);
        assert_eq!(
            located("/api/archive/public", "http://b:1/x?y").as_deref(),
            Some("/api/archive/public/x?y")
        );
        assert_eq!(
            located("/api/archive", "http://a:1/api/archive/x").as_deref(),
            Some("/api/archive/x")
        );
        assert_eq!(located("/api/archive/public", "https://elsewhere.test/x"), None);
        assert_eq!(located("/api/archive/public", "/x"), None);
    }

    #[test]
    fn respelled_path_of_a_stricter_service_is_not_served() {
        let services = AppServices::parse(
            r#"[{"prefix":"/api/shop","url":"http://a:1","auth":"none"},
                {"prefix":"/api/shop/admin","url":"http://a:1","auth":"required"},
                {"prefix":"/api/shop/admin/logo","url":"http://a:1","auth":"none","name":"logo"}]"#,
            3_000,
        )
        .unwrap();
        let served = |path| services.find(path).map(|service| service.name.as_str());
        for respelled in [
            "/api/shop/Admin/keys",
            "/api/shop//admin/keys",
            "/api/shop/admin%2Fkeys",
            "/api/shop/admin%5Ckeys",
            "/api/shop/admin;x/keys",
            "/api/shop/%2561dmin",
        ] {
            assert_eq!(served(respelled), None, "{respelled}");
        }
        assert_eq!(served("/api/shop/admin/keys"), Some("shop-admin"));
        assert_eq!(served("/api/shop/Cart/%2F7"), Some("shop"));
        assert_eq!(served("/api/shop/admin/Logo"), Some("shop-admin"));
        assert_eq!(served("/api/shop/admin/logo"), Some("logo"));
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
            r#"[{"prefix":"/api/x","url":"http://a","auth":"none","second_factor":true}]"#,
            r#"[{"prefix":"/api/x","url":"http://a","auth":"required","second_factor":["/api/y"]}]"#,
            r#"[{"prefix":"/api/x","url":"http://a","auth":"required","strict":"yes"}]"#,
            r#"[{"prefix":"/api/x","url":"http://a","auth":"required","strict":["/api/y"]}]"#,
            r#"[{"prefix":"/api/x","url":"http://a","auth":"required","token":"firebase"}]"#,
            r#"[{"prefix":"/api/x","url":"http://a","auth":"none","token":"legacy"}]"#,
            r#"[{"prefix":"/api/x","url":"http://a","auth":"none"},{"prefix":"/api/x","url":"http://b","auth":"none"}]"#,
        ] {
            assert!(AppServices::parse(refused, 3_000).is_err(), "{refused}");
        }
    }
}
