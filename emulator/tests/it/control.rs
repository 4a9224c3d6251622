//! The controls over HTTP, for users who do not write Rust.

use notification_hubs_emulator::{Action, Emulator, Fault, HubOptions, Options, Rule};
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::client::{apple, http_client, start};

async fn call(emulator: &Emulator, method: Method, path: &str, body: &str) -> Response {
    let url = format!("{}{path}", emulator.url());
    http_client().request(method, url).body(body.to_owned()).send().await.unwrap()
}

async fn get(emulator: &Emulator, path: &str) -> Value {
    let response = call(emulator, Method::GET, path, "").await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/json");
    serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
}

#[tokio::test]
async fn the_record_is_read_and_cleared() {
    let emulator = start().await;
    apple(&emulator).send().await;
    apple(&emulator).body("no json").send().await;

    let all = get(&emulator, "/_emulator/requests").await;
    assert_eq!(all.as_array().unwrap().len(), 2);
    assert_eq!(all[0]["deviceHandle"], "abcdef0123456789");
    assert_eq!((&all[0]["status"], &all[1]["status"]), (&json!(201), &json!(400)));
    let accepted = get(&emulator, "/_emulator/requests?accepted=true").await;
    assert_eq!(accepted.as_array().unwrap().len(), 1);
    assert_eq!(accepted[0]["notificationId"], all[0]["notificationId"]);
    let response = call(&emulator, Method::GET, "/_emulator/requests?accepted=true", "").await;
    assert_eq!(response.headers()["x-total"], "2");

    let response = call(&emulator, Method::DELETE, "/_emulator/requests", "").await;
    assert_eq!(response.status(), 204);
    assert_eq!(get(&emulator, "/_emulator/requests").await, json!([]));
}

