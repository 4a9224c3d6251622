//! What people paste in place of a setting's value: quotes, placeholders, references that Azure did not resolve, another
//! service's connection string. Each cause has one wording for all settings, and none repeats a value.
//!
//! Whether a value fits its own setting does not belong here.
//! <https://learn.microsoft.com/azure/app-service/app-service-key-vault-references>

/// Why a value is recognisably not what the setting needs; to be read after the setting's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Mistake {
    #[error("is not UTF-8: expected text in UTF-8")]
    NotUtf8,
    #[error(
        "is a Key Vault reference that Azure did not resolve: give the Function App's identity the role Key Vault Secrets User \
         on the vault, and check the secret's name; any change of configuration makes Azure look again at once, else it does \
         within 24 hours. On a laptop nothing resolves references: expected the secret itself"
    )]
    KeyVault,
    #[error(
        "is an App Configuration reference that Azure did not resolve: give the Function App's identity the role App \
         Configuration Data Reader on the store; any change of configuration makes Azure look again. On a laptop nothing \
         resolves references: expected the value itself"
    )]
    AppConfiguration,
    #[error(
        "has a Key Vault reference within other text, which Azure does not resolve: expected the reference as the whole value, \
         and the whole value as the secret"
    )]
    ReferenceInside,
    #[error("has quotes (quotation marks): expected the value without them")]
    Quotes,
    #[error("begins with the setting's own name: expected only what follows it")]
    OwnName,
    #[error("has a placeholder in place of a value: expected the value itself")]
    Placeholder,
    #[error("is HTML-escaped, with &amp; in place of &: expected the text as the portal shows it")]
    HtmlEscaped,
    #[error("is the connection string of {found}: expected that of {wanted}")]
    OtherService { found: &'static str, wanted: &'static str },
    #[error("is a certificate, a private key or a JSON document: expected the connection string of {0}")]
    Document(&'static str),
    #[error("is an address alone: expected the whole connection string of {0}")]
    AddressAlone(&'static str),
    #[error("is a key without its address: expected the whole connection string of {0}")]
    KeyAlone(&'static str),
    #[error("has a key or a signature, which does not belong into this setting")]
    Secret,
}

/// What kind of value a setting has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A connection string of the service of that name.
    ConnectionString(&'static str),
    /// An address, which may not have a signature; its reader says where that belongs.
    Address,
    Other,
}

const NOTIFICATION_HUBS: &str = "Notification Hubs";
const STORAGE: &str = "Azure Storage";

const QUOTES: [char; 11] = ['"', '\'', '`', '“', '”', '„', '‘', '’', '«', '»', '\u{ff02}'];

/// What stands in the connection string of which service, in lower case; the more telling ones first.
const SERVICES: [(&str, &str); 21] = [
    (".communication.azure.", "Communication Services"),
    (".azconfig.", "App Configuration"),
    (".signalr.", "SignalR Service"),
    (".webpubsub.", "Web PubSub"),
    (".eventgrid.", "Event Grid"),
    ("instrumentationkey=", "Application Insights"),
    (".azure-devices.", "IoT Hub"),
    ("hostname=", "IoT Hub"),
    ("accountendpoint=", "Cosmos DB"),
    (".documents.azure.", "Cosmos DB"),
    (".redis.", "Redis"),
    ("mongodb://", "a database"),
    ("server=", "a database"),
    ("data source=", "a database"),
    ("usedevelopmentstorage=", STORAGE),
    ("defaultendpointsprotocol=", STORAGE),
    ("accountname=", STORAGE),
    ("accountkey=", STORAGE),
    ("blobendpoint=", STORAGE),
    ("sharedaccesskey", NOTIFICATION_HUBS),
    ("accesskey=", "Communication Services or SignalR"),
];

impl Mistake {
    /// What is wrong with the value of this setting, if that shows without knowing the setting.
    pub(super) fn of(setting: &str, value: &str) -> Option<Self> {
        let kind = Kind::of(setting);
        let lower = value.to_ascii_lowercase();
        if let Kind::ConnectionString(wanted) = kind
            && (lower.starts_with("-----begin ") || (value.starts_with('{') && value.contains(':')))
        {
            return Some(Self::Document(wanted));
        }
        if value.starts_with(QUOTES) || value.ends_with(QUOTES) || (kind != Kind::Other && value.contains(QUOTES)) {
            return Some(Self::Quotes);
        }
        if let Some(at) = lower.find("@microsoft.keyvault(") {
            return Some(if at == 0 { Self::KeyVault } else { Self::ReferenceInside });
        }
        if lower.starts_with("@microsoft.appconfiguration(") {
            return Some(Self::AppConfiguration);
        }
        if value.strip_prefix(setting).is_some_and(|rest| rest.trim_start().starts_with(['=', ':'])) {
            return Some(Self::OwnName);
        }
        match kind {
            Kind::ConnectionString(wanted) => Self::of_connection_string(&lower, value, wanted),
            Kind::Address | Kind::Other if is_placeholder(value) => Some(Self::Placeholder),
            Kind::Other if has_secret(&lower) => Some(Self::Secret),
            Kind::Address | Kind::Other => None,
        }
    }

    fn of_connection_string(lower: &str, value: &str, wanted: &'static str) -> Option<Self> {
        if ["&amp;", "&#38;", "&#x26;", "&quot;", "&lt;"].iter().any(|escape| lower.contains(escape)) {
            return Some(Self::HtmlEscaped);
        }
        let found = SERVICES.iter().find(|(mark, _)| lower.contains(mark)).map(|(_, found)| *found);
        if let Some(found) = found.filter(|found| *found != wanted) {
            let found = if found == NOTIFICATION_HUBS { "Notification Hubs, Service Bus or Event Hubs" } else { found };
            return Some(Self::OtherService { found, wanted });
        }
        if is_placeholder(value) || value.split(';').any(has_placeholder) {
            return Some(Self::Placeholder);
        }
        match value.split_once("://") {
            Some((scheme, _)) if found.is_none() && scheme.bytes().all(|byte| byte.is_ascii_alphabetic()) => {
                Some(Self::AddressAlone(wanted))
            }
            // Keys have 32 or 64 bytes.
            _ if matches!(value.len(), 40..=90) && value.bytes().all(is_base64) => Some(Self::KeyAlone(wanted)),
            _ => None,
        }
    }
}

impl Kind {
    fn of(setting: &str) -> Self {
        if setting.ends_with("CONNECTION_STRING") {
            Self::ConnectionString(NOTIFICATION_HUBS)
        } else if setting == "AzureWebJobsStorage" {
            Self::ConnectionString(STORAGE)
        } else if setting == "AzureWebJobsStorage__blobServiceUri" {
            Self::Address
        } else {
            Self::Other
        }
    }
}

/// Takes out of a value what nobody sees and no value has: blanks and invisible characters at its ends, and in a connection
/// string also line breaks and invisible characters within.
pub(super) fn clean(setting: &str, value: &str) -> String {
    let value = value.trim_matches(|character: char| character.is_whitespace() || is_invisible(character));
    match Kind::of(setting) {
        Kind::ConnectionString(_) => value.replace(is_invisible, ""),
        Kind::Address | Kind::Other => value.to_owned(),
    }
}

/// Controls, soft hyphen, zero-width characters, marks of direction, byte order mark.
fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/=".contains(&byte)
}

/// Whether a member of a connection string, or the host of an address in it, is a placeholder.
fn has_placeholder(member: &str) -> bool {
    let Some((_, value)) = member.split_once('=') else { return false };
    let value = value.trim();
    let host = value.split_once("://").and_then(|(_, rest)| rest.split(['.', ':', '/']).next());
    [Some(value), host].into_iter().flatten().any(is_placeholder)
}

/// What documents and templates write where a value has to be filled in.
fn is_placeholder(value: &str) -> bool {
    const WORDS: [&str; 8] = ["changeme", "replaceme", "replace", "todo", "tbd", "placeholder", "null", "undefined"];
    /// These are placeholders in capitals only.
    const CAPITALS: [&str; 10] =
        ["NAMESPACE", "RULE", "KEY", "NAME", "ACCOUNT", "ACCOUNTNAME", "ACCOUNTKEY", "SECRET", "VALUE", "HUB"];
    const YOUR: [&str; 9] = ["name", "key", "string", "here", "hub", "namespace", "value", "account", "secret"];
    let between = |open: char, close: char| value.find(open).is_some_and(|at| value[at..].contains(close));
    let surrounded = |open: &str, close: &str| {
        value.strip_prefix(open).and_then(|rest| rest.strip_suffix(close)).is_some_and(|inner| !inner.is_empty())
    };
    let letters: String = value.chars().filter(char::is_ascii_alphanumeric).collect();
    let lower = letters.to_ascii_lowercase();
    between('<', '>')
        // A log filter may have `[{field}]`.
        || (between('{', '}') && !value.contains("[{"))
        || [("[", "]"), ("%", "%"), ("__", "__"), ("$(", ")")].iter().any(|(open, close)| surrounded(open, close))
        || value.contains(['…', '•'])
        || (value.len() >= 3 && value.chars().all(|character| "xX.*?-_".contains(character)))
        || WORDS.contains(&lower.as_str())
        || CAPITALS.contains(&letters.as_str())
        || (lower.starts_with("your") && YOUR.iter().any(|end| lower.ends_with(end)))
}

/// Whether a key or a signature stands in it.
fn has_secret(lower: &str) -> bool {
    ["sharedaccesskey=", "accountkey=", "accesskey=", "sig="].iter().any(|mark| lower.contains(mark))
}
