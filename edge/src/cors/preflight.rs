//! Which request headers a page of a listed origin may send: all that it asks for. The list of origins grants access; a second list, of
//! headers, would have to follow every tracing and every Firebase library. The edge removes headers that no caller may send when a request
//! arrives.

/// The most that the edge reads, in bytes and in names.
const MAX_BYTES: usize = 4 * 1024;
const MAX_NAMES: usize = 100;
/// For a browser that names none, and for a malformed list.
const USUAL: &str =
    "Authorization, Content-Type, Accept, Idempotency-Key, X-Request-Id, traceparent, tracestate";

/// The value of `Access-Control-Allow-Headers` for the value of `Access-Control-Request-Headers`: the same names, if that is a list of
/// header names (Fetch standard, "CORS-preflight request"; RFC 9110 section 5.6.2).
pub(super) fn allowed(asked: Option<&str>) -> &str {
    asked.filter(|asked| is_list_of_names(asked)).unwrap_or(USUAL)
}

fn is_list_of_names(asked: &str) -> bool {
    asked.len() <= MAX_BYTES
        && asked.split(',').count() <= MAX_NAMES
        && asked.split(',').all(|name| {
            let name = name.trim_matches([' ', '\t']);
            !name.is_empty() && name.bytes().all(is_token_byte)
        })
}

const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_preflights_are_allowed() {
        for asked in [
            "authorization",
            "authorization,content-type",
            "x-firebase-appcheck",
            "x-firebase-client,x-firebase-gmpid,x-client-version",
            "baggage,sentry-trace",
            "traceparent,tracestate",
            "b3,x-b3-traceid,x-b3-spanid,x-b3-sampled",
            "x-datadog-trace-id,x-datadog-parent-id,x-datadog-origin,x-datadog-sampling-priority",
            "x-cloud-trace-context",
            "x-requested-with",
            "if-none-match,if-modified-since",
            "range",
            "cache-control,pragma",
            "x-csrf-token",
            "apollo-require-preflight",
            "content-encoding",
            "last-event-id",
            "x-api-key, x-idempotency-key",
        ] {
            assert_eq!(allowed(Some(asked)), asked);
        }
    }

    #[test]
    fn malformed_header_list_is_not_repeated() {
        let many = vec!["a"; MAX_NAMES + 1].join(",");
        let long = "a".repeat(MAX_BYTES + 1);
        for asked in [
            "",
            ",",
            "a,,b",
            "a b",
            "a;b",
            "a:b",
            "ü",
            "a\u{1}",
            "(a)",
            many.as_str(),
            &long,
        ] {
            assert_eq!(allowed(Some(asked)), USUAL, "{asked}");
        }
        assert_eq!(allowed(None), USUAL);
    }
}
