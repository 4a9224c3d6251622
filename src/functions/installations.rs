//! The function `Installations`: PUT, GET and DELETE of one registered device.

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::Serialize;
use tokio::time::timeout;

use super::Service;
use super::http_response::{HttpResponse, StatusCode, error_response, json_response, response_with};
use super::routes::Method;
use crate::notifications::device::Platform;
use crate::storage::installations::{Installation, InstallationError, InstallationResponse, PutRequest, PutResult};
use crate::storage::store::{StoreError, run_to_completion};

/// The response to a PUT.
#[derive(Serialize)]
struct PutResponse<'a> {
    #[serde(flatten)]
    installation: InstallationResponse<'a>,
    /// The members of the request that mean nothing here.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    ignored: &'a [String],
    /// What the installation lacks.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'static str>,
}

/// The hint for an iPhone that could ring, if it had a handle for VoIP pushes.
const NO_VOIP_HANDLE: &str =
    "without voipPushChannel, the device's PushKit token, it gets calls as alerts and does not ring";

impl Service {
    /// PUT, GET or DELETE of one installation, as the HTTP API answers them.
    pub async fn installation(&self, method: Method, id: &str, body: &[u8], now: DateTime<Utc>) -> HttpResponse {
        let (installations, id) = (Arc::clone(&self.installations), id.to_owned());
        match method {
            Method::Get => {
                let found = self.in_time(async move { installations.get(&id, now).await }).await;
                found.map(|found| match found {
                    Some(installation) => json_response(StatusCode::OK, &InstallationResponse::new(&installation, &[])),
                    None => error_response(StatusCode::NOT_FOUND, "NotFound", "no installation has this id"),
                })
            }
            Method::Put => match PutRequest::parse(&id, body, now, |app| self.apps.contains(app)) {
                Ok(PutRequest { installation, ignored }) => {
                    let stored = installation.clone();
                    let put = self.in_time(async move { installations.put(&stored, now).await }).await;
                    put.map(|put| self.put_response(&installation, &put, &ignored))
                }
                Err(faults @ InstallationError(_)) => {
                    Ok(error_response(StatusCode::BAD_REQUEST, "InvalidInstallation", &faults.to_string()))
                }
            },
            Method::Delete => {
                let deleted = self.in_time(async move { installations.delete(&id, now).await }).await;
                deleted.map(|()| response_with(StatusCode::NO_CONTENT, Bytes::new()))
            }
        }
        .unwrap_or_else(|response| response)
    }

    /// A PUT by a command: the status and the body of the answer.
    pub async fn put_installation(&self, id: &str, body: &[u8]) -> (u16, Bytes) {
        let response = self.installation(Method::Put, id, body, Utc::now()).await;
        (response.status().as_u16(), response.into_body())
    }

    fn put_response(&self, installation: &Installation, put: &PutResult, ignored: &[String]) -> HttpResponse {
        for other in &put.evicted {
            tracing::warn!(installation = other, "evicted: its user or number has too many installations");
        }
        let status = if put.created { StatusCode::CREATED } else { StatusCode::OK };
        let lacks_voip_handle = installation.platform == Platform::Apns && installation.voip_handle.is_none();
        let can_ring =
            || self.delivery_service.hubs.of(installation.app.as_ref()).is_some_and(|hubs| hubs.voip.is_some());
        let hint = (lacks_voip_handle && can_ring()).then_some(NO_VOIP_HANDLE);
        let installation = InstallationResponse::new(installation, &put.evicted);
        json_response(status, &PutResponse { installation, ignored, hint })
    }

    /// Waits for the store as long as an invocation may take. A change runs to completion all the same.
    async fn in_time<T: Send + 'static>(
        &self,
        change: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, HttpResponse> {
        let done = timeout(self.deadline, run_to_completion(change)).await.unwrap_or(Err(StoreError::Late));
        done.map_err(|error| {
            tracing::error!("installations: {error}");
            error_response(StatusCode::SERVICE_UNAVAILABLE, "StoreUnavailable", &error.to_string())
        })
    }
}
