//! The caller: the legacy token in the `Authorization` header, and its row, read on every request.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde_json::Value;
use uuid::Uuid;

use super::Service;
use super::answer::Failure;
use super::users::User;
use crate::tokens::{AUDIENCE, ISSUER, legacy_token, now};

const LIFETIME_SECONDS: i64 = 7 * 24 * 3_600;

/// Why a token does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    Expired,
    Invalid,
    NobodyThere,
    Inactive,
    /// Any other fault, above all of the database.
    SomethingElse,
}

impl Refused {
    pub const fn words(self) -> &'static str {
        match self {
            Self::Expired => "Token has expired",
            Self::Invalid => "Invalid token",
            Self::NobodyThere => "User not found",
            Self::Inactive => "User account is inactive",
            Self::SomethingElse => "Authentication failed",
        }
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        let code = match refused {
            Refused::Expired => "TOKEN_EXPIRED",
            Refused::Invalid => "INVALID_TOKEN",
            Refused::NobodyThere => "USER_NOT_FOUND",
            Refused::Inactive | Refused::SomethingElse => "UNAUTHORIZED",
        };
        Self::new(StatusCode::UNAUTHORIZED, code, refused.words())
    }
}

impl Service {
    /// A token for `user`, good for seven days.
    pub fn issue(&self, user: &User) -> String {
        legacy_token(
            &user.for_token(),
            &self.settings.jwt_secret,
            now(),
            LIFETIME_SECONDS,
        )
        .mint()
    }

    /// The row's id in a genuine token that has not expired.
    pub fn read(&self, token: &str) -> Result<Uuid, Refused> {
        let (signed, signature) = token.rsplit_once('.').ok_or(Refused::Invalid)?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| Refused::Invalid);
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.settings.jwt_secret);
        hmac::verify(&key, signed.as_bytes(), &decode(signature)?).map_err(|_| Refused::Invalid)?;
        let payload = signed.split_once('.').ok_or(Refused::Invalid)?.1;
        let claims: Value = serde_json::from_slice(&decode(payload)?).map_err(|_| Refused::Invalid)?;
        if claims["exp"].as_i64().is_none_or(|expires| expires <= now()) {
            return Err(Refused::Expired);
        }
        if claims["iss"] != ISSUER || claims["aud"] != AUDIENCE {
            return Err(Refused::Invalid);
        }
        let id = claims["id"].as_str().and_then(|id| id.parse().ok());
        id.ok_or(Refused::Invalid)
    }

    /// The active user with this id.
    pub async fn active(&self, id: Uuid) -> Result<User, Refused> {
        let found = User::by_id(&self.pool, id).await.map_err(|error| {
            eprintln!("legacy stand-in: {error}");
            Refused::SomethingElse
        })?;
        let user = found.ok_or(Refused::NobodyThere)?;
        if user.is_active {
            Ok(user)
        } else {
            Err(Refused::Inactive)
        }
    }
}

/// The active user behind the request's token.
pub struct Caller(pub User);

impl FromRequestParts<Arc<Service>> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, service: &Arc<Service>) -> Result<Self, Failure> {
        let token = parts
            .headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "))
            .ok_or_else(|| {
                Failure::new(
                    StatusCode::UNAUTHORIZED,
                    "UNAUTHORIZED",
                    "Access token is required",
                )
            })?;
        let id = service.read(token)?;
        Ok(Self(service.active(id).await?))
    }
}
