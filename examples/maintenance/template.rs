//! The documents of any number of installations, made from those of one that the program registered.

use std::path::Path;

use acs_push::benches::installation_keys;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::Failure;
use crate::fleet::{Fleet, handle, installation_id, user_id_of};
use crate::measurement::start;
use crate::wire::Wire;

/// What the program wrote for device 0.
#[derive(Debug)]
pub struct Template {
    /// The document that says which layout the store has.
    pub layout: String,
    documents: Vec<String>,
    revision: String,
    /// As a member of the JSON, with its name.
    written_at: String,
}

/// When an installation was PUT, and whether it has expired.
#[derive(Debug, Clone, Copy)]
pub enum Age {
    /// It has not expired.
    Alive(DateTime<Utc>),
    /// It has expired because it was not PUT again.
    Old(DateTime<Utc>),
    /// It has expired at its `expirationTime`, which was an hour later.
    Ended(DateTime<Utc>),
}

/// A document to be stored.
#[derive(Debug)]
pub struct Document {
    pub key: String,
    pub text: String,
}

impl Template {
    /// Registers an installation with `binary` in a store for this purpose only.
    pub async fn make(binary: &Path) -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let process = start(binary, 1, &[("STORE", format!("file:{}", folder.path().display()))]).await?;
        Fleet { recipients: 1, devices: 1 }.register(&mut Wire::connect(process.port).await?).await?;
        process.kill().await?;
        let read =
            |key: &str| std::fs::read_to_string(folder.path().join(key)).map_err(|error| format!("{key}: {error}"));
        let keys = installation_keys(&installation_id(0), &handle("apns", 0), &user_id_of(0));
        let documents = keys.iter().map(|key| read(key)).collect::<Result<Vec<_>, _>>()?;
        let installation: Value = serde_json::from_str(&documents[0])?;
        let revision = installation["revision"].to_string();
        let written_at = format!("\"writtenAt\":{}", installation["installation"]["writtenAt"]);
        Ok(Self { layout: read("layout")?, documents, revision, written_at })
    }

    /// The documents of a device's installation.
    pub fn documents(&self, device: usize, age: Age) -> Vec<Document> {
        let (id, handle, user_id) = (installation_id(device), handle("apns", device), user_id_of(device));
        let text = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Millis, true);
        let mut written_at = format!("\"writtenAt\":\"{}\"", text(age.time()));
        if let Age::Ended(time) = age {
            written_at += &format!(",\"expirationTime\":\"{}\"", text(time + TimeDelta::hours(1)));
        }
        let replacements = [
            (format!("\"{}\"", installation_id(0)), format!("\"{id}\"")),
            (crate::fleet::handle("apns", 0), handle.clone()),
            (user_id_of(0), user_id.clone()),
            (self.revision.clone(), age.time().timestamp_micros().to_string()),
            (self.written_at.clone(), written_at),
        ];
        let copy = |document: &String| {
            replacements.iter().fold(document.clone(), |document, (old, new)| document.replace(old, new))
        };
        let keys = installation_keys(&id, &handle, &user_id);
        let texts = self.documents.iter().map(copy);
        let mut documents: Vec<_> = keys.into_iter().zip(texts).map(|(key, text)| Document { key, text }).collect();
        if let Age::Ended(time) = age {
            let key = format!("expiring/{}-{device}", (time + TimeDelta::hours(1)).format("%Y%m%d/%H%M%S"));
            documents.push(Document { key, text: json!({"v": 1, "installationId": id}).to_string() });
        }
        documents
    }
}

impl Age {
    /// When the installation was PUT.
    pub fn time(self) -> DateTime<Utc> {
        match self {
            Self::Alive(time) | Self::Old(time) | Self::Ended(time) => time,
        }
    }
}
