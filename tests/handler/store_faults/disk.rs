//! A folder whose disk is full, whose file system is read-only, or that belongs to another user. Mounting needs root.

use std::os::unix::fs::chown;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::*;
use crate::faults::assert_told;

/// A small file system in memory. It is unmounted when it is dropped.
struct Disk(TempDir);

impl Disk {
    fn mount() -> Self {
        let folder = tempfile::tempdir().unwrap();
        run("mount", &["-t", "tmpfs", "-o", "size=512k", "acs-push-test", folder.path().to_str().unwrap()]);
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn make_read_only(&self) {
        run("mount", &["-o", "remount,ro", self.path().to_str().unwrap()]);
    }

    fn store(&self) -> Vec<(&'static str, String)> {
        vec![("STORE", format!("file:{}", self.path().join("store").display()))]
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        run("umount", &["-l", self.path().to_str().unwrap()]);
    }
}

fn run(program: &str, arguments: &[&str]) {
    let status = Command::new(program).args(arguments).status().unwrap();
    assert!(status.success(), "{program} {arguments:?} needs root, and the right to mount");
}

/// PUT, an event that writes, and Status tell the cause; GET and other events go on.
async fn assert_told_by_writes(process: Process, fault: &str, cause: &str) {
    let text = format!("the store's folder cannot be used: {cause}");
    let put =
        Reply::of(process.put_request("android", &json!({"userId": ALICE, "platform": "fcmv1", "pushChannel": "f:1"})))
            .await;
    assert!(put.status == 503 && put.text.contains(&text), "{put:?}");
    assert_eq!(process.get("iphone").await["installationId"], "iphone");
    let unreadable = process.invoke(&json!({"no": "event"})).await;
    let not_stored = format!("the dead letter could not be stored: {text}");
    assert!(unreadable.status == 500 && unreadable.text.contains(&not_stored), "{unreadable:?}");
    assert_eq!(process.outcome(&call("e1", "c1")).await, "delivered", "a call rings all the same");
    let (_, output) = process.terminate().await;
    assert_told(fault, &output);
    let errors: Vec<&str> = output.lines().filter(|line| line.contains("ERROR ")).collect();
    assert!(errors.len() >= 3 && errors.iter().all(|error| error.contains(&text)), "{output}");
}

async fn with_iphone(disk: &Disk) -> (Process, Emulator) {
    let (process, hub) = start(&disk.store(), disk.path()).await;
    process.register("iphone", json!({"userId": BOB, "platform": "apns", "pushChannel": IPHONE})).await;
    (process, hub)
}

#[tokio::test]
async fn a_full_disk() {
    let disk = Disk::mount();
    let (process, _hub) = with_iphone(&disk).await;
    // As much as there is room for.
    let filled = std::fs::write(disk.path().join("other"), vec![0; 1024 * 1024]);
    assert!(filled.is_err());
    assert_told_by_writes(process, "the disk of the store's folder is full", "its disk is full (").await;
}

#[tokio::test]
async fn a_read_only_file_system() {
    let disk = Disk::mount();
    let (process, _hub) = with_iphone(&disk).await;
    disk.make_read_only();
    assert_told_by_writes(process, "the store's file system is read-only", "its file system is read-only (").await;
}

#[tokio::test]
async fn a_folder_of_another_user() {
    const NOBODY: u32 = 65534;
    let folder = tempfile::tempdir().unwrap();
    chown(folder.path(), Some(NOBODY), None).unwrap();
    let store = folder.path().join("store");
    std::fs::create_dir(&store).unwrap();
    let hub = emulator().await;
    let setting = format!("file:{}", store.display());
    let mut command = command(&vars(&hub, &[("STORE", &setting)]), folder.path());
    let output = command.uid(NOBODY).output().await.unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(78), "{told}");
    assert_told("the store's folder is another user's", &told);
}
