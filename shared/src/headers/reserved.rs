//! Which inbound headers carry a statement that only the edge, or the network before it, may make.
//!
//! Servers fold names before they look at them: CGI, WSGI and Rack make one variable of `X-User-Id`, `X_User_Id` and `X.User.Id`, and
//! others drop characters that they do not know. Names are therefore compared by their letters and digits alone.

use super::{REQUEST_ID, TRACEPARENT, TRACESTATE};

/// Families: a name belongs to a family if it begins with it, with each run of other characters counted as one `-`.
const FAMILIES: [&[u8]; 21] = [
    // Ours.
    b"x-user-",
    b"x-auth-",
    b"x-internal-",
    b"x-crossfade-",
    // Who the caller is, as other proxies state it.
    b"x-authenticated-",
    b"x-remote-",
    b"x-webauth-",
    b"x-client-cert",
    b"x-ssl-",
    b"ssl-client-",
    b"x-amzn-oidc-",
    b"x-goog-authenticated-user-",
    b"x-goog-iap-",
    b"x-ms-client-principal",
    // Where the request came from and what it asked for, as other proxies state it.
    b"x-forwarded-",
    b"x-original-",
    b"x-rewrite-",
    b"x-envoy-",
    b"x-middleware-",
    // Which version of a Worker answers: also that of a Worker behind the edge.
    b"cloudflare-workers-version-",
    b"cdn-client-",
];

/// Names, by their letters and digits alone; sorted.
const NAMES: [&[u8]; 57] = [
    b"cfconnectingip",
    b"cfconnectingipv6",
    b"cfpseudoipv4",
    b"clientip",
    b"cloudflareworkersversionkey",
    b"cloudflareworkersversionoverrides",
    b"expect",
    b"fastlyclientip",
    b"forwarded",
    b"forwardedfor",
    b"frontendhttps",
    b"httpclientip",
    b"proxy",
    b"proxyauthorization",
    b"proxyclientip",
    b"proxyconnection",
    b"remoteaddr",
    b"remoteuser",
    b"traceparent",
    b"tracestate",
    b"trueclientip",
    b"wlproxyclientip",
    b"xappengineuserip",
    b"xauthroute",
    b"xauthroutereason",
    b"xauthtokenkind",
    b"xazureclientip",
    b"xclientip",
    b"xclusterclientip",
    b"xcrossfadeassertion",
    b"xforwarded",
    b"xforwardedfor",
    b"xforwardedhost",
    b"xforwardedport",
    b"xforwardedprefix",
    b"xforwardedproto",
    b"xhost",
    b"xhttphostoverride",
    b"xhttpmethod",
    b"xhttpmethodoverride",
    b"xinternalservice",
    b"xmethodoverride",
    b"xoriginalurl",
    b"xoriginatingip",
    b"xproxyuserip",
    b"xrealip",
    b"xremoteuser",
    b"xrequestid",
    b"xrewriteurl",
    b"xscheme",
    b"xservicekey",
    b"xtrueclientip",
    b"xurlscheme",
    b"xuserbalance",
    b"xuseremail",
    b"xuserid",
    b"xusertype",
];

/// More than the longest of [`FAMILIES`] and [`NAMES`].
const ROOM: usize = 48;

/// Whether an inbound header makes a statement that only the edge, or the network before it, may make. The edge removes such a header on
/// every path before anything else happens, in any spelling.
///
/// Not reserved are the headers, in their usual spelling, into which the edge writes its own value: `x-request-id`, `traceparent`,
/// `tracestate`. Nor is `X-Service-Key`; the edge forwards it only where a proven service needs it.
#[must_use]
pub fn is_reserved(name: &str) -> bool {
    if !begins_like_one(name) || [REQUEST_ID, TRACEPARENT, TRACESTATE].contains(&name) {
        return false;
    }
    let folded = Folded::new(name);
    let squeezed: &[u8] = folded.squeezed();
    FAMILIES.iter().any(|family| folded.text().starts_with(family))
        || NAMES.binary_search(&squeezed).is_ok()
        // In their own spelling alone Cloudflare's headers are the network's word.
        || (folded.is_respelled && folded.text().starts_with(b"cf-"))
}

/// Whether the first two letters are those of any family or name. This settles most of a request's headers.
fn begins_like_one(name: &str) -> bool {
    let mut letters = name
        .bytes()
        .filter(u8::is_ascii_alphanumeric)
        .map(|byte| byte.to_ascii_lowercase());
    match (letters.next(), letters.next()) {
        (Some(b'x'), _) => true,
        (Some(first), Some(second)) => matches!(
            (first, second),
            (b'c', b'd' | b'f' | b'l')
                | (b'e', b'x')
                | (b'f', b'a' | b'o' | b'r')
                | (b'h', b't')
                | (b'p', b'r')
                | (b'r', b'e')
                | (b's', b's')
                | (b't', b'r')
                | (b'w', b'l')
        ),
        _ => false,
    }
}

