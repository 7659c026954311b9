//! The request's name and its W3C trace context.

use shared::ids::RequestId;
use shared::trace_context;

/// Random bytes for one request: 16 for a name or a trace, 8 for our span.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seed {
    /// Names the request, and the trace if none is continued.
    pub name: [u8; 16],
    /// Names our span in the trace.
    pub span: [u8; 8],
}

/// A request's name, and the `traceparent` with which it is forwarded.
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
        let continued = traceparent.and_then(trace_context::parse);
        let is_restarted = continued.is_none();
        let traceparent = match continued {
            Some(caller) => format!("00-{}-{span}-{}", caller.trace_id, caller.flags),
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
    fn broken_names_are_replaced() {
        let long = "x".repeat(65);
        for refused in [None, Some("00-1-2-3")] {
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
