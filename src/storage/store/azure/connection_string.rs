//! A storage account's connection string, as far as its Blob service goes. No HTTP here.
//! <https://learn.microsoft.com/azure/storage/common/storage-configure-connection-string>

use base64::prelude::{BASE64_STANDARD, Engine};

use super::{Account, Credential};

/// What is wrong with it, to be read after the setting's name. Never holds a value of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConnectionStringError {
    /// A part without `=`.
    #[error(
        "has a part without '='; expected DefaultEndpointsProtocol=https;AccountName=NAME;AccountKey=KEY, or UseDevelopmentStorage=true"
    )]
    NotAPair,
    /// A part that is needed.
    #[error(
        "has no {0}; expected DefaultEndpointsProtocol=https;AccountName=NAME;AccountKey=KEY, or UseDevelopmentStorage=true"
    )]
    Missing(&'static str),
    /// The key is not base64.
    #[error("has an AccountKey that is not base64; expected one of the account's keys")]
    Key,
    /// The endpoint is no address.
    #[error("has a BlobEndpoint that is not a valid address; expected https://NAME.blob.core.windows.net")]
    Endpoint,
}

/// Azurite's account and key, which are documented and no secret.
const AZURITE_ACCOUNT: &str = "devstoreaccount1";
const AZURITE_KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
const AZURITE_ENDPOINT: &str = "http://127.0.0.1:10000/devstoreaccount1";

/// Reads a connection string.
pub fn parse(text: &str) -> Result<(Account, Credential), ConnectionStringError> {
    let mut parts = Vec::new();
    for pair in text.split(';').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').ok_or(ConnectionStringError::NotAPair)?;
        parts.push((name.trim(), value.trim()));
    }
    let part = |name: &str| {
        let found = parts.iter().find(|(found, _)| found.eq_ignore_ascii_case(name));
        found.map(|(_, value)| *value).filter(|value| !value.is_empty())
    };
    if part("UseDevelopmentStorage").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        let account = Account { name: AZURITE_ACCOUNT.to_owned(), endpoint: AZURITE_ENDPOINT.to_owned() };
        return Ok((account, Credential::Key(AZURITE_KEY.into())));
    }
    let endpoint = match part("BlobEndpoint") {
        Some(endpoint) => url::Url::parse(endpoint).map_err(|_| ConnectionStringError::Endpoint)?,
        None => {
            let name = part("AccountName").ok_or(ConnectionStringError::Missing("AccountName"))?;
            let protocol = part("DefaultEndpointsProtocol").unwrap_or("https");
            let suffix = part("EndpointSuffix").unwrap_or("core.windows.net");
            let endpoint = format!("{protocol}://{name}.blob.{suffix}");
            url::Url::parse(&endpoint).map_err(|_| ConnectionStringError::Endpoint)?
        }
    };
    if !matches!(endpoint.scheme(), "http" | "https") || !endpoint.has_host() {
        return Err(ConnectionStringError::Endpoint);
    }
    let credential = match (part("AccountKey"), part("SharedAccessSignature")) {
        (Some(key), _) if BASE64_STANDARD.decode(key).is_err() => return Err(ConnectionStringError::Key),
        (Some(key), _) => Credential::Key(key.into()),
        (None, Some(signature)) => Credential::Signature(signature.trim_start_matches('?').into()),
        (None, None) => return Err(ConnectionStringError::Missing("AccountKey")),
    };
    let host = || endpoint.host_str().and_then(|host| host.split('.').next()).unwrap_or_default().to_owned();
    let name = part("AccountName").map_or_else(host, str::to_owned);
    Ok((Account { name, endpoint: endpoint.as_str().trim_end_matches('/').to_owned() }, credential))
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
        ] {
            let text = text.replace("a2V5==", "a2V5");
            assert_eq!(endpoint(&text), (name.to_owned(), address.to_owned()), "{text}");
        }
    }

    #[test]
    fn each_fault_says_what_is_expected() {
        for (text, error) in [
            ("nonsense", Error::NotAPair),
            ("AccountKey=a2V5", Error::Missing("AccountName")),
            ("AccountName=acc", Error::Missing("AccountKey")),
            ("AccountName=acc;AccountKey=not base64", Error::Key),
            ("BlobEndpoint=acc;AccountKey=a2V5", Error::Endpoint),
            ("BlobEndpoint=ftp://acc;AccountKey=a2V5", Error::Endpoint),
        ] {
            assert_eq!(parse(text).unwrap_err(), error, "{text}");
        }
    }
}
