//! The identity of a caller, once it has been proven.

use serde::{Deserialize, Serialize};

use crate::ids::{FirebaseUid, NormalizedEmail, ProjectId, TenantId, UserId};
use crate::time::UnixTime;

/// What kind of credential proved the identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TokenKind {
    /// A Firebase ID token (RS256, one hour).
    Firebase,
    /// A Firebase session cookie (RS256, five minutes to two weeks).
    FirebaseSessionCookie,
    /// A token of the legacy service (HS256).
    Legacy,
    /// A token of the same form that the edge made for a service (HS256). It is no credential at the edge or the origin.
    Translated,
}

impl TokenKind {
    /// The name on the wire (`token_kind`, `X-Auth-Token-Kind`) and in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Firebase => "firebase",
            Self::FirebaseSessionCookie => "firebase_session_cookie",
            Self::Legacy => "legacy",
            Self::Translated => "translated",
        }
    }
}

/// The user named by the credential.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// A Firebase user. For a migrated account the uid is our user id as text.
    Firebase(FirebaseUid),
    /// A row of `auth.users`, named by the legacy service.
    Legacy(UserId),
}

/// A legacy token's statement about its holder's role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum LegacyAccount {
    /// `type: "user"`.
    User,
    /// `type: "admin"`, with its role (`admin` or `superadmin`).
    Admin {
        /// The `role` claim.
        role: String,
    },
}

/// The facts of a credential. On their own they are only claims; inside [`ProvenIdentity`] they are proven.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The credential's kind.
    pub kind: TokenKind,
    /// The user named by it.
    pub subject: Subject,
    /// The Firebase project that issued it; `None` for legacy tokens.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub project: Option<ProjectId>,
    /// The tenant, where the project has tenants.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tenant: Option<TenantId>,
    /// The e-mail address as the token spells it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub email: Option<String>,
    /// Whether the issuer calls the address verified. Always `false` for legacy tokens: the legacy service never checked an address.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub email_verified: bool,
    /// Display name.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name: Option<String>,
    /// Photo URL, a [web address](crate::web_address::is_web_address); any other is left out.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub picture: Option<String>,
    /// Phone number (E.164).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub phone_number: Option<String>,
    /// `password`, `google.com`, `anonymous`, `custom`, …
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sign_in_provider: Option<String>,
    /// `phone` or `totp`, when the sign-in needed a second factor. A refreshed token still says it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub second_factor: Option<String>,
    /// When the user signed in. A legacy token has no such claim; its `iat` stands for it, since each legacy token comes from a sign-in.
    pub auth_time: UnixTime,
    /// When the token was issued.
    pub issued_at: UnixTime,
    /// When it expires.
    pub expires_at: UnixTime,
    /// Role claims of a legacy token.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub legacy_account: Option<LegacyAccount>,
}

impl Identity {
    /// Who, by which kind of credential, and when: all that every credential says. Issued at the sign-in.
    #[must_use]
    pub const fn new(
        kind: TokenKind,
        subject: Subject,
        signed_in_at: UnixTime,
        expires_at: UnixTime,
    ) -> Self {
        Self {
            kind,
            subject,
            project: None,
            tenant: None,
            email: None,
            email_verified: false,
            name: None,
            picture: None,
            phone_number: None,
            sign_in_provider: None,
            second_factor: None,
            auth_time: signed_in_at,
            issued_at: signed_in_at,
            expires_at,
            legacy_account: None,
        }
    }

    /// The Firebase uid, for Firebase credentials.
    #[must_use]
    pub fn firebase_uid(&self) -> Option<&FirebaseUid> {
        match &self.subject {
            Subject::Firebase(uid) => Some(uid),
            Subject::Legacy(_) => None,
        }
    }

    /// The e-mail address in the form that names a user, if there is a usable one.
    #[must_use]
    pub fn normalized_email(&self) -> Option<NormalizedEmail> {
        self.email
            .as_deref()
            .and_then(|email| NormalizedEmail::parse(email).ok())
    }
}

/// Our own record of a user, as app services get it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssertedUser {
    /// Our user id.
    pub id: UserId,
    /// E-mail address; users who came by phone or anonymously have none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub email: Option<String>,
    /// Whether the user has proven to own the address. A stranger can register any address, so nothing may be decided by an unproven one.
    /// An older edge does not send this field, which means `false`.
    #[serde(default)]
    pub email_verified: bool,
    /// `user`, `admin`, `superadmin` or `moderator`.
    pub user_type: String,
}

/// An identity that was proven: only [`crate::token::verify`] and [`crate::assertion::AssertionKeys::open`] build one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvenIdentity(Identity);

impl ProvenIdentity {
    pub(crate) const fn new(identity: Identity) -> Self {
        Self(identity)
    }

    /// The facts.
    #[must_use]
    pub const fn get(&self) -> &Identity {
        &self.0
    }

    /// The facts, by value.
    #[must_use]
    pub fn into_inner(self) -> Identity {
        self.0
    }
}

impl std::ops::Deref for ProvenIdentity {
    type Target = Identity;
    fn deref(&self) -> &Identity {
        &self.0
    }
}
