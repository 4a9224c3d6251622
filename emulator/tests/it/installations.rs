//! Installations over the wire: put, get, patch, delete.

use notification_hubs_emulator::{DeviceState, Emulator, HubOptions, Options};
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Send, apple, start};

fn call(emulator: &Emulator, method: Method, id: &str, body: &Value) -> Send {
    let target = format!("/{}/installations/{id}?api-version=2020-06", emulator.hub_name());
    let body = if body.is_null() { String::new() } else { body.to_string() };
    apple(emulator).method(method).target(&target).header("Content-Type", "application/json").body(body)
}

fn installation() -> Value {
    json!({"installationId": "1", "platform": "apns", "pushChannel": "abc", "tags": ["a"], "userId": "ada"})
}

async fn get(emulator: &Emulator) -> Value {
    let response = call(emulator, Method::GET, "1", &Value::Null).send().await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/xml; charset=utf-8", "as the service was recorded");
    serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
}

#[tokio::test]
async fn an_installation_is_put_read_patched_and_deleted() {
    let emulator = start().await;
    let not_found = (404, "Installation not found".to_owned());
    let missing = call(&emulator, Method::GET, "1", &Value::Null);
    assert_eq!(missing.refusal().await, not_found);
    let response = call(&emulator, Method::PUT, "1", &installation()).send().await;
    assert!(!response.headers().contains_key("content-type") && !response.headers().contains_key("x-powered-by"));
    assert_eq!((response.status().as_u16(), response.text().await.unwrap().as_str()), (200, ""));
    let mut wanted = installation();
    wanted["pushChannelExpired"] = json!(false);
    wanted["expirationTime"] = json!("9999-12-31T23:59:59.9999999Z");
    assert_eq!(get(&emulator).await, wanted);

    let patch = json!([
        {"op": "replace", "path": "/pushChannel", "value": "def"},
        {"op": "add", "path": "/tags", "value": "b"},
    ]);
    assert_eq!(call(&emulator, Method::PATCH, "1", &patch).status().await, 200);
    (wanted["pushChannel"], wanted["tags"]) = (json!("def"), json!(["a", "b"]));
    assert_eq!(get(&emulator).await, wanted);

    for _ in 0..2 {
        let response = call(&emulator, Method::DELETE, "1", &Value::Null).send().await;
        assert_eq!(response.status(), 204);
    }
    assert_eq!(missing.refusal().await, not_found);
    assert_eq!(call(&emulator, Method::PATCH, "1", &patch).refusal().await, not_found);
    assert!(emulator.accepted().is_empty(), "an installation is not a send");
}

#[tokio::test]
async fn a_template_is_added_as_text_as_the_official_sdks_send_it() {
    let emulator = start().await;
    assert_eq!(call(&emulator, Method::PUT, "1", &installation()).status().await, 200);
    let template = json!({"body": "{\"aps\":{\"alert\":\"$(text)\"}}", "headers": {"apns-priority": "10"}});
    let patch = json!([{"op": "add", "path": "/templates/greeting", "value": template.to_string()}]);
    assert_eq!(call(&emulator, Method::PATCH, "1", &patch).status().await, 200);
    assert_eq!(get(&emulator).await["templates"], json!({"greeting": template}));
    let not_json = json!([{"op": "add", "path": "/templates/greeting", "value": "hello"}]);
    let (status, detail) = call(&emulator, Method::PATCH, "1", &not_json).refusal().await;
    assert!(status == 400 && detail.contains("'/templates/greeting'"), "{status} {detail}");
    assert_eq!(get(&emulator).await["templates"], json!({"greeting": template}));
}

#[tokio::test]
async fn an_installation_exists_in_its_hub_only() {
    let hubs = vec![HubOptions::new("a"), HubOptions::new("b")];
    let emulator = Emulator::start(Options { hubs, ..Options::default() }).await.unwrap();
    assert_eq!(call(&emulator, Method::PUT, "1", &installation()).status().await, 200);
    let other = call(&emulator, Method::GET, "1", &Value::Null).target("/b/installations/1?api-version=2020-06");
    assert_eq!(other.status().await, 404);
}

#[tokio::test]
async fn the_push_channel_of_an_unregistered_device_is_expired() {
    let emulator = start().await;
    assert_eq!(call(&emulator, Method::PUT, "1", &installation()).status().await, 200);
    for (state, expired) in [(DeviceState::Unregistered, true), (DeviceState::Throttled, false)] {
        emulator.set_device("abc", state);
        assert_eq!(get(&emulator).await["pushChannelExpired"], json!(expired), "{state:?}");
    }
}

#[tokio::test]
async fn an_invalid_installation_is_refused_and_changes_nothing() {
    let emulator = start().await;
    assert_eq!(call(&emulator, Method::PUT, "1", &installation()).status().await, 200);
    let with = |name: &str, value: Value| {
        let mut changed = installation();
        changed[name] = value;
        changed
    };
    let many: Vec<_> = (0..61).map(|number| format!("t{number}")).collect();
    for (body, wanted) in [
        (json!("text"), "not a JSON object"),
        (with("installationId", json!("2")), "'installationId' differs"),
        (with("installationId", Value::Null), "'installationId' is missing"),
        (with("platform", json!("apple")), "the platform 'apple' does not exist"),
        (with("pushChannel", json!("")), "'pushChannel'"),
        (with("pushChannel", json!({"endpoint": "a"})), "'pushChannel'"),
        (with("tags", json!(many)), "at most 60 tags are allowed, not 61"),
        (with("tags", json!(["+1425"])), "'+1425' is not a valid tag"),
        (with("tags", json!(["x".repeat(121)])), "is not a valid tag"),
        (with("tags", json!("a")), "'tags'"),
    ] {
        let (status, detail) = call(&emulator, Method::PUT, "1", &body).refusal().await;
        assert!(status == 400 && detail.contains(wanted), "{wanted}: {status} {detail}");
    }
    let patch = json!([{"op": "add", "path": "/tags", "value": "no tag!"}]);
    assert_eq!(call(&emulator, Method::PATCH, "1", &patch).refusal().await.0, 400);
    assert_eq!(call(&emulator, Method::PUT, "1", &with("x", json!("x".repeat(65_536)))).refusal().await.0, 413);
    assert_eq!(get(&emulator).await["tags"], json!(["a"]));
    let response = call(&emulator, Method::POST, "1", &installation()).send().await;
    assert_eq!(
        (response.status().as_u16(), &response.headers()["allow"]),
        (405, &"GET, PUT, PATCH, DELETE".parse().unwrap())
    );
}

#[tokio::test]
async fn every_platform_and_the_longest_tag_are_accepted() {
    let emulator = start().await;
    for platform in ["apns", "fcmv1", "FCMV1", "gcm", "wns", "mpns", "adm", "baidu", "xiaomi", "browser"] {
        let mut body = installation();
        body["platform"] = json!(platform);
        body["tags"] = json!(["8:acs:1_2", "$UserId:{ada}", "a@b#c.d-e", "x".repeat(120)]);
        assert_eq!(call(&emulator, Method::PUT, "1", &body).status().await, 200, "{platform}");
    }
    let browser = json!({"installationId": "1", "platform": "browser", "pushChannel": {"endpoint": "a", "p256dh": "b", "auth": "c"}});
    assert_eq!(call(&emulator, Method::PUT, "1", &browser).status().await, 200);
}
