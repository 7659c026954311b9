//! A user with their profile, in the shape of the legacy contract.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use shared::api::user::User;
use users::rules::profile::{Profile, SchoolName};
use uuid::Uuid;

/// A user with their profile.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct UserWithProfile {
    id: Uuid,
    username: Option<String>,
    email: Option<String>,
    user_type: String,
    is_active: bool,
    token_balance: i64,
    last_login: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    profile: Option<ProfileJson>,
}

/// The profile of a user.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ProfileJson {
    user_id: Uuid,
    full_name: Option<String>,
    date_of_birth: Option<NaiveDate>,
    gender: Option<String>,
    school_id: Option<i32>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    school: Option<SchoolJson>,
    school_info: SchoolInfo,
}

/// A school, in short.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = SchoolInShort)]
pub struct SchoolJson {
    id: i32,
    name: String,
    city: Option<String>,
    province: Option<String>,
}

/// The school once more, with how it is known.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SchoolInfo {
    r#type: Option<&'static str>,
    school_id: Option<i32>,
    school: Option<SchoolJson>,
}

impl UserWithProfile {
    /// `user` with `profile`.
    pub fn new(user: User, profile: Option<Profile>) -> Self {
        Self {
            id: user.id,
            username: user.username,
            email: user.email,
            user_type: user.user_type,
            is_active: user.is_active,
            token_balance: user.token_balance,
            last_login: user.last_login,
            created_at: user.created_at,
            profile: profile.map(ProfileJson::from),
        }
    }
}

impl From<Profile> for ProfileJson {
    fn from(profile: Profile) -> Self {
        let school = profile.school.map(SchoolJson::from);
        Self {
            user_id: profile.user_id.0,
            full_name: profile.full_name,
            date_of_birth: profile.date_of_birth,
            gender: profile.gender,
            school_id: profile.school_id,
            created_at: profile.created_at,
            updated_at: profile.updated_at,
            school: school.clone(),
            school_info: SchoolInfo {
                r#type: profile.school_id.map(|_| "structured"),
                school_id: profile.school_id,
                school,
            },
        }
    }
}

impl From<SchoolName> for SchoolJson {
    fn from(school: SchoolName) -> Self {
        Self {
            id: school.id,
            name: school.name,
            city: school.city,
            province: school.province,
        }
    }
}
