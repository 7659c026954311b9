//! Counts different callers in little memory, so that no rule takes failures that one caller can cause alone for a service's failure.
//!
//! A set of [`Callers`] is a bitmap with a bit for each hash (linear counting: Whang, Vander-Zanden and Taylor, "A linear-time
//! probabilistic counting algorithm", 1990). It holds no addresses, and nobody can read one out of it. Sets from many isolates merge.

use crate::base64url;
use crate::limits::Network;
use crate::rollout::murmur3_32;

const WORDS: usize = 16;
/// The bits of a set.
const BITS: u32 = 1_024;
/// The bytes of a set on the wire.
const BYTES: usize = 128;

/// The hash by which a caller is recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallerMark(u32);

impl CallerMark {
    /// The mark of an address as the network in front states it. IPv6 counts by /48, the most that a provider usually gives to one site
    /// (RFC 6177): a subscriber with 65,536 networks is one caller. All callers without a legible address share one mark: together they
    /// count as one.
    #[must_use]
    pub fn of_address(address: Option<&str>) -> Self {
        match address.and_then(Network::parse) {
            None => Self(0),
            Some(Network::V4(address)) => Self::of_bytes(&address.octets()),
            Some(Network::V6([a, b, c, d, e, f, _, _])) => Self::of_bytes(&[a, b, c, d, e, f]),
        }
    }

    /// The mark of a name that the caller has proven to own.
    #[must_use]
    pub fn of_name(name: &str) -> Self {
        Self::of_bytes(name.as_bytes())
    }

    fn of_bytes(bytes: &[u8]) -> Self {
        Self(murmur3_32(&[b"caller:", bytes]))
    }

    const fn bit(self) -> u32 {
        self.0.rem_euclid(BITS)
    }

    /// A shorter hash, for reports that list each caller.
    #[must_use]
    pub fn short(self) -> u16 {
        // Below 65,536, so it always fits.
        u16::try_from(self.0 >> 16).unwrap_or_default()
    }
}

/// A set of callers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Callers([u64; WORDS]);

impl Callers {
    /// Adds a caller.
    pub fn insert(&mut self, mark: CallerMark) {
        let word = usize::try_from(mark.bit().div_euclid(64)).unwrap_or_default();
        if let Some(word) = self.0.get_mut(word) {
            *word |= 1_u64.wrapping_shl(mark.bit().rem_euclid(64));
        }
    }

    /// Whether `mark` is among them. Another caller may have the same mark.
    #[must_use]
    pub fn contains(&self, mark: CallerMark) -> bool {
        let word = usize::try_from(mark.bit().div_euclid(64)).unwrap_or_default();
        self.0
            .get(word)
            .is_some_and(|word| word.wrapping_shr(mark.bit().rem_euclid(64)) & 1 == 1)
    }

    /// Adds all of `others`.
    pub fn merge(&mut self, others: &Self) {
        for (word, other) in self.0.iter_mut().zip(others.0) {
            *word |= other;
        }
    }

    /// About how many callers there are: exact for a few, within some percent up to 3,000, and never more than 7,689.
    #[must_use]
    pub fn count(&self) -> u32 {
        let set: u32 = self.0.iter().map(|word| word.count_ones()).sum();
        // How many draws set this many bits on average: BITS/BITS + BITS/(BITS-1) + …, in parts of 65,536.
        let draws: u64 = (0..set)
            .filter_map(|taken| {
                let free = u64::from(BITS.saturating_sub(taken));
                u64::from(BITS).saturating_mul(65_536).checked_div(free)
            })
            .sum();
        u32::try_from(draws.saturating_add(32_768).div_euclid(65_536)).unwrap_or(u32::MAX)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0 == [0; WORDS]
    }

    /// The sets as one line of text, 171 characters each.
    #[must_use]
    pub fn to_text(sets: &[&Self]) -> String {
        let bytes: Vec<u8> = sets
            .iter()
            .flat_map(|set| set.0)
            .flat_map(u64::to_be_bytes)
            .collect();
        base64url::encode(&bytes)
    }

