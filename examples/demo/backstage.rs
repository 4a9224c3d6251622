//! Those who call the handler: the Functions host with events, and the backend of an app with its users' phones.
//!
//! <https://learn.microsoft.com/azure/azure-functions/functions-custom-handlers>

use chrono::{SecondsFormat, Utc};
use notification_hubs_emulator::Phone;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use crate::Failure;

/// An APNs token is 32 bytes in hexadecimal; a phone has a second one for calls.
const IPHONE: &str = "1f00e5a11e7700000000000000000000000000000000000000000000000a1e27";
const IPHONE_CALLS: &str = "1f00e5a11e77000000000000000000000000000000000000000000000000ca11";
/// One whose user wants no sound, which is so at any hour here.
const QUIET_IPHONE: &str = "1f00e5a11e77000000000000000000000000000000000000000000000000051e";
const QUIET_IPHONE_CALLS: &str = "1f00e5a11e77000000000000000000000000000000000000000000000000ca12";
const ANDROID: &str = "fcm-token-of-the-demo:APA91bAndroid";
/// An app that shows data messages itself.
const ANDROID_APP: &str = "fcm-token-of-the-demo:APA91bAndroidData";
const JSON: &str = "application/json; charset=utf-8";

/// Host and backend, on one connection.
pub struct Backstage {
    client: Client,
    handler: String,
}

/// What the handler said of one event.
pub struct Answer {
    /// Its outcome, or the HTTP status when that is not 200.
    pub outcome: String,
    /// Why, unless it was delivered.
    pub reason: String,
    /// The whole answer.
    pub body: String,
}

impl Backstage {
    pub fn new(handler: &str) -> Result<Self, Failure> {
        Ok(Self { client: Client::builder().no_proxy().build()?, handler: handler.to_owned() })
    }

    /// Registers all phones for whoever is named, which takes them from whoever had them.
    pub async fn sign_in(&self, owner: &Value) -> Result<(), Failure> {
        for (id, installation) in installations(owner) {
            let request = self.client.put(format!("{}/api/installations/{id}", self.handler));
            let response = request.header(CONTENT_TYPE, JSON).body(installation.to_string()).send().await?;
            if !response.status().is_success() {
                return Err(format!("{id}: {}: {}", response.status(), response.text().await?).into());
            }
        }
        Ok(())
    }

    /// What the handler tells of itself.
    pub async fn status(&self) -> Result<String, Failure> {
        Ok(self.client.get(format!("{}/api/status", self.handler)).send().await?.text().await?)
    }

    /// Invokes the function with one event.
    pub async fn post(&self, event: &Value) -> Result<Answer, Failure> {
        let now = Utc::now().to_rfc3339_opts(SecondsFormat::Nanos, true);
        let mut metadata = json!({ "sys": { "MethodName": "EventGridTrigger", "UtcNow": now, "RandGuid": guid() } });
        if let Some(data) = event.get("data") {
            metadata["data"] = data.clone();
        }
        let request = self
            .client
            .post(format!("{}/EventGridTrigger", self.handler))
            .header("X-Azure-Functions-HostVersion", "4.1037.0.0")
            .header("X-Azure-Functions-InvocationId", guid())
            .header(CONTENT_TYPE, JSON)
            .body(json!({ "Data": { "event": event }, "Metadata": metadata }).to_string());
        let response = request.send().await?;
        let (status, body) = (response.status(), response.text().await?);
        if status != StatusCode::OK {
            return Ok(Answer { outcome: format!("HTTP {}", status.as_u16()), reason: body.clone(), body });
        }
        let json: Value = serde_json::from_str(&body)?;
        let line = json.pointer("/Logs/0").and_then(Value::as_str).ok_or("an answer without a line in Logs")?;
        let line: Value = serde_json::from_str(line)?;
        let text = |member| line.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(Answer { outcome: text("outcome"), reason: text("reason"), body })
    }
}

impl Answer {
    /// Every sample is well formed and every hub is set up, so none may fail, now or for good.
    pub fn is_problem(&self) -> bool {
        matches!(&*self.outcome, "" | "failed" | "dead_lettered") || self.outcome.starts_with("HTTP")
    }
}

/// All phones as installations of whoever is named.
pub fn installations(owner: &Value) -> [(&'static str, Value); 4] {
    let iphone = json!({ "platform": "apns", "pushChannel": IPHONE, "voipPushChannel": IPHONE_CALLS });
    let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let window = json!({ "days": days, "from": "00:00", "to": "00:00" });
    let quiet_iphone = json!({
        "platform": "apns", "pushChannel": QUIET_IPHONE, "voipPushChannel": QUIET_IPHONE_CALLS,
        "quietHours": { "timeZone": "Etc/UTC", "windows": [window] },
    });
    let android = json!({ "platform": "fcmv1", "pushChannel": ANDROID });
    let android_app = json!({ "platform": "fcmv1", "pushChannel": ANDROID_APP, "android": "data" });
    let phones = [
        ("demo-iphone", iphone),
        ("demo-quiet-iphone", quiet_iphone),
        ("demo-android", android),
        ("demo-android-app", android_app),
    ];
    phones.map(|(id, mut installation)| {
        for (member, value) in owner.as_object().into_iter().flatten() {
            installation[member] = value.clone();
        }
        (id, installation)
    })
}

/// All phones, for the page.
pub fn phones() -> Vec<Phone> {
    let phone = |name: &str, format: &str, handles: &[&str]| Phone {
        name: name.to_owned(),
        format: format.to_owned(),
        handles: handles.iter().map(|&handle| handle.to_owned()).collect(),
    };
    vec![
        phone("iPhone", "apple", &[IPHONE, IPHONE_CALLS]),
        phone("iPhone, quiet hours", "apple", &[QUIET_IPHONE, QUIET_IPHONE_CALLS]),
        phone("Android", "fcmv1", &[ANDROID]),
        phone("Android app", "fcmv1", &[ANDROID_APP]),
    ]
}

/// Whose handle it is; the handle itself when it is none of the demo's.
pub fn device_of(handle: &str) -> &str {
    match handle {
        IPHONE | IPHONE_CALLS => "iPhone",
        QUIET_IPHONE | QUIET_IPHONE_CALLS => "iPhone, quiet hours",
        ANDROID => "Android",
        ANDROID_APP => "Android app",
        other => other,
    }
}

fn guid() -> String {
    let hex = format!("{:032x}", fastrand::u128(..));
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}
