//! A clock that is wrong: who finds out, and what an event that expires because of it says.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::binary::Process;
use crate::support::*;

/// An invocation by a host whose clock shows another time.
fn invocation(event: &Value, host_is_behind: TimeDelta) -> String {
    let mut body = envelope(event);
    body["Metadata"]["sys"]["UtcNow"] = ago(host_is_behind).into();
    body.to_string()
}

/// The event's line, and what else was written.
async fn told(event: &Value, host_is_behind: TimeDelta) -> (Value, String) {
    let (hub, folder) = (emulator().await, tempfile::tempdir().unwrap());
    let process = Process::start(&vars(&hub, &[]), folder.path()).await;
    let line = process.post(&invocation(event, host_is_behind)).await.log_lines().remove(0);
    // Not each invocation is looked at.
    process.post(&invocation(event, host_is_behind)).await;
    (line, process.terminate().await.1)
}

fn aged(mut event: Value, age: TimeDelta) -> Value {
    event["eventTime"] = ago(age).into();
    event
}

fn warnings(output: &str) -> Vec<&str> {
    output.lines().filter(|line| line.contains("WARN ")).collect()
}

#[tokio::test]
async fn a_call_that_expires_because_the_clock_is_ahead_of_the_hosts_says_so() {
    let (line, output) = told(&aged(call("e1", "c1"), TimeDelta::minutes(5)), TimeDelta::minutes(5)).await;
    assert_eq!((&line["outcome"], &line["code"]), (&json!("expired"), &json!("too_old")));
    let reason = line["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("too_old: this computer's clock is 30")
            && reason.ends_with(" s ahead of the Functions host's")
    );
    let [warning] = warnings(&output)[..] else { panic!("{output}") };
    assert!(
        warning.contains(" s ahead of the Functions host's: set it, or events expire too early or too late"),
        "{output}"
    );
}

#[tokio::test]
async fn a_clock_behind_the_hosts_is_warned_about() {
    let (_, output) = told(&sms("e1", "15551234567", "Hello"), TimeDelta::minutes(-2)).await;
    let [warning] = warnings(&output)[..] else { panic!("{output}") };
    assert!(warning.contains("this computer's clock is 119 s behind the Functions host's"), "{output}");
}

#[tokio::test]
async fn an_event_from_the_future_is_warned_about() {
    let (_, output) = told(&aged(sms("e1", "15551234567", "Hello"), TimeDelta::seconds(-90)), TimeDelta::zero()).await;
    let [warning] = warnings(&output)[..] else { panic!("{output}") };
    assert!(
        warning.contains("an event came 89 s before its own eventTime: this computer's clock is behind"),
        "{output}"
    );
}

#[tokio::test]
async fn a_clock_that_is_some_seconds_off_is_no_fault() {
    let (line, output) = told(&aged(call("e1", "c1"), TimeDelta::minutes(5)), TimeDelta::seconds(5)).await;
    assert_eq!(line["reason"], "too_old");
    assert!(warnings(&output).is_empty(), "{output}");
}

#[tokio::test]
async fn metadata_that_tells_no_time_is_no_fault() {
    let (hub, folder) = (emulator().await, tempfile::tempdir().unwrap());
    let process = Process::start(&vars(&hub, &[]), folder.path()).await;
    for metadata in [
        json!(null),
        json!("text"),
        json!({"sys": 7}),
        json!({"sys": {"UtcNow": "noon"}}),
        json!({"sys": {"UtcNow": 7}}),
    ] {
        let body = json!({"Data": {"event": sms("e1", "15551234567", "Hello")}, "Metadata": metadata});
        assert_eq!(process.post(&body.to_string()).await.status, 200, "{metadata}");
    }
    assert!(warnings(&process.terminate().await.1).is_empty());
}
