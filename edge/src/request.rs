//! What arrived, as the flow sees it: method, target and headers, borrowed from one text. The body stays outside.

/// An inbound request without its body. Everything in it is a stranger's word.
#[derive(Debug)]
pub struct Inbound<'a> {
    /// The method, upper case as the runtime normalises it.
    pub method: &'a str,
    /// The path as sent (percent-encoding kept, dot segments already resolved by the URL parser).
    pub path: &'a str,
    /// The query with its `?`, or empty.
    pub query: &'a str,
    headers: Vec<(&'a str, &'a str)>,
}

impl<'a> Inbound<'a> {
    /// Reads `METHOD\nURL\nname:value\n…` with lower-case names and each name once.
    ///
    /// `None` if the text is not of that form, which the runtime never produces.
    #[must_use]
    pub fn parse(description: &'a str) -> Option<Self> {
        let mut lines = description.split('\n');
        let method = lines.next()?;
        let (_, after_scheme) = lines.next()?.split_once("://")?;
        let target = after_scheme
            .find('/')
            .and_then(|slash| after_scheme.get(slash..))?;
        let (path, query) = match target.find('?').and_then(|mark| target.split_at_checked(mark)) {
            Some((path, query)) => (path, query),
            None => (target, ""),
        };
        let headers = lines.filter_map(|line| line.split_once(':')).collect();
        Some(Self {
            method,
            path,
            query,
            headers,
        })
    }

    /// The value of a header, by its lower-case name. The Fetch standard joins repeated headers with `, `.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| *value)
    }

    /// The names of all headers, lower case.
    pub fn header_names(&self) -> impl Iterator<Item = &'a str> {
        self.headers.iter().map(|(name, _)| *name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_is_taken_apart() {
        let inbound =
            Inbound::parse("GET\nhttps://api.example.com/v1/auth/me?a=b?c\naccept:*/*\nx-odd:a:b\ncookie:")
                .unwrap();
        assert_eq!(
            (inbound.method, inbound.path, inbound.query),
            ("GET", "/v1/auth/me", "?a=b?c")
        );
        assert_eq!(inbound.header("x-odd"), Some("a:b"));
        assert_eq!(inbound.header("cookie"), Some(""));
        assert_eq!(inbound.header("authorization"), None);
        assert_eq!(inbound.header_names().count(), 3);
    }

    #[test]
    fn a_bare_root_has_a_path() {
        let inbound = Inbound::parse("GET\nhttp://localhost:8787/").unwrap();
        assert_eq!((inbound.path, inbound.query), ("/", ""));
        assert!(Inbound::parse("GET").is_none());
        assert!(Inbound::parse("GET\nnot a url").is_none());
    }
}
