use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;
use crate::config::Reader;
use crate::identity::{Identity, Subject, TokenKind};
use crate::ids::FirebaseUid;
use crate::token::check_standing;
use crate::token::{
    EngineFault, Keys, KeysUnavailable, Rejection, Ring, RsaPublicKey, SignatureEngine, WrongKind,
};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const NOW: UnixTime = UnixTime::from_secs(1_795_000_000);
const ID: &str = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";

fn policy_with(more: &[(&str, &str)]) -> TokenPolicy {
    let table: BTreeMap<String, String> = [
        ("FIREBASE_PROJECT_ID", "demo-app"),
        (
            "LEGACY_JWT_SECRETS",
            "first-secret-first-secret-first-secret,second-secret-second-secret-secret",
        ),
    ]
    .iter()
    .chain(more)
    .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
    .collect();
    TokenPolicy::read(&mut Reader::new(&table)).unwrap()
}

fn policy() -> TokenPolicy {
    policy_with(&[])
}

fn holder(user_type: &str) -> Holder {
    serde_json::from_value(json!({
        "id": ID, "email": "ann@example.com", "user_type": user_type, "username": "ann", "token_balance": 3,
        "is_active": true,
    }))
    .unwrap()
}

/// A user who signed in at Firebase at [`NOW`], with a token that ends at this time.
fn caller(expires_at: UnixTime) -> Identity {
    Identity::new(
        TokenKind::Firebase,
        Subject::Firebase(FirebaseUid::parse("uid-1").unwrap()),
        NOW,
        expires_at,
    )
}

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&base64url::decode(payload.as_bytes()).unwrap()).unwrap()
}

/// Legacy tokens need neither.
struct None_;

impl Keys for None_ {
    type Key = ();
    async fn find(&self, _: Ring, _: &str, _: UnixTime) -> Result<Option<()>, KeysUnavailable> {
        Ok(None)
    }
}

impl SignatureEngine for None_ {
    type Key = ();
    async fn import(&self, _: &RsaPublicKey) -> Result<(), EngineFault> {
        Err(EngineFault)
    }
    async fn verify_rs256(&self, (): &(), _: &[u8], _: &[u8]) -> Result<bool, EngineFault> {
        Err(EngineFault)
    }
}

fn judged(token: &str, policy: &TokenPolicy, now: UnixTime) -> [Result<Identity, Rejection>; 2] {
    use std::task::{Context, Poll, Waker};
    let parsed = UnverifiedToken::parse(token).unwrap();
    let mut context = Context::from_waker(Waker::noop());
    let mut verify = std::pin::pin!(parsed.verify(policy, &None_, &None_, now));
    let mut examine = std::pin::pin!(parsed.examine(policy, &None_, &None_, now));
    let (Poll::Ready(verified), Poll::Ready(examined)) = (
        verify.as_mut().poll(&mut context),
        examine.as_mut().poll(&mut context),
    ) else {
        panic!("a legacy token waits for nothing")
    };
    [verified, examined].map(|result| result.map(crate::identity::ProvenIdentity::into_inner))
}

#[test]
fn claims_are_the_legacy_services_own_and_say_what_the_row_says() {
    let common = json!({
        "id": ID, "email": "ann@example.com", "iat": NOW.secs(), "auth_time": NOW.secs() + 1, "exp": NOW.secs() + 900,
        "aud": "atma-services", "iss": "atma-auth-service", "crossfade": "translated",
    });
    for (user_type, own) in [
        ("user", json!({ "type": "user", "tokenBalance": 3 })),
        ("moderator", json!({ "type": "user", "tokenBalance": 3 })),
        ("whatever", json!({ "type": "user", "tokenBalance": 3 })),
        (
            "admin",
            json!({ "type": "admin", "role": "admin", "username": "ann" }),
        ),
        (
            "superadmin",
            json!({ "type": "admin", "role": "superadmin", "username": "ann" }),
        ),
    ] {
        let mut expected = common.clone();
        expected
            .as_object_mut()
            .unwrap()
            .extend(own.as_object().unwrap().clone());
        let minted = translate(&holder(user_type), &policy(), &caller(NOW.plus(3_600)), NOW).unwrap();
        assert_eq!(claims(minted.token()), expected, "{user_type}");
    }
}

#[test]
fn missing_fields_of_a_row_are_left_out() {
    let bare: Holder =
        serde_json::from_value(json!({ "id": ID, "email": null, "user_type": "user" })).unwrap();
    let minted = translate(&bare, &policy(), &caller(NOW.plus(3_600)), NOW).unwrap();
    let claims = claims(minted.token());
    assert!(
        claims.get("email").is_none() && claims.get("tokenBalance").is_none(),
        "{claims}"
    );
    assert_eq!(claims["type"], "user");
}

#[test]
fn translated_token_ends_with_the_callers_and_within_fifteen_minutes() {
    for (skew, caller_has_left, life) in [
        ("0", 3_600, 900),
        ("0", 900, 900),
        ("0", 899, 899),
        ("0", 1, 1),
        ("30", 604_800, 900),
        ("30", 890, 900),
        ("30", 60, 90),
        // Accepted here within the skew.
        ("30", -29, 1),
    ] {
        let policy = policy_with(&[("CLOCK_SKEW_SECONDS", skew)]);
        let minted = translate(&holder("user"), &policy, &caller(NOW.plus(caller_has_left)), NOW).unwrap();
        let claims = claims(minted.token());
        assert_eq!(claims["exp"], NOW.secs() + life, "{skew} {caller_has_left}");
    }
}