    /// Reads `N` sets written by [`Self::to_text`]; `None` for anything else.
    #[must_use]
    pub fn from_text<const N: usize>(text: &str) -> Option<[Self; N]> {
        let bytes = base64url::decode(text.as_bytes()).ok()?;
        if bytes.len() != BYTES.checked_mul(N)? {
            return None;
        }
        let mut sets = [const { Self([0; WORDS]) }; N];
        let (words, _) = bytes.as_chunks::<8>();
        for (word, read) in sets.iter_mut().flat_map(|set| &mut set.0).zip(words) {
            *word = u64::from_be_bytes(*read);
        }
        Some(sets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn set(addresses: impl IntoIterator<Item = String>) -> Callers {
        let mut callers = Callers::default();
        for address in addresses {
            callers.insert(CallerMark::of_address(Some(&address)));
        }
        callers
    }

    #[test]
    fn one_caller_counts_once_in_any_spelling() {
        let callers = set((0..1_000).map(|_| "203.0.113.7".to_owned()));
        assert_eq!(callers.count(), 1);
        assert!(callers.contains(CallerMark::of_address(Some("203.0.113.7"))));
        assert!(!callers.contains(CallerMark::of_address(Some("203.0.113.8"))));
        let spellings = [
            "203.0.113.7",
            " 203.0.113.7 ",
            "::ffff:203.0.113.7",
            "::FFFF:CB00:7107",
        ];
        assert_eq!(set(spellings.map(str::to_owned)).count(), 1);
        let without = ["", "unknown", "1.1.1.1, 2.2.2.2", "1.2.3.4.5"];
        let mut unnamed = set(without.map(str::to_owned));
        unnamed.insert(CallerMark::of_address(None));
        assert_eq!(unnamed.count(), 1, "callers without an address are one");
    }

    #[test]
    fn one_subscriber_counts_once_on_any_of_their_networks() {
        let spread = |write: fn(u32) -> String| set((0..5_000).map(write));
        for (site, addresses) in [
            ("the hosts of a /64", spread(|n| format!("2001:db8:0:1::{n:x}"))),
            (
                "the networks of a /48",
                spread(|n| format!("2001:db8:1:{n:x}::1")),
            ),
            (
                "6to4 of one IPv4 address",
                spread(|n| format!("2002:cb00:7107:{n:x}::1")),
            ),
        ] {
            assert_eq!(addresses.count(), 1, "{site}");
        }
        let translated = ["203.0.113.7", "64:ff9b::203.0.113.7", "2002:cb00:7107::1"];
        assert_eq!(set(translated.map(str::to_owned)).count(), 1);
        let two = ["2001:db8:1::1", "2001:db8:2::1"];
        assert_eq!(
            set(two.map(str::to_owned)).count(),
            2,
            "two sites are two callers"
        );
        let behind_nat64 = ["64:ff9b::203.0.113.7", "64:ff9b::203.0.113.8"];
        assert_eq!(set(behind_nat64.map(str::to_owned)).count(), 2);
    }

    #[test]
    fn counts_are_near_the_truth() {
        for (truth, off) in [(5_u32, 1), (20, 2), (100, 12), (1_000, 100), (3_000, 500)] {
            let callers = set((0..truth).map(|n| format!("10.{}.{}.{}", n / 65_536, n / 256 % 256, n % 256)));
            let count = callers.count();
            assert!(count.abs_diff(truth) <= off, "{count} of {truth}");
        }
        let all = set((0..100_000).map(|n| format!("10.{}.{}.{}", n / 65_536, n / 256 % 256, n % 256)));
        assert_eq!(all.count(), 7_689);
        assert_eq!(Callers::default().count(), 0);
    }

    #[test]
    fn sets_merge_and_travel() {
        let (a, b) = (set(["10.0.0.1".to_owned()]), set(["10.0.0.2".to_owned()]));
        let mut both = a.clone();
        both.merge(&b);
        both.merge(&a);
        assert_eq!(both.count(), 2);
        let text = Callers::to_text(&[&a, &both]);
        assert_eq!(Callers::from_text(&text), Some([a, both]));
        for bad in ["", "AAAA", "not base64url!", text.get(1..).unwrap()] {
            assert_eq!(Callers::from_text::<2>(bad), None, "{bad}");
        }
    }
}
