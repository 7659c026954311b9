//! Who is it, and is their token good?

#![expect(dead_code, reason = "of what is read only the shape counts here")]

use shared::api::token::VerifiedToken;
use utoipa::ToSchema;
use utoipa::openapi::path::HttpMethod;

use super::{IDENTITY, Operation, Who};
use crate::http::me::Me;

/// A token to be judged.
#[derive(ToSchema)]
pub struct TokenBody {
    /// A Firebase ID token, or a token of the legacy service.
    #[schema(min_length = 1, max_length = 8192)]
    token: String,
}

pub fn operations() -> Vec<Operation> {
    let verify = |path, id| {
        Operation::new(
            HttpMethod::Post,
            path,
            id,
            IDENTITY,
            "Whether a token is good, and whose it is",
        )
        .more("Makes the person's row at first sight. A token that is not good is 401, never `valid: false`.")
        .takes::<TokenBody>()
        .judges_tokens()
        .reads_database()
        .answers::<VerifiedToken>(200, "It is good.")
    };
    vec![
        Operation::new(
            HttpMethod::Get,
            "/v1/auth/me",
            "getMe",
            IDENTITY,
            "Who the caller is",
        )
        .more("Makes the person's row at first sight.")
        .by(Who::Person)
        .answers::<Me>(200, "The caller's own row."),
        verify("/v1/auth/verify-token", "verifyToken"),
        verify("/v1/token/verify", "verifyTokenForServices"),
        Operation::new(
            HttpMethod::Post,
            "/v1/token/verify-header",
            "verifyHeader",
            IDENTITY,
            "Whether the caller's own token is good",
        )
        .by(Who::Person)
        .answers::<VerifiedToken>(200, "It is good."),
    ]
}
