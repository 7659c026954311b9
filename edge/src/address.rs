//! The address from which a call comes, as the network in front states it.

use std::net::IpAddr;

use shared::limits::{Network, is_pseudo_ipv4};

use crate::request::Inbound;

/// The network sets it in place of a caller's own header, where it made an IPv4 address up.
const CLIENT_IPV6: &str = "cf-connecting-ipv6";

/// The client's address. Where the network shows services an IPv4 address that it made up for an IPv6 client (`Overwrite Headers` of
/// <https://developers.cloudflare.com/network/pseudo-ipv4/>), this is the IPv6 address. `None` where the network set none.
#[must_use]
pub fn address<'a>(inbound: &Inbound<'a>) -> Option<&'a str> {
    let shown = inbound.client_ip()?;
    let parsed: IpAddr = shown.parse().ok()?;
    if !is_pseudo_ipv4(parsed) {
        return Some(shown);
    }
    let real = inbound.header(CLIENT_IPV6);
    Some(
        real.filter(|text| text.parse::<IpAddr>().is_ok())
            .unwrap_or(shown),
    )
}

/// The network of [`address`], for counting.
#[must_use]
pub fn network(inbound: &Inbound<'_>) -> Option<Network> {
    Network::parse(address(inbound)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_up_address_yields_the_ipv6_address() {
        let of = |headers: &str| {
            let description = format!("GET\nhttp://gw/\n{headers}");
            let inbound = Inbound::parse(&description).unwrap();
            address(&inbound).map(str::to_owned)
        };
        for (headers, expected) in [
            ("cf-connecting-ip:192.0.2.1", Some("192.0.2.1")),
            ("cf-connecting-ip:2001:db8::1", Some("2001:db8::1")),
            (
                "cf-connecting-ip:240.1.2.3\ncf-connecting-ipv6:2001:db8::1",
                Some("2001:db8::1"),
            ),
            (
                "cf-connecting-ip:240.1.2.3\ncf-connecting-ipv6:nonsense",
                Some("240.1.2.3"),
            ),
            ("cf-connecting-ip:240.1.2.3", Some("240.1.2.3")),
            // The network made nothing up: this header is the caller's own word.
            (
                "cf-connecting-ip:192.0.2.1\ncf-connecting-ipv6:2001:db8::1",
                Some("192.0.2.1"),
            ),
            ("cf-connecting-ip:9.9.9.9, 8.8.8.8", None),
            ("cf-connecting-ip:", None),
            ("accept:*/*", None),
        ] {
            assert_eq!(of(headers).as_deref(), expected, "{headers}");
        }
    }
}
