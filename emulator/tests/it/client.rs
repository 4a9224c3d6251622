//! A client of the service for tests: signs and sends, and each part can be changed. It must not use the emulator's own
//! parsing or signing.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use notification_hubs_emulator::{Emulator, HubOptions, Mode, Options, Right, Rule};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Client, Method, Response};
use sha2::Sha256;

pub const RULE: &str = "DefaultFullSharedAccessSignature";
pub const APNS: &str = r#"{"aps":{"alert":"hello"}}"#;
pub const FCM: &str = r#"{"message":{"data":{"a":"b"}}}"#;

pub async fn start() -> Emulator {
    Emulator::start(Options::default()).await.unwrap()
}

pub async fn start_hub(hub: HubOptions, mode: Mode) -> Emulator {
    Emulator::start(Options { hubs: vec![hub], mode, ..Options::default() }).await.unwrap()
}

/// A rule that may only do `right`, with its own keys.
pub fn rule(name: &str, right: Right) -> Rule {
    let (primary_key, secondary_key) = (format!("{name}-1"), format!("{name}-2"));
    Rule { name: name.to_owned(), primary_key, secondary_key, rights: vec![right] }
}

/// The primary key from the connection string.
pub fn primary_key(emulator: &Emulator) -> String {
    let text = emulator.connection_string();
    text.split_once("SharedAccessKey=").unwrap().1.to_owned()
}

pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// A token for `address`, which is signed unchanged.
pub fn token(address: &str, rule: &str, key: &str, expiry: u64) -> String {
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let resource = encode(address);
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(format!("{resource}\n{expiry}").as_bytes());
    let signature = encode(&STANDARD.encode(mac.finalize().into_bytes()));
    format!("SharedAccessSignature sr={resource}&sig={signature}&se={expiry}&skn={rule}")
}

/// A valid token with all rights.
pub fn good_token(emulator: &Emulator) -> String {
    token(&emulator.url(), RULE, &primary_key(emulator), now() + 300)
}

/// A request to the service, valid until a part is changed.
#[derive(Debug, Clone)]
pub struct Send {
    pub client: Client,
    pub method: Method,
    pub base: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

/// A valid direct send in the format `apple`.
pub fn apple(emulator: &Emulator) -> Send {
    Send {
        client: http_client(),
        method: Method::POST,
        base: emulator.url(),
        target: format!("/{}/messages?direct&api-version=2020-06", emulator.hub_name()),
        headers: Vec::new(),
        body: APNS.to_owned(),
    }
    .header("Authorization", &good_token(emulator))
    .header("ServiceBusNotification-DeviceHandle", "abcdef0123456789")
    .header("ServiceBusNotification-Format", "apple")
    .header("Content-Type", "application/json;charset=utf-8")
}

/// A valid direct send in the format `fcmv1`.
pub fn fcm(emulator: &Emulator) -> Send {
    apple(emulator).header("ServiceBusNotification-Format", "fcmv1").body(FCM)
}

impl Send {
    /// Sets a header, and removes an existing one of this name.
    pub fn header(self, name: &str, value: &str) -> Self {
        let mut send = self.without(name);
        send.headers.push((name.to_owned(), value.to_owned()));
        send
    }

    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(present, _)| !present.eq_ignore_ascii_case(name));
        self
    }

    pub fn target(self, target: &str) -> Self {
        Self { target: target.to_owned(), ..self }
    }

    pub fn body(self, body: impl Into<String>) -> Self {
        Self { body: body.into(), ..self }
    }

    pub fn method(self, method: Method) -> Self {
        Self { method, ..self }
    }

    pub async fn try_send(&self) -> reqwest::Result<Response> {
        let url = format!("{}{}", self.base, self.target);
        let mut request = self.client.request(self.method.clone(), url).body(self.body.clone());
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request.send().await
    }

    pub async fn send(&self) -> Response {
        self.try_send().await.unwrap()
    }

    pub async fn status(&self) -> u16 {
        self.send().await.status().as_u16()
    }

    /// The status and the text of `Detail` up to the tracking id.
    pub async fn refusal(&self) -> (u16, String) {
        let response = self.send().await;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.text().await.unwrap();
        let tracking_id = headers["trackingid"].to_str().unwrap();
        let xmlns = "xmlns:i=\"http://www.w3.org/2001/XMLSchema-instance\"";
        let start = format!("<Error {xmlns}><Code>{status}</Code><Detail>");
        let (detail, end) = body
            .strip_prefix(&start)
            .and_then(|rest| rest.split_once(" TrackingId:"))
            .unwrap_or_else(|| panic!("{body}"));
        assert!(end.starts_with(&format!("{tracking_id},TimeStamp:")), "{body}");
        assert!(end.ends_with("M +00:00</Detail></Error>"), "{body}");
        assert_eq!(headers["content-type"], "application/xml; charset=utf-8");
        (status, detail.to_owned())
    }
}

/// The kind of the I/O error that caused a failed request.
pub fn io_kind(error: &(dyn std::error::Error + 'static)) -> Option<std::io::ErrorKind> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            return Some(io.kind());
        }
        next = error.source();
    }
    None
}

/// A client for plain HTTP. It trusts no certificate: reading those of the system takes longer than most tests.
pub fn http_client() -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().tls_certs_only([]).build().unwrap()
}
