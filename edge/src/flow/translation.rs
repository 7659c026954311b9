//! Token translation (`"token": "legacy"`): a service that reads only legacy tokens gets one for each verified caller, in place of the
//! caller's own. The origin's record of the caller fills it, so that no deactivated or signed-out user gets one and no user gets a role
//! that they do not have. Without that record the edge does not forward the request.

use std::borrow::Cow;

use shared::headers;
use shared::problem::{ErrorCode, Problem};

use super::Journey;
use super::websocket::two_credentials;
use crate::authenticate::Refusal;
use crate::body::unescape;
use crate::caller::Caller;
use crate::config::AppService;
use crate::request::Inbound;
use crate::users::KnownUser;

impl<K, E, U> Journey<'_, '_, K, E, U> {
    /// Hands `take` a legacy token for `record`'s user, who is `caller`, and notes that the service needed one.
    pub(super) fn translate(
        &mut self,
        record: &KnownUser,
        caller: &Caller,
        take: impl FnOnce(&str),
    ) -> Result<(), Refusal> {
        let policy = &self.gateway.config.tokens;
        record
            .translated(policy, caller, self.now, take)
            .map_err(|_| Refusal::new(Problem::new(ErrorCode::Internal), "cannot_translate"))?;
        self.notes.translated = true;
        Ok(())
    }
}

/// The query of a request. The token is in it only in a handshake (of a WebSocket or of Socket.IO) to a service that looks there; a
/// Socket.IO client sends its parameters with every request until there is a WebSocket.
#[derive(Debug)]
pub(super) struct TokenInQuery<'a> {
    query: Cow<'a, str>,
    name: Option<&'a str>,
    unverified_token: Option<String>,
}

impl<'a> TokenInQuery<'a> {
    /// Reads the query of `inbound`, a request to `service`.
    ///
    /// # Errors
    /// It brings two tokens.
    pub fn read(inbound: &'a Inbound<'_>, service: &'a AppService) -> Result<Self, Refusal> {
        let query = inbound.query();
        let translation = service.translation.as_ref();
        let name = translation
            .and_then(|translation| translation.query())
            .filter(|_| inbound.asks_for_websocket() || is_polling(query));
        let mut unverified_token = None;
        for pair in pairs(query) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            if name.is_some() && unescape(key.as_bytes()).as_deref() == name && !value.is_empty() {
                let value = unescape(value.as_bytes()).unwrap_or_default();
                if unverified_token.replace(value).is_some() {
                    return Err(two_credentials());
                }
            }
        }
        let in_header = inbound.header("authorization").map(headers::bearer_token);
        if unverified_token.is_some() && in_header.is_some_and(|token| token != unverified_token.as_deref()) {
            return Err(two_credentials());
        }
        Ok(Self {
            query: Cow::Borrowed(query),
            name,
            unverified_token,
        })
    }

    /// The caller's token in it.
    pub fn unverified_token(&self) -> Option<&str> {
        self.unverified_token.as_deref()
    }

    /// The query to forward, without a token.
    pub fn without_token(&self) -> Cow<'_, str> {
        match self.name {
            Some(name) => without(&self.query, name),
            None => Cow::Borrowed(&self.query),
        }
    }

    /// The query to forward, with `token` where the service looks for one there.
    pub fn with_token(&self, token: &str) -> Cow<'_, str> {
        let Some(name) = self.name else {
            return Cow::Borrowed(&self.query);
        };
        let others = without(&self.query, name);
        let start = if others.is_empty() { "?" } else { "&" };
        Cow::Owned([&others, start, name, "=", token].concat())
    }

    /// What a client sees in place of `location`: without the token, which a service that redirects with the query would reveal, and
    /// otherwise the result of `public`.
    pub fn untold(&self, location: &str, public: impl FnOnce(&str) -> Option<String>) -> Option<String> {
        let told = public(location);
        let Some(name) = self.name else { return told };
        let shown = told.as_deref().unwrap_or(location);
        let Some((before, after)) = shown.find('?').and_then(|at| shown.split_at_checked(at)) else {
            return told;
        };
        let (query, fragment) = after.split_at_checked(after.find('#').unwrap_or(after.len()))?;
        Some([before, &without(query, name), fragment].concat())
    }
}

/// Whether it is a Socket.IO query: it names its transport.
fn is_polling(query: &str) -> bool {
    pairs(query).any(|pair| pair == "transport=polling")
}

