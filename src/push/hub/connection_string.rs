//! A Notification Hubs connection string: `Endpoint=…;SharedAccessKeyName=…;SharedAccessKey=…[;EntityPath=…]`.
//!
//! The official SDKs disagree on details; this reads what any of them writes: keys in any order and case, `=` inside
//! values, blanks and a trailing `;`. No HTTP and no signing here.
//! <https://learn.microsoft.com/rest/api/notificationhubs/common-concepts>

use secrecy::SecretString;
use url::Url;

/// Where a namespace is and how to sign for it.
#[derive(Debug, Clone)]
pub struct ConnectionString {
    /// Scheme, host and port, with the path `/`. `sb://` was made `https://`.
    pub endpoint: Url,
    /// The access policy ("rule").
    pub rule: String,
    /// One of the rule's two keys, as text: it is not decoded for signing.
    pub key: SecretString,
    /// The hub, where the string names one.
    pub entity_path: Option<String>,
}

/// What is wrong with a connection string, to be read after the setting's name. Never holds a value of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConnectionStringError {
    /// A part without `=`.
    #[error(
        "has a part without '='; expected Endpoint=sb://NAMESPACE.servicebus.windows.net/;SharedAccessKeyName=RULE;SharedAccessKey=KEY"
    )]
    NotAPair,
    /// One of the three parts is not there.
    #[error(
        "has no {0}; expected Endpoint=sb://NAMESPACE.servicebus.windows.net/;SharedAccessKeyName=RULE;SharedAccessKey=KEY"
    )]
    Missing(&'static str),
    /// A part occurs twice.
    #[error("has {0} twice; expected it once")]
    Twice(&'static str),
    /// The endpoint is no address of a namespace.
    #[error("has an Endpoint that is not a valid address; expected sb://NAMESPACE.servicebus.windows.net/")]
    Endpoint,
    /// Two parts run into one.
    #[error("has no ';' before {0}; expected one between all parts")]
    NoSemicolon(&'static str),
    /// The key is not base64.
    #[error(
        "has a SharedAccessKey with a character outside base64's letters (A-Z, a-z, 0-9, '+', '/', '='): copy the key again"
    )]
    Key,
    /// A name or key is longer than the service allows.
    #[error("has a {0} of more than 256 characters; expected the one from the hub's access policies")]
    TooLong(&'static str),
}

const PARTS: [&str; 4] = ["Endpoint", "SharedAccessKeyName", "SharedAccessKey", "EntityPath"];

impl ConnectionString {
    /// Reads a connection string.
    pub fn parse(text: &str) -> Result<Self, ConnectionStringError> {
        let mut found: [Option<&str>; 4] = [None; 4];
        for pair in text.split(';').map(str::trim).filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').ok_or(ConnectionStringError::NotAPair)?;
            let Some(index) = PARTS.iter().position(|part| part.eq_ignore_ascii_case(name.trim())) else { continue };
            if found[index].replace(value.trim()).is_some() {
                return Err(ConnectionStringError::Twice(PARTS[index]));
            }
            if let Some(swallowed) = PARTS.into_iter().find(|part| contains_part(value, part)) {
                return Err(ConnectionStringError::NoSemicolon(swallowed));
            }
        }
        let part = |index: usize| found[index].filter(|value| !value.is_empty());
        let limited = |index: usize| {
            let value = part(index).ok_or(ConnectionStringError::Missing(PARTS[index]))?;
            if value.chars().count() > 256 { Err(ConnectionStringError::TooLong(PARTS[index])) } else { Ok(value) }
        };
        let endpoint = endpoint(part(0).ok_or(ConnectionStringError::Missing(PARTS[0]))?)?;
        let (rule, key) = (limited(1)?.to_owned(), limited(2)?);
        if !key.bytes().all(is_key_byte) {
            return Err(ConnectionStringError::Key);
        }
        let key = key.into();
        Ok(Self { endpoint, rule, key, entity_path: part(3).map(str::to_owned) })
    }
}

/// Whether another part begins within a value.
fn contains_part(value: &str, part: &str) -> bool {
    value.to_ascii_lowercase().contains(&format!("{}=", part.to_ascii_lowercase()))
}

/// The letters of base64, in both alphabets: a key is not decoded, and other programs than Azure make them, too.
fn is_key_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/=-_".contains(&byte)
}

