//! Containers and their blobs: what each request changes, and how Azure Blob answers it.
//!
//! <https://learn.microsoft.com/rest/api/storageservices/blob-service-rest-api>

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt::Write as _;
use std::time::SystemTime;

use warp::http::{HeaderMap, Method, Response};
use warp::hyper::body::Bytes;

/// One request.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: Method,
    pub account: String,
    pub container: String,
    /// Empty where the request is about the container.
    pub blob: String,
    pub query: BTreeMap<String, String>,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// Every container, by name.
#[derive(Debug, Default)]
pub struct Containers {
    containers: BTreeMap<String, BTreeMap<String, Blob>>,
    /// How many blobs were written; each has another tag.
    written: u64,
}

#[derive(Debug, Clone)]
struct Blob {
    content: Bytes,
    /// Without quotes.
    etag: String,
    modified: SystemTime,
}

/// As many names does a page of a listing have at most.
const LARGEST_PAGE: usize = 5000;

impl Asked {
    fn is(&self, name: &str, value: &str) -> bool {
        self.query.get(name).is_some_and(|given| given == value)
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Whether it can change something.
    pub fn is_write(&self) -> bool {
        !matches!(self.method, Method::GET | Method::HEAD)
    }

    /// What it asks for: the method, and the first part of the blob's name, or of the prefix of a listing.
    pub fn kind(&self) -> String {
        let (verb, name) = match self.blob.as_str() {
            "" if self.is("comp", "list") => ("LIST", self.query.get("prefix").map_or("", String::as_str)),
            "" if self.is("comp", "batch") => ("BATCH", ""),
            "" => (self.method.as_str(), "container"),
            blob => (self.method.as_str(), blob),
        };
        format!("{verb} {}", name.split('/').next().unwrap_or_default()).trim_end().to_owned()
    }
}

impl Containers {
    /// Does what is asked, and says what Azure Blob would say.
    pub fn answer(&mut self, asked: &Asked) -> Response<Bytes> {
        if asked.is("restype", "container") && asked.method == Method::PUT {
            return match self.containers.entry(asked.container.clone()) {
                Entry::Occupied(_) => error(409, "ContainerAlreadyExists"),
                Entry::Vacant(vacant) => {
                    vacant.insert(BTreeMap::new());
                    status(201)
                }
            };
        }
        if asked.is("restype", "container") && asked.method == Method::DELETE {
            return status(if self.containers.remove(&asked.container).is_some() { 202 } else { 404 });
        }
        let Some(blobs) = self.containers.get_mut(&asked.container) else { return error(404, "ContainerNotFound") };
        match (asked.method.as_str(), asked.blob.is_empty()) {
            ("GET", true) if asked.is("comp", "list") => list(blobs, asked),
            ("GET" | "HEAD", false) => match blobs.get(&asked.blob) {
                Some(blob) => blob.shown(asked.method == Method::HEAD),
                None => error(404, "BlobNotFound"),
            },
            ("PUT", false) if asked.header("x-ms-blob-type") == Some("BlockBlob") => {
                if let Some(refused) = refuse(blobs.get(&asked.blob), asked) {
                    return refused;
                }
                self.written += 1;
                let etag = format!("0x8DE{:012X}", self.written);
                let blob = Blob { content: asked.body.clone(), etag, modified: SystemTime::now() };
                let answer = with_state(Response::builder().status(201), &blob).body(Bytes::new());
                blobs.insert(asked.blob.clone(), blob);
                answer.unwrap()
            }
            ("DELETE", false) => match blobs.get(&asked.blob) {
                None => error(404, "BlobNotFound"),
                found => refuse(found, asked).unwrap_or_else(|| {
                    blobs.remove(&asked.blob);
                    status(202)
                }),
            },
            _ => error(400, "UnsupportedHttpVerb"),
        }
    }
}

impl Blob {
    fn shown(&self, head_only: bool) -> Response<Bytes> {
        let builder = Response::builder().header("content-length", self.content.len());
        let content = if head_only { Bytes::new() } else { self.content.clone() };
        with_state(builder, self).header("x-ms-blob-type", "BlockBlob").body(content).unwrap()
    }
}

/// Why the condition of a request does not hold.
fn refuse(found: Option<&Blob>, asked: &Asked) -> Option<Response<Bytes>> {
    if asked.header("if-none-match") == Some("*") && found.is_some() {
        return Some(error(409, "BlobAlreadyExists"));
    }
    let condition = asked.header("if-match")?;
    let holds = found.is_some_and(|blob| condition == "*" || condition.trim_matches('"') == blob.etag);
    (!holds).then(|| error(412, "ConditionNotMet"))
}

/// One page, in the order of names.
fn list(blobs: &BTreeMap<String, Blob>, asked: &Asked) -> Response<Bytes> {
    let query = |name: &str| asked.query.get(name).cloned().unwrap_or_default();
    let (prefix, delimiter) = (query("prefix"), query("delimiter"));
    let from = if query("marker").is_empty() { query("startFrom") } else { query("marker") };
    let size = query("maxresults").parse().unwrap_or(LARGEST_PAGE).min(LARGEST_PAGE);
    // A name up to the delimiter stands for all that begin so.
    let mut entries: BTreeMap<&str, Option<&Blob>> = BTreeMap::new();
    for (name, blob) in blobs.iter().filter(|(name, _)| name.starts_with(&prefix)) {
        let end = if delimiter.is_empty() { None } else { name[prefix.len()..].find(&delimiter) };
        match end {
            Some(end) => entries.insert(&name[..prefix.len() + end + delimiter.len()], None),
            None => entries.insert(name, Some(blob)),
        };
    }
    let mut after = entries.range(from.as_str()..);
    let mut listed = String::new();
    for (name, blob) in after.by_ref().take(size) {
        let name = escaped(name);
        match blob {
            None => write!(listed, "<BlobPrefix><Name>{name}</Name></BlobPrefix>"),
            Some(blob) => write!(
                listed,
                "<Blob><Name>{name}</Name><Properties><Last-Modified>{}</Last-Modified><Etag>{}</Etag>\
                 <Content-Length>{}</Content-Length><Content-Type>application/octet-stream</Content-Type><BlobType>BlockBlob</BlobType></Properties></Blob>",
                httpdate::fmt_http_date(blob.modified),
                blob.etag,
                blob.content.len()
            ),
        }
        .unwrap();
    }
    let next = after.next().map(|(name, _)| escaped(name)).unwrap_or_default();
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults ContainerName=\"{}\"><Prefix>{}</Prefix>\
         <Blobs>{listed}</Blobs><NextMarker>{next}</NextMarker></EnumerationResults>",
        escaped(&asked.container),
        escaped(&prefix)
    );
    Response::builder().header("content-type", "application/xml").body(text.into()).unwrap()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn with_state(builder: warp::http::response::Builder, blob: &Blob) -> warp::http::response::Builder {
    builder.header("etag", format!("\"{}\"", blob.etag)).header("last-modified", httpdate::fmt_http_date(blob.modified))
}

fn status(status: u16) -> Response<Bytes> {
    Response::builder().status(status).body(Bytes::new()).unwrap()
}

/// An error as Azure tells it: its code in a header and in XML.
pub fn error(status: u16, code: &str) -> Response<Bytes> {
    let text = format!("<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>{code}</Code></Error>");
    let builder = Response::builder().status(status).header("x-ms-error-code", code);
    builder.header("content-type", "application/xml").body(text.into()).unwrap()
}