/// The beginning of a name in lower case: once with each run of other characters as one `-`, once without other characters.
struct Folded {
    text: [u8; ROOM],
    text_length: usize,
    squeezed: [u8; ROOM],
    squeezed_length: usize,
    /// Whether it holds anything but letters, digits and `-`.
    is_respelled: bool,
}

impl Folded {
    fn new(name: &str) -> Self {
        let mut folded = Self {
            text: [0; ROOM],
            text_length: 0,
            squeezed: [0; ROOM],
            squeezed_length: 0,
            is_respelled: false,
        };
        let mut run = true;
        for byte in name.bytes() {
            if byte.is_ascii_alphanumeric() {
                let byte = byte.to_ascii_lowercase();
                push(&mut folded.text, &mut folded.text_length, byte);
                push(&mut folded.squeezed, &mut folded.squeezed_length, byte);
                run = false;
            } else {
                folded.is_respelled |= byte != b'-';
                if !run {
                    push(&mut folded.text, &mut folded.text_length, b'-');
                }
                run = true;
            }
        }
        folded
    }

    fn text(&self) -> &[u8] {
        self.text.get(..self.text_length).unwrap_or_default()
    }

    fn squeezed(&self) -> &[u8] {
        self.squeezed.get(..self.squeezed_length).unwrap_or_default()
    }
}

/// Adds `byte` while there is room. A longer name is in [`NAMES`] under no spelling, and the last byte then shows that.
fn push(room: &mut [u8; ROOM], length: &mut usize, byte: u8) {
    if let Some(place) = room.get_mut(*length) {
        *place = byte;
        *length = length.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn every_spelling_of_a_reserved_name_is_reserved() {
        for name in [
            "x-user-id",
            "X-User-ID",
            "X_USER_ID",
            "x-User_email",
            "X-User-",
            "X.User.Id",
            "x--user--id",
            "-x-user-id",
            "X~User!Id",
            "xuserid",
            "x-auth-route",
            "X-AUTH-TOKEN-KIND",
            "x_internal_service",
            "X-Internal-Service",
            "x.internal.anything",
            "X-Crossfade-Assertion",
            "x_crossfade_assertion",
            "X-Service-Key",
            "x_service_key",
            "x-servicekey",
            "X_Forwarded_For",
            "x.forwarded.for",
            "X-Forwarded",
            "X-Forwarded-Host",
            "X-Forwarded-Proto",
            "X-Forwarded-Port",
            "X-Forwarded-Prefix",
            "X-Forwarded-Client-Cert",
            "Forwarded",
            "X_Real_IP",
            "True-Client-IP",
            "true_client_ip",
            "X-Client-IP",
            "Client-IP",
            "CF-Connecting-IP",
            "cf_connecting_ip",
            "cf.connecting.ip",
            "CF_IPCountry",
            "X-Original-URL",
            "x_original_url",
            "X-Rewrite-URL",
            "X-HTTP-Method-Override",
            "X_HTTP_Method",
            "X-Method-Override",
            "X-Middleware-Subrequest",
            "Remote-User",
            "X-Remote-User",
            "X_Request_Id",
            "x-request.id",
            "trace-parent",
            "trace_state",
            "Proxy",
            "Expect",
            "Cloudflare-Workers-Version-Overrides",
            "Cloudflare-Workers-Version-Key",
        ] {
            assert!(is_reserved(name), "{name}");
        }
    }

    #[test]
    fn other_names_are_not_reserved() {
        for name in [
            "x-users",
            "x-user",
            "x_custom",
            "authorization",
            "x-request-id",
            "traceparent",
            "tracestate",
            "x-service-keys",
            "x-authentic",
            "x-client-version",
            "x-firebase-appcheck",
            "x-requested-with",
            "content-type",
            "cf-ipcountry",
            "cf-ray",
            "cookie",
            "range",
            "referer",
            "",
            "--",
            "ü-user-id",
        ] {
            assert!(!is_reserved(name), "{name}");
        }
    }

    #[test]
    fn tables_are_sorted_and_fit() {
        assert!(NAMES.is_sorted());
        assert!(NAMES.iter().chain(&FAMILIES).all(|name| name.len() < ROOM));
        for name in NAMES.iter().chain(&FAMILIES) {
            let name = std::str::from_utf8(name).unwrap();
            let usual = [REQUEST_ID, TRACEPARENT, TRACESTATE].contains(&name);
            assert_eq!(is_reserved(name), !usual, "{name}");
        }
        let long = format!("x-service-key{}", "a".repeat(100));
        assert!(!is_reserved(&long));
    }
}
