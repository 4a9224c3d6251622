//! A stand-in for Azure Resource Manager: it answers with the resources of an app that is deployed right, which a test changes.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use warp::Filter as _;
use warp::http::{Method, Response};
use warp::path::FullPath;

const SUBSCRIPTION: &str = "/subscriptions/5ab5";
pub const SITE: &str = "/subscriptions/5ab5/resourceGroups/push/providers/Microsoft.Web/sites/app";
const TOPIC: &str = "/subscriptions/5ab5/resourceGroups/acs/providers/Microsoft.EventGrid/systemTopics/topic";
const SERVICE: &str =
    "/subscriptions/5ab5/resourceGroups/acs/providers/Microsoft.Communication/communicationServices/acs";
pub const NAMESPACE: &str =
    "/subscriptions/5ab5/resourceGroups/push/providers/Microsoft.NotificationHubs/namespaces/hubs";

/// Credentials that ARM returns, and the token that it wants: nobody may ever see them.
pub const SECRETS: [&str; 4] = ["apple-canary", "google-canary", "mail-canary", "the-token"];

/// Path and body of each resource, and the status in place of 200 where it has one.
pub type Resources = BTreeMap<String, (u16, Value)>;

/// A running ARM. It ends when it is dropped.
pub struct Arm {
    pub address: String,
    pub resources: Arc<Mutex<Resources>>,
    /// Path, query and `Authorization` of each request.
    pub requests: Arc<Mutex<Vec<(String, String, String)>>>,
    server: JoinHandle<()>,
}

impl Drop for Arm {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Arm {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let resources = Arc::new(Mutex::new(right(&address)));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (served, noted) = (Arc::clone(&resources), Arc::clone(&requests));
        let asked = warp::method().and(warp::path::full()).and(warp::query::raw()).and(warp::header("authorization"));
        let answers = asked.map(move |method: Method, path: FullPath, query: String, authorization: String| {
            let path = path.as_str().to_owned();
            // ARM answers a wrong method with 405.
            let is_right =
                (method == Method::POST) == path.ends_with("/pnsCredentials") && query.contains("api-version=20");
            // The second page of a list has the path of the first.
            let key = if query.contains("page=2") { format!("{path} 2") } else { path.clone() };
            noted.lock().unwrap().push((path, query, authorization));
            let (status, body) = match served.lock().unwrap().get(&key).cloned() {
                Some(found) if is_right => found,
                Some(_) => (405, json!({})),
                None => (404, json!({"error": {"code": "ResourceNotFound"}})),
            };
            Response::builder().status(status).body(body.to_string()).unwrap()
        });
        let server = tokio::spawn(warp::serve(answers).incoming(listener).run());
        Self { address, resources, requests, server }
    }

    /// Changes one resource, by the end of its path.
    pub fn change(&self, end: &str, change: impl FnOnce(&mut (u16, Value))) {
        let mut resources = self.resources.lock().unwrap();
        let (_, found) = resources.iter_mut().find(|(path, _)| path.ends_with(end)).unwrap_or_else(|| panic!("{end}"));
        change(found);
    }
}

