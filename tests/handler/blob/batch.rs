//! Blob Batch: deletions of several blobs in one request, each answered on its own.
//!
//! <https://learn.microsoft.com/rest/api/storageservices/blob-batch>

use std::fmt::Write as _;

use warp::http::{HeaderMap, HeaderName, HeaderValue, Method, Response};
use warp::hyper::body::Bytes;

use super::container::{Asked, Containers};

/// Does each deletion of the batch.
pub fn answer(containers: &mut Containers, asked: &Asked) -> Response<Bytes> {
    let mut body = String::new();
    for deletion in deletions(asked) {
        let answer = containers.answer(&deletion);
        write!(body, "--batch\r\nContent-Type: application/http\r\n").unwrap();
        let id = deletion.headers.get("content-id").map(|id| id.to_str().unwrap()).unwrap_or_default();
        write!(body, "Content-ID: {id}\r\n\r\nHTTP/1.1 {}\r\n\r\n", answer.status()).unwrap();
    }
    body.push_str("--batch--\r\n");
    let builder = Response::builder().status(202).header("content-type", "multipart/mixed; boundary=batch");
    builder.body(body.into()).unwrap()
}

/// The requests of its parts. Each one's headers follow the line `DELETE /CONTAINER/BLOB HTTP/1.1`; those of the part
/// come before it.
fn deletions(asked: &Asked) -> Vec<Asked> {
    let body = String::from_utf8(asked.body.to_vec()).unwrap();
    let (mut found, mut headers, mut path) = (Vec::new(), HeaderMap::new(), None);
    for line in body.lines() {
        if line.starts_with("--") {
            if let Some(blob) = path.take() {
                let headers = std::mem::take(&mut headers);
                found.push(Asked { method: Method::DELETE, blob, headers, ..asked.clone() });
            }
        } else if let Some(rest) = line.strip_prefix("DELETE ") {
            let container = format!("/{}/", asked.container);
            let target = rest.split([' ', '?']).next().unwrap();
            let blob = target.split_once(&container).unwrap_or_else(|| panic!("{target} is not in {container}")).1;
            path = Some(urlencoding::decode(blob).unwrap().into_owned());
        } else if let Some((name, value)) = line.split_once(": ") {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.insert(name, HeaderValue::from_str(value).unwrap());
        }
    }
    found
}
