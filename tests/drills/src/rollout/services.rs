//! The plan's services behind the edge. No team has changed them: they read legacy tokens alone. Users call them with the tokens that
//! they hold, of either issuer.

use std::time::Instant;

use stack::http::Client;

use super::deployment::ADDRESS;
use super::judge::{self, Call, Seen};
use super::service::Service;
use super::stage::Stage;
use super::users::{Token, User};

/// What a user gets of the service with each token that they hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Served {
    Yes,
    /// The service asks the legacy service, which is down.
    CutOff,
    No,
}

/// `user` calls the service with the token held, and with the one from before they moved.
pub fn call(stage: &Stage, client: &Client, user: &User) -> Served {
    let memory = user.memory();
    let tokens = [memory.token.clone(), memory.token_before_move.clone()];
    drop(memory);
    let all = tokens
        .iter()
        .flatten()
        .map(|token| call_with(stage, client, user, token));
    all.fold(
        Served::Yes,
        |all, this| if this == Served::Yes { all } else { this },
    )
}

fn call_with(stage: &Stage, client: &Client, user: &User, token: &Token) -> Served {
    let service = Service::of(user);
    let deployment = stage.deployment();
    let (bearer, address) = (format!("Bearer {}", token.text), user.address());
    let headers = deployment.headers(&[("authorization", &bearer), (ADDRESS, &address)]);
    let url = |path: &str| format!("{}/api/{}/{path}", deployment.url, service.name());
    let began = Instant::now();
    let answer = match service {
        Service::Assessment => client.post(&url("submit"), &headers, &serde_json::json!({})),
        Service::Archive => client.get(&url("results"), &headers),
        Service::Chatbot => client.get(&url("conversations"), &headers),
    };
    let call = Call::Service(service);
    let seen = Seen::new(call, Some(token.issuer), deployment.clone(), began, answer);
    if judge::judge(stage, user, &seen) {
        Served::Yes
    } else if judge::is_cut_off(stage, &seen) {
        Served::CutOff
    } else {
        Served::No
    }
}
