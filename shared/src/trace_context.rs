//! `traceparent` of W3C Trace Context, read by the edge and the origin alike.

/// The fields of a `traceparent`, in lower-case hexadecimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceParent<'a> {
    /// The trace, 32 digits, not all of them zero.
    pub trace_id: &'a str,
    /// The caller's span, 16 digits, not all of them zero.
    pub parent_id: &'a str,
    /// Two digits; the lowest bit says whether the caller records its span.
    pub flags: &'a str,
}

/// `version-traceid-parentid-flags` (section 3.2). A header that breaks the rule counts as absent, as 3.2.2.3 asks for; versions
/// above 00 may carry more fields.
#[must_use]
pub fn parse(header: &str) -> Option<TraceParent<'_>> {
    let mut fields = header.split('-');
    let (version, trace_id, parent_id, flags) =
        (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let well_formed = is_hex(version, 2)
        && version != "ff"
        && is_hex(trace_id, 32)
        && is_hex(parent_id, 16)
        && is_hex(flags, 2)
        && trace_id.bytes().any(|byte| byte != b'0')
        && parent_id.bytes().any(|byte| byte != b'0')
        && (version != "00" || fields.next().is_none());
    well_formed.then_some(TraceParent {
        trace_id,
        parent_id,
        flags,
    })
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn fields_are_read() {
        let fields = TraceParent {
            trace_id: "4bf92f3577b34da6a3ce929d0e0e4736",
            parent_id: "00f067aa0ba902b7",
            flags: "01",
        };
        assert_eq!(parse(SENT), Some(fields));
        let later = SENT.replacen("00", "01", 1) + "-more";
        assert_eq!(parse(&later), Some(fields));
    }

    #[test]
    fn broken_header_counts_as_absent() {
        for broken in [
            "",
            "00-1-2-3",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "+0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
        ] {
            assert_eq!(parse(broken), None, "{broken}");
        }
    }
}
