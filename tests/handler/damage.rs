//! Documents in a folder that somebody or something damaged: everybody else is served as before, whom it concerns mends
//! it by registering or deleting, and no handle has two owners meanwhile.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use notification_hubs_emulator::Emulator;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::binary::{Process, command};
use crate::reach::{Reach, accepted, call_to, masked, message_to, shown};
use crate::support::*;
use crate::tally::conclude;

mod events;
mod register;

/// What became of a document.
#[derive(Debug, Clone, Copy)]
enum Damage {
    Empty,
    /// Its first half is left.
    CutOff,
    Garbage,
    /// A folder took its place.
    Folder,
}

const EVERY_DAMAGE: [Damage; 4] = [Damage::Empty, Damage::CutOff, Damage::Garbage, Damage::Folder];

/// Ada has two phones, of which the second has a number of its own. Bob asks for nothing, and Cy comes later.
const ADA: &str = "8:acs:ada";
const NUMBER: &str = "15550000001";
const BYSTANDER: &str = "8:acs:bob";
const CY: &str = "8:acs:cy";

/// The last four digits of a handle are all that the API shows of it.
fn handle(name: u16) -> String {
    format!("{name:064x}")
}

const PHONE: u16 = 0xa1;
const PHONE_CALLS: u16 = 0xa2;
const TABLET: u16 = 0xa3;
const OTHER: u16 = 0xb1;
const NEW: u16 = 0xc1;

fn phone_of_ada() -> Value {
    json!({"userId": ADA, "phoneNumbers": [NUMBER], "platform": "apns", "pushChannel": handle(PHONE),
        "voipPushChannel": handle(PHONE_CALLS)})
}

fn tablet_of_ada() -> Value {
    json!({"userId": ADA, "platform": "apns", "pushChannel": handle(TABLET)})
}

fn phone_of_bystander() -> Value {
    json!({"userId": BYSTANDER, "platform": "apns", "pushChannel": handle(OTHER)})
}

/// A store as handlers leave it, and which of its documents are whose.
struct Store {
    folder: TempDir,
    /// What Ada's registrations wrote.
    of_ada: Vec<PathBuf>,
    /// What events wrote.
    of_events: Vec<PathBuf>,
}

/// The call and the message whose deletion the store knows of.
const CALL: &str = "11111111-1111-4111-8111-111111111111";
const DELETED: &str = "deleted-message";

fn call_to_ada() -> Value {
    let mut event = call_to(ADA);
    (event["id"], event["data"]["correlationId"]) = (json!("the-call"), json!(CALL));
    event
}

fn change_for_ada(short_type: &str, version: i64) -> Value {
    let mut event = chat(short_type, short_type, DELETED, version, ADA);
    event["data"]["recipientCommunicationIdentifier"] = json!({"rawId": ADA});
    event
}

impl Store {
    async fn fill() -> Self {
        let (hub, folder) = (emulator().await, tempfile::tempdir().unwrap());
        let process = Process::start(&vars(&hub, &[("STORE", "file:store")]), folder.path()).await;
        let store = folder.path().join("store");
        process.register("phone", phone_of_ada()).await;
        process.register("tablet", tablet_of_ada()).await;
        let of_ada = documents_in(&store);
        process.register("other", phone_of_bystander()).await;
        let registered = documents_in(&store);
        assert_eq!(process.outcome(&call_to_ada()).await, "delivered");
        assert_eq!(process.outcome(&change_for_ada("ChatMessageDeleted", 2)).await, "delivered");
        assert_eq!(process.outcome(&json!("no event")).await, "dead_lettered");
        let of_events = documents_in(&store).difference(&registered).cloned().collect();
        assert_eq!(process.terminate().await.0, Some(0));
        Self { folder, of_ada: of_ada.into_iter().collect(), of_events }
    }

    /// The same store in another folder, as only tools know that go by files.
    fn copy(&self) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        let copied = Command::new("cp").arg("-a").arg(self.folder.path().join("store")).arg(folder.path()).status();
        assert!(copied.unwrap().success());
        folder
    }
}

