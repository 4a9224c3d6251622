//! Work that goes on when nobody waits for it any more, and that cannot take others with it.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::FutureExt;
use futures_util::future::CatchUnwind;
use tokio::runtime::Handle;

/// Runs within whoever waits for it, which costs less than a task of its own; it becomes one when that one goes before
/// its end.
#[derive(Debug)]
pub struct ToItsEnd<F: Future<Output: Send> + Send + 'static>(Option<Pin<Box<CatchUnwind<AssertUnwindSafe<F>>>>>);

/// The work panicked. Where and why stands on standard error.
#[derive(Debug)]
pub struct Panicked;

impl<F: Future<Output: Send> + Send + 'static> ToItsEnd<F> {
    /// Has `work` done.
    pub fn new(work: F) -> Self {
        Self(Some(Box::pin(AssertUnwindSafe(work).catch_unwind())))
    }
}

impl<F: Future<Output: Send> + Send + 'static> Future for ToItsEnd<F> {
    type Output = Result<F::Output, Panicked>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let work = self.0.as_mut().expect("nobody asks again after the end");
        let done = ready!(work.as_mut().poll(context));
        self.0 = None;
        Poll::Ready(done.map_err(|_| Panicked))
    }
}

impl<F: Future<Output: Send> + Send + 'static> Drop for ToItsEnd<F> {
    fn drop(&mut self) {
        if let (Some(work), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(work);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn work_that_nobody_waits_for_any_more_goes_on() {
        let ((go, gone), (done, is_done)) = (oneshot::channel(), oneshot::channel());
        let mut work = ToItsEnd::new(async move {
            gone.await.unwrap();
            done.send("done").unwrap();
        });
        assert!((&mut work).now_or_never().is_none());
        drop(work);
        go.send(()).unwrap();
        assert_eq!(is_done.await, Ok("done"));
    }

    #[tokio::test]
    async fn a_panic_is_an_error_for_whoever_waits_and_for_nobody_else() {
        let work = ToItsEnd::new(async { panic!("a test asked for it") });
        assert!(matches!(work.await, Err::<(), _>(Panicked)));
    }
}
