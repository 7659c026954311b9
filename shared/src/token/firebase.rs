//! Firebase ID tokens and session cookies: one function per rule.
//!
//! Rules: <https://firebase.google.com/docs/auth/admin/verify-id-tokens#verify_id_tokens_using_a_third-party_jwt_library>,
//! tightened where RFC 8725 asks for it.

use super::compact::{UnverifiedAlgorithm, UnverifiedToken};
use super::engine::Ring;
use super::json::{Json, Object};
use super::policy::TokenPolicy;
use super::rejection::Rejection;
use super::times;
use crate::identity::{Identity, Subject, TokenKind};
use crate::ids::{FirebaseUid, ProjectId, TenantId};
use crate::time::UnixTime;
use crate::web_address::is_web_address;

const ID_TOKEN_ISSUER: &str = "https://securetoken.google.com/";
const SESSION_COOKIE_ISSUER: &str = "https://session.firebase.google.com/";
/// An ID token lives one hour. A day leaves room for a change, and stops a thief of the key from minting tokens for years.
const ID_TOKEN_LIFETIME: i64 = 24 * 3600;
/// <https://firebase.google.com/docs/auth/admin/manage-cookies>: at most two weeks.
const SESSION_COOKIE_LIFETIME: i64 = 14 * 24 * 3600;

/// The ring with an issuer of the form of `unverified_issuer`. Says nothing about the project.
pub(super) fn ring_of(unverified_issuer: &str) -> Option<Ring> {
    if unverified_issuer.starts_with(ID_TOKEN_ISSUER) {
        Some(Ring::FirebaseIdToken)
    } else if unverified_issuer.starts_with(SESSION_COOKIE_ISSUER) {
        Some(Ring::FirebaseSessionCookie)
    } else {
        None
    }
}

/// What is left to prove for a token that obeys every rule but the signature.
#[derive(Debug)]
pub(super) enum Proof<'t> {
    /// The signature, by the key called `kid` of `ring`.
    Rs256 { ring: Ring, kid: &'t str },
    /// Nothing: the emulator does not sign.
    Unsigned,
}

/// Applies every rule but the signature, cheapest first: a key is looked up only for a token that passed all other rules.
pub(super) fn judge<'t>(
    token: &'t UnverifiedToken<'_>,
    ring: Ring,
    policy: &TokenPolicy,
    now: UnixTime,
) -> Result<(Identity, Proof<'t>), Rejection> {
    let proof = proof(token, ring, policy)?;
    let claims = &token.claims;
    let project = project(claims, ring, policy)?;
    audience(claims, project)?;
    let uid = subject(claims)?;
    let times = validity(claims, ring, policy, now)?;
    let FirebaseClaim {
        tenant,
        sign_in_provider,
        second_factor,
    } = firebase_claim(claims, policy)?;
    let identity = Identity {
        kind: match ring {
            Ring::FirebaseIdToken => TokenKind::Firebase,
            Ring::FirebaseSessionCookie => TokenKind::FirebaseSessionCookie,
        },
        subject: Subject::Firebase(uid),
        project: Some(project.clone()),
        tenant,
        email: text(claims, "email")?,
        email_verified: flag(claims, "email_verified")?,
        name: decoration(claims, "name"),
        picture: decoration(claims, "picture").filter(|address| is_web_address(address)),
        phone_number: text(claims, "phone_number")?,
        sign_in_provider,
        second_factor,
        auth_time: times.auth_time,
        issued_at: times.issued_at,
        expires_at: times.expires_at,
        legacy_account: None,
    };
    Ok((identity, proof))
}

/// `alg` is `RS256` and `kid` names a key; under the emulator `alg` is `none` and the signature is empty.
fn proof<'t>(
    token: &'t UnverifiedToken<'_>,
    ring: Ring,
    policy: &TokenPolicy,
) -> Result<Proof<'t>, Rejection> {
    let unsigned = token.jws.signature.is_empty();
    match (&policy.emulator, token.header.algorithm) {
        (Some(_), UnverifiedAlgorithm::None) if unsigned => Ok(Proof::Unsigned),
        (Some(_), _) => Err(Rejection::SignedInEmulator),
        (None, UnverifiedAlgorithm::Rs256) if unsigned => Err(Rejection::Segments { found: 3 }),
        (None, UnverifiedAlgorithm::Rs256) => Ok(Proof::Rs256 {
            ring,
            kid: token.header.key_id()?,
        }),
        (None, _) => Err(Rejection::Algorithm),
    }
}