#[test]
fn translated_token_is_reused_until_shortly_before_its_end() {
    let policy = policy_with(&[("CLOCK_SKEW_SECONDS", "0")]);
    let hour = NOW.plus(3_600);
    let minted = translate(&holder("user"), &policy, &caller(hour), NOW).unwrap();
    for (after, caller_expires_at, serves) in [
        (0, hour, true),
        (300, hour, true),
        (780, hour, true),
        (781, hour, false),
        (900, hour, false),
        // An older token of the same sign-in that ends sooner.
        (0, NOW.plus(899), false),
        (0, NOW.plus(900), true),
        // No longer token is possible.
        (850, NOW.plus(900), true),
    ] {
        let found = minted.serves(&policy, caller_expires_at, NOW.plus(after));
        assert_eq!(found, serves, "{after} {caller_expires_at}");
    }
}

#[test]
fn translated_token_is_no_credential_and_names_its_user() {
    for user_type in ["user", "superadmin"] {
        let policy = policy();
        let minted = translate(&holder(user_type), &policy, &caller(NOW.plus(3_600)), NOW).unwrap();
        let [verified, examined] = judged(minted.token(), &policy, NOW);
        assert_eq!(verified, Err(Rejection::WrongKind(WrongKind::Translated)));
        let identity = examined.unwrap();
        assert_eq!(identity.kind, TokenKind::Translated);
        assert_eq!(identity.subject, Subject::Legacy(UserId::parse(ID).unwrap()));
        assert_eq!(identity.expires_at, NOW.plus(900));
        let [_, late] = judged(minted.token(), &policy, NOW.plus(931));
        assert!(matches!(late, Err(Rejection::Expired { .. })), "{late:?}");
    }
}

#[test]
fn translated_token_outlives_the_acceptance_of_legacy_tokens() {
    let policy = policy_with(&[("LEGACY_TOKENS_ACCEPTED_UNTIL", "2026-01-01T00:00:00Z")]);
    let minted = translate(&holder("user"), &policy, &caller(NOW.plus(3_600)), NOW).unwrap();
    let [verified, examined] = judged(minted.token(), &policy, NOW);
    assert_eq!(verified, Err(Rejection::WrongKind(WrongKind::Translated)));
    assert!(examined.is_ok(), "{examined:?}");
}

#[test]
fn only_a_void_sign_in_voids_its_translated_token() {
    let policy = policy();
    let made_at = NOW.plus(600);
    for kind in [
        TokenKind::Firebase,
        TokenKind::FirebaseSessionCookie,
        TokenKind::Legacy,
    ] {
        let mut caller = caller(NOW.plus(3_600));
        caller.kind = kind;
        let minted = translate(&holder("user"), &policy, &caller, made_at).unwrap();
        let [_, examined] = judged(minted.token(), &policy, made_at);
        let examined = examined.unwrap();
        for since in [-1, 0, 1, 300, 600, 601] {
            let valid_since = Some(NOW.plus(since));
            assert_eq!(
                check_standing(&examined, true, valid_since).is_ok(),
                check_standing(&caller, true, valid_since).is_ok(),
                "{kind:?} {since}"
            );
        }
    }
}

#[test]
fn the_first_secret_signs() {
    let minted = translate(&holder("user"), &policy(), &caller(NOW.plus(3_600)), NOW).unwrap();
    for (secrets, good) in [
        ("first-secret-first-secret-first-secret", true),
        ("second-secret-second-secret-secret", false),
    ] {
        let policy = policy_with(&[("LEGACY_JWT_SECRETS", secrets)]);
        let [_, examined] = judged(minted.token(), &policy, NOW);
        assert_eq!(examined.is_ok(), good, "{secrets}");
    }
    let none = policy_with(&[("LEGACY_JWT_SECRETS", "")]);
    assert_eq!(
        translate(&holder("user"), &none, &caller(NOW.plus(3_600)), NOW),
        Err(CannotTranslate)
    );
}

#[test]
fn shown_text_holds_no_token() {
    let minted = translate(&holder("user"), &policy(), &caller(NOW.plus(3_600)), NOW).unwrap();
    assert!(!format!("{minted:?}").contains("eyJ"));
}

#[cfg(not(target_arch = "wasm32"))]
mod properties {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn translated_token_says_no_more_than_its_row(
            left in -29_i64..1_000_000,
            at in 0_i64..4_000_000_000,
            user_type in "[a-z]{0,12}|user|admin|superadmin|moderator|Admin| admin",
            email in proptest::option::of(".{0,40}"),
            balance in proptest::option::of(any::<i64>()),
        ) {
            let now = UnixTime::from_secs(at);
            let mut holder = holder(&user_type);
            holder.user.email.clone_from(&email);
            holder.token_balance = balance;
            let policy = policy();
            let caller_expires_at = now.plus(left);
            let minted = translate(&holder, &policy, &caller(caller_expires_at), now).unwrap();
            let [verified, examined] = judged(minted.token(), &policy, now);
            prop_assert_eq!(verified, Err(Rejection::WrongKind(WrongKind::Translated)));
            let identity = examined.unwrap();
            prop_assert!(identity.expires_at <= now.plus(LIFE_SECONDS));
            prop_assert!(identity.expires_at <= caller_expires_at.plus(policy.skew.secs()));
            prop_assert!(identity.expires_at > now);
            prop_assert_eq!(identity.email, email);
            let is_admin = claims(minted.token())["type"] == "admin";
            prop_assert_eq!(is_admin, ["admin", "superadmin"].contains(&user_type.as_str()));
            prop_assert!(minted.serves(&policy, caller_expires_at, now));
        }
    }
}