fn endpoint(text: &str) -> Result<Url, ConnectionStringError> {
    let (scheme, rest) = text.split_once("://").ok_or(ConnectionStringError::Endpoint)?;
    let scheme = match scheme.to_ascii_lowercase().as_str() {
        "sb" | "https" => "https",
        "http" => "http",
        _ => return Err(ConnectionStringError::Endpoint),
    };
    let url = Url::parse(&format!("{scheme}://{rest}")).map_err(|_| ConnectionStringError::Endpoint)?;
    let plain = url.has_host() && url.path() == "/" && url.query().is_none() && url.username().is_empty();
    let plain = plain && url.password().is_none();
    if plain { Ok(url) } else { Err(ConnectionStringError::Endpoint) }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;
    use ConnectionStringError as Error;

    #[test]
    fn parts_are_read_in_any_order_and_case() {
        for text in [
            "Endpoint=sb://ns.servicebus.windows.net/;SharedAccessKeyName=r;SharedAccessKey=a2V5PQ==",
            "sharedaccesskey=a2V5PQ==; SHAREDACCESSKEYNAME = r ;endpoint=sb://ns.servicebus.windows.net;",
            "Endpoint=https://ns.servicebus.windows.net/;SharedAccessKeyName=r;SharedAccessKey=a2V5PQ==;TransportType=Amqp",
        ] {
            let parsed = ConnectionString::parse(text).unwrap();
            assert_eq!(parsed.endpoint.as_str(), "https://ns.servicebus.windows.net/", "{text}");
            assert_eq!((&*parsed.rule, parsed.key.expose_secret()), ("r", "a2V5PQ=="), "{text}");
        }
    }

    #[test]
    fn http_and_a_port_are_kept_and_the_entity_path_is_read() {
        let text = "Endpoint=http://127.0.0.1:7090/;SharedAccessKeyName=r;SharedAccessKey=k;EntityPath=hub";
        let parsed = ConnectionString::parse(text).unwrap();
        assert_eq!(parsed.endpoint.as_str(), "http://127.0.0.1:7090/");
        assert_eq!(parsed.entity_path.as_deref(), Some("hub"));
        let with_port = ConnectionString::parse(&text.replace("http://", "sb://")).unwrap();
        assert_eq!(with_port.endpoint.as_str(), "https://127.0.0.1:7090/");
    }

    #[test]
    fn each_fault_says_what_is_expected() {
        let long = "x".repeat(257);
        for (text, error) in [
            ("", Error::Missing("Endpoint")),
            ("Endpoint", Error::NotAPair),
            ("SharedAccessKeyName=r;SharedAccessKey=k", Error::Missing("Endpoint")),
            ("Endpoint=sb://ns/;SharedAccessKey=k", Error::Missing("SharedAccessKeyName")),
            ("Endpoint=sb://ns/;SharedAccessKeyName=r;SharedAccessKey=", Error::Missing("SharedAccessKey")),
            ("Endpoint=sb://a/;Endpoint=sb://b/;SharedAccessKeyName=r;SharedAccessKey=k", Error::Twice("Endpoint")),
            ("Endpoint=ns.servicebus.windows.net;SharedAccessKeyName=r;SharedAccessKey=k", Error::Endpoint),
            ("Endpoint=amqp://ns/;SharedAccessKeyName=r;SharedAccessKey=k", Error::Endpoint),
            ("Endpoint=sb://ns/hub;SharedAccessKeyName=r;SharedAccessKey=k", Error::Endpoint),
            ("Endpoint=sb://ns/;SharedAccessKeyName=r;SharedAccessKey=k k", Error::Key),
            ("Endpoint=sb://ns/;SharedAccessKeyName=r;SharedAccessKey=a%3D", Error::Key),
            ("Endpoint=sb://ns/;SharedAccessKeyName=rSharedAccessKey=k", Error::NoSemicolon("SharedAccessKey")),
            ("Endpoint=sb://ns/,sharedAccessKeyName=r,SharedAccessKey=k", Error::NoSemicolon("SharedAccessKeyName")),
            (
                &format!("Endpoint=sb://ns/;SharedAccessKeyName=r;SharedAccessKey={long}"),
                Error::TooLong("SharedAccessKey"),
            ),
        ] {
            assert_eq!(ConnectionString::parse(text).unwrap_err(), error, "{text}");
        }
    }

    #[test]
    fn debug_holds_no_key() {
        let text = "Endpoint=sb://ns/;SharedAccessKeyName=rule;SharedAccessKey=secret";
        let shown = format!("{:?}", ConnectionString::parse(text).unwrap());
        assert!(!shown.contains("secret"), "{shown}");
    }
}
