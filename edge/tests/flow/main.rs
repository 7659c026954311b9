//! The edge's decisions, over stand-ins for the ports. The ports themselves are tested in the real runtime.

mod addresses;
mod app_services;
mod blame;
mod deactivated;
mod fallback;
mod headers;
mod limits;
mod rollout;
mod second_factor;
mod shadow;
mod sides;
mod socket_io;
mod spellings;
mod standing;
mod step_down;
mod strict;
mod support;
mod translation;

use support::Edge;

const LOGIN: &str = "POST\nhttps://edge/auth/login\ncontent-type:application/json";
const IN_COHORT: &str = r#"{"email":"person-1@example.com","password":"x"}"#;
const NOT_IN_COHORT: &str = r#"{"email":"zoe@example.com","password":"x"}"#;

fn half() -> Edge {
    Edge::with(&[("ROLLOUT_PERCENT", "50")])
}

const ME: &str = r#"{"success":true,"data":{"user":{"id":"3f2504e0-4f89-41d3-9a0c-0305e82c3301",
    "email":"ann@example.com","email_verified":true,"user_type":"moderator","token_balance":3}}}"#;

fn no_changes(cursor: &str) -> String {
    format!(r#"{{"success":true,"data":{{"cursor":"{cursor}","reset":false,"people":[]}}}}"#)
}

const NEW_FEED: &str = r#"{"success":true,"data":{"cursor":"77.1.1","reset":true,"people":[]}}"#;
const SOMEBODY: &str = r#"{"success":true,"data":{"cursor":"77.1.3","reset":false,"people":[
    {"id":"3f2504e0-4f89-41d3-9a0c-0305e82c3301","firebase_uid":"person-1","is_active":false,"valid_since":1795000000}]}}"#;
