//! The binary itself: its exit codes, its signals, what it leaves behind.

use std::process::Output;
use std::time::{Duration, Instant};

use notification_hubs_emulator::{Action, Fault};
use serde_json::json;
use tokio::time::timeout;

use crate::binary::{Process, command, documents};
use crate::support::*;

async fn run(arguments: &[&str], vars: &[(&str, &str)]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let vars = vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    timeout(Duration::from_secs(20), command(&vars, folder.path()).args(arguments).output()).await.unwrap().unwrap()
}

#[tokio::test]
async fn wrong_settings_end_it_with_78_and_a_line_for_each_before_the_port_opens() {
    let output = run(&[], &[("NOTIFICATION_HUB_VIOP_NAME", "x"), ("EXPIRE_EVENTS", "maybe")]).await;
    assert_eq!(output.status.code(), Some(78));
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(told.lines().count(), 4, "{told}");
    for setting in
        ["NOTIFICATION_HUB_CONNECTION_STRING", "NOTIFICATION_HUB_NAME", "NOTIFICATION_HUB_VIOP_NAME", "EXPIRE_EVENTS"]
    {
        assert!(told.lines().any(|line| line.starts_with(&format!("{setting}: "))), "{told}");
    }
    assert!(output.stdout.is_empty());
}

/// What each plan of Azure sets: App Service and Consumption on Windows, Consumption on Linux, Flex.
const AZURE: [&str; 3] = ["WEBSITE_INSTANCE_ID", "CONTAINER_NAME", "WEBSITE_POD_NAME"];

#[tokio::test]
async fn inside_azure_wrong_settings_leave_it_up_and_are_told_by_events_status_and_log() {
    let hub = emulator().await;
    let folder = tempfile::tempdir().unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    for name in AZURE {
        let extra = [(name, "i-1"), ("EXPIRE_EVENTS", "maybe"), ("STORE", "file:/proc/nowhere")];
        let vars = vars(&hub, &extra);
        let process = command(&vars, folder.path()).env("FUNCTIONS_CUSTOMHANDLER_PORT", &free).spawn().unwrap();
        let url = |path: &str| format!("http://127.0.0.1:{free}{path}");
        let ready = async {
            while client().get(url("/")).send().await.is_err() {
                tokio::task::yield_now().await;
            }
        };
        timeout(Duration::from_secs(20), ready).await.unwrap();
        assert_eq!(Reply::of(client().get(url("/"))).await.status, 200);

        let expected = "EXPIRE_EVENTS: expected true or false";
        let status = Reply::of(client().get(url("/api/status"))).await;
        assert_eq!((status.status, &status.json()["instance"]), (503, &json!("i-1")));
        let faults = status.json()["faults"].clone();
        assert_eq!(faults.as_array().unwrap().len(), 2, "{faults}");
        assert!(faults.as_array().unwrap().contains(&json!(expected)), "{faults}");
        for (path, code) in [("/EventGridTrigger", 500), ("/Maintenance", 500)] {
            for _ in 0..3 {
                let body = envelope(&sms("e1", "15551234567", "Hello")).to_string();
                let reply = Reply::of(client().post(url(path)).body(body)).await;
                assert_eq!(reply.status, code);
                assert!(reply.json()["error"].as_str().unwrap().contains(expected), "{path}");
            }
        }
        let put = Reply::of(client().put(url("/api/installations/iphone")).body("{}")).await;
        assert_eq!((put.status, &put.json()["error"]["code"]), (503, &json!("BadSettings")));
        assert_eq!(Reply::of(client().get(url("/nowhere"))).await.status, 404);

        let pid = process.id().unwrap().to_string();
        assert!(std::process::Command::new("kill").args(["-s", "TERM", &pid]).status().unwrap().success());
        let output = timeout(Duration::from_secs(20), process.wait_with_output()).await.unwrap().unwrap();
        assert_eq!(output.status.code(), Some(0), "{name}");
        let told = String::from_utf8(output.stderr).unwrap();
        // At the start, and once for the requests, which came within a minute.
        assert_eq!(told.matches(expected).count(), 2, "{told}");
        assert_eq!(hub.requests().len(), 0);
    }
}

#[tokio::test]
async fn under_the_core_tools_wrong_settings_end_it_although_a_container_has_a_name() {
    let core_tools = ("FUNCTIONS_CORETOOLS_ENVIRONMENT", "true");
    let output = run(&[], &[("CONTAINER_NAME", "mine"), core_tools, ("EXPIRE_EVENTS", "maybe")]).await;
    assert_eq!(output.status.code(), Some(78));
}

