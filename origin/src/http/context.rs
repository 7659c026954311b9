//! The facts about a request that precede its handler.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use shared::identity::ProvenIdentity;
use shared::ids::RequestId;
use shared::problem::ErrorCode;
use users::audit::RequestSource;

use super::error::ApiError;

/// The facts about a request that precede its handler. The edge's statements are here only if its assertion opened.
#[derive(Debug, Clone)]
pub struct RequestContext(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    request_id: RequestId,
    client_ip: Option<IpAddr>,
    identity: Option<Arc<ProvenIdentity>>,
    sealed: bool,
}

impl RequestContext {
    pub(super) fn new(
        request_id: RequestId,
        client_ip: Option<IpAddr>,
        identity: Option<ProvenIdentity>,
        sealed: bool,
    ) -> Self {
        Self(Arc::new(Inner {
            request_id,
            client_ip,
            identity: identity.map(Arc::new),
            sealed,
        }))
    }

    /// The request's id.
    #[must_use]
    pub fn request_id(&self) -> &RequestId {
        &self.0.request_id
    }

    /// The caller whom the edge verified, if the request came through it with a token.
    #[must_use]
    pub fn edge_identity(&self) -> Option<&Arc<ProvenIdentity>> {
        self.0.identity.as_ref()
    }

    /// Whether the edge sent the request.
    #[must_use]
    pub fn is_sealed(&self) -> bool {
        self.0.sealed
    }

    /// The request's source, for the audit trail.
    #[must_use]
    pub fn source(&self) -> RequestSource {
        RequestSource {
            source_ip: self.0.client_ip,
            request_id: Some(self.0.request_id.as_str().to_owned()),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for RequestContext {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or_else(|| ApiError::new(ErrorCode::Internal))
    }
}
