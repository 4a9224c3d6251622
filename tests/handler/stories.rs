//! Two changes of the register, of which something interrupts the first one, and what has to hold afterwards. In each
//! story `z` and `w` are phones of somebody who asked for nothing.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::binary::Process;
use crate::support::Reply;

/// One story. Users, installations and handles have short names here, and others in each round.
#[derive(Debug)]
pub struct Story {
    pub name: &'static str,
    pub before: &'static [Phone],
    /// The one that is interrupted. Where it was cut off, it comes again at the end.
    pub first: Ask,
    /// Another process is asked for this one then.
    pub then: Option<Phone>,
    /// Where users are reached where the first one was cut off.
    pub reach: &'static [Expected],
}

#[derive(Debug, Clone, Copy)]
pub enum Ask {
    Put(Phone),
    Delete(&'static str),
}

/// An installation.
#[derive(Debug, Clone, Copy)]
pub struct Phone {
    pub id: &'static str,
    pub user: &'static str,
    handle: &'static str,
    /// For calls.
    voip: Option<&'static str>,
}

/// The handles at which one user is reached.
#[derive(Debug)]
pub struct Expected {
    pub user: &'static str,
    /// After the kill, and after what was asked for then: those in any case, and those that may be among them as long as
    /// nobody knows what became of the request.
    pub cut_off: [&'static [&'static str]; 2],
    /// The same if the request was answered before the kill.
    pub answered: &'static [&'static str],
    /// At last, when the request came again.
    pub repeated: &'static [&'static str],
}

/// The names of one round.
#[derive(Debug, Clone, Copy)]
pub struct Round(pub usize);

impl Round {
    pub fn id(self, name: &str) -> String {
        format!("{name}-{}", self.0)
    }

    pub fn user(self, name: &str) -> String {
        format!("8:acs:{name}-{}", self.0)
    }

    /// The last four digits of a handle are all that the API shows of it.
    pub fn handle(self, name: &str) -> String {
        let letters = name.bytes().fold(0_u16, |letters, letter| letters << 8 | u16::from(letter));
        format!("{:060x}{letters:04x}", self.0)
    }

    pub fn handles(self, names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| self.handle(name)).collect()
    }

    /// Insists on what is asked for.
    pub async fn ask(self, process: &Process, ask: Ask) -> Reply {
        match ask {
            Ask::Put(phone) => process.register(&self.id(phone.id), self.installation(phone)).await,
            Ask::Delete(id) => process.forget(&self.id(id)).await,
        }
    }

    pub async fn set_up(self, process: &Process, story: &Story) {
        for phone in story.before {
            self.ask(process, Ask::Put(*phone)).await;
        }
    }

    pub fn installation(self, phone: Phone) -> Value {
        let mut installation =
            json!({"userId": self.user(phone.user), "platform": "apns", "pushChannel": self.handle(phone.handle)});
        if let Some(voip) = phone.voip {
            installation["voipPushChannel"] = json!(self.handle(voip));
        }
        installation
    }
}

impl Story {
    pub fn has_calls(&self) -> bool {
        self.before.iter().any(|phone| phone.voip.is_some())
    }

    pub fn users(&self) -> impl Iterator<Item = &'static str> {
        self.reach.iter().map(|expected| expected.user)
    }

    /// The handles that were asked for.
    pub fn wanted(&self) -> BTreeSet<&'static str> {
        let first = match self.first {
            Ask::Put(phone) => Some(phone),
            Ask::Delete(_) => None,
        };
        first.iter().chain(&self.then).flat_map(|phone| [Some(phone.handle), phone.voip]).flatten().collect()
    }

    /// The handles of the phones whose owners asked for nothing.
    pub fn bystanders(&self) -> BTreeSet<&'static str> {
        let bystanders = self.before.iter().filter(|phone| matches!(phone.id, "z" | "w"));
        bystanders.flat_map(|phone| [Some(phone.handle), phone.voip]).flatten().collect()
    }

    /// Every installation in it.
    pub fn ids(&self) -> BTreeSet<&'static str> {
        let first = match self.first {
            Ask::Put(phone) => phone.id,
            Ask::Delete(id) => id,
        };
        self.before.iter().chain(&self.then).map(|phone| phone.id).chain([first]).collect()
    }
}

const fn phone(id: &'static str, user: &'static str, handle: &'static str) -> Phone {
    Phone { id, user, handle, voip: None }
}

const fn voip(id: &'static str, user: &'static str, handle: &'static str, voip: &'static str) -> Phone {
    Phone { id, user, handle, voip: Some(voip) }
}

/// A phone, and another one that gets its handle.
pub const X: Phone = phone("x", "u0", "G");
pub const Y: Phone = phone("y", "u1", "G");
const Z: Phone = phone("z", "u0", "Z");
const W: Phone = phone("w", "u1", "W");

