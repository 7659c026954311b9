//! The issuer of a uid. Two Firebase projects, and two tenants of one, may give the same uid to two users.

use shared::identity::Identity;
use shared::ids::{ProjectId, TenantId};

/// A Firebase project, or a tenant of one: `project` or `project/tenant`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Issuer(String);

impl Issuer {
    /// The issuer of a project's own users, or of the users of its `tenant`.
    #[must_use]
    pub fn new(project: &ProjectId, tenant: Option<&TenantId>) -> Self {
        Self(match tenant {
            Some(tenant) => format!("{project}/{tenant}"),
            None => project.to_string(),
        })
    }

    /// The issuer of the credential behind `identity`; `None` where it names none.
    #[must_use]
    pub fn of(identity: &Identity) -> Option<Self> {
        let project = identity.project.as_ref()?;
        Some(Self::new(project, identity.tenant.as_ref()))
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form in a row; `home` is the issuer of rows that name none.
    #[must_use]
    pub fn stored(&self, home: &str) -> StoredIssuer {
        if self.0 == home {
            StoredIssuer::HOME
        } else {
            StoredIssuer(self.0.clone())
        }
    }
}

/// An issuer as `users.firebase_issuer` stores it: empty for the issuer of the users that were here before rows named one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct StoredIssuer(String);

impl StoredIssuer {
    /// The database's home: see `auth.firebase_home`.
    pub const HOME: Self = Self(String::new());

    /// The stored text.
    #[must_use]
    pub const fn from_row(text: String) -> Self {
        Self(text)
    }

    /// The text to store.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn projects_and_tenants_are_distinct_issuers() {
        let project = |text: &str| ProjectId::parse(text).unwrap();
        let tenant = |text: &str| TenantId::parse(text).unwrap();
        let (one, two) = (project("demo-one"), project("demo-two"));
        let all = [
            Issuer::new(&one, None),
            Issuer::new(&two, None),
            Issuer::new(&one, Some(&tenant("a"))),
            Issuer::new(&one, Some(&tenant("b"))),
            Issuer::new(&two, Some(&tenant("a"))),
        ];
        for home in &all {
            for (at, issuer) in all.iter().enumerate() {
                let stored = issuer.stored(home.as_str());
                assert_eq!(stored == StoredIssuer::HOME, issuer == home);
                let same = all
                    .iter()
                    .filter(|other| other.stored(home.as_str()) == stored)
                    .count();
                assert_eq!(same, 1, "{at} is stored as another is");
            }
        }
    }
}
