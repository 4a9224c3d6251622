//! `acs-push check` and `GET /api/status?check`: each fault alone is one line with its fix, and without one all is good.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use notification_hubs_emulator::{Action, Emulator, Fault};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::binary::{Process, command};
use crate::dead_handles::{emulator_with_feedback, manage};
use crate::support::*;

/// What `check` printed, and its exit code.
async fn check(vars: &BTreeMap<String, String>, folder: &Path, words: &[&str]) -> (Option<i32>, String) {
    let mut command = command(vars, folder);
    let output = timeout(Duration::from_secs(60), command.arg("check").args(words).output()).await.unwrap().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap())
}

/// The lines of faults.
fn faults(text: &str) -> Vec<&str> {
    text.lines().filter(|line| line.starts_with('✖')).collect()
}

fn settings(hub: &Emulator, more: &[(&str, &str)]) -> BTreeMap<String, String> {
    vars(hub, &[&[("STORE", "file:store")], more].concat())
}

/// That this is the one fault, in the text, in the JSON and in `Status`; and that no secret is told.
async fn assert_one_fault(vars: &BTreeMap<String, String>, cause: &str, fix: &str) {
    let folder = tempfile::tempdir().unwrap();
    let (code, text) = check(vars, folder.path(), &[]).await;
    assert_eq!(code, Some(1), "{text}");
    let [fault] = faults(&text)[..] else { panic!("{text}") };
    assert!(fault.contains(cause) && fault.contains(fix), "{fault}");

    let (code, json) = check(vars, folder.path(), &["--json"]).await;
    let report: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((code, &report["ok"]), (Some(1), &json!(false)));
    let faults: Vec<_> =
        report["checks"].as_array().unwrap().iter().filter(|check| check["state"] == "fault").collect();
    assert_eq!(faults.len(), 1, "{json}");
    let told = format!("{}: {}", faults[0]["name"].as_str().unwrap(), faults[0]["text"].as_str().unwrap());
    assert!(told.contains(cause), "{json}");
    assert!(faults[0]["fix"].as_str().unwrap().contains(fix), "{json}");
    for line in [&text, &json] {
        assert!(!line.contains("SharedAccessKey=") && !line.contains("sig="), "{line}");
    }

    let process = Process::start(vars, folder.path()).await;
    let told = process.checked().await;
    assert_eq!(told["checks"], report["checks"], "Status tells the same");
}

#[tokio::test]
async fn where_all_is_good_every_line_is_or_says_where_to_look() {
    let hub = emulator().await;
    let folder = tempfile::tempdir().unwrap();
    let vars = settings(&hub, &[]);
    let (code, text) = check(&vars, folder.path(), &[]).await;
    assert_eq!((code, faults(&text).len()), (Some(0), 0), "{text}");
    for good in
        ["✔ settings: store", "✔ hub alerts, first key: 127.0.0.1 takes it", "✔ VoIP hub calls, first key", "✔ store: "]
    {
        assert!(text.contains(good), "{good}: {text}");
    }
    assert!(text.contains("– event subscription: ") && text.contains("Delivery Failed Events"), "{text}");
    let unset = "– dead tokens: NOTIFICATION_HUB_MANAGE_CONNECTION_STRING is not set: dead tokens stay";
    assert!(text.contains(unset), "{text}");
    // Each key was refused with a wrong signature, then taken.
    let statuses: Vec<_> = hub.requests().iter().map(|request| request.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == Some(401)).count(), 2, "{statuses:?}");
    assert!(hub.accepted().is_empty(), "nothing was pushed");
    let stored = crate::binary::documents(&folder.path().join("store"));
    assert!(stored.iter().all(|(path, _)| path.ends_with("layout")), "{stored:?}");
}

#[tokio::test]
async fn a_fault_of_a_hub_or_its_key_is_the_one_line_with_a_fix() {
    let hub = emulator().await;
    let good = hub.connection_string_of(HUB).unwrap();
    let (start, _) = good.split_once("SharedAccessKey=").unwrap();
    let wrong = format!("{start}SharedAccessKey=d3Jvbmc=");
    let second = [("NOTIFICATION_HUB_SECONDARY_CONNECTION_STRING", wrong.as_str())];
    assert_one_fault(&settings(&hub, &second), "second key: hub 401: check the key name", "copy the connection string")
        .await;
    let voip = [("NOTIFICATION_HUB_VOIP_CONNECTION_STRING", wrong.as_str())];
    assert_one_fault(&settings(&hub, &voip), "VoIP hub calls, first key: hub 401", "copy the connection").await;
    let nowhere = "Endpoint=http://127.0.0.1:1/;SharedAccessKeyName=r;SharedAccessKey=a2V5";
    let voip = [("NOTIFICATION_HUB_VOIP_CONNECTION_STRING", nowhere)];
    assert_one_fault(&settings(&hub, &voip), "no connection to the hub at 127.0.0.1:1: connection refused", "address")
        .await;
}

