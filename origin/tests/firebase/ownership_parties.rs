//! Two parties act in any order, at the legacy service, at Firebase and here. The one who never proves the address never gets the row of
//! the one who did, and never locks them out.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;
use shared::ids::NormalizedEmail;

use crate::google::World;
use crate::support::{legacy_token, now};

const ADDRESS: &str = "ann@example.org";
const THIEFS_OWN: &str = "thief@example.org";
const OWNERS: &str = "owners-horse-1";
const THIEFS: &str = "thiefs-horse-2";
const THIEFS_NEXT: &str = "thiefs-horse-3";

#[derive(Debug, Clone, Copy)]
enum Party {
    Owner,
    Thief,
}

#[derive(Debug, Clone, Copy)]
enum Move {
    LegacyRegister(Party),
    LegacySignIn,
    LegacyChange,
    Register(Party),
    LogIn(Party),
    SignUpAtFirebase,
    TakeTheAddress,
    LeaveTheAddress,
    Exchange,
    Refresh,
    Google,
    GoogleAndArriveLater,
    Reset,
    ResetAtFirebase,
    Delete,
}

fn any_move() -> impl Strategy<Value = Move> {
    let party = prop_oneof![Just(Party::Owner), Just(Party::Thief)].boxed();
    prop_oneof![
        2 => party.clone().prop_map(Move::LegacyRegister),
        2 => Just(Move::LegacySignIn),
        1 => Just(Move::LegacyChange),
        2 => party.clone().prop_map(Move::Register),
        2 => party.prop_map(Move::LogIn),
        1 => Just(Move::SignUpAtFirebase),
        1 => Just(Move::TakeTheAddress),
        1 => Just(Move::LeaveTheAddress),
        2 => Just(Move::Exchange),
        1 => Just(Move::Refresh),
        2 => Just(Move::Google),
        1 => Just(Move::GoogleAndArriveLater),
        1 => Just(Move::Reset),
        1 => Just(Move::ResetAtFirebase),
        1 => Just(Move::Delete),
    ]
}

/// The thief's credentials, and the owner's proofs.
#[derive(Default)]
struct Play {
    tokens: Vec<String>,
    refresh_tokens: Vec<String>,
    uid: Option<String>,
    owners_token: Option<String>,
    /// The row that opened to the owner after a proof.
    owned: Option<String>,
}

impl Play {
    async fn act(&mut self, world: &World, step: Move) {
        match step {
            Move::LegacyRegister(party) => {
                let hash = bcrypt::hash(password(party), 4).unwrap();
                // Refused where the address is taken, as at the legacy service.
                let _taken = world
                    .app
                    .database
                    .execute(&format!(
                        "INSERT INTO auth.users (email, password_hash) VALUES ('{ADDRESS}', '{hash}')"
                    ))
                    .await;
            }
            Move::LegacySignIn => self.legacy_sign_in(world).await,
            Move::LegacyChange => {
                if let Some(id) = self.legacy_row(world).await {
                    let hash = bcrypt::hash(THIEFS_NEXT, 4).unwrap();
                    world
                        .app
                        .database
                        .execute(&format!(
                            "UPDATE auth.users SET password_hash = '{hash}' WHERE id = '{id}'"
                        ))
                        .await
                        .unwrap();
                }
            }
            Move::Register(party) => {
                let body = json!({"email": ADDRESS, "password": password(party)});
                let answer = world.post("register", &body).await;
                self.keep(party, &answer.body["data"]);
            }
            Move::LogIn(party) => {
                let answer = world.log_in(ADDRESS, password(party)).await;
                self.keep(party, &answer.body["data"]);
            }
            Move::SignUpAtFirebase => {
                let email = NormalizedEmail::parse(THIEFS_OWN).unwrap();
                let firebase = &world.app.app.accounts.firebase;
                if let Ok(signed_in) = firebase.sign_up(&email, THIEFS, None).await {
                    self.uid = Some(signed_in.uid);
                    self.tokens.push(signed_in.id_token);
                    self.refresh_tokens.push(signed_in.refresh_token);
                }
            }
            Move::TakeTheAddress | Move::LeaveTheAddress => {
                let address = if matches!(step, Move::TakeTheAddress) {
                    ADDRESS
                } else {
                    THIEFS_OWN
                };
                // Only with a session that Firebase still accepts.
                if let Some(uid) = self.uid.clone()
                    && self.refresh(world).await
                {
                    world.google.change_address(&uid, address);
                }
            }
            Move::Exchange => {
                for token in self.tokens.clone() {
                    let answer = world.exchange(&token).await;
                    self.keep(Party::Thief, &answer.body["data"]);
                }
            }
            Move::Refresh => {
                self.refresh(world).await;
            }
            Move::Google | Move::GoogleAndArriveLater => {
                world.next_second().await;
                let (_, token) = world.google.sign_in_with_google(ADDRESS);
                self.owners_token = Some(token);
                if matches!(step, Move::Google) {
                    self.arrive(world).await;
                }
            }
            Move::Reset | Move::ResetAtFirebase => self.reset(world, matches!(step, Move::Reset)).await,
            Move::Delete => {
                for token in &self.tokens {
                    world
                        .app
                        .call_as("DELETE", "/v1/auth/user", token, &json!({}))
                        .await;
                    world
                        .app
                        .call_as("DELETE", "/auth/account", token, &json!({}))
                        .await;
                }
            }
        }
    }

