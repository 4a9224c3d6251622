//! The container with a hub's feedback: a blob for each day, named `MMddyyyy`, that grows while the day lasts.
//! <https://learn.microsoft.com/rest/api/storageservices/list-blobs>

use std::fmt;

use chrono::{DateTime, Utc};
use quick_xml::de::from_str;
use reqwest::header::HeaderValue;
use reqwest::{Method, Request, Response};
use serde::Deserialize;
use tokio::time::timeout;
use url::Url;

use super::blob::BlobLines;
use super::{FeedbackError, LONGEST, MS_VERSION, read};
use crate::client::Client;

/// A container that may be read and listed. Its `Debug` hides the signature.
pub struct Container {
    client: Client,
    address: Url,
}

/// A blob of the container, as it was listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedbackBlob {
    /// Its name.
    pub name: String,
    /// When it was last written.
    pub modified: DateTime<Utc>,
    /// How many bytes it had then.
    pub length: u64,
}

/// One page has 5,000 blobs at most, of some 700 bytes each.
const MAX_PAGE_BYTES: usize = 8 * 1024 * 1024;

/// A blob a day: far more than any hub has.
const MAX_PAGES: usize = 20;

const STORAGE_VERSION: HeaderValue = HeaderValue::from_static("2021-08-06");

impl Container {
    /// The one at that address.
    pub fn new(client: Client, address: Url) -> Self {
        Self { client, address }
    }

    /// The blobs that were written after `since`, the oldest first.
    pub async fn blobs(&self, since: DateTime<Utc>) -> Result<Vec<FeedbackBlob>, FeedbackError> {
        let (mut blobs, mut marker) = (Vec::new(), String::new());
        for _ in 0..MAX_PAGES {
            let mut url = self.address.clone();
            url.query_pairs_mut().append_pair("restype", "container").append_pair("comp", "list");
            if !marker.is_empty() {
                url.query_pairs_mut().append_pair("marker", &marker);
            }
            let page = async { read(self.get(url, None).await?, MAX_PAGE_BYTES).await };
            let page = timeout(LONGEST, page).await.map_err(|_| FeedbackError::Timeout)??;
            let (listed, next) = read_page(&page)?;
            blobs.extend(listed);
            marker = next;
            if marker.is_empty() {
                break;
            }
        }
        blobs.retain(|blob| blob.modified > since);
        blobs.sort_by(|one, other| (one.modified, &one.name).cmp(&(other.modified, &other.name)));
        Ok(blobs)
    }

    /// The lines of a blob, from that byte on.
    pub async fn lines(&self, blob: &FeedbackBlob, from: u64) -> Result<BlobLines, FeedbackError> {
        let url = self.address_of(&blob.name)?;
        let response = timeout(LONGEST, self.get(url, Some(from))).await.map_err(|_| FeedbackError::Timeout)??;
        Ok(BlobLines::new(response, from))
    }

    /// The address of a blob, which is in the container whatever its name.
    pub fn address_of(&self, blob: &str) -> Result<Url, FeedbackError> {
        let mut url = self.address.clone();
        url.path_segments_mut().map_err(|()| FeedbackError::NoAddress)?.pop_if_empty().extend(blob.split('/'));
        Ok(url)
    }

    async fn get(&self, url: Url, from: Option<u64>) -> Result<Response, FeedbackError> {
        let mut request = Request::new(Method::GET, url);
        request.headers_mut().insert(&MS_VERSION, STORAGE_VERSION);
        if let Some(from) = from {
            let range = HeaderValue::from_str(&format!("bytes={from}-")).expect("digits are a header's value");
            request.headers_mut().insert("x-ms-range", range);
        }
        let response = self.client.execute(request).await?;
        match response.status().as_u16() {
            206 => Ok(response),
            // Without a range, all is from its beginning on.
            200 if from.unwrap_or(0) == 0 => Ok(response),
            status => Err(FeedbackError::Container(status)),
        }
    }
}

impl fmt::Debug for Container {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Container").field("host", &self.address.host_str()).finish_non_exhaustive()
    }
}

/// The blobs of a page of the list, and where the next page begins: nothing if this is the last one.
pub fn read_page(page: &[u8]) -> Result<(Vec<FeedbackBlob>, String), FeedbackError> {
    let page = std::str::from_utf8(page).map_err(|_| FeedbackError::Form)?;
    // Azure's begins with a byte order mark.
    let page: Page = from_str(page.trim_start_matches('\u{feff}')).map_err(|_| FeedbackError::Form)?;
    let blob = |Listed { name, properties: Properties { modified, length } }| {
        let modified = httpdate::parse_http_date(&modified).map_err(|_| FeedbackError::Form)?;
        Ok(FeedbackBlob { name, modified: modified.into(), length })
    };
    let blobs = page.blobs.listed.into_iter().map(blob).collect::<Result<_, FeedbackError>>()?;
    Ok((blobs, page.next_marker.unwrap_or_default()))
}

/// `EnumerationResults`.
#[derive(Deserialize)]
struct Page {
    #[serde(rename = "Blobs")]
    blobs: Blobs,
    #[serde(rename = "NextMarker")]
    next_marker: Option<String>,
}

#[derive(Deserialize)]
struct Blobs {
    #[serde(rename = "Blob", default)]
    listed: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    #[serde(rename = "Name")]
    name: String,
    #[serde(rename = "Properties")]
    properties: Properties,
}

#[derive(Deserialize)]
struct Properties {
    #[serde(rename = "Last-Modified")]
    modified: String,
    #[serde(rename = "Content-Length")]
    length: u64,
}
