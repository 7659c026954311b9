//! The request's name and its W3C trace context.

use shared::ids::RequestId;

/// Random bytes for one request: 16 for a name or a trace, 8 for our span.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seed {
    /// Names the request, and the trace if none is continued.
    pub name: [u8; 16],
    /// Names our span in the trace.
    pub span: [u8; 8],
}

/// A request's name and the `traceparent` it is forwarded with.
#[derive(Debug, Clone)]
pub struct Trace {
    /// `X-Request-Id`: the caller's, or made here.
    pub request_id: RequestId,
    /// `traceparent` (W3C Trace Context, level 1) with our own span as the parent.
    pub traceparent: String,
    /// Whether the trace begins here: none arrived, or one that breaks its rule.
    pub is_restarted: bool,
}

impl Trace {
    /// Continues what the caller began, or begins. A name or context that breaks its rule counts as absent, as W3C Trace
    /// Context section 3.2.2.3 asks for.
    ///
    /// Where neither arrives, the trace id doubles as the request's name, so that logs and traces meet.
    #[must_use]
    pub fn continued(request_id: Option<&str>, traceparent: Option<&str>, seed: &Seed) -> Self {
        let span = hex(&seed.span);
        let continued = traceparent.and_then(parse);
        let is_restarted = continued.is_none();
        let traceparent = match continued {
            Some((trace, flags)) => format!("00-{trace}-{span}-{flags}"),
            None => format!("00-{}-{span}-00", hex(&seed.name)),
        };
        let request_id = request_id
            .and_then(|name| RequestId::parse(name).ok())
            .unwrap_or_else(|| RequestId::from_random(seed.name));
        Self {
            request_id,
            traceparent,
            is_restarted,
        }
    }
}

/// `version-traceid-parentid-flags`. Versions above 00 may carry more fields, which are not forwarded.
fn parse(header: &str) -> Option<(&str, &str)> {
    let mut fields = header.split('-');
    let (version, trace, parent, flags) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let well_formed = is_hex(version, 2)
        && version != "ff"
        && is_hex(trace, 32)
        && is_hex(parent, 16)
        && is_hex(flags, 2)
        && trace.bytes().any(|byte| byte != b'0')
        && parent.bytes().any(|byte| byte != b'0')
        && (version != "00" || fields.next().is_none());
    well_formed.then_some((trace, flags))
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(u32::from(digit), 16))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: Seed = Seed {
        name: [0xab; 16],
        span: [0xab; 8],
    };
    const SENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_trace_is_continued_with_our_span() {
        let trace = Trace::continued(Some("r-1"), Some(SENT), &SEED);
        assert_eq!(trace.request_id.as_str(), "r-1");
        assert!(!trace.is_restarted);
        assert_eq!(
            trace.traceparent,
            "00-4bf92f3577b34da6a3ce929d0e0e4736-abababababababab-01"
        );
    }

    #[test]
    fn what_breaks_its_rule_is_replaced() {
        let long = "x".repeat(65);
        let zero = SENT.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32));
        let upper = SENT.to_uppercase();
        for refused in [
            None,
            Some(""),
            Some("00-1-2-3"),
            Some(zero.as_str()),
            Some(upper.as_str()),
            Some("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
            Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more"),
        ] {
            let trace = Trace::continued(Some(&long), refused, &SEED);
            assert_eq!(trace.request_id.as_str(), "ab".repeat(16), "{refused:?}");
            assert!(trace.is_restarted, "{refused:?}");
            assert_eq!(
                trace.traceparent,
                format!("00-{}-{}-00", "ab".repeat(16), "ab".repeat(8))
            );
        }
    }
}
