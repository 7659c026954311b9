//! Which calls are counted, each kind by a counter of its own.

use super::Quota;

macro_rules! limits {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $reason:literal, $binding:literal, $calls:literal / $seconds:literal;)*) => {
        /// A kind of calls with a limited number.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Limit { $($(#[$doc])* $variant,)* }

        impl Limit {
            /// All limits.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its name in `RATE_LIMITS` and in the `RateLimit` headers.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The reason given to a caller who exceeds it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $reason,)* }
            }

            /// The edge's rate-limiting binding that counts for it by address; without the binding the edge has no limit.
            #[must_use]
            pub const fn binding(self) -> &'static str {
                match self { $(Self::$variant => $binding,)* }
            }

            /// Calls of one network, unless a variable says otherwise.
            #[must_use]
            pub const fn usual(self) -> Quota {
                match self { $(Self::$variant => Quota { calls: $calls, seconds: $seconds },)* }
            }
        }
    };
}

limits! {
    /// A caller can guess passwords here.
    Login = "login", "limit_login", "LIMIT_LOGIN", 20 / 60;
    /// A caller can make accounts here.
    Register = "register", "limit_register", "LIMIT_REGISTER", 10 / 60;
    /// A caller can try tokens here.
    VerifyToken = "verify-token", "limit_verify_token", "LIMIT_VERIFY_TOKEN", 120 / 60;
    /// A caller can cause mails here.
    ForgotPassword = "forgot-password", "limit_forgot_password", "LIMIT_FORGOT_PASSWORD", 5 / 60;
    /// Passwords are replaced or asked for again: reset, change, end of the account.
    Password = "password", "limit_password", "LIMIT_PASSWORD", 10 / 60;
    /// A caller can try refresh tokens here.
    Refresh = "refresh", "limit_refresh", "LIMIT_REFRESH", 120 / 60;
    /// Legacy tokens become sessions here.
    Exchange = "exchange", "limit_exchange", "LIMIT_EXCHANGE", 20 / 60;
    /// A caller can guess codes of second factors here.
    Mfa = "mfa", "limit_mfa", "LIMIT_MFA", 20 / 60;
    /// Reads that cost the database more than others. Of one user, at the origin.
    Schools = "schools", "limit_schools", "LIMIT_SCHOOLS", 60 / 60;
}

impl Limit {
    /// The limit called `name`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|limit| limit.name() == name)
    }

    /// The limit on a call of either contract.
    #[must_use]
    pub fn of(method: &str, path: &str) -> Option<Self> {
        match (method, path) {
            (_, "/v1/auth/login" | "/auth/login") => Some(Self::Login),
            (_, "/v1/auth/register" | "/auth/register") => Some(Self::Register),
            (_, "/v1/auth/verify-token" | "/v1/token/verify" | "/auth/verify-token") => {
                Some(Self::VerifyToken)
            }
            (_, "/v1/auth/forgot-password" | "/auth/forgot-password" | "/v1/auth/verify-email") => {
                Some(Self::ForgotPassword)
            }
            (_, "/v1/auth/reset-password" | "/v1/auth/confirm-password" | "/auth/change-password") => {
                Some(Self::Password)
            }
            ("DELETE", "/v1/auth/user" | "/auth/account") => Some(Self::Password),
            (_, "/v1/auth/refresh") => Some(Self::Refresh),
            (_, "/v1/auth/exchange") => Some(Self::Exchange),
            (_, "/auth/schools") => Some(Self::Schools),
            (_, path) if path.starts_with("/v1/auth/mfa/") => Some(Self::Mfa),
            _ => None,
        }
    }

    /// Whether the body names an account: calls about one account are then counted too, from any network.
    #[must_use]
    pub const fn names_account(self) -> bool {
        matches!(self, Self::Login | Self::Register | Self::ForgotPassword)
    }

    /// Whether the origin counts the calls of each user in place of each network's.
    #[must_use]
    pub const fn is_per_user(self) -> bool {
        matches!(self, Self::Schools)
    }
}
