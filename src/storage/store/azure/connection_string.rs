//! A storage account's connection string, as far as its Blob service goes. No HTTP here.
//! <https://learn.microsoft.com/azure/storage/common/storage-configure-connection-string>

use base64::prelude::{BASE64_STANDARD, Engine};
use url::Url;

use super::{Account, Credential};

/// What is wrong with it, to be read after the setting's name. Never holds a value of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectionStringError {
    /// A part without `=`.
    #[error("has a part without '='; expected {EXPECTED}")]
    NotAPair,
    /// A part that is needed.
    #[error("has no {0}; expected {EXPECTED}")]
    Missing(&'static str),
    /// A part occurs twice.
    #[error("has {0} twice; expected it once")]
    Twice(&'static str),
    /// Two parts run into one.
    #[error("has no ';' before {0}; expected one between all parts")]
    NoSemicolon(&'static str),
    /// A part of another name than those that Azure Storage knows.
    #[error("has {0}, which is no part of such a connection string; expected {EXPECTED}")]
    Unknown(String),
    /// Two parts that exclude each other.
    #[error("has {0} beside {1}; expected one of the two")]
    Both(&'static str, &'static str),
    /// A part with a value that it never has.
    #[error("has {part} with another value than {expected}")]
    Value {
        /// Its name.
        part: &'static str,
        /// What would be right.
        expected: &'static str,
    },
    /// The key is not base64.
    #[error("has an AccountKey that is not base64 (A-Z, a-z, 0-9, '+', '/', '='); expected one of the account's keys")]
    Key,
    /// The endpoint is no plain address.
    #[error("has a BlobEndpoint that is {0}")]
    Endpoint(#[from] EndpointError),
}

/// What is wrong with the address of a Blob service, to be read after `is`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Not `http` or `https` with a host.
    #[error("not a valid address; expected https://NAME.blob.core.windows.net")]
    Address,
    /// Usually a shared access signature.
    #[error(
        "an address with a query; expected the address alone: a signature belongs into SharedAccessSignature, as in \
         BlobEndpoint=https://NAME.blob.core.windows.net;SharedAccessSignature=SIGNATURE"
    )]
    Query,
    /// A user name, or a password.
    #[error("an address with a user name or password; expected https://NAME.blob.core.windows.net")]
    Credentials,
}

const EXPECTED: &str = "DefaultEndpointsProtocol=https;AccountName=NAME;AccountKey=KEY, or UseDevelopmentStorage=true";

/// Azurite's account and key, which are documented and no secret.
const AZURITE_ACCOUNT: &str = "devstoreaccount1";
const AZURITE_KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
const AZURITE_PORT: u16 = 10000;

/// All parts that Azure Storage's own libraries know.
const PARTS: [&str; 16] = [
    "DefaultEndpointsProtocol",
    "AccountName",
    "AccountKey",
    "SharedAccessSignature",
    "EndpointSuffix",
    "UseDevelopmentStorage",
    "DevelopmentStorageProxyUri",
    "BlobEndpoint",
    "BlobSecondaryEndpoint",
    "QueueEndpoint",
    "QueueSecondaryEndpoint",
    "TableEndpoint",
    "TableSecondaryEndpoint",
    "FileEndpoint",
    "FileSecondaryEndpoint",
    "DfsEndpoint",
];