#[tokio::test]
async fn faults_are_added_listed_and_removed() {
    let emulator = start().await;
    let post = async |body: &str| call(&emulator, Method::POST, "/_emulator/faults", body).await.status().as_u16();
    assert_eq!(post(r#"{"action":{"status":{"status":429,"retryAfter":"3"}}}"#).await, 204);
    assert_eq!(post(r#"[{"skip":1,"action":"resetAfterBody"},{"times":null}]"#).await, 204);

    let left = get(&emulator, "/_emulator/faults").await;
    assert_eq!(left[0]["action"]["status"]["retryAfter"], "3");
    assert_eq!((&left[1]["skip"], &left[1]["times"]), (&json!(1), &json!(1)));
    assert_eq!((&left[2]["action"], &left[2]["times"]), (&json!("pass"), &Value::Null));

    let response = apple(&emulator).send().await;
    assert_eq!((response.status().as_u16(), &response.headers()["retry-after"]), (429, &"3".parse().unwrap()));
    assert_eq!(get(&emulator, "/_emulator/faults").await.as_array().unwrap().len(), 2);

    let response = call(&emulator, Method::DELETE, "/_emulator/faults", "").await;
    assert_eq!(response.status(), 204);
    assert_eq!(get(&emulator, "/_emulator/faults").await, json!([]));
}

#[tokio::test]
async fn an_invalid_fault_is_refused_with_the_reason() {
    let emulator = start().await;
    for (body, wanted) in [
        ("", "not a fault or an array of faults"),
        ("[{", "not a fault or an array of faults"),
        (r#"{"tims":1}"#, "unknown field `tims`"),
        (r#"{"action":"explode"}"#, "unknown variant `explode`"),
        (r#"{"everyNth":0}"#, "everyNth must be 1 or more"),
        (r#"{"percent":101}"#, "percent must be 0 to 100, not 101"),
        (r#"{"action":{"status":{"status":42}}}"#, "status must be 200 to 599, not 42"),
        (r#"{"action":{"status":{"status":429,"retryAfter":"a\nb"}}}"#, "not an HTTP header"),
        (r#"[{},{"percent":101}]"#, "percent"),
    ] {
        let response = call(&emulator, Method::POST, "/_emulator/faults", body).await;
        assert_eq!(response.status(), 400, "{body}");
        let text = response.text().await.unwrap();
        assert!(text.contains(wanted), "{body}: {text}");
    }
    assert_eq!(get(&emulator, "/_emulator/faults").await, json!([]), "all or none");
}

#[tokio::test]
async fn every_action_has_a_name_in_json() {
    let emulator = start().await;
    let actions = json!([
        "pass", {"status": {"status": 503}}, "resetBeforeBody", "resetAfterBody", "acceptThenReset", "acceptThenStall",
        "acceptThenDelay", "resetAfterAnswer", "halfClose", {"slowBody": {"bytes": 10, "intervalMs": 5}}, "stall",
    ]);
    for action in actions.as_array().unwrap() {
        let fault = json!({"everyNth": 2, "percent": 50, "action": action});
        let response = call(&emulator, Method::POST, "/_emulator/faults", &fault.to_string()).await;
        assert_eq!(response.status(), 204, "{fault}");
        let left = get(&emulator, "/_emulator/faults").await;
        let last = left.as_array().unwrap().last().unwrap();
        assert_eq!((&last["everyNth"], &last["percent"]), (&json!(2), &json!(50)));
        assert_eq!(last["action"].to_string().contains("slowBody"), action.to_string().contains("slowBody"));
    }
}

#[tokio::test]
async fn device_states_are_set_listed_and_cleared() {
    let emulator = start().await;
    let post = async |body: &str| call(&emulator, Method::POST, "/_emulator/devices", body).await.status().as_u16();
    assert_eq!(post(r#"{"deviceHandle":"a","state":"expired"}"#).await, 204);
    assert_eq!(
        post(r#"[{"deviceHandle":"b","state":"unregistered"},{"deviceHandle":"c","state":"throttled"}]"#).await,
        204
    );
    assert_eq!(post(r#"{"deviceHandle":"b","state":"healthy"}"#).await, 204);
    let wanted = json!([{"deviceHandle": "a", "state": "expired"}, {"deviceHandle": "c", "state": "throttled"}]);
    assert_eq!(get(&emulator, "/_emulator/devices").await, wanted);

    for (body, reason) in [
        (r#"{"deviceHandle":"a","state":"dead"}"#, "unknown variant `dead`"),
        (r#"[{"deviceHandle":"x","state":"expired"},{"state":"expired"}]"#, "missing field `deviceHandle`"),
        ("", "not a device or an array of devices"),
    ] {
        let response = call(&emulator, Method::POST, "/_emulator/devices", body).await;
        assert_eq!(response.status(), 400, "{body}");
        let text = response.text().await.unwrap();
        assert!(text.contains(reason), "{body}: {text}");
    }
    assert_eq!(get(&emulator, "/_emulator/devices").await, wanted, "all or none");
    assert_eq!(call(&emulator, Method::DELETE, "/_emulator/devices", "").await.status(), 204);
    assert_eq!(get(&emulator, "/_emulator/devices").await, json!([]));
}

#[tokio::test]
async fn the_front_page_lists_hubs_connection_strings_and_controls() {
    let hub = HubOptions { rules: vec![Rule::send_only("key-1", "key-2")], ..HubOptions::new("alerts") };
    let (hubs, rules) = (vec![hub, HubOptions::new("locked")], Vec::new());
    let emulator = Emulator::start(Options { hubs, rules, ..Options::default() }).await.unwrap();
    let response = call(&emulator, Method::GET, "/", "").await;
    assert_eq!(response.headers()["content-type"], "text/plain; charset=utf-8");
    let page = response.text().await.unwrap();
    let connection_string = emulator.connection_string();
    let hubs = format!(
        "  alerts (Standard, no bundle id)\n    {connection_string}\n  locked (Standard, no bundle id)\n    no rule is valid on this hub\n"
    );
    for wanted in [hubs.as_str(), "POST   /_emulator/faults"] {
        assert!(page.contains(wanted), "{page}");
    }
}

#[tokio::test]
async fn other_methods_and_pages_do_not_exist_and_faults_do_not_apply_to_controls() {
    let emulator = start().await;
    emulator.add_fault(Fault::action(Action::ResetAfterBody).always());
    for (method, path, status) in [
        (Method::POST, "/", 405),
        (Method::PUT, "/_emulator/faults", 405),
        (Method::POST, "/_emulator/requests", 405),
        (Method::GET, "/_emulator/nothing", 404),
        (Method::GET, "/_emulator/messages", 404),
        (Method::HEAD, "/_emulator/nothing", 404),
        // Requests of tools that wait for a server.
        (Method::HEAD, "/", 200),
        (Method::HEAD, "/_emulator/requests", 200),
        (Method::HEAD, "/_emulator/page/main.js", 200),
    ] {
        assert_eq!(call(&emulator, method, path, "").await.status(), status, "{path}");
    }
    assert!(emulator.requests().is_empty());
}
