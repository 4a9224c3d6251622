//! Starts a handler beside an emulator, both on free ports, and talks to it as the Functions host does.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use acs_push::{Config, Handler};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use notification_hubs_emulator::{Emulator, HubOptions, Options, ReceivedRequest, Rule};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::watch::Watch;

/// The hub for alerts.
pub const HUB: &str = "alerts";
/// The hub for calls on iOS.
pub const VOIP_HUB: &str = "calls";
/// A second app's hub.
pub const SANDBOX_HUB: &str = "sandbox";

/// Users and handles that the tests share.
pub const ALICE: &str = "8:acs:1b5cc06b-f352-4571-b1e6-d9b259b7c776_00000008-578d-7caf-07fd-084822001724";
pub const BOB: &str = "8:acs:1b5cc06b-f352-4571-b1e6-d9b259b7c776_00000008-578d-7d05-83fe-084822000f6d";
pub const IPHONE: &str = "00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0";
pub const IPHONE_VOIP: &str = "c0ffee0000000000000000000000000000000000000000000000000000000001";
pub const ANDROID: &str = "fGw0qy4TQfmX8Kp2:APA91bHun4MxP5egoKMwt2KZFBaFUH-1RYqx";

/// A handler and its hub.
pub struct App {
    pub hub: Emulator,
    address: String,
    client: Client,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
    watch: Watch,
}

/// An HTTP answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub text: String,
}

impl App {
    /// With the settings that most tests want.
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With more settings, or others; an empty value unsets one.
    pub async fn with(settings: &[(&str, &str)]) -> Self {
        Self::beside(emulator().await, settings).await
    }

    /// Beside an emulator that runs already.
    pub async fn beside(hub: Emulator, settings: &[(&str, &str)]) -> Self {
        Self::of(hub, settings, |handler| handler).await
    }

    /// By a clock that the test sets.
    pub async fn by_clock(clock: &TestClock, settings: &[(&str, &str)]) -> Self {
        let clock = clock.clone();
        Self::of(emulator().await, settings, |handler| handler.with_clock(move || clock.now())).await
    }

    /// By that clock, beside an emulator that runs already.
    pub async fn beside_by_clock(hub: Emulator, clock: &TestClock, settings: &[(&str, &str)]) -> Self {
        let clock = clock.clone();
        Self::of(hub, settings, |handler| handler.with_clock(move || clock.now())).await
    }

    /// As a webhook, which Event Grid calls itself.
    pub async fn webhook(settings: &[(&str, &str)]) -> Self {
        let hub = emulator().await;
        let vars = vars(&hub, settings);
        let config = Config::for_webhook(vars.clone()).unwrap();
        Self::serving(hub, Handler::new(&config).unwrap(), &vars).await
    }

    /// As a webhook by a clock that the test sets.
    pub async fn webhook_by_clock(clock: &TestClock, settings: &[(&str, &str)]) -> Self {
        let (hub, clock) = (emulator().await, clock.clone());
        let vars = vars(&hub, settings);
        let config = Config::for_webhook(vars.clone()).unwrap();
        Self::serving(hub, Handler::new(&config).unwrap().with_clock(move || clock.now()), &vars).await
    }

    async fn of(hub: Emulator, settings: &[(&str, &str)], with: impl FnOnce(Handler) -> Handler) -> Self {
        let vars = vars(&hub, settings);
        let handler = Config::from_vars(vars.clone()).and_then(|config| Handler::new(&config)).map(with).unwrap();
        Self::serving(hub, handler, &vars).await
    }

    async fn serving(hub: Emulator, handler: Handler, vars: &BTreeMap<String, String>) -> Self {
        let watch = Watch::of_handler(vars);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(handler.serve(listener, async { drop(stopped.await) }));
        Self { hub, address, client: client(), stop: Some(stop), serving, watch }
    }

