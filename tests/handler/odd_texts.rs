//! Notifications files that nobody would write on purpose: odd but right, wrong altogether, and larger than anything.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;

use crate::binary::command;
use crate::support::*;

/// What the program says of a file of these bytes that keeps it from starting.
async fn faults(file: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("texts.toml"), file).unwrap();
    faults_of("texts.toml", folder.path()).await
}

async fn faults_of(name: &str, folder: &Path) -> String {
    let hub = emulator().await;
    let output = command(&vars(&hub, &[("NOTIFICATIONS_FILE", name)]), folder).output();
    let output = timeout(Duration::from_secs(60), output).await.unwrap().unwrap();
    assert_eq!(output.status.code(), Some(78));
    String::from_utf8(output.stderr).unwrap()
}

/// The alert that an iPhone shows of a chat message of Alice when the file says this.
async fn alert(file: &str, text: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("texts.toml");
    std::fs::write(&path, file).unwrap();
    let app = App::with(&[("NOTIFICATIONS_FILE", path.to_str().unwrap())]).await;
    app.register("iphone", json!({"userId": BOB, "platform": "apns", "pushChannel": IPHONE})).await;
    app.deliver(&chat("e1", "ChatMessageReceived", "m1", 1, text)).await;
    body(&app.hub.accepted()[0])["aps"]["alert"].take()
}

#[tokio::test]
async fn what_is_no_file_of_text_is_one_fault() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["missing.toml", "."] {
        let told = faults_of(name, folder.path()).await;
        assert!(told.starts_with(&format!("NOTIFICATIONS_FILE: {name} cannot be read (")), "{told}");
    }
    for file in [b"\xff\xfe[\0".to_vec(), vec![b'#'; 1024 * 1024 + 1]] {
        let told = faults(&file).await;
        assert!(told.contains("cannot be read (") && told.contains("expected a file of UTF-8 text, 1 MiB"), "{told}");
        assert_eq!(told.lines().count(), 1);
    }
}

#[tokio::test]
async fn a_file_of_nothing_but_mistakes_is_told_of_in_time() {
    let tables: String = (0..5_000).map(|number| format!("[Type{number}]\nx = 1\n")).collect();
    let told = faults(tables.as_bytes()).await;
    assert_eq!(told.lines().count(), 5_000);
    assert!(told.contains(" line 9999: [Type4999]: "), "{:?}", told.lines().last());
}

#[tokio::test]
async fn a_name_with_a_line_break_is_told_of_in_one_line_and_a_full_type_name_by_its_short_one() {
    let told = faults(b"[\"Microsoft.Communication.ChatMessageEdited\"]\n[SMSReceived]\n\"a\\nSTORE: b\" = 1\n").await;
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines.len(), 2, "{told}");
    assert!(lines[0].contains(" line 1: ") && lines[0].contains("did you mean ChatMessageEdited?"), "{told}");
    assert!(lines[1].contains(" line 3: [SMSReceived] a\\nSTORE: b"), "{told}");
}

#[tokio::test]
async fn a_file_may_be_empty_or_begin_with_a_mark_or_have_other_line_ends_and_shorter_forms() {
    let block = "[ChatMessageReceived]\ntitle = '{% set a = sender %}{% for b in [1, 2] %}{{ a }}{{ b }}{% endfor %}'";
    for (file, title) in [
        ("", "Alice"),
        ("\u{feff}[ChatMessageReceived]\r\ntitle = '''\r\nA {{ sender }}'''\r\n", "A Alice"),
        ("ChatMessageReceived.title = '안녕 {{ sender|upper }} 👋'", "안녕 ALICE 👋"),
        ("ChatMessageReceived = { title = 'B', fr = { title = 'C' } }", "B"),
        (block, "Alice1Alice2"),
    ] {
        assert_eq!(alert(file, "Lunch?").await["title"], title, "{file}");
    }
}

#[tokio::test]
async fn a_text_of_megabytes_is_cut_in_whatever_sentence_it_stands() {
    let file = "[ChatMessageReceived]\nbody = \"{{ sender ~ ': ' ~ text|replace('b', 'c') }}\"";
    let alert = alert(file, &"b안".repeat(1_000_000)).await;
    let shown = alert["body"].as_str().unwrap();
    assert!(shown.len() > 3500 && shown.starts_with("Alice: c안c안") && shown.ends_with('…'), "{shown}");
}