/// Reads a connection string. A part that is not understood is an error: without it another account could be meant.
pub fn parse(text: &str) -> Result<(Account, Credential), ConnectionStringError> {
    let mut parts: Vec<(&'static str, &str)> = Vec::new();
    for (place, pair) in text.split(';').map(str::trim).filter(|pair| !pair.is_empty()).enumerate() {
        let (name, value) = pair.split_once('=').ok_or(ConnectionStringError::NotAPair)?;
        let known = PARTS.into_iter().find(|part| part.eq_ignore_ascii_case(name.trim()));
        let part = known.ok_or_else(|| ConnectionStringError::Unknown(shown(name.trim(), place)))?;
        if parts.iter().any(|(found, _)| *found == part) {
            return Err(ConnectionStringError::Twice(part));
        }
        let value_in_lower_case = value.to_ascii_lowercase();
        let swallowed = |part: &&str| value_in_lower_case.contains(&format!("{}=", part.to_ascii_lowercase()));
        if let Some(swallowed) = PARTS.into_iter().find(swallowed) {
            return Err(ConnectionStringError::NoSemicolon(swallowed));
        }
        parts.push((part, value.trim()));
    }
    let part = |name: &str| {
        let found = parts.iter().find(|(found, _)| *found == name);
        found.map(|(_, value)| *value).filter(|value| !value.is_empty())
    };
    if let Some(value) = part("UseDevelopmentStorage") {
        if !value.eq_ignore_ascii_case("true") {
            return Err(ConnectionStringError::Value { part: "UseDevelopmentStorage", expected: "true" });
        }
        let beside = |name: &str| !["UseDevelopmentStorage", "DevelopmentStorageProxyUri"].contains(&name);
        if let Some((other, _)) = parts.iter().find(|(name, _)| beside(name)) {
            return Err(ConnectionStringError::Both(other, "UseDevelopmentStorage"));
        }
        return Ok((azurite(part("DevelopmentStorageProxyUri"))?, Credential::Key(AZURITE_KEY.into())));
    }
    if part("DevelopmentStorageProxyUri").is_some() {
        return Err(ConnectionStringError::Missing("UseDevelopmentStorage"));
    }
    let account = match (part("BlobEndpoint"), part("AccountName")) {
        (Some(endpoint), name) => {
            let account = Account::from_endpoint(endpoint)?;
            Account { name: name.map_or(account.name, str::to_owned), ..account }
        }
        (None, Some(name)) => account_of(
            name,
            part("DefaultEndpointsProtocol").unwrap_or("https"),
            part("EndpointSuffix").unwrap_or("core.windows.net"),
        )?,
        (None, None) => return Err(ConnectionStringError::Missing("AccountName")),
    };
    let credential = match (part("AccountKey"), part("SharedAccessSignature")) {
        (Some(_), Some(_)) => return Err(ConnectionStringError::Both("SharedAccessSignature", "AccountKey")),
        (Some(key), _) if BASE64_STANDARD.decode(key).is_err() => return Err(ConnectionStringError::Key),
        (Some(key), _) => Credential::Key(key.into()),
        (None, Some(signature)) if !signature.contains("sig=") => {
            return Err(ConnectionStringError::Value { part: "SharedAccessSignature", expected: "sv=…&sig=…" });
        }
        (None, Some(signature)) => Credential::Signature(signature.trim_start_matches('?').into()),
        (None, None) => return Err(ConnectionStringError::Missing("AccountKey")),
    };
    Ok((account, credential))
}

/// The name of a part that is not known. What may be a piece of a key is told by its place.
fn shown(name: &str, place: usize) -> String {
    let is_word = (2..=32).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphabetic());
    if is_word { format!("a part {name}") } else { format!("a part of an unknown name in place {}", place + 1) }
}

/// Azurite's account. Of a `DevelopmentStorageProxyUri` Azure Storage's libraries take scheme and host; the port is always
/// Azurite's own. `GetDevelopmentStorageAccount` in
/// <https://github.com/Azure/azure-sdk-for-net/blob/main/sdk/storage/Azure.Storage.Common/src/Shared/StorageConnectionString.cs>
fn azurite(proxy: Option<&str>) -> Result<Account, ConnectionStringError> {
    let invalid = ConnectionStringError::Value { part: "DevelopmentStorageProxyUri", expected: "http://HOST" };
    let url = Url::parse(proxy.unwrap_or("http://127.0.0.1")).map_err(|_| invalid.clone())?;
    let host = url.host_str().filter(|_| matches!(url.scheme(), "http" | "https")).ok_or(invalid)?;
    let endpoint = format!("{}://{host}:{AZURITE_PORT}/{AZURITE_ACCOUNT}", url.scheme());
    Ok(Account { name: AZURITE_ACCOUNT.to_owned(), endpoint })
}

fn account_of(name: &str, protocol: &str, suffix: &str) -> Result<Account, ConnectionStringError> {
    let wrong = |part, expected| Err(ConnectionStringError::Value { part, expected });
    let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_domain = |byte: u8| byte.is_ascii_alphanumeric() || b"-.:".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_name) {
        return wrong("AccountName", "3 to 24 of a-z and 0-9");
    }
    if !["http", "https"].iter().any(|known| protocol.eq_ignore_ascii_case(known)) {
        return wrong("DefaultEndpointsProtocol", "https or http");
    }
    if !suffix.bytes().all(is_domain) {
        return wrong("EndpointSuffix", "core.windows.net, or that of another cloud");
    }
    let account = Account::from_endpoint(&format!("{protocol}://{name}.blob.{}", suffix.trim_matches('.')))?;
    Ok(Account { name: name.to_owned(), ..account })
}

