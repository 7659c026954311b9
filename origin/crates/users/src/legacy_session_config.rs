//! The configuration of the legacy contract's `token` (`LEGACY_CONTRACT_SESSION`).

use shared::config::Reader;
use shared::token::TokenPolicy;

const NAME: &str = "LEGACY_CONTRACT_SESSION";
/// The range of `createSessionCookie`, in seconds: <https://firebase.google.com/docs/auth/admin/manage-cookies>.
const ALLOWED: std::ops::RangeInclusive<u32> = 300..=1_209_600;
/// The lifetime of the legacy service's tokens.
const DEFAULT: u32 = 7 * 24 * 3_600;

/// The `token` of the legacy contract. Its clients keep it for its whole life and cannot refresh it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LegacySession {
    /// A Firebase session cookie that lives for so many seconds.
    Cookie {
        /// 300 to 1,209,600.
        seconds: u32,
    },
    /// The ID token of the sign-in, for an hour.
    IdToken,
}

impl LegacySession {
    /// Reads `LEGACY_CONTRACT_SESSION`: `off`, or a number followed by `m`, `h` or `d`. `tokens` says whether session cookies are accepted
    /// at all: if they are not, no client gets one.
    pub fn read(reader: &mut Reader<'_>, tokens: Option<&TokenPolicy>) -> Self {
        let said = reader.optional(NAME, parse);
        let accepted = tokens.is_none_or(|tokens| tokens.session_cookies);
        match said {
            Some(Self::Cookie { .. }) if !accepted => {
                reader.fault(NAME, "is a session that FIREBASE_SESSION_COOKIES=off refuses");
                Self::IdToken
            }
            Some(said) => said,
            None if accepted => Self::Cookie { seconds: DEFAULT },
            None => Self::IdToken,
        }
    }
}

fn parse(text: &str) -> Result<LegacySession, &'static str> {
    let rule = "is not `off`, nor a time from `5m` to `14d`";
    if text == "off" {
        return Ok(LegacySession::IdToken);
    }
    let unit = text.chars().next_back().ok_or(rule)?;
    let seconds = match unit {
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(rule),
    };
    let digits = text.strip_suffix(unit).unwrap_or_default();
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(rule);
    }
    digits
        .parse::<u32>()
        .ok()
        .and_then(|number| number.checked_mul(seconds))
        .filter(|seconds| ALLOWED.contains(seconds))
        .map(|seconds| LegacySession::Cookie { seconds })
        .ok_or(rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_follow_googles_range() {
        for (text, seconds) in [
            ("5m", 300),
            ("90m", 5_400),
            ("12h", 43_200),
            ("7d", 604_800),
            ("14d", 1_209_600),
        ] {
            assert_eq!(parse(text), Ok(LegacySession::Cookie { seconds }), "{text}");
        }
        assert_eq!(parse("off"), Ok(LegacySession::IdToken));
        for refused in [
            "",
            "4m",
            "15d",
            "7",
            "d",
            "-1d",
            "+7d",
            "7 d",
            "1w",
            "0d",
            "99999999999d",
            "7d ",
        ] {
            assert!(parse(refused).is_err(), "{refused:?}");
        }
    }

    #[test]
    fn refused_cookies_are_not_handed_out() {
        let read = |cookies: &str, session: &str| {
            let table = std::collections::BTreeMap::from([
                ("FIREBASE_PROJECT_ID".to_owned(), "demo-app".to_owned()),
                ("FIREBASE_SESSION_COOKIES".to_owned(), cookies.to_owned()),
                (NAME.to_owned(), session.to_owned()),
            ]);
            let mut reader = Reader::new(&table);
            let tokens = TokenPolicy::read(&mut reader);
            let session = LegacySession::read(&mut reader, tokens.as_ref());
            (session, reader.faults().len())
        };
        assert_eq!(read("", ""), (LegacySession::Cookie { seconds: DEFAULT }, 0));
        assert_eq!(read("on", "1d"), (LegacySession::Cookie { seconds: 86_400 }, 0));
        assert_eq!(read("off", ""), (LegacySession::IdToken, 0));
        assert_eq!(read("off", "7d"), (LegacySession::IdToken, 1));
        assert_eq!(read("on", "off"), (LegacySession::IdToken, 0));
    }
}
