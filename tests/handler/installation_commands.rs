//! `acs-push installations`: registered devices by the command line, as by the HTTP API.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;

use crate::binary::{Process, command};
use crate::support::*;

/// Runs the command; its exit code, what it printed, and its error.
async fn run(folder: &Path, arguments: &[&str], input: &str) -> (Option<i32>, String, String) {
    let vars = [("STORE".to_owned(), "file:store".to_owned())].into();
    let mut command = command(&vars, folder);
    let output = command.arg("installations").args(arguments).output_of(input.as_bytes());
    let output = timeout(Duration::from_secs(60), output).await.unwrap().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[tokio::test]
async fn what_a_command_puts_the_api_shows_and_the_other_way_round() {
    let (hub, folder) = (emulator().await, tempfile::tempdir().unwrap());
    let phone = json!({"userId": BOB, "phoneNumbers": ["+1 555 123 4567"], "platform": "apns", "pushChannel": IPHONE, "locale": "ko"});
    let (code, told, _) = run(folder.path(), &["put", "iphone"], &phone.to_string()).await;
    assert_eq!(code, Some(0));
    let put: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((&put["installationId"], &put["pushChannel"]), (&json!("iphone"), &json!("****e8f0")));
    let process = Process::start(&vars(&hub, &[("STORE", "file:store")]), folder.path()).await;
    assert_eq!(process.get("iphone").await, put);
    process.put("android", json!({"userId": BOB, "platform": "fcmv1", "pushChannel": ANDROID})).await;

    let (code, told, _) = run(folder.path(), &["show", "iphone"], "").await;
    assert_eq!((code, serde_json::from_str::<Value>(&told).unwrap()), (Some(0), put));
    for (person, expected) in [
        (BOB, "iphone: apns at ****e8f0, locale ko\nandroid: fcmv1 at ****RYqx\n"),
        ("+1 (555) 123-4567", "iphone: apns at ****e8f0, locale ko\n"),
        ("15550000000", "the number ****00 has no installations in the store (folder store)\n"),
    ] {
        let (code, told, _) = run(folder.path(), &["list", person], "").await;
        assert_eq!((code, told.as_str()), (Some(0), expected), "{person}");
    }
    assert_eq!(run(folder.path(), &["delete", "iphone"], "").await.0, Some(0));
    assert_eq!(process.get("iphone").await["error"]["code"], json!("NotFound"));
    for command in ["show", "delete"] {
        let (code, _, told) = run(folder.path(), &[command, "iphone"], "").await;
        assert!(code == Some(1) && told.contains("no installation has this id"), "{told}");
    }
}

#[tokio::test]
async fn a_put_has_the_faults_of_the_api_and_exit_code_65() {
    let (hub, folder) = (emulator().await, tempfile::tempdir().unwrap());
    let process = Process::start(&vars(&hub, &[("STORE", "file:store")]), folder.path()).await;
    for wrong in ["{\"userId\":\n", "[]", r#"{"userId":"x","platform":"gcm"}"#, r#"{"pushChanel":"1"}"#] {
        std::fs::write(folder.path().join("phone.json"), wrong).unwrap();
        let (code, printed, told) = run(folder.path(), &["put", "iphone", "phone.json"], "").await;
        let answer = Reply::of(process.put_request("iphone", &json!(null)).body(wrong)).await;
        let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
        assert_eq!((code, printed.as_str(), told), (Some(65), "", format!("acs-push: {message}\n")));
    }
    assert_eq!(process.get("iphone").await["error"]["code"], json!("NotFound"));
}

#[tokio::test]
async fn who_looks_or_deletes_with_other_limits_takes_nothing_from_others() {
    let (hub, folder) = (emulator().await, tempfile::tempdir().unwrap());
    let process = Process::start(&vars(&hub, &[("STORE", "file:store")]), folder.path()).await;
    for (id, handle) in [("one", "a1"), ("two", "a2"), ("three", "a3")] {
        let phone = json!({"phoneNumbers": ["15551234567"], "platform": "apns", "pushChannel": handle.repeat(32)});
        assert_eq!(process.put(id, phone).await, 201);
    }
    let vars = [("STORE", "file:store"), ("INSTALLATIONS_PER_NUMBER", "1")];
    let vars = vars.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let output = command(&vars, folder.path()).args(["installations", "delete", "two"]).output().await.unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(process.outcome(&sms("e1", "15551234567", "Hello")).await, "delivered");
    assert_eq!(hub.accepted().len(), 2);
}