/// An Azure CLI that is logged in, and keeps the words that it was called with in `az-words`.
pub fn azure_cli(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let az = folder.join("az");
    let token = r#"{"accessToken": "the-token", "expiresOn": "2099-01-01 00:00:00.000000", "tokenType": "Bearer"}"#;
    std::fs::write(&az, format!("#!/bin/sh\necho \"$@\" > az-words\necho '{token}'\n")).unwrap();
    std::fs::set_permissions(&az, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn apns(bundle: &str) -> Value {
    let endpoint = "https://api.push.apple.com:443/3/device";
    json!({"properties": {
        "appName": bundle, "appId": "TEAM", "keyId": "KEYID", "token": "apple-canary", "endpoint": endpoint, "thumbprint": null,
    }})
}

fn metrics(sums: &[(&str, f64)]) -> Value {
    let metric = |(name, sum): &(&str, f64)| json!({"name": {"value": name}, "timeseries": [{"data": [{"timeStamp": "2026-11-27T21:00:00Z", "total": sum}, {}]}]});
    json!({"value": sums.iter().map(metric).collect::<Vec<_>>()})
}

/// Everything as it should be.
fn right(address: &str) -> Resources {
    let list = |values: Value| json!({"value": values, "nextLink": null});
    let function = |name: &str| json!({"name": format!("app/{name}"), "properties": {"isDisabled": false}});
    let reference = |name: &str| json!({"name": name, "properties": {"status": "Resolved", "vaultName": "v"}});
    let types = [
        "SMSReceived",
        "ChatMessageReceived",
        "ChatMessageEdited",
        "ChatMessageDeleted",
        "ChatThreadCreatedWithUser",
        "ChatParticipantAddedToThreadWithUser",
        "ChatParticipantRemovedFromThreadWithUser",
        "ChatThreadWithUserDeleted",
        "IncomingCall",
    ];
    let types = types.map(|name| format!("Microsoft.Communication.{name}"));
    let subscription = json!({"name": "acs-push", "properties": {
        "provisioningState": "Succeeded",
        "destination": {
            "endpointType": "AzureFunction",
            "properties": {"resourceId": format!("{}/functions/EventGridTrigger", SITE.to_lowercase())},
        },
        "filter": {"subjectBeginsWith": "", "includedEventTypes": types, "advancedFilters": [{
            "operatorType": "StringBeginsWith", "key": "subject",
            "values": ["phonenumber/", "/phonenumber/", "user/", "/user/", "thread/", "/thread/", "caller/", "/caller/"],
        }]},
        "deadLetterDestination": null,
        "deadLetterWithResourceIdentity": {"deadLetterDestination": {"endpointType": "StorageBlob"}},
    }});
    let other = json!({"name": "other", "properties": {
        "destination": {"endpointType": "WebHook", "properties": {"endpointBaseUrl": "https://example.org"}},
        "provisioningState": "Failed", "filter": {},
    }});
    let fcm = json!({"properties": {"projectId": "p", "clientEmail": "mail-canary", "privateKey": "google-canary"}});
    let topics = format!("{SUBSCRIPTION}/providers/Microsoft.EventGrid/systemTopics");
    let topic = json!({"id": TOPIC, "properties": {"source": SERVICE, "topicType": "Microsoft.Communication.CommunicationServices"}});
    let storage =
        json!({"id": "/other", "properties": {"source": "/s", "topicType": "Microsoft.Storage.StorageAccounts"}});
    let subscriptions = format!("{TOPIC}/eventSubscriptions");
    let next = format!("{address}{subscriptions}?api-version=2025-02-15&page=2");
    let rule = json!({"properties": {"rights": ["Send"]}});
    let hub_sums = [("incoming", 5.0), ("outgoing.allpns.success", 4.0), ("outgoing.apns.badchannel", 1.0)];
    let namespace =
        json!({"id": NAMESPACE, "name": "hubs", "properties": {"serviceBusEndpoint": "https://127.0.0.1:443/"}});
    let hub = |name: &str| format!("{NAMESPACE}/notificationHubs/{name}");
    let resources = [
        (format!("{SITE}/functions"), list(json!([function("EventGridTrigger"), function("Status")]))),
        (
            format!("{SITE}/config/configreferences/appsettings"),
            list(json!([reference("KEY_ONE"), reference("KEY_TWO")])),
        ),
        (format!("{SITE}/config/authsettingsV2"), json!({"properties": {"platform": {"enabled": false}}})),
        (topics, list(json!([storage, topic]))),
        (subscriptions.clone(), json!({"value": [other], "nextLink": next})),
        (format!("{subscriptions} 2"), list(json!([subscription]))),
        (
            format!("{TOPIC}/providers/Microsoft.Insights/metrics"),
            metrics(&[("MatchedEventCount", 7.0), ("DeliverySuccessCount", 6.0), ("DeliveryAttemptFailCount", 1.0)]),
        ),
        (SERVICE.to_owned(), json!({"properties": {"hostName": "acs.example.org"}})),
        (
            format!("{SUBSCRIPTION}/providers/Microsoft.Communication/communicationServices"),
            list(json!([{"id": SERVICE}])),
        ),
        (format!("{SUBSCRIPTION}/providers/Microsoft.NotificationHubs/namespaces"), list(json!([namespace]))),
        (
            format!("{}/pnsCredentials", hub("alerts")),
            json!({"properties": {"apnsCredential": apns("com.example"), "fcmV1Credential": fcm, "gcmCredential": null}}),
        ),
        (
            format!("{}/pnsCredentials", hub("calls")),
            json!({"properties": {"apnsCredential": apns("com.example.voip")}}),
        ),
        (format!("{}/authorizationRules/Send", hub("alerts")), rule.clone()),
        (format!("{NAMESPACE}/authorizationRules/Send"), rule),
        (format!("{}/providers/Microsoft.Insights/metrics", hub("alerts")), metrics(&hub_sums)),
        (format!("{}/providers/Microsoft.Insights/metrics", hub("calls")), metrics(&[])),
    ];
    resources.into_iter().map(|(path, body)| (path, (200, body))).collect()
}