    /// Has the handler stop as a signal would, and waits until it did.
    pub async fn stop(mut self) -> Emulator {
        self.stop.take().unwrap().send(()).unwrap();
        timeout(Duration::from_secs(30), self.serving).await.unwrap().unwrap();
        self.hub
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.url(path))
    }

    pub async fn get(&self, path: &str) -> Reply {
        let reply = Reply::of(self.request(Method::GET, path)).await;
        // An installation is shown to whoever asks for it.
        if !path.starts_with("/api/installations") {
            self.watch.hear(&reply.text);
        }
        reply
    }

    pub async fn put(&self, id: &str, installation: &Value) -> Reply {
        self.watch.plant_installation(installation);
        let request = self.request(Method::PUT, &format!("/api/installations/{id}"));
        Reply::of(request.body(installation.to_string())).await
    }

    pub async fn delete(&self, id: &str) -> Reply {
        Reply::of(self.request(Method::DELETE, &format!("/api/installations/{id}"))).await
    }

    /// Registers a device and insists that it worked.
    pub async fn register(&self, id: &str, installation: Value) {
        let reply = self.put(id, &installation).await;
        assert!(matches!(reply.status, 200 | 201), "{reply:?}");
    }

    /// Bob's iPhone, with a handle for calls.
    pub async fn register_iphone(&self, user: &str) {
        let phone = json!({"userId": user, "platform": "apns", "pushChannel": IPHONE, "voipPushChannel": IPHONE_VOIP});
        self.register("iphone", phone).await;
    }

    /// Bob's Android phone.
    pub async fn register_android(&self, user: &str) {
        self.register("android", json!({"userId": user, "platform": "fcmv1", "pushChannel": ANDROID})).await;
    }

    /// Posts an event as the host does, and reads what became of it.
    pub async fn deliver(&self, event: &Value) -> Value {
        let reply = self.invoke(event).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        let mut lines = reply.log_lines();
        assert_eq!(lines.len(), 1, "{reply:?}");
        lines.remove(0)
    }

    /// Posts what stands at `Data.event`.
    pub async fn invoke(&self, event: &Value) -> Reply {
        self.watch.plant_event(event);
        self.post(envelope(event).to_string().into_bytes()).await
    }

    /// Sends events by a request of the test's own.
    pub async fn send(&self, request: RequestBuilder, events: &Value) -> Reply {
        self.watch.plant_event(events);
        let reply = Reply::of(request.body(events.to_string())).await;
        self.watch.hear(&reply.text);
        reply
    }

    /// Posts any body to the Event Grid function.
    pub async fn post(&self, body: Vec<u8>) -> Reply {
        let request = self.request(Method::POST, "/EventGridTrigger");
        let reply = Reply::of(request.header("content-type", "application/json; charset=utf-8").body(body)).await;
        self.watch.hear(&reply.text);
        reply
    }

    pub async fn status(&self) -> Value {
        self.get("/api/status").await.json()
    }

    /// How many events ended so.
    pub async fn count(&self, outcome: &str) -> u64 {
        self.status().await["outcomes"][outcome].as_u64().unwrap()
    }
}

/// A clock that shows what it was set to.
#[derive(Clone)]
pub struct TestClock(Arc<Mutex<DateTime<Utc>>>);

impl TestClock {
    /// One that shows this time, as RFC 3339 writes it.
    pub fn at(time: &str) -> Self {
        Self(Arc::new(Mutex::new(time.parse().unwrap())))
    }

    pub fn set(&self, time: &str) {
        *self.0.lock().unwrap() = time.parse().unwrap();
    }

    pub fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }

    /// What it shows, as Event Grid writes it.
    pub fn text(&self) -> String {
        self.now().to_rfc3339_opts(SecondsFormat::Micros, true)
    }
}

