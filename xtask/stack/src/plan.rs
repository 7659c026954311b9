//! What a stack consists of.

use crate::build_edge::Profile;

/// Who issues the Firebase tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Issuer {
    /// The Auth emulator: unsigned tokens, a real sign-up.
    Emulator,
    /// A key server of ours: RS256 tokens, the production path.
    KeyServer,
    /// A project at Google.
    Project(String),
}

/// Where the database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Database {
    /// Ours, kept between runs; `fresh` starts over.
    Kept { fresh: bool },
    /// Ours, gone afterwards.
    ThrowAway,
    /// Somebody's, by URL.
    Yours(String),
}

/// What stack to bring up.
#[derive(Debug, Clone)]
pub struct Plan {
    pub issuer: Issuer,
    pub database: Database,
    /// Well-known ports, or whatever is free.
    pub well_known_ports: bool,
    /// How the Worker is built.
    pub worker: Profile,
    /// Edge variables on top of `[env.development]`.
    pub edge: Vec<(&'static str, String)>,
    /// Whether the edge has production's Durable Object: it then takes overrides, steps down and follows the autopilot.
    pub step_down: bool,
    /// Whether tests may ask for more edges.
    pub more_edges: bool,
    /// Whether the edge serves the development page at `/`. Only with an emulator: the page needs somewhere to sign up.
    pub page: bool,
}

impl Plan {
    /// On free ports, with a database that is gone afterwards; for parts of a stack, too.
    pub fn throw_away(issuer: Issuer) -> Self {
        Self {
            issuer,
            database: Database::ThrowAway,
            well_known_ports: false,
            worker: Profile::Development,
            edge: Vec::new(),
            step_down: false,
            more_edges: false,
            page: false,
        }
    }
}
