//! Converts the ledger's types to the wire, and marks repeats.

use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use ledger::{Hold, Receipt, Reservation, SettledHold, TransferPage};
use serde::Serialize;
use shared::api::ledger as wire;

use super::success::success;

/// Present (`true`) on an answer that repeats an earlier one.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// The success envelope around `data`. A repeat has the status and the body of the first answer; only a header marks it.
fn answer<T: Serialize>(status: StatusCode, data: T, message: &'static str, replayed: bool) -> Response {
    let mut response = (status, success(data, message)).into_response();
    if replayed {
        response
            .headers_mut()
            .insert(REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

pub(super) fn moved(receipt: Receipt, message: &'static str) -> Response {
    let replayed = receipt.replayed;
    let data = wire::Moved {
        token_balance: receipt.transfer.balance_after,
        transfer: receipt.transfer,
    };
    answer(StatusCode::OK, data, message, replayed)
}

pub(super) fn reserved(reservation: Reservation) -> Response {
    let replayed = reservation.receipt.replayed;
    let data = wire::HoldMoved {
        hold: hold(&reservation.hold),
        token_balance: reservation.receipt.transfer.balance_after,
        transfer: reservation.receipt.transfer,
    };
    answer(StatusCode::CREATED, data, "Tokens reserved", replayed)
}

pub(super) fn settled(settled: SettledHold, message: &'static str) -> Response {
    let replayed = settled.receipt.replayed;
    let data = wire::HoldMoved {
        hold: hold(&settled.hold),
        token_balance: settled.token_balance,
        transfer: settled.receipt.transfer,
    };
    answer(StatusCode::OK, data, message, replayed)
}

pub(super) fn page(page: TransferPage) -> wire::TransferPage {
    wire::TransferPage {
        transfers: page.transfers,
        next_cursor: page.next.map(|cursor| cursor.encode()),
    }
}

fn hold(hold: &Hold) -> wire::Hold {
    wire::Hold {
        id: hold.id.0,
        user_id: hold.user.0,
        amount: hold.amount.get(),
        captured_amount: hold.captured,
        state: hold.state.as_str().to_owned(),
        expires_at: hold.expires_at,
    }
}
