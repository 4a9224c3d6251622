//! Bearer tokens of Microsoft Entra, by jsonwebtoken: signature, issuer, audience, times and app role.
//!
//! <https://learn.microsoft.com/azure/event-grid/secure-webhook-delivery>,
//! <https://learn.microsoft.com/entra/identity-platform/access-tokens>

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::client::Client;
use crate::settings::EntraSettings;

mod signatures;
mod signing_keys;

use signing_keys::{SigningKeys, UnknownKey};

/// Verifies tokens of one tenant.
#[derive(Debug)]
pub struct Entra {
    validation: Validation,
    role: String,
    signing_keys: SigningKeys,
}

/// Why a token is not accepted. What it holds is never told.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// It never will be.
    #[error("the bearer token {0}")]
    Wrong(&'static str),
    /// It is right, but is not for this.
    #[error("the bearer token lacks the app role in WEBHOOK_ENTRA_ROLE")]
    NoRole,
    /// Nobody can say now.
    #[error("the bearer token cannot be verified now: {0}")]
    Unverifiable(String),
}

/// The only claim that jsonwebtoken does not check itself.
#[derive(Debug, Deserialize)]
struct Claims {
    #[serde(default)]
    roles: Vec<String>,
}

/// How much the clocks of Entra and of this computer may differ, as Microsoft's own libraries have it.
const CLOCK_SKEW_SECONDS: u64 = 5 * 60;

/// Whose tokens of the first version name the tenant so, whatever its authority.
const FIRST_VERSION_ISSUERS: [&str; 2] = ["https://sts.windows.net", "https://sts.chinacloudapi.cn"];

impl Entra {
    /// Verifies the tokens that the settings accept.
    pub fn new(settings: EntraSettings, client: Client) -> Self {
        signatures::install();
        let EntraSettings { authority, audiences, role } = settings;
        let tenant = authority.path();
        let mut issuers = vec![format!("{authority}/v2.0")];
        issuers.extend(FIRST_VERSION_ISSUERS.iter().map(|issuer| format!("{issuer}{tenant}/")));
        let mut validation = Validation::new(Algorithm::RS256);
        validation.leeway = CLOCK_SKEW_SECONDS;
        validation.validate_nbf = true;
        validation.set_required_spec_claims(&["exp", "nbf", "aud", "iss"]);
        validation.set_audience(&audiences);
        validation.set_issuer(&issuers);
        Self { validation, role, signing_keys: SigningKeys::new(&authority, client) }
    }

    /// The same with the keys of this document, instead of those that the tenant's authority answers with.
    #[cfg(any(test, feature = "fuzzing"))]
    pub fn with_keys(settings: EntraSettings, client: Client, document: &[u8]) -> Result<Self, &'static str> {
        let signing_keys = SigningKeys::known_from(document, client.clone())?;
        Ok(Self { signing_keys, ..Self::new(settings, client) })
    }

    /// Whether the token is a right one.
    pub async fn verify(&self, token: &SecretString) -> Result<(), TokenError> {
        let token = token.expose_secret();
        // `none` and other unknown algorithms are no header.
        let header = decode_header(token).map_err(|_| TokenError::Wrong("cannot be read"))?;
        if header.alg != Algorithm::RS256 {
            return Err(TokenError::Wrong("is not signed with RS256"));
        }
        let key_id = header.kid.ok_or(TokenError::Wrong("names no signing key"))?;
        let key = self.signing_keys.find(&key_id).await.map_err(|unknown| match unknown {
            UnknownKey::None => TokenError::Wrong("is signed with a key that is not the tenant's"),
            UnknownKey::NotNow(problem) => TokenError::Unverifiable(problem),
        })?;
        let claims = decode::<Claims>(token, &key, &self.validation).map_err(|error| wrong(error.kind()))?.claims;
        if claims.roles.contains(&self.role) { Ok(()) } else { Err(TokenError::NoRole) }
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the other kinds are one cause, and there may be more of them")]
fn wrong(kind: &ErrorKind) -> TokenError {
    TokenError::Wrong(match kind {
        ErrorKind::ExpiredSignature => "has expired",
        ErrorKind::ImmatureSignature => "is not valid yet: are the clocks right?",
        ErrorKind::InvalidAudience => "is for another audience than WEBHOOK_ENTRA_AUDIENCE",
        ErrorKind::InvalidIssuer => "is of another tenant than WEBHOOK_ENTRA_TENANT",
        ErrorKind::MissingRequiredClaim(_) | ErrorKind::InvalidClaimFormat(_) => {
            "lacks one of the claims exp, nbf, aud and iss"
        }
        ErrorKind::InvalidSignature => "has a wrong signature",
        _ => "cannot be read",
    })
}
