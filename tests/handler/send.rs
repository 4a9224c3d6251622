//! `acs-push send`: events of a file, delivered and explained.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use notification_hubs_emulator::{Action, Emulator, Fault};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::timeout;

use crate::binary::{Process, command, documents};
use crate::support::*;

/// A store in which Bob has an iPhone and an Android phone.
async fn with_phones() -> (Emulator, TempDir) {
    let (hub, folder) = (emulator().await, tempfile::tempdir().unwrap());
    let process = Process::start(&vars(&hub, &[("STORE", "file:store")]), folder.path()).await;
    let phone = json!({
        "userId": BOB, "phoneNumbers": ["15551234567"], "platform": "apns", "pushChannel": IPHONE, "voipPushChannel": IPHONE_VOIP,
    });
    process.put("iphone", phone).await;
    process.put("android", json!({"userId": BOB, "platform": "fcmv1", "pushChannel": ANDROID, "locale": "ko"})).await;
    process.terminate().await;
    (hub, folder)
}

/// Runs the command on these events; its exit code and what it wrote.
async fn send(hub: &Emulator, folder: &Path, events: &Value, arguments: &[&str]) -> (Option<i32>, String) {
    std::fs::write(folder.join("events.json"), events.to_string()).unwrap();
    let mut command = command(&vars(hub, &[("STORE", "file:store")]), folder);
    let output = command.args(["send", "events.json"]).args(arguments).output();
    let output = timeout(Duration::from_secs(60), output).await.unwrap().unwrap();
    (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

fn assert_holds(told: &str, parts: &[&str]) {
    for part in parts {
        assert!(told.contains(part), "{part} is not in\n{told}");
    }
}

#[tokio::test]
async fn each_decision_is_printed_and_the_hub_gets_what_is_printed() {
    let (hub, folder) = with_phones().await;
    let (code, told) = send(&hub, folder.path(), &chat("e1", "ChatMessageReceived", "m1", 1, "Lunch?"), &[]).await;
    assert_eq!(code, Some(0), "{told}");
    assert_holds(
        &told,
        &[
            "event 1: e1\n",
            "  type       Microsoft.Communication.ChatMessageReceived\n",
            "  subject    thread/...\n",
            " ago\n",
            "  lifetime   24 h; ",
            "  recipient  the user ****0f6d\n",
            "  device     iphone: apns, content full, locale none\n",
            "  device     android: fcmv1, content full, locale ko\n",
            "  payload    iphone at ****e8f0: hub alerts, ",
            " of 4096 bytes\n             apns-push-type: alert\n",
            "  answer     accepted, tracking id ",
            "  outcome    delivered, 2 of 2 devices",
        ],
    );
    let sent = hub.accepted();
    assert_eq!(sent.len(), 2);
    for request in &sent {
        assert!(told.contains(&request.body), "{}\n{told}", request.body);
        assert!(!told.contains(request.device_handle.as_deref().unwrap()), "{told}");
    }
    assert!(!told.contains("SharedAccess"), "{told}");
}

#[tokio::test]
async fn a_refusal_is_told_with_the_hubs_own_words() {
    let (hub, folder) = with_phones().await;
    let body = Some(
        "<Error><Code>400</Code><Detail>The token is obtained for another app.TrackingId:1,TimeStamp:2</Detail></Error>",
    );
    let body = body.map(str::to_owned);
    let refusal = Action::Status { status: 400, retry_after: None, headers: Default::default(), body };
    hub.add_fault(Fault::action(refusal).always());
    let (code, told) = send(&hub, folder.path(), &chat("e1", "ChatMessageReceived", "m1", 1, "Lunch?"), &[]).await;
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("The token is obtained for another app"), "{told}");
}

#[tokio::test]
async fn a_dry_run_tells_the_same_and_sends_and_writes_nothing() {
    let (hub, folder) = with_phones().await;
    let before = documents(&folder.path().join("store"));
    let events = json!([
        chat("e1", "ChatMessageReceived", "m1", 1, "Lunch?"),
        chat("e2", "ChatMessageDeleted", "m1", 2, ""),
        call("e3", "d732db64-4803-462d-be9c-518943ea2b7a"),
        sms("e4", "15551234567", "Hello"),
    ]);
    let (code, told) = send(&hub, folder.path(), &events, &["--dry-run"]).await;
    assert_eq!(code, Some(0), "{told}");
    assert_holds(
        &told,
        &[
            "  recipient  the number ****67\n",
            "  payload    iphone at ****0001: hub calls, ",
            "apns-push-type: voip",
            "  answer     not sent: dry run\n",
            "  outcome    delivered, 2 of 2 devices; dry run",
        ],
    );
    assert!(hub.requests().is_empty());
    assert_eq!(documents(&folder.path().join("store")), before);

    // What was no store before is none afterwards, and what cannot be an event is no dead letter.
    let elsewhere = tempfile::tempdir().unwrap();
    let (code, told) = send(&hub, elsewhere.path(), &json!([{"id": "no event"}]), &["--dry-run"]).await;
    assert_eq!(code, Some(1));
    assert_holds(&told, &["  outcome    dead_lettered (not_an_event: ", "1 failed or can never succeed"]);
    assert!(!elsewhere.path().join("store").exists());
}

#[tokio::test]
async fn an_alert_in_place_of_a_call_is_told_with_its_cause_for_the_device_and_for_the_event() {
    let (hub, folder) = with_phones().await;
    let mut unreadable = call("e1", "d732db64-4803-462d-be9c-518943ea2b7a");
    unreadable["data"]["incomingCallContext"] = json!("{incoming-call-contextValue}");
    let cause = "context_unreadable: the event's incomingCallContext has no readable claim cc, so an alert is sent";
    for arguments in [&["--dry-run"][..], &[]] {
        let (code, told) = send(&hub, folder.path(), &unreadable, arguments).await;
        assert_eq!(code, Some(0), "{told}");
        assert_holds(
            &told,
            &[
                &format!("  alert      iphone: {cause}"),
                &format!("  alert      android: {cause}"),
                &format!("  outcome    delivered ({cause}"),
            ],
        );
    }
    // What only the hub can know.
    hub.add_fault(Fault::status(401).on_hub(VOIP_HUB).always());
    let (_, told) = send(&hub, folder.path(), &call("e2", "d732db64-4803-462d-be9c-518943ea2b7a"), &[]).await;
    let refused = "voip_hub_refused: the VoIP hub refused the call (hub 401";
    assert_holds(&told, &[&format!("  alert      iphone: {refused}"), &format!("outcome    delivered ({refused}")]);
    assert!(!told.contains("alert      android"), "{told}");
}

#[tokio::test]
async fn what_goes_to_many_at_once_is_told_once_with_all_of_them() {
    let (hub, folder) = with_phones().await;
    let process = Process::start(&vars(&hub, &[("STORE", "file:store")]), folder.path()).await;
    for number in 0..9 {
        let phone = json!({"userId": BOB, "platform": "apns", "pushChannel": format!("{number:064x}")});
        process.put(&format!("other-{number}"), phone).await;
    }
    process.terminate().await;
    for (arguments, answer) in [(&["--dry-run"][..], "not sent: dry run"), (&[], "accepted, tracking id ")] {
        let (code, told) =
            send(&hub, folder.path(), &chat("e1", "ChatMessageReceived", "m1", 1, "Hello"), arguments).await;
        assert_eq!(code, Some(0), "{told}");
        let answer = format!("  answer     {answer}");
        assert_holds(
            &told,
            &["  payload    10 devices in one batch: hub alerts, ", "             other-8 at ****0008\n", &answer],
        );
        assert_holds(&told, &["  payload    android at ****", "outcome    delivered, 11 of 11 devices"]);
    }
    assert_eq!(hub.requests().len(), 2);
}

#[tokio::test]
async fn an_event_that_comes_to_nothing_says_why() {
    let (hub, folder) = with_phones().await;
    let mut old = sms("e1", "15551234567", "Hello");
    old["eventTime"] = json!("2020-09-18T00:27:47Z");
    let mut foreign = sms("e2", "15551234567", "Hello");
    foreign["subject"] = json!("queue/1");
    // As Event Grid's dead-lettering writes it.
    let mut nobody = sms("e3", "15550000000", "Hello");
    nobody["deadLetterReason"] = json!("MaxDeliveryAttemptsExceeded");
    let (code, told) = send(&hub, folder.path(), &json!([old, foreign, nobody]), &[]).await;
    assert_eq!(code, Some(0), "{told}");
    assert_holds(
        &told,
        &["outcome    expired (too_old)", "outcome    filtered (subject)", "outcome    no_device (no_installation)"],
    );
    assert!(hub.requests().is_empty());
}

#[tokio::test]
async fn a_refusal_of_the_hub_is_printed_and_the_exit_code_is_1() {
    let (hub, folder) = with_phones().await;
    hub.add_fault(Fault::status(400).always());
    let (code, told) = send(&hub, folder.path(), &sms("e1", "15551234567", "Hello"), &[]).await;
    assert_eq!(code, Some(1), "{told}");
    assert_holds(
        &told,
        &["  answer     hub 400", "  outcome    dead_lettered (hub 400", "1 failed or can never succeed"],
    );
}

#[tokio::test]
async fn events_come_from_standard_input_as_well() {
    let (hub, folder) = with_phones().await;
    let mut command = command(&vars(&hub, &[("STORE", "file:store")]), folder.path());
    let input = sms("e1", "15551234567", "Hello").to_string();
    let output = command.args(["send", "--dry-run", "-"]).output_of(input.as_bytes());
    let output = timeout(Duration::from_secs(60), output).await.unwrap().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_holds(&String::from_utf8(output.stdout).unwrap(), &["event 1: e1", "outcome    delivered, 1 of 1 devices"]);
}

#[tokio::test]
async fn wrong_arguments_are_64_and_a_file_that_is_not_there_is_1() {
    let (hub, folder) = (emulator().await, tempfile::tempdir().unwrap());
    for (arguments, code, expected) in [
        (&["send"][..], 64, "send needs a file"),
        (&["send", "a.json", "b.json"], 64, "b.json"),
        (&["send", "a.json", "--force"], 64, "--force"),
        (&["send", "a.json"], 1, "a.json cannot be read"),
        (&["send", "a.json", "--locale", "ko"], 64, "--as <KIND>"),
        (&["send", "a.json", "--as", "iphone"], 64, "possible values: ios, android, android-data"),
    ] {
        let output = command(&vars(&hub, &[]), folder.path()).args(arguments).output();
        let output = timeout(Duration::from_secs(60), output).await.unwrap().unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
        assert_holds(&String::from_utf8(output.stderr).unwrap(), &[expected]);
    }
}

#[tokio::test]
async fn control_characters_of_an_event_do_not_reach_the_terminal() {
    let (hub, folder) = with_phones().await;
    let mut event = chat("e1\u{9b}2J", "ChatMessageReceived", "m1", 1, "Lunch\u{9b}31m\u{1b}[2J\u{7f}?");
    event["subject"] = json!(format!("thread\u{1b}]0;x/recipient/{BOB}"));
    let wanted = event["subject"].clone();
    event["subject"] = json!(format!("thread/\u{9b}x/recipient/{BOB}"));
    event["data"]["senderDisplayName"] = json!("\u{85}Alice");
    let (_, told) = send(&hub, folder.path(), &event, &["--dry-run"]).await;
    assert!(told.contains("Lunch\\u009b31m\\u001b[2J\\u007f?"), "{told}");
    event["subject"] = wanted;
    let told = told + &send(&hub, folder.path(), &event, &["--dry-run"]).await.1;
    // The last characters of a user id are shown.
    let mut event = chat("e2", "ChatMessageReceived", "m2", 1, "Lunch?");
    event["data"]["recipientCommunicationIdentifier"] = json!({"rawId": format!("{BOB}\u{1b}c")});
    let told = told + &send(&hub, folder.path(), &event, &["--dry-run"]).await.1;
    assert!(told.contains("\\u{1b}c"), "{told}");
    assert!(told.chars().all(|character| character == '\n' || !character.is_control()), "{told:?}");
}

/// Runs it without any setting.
async fn send_alone(folder: &Path, arguments: &[&str], input: &[u8]) -> (Option<i32>, String) {
    let mut command = command(&BTreeMap::new(), folder);
    let output = command.arg("send").args(arguments).output_of(input);
    let output = timeout(Duration::from_secs(60), output).await.unwrap().unwrap();
    (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

#[tokio::test]
async fn a_sample_shows_what_a_phone_would_get_with_nothing_but_a_clone() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (code, told) =
        send_alone(folder, &["tests/events/seed/SMSReceived.json", "--dry-run", "--as", "ios"], b"").await;
    assert_eq!(code, Some(0), "{told}");
    assert_holds(
        &told,
        &[
            "  type       Microsoft.Communication.SMSReceived\n",
            "  recipient  the number ****55\n",
            "  effect     show, content full\n  title      +15555555555\n  body       Great to connect with ACS events",
            "             apns-push-type: alert\n",
            // A day after the event, as it was in 2020.
            "             apns-expiration: 1600475267\n",
            "             {\n               \"aps\": {\n                 \"alert\": {\n",
            "  outcome    delivered, 1 of 1 devices; dry run",
        ],
    );
    let call = "tests/events/current/constructed/IncomingCall.jwt-context.json";
    let (_, told) = send_alone(folder, &[call, "--as", "ios"], b"").await;
    assert_holds(&told, &["apns-push-type: voip\n", "               \"data\": {\n                 \"eventId\": 107,"]);
}

#[tokio::test]
async fn a_device_that_nobody_registered_has_the_language_and_the_content_that_are_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let event = chat("e1", "ChatMessageReceived", "m1", 1, "Lunch?").to_string();
    let shown = async |arguments: &[&str]| {
        let (code, told) =
            send_alone(folder.path(), &[&["-", "--dry-run"], arguments].concat(), event.as_bytes()).await;
        assert_eq!(code, Some(0), "{told}");
        told
    };
    let android = shown(&["--as", "android"]).await;
    assert_holds(
        &android,
        &["  device     android: fcmv1, content full, locale none\n", "\"body\": \"Lunch?\"", "\"ttl\": \"86"],
    );
    assert!(android.contains("\"notification\": {"), "{android}");
    let data = shown(&["--as", "android-data"]).await;
    assert_holds(&data, &["  device     android: fcmv1, content full", "\"body\": \"Lunch?\"", "\"eventTime\": "]);
    assert!(!data.contains("\"notification\": {"), "{data}");
    let korean = shown(&["--as", "ios", "--locale", "ko-KR", "--content", "hidden"]).await;
    assert_holds(&korean, &["content hidden, locale ko-KR", "  title      새 메시지"]);
    assert!(!korean.contains("Lunch?") && !korean.contains("Alice"), "{korean}");
    // Without it nobody is registered, which is told with the way on.
    assert_holds(&shown(&[]).await, &["no_device (no_installation)", "--as ios or --as android shows"]);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was stored");
}

#[tokio::test]
async fn every_form_in_which_events_lie_about_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let [one, two] = ["e1", "e2"].map(|id| sms(id, "15551234567", "Hello"));
    let text = json!({"Data": {"event": json!([one, two]).to_string()}, "Metadata": {}});
    for (form, ids) in [
        (one.to_string(), &["e1"][..]),
        (format!("\u{feff}{:#}", json!([one, two])), &["e1", "e2"]),
        (format!("{one}\r\n\r\n{two}\n"), &["e1", "e2"]),
        (format!("{one:#}\n{two:#}"), &["e1", "e2"]),
        (format!("[{one}]\n[{two}]"), &["e1", "e2"]),
        (envelope(&one).to_string(), &["e1"]),
        (format!("{}\n{}", envelope(&one), envelope(&two)), &["e1", "e2"]),
        (text.to_string(), &["e1", "e2"]),
    ] {
        let (code, told) = send_alone(folder.path(), &["-", "--as", "ios"], form.as_bytes()).await;
        assert_eq!(code, Some(0), "{form}\n{told}");
        let found: Vec<_> = told.lines().filter_map(|line| line.strip_prefix("event ")?.split(' ').nth(1)).collect();
        assert_eq!(found, ids, "{form}");
        assert_eq!(told.matches("outcome    delivered").count(), ids.len(), "{told}");
    }
    let nothing = (Some(0), "standard input: no events\n".to_owned());
    assert_eq!(send_alone(folder.path(), &["-", "--dry-run"], b" [ ] ").await, nothing);
}

