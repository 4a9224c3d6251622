//! The setting `STORE`, and the app's own storage account that it may name: the settings `AzureWebJobsStorage…` as the
//! Functions host reads them.
//!
//! <https://learn.microsoft.com/azure/azure-functions/functions-reference#connecting-to-host-storage-with-an-identity>

use std::path::PathBuf;

use super::{HostEnvironment, SettingsReader, StoreChoice, portal};
use crate::storage::store::azure::{Account, Container, Credential, connection_string};

const STORAGE: &str = "AzureWebJobsStorage";
const DEFAULT_CONTAINER: &str = "acs-push";
const EXPECTED: &str = "expected azure:CONTAINER, file:PATH or memory:";

/// Reads which store to use. Whether it is reachable makes no difference here.
pub(super) fn read(settings: &mut SettingsReader, host: &HostEnvironment, warnings: &mut Vec<String>) -> StoreChoice {
    let choice = match settings.get("STORE").map(|choice| choice.split_once(':').unwrap_or((choice, ""))) {
        Some(("memory", "")) => {
            if host.in_azure() {
                warnings
                    .push("STORE: memory is not shared between instances, and is lost when this one stops".to_owned());
            }
            Some(StoreChoice::Memory)
        }
        Some(("file", path)) if !path.is_empty() => {
            if host.in_azure() {
                warnings
                    .push("STORE: a folder inside Azure is not shared between instances, and may be lost".to_owned());
            }
            Some(StoreChoice::Folder(PathBuf::from(path)))
        }
        Some(("azure", name)) if is_container(name) => {
            let name = name.to_owned();
            container(settings, name)
        }
        Some(("azure", _)) => {
            settings.fault("STORE", "expected a container's name after azure: 3 to 63 of a-z, 0-9 and single '-'");
            None
        }
        None if has_account(settings) => container(settings, DEFAULT_CONTAINER.to_owned()),
        None if host.in_azure() => {
            settings.fault("STORE", format!("{EXPECTED}; inside Azure a folder is used only if STORE names it"));
            None
        }
        None => Some(StoreChoice::Folder(PathBuf::from(".acs-push"))),
        Some(_) => {
            settings.fault("STORE", EXPECTED);
            None
        }
    };
    choice.unwrap_or(StoreChoice::Memory)
}

/// Whether the Function App's storage account is set in any way.
fn has_account(settings: &SettingsReader) -> bool {
    let is_part = |name: &String| name.starts_with("AzureWebJobsStorage__");
    settings.get(STORAGE).is_some() || settings.values.keys().any(is_part)
}

fn container(settings: &mut SettingsReader, name: String) -> Option<StoreChoice> {
    let (account, credential) = match settings.get(STORAGE) {
        Some(text) => match connection_string::parse(text) {
            Ok(parsed) => parsed,
            Err(error) => {
                settings.fault(STORAGE, error.to_string());
                return None;
            }
        },
        None => (identity_account(settings)?, identity(settings)?),
    };
    Some(StoreChoice::Azure(Container { name, account, credential }))
}

/// The account that an identity opens: by its Blob service's address, or by its name.
fn identity_account(settings: &mut SettingsReader) -> Option<Account> {
    const URI: &str = "AzureWebJobsStorage__blobServiceUri";
    if let Some(uri) = settings.get(URI) {
        let account = Account::from_endpoint(uri);
        return account.map_err(|error| settings.fault(URI, format!("is {error}"))).ok();
    }
    let Some(name) = settings.get("AzureWebJobsStorage__accountName").map(str::to_owned) else {
        let expected = "is required for STORE=azure: expected a connection string, or AzureWebJobsStorage__accountName";
        settings.fault(STORAGE, format!("{expected}{}", portal::where_it_may_be(settings, STORAGE)));
        return None;
    };
    if !(3..=24).contains(&name.len()) || !name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()) {
        settings.fault("AzureWebJobsStorage__accountName", "expected an account's name: 3 to 24 of a-z and 0-9");
        return None;
    }
    let endpoint = format!("https://{name}.blob.core.windows.net");
    Some(Account { name, endpoint })
}

/// Inside Azure the app's identity; on a laptop the login of the Azure CLI.
fn identity(settings: &mut SettingsReader) -> Option<Credential> {
    let kind = settings.get("AzureWebJobsStorage__credential");
    if kind.is_some_and(|kind| !kind.eq_ignore_ascii_case("managedidentity")) {
        settings.fault("AzureWebJobsStorage__credential", "expected managedidentity, or not to be set");
        return None;
    }
    let Some(endpoint) = settings.of_platform("IDENTITY_ENDPOINT").map(str::to_owned) else {
        return Some(Credential::AzureCli);
    };
    if !is_identity_endpoint(&endpoint) {
        let expected = "expected the address that Azure sets: http or https, without user name, password or query";
        settings.fault("IDENTITY_ENDPOINT", expected);
        return None;
    }
    let client_id = settings.get("AzureWebJobsStorage__clientId").map(str::to_owned);
    Some(Credential::ManagedIdentity { client_id, endpoint })
}

/// Errors and logs show this address.
fn is_identity_endpoint(text: &str) -> bool {
    let url = url::Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.is_some_and(|url| url.username().is_empty() && url.password().is_none() && url.query().is_none())
}

/// <https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata>
fn is_container(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (3..=63).contains(&name.len())
        && name.bytes().all(allowed)
        && !name.starts_with('-')
        && !name.ends_with('-')
        && !name.contains("--")
}