impl Reply {
    pub async fn of(request: RequestBuilder) -> Self {
        let response = timeout(Duration::from_secs(40), request.send()).await.unwrap().unwrap();
        let status = response.status().as_u16();
        let headers = response.headers().iter();
        let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
        Self { status, headers, text: response.text().await.unwrap() }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The lines that the host is to log, each read as JSON.
    pub fn log_lines(&self) -> Vec<Value> {
        let answer = self.json();
        let lines = answer["Logs"].as_array().unwrap_or_else(|| panic!("no Logs: {answer}"));
        lines.iter().map(|line| serde_json::from_str(line.as_str().unwrap()).unwrap()).collect()
    }
}

/// A namespace with a hub for alerts, one for calls and one of a second app, each with a rule of its own that may send
/// only, as is advised.
pub async fn emulator() -> Emulator {
    let hub = |name: &str| HubOptions {
        rules: vec![Rule::send_only(format!("key-of-{name}"), format!("second-key-of-{name}"))],
        ..HubOptions::new(name)
    };
    let voip = HubOptions { bundle_id: Some("com.example.app.voip".to_owned()), ..hub(VOIP_HUB) };
    let hubs = vec![hub(HUB), voip, hub(SANDBOX_HUB)];
    Emulator::start(Options { hubs, rules: Vec::new(), ..Options::default() }).await.unwrap()
}

/// An iPhone with the number 15551234567.
pub fn phone() -> Value {
    json!({"phoneNumbers": ["15551234567"], "platform": "apns", "pushChannel": IPHONE})
}

/// The settings for that namespace, changed as `settings` says. Each hub that is named has its connection string.
pub fn vars(hub: &Emulator, settings: &[(&str, &str)]) -> BTreeMap<String, String> {
    let usual = [("NOTIFICATION_HUB_NAME", HUB), ("NOTIFICATION_HUB_VOIP_NAME", VOIP_HUB), ("STORE", "memory:")];
    let vars = usual.iter().chain(settings).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let mut vars: BTreeMap<String, String> = vars.collect();
    for prefix in ["", "VOIP_", "SANDBOX_"].map(|prefix| format!("NOTIFICATION_HUB_{prefix}")) {
        let name = vars.get(&format!("{prefix}NAME")).filter(|name| !name.is_empty());
        if let Some(connection_string) = name.and_then(|name| hub.connection_string_of(name)) {
            vars.entry(format!("{prefix}CONNECTION_STRING")).or_insert(connection_string);
        }
    }
    vars
}

/// Settings as most functions take them.
pub fn borrowed<'a>(settings: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    settings.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

/// The host's envelope around an event.
pub fn envelope(event: &Value) -> Value {
    let sys = json!({"MethodName": "EventGridTrigger", "UtcNow": ago(TimeDelta::zero()), "RandGuid": "35e6e68c-5583-436c-a277-5aec2b416ba8"});
    json!({"Data": {"event": event}, "Metadata": {"data": event["data"], "sys": sys}})
}

/// A time so long ago, as Event Grid writes it.
pub fn ago(age: TimeDelta) -> String {
    (Utc::now() - age).to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// An event that happens now.
pub fn event(id: &str, short_type: &str, subject: &str, data: Value) -> Value {
    let mut event = json!({
        "id": id,
        "topic": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Communication/communicationServices/c",
        "subject": subject,
        "eventType": format!("Microsoft.Communication.{short_type}"),
        "eventTime": ago(TimeDelta::zero()),
        "dataVersion": "1.0",
        "metadataVersion": "1",
    });
    event["data"] = data;
    event
}

/// An SMS to a number.
pub fn sms(id: &str, to: &str, text: &str) -> Value {
    let data = json!({"messageId": id, "from": "15557654321", "to": to, "message": text});
    event(id, "SMSReceived", &format!("/phonenumber/{}", to.trim_start_matches('+')), data)
}

/// A chat message of Alice to Bob.
pub fn chat(id: &str, short_type: &str, message_id: &str, version: i64, text: &str) -> Value {
    let now = ago(TimeDelta::zero());
    let data = json!({
        "messageId": message_id,
        "threadId": "19:lunch@thread.v2",
        "messageBody": text,
        "senderCommunicationIdentifier": {"rawId": ALICE, "communicationUser": {"id": ALICE}},
        "senderDisplayName": "Alice",
        "recipientCommunicationIdentifier": {"rawId": BOB, "communicationUser": {"id": BOB}},
        "composeTime": now,
        "editTime": now,
        "type": "Text",
        "version": version,
    });
    event(id, short_type, &format!("thread/19:lunch@thread.v2/sender/{ALICE}/recipient/{BOB}"), data)
}

/// A call of Alice to Bob, with a context that holds the claim `cc`.
pub fn call(id: &str, correlation_id: &str) -> Value {
    let data = json!({
        "to": {"kind": "communicationUser", "rawId": BOB, "communicationUser": {"id": BOB}},
        "from": {"kind": "communicationUser", "rawId": ALICE, "communicationUser": {"id": ALICE}},
        "serverCallId": "c2VydmVyQ2FsbElk",
        "callerDisplayName": "Alice",
        // {"alg":"none"} . {"cc":"Y2FsbC1jb250ZXh0"} . sig
        "incomingCallContext": "eyJhbGciOiJub25lIn0.eyJjYyI6IlkyRnNiQzFqYjI1MFpYaDAifQ.c2ln",
        "correlationId": correlation_id,
    });
    event(id, "IncomingCall", &format!("/caller/{ALICE}/recipient/{BOB}"), data)
}

/// What a request's body says.
pub fn body(request: &ReceivedRequest) -> Value {
    serde_json::from_str(&request.body).unwrap()
}

/// Every header of a request that is not the connection's own. The signature is checked by the emulator.
pub fn headers(request: &ReceivedRequest) -> BTreeMap<&str, &str> {
    let all = request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    all.filter(|(name, _)| !matches!(*name, "host" | "content-length" | "authorization")).collect()
}

pub fn client() -> Client {
    // The program installs it, too; a test of the binary alone has nobody else to do so.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().tls_certs_only([]).build().unwrap()
}
