//! The store to be measured, which is filled directly: registering a million installations takes hours.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::ops::Range;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::SystemTime;

use tempfile::TempDir;

use crate::Failure;
use crate::blobs::Blobs;
use crate::options::StoreKind;
use crate::template::{Age, Document, Template};

/// A folder or an Azurite of its own, which goes with it.
#[derive(Debug)]
pub enum Store {
    Folder(TempDir),
    Azurite(Box<Blobs>),
}

impl Store {
    pub async fn open(kind: StoreKind) -> Result<Self, Failure> {
        Ok(match kind {
            StoreKind::Folder => Self::Folder(tempfile::tempdir()?),
            StoreKind::Azurite => Self::Azurite(Box::new(Blobs::start().await?)),
        })
    }

    /// The program's settings.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Folder(folder) => vec![("STORE", format!("file:{}", folder.path().display()))],
            Self::Azurite(blobs) => blobs.settings(),
        }
    }

    pub async fn write_layout(&self, template: &Template) -> Result<(), Failure> {
        let layout = Document { key: "layout".to_owned(), text: template.layout.clone() };
        match self {
            Self::Folder(folder) => Ok(write(folder.path(), &layout, SystemTime::now())?),
            Self::Azurite(blobs) => blobs.write(&[layout]).await,
        }
    }

    /// Writes the documents of these installations, in a folder with the time of the PUT.
    pub async fn fill(&self, template: &Template, devices: Range<usize>, age: Age) -> Result<(), Failure> {
        match self {
            Self::Folder(folder) => {
                fill_folder(folder.path(), template, &devices, age)?;
                // Otherwise the first sync of the program would wait until all of this is on the disk.
                let synced = Command::new("sync").arg("-f").arg(folder.path()).status()?;
                if synced.success() { Ok(()) } else { Err("sync failed".into()) }
            }
            Self::Azurite(blobs) => {
                blobs.write(&devices.flat_map(|device| template.documents(device, age)).collect::<Vec<_>>()).await
            }
        }
    }
}

fn fill_folder(folder: &Path, template: &Template, devices: &Range<usize>, age: Age) -> io::Result<()> {
    let threads = thread::available_parallelism()?.get();
    thread::scope(|scope| {
        let part = |number| {
            move || -> io::Result<()> {
                for device in devices.clone().skip(number).step_by(threads) {
                    for document in template.documents(device, age) {
                        write(folder, &document, age.time().into())?;
                    }
                }
                Ok(())
            }
        };
        let parts: Vec<_> = (0..threads).map(|number| scope.spawn(part(number))).collect();
        parts.into_iter().try_for_each(|part| part.join().expect("it does not panic"))
    })
}

fn write(folder: &Path, document: &Document, modified: SystemTime) -> io::Result<()> {
    let path = folder.join(&document.key);
    let mut file = File::create(&path).or_else(|error| {
        if error.kind() != ErrorKind::NotFound {
            return Err(error);
        }
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        File::create(&path)
    })?;
    file.write_all(document.text.as_bytes())?;
    file.set_modified(modified)
}
