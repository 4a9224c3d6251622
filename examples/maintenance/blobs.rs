//! An Azurite that is filled directly, and whose requests are counted by its log.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::ChildStdout;
use tokio::time::sleep;

use crate::Failure;
use crate::azurite::{Azurite, KEY};
use crate::template::Document;
use crate::wire::Wire;

/// One container.
#[derive(Debug)]
pub struct Blobs {
    azurite: Azurite,
    signature: String,
    requests: Arc<Mutex<Requests>>,
}

/// Requests by kind.
#[derive(Debug, Clone, Copy, Default)]
pub struct Requests {
    /// Pages of listings.
    pub lists: f64,
    /// Documents opened.
    pub reads: f64,
    /// Documents written or deleted.
    pub writes: f64,
}

/// The container that [`Azurite::settings`] names.
const CONTAINER: &str = "/devstoreaccount1/chaos";
/// Of the REST API.
const VERSION: &str = "2019-12-12";
/// How long Azurite may take to write what it has logged.
const LOG_DELAY: Duration = Duration::from_millis(300);

impl Blobs {
    pub async fn start() -> Result<Self, Failure> {
        let (azurite, log) = Azurite::start_with_log().await?;
        let requests = Arc::default();
        tokio::spawn(count(log, Arc::clone(&requests)));
        let blobs = Self { azurite, signature: signature()?, requests };
        let path = format!("{CONTAINER}?restype=container&{}", blobs.signature);
        put(&mut Wire::connect(blobs.azurite.port).await?, &path, "").await?;
        Ok(blobs)
    }

    pub fn settings(&self) -> Vec<(&'static str, String)> {
        self.azurite.settings()
    }

    /// Azurite may reset a connection; writing a document twice makes no difference.
    pub async fn write(&self, documents: &[Document]) -> Result<(), Failure> {
        let mut wire = Wire::connect(self.azurite.port).await?;
        for Document { key, text } in documents {
            let path = format!("{CONTAINER}/{key}?{}", self.signature);
            if put(&mut wire, &path, text).await.is_err() {
                wire = Wire::connect(self.azurite.port).await?;
                put(&mut wire, &path, text).await.map_err(|error| format!("writing to Azurite: {error}"))?;
            }
        }
        Ok(())
    }

    /// Azurite's own process.
    pub fn process_id(&self) -> u32 {
        self.azurite.process_id
    }

    /// All requests until now.
    pub async fn requests(&self) -> Requests {
        sleep(LOG_DELAY).await;
        *self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Requests {
    /// These without a share of others, which happened meanwhile or before.
    pub fn without(&self, others: &Self, share: f64) -> Self {
        Self {
            lists: self.lists - others.lists * share,
            reads: self.reads - others.reads * share,
            writes: self.writes - others.writes * share,
        }
    }
}

async fn put(wire: &mut Wire, path: &str, body: &str) -> Result<(), Failure> {
    let request = format!(
        "PUT {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nx-ms-version: {VERSION}\r\nx-ms-blob-type: BlockBlob\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = wire.exchange(request.as_bytes()).await?;
    if answer.status() == 201 { Ok(()) } else { Err(format!("Azurite: {}", answer.head).into()) }
}

async fn count(log: ChildStdout, requests: Arc<Mutex<Requests>>) {
    let mut lines = BufReader::new(log).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let mut requests = requests.lock().unwrap_or_else(PoisonError::into_inner);
        // 127.0.0.1 - - [27/Nov/2026:15:16:00 +0000] "GET /devstoreaccount1/chaos/... HTTP/1.1" 200 -
        match line.split('"').nth(1).and_then(|request| request.split(' ').next()) {
            Some("GET") if line.contains("comp=list") => requests.lists += 1.0,
            Some("GET") => requests.reads += 1.0,
            Some("PUT" | "DELETE") => requests.writes += 1.0,
            Some(_) | None => {}
        }
    }
}

/// A shared access signature for the account, for as long as anybody may use this.
/// <https://learn.microsoft.com/rest/api/storageservices/create-account-sas>
fn signature() -> Result<String, Failure> {
    const END: &str = "2099-01-01T00:00:00Z";
    let text = format!("devstoreaccount1\nrwdlac\nb\nco\n\n{END}\n\n\n{VERSION}\n");
    let mut mac = Hmac::<Sha256>::new_from_slice(&STANDARD.decode(KEY)?)?;
    mac.update(text.as_bytes());
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    Ok(format!(
        "sv={VERSION}&ss=b&srt=co&sp=rwdlac&se={}&sig={}",
        urlencoding::encode(END),
        urlencoding::encode(&signature)
    ))
}
