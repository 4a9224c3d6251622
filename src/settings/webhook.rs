//! The settings of `acs-push serve --webhook`: where it listens, and who may ask for what.

use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};

use secrecy::SecretString;
use url::{Host, Url};

use super::{Config, ConfigError, SettingsReader};

/// What the webhook needs beside the other settings.
#[derive(Debug, Clone)]
pub struct WebhookSettings {
    /// Where it listens.
    pub listen: SocketAddr,
    /// The keys by which events may be posted.
    pub keys: Vec<SecretString>,
    /// The keys by which everything else may be asked.
    pub admin_keys: Vec<SecretString>,
    /// Whose bearer tokens may post events.
    pub entra: Option<EntraSettings>,
}

/// Which tokens of Microsoft Entra are accepted.
#[derive(Debug, Clone)]
pub struct EntraSettings {
    /// The tenant's address at its authority, without a slash at the end.
    pub authority: Url,
    /// Who the tokens are for: one of these.
    pub audiences: Vec<String>,
    /// The app role that they must have.
    pub role: String,
}

const KEY: &str = "WEBHOOK_KEY";
const ADMIN_KEY: &str = "ADMIN_KEY";
const TENANT: &str = "WEBHOOK_ENTRA_TENANT";
const AUDIENCE: &str = "WEBHOOK_ENTRA_AUDIENCE";
const ROLE: &str = "WEBHOOK_ENTRA_ROLE";

/// The authority of most tenants. Other clouds have others.
const AUTHORITY: &str = "https://login.microsoftonline.com";

/// The role that Event Grid's own service principal is given, by Microsoft's instructions.
const DEFAULT_ROLE: &str = "AzureEventGridSecureWebhookSubscriber";

/// Shorter keys can be guessed.
const SHORT_KEY: usize = 16;

impl Config {
    /// Reads the settings for the webhook, its own among them.
    pub fn for_webhook<N, V>(vars: impl IntoIterator<Item = (N, V)>) -> Result<Self, ConfigError>
    where
        N: Into<OsString>,
        V: Into<OsString>,
    {
        let vars = vars.into_iter().map(|(name, value)| (name.into(), value.into()));
        Self::read(SettingsReader { for_webhook: true, ..SettingsReader::new(vars) })
    }

    /// Where to listen. The Functions host never calls from elsewhere.
    pub fn listen(&self) -> SocketAddr {
        let of_host = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        self.webhook.as_ref().map_or(of_host, |webhook| webhook.listen)
    }
}

pub(super) fn read(settings: &mut SettingsReader, warnings: &mut Vec<String>) -> WebhookSettings {
    let webhook = WebhookSettings {
        listen: listen(settings),
        keys: keys(settings, KEY, warnings),
        admin_keys: keys(settings, ADMIN_KEY, warnings),
        entra: entra(settings),
    };
    if !webhook.listen.ip().is_loopback() {
        if settings.get(KEY).is_none() && settings.get(TENANT).is_none() {
            settings
                .fault(KEY, format!("expected a key, or {TENANT}: LISTEN is not on loopback, so others can reach it"));
        }
        if settings.get(ADMIN_KEY).is_none() {
            settings.fault(ADMIN_KEY, "expected a key: LISTEN is not on loopback, so others can reach it");
        }
    }
    webhook
}

fn listen(settings: &mut SettingsReader) -> SocketAddr {
    let default = SocketAddr::from(([127, 0, 0, 1], 8080));
    let Some(value) = settings.get("LISTEN") else { return default };
    let by_name = value.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    by_name.as_deref().unwrap_or(value).parse().unwrap_or_else(|_| {
        settings.fault("LISTEN", "expected an IP address and a port, such as 0.0.0.0:8080 or [::]:8080");
        default
    })
}

/// One key, or two while the senders change from one to the other.
fn keys(settings: &mut SettingsReader, name: &str, warnings: &mut Vec<String>) -> Vec<SecretString> {
    let Some(value) = settings.get(name) else { return Vec::new() };
    let keys: Vec<String> = value.split(',').map(str::trim).filter(|key| !key.is_empty()).map(str::to_owned).collect();
    if !(1..=2).contains(&keys.len()) {
        settings.fault(name, "expected one key, or two separated by a comma");
    }
    if keys.iter().any(|key| key.len() < SHORT_KEY) {
        warnings.push(format!("{name}: a key of less than {SHORT_KEY} characters can be guessed; use 32 random ones"));
    }
    keys.into_iter().map(SecretString::from).collect()
}

fn entra(settings: &mut SettingsReader) -> Option<EntraSettings> {
    let tenant = settings.get(TENANT).map(authority);
    let audiences: Vec<String> = settings
        .get(AUDIENCE)
        .map(|list| list.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect())
        .unwrap_or_default();
    let role = settings.get(ROLE).unwrap_or(DEFAULT_ROLE).to_owned();
    match tenant {
        None if !audiences.is_empty() => {
            settings.fault(TENANT, format!("expected the tenant's id, because {AUDIENCE} is set"));
            None
        }
        None => None,
        Some(None) => {
            settings.fault(
                TENANT,
                format!("expected the tenant's id (a UUID), or {AUTHORITY}/ID with the authority of another cloud"),
            );
            None
        }
        Some(Some(_)) if audiences.is_empty() => {
            settings.fault(AUDIENCE, "expected the application's id or its URI, as the subscription names it");
            None
        }
        Some(Some(authority)) => Some(EntraSettings { authority, audiences, role }),
    }
}

/// The tenant's address. Without TLS only on this computer, for tests.
fn authority(tenant: &str) -> Option<Url> {
    let address = if tenant.contains("://") { tenant.to_owned() } else { format!("{AUTHORITY}/{tenant}") };
    let url = Url::parse(address.trim_end_matches('/')).ok()?;
    let is_local = match url.host()? {
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => ip.is_loopback(),
        Host::Domain(_) => false,
    };
    let is_safe = url.scheme() == "https" || (url.scheme() == "http" && is_local);
    let is_plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    (is_safe && is_plain && is_uuid(url.path().strip_prefix('/')?)).then_some(url)
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    let is_hexadecimal = |group: &&str| group.bytes().all(|byte| byte.is_ascii_hexdigit());
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]) && groups.iter().all(is_hexadecimal)
}
