//! Profiles and schools.

use chrono::{DateTime, NaiveDate, Utc};
use shared::ids::UserId;

use crate::rules::credentials::Username;

/// A user's profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The user.
    pub user_id: UserId,
    /// Full name.
    pub full_name: Option<String>,
    /// Date of birth.
    pub date_of_birth: Option<NaiveDate>,
    /// `male` or `female`.
    pub gender: Option<String>,
    /// The user's school.
    pub school_id: Option<i32>,
    /// When the profile was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
    /// The user's school, if it still exists.
    pub school: Option<SchoolName>,
}

/// A school as a profile shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchoolName {
    /// Its number.
    pub id: i32,
    /// Its name.
    pub name: String,
    /// Its city.
    pub city: Option<String>,
    /// Its province.
    pub province: Option<String>,
}

/// A school.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct School {
    /// Its number.
    pub id: i32,
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: Option<String>,
    /// Its city.
    pub city: Option<String>,
    /// Its province.
    pub province: Option<String>,
    /// When it was added.
    pub created_at: DateTime<Utc>,
}

/// The changes to a profile; `None` leaves a field as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProfileChange {
    /// A new username.
    pub username: Option<Username>,
    /// A new full name; `Some(None)` removes it.
    pub full_name: Option<Option<String>>,
    /// A new date of birth.
    pub date_of_birth: Option<NaiveDate>,
    /// `male` or `female`.
    pub gender: Option<&'static str>,
    /// The number of a school.
    pub school_id: Option<i32>,
}

/// The filter of a list of schools.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SchoolFilter {
    /// Part of the name, in any case.
    pub search: Option<String>,
    /// The city, in any case.
    pub city: Option<String>,
    /// The province, in any case.
    pub province: Option<String>,
}

/// The number and the size of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    number: i64,
    limit: i64,
}

impl Page {
    /// The most entries a page may have.
    pub const MAX_LIMIT: i64 = 100;
    /// The last page that a caller can request: further back the offset costs too much.
    pub const MAX_NUMBER: i64 = 10_000;

    /// Page `number` (from 1) of `limit` entries; `None` outside the bounds.
    #[must_use]
    pub fn new(number: i64, limit: i64) -> Option<Self> {
        let legal = (1..=Self::MAX_NUMBER).contains(&number) && (1..=Self::MAX_LIMIT).contains(&limit);
        legal.then_some(Self { number, limit })
    }

    /// Its number, from 1.
    #[must_use]
    pub const fn number(self) -> i64 {
        self.number
    }

    /// How many entries it has.
    #[must_use]
    pub const fn limit(self) -> i64 {
        self.limit
    }

    /// How many entries come before it.
    #[must_use]
    pub const fn offset(self) -> i64 {
        self.number.saturating_sub(1).saturating_mul(self.limit)
    }

    /// How many pages `total` entries make.
    #[must_use]
    pub const fn pages(self, total: i64) -> i64 {
        total.saturating_add(self.limit).saturating_sub(1) / self.limit
    }
}

impl SchoolFilter {
    /// Whether every school is listed.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.search.is_none() && self.city.is_none() && self.province.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_count_from_one() {
        let page = Page::new(3, 20).unwrap();
        assert_eq!(page.offset(), 40);
        for (total, pages) in [(0, 0), (1, 1), (20, 1), (21, 2)] {
            assert_eq!(page.pages(total), pages, "{total}");
        }
        for (number, limit) in [(0, 20), (1, 0), (1, 101), (10_001, 1), (-1, 5)] {
            assert_eq!(Page::new(number, limit), None);
        }
    }
}
