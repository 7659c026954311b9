//! The state that all handlers share, and which callers they accept.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{FromRequestParts, Query};
use axum::http::header;
use axum::http::request::Parts;
use serde::Deserialize;

use super::API_KEY;
use super::control::Change;
use super::faults::Faults;
use super::refusal::Refusal;
use super::shape::Shape;
use super::store::Store;
use crate::tokens::now;

/// Accounts and settings. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Shared(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    project: String,
    base: String,
    token_url: String,
    service_account: String,
    store: Mutex<Store>,
    faults: Mutex<Faults>,
}

impl Shared {
    /// An empty project, served at `base`.
    pub(super) fn new(project: &str, base: &str) -> Self {
        Self(Arc::new(Inner {
            project: project.to_owned(),
            base: base.to_owned(),
            token_url: format!("{base}/token"),
            service_account: format!("crossfade@{project}.iam.gserviceaccount.com"),
            store: Mutex::default(),
            faults: Mutex::default(),
        }))
    }

    pub(super) fn project(&self) -> &str {
        &self.0.project
    }

    /// Its address: `http://host:port`.
    pub(super) fn base(&self) -> &str {
        &self.0.base
    }

    /// The address where assertions are exchanged: their audience.
    pub(super) fn token_url(&self) -> &str {
        &self.0.token_url
    }

    /// The only service account.
    pub(super) fn service_account(&self) -> &str {
        &self.0.service_account
    }

    /// Accounts; never held across an await.
    pub(super) fn store(&self) -> MutexGuard<'_, Store> {
        self.0.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Settings; never held across an await.
    pub(super) fn faults(&self) -> MutexGuard<'_, Faults> {
        self.0.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn change(&self, change: Change) {
        for (email, factors) in &change.factors {
            self.store().enrol(email, factors);
        }
        if change.forget_accounts {
            self.store().forget_accounts();
        }
        if change.forget_access_tokens {
            self.store().forget_access_tokens();
        }
        self.faults().change(change);
    }
}

/// A caller with the project's API key.
#[derive(Debug)]
pub(super) struct Client;

#[derive(Deserialize)]
struct Key {
    key: Option<String>,
}

impl FromRequestParts<Shared> for Client {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Refusal> {
        let given = Query::<Key>::from_request_parts(parts, shared).await;
        match given.ok().and_then(|given| given.0.key).as_deref() {
            Some(API_KEY) => Ok(Self),
            Some(_) => {
                Err(Refusal::bad("API key not valid. Please pass a valid API key.")
                    .shaped(Shape::ApiKeyWrong))
            }
            None => {
                Err(Refusal::new(403, "The request is missing a valid API key.").shaped(Shape::ApiKeyAbsent))
            }
        }
    }
}

/// A caller with an access token of the service account; or with the word `owner`, where the settings allow it.
#[derive(Debug)]
pub(super) struct Administrator;

impl FromRequestParts<Shared> for Administrator {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Refusal> {
        let bearer = parts
            .headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "))
            .ok_or_else(Refusal::unauthenticated)?;
        let allowed = match bearer {
            "owner" => shared.faults().owner(),
            token => shared.store().is_admitted(token, now()),
        };
        if !allowed {
            return Err(Refusal::unauthenticated());
        }
        let path = parts.uri.path();
        let own = |mark| path.contains(&format!("/projects/{}{mark}", shared.project()));
        if own('/') || own(':') {
            Ok(Self)
        } else {
            Err(Refusal::new(403, "PERMISSION_DENIED"))
        }
    }
}
