//! The statements follow the table of `shared::ownership`, in every state, for every claim.

use firebase::NewAccount;
use serde_json::json;
use shared::ids::NormalizedEmail;
use shared::ownership::{Account, Address, Proof, RowState, Step, step};
use testkit::tokens::{FirebaseUser, firebase_id_token};
use uuid::Uuid;

use crate::google::{PASSWORD, World};
use crate::support::{PROJECT, now};

/// The remains of a row.
#[derive(Debug, PartialEq, Eq)]
struct Left {
    status: u16,
    has_address: bool,
    is_proven: bool,
    has_void_sessions: bool,
    has_hash: bool,
}

const CLAIMS: [(Account, Address); 3] = [
    (Account::Own, Address::Same),
    (Account::Own, Address::Different),
    (Account::Other, Address::Same),
];

fn expected(state: RowState, step: Step) -> Left {
    let as_it_was = Left {
        status: 200,
        has_address: true,
        is_proven: state.is_proven() || state == RowState::Closed,
        has_void_sessions: false,
        has_hash: true,
    };
    match step {
        Step::Note => as_it_was,
        Step::Prove | Step::Link => Left {
            is_proven: true,
            ..as_it_was
        },
        Step::Change | Step::LinkAndChange => Left {
            is_proven: true,
            has_void_sessions: true,
            has_hash: false,
            ..as_it_was
        },
        Step::Unprove => Left {
            is_proven: false,
            ..as_it_was
        },
        Step::LoseAddress => Left {
            has_address: false,
            ..as_it_was
        },
        Step::Conflict => Left {
            status: 409,
            ..as_it_was
        },
        Step::Disabled => Left {
            status: 403,
            ..as_it_was
        },
    }
}

/// Inserts a row in `state`; answers its id and the uid of its account.
async fn insert(world: &World, state: RowState, email: &str) -> (Uuid, String) {
    let id = Uuid::new_v4();
    let uid = match state {
        RowState::LinkedUnproven | RowState::LinkedProven => format!("uid-{id}"),
        _ => id.to_string(),
    };
    let is_local = matches!(state, RowState::Unproven | RowState::Proven);
    let (stored, provider) = if is_local {
        ("NULL".to_owned(), "local")
    } else {
        (format!("'{uid}'"), "hybrid")
    };
    let closed = state == RowState::Closed;
    world
        .app
        .database
        .execute(&format!(
            "INSERT INTO auth.users (id, email, password_hash, firebase_uid, auth_provider, email_verified, is_active) \
             VALUES ('{id}', '{email}', '$2b$04$hash', {stored}, '{provider}', {}, {})",
            state.is_proven() || closed,
            !closed
        ))
        .await
        .unwrap();
    (id, uid)
}

async fn token(world: &World, uid: &str, email: &str, proof: Proof) -> String {
    let user = FirebaseUser {
        uid: uid.to_owned(),
        email: Some(email.to_owned()),
        email_verified: proof != Proof::None,
    };
    let provider = match proof {
        Proof::Given => "google.com",
        Proof::Silent => "phone",
        Proof::None | Proof::SamePassword => "password",
    };
    if proof == Proof::SamePassword {
        let account = NewAccount {
            uid,
            email: &NormalizedEmail::parse(email).unwrap(),
            email_verified: true,
            password: Some(PASSWORD),
            display_name: None,
            photo_url: None,
        };
        let firebase = &world.app.app.accounts.firebase;
        firebase.create_account(&account).await.unwrap();
    }
    firebase_id_token(PROJECT, &user, now())
        .claim(
            "firebase",
            json!({"identities": {}, "sign_in_provider": provider}),
        )
        .mint()
}

#[tokio::test]
async fn statements_follow_the_table() {
    let world = World::start().await;
    for state in RowState::ALL {
        for (account, address) in CLAIMS {
            for proof in Proof::ALL {
                let name = Uuid::new_v4().simple().to_string();
                let (email, other) = (format!("{name}@example.org"), format!("{name}@example.com"));
                let (id, own) = insert(&world, state, &email).await;
                let is_local = matches!(state, RowState::Unproven | RowState::Proven);
                // A row without an account is found only by its address.
                if is_local && address == Address::Different {
                    continue;
                }
                let uid = if account == Account::Own {
                    own
                } else {
                    format!("other-{id}")
                };
                let claimed = if address == Address::Same { &email } else { &other };
                let token = token(&world, &uid, claimed, proof).await;
                let status = world.me(&token).await.status;
                let left: (bool, bool, bool, bool) = sqlx::query_as(sqlx::AssertSqlSafe(format!(
                    "SELECT email IS NOT NULL, email_verified, valid_since IS NOT NULL, password_hash IS NOT NULL \
                     FROM auth.users WHERE id = '{id}'"
                )))
                .fetch_one(&mut world.app.database.connect().await)
                .await
                .unwrap();
                let left = Left {
                    status,
                    has_address: left.0,
                    is_proven: left.1,
                    has_void_sessions: left.2,
                    has_hash: left.3,
                };
                let step = step(state, account, address, proof);
                assert_eq!(
                    left,
                    expected(state, step),
                    "{state:?} {account:?} {address:?} {proof:?}: {step:?}"
                );
            }
        }
    }
}