impl Account {
    /// The account whose Blob service has that address, which is shown in errors: so it holds no secret.
    pub fn from_endpoint(text: &str) -> Result<Self, EndpointError> {
        let url = Url::parse(text).map_err(|_| EndpointError::Address)?;
        let host = url.host_str().filter(|_| matches!(url.scheme(), "http" | "https")).ok_or(EndpointError::Address)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EndpointError::Credentials);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(EndpointError::Query);
        }
        let name = host.split('.').next().unwrap_or_default().to_owned();
        Ok(Self { name, endpoint: url.as_str().trim_end_matches('/').to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ConnectionStringError as Error;

    fn endpoint(text: &str) -> (String, String) {
        let (account, _) = parse(text).unwrap();
        (account.name, account.endpoint)
    }

    #[test]
    fn the_endpoint_follows_from_the_account_unless_it_is_stated() {
        for (text, name, address) in [
            ("AccountName=acc;AccountKey=a2V5", "acc", "https://acc.blob.core.windows.net"),
            (
                "DefaultEndpointsProtocol=https;AccountName=acc;AccountKey=a2V5;EndpointSuffix=core.chinacloudapi.cn",
                "acc",
                "https://acc.blob.core.chinacloudapi.cn",
            ),
            (
                "accountname=acc; ACCOUNTKEY=a2V5==;BlobEndpoint=http://127.0.0.1:10001/acc/;",
                "acc",
                "http://127.0.0.1:10001/acc",
            ),
            (
                "BlobEndpoint=https://acc.blob.x.net/;SharedAccessSignature=?sv=1&sig=a%3D",
                "acc",
                "https://acc.blob.x.net",
            ),
            ("UseDevelopmentStorage=true", "devstoreaccount1", "http://127.0.0.1:10000/devstoreaccount1"),
            (
                "usedevelopmentstorage=True;DevelopmentStorageProxyUri=http://azurite",
                "devstoreaccount1",
                "http://azurite:10000/devstoreaccount1",
            ),
            (
                "DevelopmentStorageProxyUri=https://127.0.0.2:11000/other/;UseDevelopmentStorage=true",
                "devstoreaccount1",
                "https://127.0.0.2:10000/devstoreaccount1",
            ),
        ] {
            let text = text.replace("a2V5==", "a2V5");
            assert_eq!(endpoint(&text), (name.to_owned(), address.to_owned()), "{text}");
        }
    }

    fn value(part: &'static str, expected: &'static str) -> Error {
        Error::Value { part, expected }
    }

    #[test]
    fn each_fault_says_what_is_expected() {
        for (text, error) in [
            ("nonsense", Error::NotAPair),
            ("AccountKey=a2V5", Error::Missing("AccountName")),
            ("AccountName=acc", Error::Missing("AccountKey")),
            ("AccountName=acc;AccountKey=not base64", Error::Key),
            ("AccountName=acc;AccountKey=a2V5;AccountName=other", Error::Twice("AccountName")),
            ("AccountName=accAccountKey=a2V5", Error::NoSemicolon("AccountKey")),
            ("AccountName=acc;AccountKey=a2V5;BlobEndpont=https://a", Error::Unknown("a part BlobEndpont".to_owned())),
            (
                "AccountName=acc;AccountKey=a2V5;a2V5QQ==",
                Error::Unknown("a part of an unknown name in place 3".to_owned()),
            ),
            (
                "AccountName=acc;AccountKey=a2V5;SharedAccessSignature=sig=a",
                Error::Both("SharedAccessSignature", "AccountKey"),
            ),
            ("BlobEndpoint=https://acc;SharedAccessSignature=a", value("SharedAccessSignature", "sv=…&sig=…")),
            ("AccountName=My Account;AccountKey=a2V5", value("AccountName", "3 to 24 of a-z and 0-9")),
            ("UseDevelopmentStorage=yes", value("UseDevelopmentStorage", "true")),
            ("UseDevelopmentStorage=true;AccountName=acc", Error::Both("AccountName", "UseDevelopmentStorage")),
            ("DevelopmentStorageProxyUri=http://azurite", Error::Missing("UseDevelopmentStorage")),
            (
                "UseDevelopmentStorage=true;DevelopmentStorageProxyUri=azurite",
                value("DevelopmentStorageProxyUri", "http://HOST"),
            ),
            ("BlobEndpoint=acc;AccountKey=a2V5", Error::Endpoint(EndpointError::Address)),
            ("BlobEndpoint=ftp://acc;AccountKey=a2V5", Error::Endpoint(EndpointError::Address)),
            ("BlobEndpoint=https://acc/?sv=1&sig=a", Error::Endpoint(EndpointError::Query)),
            ("BlobEndpoint=https://me:word@acc/;AccountKey=a2V5", Error::Endpoint(EndpointError::Credentials)),
        ] {
            assert_eq!(parse(text).unwrap_err(), error, "{text}");
        }
    }
}
