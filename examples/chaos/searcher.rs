//! Everything that the processes write and answer, searched for what was planted in the run: people's ids, numbers, handles, names
//! and texts, and the keys of hub and store.

use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};

use super::canaries::{Canaries, Net};
use super::{Failure, events, people};

/// Takes texts, and says in the end what was found. Clones are the same searcher.
#[derive(Debug, Clone)]
pub struct Searcher(Sender<Option<String>>);

/// The thread that searches, so that the run goes on meanwhile.
#[derive(Debug)]
pub struct Search(JoinHandle<Searched>);

/// What it came to.
#[derive(Debug, Default)]
pub struct Searched {
    /// How many values were looked for, each in all its forms.
    pub planted: usize,
    pub bytes: usize,
    /// A value, its form, and the line.
    pub caught: Vec<String>,
}

/// Looks for what people and events have, and for the keys in these settings.
pub fn start(settings: &[(&'static str, String)]) -> (Searcher, Search) {
    let mut canaries = Canaries::default();
    canaries.plant_settings(settings.iter().map(|(name, value)| (name, value)));
    people::plant(&mut canaries);
    events::plant(&mut canaries);
    let (sender, texts) = mpsc::channel();
    (Searcher(sender), Search(thread::spawn(move || search(&canaries.net(), canaries.len(), &texts))))
}

fn search(net: &Net, planted: usize, texts: &Receiver<Option<String>>) -> Searched {
    let mut searched = Searched { planted, ..Searched::default() };
    while let Ok(Some(text)) = texts.recv() {
        searched.bytes += text.len();
        searched.caught.extend(net.caught(&text));
    }
    searched
}

impl Searcher {
    /// Something that a process wrote or answered.
    pub fn hear(&self, text: &str) {
        // It is gone only after the end.
        let _ = self.0.send(Some(text.to_owned()));
    }

    /// There is no more.
    pub fn end(&self) {
        let _ = self.0.send(None);
    }
}

impl Search {
    /// What was found, once everything was searched.
    pub async fn result(self) -> Result<Searched, Failure> {
        let joined = tokio::task::spawn_blocking(|| self.0.join()).await?;
        Ok(joined.map_err(|_| "the searcher panicked")?)
    }
}
