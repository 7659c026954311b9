//! The list of transfers.

use ledger::{Cursor, PageSize};

use crate::fixture::{Fixture, credit, key};

#[tokio::test]
async fn pages_are_newest_first_without_a_gap_or_a_repeat() {
    let fixture = Fixture::new().await;
    let user = fixture.user(0).await;
    let other = fixture.user(3).await;
    for amount in 1..=25 {
        fixture
            .ledger
            .move_tokens(key(&format!("c{amount}")), credit(user, amount))
            .await
            .unwrap();
    }
    let mut seen = Vec::new();
    let mut cursor: Option<Cursor> = None;
    let mut pages = 0;
    loop {
        let page = fixture
            .ledger
            .transfers(user, cursor, PageSize::new(10).unwrap())
            .await
            .unwrap();
        pages += 1;
        seen.extend(page.transfers.iter().map(|transfer| transfer.amount));
        // Transfers that arrive meanwhile are newer and do not move the later pages.
        if pages == 1 {
            fixture
                .ledger
                .move_tokens(key("late"), credit(user, 99))
                .await
                .unwrap();
        }
        match page.next {
            Some(next) => cursor = Some(Cursor::decode(&next.encode()).unwrap()),
            None => break,
        }
    }
    assert_eq!((pages, seen), (3, (1..=25).rev().collect()));
    let page = fixture
        .ledger
        .transfers(other, None, PageSize::DEFAULT)
        .await
        .unwrap();
    assert_eq!((page.transfers.len(), page.next), (1, None));
}
