//! Every row of the table.

use super::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use Step::{Change, Conflict, Disabled, Link, LinkAndChange, LoseAddress, Note, Prove, Unprove};

/// For each state three rows: own account with the row's address, own account with another address, another account. In each row four
/// proofs: none, a silent sign-in, the same password, a given proof.
const TABLE: [(RowState, [[Step; 4]; 3]); 7] = [
    (
        RowState::Unproven,
        [
            [Conflict, Conflict, LinkAndChange, LinkAndChange],
            [Conflict, Conflict, LinkAndChange, LinkAndChange],
            [Conflict, Conflict, LinkAndChange, LinkAndChange],
        ],
    ),
    (
        RowState::Proven,
        [
            [Conflict, Conflict, Link, Link],
            [Conflict, Conflict, Link, Link],
            [Conflict, Conflict, LinkAndChange, LinkAndChange],
        ],
    ),
    (
        RowState::LinkedUnproven,
        [
            [Note, Note, Prove, Change],
            [Note, Note, Prove, Change],
            [Conflict, Conflict, LoseAddress, LoseAddress],
        ],
    ),
    (
        RowState::LinkedProven,
        [
            [Unprove, Note, Note, Note],
            [Unprove, Unprove, Prove, Change],
            [Conflict, Conflict, Conflict, Conflict],
        ],
    ),
    (
        RowState::MovedUnproven,
        [
            [Note, Note, Prove, Change],
            [Note, Note, Prove, Change],
            [Conflict, Conflict, LoseAddress, LoseAddress],
        ],
    ),
    (
        RowState::MovedProven,
        [
            [Unprove, Note, Note, Note],
            [Unprove, Unprove, Prove, Change],
            [Conflict, Conflict, Conflict, Conflict],
        ],
    ),
    (
        RowState::Closed,
        [
            [Disabled, Disabled, Disabled, Disabled],
            [Disabled, Disabled, Disabled, Disabled],
            [Conflict, Conflict, Disabled, Disabled],
        ],
    ),
];

const CLAIMS: [(Account, Address); 3] = [
    (Account::Own, Address::Same),
    (Account::Own, Address::Different),
    (Account::Other, Address::Same),
];

#[test]
fn every_state_and_claim_has_its_step() {
    assert_eq!(TABLE.map(|(state, _)| state), RowState::ALL);
    for (state, rows) in TABLE {
        for ((account, address), steps) in CLAIMS.into_iter().zip(rows) {
            for (proof, expected) in Proof::ALL.into_iter().zip(steps) {
                assert_eq!(
                    step(state, account, address, proof),
                    expected,
                    "{state:?} {account:?} {address:?} {proof:?}"
                );
            }
        }
    }
}

#[test]
fn sign_in_without_proof_gains_nothing() {
    for state in RowState::ALL {
        for (account, address) in CLAIMS {
            for proof in [Proof::None, Proof::Silent] {
                let step = step(state, account, address, proof);
                assert!(
                    matches!(step, Note | Unprove | Conflict | Disabled),
                    "{state:?} {account:?} {address:?} {proof:?} {step:?}"
                );
            }
        }
    }
}

#[test]
fn other_account_that_gets_a_row_voids_earlier_access() {
    for state in RowState::ALL {
        for proof in Proof::ALL {
            let step = step(state, Account::Other, Address::Same, proof);
            assert!(!matches!(step, Link | Note | Prove), "{state:?} {proof:?}");
        }
    }
}

#[test]
fn statement_is_told_the_table() {
    assert_eq!(
        situations(Proof::None, &[Link, LinkAndChange, LoseAddress]),
        Vec::<String>::new()
    );
    assert_eq!(
        situations(Proof::Given, &[LinkAndChange]),
        ["own unproven", "other unproven", "other proven"]
    );
    assert_eq!(situations(Proof::Given, &[Link]), ["own proven"]);
    assert_eq!(
        situations(Proof::Given, &[LoseAddress]),
        ["other linked_unproven", "other moved_unproven"]
    );
}

#[test]
fn way_of_signing_in_is_read_from_the_provider() {
    for (provider, way) in [
        (None, Way::Mail),
        (Some("password"), Way::Mail),
        (Some("emailLink"), Way::Mail),
        (Some("custom"), Way::Silent),
        (Some("phone"), Way::Silent),
        (Some("anonymous"), Way::Silent),
        (Some("google.com"), Way::Provider),
        (Some("saml.acme"), Way::Provider),
        (Some("oidc.acme"), Way::Provider),
    ] {
        assert_eq!(Way::of(provider), way, "{provider:?}");
    }
}

#[test]
fn only_an_original_password_and_nothing_else_is_the_same_password() {
    for way in [Way::Mail, Way::Silent, Way::Provider] {
        assert_eq!(proof(false, way, None), Proof::None, "{way:?}");
        for bits in 0..8_u8 {
            let facts = PasswordFacts {
                has_password: bits & 1 != 0,
                has_another_way: bits & 2 != 0,
                is_original: bits & 4 != 0,
            };
            let expected = match way {
                Way::Silent => Proof::Silent,
                Way::Provider => Proof::Given,
                Way::Mail => match (facts.has_password, facts.has_another_way, facts.is_original) {
                    (false, true, _) => Proof::Silent,
                    (true, false, true) => Proof::SamePassword,
                    _ => Proof::Given,
                },
            };
            assert_eq!(proof(true, way, Some(facts)), expected, "{way:?} {facts:?}");
            assert_eq!(proof(false, way, Some(facts)), Proof::None, "{way:?} {facts:?}");
        }
    }
    assert_eq!(proof(true, Way::Mail, None), Proof::Given);
    assert_eq!(proof(true, Way::Provider, None), Proof::Given);
    assert_eq!(proof(true, Way::Silent, None), Proof::Silent);
}

#[test]
fn deeds_need_a_counting_hash_and_no_newer_proof() {
    for state in RowState::ALL {
        for bits in 0..8_u8 {
            let passwords = Passwords {
                has_hash: bits & 1 != 0,
                agree: bits & 2 != 0,
                vouched_at_firebase: bits & 4 != 0,
            };
            let open = state != RowState::Closed;
            let overtaken = passwords.vouched_at_firebase && !state.is_proven();
            let linked = !matches!(state, RowState::Unproven | RowState::Proven | RowState::Closed);
            for (deed, expected) in [
                (Deed::UseLegacyPassword, open && passwords.has_hash),
                (
                    Deed::Exchange,
                    open && passwords.has_hash && !overtaken && (!linked || passwords.agree),
                ),
                (
                    Deed::SetFirebasePassword,
                    open && passwords.has_hash && !overtaken,
                ),
                (
                    Deed::ConfirmPassword,
                    linked && state.is_proven() && !passwords.has_hash,
                ),
            ] {
                assert_eq!(
                    may(state, deed, passwords),
                    expected,
                    "{state:?} {deed:?} {passwords:?}"
                );
            }
        }
    }
}
