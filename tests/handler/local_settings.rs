//! Commands read `local.settings.json` of the working directory; the Functions front does not.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Output;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;

use crate::binary::command;
use crate::support::*;

/// Runs a command with these variables and no others.
async fn run(vars: &[(&str, &str)], folder: &Path, arguments: &[&str]) -> Output {
    let vars: BTreeMap<_, _> = vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    timeout(Duration::from_secs(60), command(&vars, folder).args(arguments).output()).await.unwrap().unwrap()
}

fn told(output: &Output) -> String {
    String::from_utf8([&output.stdout[..], &output.stderr].concat()).unwrap()
}

fn write_settings(folder: &Path, name: &str, values: &Value) {
    let text = format!("\u{feff}// as the Core Tools read it\n{{\"IsEncrypted\": false, \"Values\": {values},}}");
    std::fs::write(folder.join(name), text).unwrap();
}

#[tokio::test]
async fn a_command_takes_its_settings_from_the_file_and_first_from_the_environment() {
    let (hub, folder) = (emulator().await, tempfile::tempdir().unwrap());
    let values = vars(&hub, &[("STORE", "file:from-file")]);
    write_settings(folder.path(), "local.settings.json", &json!(values));
    std::fs::write(folder.path().join("event.json"), json!({"id": "no event"}).to_string()).unwrap();
    let output = run(&[], folder.path(), &["send", "event.json"]).await;
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    assert!(folder.path().join("from-file/dead-letters").exists());
    // An empty variable is none.
    for (value, store) in [("", "from-file"), ("file:from-environment", "from-environment")] {
        let output = run(&[("STORE", value)], folder.path(), &["dead-letters", "list"]).await;
        let is_empty = store == "from-environment";
        assert_eq!(
            told(&output).contains(&format!("no dead letters in the store (folder {store}")),
            is_empty,
            "{value}"
        );
    }
    write_settings(folder.path(), "other.json", &json!({"STORE": "file:from-other"}));
    let output = run(&[], folder.path(), &["dead-letters", "list", "--settings", "other.json"]).await;
    assert!(told(&output).contains("folder from-other, which does not exist"), "{}", told(&output));
    assert!(!folder.path().join("from-other").exists());
}

#[tokio::test]
async fn a_file_that_cannot_be_used_is_a_fault_of_the_settings() {
    let folder = tempfile::tempdir().unwrap();
    for (text, expected) in [
        ("{\"Values\": {\n\"STORE\": \"file:x\",, }}", "local.settings.json: is not a JSON object (line 2, column "),
        ("{\"IsEncrypted\": true, \"Values\": {}}", "local.settings.json: is encrypted"),
        ("{\"Values\": {\"STORE\": \"fiel:x\"}}", "STORE: expected azure:CONTAINER"),
    ] {
        std::fs::write(folder.path().join("local.settings.json"), text).unwrap();
        let output = run(&[], folder.path(), &["dead-letters", "list"]).await;
        assert_eq!(output.status.code(), Some(78), "{text}");
        assert!(told(&output).starts_with(expected), "{}", told(&output));
    }
    let output = run(&[], folder.path(), &["dead-letters", "list", "--settings", "missing.json"]).await;
    assert!(output.status.code() == Some(78) && told(&output).starts_with("missing.json: cannot be read"));
}

#[tokio::test]
async fn the_functions_front_does_not_read_the_file() {
    let (hub, folder) = (emulator().await, tempfile::tempdir().unwrap());
    write_settings(folder.path(), "local.settings.json", &json!(vars(&hub, &[])));
    for arguments in [&[][..], &["serve"]] {
        let output = run(&[], folder.path(), arguments).await;
        assert_eq!(output.status.code(), Some(78));
        assert!(told(&output).contains("NOTIFICATION_HUB_CONNECTION_STRING: is required"), "{}", told(&output));
    }
}
