//! The rules in tables, and properties for any calls.

use std::collections::BTreeMap;
#[cfg(not(target_arch = "wasm32"))]
use std::collections::BTreeSet;

use super::*;
use crate::assertion::AssertionKeys;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn addresses_of_one_subscriber_are_one_network() {
    let network = |text| Network::parse(text).unwrap();
    for (one, other) in [
        ("2001:db8::1", "2001:DB8:0:0::1"),
        ("2001:db8::1", "2001:db8:0:0:ffff:ffff:ffff:ffff"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("::FFFF:c000:0207", "192.0.2.7"),
        ("64:ff9b::192.0.2.7", "192.0.2.7"),
        ("2002:c000:0207::1", "192.0.2.7"),
        ("2002:c000:0207:5::9", "192.0.2.7"),
        ("::192.0.2.7", "192.0.2.7"),
        (" 192.0.2.7 ", "192.0.2.7"),
    ] {
        assert_eq!(network(one), network(other), "{one} {other}");
    }
    for (one, other) in [
        ("192.0.2.7", "192.0.2.8"),
        ("2001:db8::1", "2001:db8:0:1::1"),
        ("::1", "0.0.0.1"),
        ("::1", "127.0.0.1"),
    ] {
        assert_ne!(network(one), network(other), "{one} {other}");
    }
    for refused in [
        "",
        "localhost",
        "192.0.2.7, 192.0.2.8",
        "192.0.2.7:80",
        "[::1]",
        "1.2.3",
        "fe80::1%eth0",
    ] {
        assert_eq!(Network::parse(refused), None, "{refused}");
    }
}

#[test]
fn pseudo_ipv4_addresses_are_recognised() {
    for (text, expected) in [
        ("240.0.0.1", true),
        ("251.4.3.2", true),
        ("255.255.255.255", false),
        ("239.1.1.1", false),
        ("192.0.2.7", false),
        ("2001:db8::1", false),
    ] {
        assert_eq!(is_pseudo_ipv4(text.parse().unwrap()), expected, "{text}");
    }
}

#[test]
fn names_of_counters_depend_on_key_and_parts() {
    let secret = |byte| format!("k1:{}", crate::base64url::encode(&[byte; 32]));
    let maker = |byte| KeyMaker::new(&AssertionKeys::parse(&secret(byte)).unwrap());
    let (one, other) = (maker(7), maker(8));
    assert_eq!(one.account(" Ann@Example.com"), one.account("ann@example.com"));
    assert_eq!(
        one.account("\u{feff} Ann@example.com\u{feff}"),
        one.account("ann@example.com")
    );
    assert_ne!(one.account("ann@example.com"), other.account("ann@example.com"));
    assert_ne!(one.account("ann"), one.account("ben"));
    assert_ne!(one.key("a", &[b"bc", b"d"]), one.key("a", &[b"b", b"cd"]));
    assert_ne!(one.key("a", &[]), one.key("a", &[b""]));
    let hex = one.account("ann").to_hex();
    assert_eq!(hex.len(), 32);
    assert!(hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_eq!(format!("{:?}", one.account("ann")), "Key");
}

#[test]
fn guess_is_judged_by_its_debts() {
    const MINUTE: u64 = 60_000;
    let debts = |pair_ms, account_ms, network_ms| Debts {
        pair_ms,
        account_ms,
        network_ms,
    };
    let wait = |retry_after| Verdict::SlowDown { retry_after };
    for (debts, expected) in [
        (debts(0, 0, 0), Verdict::Admit),
        // Four own failures are allowed, a fifth is not.
        (debts(40 * MINUTE, 40 * MINUTE, 4 * MINUTE), Verdict::Admit),
        (debts(40 * MINUTE + 1, 0, 0), wait(1)),
        (debts(50 * MINUTE, 50 * MINUTE, 5 * MINUTE), wait(600)),
        // Strangers guess at the account: a network that has failed waits until its debt is paid back, other networks do not.
        (debts(0, 57 * MINUTE, 0), Verdict::Admit),
        (debts(0, 120 * MINUTE, 0), Verdict::Admit),
        (debts(0, u64::MAX, 0), Verdict::Admit),
        (debts(10 * MINUTE, 57 * MINUTE, MINUTE), Verdict::Admit),
        (debts(10 * MINUTE, 57 * MINUTE + 1, MINUTE), wait(600)),
        // One network at many accounts.
        (debts(0, 0, 29 * MINUTE), Verdict::Admit),
        (debts(0, 0, 30 * MINUTE), wait(60)),
        (debts(u64::MAX, u64::MAX, u64::MAX), wait(u32::MAX)),
    ] {
        assert_eq!(judge(debts), expected, "{debts:?}");
    }
}

#[test]
fn quotas_are_read_or_refused() {
    let named = |name: &str| ["login", "register"].into_iter().find(|known| *known == name);
    let quota = |calls, seconds| Quota { calls, seconds };
    assert_eq!(
        read_quotas("login=20/60, register=5/10", named),
        Ok(vec![("login", quota(20, 60)), ("register", quota(5, 10))])
    );
    for refused in [
        "login",
        "login=20",
        "login=0/60",
        "login=1/0",
        "logout=1/60",
        "login=1/60,login=2/60",
        "login=-1/60",
        "",
    ] {
        assert!(read_quotas(refused, named).is_err(), "{refused}");
    }
    assert_eq!(
        quota(20, 60).pace(),
        Pace {
            interval_ms: 3_000,
            burst: 20
        }
    );
    assert_eq!(quota(1_000_000, 1).pace().interval_ms, 1);
}

#[test]
fn public_and_password_taking_calls_have_a_limit() {
    for (method, path, expected) in [
        ("POST", "/v1/auth/login", Some(Limit::Login)),
        ("POST", "/auth/login", Some(Limit::Login)),
        ("POST", "/v1/auth/register", Some(Limit::Register)),
        ("POST", "/v1/auth/refresh", Some(Limit::Refresh)),
        ("POST", "/v1/auth/exchange", Some(Limit::Exchange)),
        ("POST", "/v1/auth/reset-password", Some(Limit::Password)),
        ("POST", "/auth/change-password", Some(Limit::Password)),
        ("DELETE", "/v1/auth/user", Some(Limit::Password)),
        ("DELETE", "/auth/account", Some(Limit::Password)),
        ("POST", "/v1/auth/mfa/finish", Some(Limit::Mfa)),
        ("GET", "/auth/schools", Some(Limit::Schools)),
        ("GET", "/v1/auth/user", None),
        ("GET", "/v1/auth/me", None),
        ("POST", "/v1/auth/logout", None),
    ] {
        assert_eq!(Limit::of(method, path), expected, "{method} {path}");
    }
    for limit in Limit::ALL {
        assert_eq!(Limit::named(limit.name()), Some(*limit));
        assert!(limit.usual().calls > 0 && limit.usual().seconds > 0);
    }
    assert_eq!(Limit::named("logout"), None);
}

/// Counters as the edge or the origin keeps them.
#[derive(Default)]
struct Counters {
    pairs: BTreeMap<(u32, u32), u64>,
    accounts: BTreeMap<u32, u64>,
    networks: BTreeMap<u32, u64>,
}

impl Counters {
    /// A wrong password of `account`, from `network`.
    fn guess(&mut self, account: u32, network: u32, now: u64) -> Verdict {
        let verdict = self.judge(account, network, now);
        if verdict == Verdict::Admit {
            let charge = |paid_at: &mut u64, pace: Pace| *paid_at = pace.charge(*paid_at, now);
            charge(self.pairs.entry((account, network)).or_default(), PAIR);
            charge(self.accounts.entry(account).or_default(), ACCOUNT);
            charge(self.networks.entry(network).or_default(), NETWORK);
        }
        verdict
    }

    fn judge(&self, account: u32, network: u32, now: u64) -> Verdict {
        let owed = |paid_at: Option<&u64>| paid_at.copied().unwrap_or(0).saturating_sub(now);
        judge(Debts {
            pair_ms: owed(self.pairs.get(&(account, network))),
            account_ms: owed(self.accounts.get(&account)),
            network_ms: owed(self.networks.get(&network)),
        })
    }
}

#[test]
fn a_thousand_networks_do_not_keep_the_owner_out() {
    let mut counters = Counters::default();
    let mut admitted = 0;
    for second in (0_u64..3600).step_by(10) {
        for stranger in 1..=1000 {
            admitted += u32::from(counters.guess(7, stranger, second * 1000) == Verdict::Admit);
        }
        assert_eq!(counters.judge(7, 0, second * 1000), Verdict::Admit);
    }
    // 20 tries before the account counts as guessed at; from then on each network gets one in ten minutes.
    assert!(admitted <= 20 + 1000 * 6, "{admitted}");
}

#[test]
fn one_network_at_a_thousand_accounts_is_slowed_down() {
    let mut counters = Counters::default();
    let mut admitted = 0;
    for second in (0_u64..3600).step_by(10) {
        for account in 0..1000 {
            admitted += u32::from(counters.guess(account, 1, second * 1000) == Verdict::Admit);
        }
    }
    assert!(admitted <= 30 + 60, "{admitted}");
    assert_eq!(counters.judge(500, 2, 3_600_000), Verdict::Admit);
}

/// Both need an operating system's randomness.
#[cfg(not(target_arch = "wasm32"))]
mod properties {
    use proptest::prelude::*;

    use super::*;

    const OWNER: u32 = 0;
    const HOUR_MS: u64 = 3_600_000;

    fn guesses() -> impl Strategy<Value = Vec<(u32, u32, u64)>> {
        // Account, network, milliseconds since the guess before.
        prop::collection::vec(
            (0_u32..3, 1_u32..40, prop_oneof![0_u64..50, 0_u64..400_000]),
            0..600,
        )
    }

    proptest! {
        /// Strangers do anything, from any network but the owner's.
        #[test]
        fn strangers_never_refuse_the_owner(guesses in guesses()) {
            let mut counters = Counters::default();
            let mut now = 0;
            for (account, network, pause) in guesses {
                now += pause;
                counters.guess(account, network, now);
                prop_assert_eq!(counters.judge(account, OWNER, now), Verdict::Admit);
            }
        }

        #[test]
        fn guesses_at_an_account_are_bounded_in_any_hour(guesses in guesses()) {
            let mut counters = Counters::default();
            let mut now = 0;
            let mut admitted: Vec<(u64, u32)> = Vec::new();
            for (_, network, pause) in guesses {
                now += pause;
                if counters.guess(0, network, now) == Verdict::Admit {
                    admitted.push((now, network));
                }
            }
            for (from, _) in &admitted {
                let hour = admitted.iter().filter(|(at, _)| (*from..*from + HOUR_MS).contains(at));
                let networks: BTreeSet<u32> = hour.clone().map(|(_, network)| *network).collect();
                // 20 at once and 20 an hour before the account counts as guessed at; then six an hour from each network.
                prop_assert!(hour.count() <= 40 + 7 * networks.len());
            }
        }

        #[test]
        fn a_refusal_says_when_it_ends(pair in 0_u64..10_000_000, account in 0_u64..10_000_000, network in 0_u64..10_000_000) {
            let debts = Debts { pair_ms: pair, account_ms: account, network_ms: network };
            if let Verdict::SlowDown { retry_after } = judge(debts) {
                let later = u64::from(retry_after) * 1000;
                let debts = Debts {
                    pair_ms: pair.saturating_sub(later),
                    account_ms: account.saturating_sub(later),
                    network_ms: network.saturating_sub(later),
                };
                prop_assert_eq!(judge(debts), Verdict::Admit);
            }
        }

        #[test]
        fn a_debt_has_a_top_and_time_pays_it(charges in 0_usize..500, burst in 1_u32..50, interval_ms in 1_u64..1_000_000) {
            let pace = Pace { interval_ms, burst };
            let mut paid_at = 0;
            for _ in 0..charges {
                paid_at = pace.charge(paid_at, 1_000);
            }
            prop_assert!(paid_at <= 1_000 + pace.most_ms());
            prop_assert!(pace.wait_ms(0).is_none());
        }
    }
}