#[tokio::test]
async fn a_folder_that_cannot_be_used_is_a_fault_of_the_setting() {
    let hub = emulator().await;
    let vars = vars(&hub, &[("STORE", "file:/proc/nowhere"), ("EXPIRE_EVENTS", "maybe")]);
    let vars: Vec<(&str, &str)> = vars.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let output = run(&[], &vars).await;
    assert_eq!(output.status.code(), Some(78));
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(told.lines().count(), 2, "{told}");
    assert!(
        told.contains("STORE: /proc/nowhere: the store's folder cannot be used: ") && told.contains("EXPIRE_EVENTS: "),
        "{told}"
    );
}

#[tokio::test]
async fn a_port_that_is_taken_ends_it_with_an_error() {
    let hub = emulator().await;
    let taken = hub.port().to_string();
    let folder = tempfile::tempdir().unwrap();
    let mut command = command(&vars(&hub, &[]), folder.path());
    let output = command.env("FUNCTIONS_CUSTOMHANDLER_PORT", &taken).output().await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains(&format!("cannot listen on 127.0.0.1:{taken}")));
}

#[tokio::test]
async fn help_and_version_are_printed_and_other_words_refused() {
    let help = run(&["--help"], &[]).await;
    assert!(help.status.success() && String::from_utf8(help.stdout).unwrap().contains("Usage: acs-push"));
    let version = run(&["--version"], &[]).await;
    assert_eq!(String::from_utf8(version.stdout).unwrap(), format!("acs-push {}\n", env!("CARGO_PKG_VERSION")));
    let wrong = run(&["--prot"], &[]).await;
    assert_eq!(wrong.status.code(), Some(64));
    assert!(String::from_utf8(wrong.stderr).unwrap().contains("--prot"));
}

#[tokio::test]
async fn a_mistyped_word_is_reported_in_one_line_with_a_suggestion() {
    for (arguments, meant) in [
        (&["sned"][..], "'send'"),
        (&["send", "a.json", "--dryrun"], "'--dry-run'"),
        (&["replay", "--forse"], "'--force'"),
        (&["completions", "fich"], "'fish'"),
        (&["completions"], "<SHELL>"),
        (&["serve", "8080"], "'8080'"),
        (&["dead-leters"], "'dead-letters'"),
        (&["installations", "lst"], "'list'"),
        (&["forgett"], "'forget'"),
    ] {
        let output = run(arguments, &[]).await;
        assert_eq!(output.status.code(), Some(64), "{arguments:?}");
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.contains(meant) && told.ends_with("; try --help\n") && told.lines().count() == 1, "{told}");
        assert!(output.stdout.is_empty());
    }
}

#[tokio::test]
async fn each_command_has_its_help_and_each_shell_its_completions() {
    for (arguments, holds) in [
        (
            &["--help"][..],
            &["serve", "send", "replay", "dead-letters", "installations", "forget", "completions", "--settings"][..],
        ),
        (&["send", "--help"], &["--dry-run", "--as", "--locale", "--content", "FILE"]),
        (&["dead-letters", "--help"], &["list", "show", "drop"]),
        (&["installations", "--help"], &["show", "put", "delete", "list"]),
        (&["forget", "--help"], &["--dry-run", "USER-OR-NUMBER"]),
        (&["help", "replay"], &["--force", "FILE"]),
        (&["completions", "bash"], &["acs-push", "--dry-run", "--force"]),
        (&["completions", "zsh"], &["#compdef acs-push", "--dry-run", "--force"]),
    ] {
        let output = run(arguments, &[]).await;
        let told = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{arguments:?}");
        assert!(holds.iter().all(|word| told.contains(word)), "{told}");
    }
}

#[tokio::test]
async fn both_signals_let_it_finish_what_is_in_flight_and_exit_0() {
    for signal in ["TERM", "INT"] {
        let (hub, folder) = (emulator().await, tempfile::tempdir().unwrap());
        let process = Process::start(&vars(&hub, &[]), folder.path()).await;
        process
            .put("iphone", json!({"phoneNumbers": ["15551234567"], "platform": "apns", "pushChannel": IPHONE}))
            .await;
        hub.add_fault(Fault::action(Action::Pass).delay_ms(700));
        let event = sms("e1", "15551234567", "Hello");
        let stopping = async {
            timeout(Duration::from_secs(10), hub.wait_for_requests(1)).await.unwrap();
            process.signal(signal);
        };
        let (outcome, ()) = tokio::join!(process.outcome(&event), stopping);
        assert_eq!(outcome, "delivered", "{signal}");
        let ended = Instant::now();
        assert_eq!(process.output().await.0, Some(0), "{signal}");
        assert!(ended.elapsed() < Duration::from_secs(5), "an idle connection held it up");
    }
}

