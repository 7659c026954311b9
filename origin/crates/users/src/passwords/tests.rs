use uuid::Uuid;

use super::*;
use crate::rules::bcrypt_hash::MAX_COST;

const USER: UserId = UserId(Uuid::nil());

async fn verify(passwords: &Passwords, password: &str, stored: &str) -> bool {
    let turn = passwords.turn(Whose::Usual).await.unwrap();
    passwords
        .verify(turn, password.to_owned(), stored, USER)
        .await
        .unwrap()
}

#[tokio::test]
async fn new_hash_is_readable_by_the_legacy_service() {
    let passwords = Passwords::new(4, MAX_COST);
    let hash = passwords.hash("correct horse 1".to_owned()).await.unwrap();
    assert!(hash.starts_with("$2b$04$"), "{hash}");
    assert!(verify(&passwords, "correct horse 1", &hash).await);
    assert!(!verify(&passwords, "correct horse 2", &hash).await);
    for no_hash in ["", "!", "$2b$04$short"] {
        assert!(!verify(&passwords, "", no_hash).await, "{no_hash}");
    }
}

#[tokio::test]
async fn too_costly_hash_matches_nothing_and_is_not_checked() {
    let passwords = Passwords::new(4, 4);
    let hash = bcrypt::hash("correct horse 1", 5).unwrap();
    assert!(!verify(&passwords, "correct horse 1", &hash).await);
    let costly = hash.replace("$05$", "$31$");
    assert!(!verify(&passwords, "correct horse 1", &costly).await);
    let asked = passwords
        .verify_if_idle("correct horse 1".to_owned(), &costly, USER)
        .await;
    assert_eq!(asked, None);
    assert!(passwords.turns.take_if_idle().is_some(), "no thread is at it");
}

#[tokio::test]
async fn background_check_takes_no_turn_from_sign_ins() {
    let passwords = Passwords::new(4, MAX_COST);
    let hash = passwords.hash("correct horse 1".to_owned()).await.unwrap();
    let asked = || passwords.verify_if_idle("correct horse 1".to_owned(), &hash, USER);
    assert_eq!(asked().await, Some(true));
    let mut turns = Vec::new();
    while let Some(turn) = passwords.turns.take_if_idle() {
        turns.push(turn);
    }
    assert_eq!(asked().await, None);
    drop(turns);
    assert_eq!(asked().await, Some(true));
}