#[tokio::test]
async fn what_a_hub_answers_is_told_as_in_the_log() {
    let hub = emulator().await;
    let folder = tempfile::tempdir().unwrap();
    let vars = settings(&hub, &[("NOTIFICATION_HUB_VOIP_NAME", "")]);
    for (status, passed, told) in [
        (404, 0, "hub 404: check the hub's name (127.0.0.1) → correct the hub's name"),
        (
            403,
            1,
            "hub 403: its access policy needs the right Send, and the namespace's quota must not be used up (127.0.0.1) → give",
        ),
        (503, 0, "hub 503: unavailable (127.0.0.1) → wait"),
        (429, 1, "hub 429: throttled (127.0.0.1) → wait"),
    ] {
        for _ in 0..passed {
            hub.add_fault(Fault::action(Action::Pass));
        }
        hub.add_fault(Fault::status(status));
        let (code, text) = check(&vars, folder.path(), &[]).await;
        let [fault] = faults(&text)[..] else { panic!("{text}") };
        assert!(code == Some(1) && fault.contains(told), "{fault}");
    }
}

#[tokio::test]
async fn a_key_that_may_manage_is_good_and_what_it_lacks_is_the_one_line_with_a_fix() {
    let hub = emulator_with_feedback().await;
    let (folder, right) = (tempfile::tempdir().unwrap(), manage(&hub));
    let with = |more: &[(&str, &str)]| settings(&hub, more);
    let all = with(&[("NOTIFICATION_HUB_MANAGE_CONNECTION_STRING", &right)]);
    let (code, text) = check(&all, folder.path(), &[]).await;
    assert_eq!((code, faults(&text).len()), (Some(0), 0), "{text}");
    for good in ["✔ hub alerts, dead tokens: 127.0.0.1 tells", "✔ VoIP hub calls, dead tokens: 127.0.0.1 tells"] {
        assert!(text.contains(good), "{good}: {text}");
    }
    // One that names its hub is for that hub alone, and one for the VoIP hub goes beside it.
    let alerts = format!("{right};EntityPath={HUB}");
    let (code, text) =
        check(&with(&[("NOTIFICATION_HUB_MANAGE_CONNECTION_STRING", &alerts)]), folder.path(), &[]).await;
    let unseen = "– VoIP hub calls, dead tokens: no key that may Manage is for this hub";
    assert!(code == Some(0) && text.contains("✔ hub alerts, dead tokens") && text.contains(unseen), "{text}");

    let voip = "NOTIFICATION_HUB_VOIP_MANAGE_CONNECTION_STRING";
    let wrong = right.replace("manage-key", "d3Jvbmc=");
    let vars = with(&[("NOTIFICATION_HUB_MANAGE_CONNECTION_STRING", &right), (voip, &wrong)]);
    assert_one_fault(&vars, "VoIP hub calls, dead tokens: hub 401", "copy the connection string").await;
    let send_only = hub.connection_string_of(VOIP_HUB).unwrap();
    let vars = with(&[(voip, &send_only)]);
    assert_one_fault(
        &vars,
        "VoIP hub calls, dead tokens: hub 403: its access policy needs the right Manage",
        "give the",
    )
    .await;
}

#[tokio::test]
async fn a_hub_that_looks_at_the_format_first_is_not_seen() {
    let hub = emulator().await;
    let folder = tempfile::tempdir().unwrap();
    hub.add_fault(Fault::status(400).times(4));
    let (code, text) = check(&settings(&hub, &[]), folder.path(), &[]).await;
    assert_eq!(code, Some(0), "{text}");
    let told = "– hub alerts, first key: 127.0.0.1 answers 400 to a wrong signature, so it tells nothing";
    assert!(text.contains(told), "{text}");
}

#[tokio::test]
async fn a_store_that_cannot_be_used_is_the_one_fault_and_so_is_a_wrong_setting() {
    let hub = emulator().await;
    let nowhere = "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=a2V5;\
                   BlobEndpoint=http://127.0.0.1:1/devstoreaccount1;";
    let vars = settings(&hub, &[("STORE", "azure:acs-push"), ("AzureWebJobsStorage", nowhere)]);
    assert_one_fault(&vars, "no connection to the store at 127.0.0.1:1", "under the code store_no_connection").await;

    let folder = tempfile::tempdir().unwrap();
    let (code, text) = check(&settings(&hub, &[("EXPIRE_EVENTS", "maybe")]), folder.path(), &[]).await;
    assert_eq!((code, faults(&text).len()), (Some(1), 1), "{text}");
    assert!(text.contains("✖ settings: EXPIRE_EVENTS: expected true or false → correct the setting"), "{text}");
    assert!(text.contains("– store: the settings have faults"), "{text}");
}

