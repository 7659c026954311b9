//! The plan's services that stand behind the edge.

use super::users::User;

/// One of the services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Verifies the token, then asks the legacy service for the profile by it.
    Assessment,
    /// Verifies the token, with its issuer and audience.
    Archive,
    /// Verifies the token.
    Chatbot,
}

impl Service {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Assessment, Self::Archive, Self::Chatbot];

    /// Below `/api/`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Assessment => "assessment",
            Self::Archive => "archive",
            Self::Chatbot => "chatbot",
        }
    }

    /// The one that `user` uses: users of every kind use each.
    pub fn of(user: &User) -> Self {
        match user.number % 3 {
            0 => Self::Assessment,
            1 => Self::Archive,
            _ => Self::Chatbot,
        }
    }
}
