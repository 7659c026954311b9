//! What operators do to a running stack, and what happens to them: deployments, programs that end, a database that is away.

use std::path::Path;

use serde_json::{Value, json};

use super::ports::{Ports, local};
use super::service::Service;
use super::{Stack, edge, programs};
use crate::fault::{Done, Fault};

/// What it takes to start a part of the stack once more.
#[derive(Debug)]
pub(super) struct StartedWith {
    /// The edge's variables.
    pub edge: Vec<(&'static str, String)>,
    /// The origin's.
    pub origin: Vec<(&'static str, String)>,
    pub origin_port: u16,
    pub ports: Ports,
    /// Whether the edge steps down by itself.
    pub step_down: bool,
    /// Whether requests bring variables of the edge's along.
    pub changeable: bool,
    /// The working folders of all edges so far, each with a Worker of its own.
    pub folders: Vec<String>,
}

impl Stack {
    /// Edges deployed from now on take variables that a request brings along (`xtask/assets/changeable-entry.mjs`).
    pub fn let_variables_change(&mut self) {
        self.started_with.changeable = true;
    }

    /// Deploys the edge with `changes` to its variables, as an operator does: the new one comes up beside the old one, and
    /// [`Self::addresses`] is about the new one from then on. Returns the old one, to be ended once nobody uses it.
    pub fn deploy(&mut self, changes: &[(&'static str, String)]) -> Done<Service> {
        let with = &mut self.started_with;
        for (name, value) in changes {
            with.edge.retain(|(known, _)| known != name);
            with.edge.push((name, value.clone()));
        }
        let port = with.ports.take("edge", 8787)?;
        let folder = format!("edge-{port}");
        let config = edge::configure(&folder, &with.edge, with.step_down)?;
        with.folders.push(folder);
        if with.changeable {
            edge::let_variables_change(&config)?;
        }
        let new = edge::start(&self.guard, &config, port, edge::talk(&with.edge))?;
        self.addresses.edge = local(port);
        Ok(std::mem::replace(&mut self.edge, new))
    }

    /// Starts the plan's services, and deploys an edge that translates tokens for each of `names`, below `/api/`.
    pub fn start_plan_services(&mut self, names: &[&str]) -> Done<Service> {
        let port = self.started_with.ports.take("services of the plan", 3010)?;
        let (legacy, secret) = (&self.addresses.legacy, &self.addresses.legacy_secret);
        let services = programs::plan_services(&self.guard, port, legacy, secret)?;
        let upstreams: Vec<Value> = names
            .iter()
            .map(|name| json!({"prefix": format!("/api/{name}"), "url": local(port), "auth": "required", "token": "legacy"}))
            .collect();
        drop(self.deploy(&[("UPSTREAMS", json!(upstreams).to_string())])?);
        Ok(services)
    }

    /// The log of the edge that answers now: its request lines, where `LOG_LEVEL` is `info`.
    #[must_use]
    pub fn edge_log(&self) -> &Path {
        &self.edge.log
    }

    /// Ends the origin.
    pub fn stop_origin(&mut self) -> Done {
        self.origin.stop();
        Ok(())
    }

    /// Starts the origin again.
    pub fn start_origin(&mut self) -> Done {
        let with = &self.started_with;
        self.origin = programs::origin(&self.guard, with.origin_port, &with.origin)?;
        Ok(())
    }

    /// Starts the origin again, with a clock that runs ahead by `seconds` ([`programs::build_origin_ahead`] compiles it).
    pub fn restart_origin_ahead(&mut self, seconds: i64) -> Done {
        self.origin.stop();
        let with = &self.started_with;
        self.origin = programs::origin_ahead(&self.guard, with.origin_port, &with.origin, seconds)?;
        Ok(())
    }

    /// Stops the database server.
    pub fn stop_database(&mut self) -> Done {
        match &mut self.database {
            Some((_, service)) => {
                service.stop();
                Ok(())
            }
            None => Err(Fault::new("stop PostgreSQL", "it is not ours to stop")),
        }
    }

    /// Starts the database server again.
    pub fn start_database(&mut self) -> Done {
        if let Some((server, service)) = &mut self.database {
            *service = server.start(&self.guard)?;
        }
        Ok(())
    }
}
