//! The network from which a call comes, as counters see it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// One subscriber's addresses: an IPv4 address, or the /64 of an IPv6 one, which is the least that a subscriber gets (RFC 6177).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Network {
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// The first 64 bits of an IPv6 address.
    V6([u8; 8]),
}

impl Network {
    /// The network of `address`. An IPv4 address written as IPv6 is the IPv4 address: mapped (`::ffff:0:0/96`, RFC 4291), translated
    /// (`64:ff9b::/96`, RFC 6052), 6to4 (`2002::/16`, RFC 3056).
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => Self::of_v6(address),
        }
    }

    fn of_v6(address: Ipv6Addr) -> Self {
        let bytes = address.octets();
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = bytes;
        let tail = Self::V4(Ipv4Addr::new(m, n, o, p));
        match bytes {
            [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ..] => tail,
            [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, ..] => tail,
            [0x20, 0x02, ..] => Self::V4(Ipv4Addr::new(c, d, e, f)),
            // The deprecated IPv4-compatible form (RFC 4291 section 2.5.5.1), except `::` and `::1`.
            _ if [a, b, c, d, e, f, g, h, i, j, k, l] == [0; 12] && (m, n) != (0, 0) => tail,
            _ => Self::V6([a, b, c, d, e, f, g, h]),
        }
    }

    /// Reads an address in any spelling; `None` for anything else, such as a list.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        text.trim().parse().ok().map(Self::of)
    }

    /// The bytes from which a counter's key is made.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Self::V4(address) => address.octets().to_vec(),
            Self::V6(prefix) => prefix.to_vec(),
        }
    }
}

/// Whether `address` is one that Cloudflare's Pseudo IPv4 makes up for IPv6 clients (240.0.0.0/4, RFC 1112 section 4). Many clients may
/// share one; the real address is then in `CF-Connecting-IPv6`.
/// <https://developers.cloudflare.com/network/pseudo-ipv4/>
#[must_use]
pub fn is_pseudo_ipv4(address: IpAddr) -> bool {
    matches!(address, IpAddr::V4(address) if matches!(address.octets(), [240..=255, ..]) && !address.is_broadcast())
}
