//! `deploy/release.sh` against an `az` that writes down what it is asked: Azure itself cannot be had in a test.
#![expect(clippy::unwrap_used, reason = "a test may stop where something is missing")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

const APP: &str = "/subscriptions/s1/resourceGroups/apps/providers/Microsoft.Web/sites/func-push";
const TOPIC: &str = "/subscriptions/s2/resourceGroups/acs/providers/Microsoft.EventGrid/systemTopics/evgt";
const STORAGE: &str = "/subscriptions/s1/resourceGroups/apps/providers/Microsoft.Storage/storageAccounts/st";
const SYNC: &str = "rest --method post --url /subscriptions/s1/resourceGroups/apps/providers/Microsoft.Web/sites/func-push/host/default/sync?api-version=2025-03-01 --output none";

/// Writes each call to `calls`. Lists `EventGridTrigger` from the third sync on, if `LISTS` says so.
const AZ: &str = r#"#!/bin/sh
echo "$*" >> "$RECORD/calls"
case "$*" in
*/host/default/sync*) echo x >> "$RECORD/syncs"; [ "$LISTS" = yes ] || { echo "Bad Gateway" >&2; exit 1; } ;;
*/functions?api-version=*) echo func-push/WarmUp
    [ "$LISTS" = yes ] && [ "$(wc -l < "$RECORD/syncs")" -ge 3 ] && echo func-push/EventGridTrigger || true ;;
"deployment sub show"*) printf '%s\n' "$APP" "$TOPIC" "$STORAGE" False ;;
esac
"#;

/// A folder with the scripts, the template and a package, and programs that write down how they are called.
struct Release(TempDir);

impl Release {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for inner in ["deploy", "bin", "target/package"] {
            fs::create_dir_all(folder.path().join(inner)).unwrap();
        }
        fs::copy(root.join("deploy/release.sh"), folder.path().join("deploy/release.sh")).unwrap();
        fs::write(folder.path().join("target/package/acs-push.zip"), "a package").unwrap();
        for (name, script) in [("az", AZ), ("sleep", "#!/bin/sh\necho \"sleep $1\" >> \"$RECORD/calls\"\n")] {
            let path = folder.path().join("bin").join(name);
            fs::write(&path, script).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs it where `az` lists the function or never does, with these environment variables.
    fn run(&self, lists: &str, args: &[&str], environment: &[(&str, &str)]) -> Output {
        Command::new("bash")
            .arg(self.path("deploy/release.sh"))
            .args(args)
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", self.path("bin").display()))
            .envs([("LISTS", lists), ("APP", APP), ("TOPIC", TOPIC), ("STORAGE", STORAGE)])
            .env("RECORD", self.0.path())
            .envs(environment.iter().copied())
            .output()
            .unwrap()
    }

    fn calls(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.path("calls")).unwrap_or_default();
        calls.lines().map(str::to_owned).collect()
    }
}

const OUTPUTS: [(&str, &str); 4] =
    [("functionAppId", APP), ("systemTopicId", TOPIC), ("storageAccountId", STORAGE), ("calls", "true")];

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

#[test]
fn it_uploads_asks_until_the_function_is_listed_and_subscribes() {
    let release = Release::new();
    let output = release.run("yes", &[], &OUTPUTS);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));

    let list =
        format!("rest --method get --url {APP}/functions?api-version=2025-03-01 --query value[].name --output tsv");
    let (upload, subscribe) = (
        "functionapp deployment source config-zip --subscription s1 --resource-group apps --name func-push \
         --src target/package/acs-push.zip --output none",
        format!(
            "deployment group create --name acs-push-events --subscription s2 --resource-group acs \
             --template-file infra/events.bicep --output none --parameters systemTopicName=evgt \
             functionAppId={APP} storageAccountId={STORAGE} calls=true"
        ),
    );
    let look = [SYNC, &list];
    let looks = [&look[..], &["sleep 10"], &look, &["sleep 10"], &look].concat();
    assert_eq!(release.calls(), [&[upload][..], &looks, &[&subscribe]].concat());

    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.contains("https://func-push.azurewebsites.net/api/status"), "{told}");
}

#[test]
fn it_gives_up_after_five_minutes_and_says_why() {
    let release = Release::new();
    let output = release.run("no", &[], &OUTPUTS);
    assert_eq!(output.status.code(), Some(1));
    let told = stderr(&output);
    for part in ["after 300 s", "Azure lists: func-push/WarmUp", "Bad Gateway", "The function is not listed"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let calls = release.calls();
    assert_eq!(calls.iter().filter(|call| *call == "sleep 10").count(), 30);
    assert!(!calls.iter().any(|call| call.starts_with("deployment group create")), "{calls:?}");
    // Where the message sends its reader.
    let document = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/deploy.md")).unwrap();
    assert!(document.contains("\n### The function is not listed\n"));
}

#[test]
fn it_takes_the_outputs_of_a_deployment_by_name() {
    let release = Release::new();
    let output = release.run("yes", &["acs-push"], &[]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let calls = release.calls();
    assert!(calls[0].starts_with("deployment sub show --name acs-push "), "{calls:?}");
    assert!(calls.last().unwrap().ends_with(&format!("functionAppId={APP} storageAccountId={STORAGE} calls=false")));
}

#[test]
fn it_names_what_is_missing_before_it_asks_azure() {
    for (missing, package) in [("systemTopicId", true), ("target/package/acs-push.zip", false)] {
        let release = Release::new();
        if !package {
            fs::remove_file(release.path("target/package/acs-push.zip")).unwrap();
        }
        let known: Vec<_> = OUTPUTS.into_iter().filter(|(name, _)| *name != missing).collect();
        let output = release.run("yes", &[], &known);
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).contains(missing), "{}", stderr(&output));
        assert_eq!(release.calls(), Vec::<String>::new());
    }
}
