//! A stand-in for Azure Blob in this process: it keeps blobs, fails as a schedule says, holds a write back when a test
//! wants to kill its sender there, and counts what it was asked. It checks no signature.

use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::stream;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::sleep;
use warp::Filter as _;
use warp::Reply as _;
use warp::http::{HeaderMap, Method, Response};
use warp::hyper::body::Bytes;

mod batch;
mod container;
mod faults;
mod tests;

use container::{Asked, Containers, error};
pub use faults::{Fault, Schedule};

/// A running service. It ends when it is dropped.
pub struct BlobService {
    state: Arc<Mutex<State>>,
    gate: Arc<Gate>,
    /// Without an account.
    address: String,
    server: JoinHandle<()>,
}

/// Where requests wait while the service is paused.
struct Gate {
    is_open: watch::Sender<bool>,
    waiting: watch::Sender<usize>,
}

#[derive(Default)]
struct State {
    containers: Containers,
    schedule: Schedule,
    counts: BTreeMap<String, usize>,
    faults_met: usize,
    tokens: BTreeSet<String>,
    hold: Option<Hold>,
    /// The write that was held back before it was taken.
    held: Option<Asked>,
    /// Whether nothing is taken any more, because a write is held back.
    is_frozen: bool,
}

/// The write that is to be held back.
struct Hold {
    /// So many come before it.
    after: usize,
    when: Held,
    reached: oneshot::Sender<()>,
}

/// How a write is held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// It is not taken.
    Before,
    /// It is taken, and not answered.
    After,
    /// It is taken and answered when the service goes on, which is paused.
    ForAWhile,
}

/// The account under which requests are spared. All accounts are one.
const SPARED: &str = "spared";

/// What happens to one request, decided when it came.
enum Fate {
    Fault(Option<Fault>, Duration, Duration),
    Hold(Held, oneshot::Sender<()>),
    Frozen,
}

impl BlobService {
    /// One without faults.
    pub async fn start() -> Self {
        Self::with(Schedule::default()).await
    }

    /// One with faults.
    pub async fn with(schedule: Schedule) -> Self {
        let state = Arc::new(Mutex::new(State { schedule, ..State::default() }));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let gate = Arc::new(Gate { is_open: watch::Sender::new(true), waiting: watch::Sender::new(0) });
        let (served, passed) = (Arc::clone(&state), Arc::clone(&gate));
        let query = warp::query::raw().or_else(async |_| Ok::<_, warp::Rejection>((String::new(),)));
        let requests = warp::method().and(warp::path::full()).and(query);
        let requests = requests.and(warp::header::headers_cloned()).and(warp::body::bytes());
        let answers = requests.then(move |method: Method, path: warp::path::FullPath, query: String, headers, body| {
            let asked = asked(method, path.as_str(), &query, headers, body);
            let (state, gate) = (Arc::clone(&served), Arc::clone(&passed));
            async move {
                gate.pass(&asked).await;
                serve(state, &gate, asked).await
            }
        });
        let server = tokio::spawn(warp::serve(answers).incoming(listener).run());
        Self { state, gate, address, server }
    }

    /// The settings of a store in it.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        self.settings_of("account")
    }

    /// The same store for a process whose requests meet no fault and wait for nothing.
    pub fn spared_settings(&self) -> Vec<(&'static str, String)> {
        self.settings_of(SPARED)
    }

    fn settings_of(&self, account: &str) -> Vec<(&'static str, String)> {
        let account = format!("AccountName={account};AccountKey=a2V5;BlobEndpoint={}/{account}", self.address);
        vec![("STORE", "azure:push-store".to_owned()), ("AzureWebJobsStorage", account)]
    }

    /// Where it is, with the account.
    pub fn address_of_account(&self) -> String {
        format!("{}/account", self.address)
    }

    /// Every `Authorization` that it was asked with.
    pub fn tokens(&self) -> BTreeSet<String> {
        self.state.lock().unwrap().tokens.clone()
    }

    /// How often it was asked for what, such as `GET recipients`.
    pub fn counts(&self) -> BTreeMap<String, usize> {
        self.state.lock().unwrap().counts.clone()
    }

    /// How many requests met a fault.
    pub fn faults_met(&self) -> usize {
        self.state.lock().unwrap().faults_met
    }

    /// Lets requests wait.
    pub fn pause(&self) {
        self.gate.is_open.send_replace(false);
    }

    /// Resolves when so many wait.
    pub async fn wait_for_waiting(&self, count: usize) {
        self.gate.waiting.subscribe().wait_for(|waiting| *waiting >= count).await.unwrap();
    }

    /// Goes on with those that wait.
    pub fn go_on(&self) {
        self.gate.is_open.send_replace(true);
    }

    /// Deletes the container, as a person does by mistake.
    pub async fn delete_container(&self) {
        let url = format!("{}/{SPARED}/push-store?restype=container", self.address);
        assert_eq!(reqwest::Client::new().delete(url).send().await.unwrap().status(), 202);
    }

    /// Lets so many writes pass, and holds back the next one and whatever comes after it, but for who is spared. Resolves
    /// when it came; never, if there are no more.
    pub fn hold(&self, after: usize, when: Held) -> oneshot::Receiver<()> {
        let (reached, resolved) = oneshot::channel();
        self.state.lock().unwrap().hold = Some(Hold { after, when, reached });
        resolved
    }

    /// Serves again. What was held back stays without an answer.
    pub fn resume(&self) {
        let mut state = self.state.lock().unwrap();
        (state.is_frozen, state.hold) = (false, None);
    }

    /// Takes the write that was held back before it was taken: it was on its way when its sender died.
    pub fn take_what_was_held(&self) {
        let mut state = self.state.lock().unwrap();
        if let Some(asked) = state.held.take() {
            state.take(&asked);
        }
    }
}