#[tokio::test]
async fn without_certificate_authorities_it_says_so_and_still_reaches_a_hub_without_tls() {
    let none = [("SSL_CERT_FILE", "/dev/null"), ("SSL_CERT_DIR", "/nonexistent")];
    let tls = [
        ("NOTIFICATION_HUB_SANDBOX_NAME", SANDBOX_HUB),
        (
            "NOTIFICATION_HUB_SANDBOX_CONNECTION_STRING",
            "Endpoint=sb://127.0.0.1:9/;SharedAccessKeyName=r;SharedAccessKey=k",
        ),
    ];
    // Where no hub wants them, nobody looks for them.
    for (settings, says_so) in [([none, tls].concat(), true), (none.to_vec(), false)] {
        let (hub, folder) = (emulator().await, tempfile::tempdir().unwrap());
        let process = Process::start(&vars(&hub, &settings), folder.path()).await;
        let phone = json!({"phoneNumbers": ["15551234567"], "platform": "apns", "pushChannel": IPHONE});
        process.put("iphone", phone).await;
        assert_eq!(process.outcome(&sms("e1", "15551234567", "Hello")).await, "delivered");
        let (code, output) = process.terminate().await;
        assert_eq!(code, Some(0));
        assert_eq!(output.contains("install ca-certificates"), says_so, "{output}");
    }
}

#[tokio::test]
async fn a_proxy_of_the_environment_is_not_asked() {
    let nobody = "http://127.0.0.1:9";
    let settings = [("HTTP_PROXY", nobody), ("http_proxy", nobody), ("ALL_PROXY", nobody), ("all_proxy", nobody)];
    let (hub, folder) = (emulator().await, tempfile::tempdir().unwrap());
    let process = Process::start(&vars(&hub, &settings), folder.path()).await;
    assert_eq!(process.put("iphone", phone()).await, 201);
    assert_eq!(process.outcome(&sms("e1", "15551234567", "Hello")).await, "delivered");
}

#[tokio::test]
async fn it_listens_on_loopback_only() {
    let (hub, folder) = (emulator().await, tempfile::tempdir().unwrap());
    let process = Process::start(&vars(&hub, &[]), folder.path()).await;
    let port: u16 = process.address.rsplit(':').next().unwrap().parse().unwrap();
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let listening: Vec<&str> =
        table.lines().filter(|line| line.contains(&format!(":{port:04X} 00000000:0000 0A"))).collect();
    assert_eq!(listening.len(), 1, "{listening:?}");
    assert!(listening[0].contains(" 0100007F:"), "{listening:?}");
    let table = std::fs::read_to_string("/proc/net/tcp6").unwrap_or_default();
    assert!(!table.contains(&format!(":{port:04X} ")), "it listens on IPv6, too");
}

#[tokio::test]
async fn what_is_stored_outlives_a_kill_and_holds_its_format() {
    let (hub, folder) = (emulator().await, tempfile::tempdir().unwrap());
    let vars = vars(&hub, &[("STORE", "file:store")]);
    let mut process = Process::start(&vars, folder.path()).await;
    process.put("iphone", json!({"userId": BOB, "platform": "apns", "pushChannel": IPHONE})).await;
    assert_eq!(process.outcome(&json!({"id": "no event"})).await, "dead_lettered");
    process.kill().await;

    let mut kinds = Vec::new();
    for (path, document) in documents(&folder.path().join("store")) {
        assert_eq!(document["v"], 1, "{path}");
        assert!(
            path.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-/".contains(&byte)),
            "{path}"
        );
        kinds.push(path.split('/').next().unwrap().to_owned());
    }
    kinds.sort();
    assert_eq!(kinds, ["dead-letters", "handles", "installations", "layout", "recipients"]);

    let process = Process::start(&vars, folder.path()).await;
    assert_eq!(process.outcome(&chat("e1", "ChatMessageReceived", "m1", 1, "Hello")).await, "delivered");
}
