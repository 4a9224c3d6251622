//! What the page shows before the first request: phones with names, and sample requests that a visitor can post.

use std::io;
use std::net::IpAddr;

use hyper::Uri;
use serde::Serialize;

/// The content of the page at start. The default is empty: a phone appears with the first notification for its device.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Page {
    /// Phones that are shown from the start.
    pub phones: Vec<Phone>,
    /// Requests that a visitor can post.
    pub samples: Vec<Sample>,
    /// Where samples are posted to: an `http:` URL on loopback. `None` hides the samples.
    pub post_to: Option<String>,
}

/// A phone with a name.
#[derive(Debug, Clone, Serialize)]
pub struct Phone {
    /// The heading above the phone.
    pub name: String,
    /// The notification format of its pushes, `apple` or `fcmv1`; it decides how the phone is drawn.
    pub format: String,
    /// All its device handles: the one for alerts and, if there is one, the one for calls.
    pub handles: Vec<String>,
}

/// A request body that a visitor can change and post.
///
/// Placeholders are filled in: `{{now}}` with the time as RFC 3339, `{{millis}}` with the time as milliseconds of Unix
/// time, `{{new}}` with a new UUID, `{{new NAME}}` with a new UUID that is remembered as `NAME`, and `{{last NAME}}` with
/// the remembered one.
#[derive(Debug, Clone, Serialize)]
pub struct Sample {
    /// Its name in the list.
    pub name: String,
    /// What a visitor sees when it is posted.
    pub description: String,
    /// The body, JSON.
    pub body: String,
}

impl Page {
    /// Refuses a `post_to` outside of this machine: the emulator must not become an open proxy.
    pub(super) fn check(&self) -> io::Result<()> {
        let Some(url) = &self.post_to else { return Ok(()) };
        match PostTarget::parse(url) {
            Some(_) => Ok(()),
            None => Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("post_to must be a URL like http://127.0.0.1:PORT/…, not {url:?}"),
            )),
        }
    }
}

/// The address that samples are posted to.
#[derive(Debug)]
pub(crate) struct PostTarget {
    /// Host and port.
    pub(crate) authority: String,
    /// Path and query.
    pub(crate) path: String,
}

impl PostTarget {
    /// Parses an `http:` URL with a loopback host and a port; `None` for any other URL.
    pub(crate) fn parse(url: &str) -> Option<Self> {
        let url: Uri = url.parse().ok()?;
        let authority = url.authority().filter(|authority| !authority.as_str().contains('@'))?;
        let is_valid = url.scheme_str() == Some("http") && is_loopback(authority.host()) && authority.port().is_some();
        let path = url.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        is_valid.then(|| Self { authority: authority.to_string(), path })
    }
}

/// Whether `host`, as written in a URL, is certainly this machine.
pub(crate) fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || address.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_posted_to_this_machine_only() {
        for url in ["http://127.0.0.1:7071/a?b", "http://localhost:1/", "http://[::1]:80"] {
            assert!(PostTarget::parse(url).is_some(), "{url}");
        }
        for url in [
            "https://127.0.0.1:1/",
            "http://example.com:80/",
            "http://127.0.0.1.example.com:80/",
            "http://127.0.0.1/",
            "http://localhost@example.com:80/",
            "/EventGridTrigger",
            "",
        ] {
            assert!(PostTarget::parse(url).is_none(), "{url}");
        }
    }
}