/// An app folder as it is deployed. The program is no more than the head of one.
fn app_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::fs::copy(root.join("host.json"), folder.path().join("host.json")).unwrap();
    for function in ["EventGridTrigger", "Installations", "Maintenance", "Status"] {
        std::fs::create_dir(folder.path().join(function)).unwrap();
        let file = Path::new(function).join("function.json");
        std::fs::copy(root.join(&file), folder.path().join(&file)).unwrap();
    }
    std::fs::write(folder.path().join("acs-push"), PROGRAM).unwrap();
    set_mode(folder.path(), 0o755);
    folder
}

/// ELF, 64 bit, for x86-64.
const PROGRAM: [u8; 20] = [0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0x3e, 0];

fn set_mode(folder: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder.join("acs-push"), std::fs::Permissions::from_mode(mode)).unwrap();
}

fn replace(folder: &Path, file: &str, from: &str, to: &str) {
    let text = std::fs::read_to_string(folder.join(file)).unwrap();
    assert!(text.contains(from), "{text}");
    std::fs::write(folder.join(file), text.replace(from, to)).unwrap();
}

#[tokio::test]
async fn each_mistake_in_the_files_of_an_app_is_named() {
    type Mistake = (&'static str, fn(&Path));
    let mistakes: [Mistake; 9] = [
        ("acs-push has the mode 0644, so the host may not run it → chmod 755", |folder| set_mode(folder, 0o644)),
        ("acs-push is no program for Linux on x86_64", |folder| std::fs::write(folder.join("acs-push"), "MZ").unwrap()),
        ("there is no file acs-push", |folder| std::fs::remove_file(folder.join("acs-push")).unwrap()),
        ("enableForwardingHttpRequest is not true", |folder| replace(folder, "host.json", ": true\n", ": false\n")),
        ("extensionBundle is missing", |folder| replace(folder, "host.json", "extensionBundle", "bundle")),
        ("defaultExecutablePath is another program", |folder| {
            replace(folder, "host.json", "\"acs-push\"", "\"handler\"")
        }),
        ("Status/function.json has other bindings", |folder| {
            replace(folder, "Status/function.json", "function", "anonymous")
        }),
        ("there is no Maintenance/function.json", |folder| {
            std::fs::remove_file(folder.join("Maintenance/function.json")).unwrap();
        }),
        ("extensions.http.routePrefix is not \"api\"", |folder| {
            replace(
                folder,
                "host.json",
                "\"version\": \"2.0\"",
                "\"version\": \"2.0\", \"extensions\": {\"http\": {\"routePrefix\": \"\"}}",
            );
        }),
    ];
    let hub = emulator().await;
    let right = app_folder();
    // When the timer runs may be chosen.
    replace(right.path(), "Maintenance/function.json", "*/10", "*/5");
    let (code, text) = check(&settings(&hub, &[]), right.path(), &[]).await;
    assert_eq!((code, text.contains("✔ files: .: host.json, the four functions")), (Some(0), true), "{text}");
    for (told, mistake) in mistakes {
        let folder = app_folder();
        mistake(folder.path());
        let (code, text) = check(&settings(&hub, &[]), folder.path(), &[]).await;
        let [fault] = faults(&text)[..] else { panic!("{text}") };
        assert!(code == Some(1) && fault.contains(told), "{told}: {fault}");
    }
}

#[tokio::test]
async fn a_zip_is_looked_at_in_place_of_the_folder() {
    let hub = emulator().await;
    let app = app_folder();
    let pack = |name: &str, mode: u32, leave_out: &str| {
        let path = app.path().join(name);
        let mut zip = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
        let files = ["host.json", "acs-push", "EventGridTrigger/function.json", "Installations/function.json"];
        for file in files.into_iter().chain(["Maintenance/function.json", "Status/function.json"]) {
            if file != leave_out {
                zip.start_file(file, zip::write::SimpleFileOptions::default().unix_permissions(mode)).unwrap();
                zip.write_all(&std::fs::read(app.path().join(file)).unwrap()).unwrap();
            }
        }
        zip.finish().unwrap();
    };
    pack("right.zip", 0o755, "");
    pack("mode.zip", 0o644, "");
    pack("host.zip", 0o755, "host.json");
    std::fs::write(app.path().join("text.zip"), "no zip").unwrap();
    let vars = settings(&hub, &[]);
    let (code, text) = check(&vars, app.path(), &["--package", "right.zip"]).await;
    assert_eq!((code, text.contains("✔ files: right.zip: ")), (Some(0), true), "{text}");
    for (zip, told) in [("mode.zip", "acs-push has the mode 0644"), ("host.zip", "there is no host.json at the top")] {
        let (code, text) = check(&vars, app.path(), &["--package", zip]).await;
        let [fault] = faults(&text)[..] else { panic!("{text}") };
        assert!(code == Some(1) && fault.contains(told), "{fault}");
    }
    let (code, text) = check(&vars, app.path(), &["--package", "text.zip"]).await;
    assert_eq!((code, text.contains("text.zip cannot be read as a zip")), (Some(65), true), "{text}");
}
