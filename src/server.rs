//! What every front shares, over warp: one task for each request, and the graceful stop.
//!
//! Which requests there are, and what they mean, is the front's: `functions` or `webhook`.

use std::convert::Infallible;
use std::future::{pending, ready};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Buf;
use chrono::{DateTime, Utc};
use futures_util::Stream;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};
use tokio_util::task::TaskTracker;
use warp::Filter;

use crate::delivery::deadlines::with_deadline;

mod body;
mod connections;
pub mod http_response;
mod listening;

pub use body::BodyError;
use body::{Body, BodyMemory, MAX_BODY_BYTES};
use http_response::{HttpResponse, internal_error};
pub use listening::{bind, raise_limit_of_files};

/// Answers requests.
pub trait Front: Send + Sync + 'static {
    /// What a request's method, path and headers say.
    type Route: Send + 'static;

    /// How long a request may take, its body included.
    fn deadline(&self) -> Duration;

    /// What time it is.
    fn now(&self) -> DateTime<Utc>;

    /// Whether the sender may ask for this. It is decided before the body is kept.
    fn admit(&self, _: &Self::Route) -> impl Future<Output = Result<(), HttpResponse>> + Send {
        ready(Ok(()))
    }

    /// The answer to a request whose body did not arrive.
    fn without_body(&self, error: BodyError) -> HttpResponse;

    /// The answer. It goes on if the sender closes the connection, and a panic fails this request only.
    fn answer(&self, request: Request<Self::Route>) -> impl Future<Output = HttpResponse> + Send;

    /// Runs beside the requests, until all of them are finished.
    fn background(&self) -> impl Future<Output = ()> + Send {
        pending()
    }

    /// What happens between the signal to stop and the last connection that is accepted.
    fn before_stop(&self) -> impl Future<Output = ()> + Send {
        ready(())
    }
}

/// A request, with its body.
#[derive(Debug)]
pub struct Request<R> {
    /// What it is for.
    pub route: R,
    /// Its whole body.
    pub body: Body,
    /// When it began.
    pub began: Instant,
    /// The time of the day at that moment.
    pub now: DateTime<Utc>,
}

/// Serves on `listener` until `stop` completes; then accepts no more connections and finishes the requests in flight.
pub async fn serve<F: Front>(
    front: Arc<F>,
    routes: impl Filter<Extract = (F::Route,), Error = Infallible> + Clone + Send + Sync + 'static,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) {
    let longest = front.deadline() + Duration::from_secs(1);
    let tasks = TaskTracker::new();
    tasks.close();
    let respond = {
        let shared =
            Arc::new(Shared { front: Arc::clone(&front), tasks: tasks.clone(), memory: BodyMemory::default() });
        move |body, route| respond(Arc::clone(&shared), body, route)
    };
    let (stopping, stopped) = oneshot::channel();
    let stop = {
        let front = Arc::clone(&front);
        async move {
            stop.await;
            tracing::info!("stopping: finishing what is in flight");
            front.before_stop().await;
            let _ = stopping.send(());
        }
    };
    let filter = warp::body::stream().and(routes).then(respond);
    let background = tokio::spawn(async move { front.background().await });
    let finished = async {
        connections::serve(filter, listener, &tasks, stop).await;
        // A request is finished even if its sender has closed the connection.
        tasks.wait().await;
    };
    let too_late = async {
        let _ = stopped.await;
        sleep(longest).await;
    };
    tokio::select! {
        () = finished => {}
        () = too_late => tracing::warn!("stopped before everything in flight was finished"),
    }
    background.abort();
}

/// What all requests share.
struct Shared<F> {
    front: Arc<F>,
    tasks: TaskTracker,
    memory: BodyMemory,
}

async fn respond<F: Front, B: Buf, E>(
    shared: Arc<Shared<F>>,
    body: impl Stream<Item = Result<B, E>>,
    route: F::Route,
) -> HttpResponse {
    // Both clocks are read at the same moment: an event's remaining lifetime is added to the start of its request.
    let front = &shared.front;
    let (began, now) = (Instant::now(), front.now());
    let _in_flight = shared.tasks.token();
    let admitted = front.admit(&route).await;
    let most = if admitted.is_ok() { MAX_BODY_BYTES } else { 0 };
    let body = with_deadline(began + front.deadline(), pin!(shared.memory.read(pin!(body), most))).await;
    if let Err(refused) = admitted {
        return refused;
    }
    match body.unwrap_or(Err(BodyError::Late)) {
        Ok(body) => {
            let front = Arc::clone(front);
            let answer = shared.tasks.spawn(async move { front.answer(Request { route, body, began, now }).await });
            // The panic hook has written the place to standard error.
            answer.await.unwrap_or_else(|_| internal_error("unexpected error; see the log"))
        }
        Err(error) => front.without_body(error),
    }
}