/// `iss` is the ring's issuer of one of our projects; that project's rules then apply, and no other's.
fn project<'p>(claims: &Object, ring: Ring, policy: &'p TokenPolicy) -> Result<&'p ProjectId, Rejection> {
    let issuer = match ring {
        Ring::FirebaseIdToken => ID_TOKEN_ISSUER,
        Ring::FirebaseSessionCookie => SESSION_COOKIE_ISSUER,
    };
    let named = claims
        .text("iss")
        .and_then(|iss| iss.strip_prefix(issuer))
        .ok_or(Rejection::Issuer)?;
    policy
        .projects
        .iter()
        .find(|project| project.as_str() == named)
        .ok_or(Rejection::Issuer)
}

/// `aud` is the project, as a string: a list is refused even if it holds the project.
fn audience(claims: &Object, project: &ProjectId) -> Result<(), Rejection> {
    if claims.text("aud") == Some(project.as_str()) {
        Ok(())
    } else {
        Err(Rejection::Audience)
    }
}

/// `sub` is a Firebase uid, and `user_id`, where present, says the same.
fn subject(claims: &Object) -> Result<FirebaseUid, Rejection> {
    let sub = match claims.get("sub") {
        None => return Err(Rejection::ClaimMissing { name: "sub" }),
        Some(Json::Text(sub)) => sub,
        Some(_) => return Err(Rejection::ClaimInvalid { name: "sub" }),
    };
    if claims.has("user_id") && claims.text("user_id") != Some(sub) {
        return Err(Rejection::SubjectMismatch);
    }
    FirebaseUid::parse(sub.as_str()).map_err(Rejection::Subject)
}

struct Validity {
    auth_time: UnixTime,
    issued_at: UnixTime,
    expires_at: UnixTime,
}

/// `exp`, `iat` and `auth_time` are there and `now` lies between them; `nbf` is obeyed where present.
fn validity(claims: &Object, ring: Ring, policy: &TokenPolicy, now: UnixTime) -> Result<Validity, Rejection> {
    let expires_at = times::required(claims, "exp")?;
    let issued_at = times::required(claims, "iat")?;
    let auth_time = times::required(claims, "auth_time")?;
    let not_before = times::optional(claims, "nbf")?;
    times::not_expired(expires_at, now, policy.skew)?;
    times::not_in_future("iat", issued_at, now, policy.skew)?;
    times::not_in_future("auth_time", auth_time, now, policy.skew)?;
    if let Some(not_before) = not_before {
        times::not_in_future("nbf", not_before, now, policy.skew)?;
    }
    let allowed = match ring {
        Ring::FirebaseIdToken => ID_TOKEN_LIFETIME,
        Ring::FirebaseSessionCookie => SESSION_COOKIE_LIFETIME,
    };
    times::lifetime(issued_at, expires_at, allowed)?;
    Ok(Validity {
        auth_time,
        issued_at,
        expires_at,
    })
}

/// What the `firebase` claim says.
struct FirebaseClaim {
    tenant: Option<TenantId>,
    sign_in_provider: Option<String>,
    second_factor: Option<String>,
}

/// The `firebase` claim: its tenant is the configured one (or absent, where none is configured); how the user signed in, and by which
/// second factor. <https://cloud.google.com/identity-platform/docs/reference/rest/v2/accounts.mfaSignIn/finalize>
fn firebase_claim(claims: &Object, policy: &TokenPolicy) -> Result<FirebaseClaim, Rejection> {
    let empty = Object::default();
    let firebase = match claims.get("firebase") {
        None => &empty,
        Some(Json::Object(firebase)) => firebase,
        Some(_) => return Err(Rejection::ClaimInvalid { name: "firebase" }),
    };
    let tenant = match (&policy.tenant, firebase.get("tenant")) {
        (None, None) => None,
        (Some(expected), Some(Json::Text(tenant))) if expected.as_str() == tenant => Some(expected.clone()),
        _ => return Err(Rejection::Tenant),
    };
    Ok(FirebaseClaim {
        tenant,
        sign_in_provider: text(firebase, "sign_in_provider")?,
        second_factor: text(firebase, "sign_in_second_factor")?,
    })
}

/// A claim on which a decision depends: absent, or a string.
fn text(claims: &Object, name: &'static str) -> Result<Option<String>, Rejection> {
    match claims.get(name) {
        None => Ok(None),
        Some(Json::Text(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Rejection::ClaimInvalid { name }),
    }
}

/// `true`, `false` or absent. The string `"true"` is refused: read as false it would hide a fault, read as true it would verify an address.
fn flag(claims: &Object, name: &'static str) -> Result<bool, Rejection> {
    match claims.get(name) {
        None => Ok(false),
        Some(Json::Bool(value)) => Ok(*value),
        Some(_) => Err(Rejection::ClaimInvalid { name }),
    }
}

/// A claim on which no decision depends. A project may set `name` to anything as a custom claim; that must not lock a user out.
fn decoration(claims: &Object, name: &str) -> Option<String> {
    claims.text(name).map(str::to_owned)
}
