//! What administrators do with people.

use shared::api::changes::Changes;
use shared::problem::ErrorCode;
use utoipa::openapi::path::HttpMethod;
use utoipa::openapi::{ObjectBuilder, Type};

use super::{Operation, PEOPLE, Who};
use crate::http::users::{Trail, UserData};

pub fn operations() -> Vec<Operation> {
    let administer = |method, path, id, summary| {
        Operation::new(method, path, id, PEOPLE, summary)
            .by(Who::Service)
            .reads_database()
    };
    let change = |path, id, summary| {
        administer(HttpMethod::Post, path, id, summary)
            .fails([ErrorCode::UserNotFound])
            .answers::<UserData>(200, "The row as it is now.")
    };
    let before = ObjectBuilder::new().schema_type(Type::Integer);
    let since = ObjectBuilder::new().schema_type(Type::String);
    vec![
        administer(
            HttpMethod::Get,
            "/v1/changes",
            "listStandingChanges",
            "Whose right to act has changed since a cursor",
        )
        .more("For the edge and services that keep standings. Some may be told twice; forget those named and ask anew.")
        .query("since", "`cursor` of the answer before; without it the answer says where to begin.", since)
        .answers::<Changes>(200, "The changes, or that everything kept is to be forgotten."),
        administer(HttpMethod::Get, "/v1/users/{id}", "getUser", "A person's row")
            .fails([ErrorCode::UserNotFound])
            .answers::<UserData>(200, "The row."),
        administer(
            HttpMethod::Get,
            "/v1/users/{id}/events",
            "listEvents",
            "A person's audit trail, newest first",
        )
        .more("Answers for people who are gone as well.")
        .query("before", "`next` of the page before.", before)
        .answers::<Trail>(200, "A page of events."),
        change(
            "/v1/users/{id}/deactivate",
            "deactivateUser",
            "Puts a person out, at once and everywhere",
        ),
        change(
            "/v1/users/{id}/activate",
            "activateUser",
            "Lets a person in again; they have to sign in anew",
        ),
        change(
            "/v1/users/{id}/sync",
            "syncUser",
            "Brings a person's row up to date with their Firebase account",
        )
        .asks_firebase(),
    ]
}
