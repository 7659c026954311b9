//! What the legacy contract reads, for the document. The handlers read field by field.

#![expect(dead_code, reason = "of what is read only the shape counts here")]

use chrono::NaiveDate;
use utoipa::ToSchema;
use uuid::Uuid;

/// A new account.
#[derive(ToSchema)]
pub struct LegacyRegisterBody {
    #[schema(min_length = 3, max_length = 100, pattern = "^[A-Za-z0-9]+$")]
    username: String,
    #[schema(max_length = 255, format = Email)]
    email: String,
    /// A letter and a digit among the characters, any others allowed.
    #[schema(min_length = 8, max_length = 4096, format = Password)]
    password: String,
}

/// Several new accounts.
#[derive(ToSchema)]
pub struct RegisterBatchBody {
    #[schema(min_items = 1, max_items = 50)]
    users: Vec<RegisterBatchEntry>,
}

/// One of them. An entry that breaks its rule fails by itself.
#[derive(ToSchema)]
pub struct RegisterBatchEntry {
    #[schema(max_length = 255, format = Email)]
    email: String,
    #[schema(min_length = 8, max_length = 4096, format = Password)]
    password: String,
}

/// Who signs in: by `email` or by `username`, not both.
#[derive(ToSchema)]
pub struct LegacyLoginBody {
    #[schema(max_length = 255, format = Email)]
    email: Option<String>,
    #[schema(min_length = 3, max_length = 100, pattern = "^[A-Za-z0-9]+$")]
    username: Option<String>,
    #[schema(min_length = 1, max_length = 4096, format = Password)]
    password: String,
}

/// A token to be judged.
#[derive(ToSchema)]
pub struct LegacyTokenBody {
    #[schema(min_length = 1, max_length = 8192)]
    token: String,
}

/// What to change of the caller; what is missing stays.
#[derive(ToSchema)]
pub struct ProfileBody {
    #[schema(min_length = 3, max_length = 100, pattern = "^[A-Za-z0-9]+$")]
    username: Option<String>,
    /// Checked and ignored: the address is changed at Firebase.
    #[schema(max_length = 255, format = Email)]
    email: Option<String>,
    /// `null` removes it.
    #[schema(min_length = 1, max_length = 100)]
    full_name: Option<String>,
    #[schema(minimum = 1, nullable = false)]
    school_id: Option<i32>,
    /// Not in the future.
    date_of_birth: Option<NaiveDate>,
    #[schema(nullable = false)]
    gender: Option<Gender>,
}

/// What the legacy service knows.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum Gender {
    Male,
    Female,
}

/// The old password and the new one.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct PasswordChangeBody {
    #[schema(min_length = 1, max_length = 4096, format = Password)]
    current_password: String,
    /// A letter and a digit among the characters, any others allowed.
    #[schema(min_length = 8, max_length = 4096, format = Password)]
    new_password: String,
}

/// A change of somebody's tokens.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct BalanceChangeBody {
    user_id: Uuid,
    /// How many tokens; 0 changes nothing.
    #[schema(minimum = 0, maximum = 2_147_483_647)]
    amount: i32,
    operation: BalanceOperation,
}

/// Which way.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum BalanceOperation {
    Add,
    Subtract,
}

/// A new school.
#[derive(ToSchema)]
pub struct SchoolBody {
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    #[schema(min_length = 1, max_length = 1000)]
    address: Option<String>,
    #[schema(min_length = 1, max_length = 100)]
    city: Option<String>,
    #[schema(min_length = 1, max_length = 100)]
    province: Option<String>,
}
