//! The future of a response: the inner service's, or a refusal that is ready at once.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Response;
use pin_project_lite::pin_project;

pin_project! {
    /// The future of [`crate::AssertionService`].
    #[derive(Debug)]
    pub struct AssertionFuture<F, B> {
        #[pin]
        state: State<F, B>,
    }
}

pin_project! {
    #[derive(Debug)]
    #[project = StateProjection]
    enum State<F, B> {
        LetIn { #[pin] inner: F },
        Refused { response: Option<Response<B>> },
    }
}

impl<F, B> AssertionFuture<F, B> {
    pub(crate) fn let_in(inner: F) -> Self {
        Self {
            state: State::LetIn { inner },
        }
    }

    pub(crate) fn refused(response: Response<B>) -> Self {
        Self {
            state: State::Refused {
                response: Some(response),
            },
        }
    }
}

impl<F, B, E> Future for AssertionFuture<F, B>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<B>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProjection::LetIn { inner } => inner.poll(context),
            // Futures need not survive another poll after their end; this one stays pending and does not panic.
            StateProjection::Refused { response } => response
                .take()
                .map_or(Poll::Pending, |response| Poll::Ready(Ok(response))),
        }
    }
}