#[tokio::test]
async fn what_is_no_json_is_told_with_its_place_and_nothing_is_sent_or_stored() {
    let (hub, folder) = (emulator().await, tempfile::tempdir().unwrap());
    let good = sms("e1", "15551234567", "Hello").to_string();
    for (text, place) in [
        (format!("{good}\n{{\"id\": 1,\n  }}").into_bytes(), "(line 3, column 3)"),
        (format!("[{good}").into_bytes(), "(line 1, column "),
        (b"Hello".to_vec(), "(line 1, column 1)"),
        (Vec::new(), "(line 1, column 1)"),
        (b"{\n\"a\": \"\xff\"}".to_vec(), "is not UTF-8 (line 2, column 7)"),
    ] {
        std::fs::write(folder.path().join("events.json"), &text).unwrap();
        for arguments in
            [&["send", "events.json"][..], &["replay", "events.json"], &["send", "events.json", "--dry-run"]]
        {
            let mut command = command(&vars(&hub, &[("STORE", "file:store")]), folder.path());
            let output = timeout(Duration::from_secs(60), command.args(arguments).output()).await.unwrap().unwrap();
            let told = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
            assert_eq!(output.status.code(), Some(65), "{told}");
            assert!(told.contains(place) && told.lines().count() == 1, "{told}");
        }
    }
    assert!(hub.requests().is_empty() && !folder.path().join("store").exists());
}

