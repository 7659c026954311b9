//! Where a span stands: `traceparent`, and which traces are taken.

use shared::headers;
use uuid::Uuid;

use axum::http::HeaderMap;

/// A share of all traces that is all of them.
pub const ALL: u64 = 1 << 56;

/// Which requests have a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sampling {
    asks_the_caller: bool,
    below: u64,
}

impl Sampling {
    /// Of a share of all requests, whatever their callers do. `below` is of [`ALL`].
    #[must_use]
    pub const fn of_all(below: u64) -> Self {
        Self {
            asks_the_caller: false,
            below,
        }
    }

    /// Of those whose callers take theirs, and of a share of those that continue no trace. `below` is of [`ALL`].
    #[must_use]
    pub const fn of_callers(below: u64) -> Self {
        Self {
            asks_the_caller: true,
            below,
        }
    }

    /// The decision depends on the trace's id alone, so that services with the same share take the same traces.
    const fn takes(self, trace_id: u128) -> bool {
        const RANDOM: u128 = (1 << 56) - 1;
        ((trace_id & RANDOM) as u64) < self.below
    }
}

/// A span's place in its trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The trace.
    pub trace_id: u128,
    /// The span itself.
    pub span_id: u64,
    /// Under which span it is, if under any.
    pub parent_id: Option<u64>,
}

impl Place {
    /// The place of a new span for a request with these headers, if it has one.
    pub(super) fn of_request(request: &HeaderMap, sampling: Sampling) -> Option<Self> {
        let mut values = request.get_all(headers::TRACEPARENT).iter();
        let parent = match (values.next(), values.next()) {
            (Some(only), None) => only.to_str().ok().and_then(Parent::parse),
            _ => None,
        };
        let trace_id = parent.map_or_else(|| Uuid::new_v4().as_u128(), |parent| parent.trace_id);
        let taken = match parent {
            Some(parent) if sampling.asks_the_caller => parent.sampled,
            _ => sampling.takes(trace_id),
        };
        taken.then(|| Self {
            trace_id,
            span_id: new_span_id(),
            parent_id: parent.map(|parent| parent.span_id),
        })
    }

    /// The place of a new span under this one.
    pub(super) fn child(self) -> Self {
        Self {
            trace_id: self.trace_id,
            span_id: new_span_id(),
            parent_id: Some(self.span_id),
        }
    }
}

/// Never zero, which would mean none: the variant of a UUID starts the lower half, and is not.
fn new_span_id() -> u64 {
    Uuid::new_v4().as_u64_pair().1
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Parent {
    trace_id: u128,
    span_id: u64,
    sampled: bool,
}

impl Parent {
    /// `version-traceid-parentid-flags` (W3C Trace Context, section 3.2). What breaks the rule counts as absent, as 3.2.2.3 asks for;
    /// versions above 00 may carry more fields.
    fn parse(header: &str) -> Option<Self> {
        let mut fields = header.split('-');
        let (version, trace, parent, flags) =
            (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
        let well_formed = is_hex(version, 2)
            && version != "ff"
            && is_hex(trace, 32)
            && is_hex(parent, 16)
            && is_hex(flags, 2)
            && (version != "00" || fields.next().is_none());
        if !well_formed {
            return None;
        }
        let trace_id = u128::from_str_radix(trace, 16).ok().filter(|id| *id != 0)?;
        let span_id = u64::from_str_radix(parent, 16).ok().filter(|id| *id != 0)?;
        let flags = u8::from_str_radix(flags, 16).ok()?;
        Some(Self {
            trace_id,
            span_id,
            sampled: flags & 1 == 1,
        })
    }
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAKEN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const NOT_TAKEN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

    fn place(traceparent: &str, sampling: Sampling) -> Option<Place> {
        let mut request = HeaderMap::new();
        request.insert(headers::TRACEPARENT, traceparent.parse().unwrap());
        Place::of_request(&request, sampling)
    }

    #[test]
    fn a_trace_is_continued_under_the_callers_span() {
        let found = place(TAKEN, Sampling::of_callers(0)).unwrap();
        assert_eq!(found.trace_id, 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
        assert_eq!(found.parent_id, Some(0x00f0_67aa_0ba9_02b7));
        let child = found.child();
        assert_eq!(
            (child.trace_id, child.parent_id),
            (found.trace_id, Some(found.span_id))
        );
        assert_ne!(child.span_id, found.span_id);
    }

    #[test]
    fn the_callers_decision_holds_where_it_is_asked() {
        assert_eq!(place(NOT_TAKEN, Sampling::of_callers(ALL)), None);
        assert!(place(NOT_TAKEN, Sampling::of_all(ALL)).is_some());
        assert_eq!(place(TAKEN, Sampling::of_all(0)), None);
        // The lower 56 bits of this id are 0xce929d0e0e4736 of 0x100000000000000, about 0.807.
        assert!(place(NOT_TAKEN, Sampling::of_all(ALL / 100 * 81)).is_some());
        assert_eq!(place(NOT_TAKEN, Sampling::of_all(ALL / 100 * 80)), None);
    }

    #[test]
    fn what_breaks_its_rule_counts_as_absent() {
        for broken in [
            "",
            "00-1-2-3",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        ] {
            assert_eq!(place(broken, Sampling::of_callers(0)), None, "{broken}");
            let begun = place(broken, Sampling::of_callers(ALL)).unwrap();
            assert_eq!(begun.parent_id, None, "{broken}");
        }
    }
}
