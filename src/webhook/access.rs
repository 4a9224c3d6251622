//! Who may ask for what. Event Grid never repeats what is answered with 401 or 403, so only a token or key that is wrong gets
//! one of them; what cannot be verified now is a 503.

use tokio::time::Instant;
use warp::http::header::{HeaderValue, WWW_AUTHENTICATE};

use super::entra::{Entra, TokenError};
use super::routes::{Credentials, Route, Target};
use super::shared_keys::SharedKeys;
use crate::client::Client;
use crate::log::EachMinute;
use crate::server::http_response::{HttpResponse, StatusCode, error_response, unavailable};
use crate::settings::WebhookSettings;

/// The keys and tokens that are accepted.
#[derive(Debug)]
pub struct Access {
    keys: SharedKeys,
    admin_keys: SharedKeys,
    entra: Option<Entra>,
    /// The line about a refusal.
    logged: EachMinute<()>,
}

/// Why a request is not admitted.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("expected a bearer token of the tenant in WEBHOOK_ENTRA_TENANT")]
    NoToken,
    #[error("expected a key as ?code=KEY or in the header x-functions-key")]
    NoKey,
    #[error("the key is none of {0}")]
    WrongKey(&'static str),
    #[error(transparent)]
    Token(TokenError),
}

impl Access {
    /// What the settings accept.
    pub fn new(settings: &WebhookSettings, client: Client) -> Self {
        Self {
            keys: SharedKeys::new(&settings.keys),
            admin_keys: SharedKeys::new(&settings.admin_keys),
            entra: settings.entra.clone().map(|entra| Entra::new(entra, client)),
            logged: EachMinute::default(),
        }
    }

    /// Admits a request, or returns its answer.
    pub async fn check(&self, Route { target, credentials }: &Route) -> Result<(), HttpResponse> {
        let checked = match target {
            Target::Deliveries(_) => self.sender(credentials).await,
            // It allows nothing by itself. Event Grid need not have a token yet when it asks.
            Target::Handshake(_) => match self.sender(credentials).await {
                Err(Refusal::NoToken) => Ok(()),
                checked => checked,
            },
            Target::Installation(..) | Target::Status(_) | Target::Metrics => {
                by_key(&self.admin_keys, credentials, "ADMIN_KEY")
            }
            Target::Health | Target::Readiness | Target::OtherMethod(_) | Target::Unknown => Ok(()),
        };
        checked.map_err(|refusal| {
            if self.logged.is_due((), Instant::now()) {
                tracing::warn!("a request was refused: {refusal}");
            }
            refusal.response()
        })
    }

    /// Whether events may come from there: by a right token or a right key.
    async fn sender(&self, credentials: &Credentials) -> Result<(), Refusal> {
        let Some(entra) = &self.entra else { return by_key(&self.keys, credentials, "WEBHOOK_KEY") };
        if credentials.key.as_ref().is_some_and(|key| self.keys.contains(key)) {
            return Ok(());
        }
        match &credentials.token {
            Some(token) => entra.verify(token).await.map_err(Refusal::Token),
            None if credentials.key.is_some() && !self.keys.is_empty() => Err(Refusal::WrongKey("WEBHOOK_KEY")),
            None => Err(Refusal::NoToken),
        }
    }
}

/// Without any key everything is admitted: the settings allow that on loopback only.
fn by_key(keys: &SharedKeys, credentials: &Credentials, setting: &'static str) -> Result<(), Refusal> {
    match &credentials.key {
        _ if keys.is_empty() => Ok(()),
        Some(key) if keys.contains(key) => Ok(()),
        Some(_) => Err(Refusal::WrongKey(setting)),
        None => Err(Refusal::NoKey),
    }
}

impl Refusal {
    fn response(&self) -> HttpResponse {
        let told = self.to_string();
        match self {
            Self::Token(TokenError::Unverifiable(_)) => unavailable(&told),
            Self::Token(TokenError::NoRole) => error_response(StatusCode::FORBIDDEN, "Forbidden", &told),
            Self::NoToken | Self::NoKey | Self::WrongKey(_) | Self::Token(TokenError::Wrong(_)) => {
                let mut response = error_response(StatusCode::UNAUTHORIZED, "Unauthorized", &told);
                response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
                response
            }
        }
    }
}
