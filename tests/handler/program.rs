//! The program run to its end: a command, or a start that is refused. What it writes is searched for what its settings, its
//! folder's files and the processes of that folder hold of people and keys.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};

use crate::watch::{Planted, assert_clean};

/// A program that is about to be run.
pub struct Program {
    command: Command,
    pub vars: BTreeMap<String, String>,
    pub folder: PathBuf,
    arguments: Vec<String>,
}

/// Commands that show what somebody asked for, on standard output: an event's payloads, dead letters, an installation. Neither of
/// them shows a handle or a key.
const SHOW: [&[&str]; 4] =
    [&["send"], &["dead-letters", "show"], &["installations", "show"], &["installations", "put"]];

/// Larger files are for tests of their size.
const LARGEST: u64 = 1024 * 1024;

/// The program with these settings and no others, in that folder.
pub fn command(vars: &BTreeMap<String, String>, folder: &Path) -> Program {
    let mut command = Command::new(env!("CARGO_BIN_EXE_acs-push"));
    // Every line there is, for the search for planted values, unless the test is about levels.
    command
        .env_clear()
        .env("RUST_LOG", "trace")
        .envs(vars)
        .env("FUNCTIONS_CUSTOMHANDLER_PORT", "0")
        .current_dir(folder);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    Program { command, vars: vars.clone(), folder: folder.to_owned(), arguments: Vec::new() }
}

impl Program {
    pub fn arg(&mut self, argument: &str) -> &mut Self {
        self.args([argument])
    }

    pub fn args<'a>(&mut self, arguments: impl IntoIterator<Item = &'a (impl AsRef<str> + ?Sized + 'a)>) -> &mut Self {
        for argument in arguments {
            self.command.arg(argument.as_ref());
            self.arguments.push(argument.as_ref().to_owned());
        }
        self
    }

    pub fn env(&mut self, name: &str, value: impl AsRef<OsStr>) -> &mut Self {
        self.command.env(name, value);
        self
    }

    #[cfg(feature = "foreign-tests")]
    pub fn uid(&mut self, id: u32) -> &mut Self {
        self.command.uid(id);
        self
    }

    pub fn spawn(&mut self) -> io::Result<Child> {
        self.command.spawn()
    }

    /// Runs it, and searches what it wrote.
    pub fn output(&mut self) -> impl Future<Output = io::Result<Output>> + use<> {
        let (planted, shows) = (self.planted(), self.shows());
        let output = self.command.output();
        async move {
            let output = output.await?;
            search(&planted, shows, &output);
            Ok(output)
        }
    }

    /// The same with that on its standard input.
    pub async fn output_of(&mut self, input: &[u8]) -> io::Result<Output> {
        let (mut planted, shows) = (self.planted(), self.shows());
        planted.plant_file(&String::from_utf8_lossy(input));
        let mut child = self.command.stdin(Stdio::piped()).spawn()?;
        // One that reads no input may be over by now.
        if let Some(mut stdin) = child.stdin.take() {
            let _ = stdin.write_all(input).await;
        }
        let output = child.wait_with_output().await?;
        search(&planted, shows, &output);
        Ok(output)
    }

    /// Whether its standard output shows what was asked for.
    fn shows(&self) -> bool {
        SHOW.iter().any(|words| self.arguments.iter().take(words.len()).eq(words.iter()))
    }

    fn planted(&self) -> Planted {
        let mut planted = Planted::in_folder(&self.folder);
        planted.plant_settings(&self.vars);
        for entry in std::fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let is_file = entry.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() <= LARGEST);
            if is_file && entry.path().extension().is_some_and(|extension| extension == "json") {
                planted.plant_file(&String::from_utf8_lossy(&std::fs::read(entry.path()).unwrap_or_default()));
            }
        }
        planted
    }
}

/// Fails if a planted value was written: what is shown on purpose holds neither handles nor keys, all else nothing of people.
fn search(planted: &Planted, shows: bool, output: &Output) {
    let [stdout, stderr] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    let is_log_line = |line: &str| {
        let line = line.trim_start();
        line.starts_with("{\"event\":")
            || ["TRACE ", "DEBUG ", "INFO ", "WARN ", "ERROR "].iter().any(|level| line.starts_with(level))
    };
    let (logged, shown): (Vec<&str>, Vec<&str>) = stdout.lines().partition(|line| !shows || is_log_line(line));
    assert_clean(&planted.all, &[&logged.join("\n"), &stderr]);
    assert_clean(&planted.secrets, &[&shown.join("\n")]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrote(stdout: &str, stderr: &str) -> Output {
        Output { status: Default::default(), stdout: stdout.into(), stderr: stderr.into() }
    }

    fn planted() -> Planted {
        let mut planted = Planted::default();
        planted.plant_file(r#"{"platform": "fcmv1", "pushChannel": "fcm-canary", "userId": "8:acs:canary"}"#);
        planted.plant_file("{\"id\": \"e1\", \"data\": {\"messageBody\": \"singing canary\"}}\n");
        planted
    }

    #[test]
    fn what_a_command_shows_on_purpose_may_hold_a_text() {
        search(&planted(), true, &wrote("  payload    singing canary for 8:acs:canary\n", ""));
    }

    #[test]
    #[should_panic(expected = "a planted value was written: fcm-canary (plain)")]
    fn and_never_a_handle() {
        search(&planted(), true, &wrote("  payload    for fcm-canary\n", ""));
    }

    #[test]
    #[should_panic(expected = "a planted value was written: singing canary (plain) in: DEBUG")]
    fn nor_may_its_log_lines() {
        search(&planted(), true, &wrote("event 1: e1\nDEBUG sent singing canary\n", ""));
    }

    #[test]
    #[should_panic(expected = "a planted value was written: singing canary (plain) in: acs-push:")]
    fn nor_its_errors() {
        search(&planted(), true, &wrote("", "acs-push: no such text: singing canary\n"));
    }

    #[test]
    #[should_panic(expected = "a planted value was written: singing canary (plain) in: e1")]
    fn a_listing_holds_nothing() {
        search(&planted(), false, &wrote("e1  singing canary\n", ""));
    }
}
