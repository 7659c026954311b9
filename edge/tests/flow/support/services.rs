//! The services behind the edge: they answer from a table and record their requests.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use edge::changes::HeaderChanges;
use edge::ports::{Answer, Ask, Body, Count, Forward, UpstreamFault, Upstreams};
use shared::fallback::{BodyFault, Dependency};
use shared::routing::Policy;
use shared::steering::{self, Outcome, Reply, Requested, Steering, Told};
use shared::time::UnixTime;
/// A request that a service received.
#[derive(Debug, Clone)]
pub struct Sent {
    pub url: String,
    /// The body that a service received.
    pub body: Vec<u8>,
    changes: Vec<String>,
}

impl Sent {
    fn new(url: &str, changes: &HeaderChanges) -> Self {
        Self {
            url: url.to_owned(),
            body: Vec::new(),
            changes: changes.as_text().lines().map(str::to_owned).collect(),
        }
    }

    /// The value a header was set to, if the last change to it set one.
    pub fn header(&self, name: &str) -> Option<&str> {
        let change = self
            .changes
            .iter()
            .rfind(|change| change.split(':').next() == Some(name))?;
        change.split_once(':').map(|(_, value)| value)
    }

    /// The token that the service got in the header.
    pub fn bearer(&self) -> String {
        let authorization = self.header("authorization").expect("no token was sent");
        authorization.strip_prefix("Bearer ").unwrap().to_owned()
    }

    /// Whether `text` is anywhere in the request.
    pub fn holds(&self, text: &str) -> bool {
        let body = String::from_utf8_lossy(&self.body);
        self.url.contains(text)
            || body.contains(text)
            || self.changes.iter().any(|change| change.contains(text))
    }

    /// Whether the last change to a header removed it.
    pub fn removes(&self, name: &str) -> bool {
        let touched = self
            .changes
            .iter()
            .any(|change| change.split(':').next() == Some(name));
        touched && self.header(name).is_none()
    }
}

#[derive(Default)]
pub struct World {
    pub sent: RefCell<Vec<Sent>>,
    pub sides: RefCell<BTreeMap<String, u16>>,
    pub answers: RefCell<BTreeMap<String, (u16, String)>>,
    pub verdict: RefCell<String>,
    pub exhausted: RefCell<Vec<&'static str>>,
    pub counter_fails: Cell<bool>,
    pub counted: RefCell<Vec<(String, String)>>,
    pub stepped_down: Cell<bool>,
    pub steering: RefCell<Steering>,
    pub now: Cell<Option<UnixTime>>,
    pub lacks: Cell<Option<Dependency>>,
    pub body_fault: Cell<Option<BodyFault>>,
    pub fault: Cell<Option<UpstreamFault>>,
}

pub struct Services<'a> {
    pub world: &'a World,
    pub body: &'a [u8],
    pub sent_body: RefCell<Option<Vec<u8>>>,
}

#[derive(Debug)]
pub struct Status {
    pub status: u16,
    pub lacks: Option<Dependency>,
}

impl Answer for Status {
    fn status(&self) -> u16 {
        self.status
    }

    fn lacks(&self) -> Option<Dependency> {
        self.lacks
    }

    fn location(&self) -> Option<String> {
        None
    }
}

impl Upstreams for Services<'_> {
    type Answer = Status;

    async fn read_body(&self) -> Result<Body, BodyFault> {
        match self.world.body_fault.get() {
            Some(fault) => Err(fault),
            None if self.body.len() > 64 * 1024 => Ok(Body::Begun),
            None => Ok(Body::Whole),
        }
    }

    fn body(&self, limit: u32) -> Option<Vec<u8>> {
        (self.body.len() <= limit as usize).then(|| self.body.to_vec())
    }

    fn replace_body(&self, body: &[u8]) {
        self.sent_body.replace(Some(body.to_vec()));
    }

    async fn send(&self, forward: &Forward<'_>) -> Result<Status, UpstreamFault> {
        self.world.sent.borrow_mut().push(Sent {
            body: self
                .sent_body
                .borrow()
                .clone()
                .unwrap_or_else(|| self.body.to_vec()),
            ..Sent::new(forward.url, forward.changes)
        });
        if let Some(fault) = self.world.fault.get() {
            return Err(fault);
        }
        let sides = self.world.sides.borrow();
        let side = sides
            .iter()
            .find(|(base, _)| forward.url.starts_with(base.as_str()));
        match side.map_or(200, |(_, status)| *status) {
            0 => Err(UpstreamFault::Unreachable),
            status => Ok(Status {
                status,
                lacks: self.world.lacks.get(),
            }),
        }
    }

    async fn copy_of(&self, _: &Status, limit: u32, _: u32) -> Option<Vec<u8>> {
        let body = self.world.verdict.borrow().clone().into_bytes();
        (body.len() <= limit as usize).then_some(body)
    }

    fn discard(&self, _: Status) {}

    async fn ask(&self, ask: &Ask<'_>) -> Result<(u16, Vec<u8>), UpstreamFault> {
        self.world.sent.borrow_mut().push(Sent::new(ask.url, ask.headers));
        let answers = self.world.answers.borrow();
        let answer = answers.iter().find(|(path, _)| ask.url.ends_with(path.as_str()));
        let (status, body) = answer
            .map(|(_, answer)| answer.clone())
            .ok_or(UpstreamFault::Unreachable)?;
        Ok((status, body.into_bytes()))
    }

    async fn count(&self, binding: &str, key: &str) -> Count {
        let counted = (binding.to_owned(), key.to_owned());
        self.world.counted.borrow_mut().push(counted);
        match self.world.exhausted.borrow().contains(&binding) {
            _ if self.world.counter_fails.get() => Count::Failed,
            true => Count::Over,
            false => Count::Within,
        }
    }

    async fn is_stepped_down(&self) -> bool {
        self.world.stepped_down.get()
    }

    fn overridden(&self, base: &Policy, now: UnixTime) -> Option<Rc<Policy>> {
        let told = Told::of(&self.world.steering.borrow(), now)?;
        told.policy(base, now).map(Rc::new)
    }

    async fn steer(&self, author: &str, change: Option<&str>) -> Option<steering::Answered> {
        let mut steering = self.world.steering.borrow_mut();
        let Some(change) = change else {
            return Some(answered(Reply::State(steering.clone())));
        };
        let requested = Requested::parse(change.as_bytes()).unwrap();
        let outcome = steering.put(requested, author, false, self.world.now.get().unwrap());
        Some(answered(match outcome {
            Ok(Outcome::Changed(_)) => Reply::Changed(steering.clone()),
            Ok(Outcome::Pending(_)) => Reply::Pending(steering.clone()),
            Err(rule) => Reply::Refused(rule),
        }))
    }

    fn now_ms(&self) -> u64 {
        0
    }
}

const fn answered(reply: Reply) -> steering::Answered {
    steering::Answered {
        reply,
        autopilot: None,
    }
}
