//! The fingerprint of RSA keys made by a faulty chip library (ROCA, CVE-2017-15361): an attacker can compute their private half.
//!
//! Such a modulus is, modulo each small prime below, a power of 65537. A sound modulus is one for all of them with a chance of about 2⁻²⁸
//! (Nemec et al., "The Return of Coppersmith's Attack", CCS 2017, section 3).

/// Primes for which the powers of 65537 are not already the whole group.
const PRIMES: [u16; 17] = [
    11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157,
];

/// Whether `modulus` (big-endian) carries the fingerprint.
pub(super) fn is_vulnerable(modulus: &[u8]) -> bool {
    PRIMES
        .iter()
        .all(|prime| is_power_of_65537(remainder(modulus, *prime), *prime))
}

fn remainder(modulus: &[u8], prime: u16) -> u32 {
    let prime = u32::from(prime);
    modulus.iter().fold(0, |rest, byte| {
        ((rest << 8) | u32::from(*byte)).checked_rem(prime).unwrap_or(0)
    })
}

fn is_power_of_65537(value: u32, prime: u16) -> bool {
    let prime_wide = u32::from(prime);
    let step = 65_537_u32.checked_rem(prime_wide).unwrap_or(0);
    let mut power = 1;
    for _ in 0..prime {
        if power == value {
            return true;
        }
        power = power.saturating_mul(step).checked_rem(prime_wide).unwrap_or(0);
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    /// The conformance vectors have the published vulnerable and sound keys; this tests the arithmetic.
    #[test]
    fn powers_and_remainders() {
        assert_eq!(remainder(&[1, 0, 1], 11), 65_537 % 11);
        assert_eq!(remainder(&[0xFF; 4], 157), u32::MAX % 157);
        for prime in PRIMES {
            let members = (0..u32::from(prime))
                .filter(|value| is_power_of_65537(*value, prime))
                .count();
            assert!(
                members > 0 && members < usize::from(prime) - 1,
                "{prime} tells nothing"
            );
            assert!(is_power_of_65537(65_537 % u32::from(prime), prime));
            assert!(!is_power_of_65537(0, prime));
        }
    }
}