    /// The owner reads the mail, and signs in with their new password.
    async fn reset(&mut self, world: &World, here: bool) {
        for _ in 0..2 {
            world.next_second().await;
        }
        let email = NormalizedEmail::parse(ADDRESS).unwrap();
        let accounts = &world.app.app.accounts;
        if accounts.recover(&email, &Default::default()).await.is_err() {
            return;
        }
        let Some(code) = world.google.mailed_code(ADDRESS) else {
            return;
        };
        if here {
            let body = json!({"oobCode": code, "newPassword": OWNERS});
            world.post("reset-password", &body).await.expect(200);
        } else {
            accounts.firebase.reset_password(&code, OWNERS).await.unwrap();
        }
        let signed_in = world.log_in(ADDRESS, OWNERS).await.expect(200);
        let token = signed_in.body["data"]["idToken"].as_str().unwrap();
        self.owners_token = Some(token.to_owned());
        self.arrive(world).await;
    }

    async fn arrive(&mut self, world: &World) {
        let Some(token) = &self.owners_token else {
            return;
        };
        let me = world.me(token).await.expect(200);
        self.owned = Some(me.body["data"]["user"]["id"].as_str().unwrap().to_owned());
    }

    fn keep(&mut self, party: Party, session: &serde_json::Value) {
        if let (Party::Thief, Some(token)) = (party, session["idToken"].as_str()) {
            self.tokens.push(token.to_owned());
            self.refresh_tokens
                .extend(session["refreshToken"].as_str().map(str::to_owned));
            self.uid = session["uid"].as_str().map(str::to_owned);
        }
    }

    async fn refresh(&mut self, world: &World) -> bool {
        let mut honoured = false;
        for token in self.refresh_tokens.clone() {
            if let Ok(refreshed) = world.app.app.accounts.firebase.refresh(&token).await {
                honoured = true;
                self.tokens.push(refreshed.id_token);
            }
        }
        honoured
    }

    /// The row of the address, if the legacy service lets the thief into it.
    async fn legacy_row(&self, world: &World) -> Option<String> {
        let ids: Vec<uuid::Uuid> = world
            .app
            .database
            .value("SELECT coalesce(array_agg(id), '{}') FROM auth.users WHERE is_active")
            .await;
        for id in ids {
            for password in [THIEFS, THIEFS_NEXT] {
                if world.legacy_lets_in(&id.to_string(), password).await {
                    return Some(id.to_string());
                }
            }
        }
        None
    }

    async fn legacy_sign_in(&mut self, world: &World) {
        if let Some(id) = self.legacy_row(world).await {
            self.tokens.push(legacy_token(&id, now()));
            world
                .app
                .database
                .execute(&format!(
                    "UPDATE auth.users SET last_login = now() WHERE id = '{id}'"
                ))
                .await
                .unwrap();
        }
    }

    /// The thief tries all credentials they hold.
    async fn check(&mut self, world: &World) -> Result<(), TestCaseError> {
        let Some(owned) = self.owned.clone() else {
            return Ok(());
        };
        self.refresh(world).await;
        for token in &self.tokens {
            let me = world.me(token).await;
            prop_assert_ne!(
                me.body["data"]["user"]["id"].as_str(),
                Some(owned.as_str()),
                "by a token"
            );
        }
        for password in [THIEFS, THIEFS_NEXT] {
            let session = world.log_in(ADDRESS, password).await;
            prop_assert_ne!(
                session.body["data"]["user"]["id"].as_str(),
                Some(owned.as_str()),
                "by a password"
            );
            prop_assert!(
                !world.legacy_lets_in(&owned, password).await,
                "at the legacy service"
            );
        }
        let token = self.owners_token.clone().unwrap_or_default();
        prop_assert_eq!(world.me(&token).await.status, 200, "the owner is kept out");
        Ok(())
    }
}

const fn password(party: Party) -> &'static str {
    match party {
        Party::Owner => OWNERS,
        Party::Thief => THIEFS,
    }
}

#[test]
fn party_without_proof_never_holds_the_owners_row() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let cases = std::env::var("OWNERSHIP_CASES")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(24);
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 64,
        ..Config::default()
    };
    let mut runner = TestRunner::new(config);
    let outcome = runner.run(&prop::collection::vec(any_move(), 2..10), |moves| {
        runtime.block_on(async {
            let world = World::start().await;
            let mut play = Play::default();
            for step in moves {
                play.act(&world, step).await;
                play.check(&world).await?;
            }
            Ok(())
        })
    });
    if let Err(failed) = outcome {
        panic!("{failed}");
    }
}
