//! A call of the legacy contract.

use shared::ids::NormalizedEmail;
use shared::routing::Purpose;

use crate::caller::Caller;
use crate::paths::LegacyCall;
use crate::ports::Body;

/// A service changes a balance with its key, so the user's token proves nothing there.
pub(super) const SERVICES_WRITE: &str = "/auth/token-balance";

/// A call of the legacy contract, read.
pub(super) struct Call<'p> {
    pub path: &'p str,
    pub kind: LegacyCall,
    pub purpose: Purpose,
    pub caller: Option<Caller>,
    pub email: Option<NormalizedEmail>,
    /// The token in the body of a verification.
    pub unverified_token: Option<String>,
    /// How much of the body was read: a whole body can be sent again.
    pub body: Body,
}