impl Drop for BlobService {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Gate {
    async fn pass(&self, asked: &Asked) {
        if asked.account != SPARED && !*self.is_open.borrow() {
            self.waiting.send_modify(|waiting| *waiting += 1);
            self.is_open.subscribe().wait_for(|is_open| *is_open).await.unwrap();
            self.waiting.send_modify(|waiting| *waiting -= 1);
        }
    }
}

impl State {
    fn fate(&mut self, asked: &Asked) -> Fate {
        if self.is_frozen {
            return Fate::Frozen;
        }
        *self.counts.entry(asked.kind()).or_default() += 1;
        let token = asked.headers.get("authorization").and_then(|token| token.to_str().ok());
        self.tokens.extend(token.filter(|token| token.starts_with("Bearer ")).map(str::to_owned));
        // A process writes its probe beside everything else.
        if asked.is_write()
            && asked.account != SPARED
            && !asked.blob.starts_with("probe/")
            && let Some(mut hold) = self.hold.take()
        {
            if hold.after == 0 {
                self.is_frozen = hold.when != Held::ForAWhile;
                return Fate::Hold(hold.when, hold.reached);
            }
            hold.after -= 1;
            self.hold = Some(hold);
        }
        if asked.account == SPARED {
            return Fate::Fault(None, Duration::ZERO, Duration::ZERO);
        }
        let name = format!("{} {} {:?}", asked.method, asked.blob, asked.query);
        let fault = self.schedule.next(&name);
        self.faults_met += usize::from(fault.is_some());
        let (before, after) = self.schedule.delays(&name);
        Fate::Fault(fault, before, after)
    }

    fn take(&mut self, asked: &Asked) -> Response<Bytes> {
        match asked.query.get("comp").map(String::as_str) {
            Some("batch") => batch::answer(&mut self.containers, asked),
            _ => self.containers.answer(asked),
        }
    }
}

fn asked(method: Method, path: &str, query: &str, headers: HeaderMap, body: Bytes) -> Asked {
    // `/account/container/blob`; the blob's name may have slashes.
    let path = urlencoding::decode(path).unwrap();
    let mut parts = path.trim_start_matches('/').splitn(3, '/').map(str::to_owned);
    let mut next = || parts.next().unwrap_or_default();
    let (account, container, blob) = (next(), next(), next());
    let query = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    Asked { method, account, container, blob, query, headers, body }
}

async fn serve(state: Arc<Mutex<State>>, gate: &Gate, asked: Asked) -> warp::reply::Response {
    let fate = state.lock().unwrap().fate(&asked);
    let take = || state.lock().unwrap().take(&asked);
    let answer = match fate {
        Fate::Frozen => return pending().await,
        Fate::Hold(Held::ForAWhile, reached) => {
            gate.is_open.send_replace(false);
            reached.send(()).unwrap();
            gate.pass(&asked).await;
            take()
        }
        Fate::Hold(when, reached) => {
            if when == Held::Before {
                state.lock().unwrap().held = Some(asked);
            } else {
                take();
            }
            reached.send(()).unwrap();
            return pending().await;
        }
        Fate::Fault(None, ..) => take(),
        Fate::Fault(Some(Fault::Refused), ..) => error(503, "ServerBusy"),
        Fate::Fault(Some(Fault::FailedAfterwards), ..) => {
            take();
            error(500, "InternalError")
        }
        Fate::Fault(Some(Fault::AnswerLost), ..) => {
            take();
            // A body that fails at once: the connection ends before a byte of the answer was written.
            let failure = std::io::Error::other("the answer is lost");
            return warp::reply::stream(stream::iter([Err::<Bytes, _>(failure)])).into_response();
        }
        Fate::Fault(Some(Fault::Slow), before, after) => {
            sleep(before).await;
            let answer = take();
            sleep(after).await;
            answer
        }
    };
    answer.into_response()
}