#[tokio::test]
async fn what_is_no_file_or_too_large_is_refused() {
    let (hub, folder) = (emulator().await, tempfile::tempdir().unwrap());
    std::fs::create_dir(folder.path().join("folder")).unwrap();
    std::fs::File::create(folder.path().join("large.json")).unwrap().set_len(64 * 1024 * 1024 + 1).unwrap();
    for (file, expected) in [
        ("folder", "it is no regular file; - reads standard input"),
        ("/dev/zero", "it is no regular file; - reads standard input"),
        ("large.json", "large.json is too large: expected at most 64 MiB"),
    ] {
        for word in ["send", "replay"] {
            let output = command(&vars(&hub, &[]), folder.path()).args([word, file]).output();
            let output = timeout(Duration::from_secs(60), output).await.unwrap().unwrap();
            assert_eq!(output.status.code(), Some(1), "{word} {file}");
            assert_holds(&String::from_utf8(output.stderr).unwrap(), &[expected]);
        }
    }
}

#[tokio::test]
async fn a_dry_run_never_expires_an_event_and_needs_no_hub() {
    let (_hub, folder) = with_phones().await;
    let mut old = sms("e1", "15551234567", "Hello");
    old["eventTime"] = json!("2020-09-18T00:27:47Z");
    std::fs::write(folder.path().join("old.json"), old.to_string()).unwrap();
    let vars = BTreeMap::from([("STORE".to_owned(), "file:store".to_owned())]);
    let output = command(&vars, folder.path()).args(["send", "old.json", "--dry-run"]).output().await.unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert_holds(&told, &["iphone at ****e8f0: hub (not set)", "  outcome    delivered, 1 of 1 devices; dry run"]);
}
