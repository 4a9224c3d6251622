//! Colour and progress are for a terminal only.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Stdio;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::{Value, json};

use crate::support::*;

/// What the command writes to a terminal.
fn on_terminal(folder: &Path, arguments: &[&str], vars: &[(&str, &str)]) -> String {
    let terminal: OwnedFd = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap().into_string().unwrap();
    let open = || Stdio::from(File::options().read(true).write(true).open(&name).unwrap());
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_acs-push"));
    command.env_clear().envs(vars.iter().copied()).current_dir(folder).args(arguments);
    command.stdin(Stdio::null()).stdout(open()).stderr(open());
    let mut child = command.spawn().unwrap();
    // Its ends of the terminal are the last ones.
    drop(command);
    let mut written = Vec::new();
    let mut buffer = [0; 4096];
    // Linux tells the end of it as an error.
    let mut reader = File::from(terminal);
    while let Ok(read @ 1..) = reader.read(&mut buffer) {
        written.extend_from_slice(&buffer[..read]);
    }
    assert!(child.wait().unwrap().success());
    String::from_utf8(written).unwrap()
}

fn in_pipe(folder: &Path, arguments: &[&str]) -> String {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_acs-push"));
    let output = command.env_clear().current_dir(folder).args(arguments).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty());
    String::from_utf8(output.stdout).unwrap()
}

/// The text without colours and progress, as it is in a pipe.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    for line in text.replace("\r\n", "\n").split_inclusive('\n') {
        let mut parts = line.rsplit("\r\u{1b}[K").next().unwrap().split('\u{1b}');
        plain.push_str(parts.next().unwrap());
        parts.for_each(|part| plain.push_str(part.split_once('m').unwrap().1));
    }
    plain
}

#[test]
fn an_explanation_has_colours_on_a_terminal_and_the_same_text_without_them_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("event.json"), sms("e1", "15551234567", "Hello").to_string()).unwrap();
    let arguments = ["send", "event.json", "--as", "ios"];
    let piped = in_pipe(folder.path(), &arguments);
    assert!(!piped.contains(['\u{1b}', '\r']), "{piped:?}");
    let coloured = on_terminal(folder.path(), &arguments, &[]);
    assert!(coloured.contains("\u{1b}[36m\"aps\"\u{1b}[0m: {"), "{coloured:?}");
    assert!(coloured.contains("\u{1b}[1m\u{1b}[32mdelivered\u{1b}[0m"), "{coloured:?}");
    let age = |text: &str| text.lines().filter(|line| !line.contains(" ago")).collect::<Vec<_>>().join("\n");
    assert_eq!(age(&plain(&coloured)), age(&piped));
    for (name, value) in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let told = on_terminal(folder.path(), &arguments, &[(name, value)]);
        assert!(!told.contains("\u{1b}[1m") && !told.contains("\u{1b}[36m"), "{told:?}");
    }
}

#[test]
fn long_work_shows_how_far_it_is_on_a_terminal_only() {
    let folder = tempfile::tempdir().unwrap();
    let vars = [("STORE", "file:store")];
    let letters = folder.path().join("store/dead-letters/2026-11-27");
    std::fs::create_dir_all(&letters).unwrap();
    std::fs::write(folder.path().join("store/layout"), json!({"v": 1, "w": "0", "layout": 2}).to_string()).unwrap();
    for number in 0..1000 {
        let letter: Value =
            json!({"v": 1, "w": "0", "reason": "malformed", "storedAt": "2026-11-27T12:00:00Z", "event": {}});
        std::fs::write(letters.join(format!("{number:012}-0000000000000000")), letter.to_string()).unwrap();
    }
    std::fs::write(folder.path().join("local.settings.json"), r#"{"Values": {"STORE": "file:store"}}"#).unwrap();
    let listed = in_pipe(folder.path(), &["dead-letters", "list"]);
    assert_eq!(listed.lines().count(), 1000);
    assert!(!listed.contains(['\u{1b}', '\r']));
    let told = on_terminal(folder.path(), &["dead-letters", "drop", "--all"], &vars);
    assert!(told.contains("\u{1b}[K") && told.contains(" dead letters"), "{}", &told[..200]);
    assert_eq!(plain(&told).lines().filter(|line| line.ends_with(": dropped")).count(), 1000);
}