fn pairs(query: &str) -> impl Iterator<Item = &str> {
    let query = query.strip_prefix('?').unwrap_or(query);
    query.split('&').filter(|pair| !pair.is_empty())
}

/// `query`, with its `?`, without the parameters called `name`.
fn without<'q>(query: &'q str, name: &str) -> Cow<'q, str> {
    let is_it = |pair: &str| {
        let key = pair.split('=').next().unwrap_or_default();
        unescape(key.as_bytes()).as_deref() == Some(name)
    };
    if !pairs(query).any(is_it) {
        return Cow::Borrowed(query);
    }
    let mut others = String::with_capacity(query.len());
    for pair in pairs(query).filter(|pair| !is_it(pair)) {
        others.push(if others.is_empty() { '?' } else { '&' });
        others.push_str(pair);
    }
    Cow::Owned(others)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::AppServices;

    const UPGRADE: &str = "\nupgrade:websocket";

    fn service() -> AppService {
        let services = AppServices::parse(
            r#"[{"prefix":"/api/live","url":"http://live:1","auth":"required","websocket":true,"token":"legacy","token_in":"query:token"}]"#,
            3_000,
        );
        services.unwrap().find("/api/live").unwrap().clone()
    }

    /// The caller's token, and the query with `m.i.n` in it.
    fn read(query: &str, headers: &str) -> Result<(Option<String>, String), &'static str> {
        let text = format!("GET\nhttps://edge/api/live/{query}{headers}");
        let inbound = Inbound::parse(&text).unwrap();
        let service = service();
        let read = TokenInQuery::read(&inbound, &service).map_err(|refusal| refusal.reason)?;
        let sent = read.with_token("m.i.n").into_owned();
        Ok((read.unverified_token.clone(), sent))
    }

    #[test]
    fn only_the_token_of_a_handshake_is_replaced() {
        let some = |token: &str| Some(token.to_owned());
        for (query, headers, token, sent) in [
            ("?token=a.b.c", UPGRADE, some("a.b.c"), "?token=m.i.n"),
            (
                "?EIO=4&token=a.b.c&x=1",
                UPGRADE,
                some("a.b.c"),
                "?EIO=4&x=1&token=m.i.n",
            ),
            (
                "?EIO=4&transport=polling&token=a.b.c",
                "",
                some("a.b.c"),
                "?EIO=4&transport=polling&token=m.i.n",
            ),
            ("?%74oken=a.b.c", UPGRADE, some("a.b.c"), "?token=m.i.n"),
            ("?tokens=1", UPGRADE, None, "?tokens=1&token=m.i.n"),
            ("", UPGRADE, None, "?token=m.i.n"),
            ("?token=", UPGRADE, None, "?token=m.i.n"),
            // A parameter of another use: a link in a mail, say.
            ("?token=a.b.c", "", None, "?token=a.b.c"),
            ("", "", None, ""),
        ] {
            assert_eq!(read(query, headers), Ok((token, sent.to_owned())), "{query}");
        }
    }

    #[test]
    fn two_tokens_are_refused() {
        let bearer = |token: &str| format!("{UPGRADE}\nauthorization:Bearer {token}");
        for (query, headers) in [
            ("?token=a.b.c&token=a.b.c", UPGRADE.to_owned()),
            ("?token=a.b.c&%74oken=d.e.f", UPGRADE.to_owned()),
            ("?token=a.b.c", bearer("d.e.f")),
            ("?token=a.b.c", format!("{UPGRADE}\nauthorization:Basic x")),
        ] {
            assert_eq!(read(query, &headers), Err("websocket_tokens"), "{query}");
        }
        assert!(read("?token=a.b.c", &bearer("a.b.c")).is_ok());
    }

    #[test]
    fn redirect_does_not_reveal_the_token() {
        let text = format!("GET\nhttps://edge/api/live?x=1{UPGRADE}");
        let inbound = Inbound::parse(&text).unwrap();
        let service = service();
        let query = TokenInQuery::read(&inbound, &service).unwrap();
        let shown = |location: &str| query.untold(location, |it| service.public_location(it));
        assert_eq!(
            shown("/api/live/?x=1&token=m.i.n#y").as_deref(),
            Some("/api/live/?x=1#y")
        );
        assert_eq!(
            shown("http://live:1/api/live/?token=m.i.n").as_deref(),
            Some("/api/live/")
        );
        assert_eq!(shown("http://live:1/x").as_deref(), Some("/x"));
        assert_eq!(shown("/x"), None);
    }
}
