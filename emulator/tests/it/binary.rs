//! The program: what it prints, how it stops.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use crate::client::{APNS, Send, now, token};

const SOON: Duration = Duration::from_secs(5);
const PROGRAM: &str = env!("CARGO_BIN_EXE_notification-hubs-emulator");

struct Program {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Program {
    fn start(args: &[&str]) -> Self {
        let mut command = Command::new(PROGRAM);
        command.args(["--port", "0"]).args(args).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    async fn line(&mut self) -> String {
        timeout(SOON, self.lines.next_line()).await.unwrap().unwrap().unwrap()
    }

    /// Sends a signal with `kill`, and returns the exit code.
    async fn stop(mut self, signal: &str) -> Option<i32> {
        let id = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().await.unwrap().success());
        timeout(SOON, self.child.wait()).await.unwrap().unwrap().code()
    }
}

#[tokio::test]
async fn it_prints_the_settings_then_one_line_per_request() {
    let mut program = Program::start(&[
        "--hub",
        "calls,bundle=com.x.app.voip",
        "--hub",
        "push:basic,bundle=com.x.app",
        "--rule",
        "sender=secret==:send",
    ]);
    let settings = program.line().await;
    let endpoint = settings
        .strip_prefix("NOTIFICATION_HUB_CONNECTION_STRING=Endpoint=")
        .and_then(|rest| rest.strip_suffix("/;SharedAccessKeyName=sender;SharedAccessKey=secret=="))
        .unwrap_or_else(|| panic!("{settings}"))
        .to_owned();
    assert_eq!(program.line().await, "NOTIFICATION_HUB_NAME=push");
    let voip = settings.replace("NOTIFICATION_HUB_", "NOTIFICATION_HUB_VOIP_");
    assert_eq!(program.line().await, voip, "the rule opens both hubs");
    assert_eq!(program.line().await, "NOTIFICATION_HUB_VOIP_NAME=calls");

    let authorization = token(&endpoint, "sender", "secret==", now() + 300);
    let send = Send {
        client: crate::client::http_client(),
        method: reqwest::Method::POST,
        base: endpoint,
        target: "/push/messages?direct&api-version=2020-06".to_owned(),
        headers: Vec::new(),
        body: APNS.to_owned(),
    }
    .header("Authorization", &authorization)
    .header("ServiceBusNotification-DeviceHandle", "abcdef0123456789")
    .header("ServiceBusNotification-Format", "apple")
    .header("Content-Type", "application/json")
    .header("apns-push-type", "alert");
    assert_eq!(send.status().await, 201);
    assert_eq!(program.line().await, "push  apple  …6789  alert  201");
    assert_eq!(send.clone().header("apns-push-type", "voip").status().await, 400);
    let line = program.line().await;
    assert!(line.starts_with("push  apple  …6789  voip  400  apns-push-type voip needs"), "{line}");
    assert_eq!(send.header("apns-topic", "x").status().await, 201);
    let line = program.line().await;
    assert!(line.starts_with("push  apple  …6789  alert  201  warning: apns-topic"), "{line}");
    assert_eq!(program.stop("-TERM").await, Some(0));
}

#[tokio::test]
async fn a_hub_with_its_own_rule_is_printed_with_that_rule() {
    let hubs = ["--hub", "push", "--hub", "calls,bundle=com.x.app.voip"];
    let rules = ["--rule", "push/sender=a:send", "--rule", "calls/sender=b:send"];
    let mut program = Program::start(&[hubs, rules].concat());
    for end in [
        "SharedAccessKeyName=sender;SharedAccessKey=a",
        "NOTIFICATION_HUB_NAME=push",
        "SharedAccessKeyName=sender;SharedAccessKey=b",
        "NOTIFICATION_HUB_VOIP_NAME=calls",
    ] {
        let line = program.line().await;
        assert!(line.ends_with(end), "{line}");
    }
}

#[tokio::test]
async fn faults_and_devices_of_the_command_line_are_there_before_the_first_request() {
    let path = std::env::temp_dir().join(format!("notification-hubs-emulator-{}.json", std::process::id()));
    std::fs::write(&path, r#"[{"times":null,"everyNth":2,"action":"stall"}]"#).unwrap();
    let file = path.to_str().unwrap();
    let mut program = Program::start(&["--faults", file, "--device", "abc=expired", "--hub", "a,budget=1/60"]);
    let settings = program.line().await;
    let (_, url) = settings.split_once("Endpoint=").unwrap();
    let (url, _) = url.split_once(';').unwrap();
    let page = async |name: &str| {
        let client = crate::client::http_client();
        client.get(format!("{url}_emulator/{name}")).send().await.unwrap().text().await.unwrap()
    };
    let faults = page("faults").await;
    assert!(faults.contains("\"everyNth\": 2") && faults.contains("\"stall\""), "{faults}");
    let devices = page("devices").await;
    assert!(devices.contains("\"abc\"") && devices.contains("\"expired\""), "{devices}");
    assert_eq!(program.stop("-TERM").await, Some(0));

    std::fs::write(&path, r#"{"percent":101}"#).unwrap();
    for (file, wanted) in [(file, "percent must be 0 to 100, not 101"), ("/no/such/file", "/no/such/file: ")] {
        let output = Command::new(PROGRAM).args(["--port", "0", "--faults", file]).output().await.unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(1) && error.contains(file) && error.contains(wanted), "{error}");
    }
    std::fs::remove_file(&path).unwrap();
}

#[tokio::test]
async fn with_tls_the_file_with_the_certificate_to_trust_is_printed_first() {
    let mut program = Program::start(&["--tls"]);
    let line = program.line().await;
    let path = line.strip_prefix("CA_FILE=").unwrap_or_else(|| panic!("{line}"));
    let certificate = std::fs::read_to_string(path).unwrap();
    assert!(certificate.starts_with("-----BEGIN CERTIFICATE-----"), "{certificate}");
    let settings = program.line().await;
    assert!(settings.starts_with("NOTIFICATION_HUB_CONNECTION_STRING=Endpoint=https://127.0.0.1:"), "{settings}");
    assert_eq!(program.stop("-TERM").await, Some(0));
    std::fs::remove_file(path).unwrap();
}

#[tokio::test]
async fn both_signals_stop_it_with_exit_0() {
    for signal in ["-INT", "-TERM"] {
        let mut program = Program::start(&["--faithful"]);
        program.line().await;
        assert_eq!(program.line().await, "NOTIFICATION_HUB_NAME=acs-push-dev");
        assert_eq!(program.stop(signal).await, Some(0), "{signal}");
    }
}

#[tokio::test]
async fn help_and_version_are_printed_and_an_unknown_option_is_exit_code_2() {
    let run = async |arg: &str| {
        let output = timeout(SOON, Command::new(PROGRAM).arg(arg).output()).await.unwrap().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        (output.status.code(), text, String::from_utf8(output.stderr).unwrap())
    };
    let (code, help, _) = run("--help").await;
    assert!(code == Some(0) && help.contains("--faithful"), "{help}");
    let (code, version, _) = run("--version").await;
    let wanted = format!("notification-hubs-emulator {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!((code, version), (Some(0), wanted));
    let (code, _, error) = run("--fast").await;
    assert!(code == Some(2) && error.contains("--fast"), "{error}");
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = Command::new(PROGRAM).args(["--port", &port]).output().await.unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && error.contains(&format!("port {port}")), "{error}");
}