/// The first one is the most frequent cause of harm: a push service gives a handle to somebody else.
pub const STORIES: [Story; 11] = [
    Story {
        name: "a handle changes, and somebody else gets the old one",
        before: &[X, Z, W],
        first: Ask::Put(phone("x", "u0", "H")),
        then: Some(phone("y", "u1", "G")),
        reach: &[
            Expected { user: "u0", cut_off: [&["Z"], &["H"]], answered: &["Z", "H"], repeated: &["Z", "H"] },
            Expected { user: "u1", cut_off: [&["W", "G"], &[]], answered: &["W", "G"], repeated: &["W", "G"] },
        ],
    },
    Story {
        name: "a handle for calls changes, and somebody else gets the old one",
        before: &[voip("x", "u0", "A", "G"), voip("z", "u0", "Z", "Zv"), voip("w", "u1", "W", "Wv")],
        first: Ask::Put(voip("x", "u0", "A", "H")),
        then: Some(voip("y", "u1", "B", "G")),
        reach: &[
            Expected {
                user: "u0",
                cut_off: [&["Z", "Zv"], &["A", "H"]],
                answered: &["Z", "Zv", "A", "H"],
                repeated: &["Z", "Zv", "A", "H"],
            },
            Expected {
                user: "u1",
                cut_off: [&["W", "Wv", "B", "G"], &[]],
                answered: &["W", "Wv", "B", "G"],
                repeated: &["W", "Wv", "B", "G"],
            },
        ],
    },
    Story {
        name: "a phone moves to another user",
        before: &[X, Z, W],
        first: Ask::Put(phone("x", "u1", "G")),
        then: None,
        reach: &[
            Expected { user: "u0", cut_off: [&["Z"], &["G"]], answered: &["Z"], repeated: &["Z"] },
            Expected { user: "u1", cut_off: [&["W"], &["G"]], answered: &["W", "G"], repeated: &["W", "G"] },
        ],
    },
    Story {
        name: "a phone moves to another user, and its handle to a third",
        before: &[X, Z, W],
        first: Ask::Put(phone("x", "u1", "G")),
        then: Some(phone("y", "u2", "G")),
        reach: &[
            Expected { user: "u0", cut_off: [&["Z"], &[]], answered: &["Z"], repeated: &["Z"] },
            Expected { user: "u1", cut_off: [&["W"], &[]], answered: &["W"], repeated: &["W", "G"] },
            Expected { user: "u2", cut_off: [&["G"], &[]], answered: &["G"], repeated: &[] },
        ],
    },
    Story {
        name: "a phone moves with a new handle, and somebody else gets the old one",
        before: &[X, Z, W],
        first: Ask::Put(phone("x", "u1", "H")),
        then: Some(phone("y", "u2", "G")),
        reach: &[
            Expected { user: "u0", cut_off: [&["Z"], &[]], answered: &["Z"], repeated: &["Z"] },
            Expected { user: "u1", cut_off: [&["W"], &["H"]], answered: &["W", "H"], repeated: &["W", "H"] },
            Expected { user: "u2", cut_off: [&["G"], &[]], answered: &["G"], repeated: &["G"] },
        ],
    },
    Story {
        name: "a phone is forgotten",
        before: &[X, Z, W],
        first: Ask::Delete("x"),
        then: None,
        reach: &[
            Expected { user: "u0", cut_off: [&["Z"], &["G"]], answered: &["Z"], repeated: &["Z"] },
            Expected { user: "u1", cut_off: [&["W"], &[]], answered: &["W"], repeated: &["W"] },
        ],
    },
    Story {
        name: "a phone is forgotten, and somebody else gets its handle",
        before: &[X, Z, W],
        first: Ask::Delete("x"),
        then: Some(phone("y", "u1", "G")),
        reach: &[
            Expected { user: "u0", cut_off: [&["Z"], &[]], answered: &["Z"], repeated: &["Z"] },
            Expected { user: "u1", cut_off: [&["W", "G"], &[]], answered: &["W", "G"], repeated: &["W", "G"] },
        ],
    },
    Story {
        name: "a phone is set up anew by somebody else",
        before: &[X, Z, W],
        first: Ask::Put(phone("y", "u1", "G")),
        then: None,
        reach: &[
            Expected { user: "u0", cut_off: [&["Z"], &["G"]], answered: &["Z"], repeated: &["Z"] },
            Expected { user: "u1", cut_off: [&["W"], &["G"]], answered: &["W", "G"], repeated: &["W", "G"] },
        ],
    },
    Story {
        name: "a phone is set up anew twice, each time by somebody else",
        before: &[X, Z, W],
        first: Ask::Put(phone("y", "u1", "G")),
        then: Some(phone("v", "u2", "G")),
        reach: &[
            Expected { user: "u0", cut_off: [&["Z"], &[]], answered: &["Z"], repeated: &["Z"] },
            Expected { user: "u1", cut_off: [&["W"], &[]], answered: &["W"], repeated: &["W", "G"] },
            Expected { user: "u2", cut_off: [&["G"], &[]], answered: &["G"], repeated: &[] },
        ],
    },
    Story {
        name: "a phone registers for the first time, and somebody else gets its handle",
        before: &[Z, W],
        first: Ask::Put(X),
        then: Some(phone("y", "u1", "G")),
        reach: &[
            Expected { user: "u0", cut_off: [&["Z"], &[]], answered: &["Z"], repeated: &["Z", "G"] },
            Expected { user: "u1", cut_off: [&["W", "G"], &[]], answered: &["W", "G"], repeated: &["W"] },
        ],
    },
    Story {
        name: "a phone gets somebody's handle, and somebody else its old one",
        before: &[X, Z, W, phone("v", "u2", "H")],
        first: Ask::Put(phone("x", "u0", "H")),
        then: Some(phone("y", "u1", "G")),
        reach: &[
            Expected { user: "u0", cut_off: [&["Z"], &["H"]], answered: &["Z", "H"], repeated: &["Z", "H"] },
            Expected { user: "u1", cut_off: [&["W", "G"], &[]], answered: &["W", "G"], repeated: &["W", "G"] },
            Expected { user: "u2", cut_off: [&[], &["H"]], answered: &[], repeated: &[] },
        ],
    },
];
