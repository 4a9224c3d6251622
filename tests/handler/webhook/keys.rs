//! Who may post events, and who may ask for the rest: by shared keys.

use notification_hubs_emulator::Fault;
use reqwest::{Method, RequestBuilder};
use serde_json::json;

use super::PATH;
use crate::binary::{Process, command};
use crate::support::*;

const KEYS: &str = "one-key-of-the-webhook+/=, another-key-of-the-webhook";
const FIRST: &str = "one-key-of-the-webhook+/=";
const SECOND: &str = "another-key-of-the-webhook";
const ADMIN: &str = "a-key-of-the-administrator";

/// A key in the query, as a URL has it.
fn code(key: &str) -> String {
    format!("?code={}", urlencoding::encode(key))
}

async fn status(request: RequestBuilder) -> u16 {
    Reply::of(request).await.status
}

#[tokio::test]
async fn each_of_two_keys_opens_what_it_is_for_in_the_query_and_in_the_header() {
    let app = App::webhook(&[("WEBHOOK_KEY", KEYS), ("ADMIN_KEY", ADMIN)]).await;
    let post = |query: &str| app.request(Method::POST, &format!("{PATH}{query}")).body("[]");
    let options = |query: &str| {
        app.request(Method::OPTIONS, &format!("{PATH}{query}")).header("webhook-request-origin", "eventgrid.azure.net")
    };
    for key in [FIRST, SECOND] {
        assert_eq!(status(post(&code(key))).await, 200);
        assert_eq!(status(post(&format!("?a=b&code={}", urlencoding::encode(key)))).await, 200);
        assert_eq!(status(post("").header("x-functions-key", key)).await, 200);
        assert_eq!(status(options(&code(key))).await, 200);
    }
    for wrong in ["", "?code=", &code("one-key"), &code(ADMIN), &code(KEYS), "?code", "?Code=x"] {
        let reply = Reply::of(post(wrong)).await;
        assert_eq!((reply.status, reply.headers["www-authenticate"].as_str()), (401, "Bearer"), "{wrong}");
        assert_eq!(status(options(wrong)).await, 401, "{wrong}");
    }
    for path in ["/api/status", "/api/installations/iphone", "/metrics"] {
        let get = |query: &str| app.request(Method::GET, &format!("{path}{query}"));
        let expected = if path == "/api/installations/iphone" { 404 } else { 200 };
        assert_eq!(status(get(&code(ADMIN))).await, expected, "{path}");
        assert_eq!(status(get("").header("x-functions-key", ADMIN)).await, expected, "{path}");
        for wrong in ["", &code(FIRST), "?code=x"] {
            assert_eq!(status(get(wrong)).await, 401, "{path}{wrong}");
        }
    }
    for open in ["/healthz", "/readyz"] {
        assert_eq!(app.get(open).await.status, 200);
    }
}

#[tokio::test]
async fn without_keys_it_serves_loopback_only() {
    let (hub, folder) = (emulator().await, tempfile::tempdir().unwrap());
    let all = "0.0.0.0:0";
    let tenant = "72f988bf-86f1-41af-91ab-2d7cd011db47";
    for (settings, faults) in [
        (vec![], &["WEBHOOK_KEY: expected a key, or WEBHOOK_ENTRA_TENANT", "ADMIN_KEY: expected a key"][..]),
        (vec![("WEBHOOK_KEY", FIRST)], &["ADMIN_KEY: expected a key"]),
        (vec![("ADMIN_KEY", ADMIN)], &["WEBHOOK_KEY: expected a key"]),
        (
            vec![("ADMIN_KEY", ADMIN), ("WEBHOOK_ENTRA_TENANT", tenant)],
            &["WEBHOOK_ENTRA_AUDIENCE: expected the application's id"],
        ),
        (
            vec![("ADMIN_KEY", ADMIN), ("WEBHOOK_ENTRA_TENANT", "contoso.com"), ("WEBHOOK_ENTRA_AUDIENCE", "a")],
            &["WEBHOOK_ENTRA_TENANT: expected the tenant's id (a UUID)"],
        ),
        (
            vec![("ADMIN_KEY", "a,b,c"), ("WEBHOOK_KEY", ",")],
            &["WEBHOOK_KEY: expected one key", "ADMIN_KEY: expected one"],
        ),
    ] {
        let mut command = command(&vars(&hub, &settings), folder.path());
        let output = command.args(["serve", "--webhook"]).env("LISTEN", all).output().await.unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(78), "{told}");
        let lines: Vec<&str> = told.lines().filter(|line| !line.starts_with("warning: ")).collect();
        assert_eq!(lines.len(), faults.len(), "{told}");
        assert!(lines.iter().zip(faults).all(|(line, fault)| line.starts_with(fault)), "{told}");
    }
}