/// The documents of a store, each by its path there. Locks and whatever else is hidden are none, nor is what lies beside
/// the kinds.
fn documents_in(store: &Path) -> BTreeSet<PathBuf> {
    let (mut found, mut folders) = (BTreeSet::new(), vec![store.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().unwrap().to_str().unwrap().starts_with('.') {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if next != store {
                found.insert(path.strip_prefix(store).unwrap().to_owned());
            }
        }
    }
    found
}

fn kind(document: &Path) -> &str {
    document.components().next().unwrap().as_os_str().to_str().unwrap()
}

impl Damage {
    fn befall(self, path: &Path) {
        let content = fs::read(path).unwrap();
        match self {
            Self::Empty => fs::write(path, "").unwrap(),
            Self::CutOff => fs::write(path, &content[..content.len() / 2]).unwrap(),
            Self::Garbage => fs::write(path, b"\x00\xff{garbage").unwrap(),
            Self::Folder => {
                fs::remove_file(path).unwrap();
                fs::create_dir(path).unwrap();
            }
        }
    }
}

/// One damaged document, and a process that meets it.
struct Case {
    name: String,
    document: PathBuf,
    hub: Emulator,
    process: Process,
    folder: TempDir,
    faults: Vec<String>,
}

impl Case {
    /// `damage` is done to the document before the process starts.
    async fn start(name: String, store: &Store, document: &Path, damage: impl FnOnce(&Path)) -> Self {
        let (hub, folder) = (emulator().await, store.copy());
        damage(&folder.path().join("store").join(document));
        let process = Process::start(&vars(&hub, &[("STORE", "file:store")]), folder.path()).await;
        let name = format!("{}, {name}", kind(document));
        Self { name, document: document.to_owned(), hub, process, folder, faults: Vec::new() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("store").join(&self.document)
    }

    fn expect(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.faults.push(format!("{}: {}", self.name, what()));
        }
    }

    /// Asks for a change; says whether it was made.
    async fn ask(&mut self, what: &str, request: reqwest::RequestBuilder) -> bool {
        let reply = Reply::of(request).await;
        let is_done = matches!(reply.status, 200 | 201 | 204);
        self.expect(is_done, || format!("{what} is answered {} {}", reply.status, reply.text));
        is_done
    }

    async fn put(&mut self, id: &str, installation: &Value) -> bool {
        self.ask(&format!("PUT {id}"), self.process.put_request(id, installation)).await
    }

    async fn delete(&mut self, id: &str) -> bool {
        self.ask(&format!("DELETE {id}"), self.process.delete_request(id)).await
    }

    /// Whoever has nothing to do with it is served.
    async fn serve_the_bystander(&mut self) {
        let reply = self.process.invoke(&message_to(BYSTANDER)).await;
        self.expect(reply.status == 200, || {
            format!("the bystander's message is answered {} {}", reply.status, reply.text)
        });
        self.put("other", &phone_of_bystander()).await;
    }

    /// Where all are reached is where they should be, and what the API shows.
    async fn expect_reach(&mut self, when: &str, expected: &[(&str, &[u16])]) {
        let addresses = [ADA, NUMBER, BYSTANDER, CY].map(str::to_owned);
        let mut events: Vec<Value> = addresses.iter().map(|address| message_to(address)).collect();
        events.extend([ADA, BYSTANDER, CY].map(call_to));
        self.hub.clear();
        let reply = self.process.invoke(&json!(events)).await;
        self.expect(reply.status == 200, || format!("{when}, events are answered {} {}", reply.status, reply.text));
        let expected: Reach = expected
            .iter()
            .map(|(address, handles)| ((*address).to_owned(), handles.iter().map(|name| handle(*name)).collect()))
            .collect();
        let expected = masked(&expected);
        let reached = masked(&accepted(&self.hub, &addresses));
        self.expect(reached == expected, || format!("{when}, pushes go to {reached:?}, not to {expected:?}"));
        let ids = ["phone", "tablet", "other", "new"].map(str::to_owned);
        match shown(&self.process, &ids).await {
            Ok(shown) => self.expect(shown == expected, || format!("{when}, GET shows {shown:?}, not {expected:?}")),
            Err(error) => self.faults.push(format!("{}: {when}, GET {error}", self.name)),
        }
    }

    /// A message to Ada may fail, and then comes again; it is not acknowledged before both phones got it.
    async fn expect_no_loss(&mut self) {
        for (address, handles) in [(ADA, &[PHONE, TABLET][..]), (NUMBER, &[PHONE])] {
            self.hub.clear();
            let status = self.process.invoke(&message_to(address)).await.status;
            let reached = &accepted(&self.hub, &[address.to_owned()])[address];
            let is_complete = handles.iter().all(|name| reached.contains(&handle(*name)));
            self.expect(status == 500 || is_complete, || {
                format!("a message is lost: {status}, only {reached:?} got it")
            });
        }
    }

    /// Ends the process. What it wrote names the kind of the document, and no more of its key.
    async fn end(mut self) -> Vec<String> {
        let process = self.process;
        let (code, output) = process.terminate().await;
        let (kind, name) = (kind(&self.document), self.document.file_name().unwrap().to_str().unwrap());
        // Beside what begins each line about a registration. Dead letters are read by a replay only.
        let is_told = kind == "dead-letters" || output.replace("installations: ", "").contains(kind);
        for (holds, fault) in [
            (code == Some(0), format!("it ended with {code:?}")),
            (is_told, "no line names the kind".to_owned()),
            (!output.contains(name), "a line names the key".to_owned()),
        ] {
            if !holds {
                self.faults.push(format!("{}: {fault}", self.name));
            }
        }
        self.faults
    }
}
