//! Names and times of a kind's documents, shard by shard.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use futures_util::stream::{self, Stream};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::super::{ListedDocument, Version};

/// The shards of a kind in order, each with its documents in order that were last written no later than `until`. They are read
/// as they are wanted.
pub fn shards(
    store: PathBuf,
    kind: String,
    until: DateTime<Utc>,
) -> impl Stream<Item = io::Result<Vec<ListedDocument>>> + Send {
    let (sender, receiver) = mpsc::channel(1);
    spawn_blocking(move || {
        let send = |shard| sender.blocking_send(shard).is_ok();
        match names(&store.join(&kind)) {
            Ok(shards) => drop(shards.iter().map(|shard| documents(&store, &kind, shard, until)).all(send)),
            Err(error) => drop(send(Err(error))),
        }
    });
    stream::unfold(receiver, |mut receiver| async { receiver.recv().await.map(|shard| (shard, receiver)) })
}

fn documents(store: &Path, kind: &str, shard: &str, until: DateTime<Utc>) -> io::Result<Vec<ListedDocument>> {
    let folder = store.join(kind).join(shard);
    let mut documents = Vec::new();
    for name in names(&folder)? {
        // It may be gone by now.
        let modified = match std::fs::metadata(folder.join(&name)).and_then(|metadata| metadata.modified()) {
            Ok(modified) => DateTime::from(modified),
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        if modified <= until {
            let key = [kind, "/", shard, "/", &name].concat();
            documents.push(ListedDocument { key, modified, version: Version::Modified(modified) });
        }
    }
    Ok(documents)
}

/// What is in a folder, in order; nothing where there is no such folder.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut names = Vec::new();
    for entry in entries {
        // No name of ours is anything but ASCII.
        names.extend(entry?.file_name().into_string());
    }
    names.sort_unstable();
    Ok(names)
}
