//! Runs a future: at once up to its first wait, and then directly from the promise for which it waits.
//!
//! The usual executor (`wasm-bindgen-futures`) queues a microtask for the start and one for every wake. In this runtime each
//! costs as much as verifying a remembered token, and a request here waits once. And all requests of an isolate would share its
//! queue, which runs in the context of whichever request filled it first.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use js_sys::{Function, Promise};
use wasm_bindgen::{JsCast as _, JsValue};
use worker::send::SendWrapper;

type Answer = Result<JsValue, JsValue>;

/// The promise for which it waits owns it, through its waker: a cancelled request is dropped with its promises.
struct Task(SendWrapper<RefCell<State>>);

struct State {
    /// `None` while it is polled.
    future: Option<Pin<Box<dyn Future<Output = Answer>>>>,
    /// Whether it was woken while it was polled.
    woken: bool,
    /// The functions to call with the answer, or with the exception.
    settle: Option<(Function, Function)>,
}

/// Runs `future`. Returns the answer, or a promise of it.
///
/// # Errors
/// The error of the future, if it failed at once.
pub(super) fn run(future: impl Future<Output = Answer> + 'static) -> Result<JsValue, JsValue> {
    let task = Arc::new(Task(SendWrapper(RefCell::new(State {
        future: Some(Box::pin(future)),
        woken: false,
        settle: None,
    }))));
    match task.poll() {
        Poll::Ready(answer) => answer,
        Poll::Pending => Ok(task.promise().into()),
    }
}

/// Runs `future` beside the answer of a request. The runtime keeps the request's context until `future` ends.
pub(super) fn run_beside(context: &worker::Context, future: impl Future<Output = ()> + 'static) {
    if let Some(promise) = start(future) {
        // The runtime refuses this only when the request is already over; the promise runs all the same.
        let _ = context.as_ref().wait_until(&promise);
    }
}

/// Runs `future` in the Durable Object. The runtime keeps an object that waits for something.
pub(super) fn run_alone(future: impl Future<Output = ()> + 'static) {
    start(future);
}

/// Returns a promise of the end, unless `future` ended at once.
fn start(future: impl Future<Output = ()> + 'static) -> Option<Promise> {
    let running = run(async move {
        future.await;
        Ok(JsValue::UNDEFINED)
    });
    running.ok()?.dyn_into().ok()
}

impl Task {
    fn poll(self: &Arc<Self>) -> Poll<Answer> {
        let waker = Waker::from(Arc::clone(self));
        let Some(mut future) = self.0.borrow_mut().future.take() else {
            // Woken from within its own poll.
            self.0.borrow_mut().woken = true;
            return Poll::Pending;
        };
        loop {
            self.0.borrow_mut().woken = false;
            let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
            if polled.is_ready() {
                return polled;
            }
            let mut state = self.0.borrow_mut();
            if !state.woken {
                state.future = Some(future);
                return Poll::Pending;
            }
        }
    }

    fn promise(&self) -> Promise {
        Promise::new(&mut |resolve, reject| self.0.borrow_mut().settle = Some((resolve, reject)))
    }
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        let Poll::Ready(answer) = self.poll() else { return };
        let Some((resolve, reject)) = self.0.borrow_mut().settle.take() else {
            return;
        };
        // Neither function of a promise throws.
        let _ = match answer {
            Ok(answer) => resolve.call1(&JsValue::UNDEFINED, &answer),
            Err(thrown) => reject.call1(&JsValue::UNDEFINED, &thrown),
        };
    }
}
