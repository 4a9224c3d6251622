//! Azure Resource Manager's REST API: GET and POST of JSON, with pages of lists.

use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, HeaderValue};
use reqwest::{Method, Request};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;
use url::Url;

use crate::client::{Client, RequestError};

/// Asks ARM with one access token.
#[derive(Debug)]
pub struct Arm {
    client: Client,
    address: Url,
    token: SecretString,
}

/// Why ARM does not show something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArmError {
    /// 401.
    #[error("Azure answers 401: log in to the directory of the Azure subscription, with az login --tenant")]
    Unauthorized,
    /// 403.
    #[error(
        "Azure answers 403: the login needs the role Reader here, or for credentials of a hub the role Contributor"
    )]
    Forbidden,
    /// 404.
    #[error("Azure answers 404: it does not exist, or the login may not know of it")]
    NotFound,
    /// Any other status.
    #[error("Azure answers {0}: check again, or look at it in the portal")]
    Status(u16),
    /// An answer that cannot be read.
    #[error("Azure answers in a form that is not known here")]
    Unknown,
    /// No answer.
    #[error("no answer from Azure: {0}")]
    NoAnswer(String),
}

/// A list, or the first part of one.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page<T> {
    value: Vec<T>,
    next_link: Option<String>,
}

/// How long ARM may take for an answer.
const LONGEST: Duration = Duration::from_secs(20);

/// No subscription of Azure has as many of what is listed here.
const MOST_PAGES: usize = 20;

impl Arm {
    /// ARM at `address`.
    pub fn new(client: Client, address: &Url, token: SecretString) -> Self {
        Self { client, address: address.clone(), token }
    }

    /// One resource, by the path from its id on, with the version of the API.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ArmError> {
        self.ask(Method::GET, self.url(path)?).await
    }

    /// What an action answers that changes nothing.
    pub async fn post<T: DeserializeOwned>(&self, path: &str) -> Result<T, ArmError> {
        self.ask(Method::POST, self.url(path)?).await
    }

    /// All of a list.
    pub async fn list<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>, ArmError> {
        let mut found = Vec::new();
        let mut url = self.url(path)?;
        for _ in 0..MOST_PAGES {
            let page: Page<T> = self.ask(Method::GET, url).await?;
            found.extend(page.value);
            let Some(next) = page.next_link.filter(|next| !next.is_empty()) else { return Ok(found) };
            url = Url::parse(&next).ok().filter(|next| self.is_here(next)).ok_or(ArmError::Unknown)?;
        }
        Err(ArmError::Unknown)
    }

    /// Ids in answers become paths: none may lead to another host.
    fn url(&self, path: &str) -> Result<Url, ArmError> {
        self.address.join(path).ok().filter(|url| self.is_here(url)).ok_or(ArmError::Unknown)
    }

    fn is_here(&self, url: &Url) -> bool {
        url.origin() == self.address.origin()
    }

    async fn ask<T: DeserializeOwned>(&self, method: Method, url: Url) -> Result<T, ArmError> {
        let bearer = format!("Bearer {}", self.token.expose_secret());
        let mut bearer = HeaderValue::try_from(bearer).map_err(|_| ArmError::Unauthorized)?;
        bearer.set_sensitive(true);
        let mut request = Request::new(method, url);
        request.headers_mut().insert(AUTHORIZATION, bearer);
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
        if *request.method() == Method::POST {
            request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        let exchange = async {
            let response = self.client.execute(request).await?;
            let status = response.status().as_u16();
            let body = response.bytes().await.map_err(|error| RequestError::Lost(error.without_url()))?;
            Ok((status, body))
        };
        let (status, body) = timeout(LONGEST, exchange)
            .await
            .map_err(|_| ArmError::NoAnswer(format!("none within {} s", LONGEST.as_secs())))?
            .map_err(|error: RequestError| ArmError::NoAnswer(error.to_string()))?;
        match status {
            200 => serde_json::from_slice(&body).map_err(|_| ArmError::Unknown),
            401 => Err(ArmError::Unauthorized),
            403 => Err(ArmError::Forbidden),
            404 => Err(ArmError::NotFound),
            status => Err(ArmError::Status(status)),
        }
    }
}