#[tokio::test]
async fn no_line_at_any_level_holds_a_key_or_a_token() {
    let (hub, folder) = (emulator().await, tempfile::tempdir().unwrap());
    let settings = [
        ("WEBHOOK_KEY", KEYS),
        ("ADMIN_KEY", ADMIN),
        ("RUST_LOG", "trace"),
        ("WEBHOOK_ENTRA_TENANT", "http://127.0.0.1:9/72f988bf-86f1-41af-91ab-2d7cd011db47"),
        ("WEBHOOK_ENTRA_AUDIENCE", "api://push"),
    ];
    let process = Process::start_webhook(&vars(&hub, &settings), folder.path()).await;
    let post = |query: &str| process.request(Method::POST, &format!("{PATH}{query}"));
    let event = json!([sms("e1", "15551234567", "Hello")]).to_string();
    assert_eq!(status(post(&code(FIRST)).body(event)).await, 200);
    assert_eq!(status(post(&code("a-wrong-key-of-somebody")).body("[]")).await, 401);
    assert_eq!(
        status(post("").header("authorization", "Bearer eyJhbGciOiJSUzI1NiJ9.e30.canary").body("[]")).await,
        401
    );
    // {"alg":"RS256","kid":"k"}: a token whose keys cannot be fetched.
    let token = "Bearer eyJhbGciOiJSUzI1NiIsImtpZCI6ImsifQ.e30.canary";
    assert_eq!(status(post("").header("authorization", token).body("[]")).await, 503);
    let (_, output) = process.terminate().await;
    assert!(output.contains("a request was refused: "), "{output}");
    assert!(output.contains("the keys of bearer tokens cannot be fetched: no connection to "), "{output}");
    for secret in [FIRST, SECOND, ADMIN, "a-wrong-key", "canary", "eyJ", "15551234567"] {
        assert!(!output.contains(secret), "{secret}: {output}");
    }
}

#[tokio::test]
async fn the_checks_of_status_are_answered_to_the_key_of_status() {
    let app = App::webhook(&[("WEBHOOK_KEY", KEYS), ("ADMIN_KEY", ADMIN)]).await;
    let ask = async |query: &str, key: &str| app.get(&format!("/api/status{}{query}", code(key))).await;
    assert_eq!(app.get("/api/status?check").await.status, 401);
    assert_eq!(ask("&check", FIRST).await.status, 401);
    let reply = ask("&check", ADMIN).await;
    let report = reply.json();
    assert_eq!((reply.status, &report["ok"]), (200, &json!(true)), "{report}");
    let told = |name: &str| report["checks"].as_array().unwrap().iter().find(|check| check["name"] == name).unwrap();
    assert_eq!(told("hub alerts, first key")["state"], "ok");
    assert_eq!(told("VoIP hub calls, first key")["rests_on"], "Send key");
    assert_eq!(told("store")["state"], "ok");
    // Without the word, or with `false`, it counts.
    assert_eq!(ask("", ADMIN).await.json()["received"], 0);
    assert_eq!(ask("&check=false", ADMIN).await.json()["received"], 0);

    app.hub.add_fault(Fault::status(404).on_hub(VOIP_HUB));
    let report = ask("&check", ADMIN).await.json();
    let faults: Vec<_> =
        report["checks"].as_array().unwrap().iter().filter(|check| check["state"] == "fault").collect();
    assert_eq!(
        (&report["ok"], faults.len(), &faults[0]["name"]),
        (&json!(false), 1, &json!("VoIP hub calls, first key"))
    );
}
