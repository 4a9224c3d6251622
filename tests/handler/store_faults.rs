//! A store that does not do what it is asked: every path tells the same cause, in one line, and nothing of a person.

use std::path::Path;
use std::time::Duration;

use notification_hubs_emulator::Emulator;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use warp::Filter as _;
use warp::http::Response;

use crate::binary::{Process, command};
use crate::blob::BlobService;
use crate::support::*;

#[cfg(feature = "foreign-tests")]
mod azurite;
#[cfg(feature = "foreign-tests")]
mod disk;

/// Every request gets the same answer.
pub async fn answering(status: u16, head: &'static str, body: &'static str) -> String {
    let (listener, port) = listener().await;
    let answer = warp::any().map(move || {
        let builder = Response::builder().status(status);
        let builder = if head.is_empty() { builder } else { builder.header("x-ms-error-code", head) };
        builder.body(body).unwrap()
    });
    tokio::spawn(warp::serve(answer).incoming(listener).run());
    format!("http://127.0.0.1:{port}")
}

async fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

pub fn account(address: &str) -> Vec<(&'static str, String)> {
    let account = format!("AccountName=account;AccountKey=a2V5;BlobEndpoint={address}/account");
    vec![("STORE", "azure:container".to_owned()), ("AzureWebJobsStorage", account)]
}

/// An app whose identity opens the store.
pub fn identity(settings: &[(&'static str, String)]) -> Vec<(&'static str, String)> {
    let store = [("STORE", "azure:container"), ("AzureWebJobsStorage__blobServiceUri", "http://127.0.0.1:9/account")];
    let store = store.map(|(name, value)| (name, value.to_owned()));
    [&store[..], &[("AzureWebJobsStorage__accountName", "account".to_owned())], settings].concat()
}

async fn start(store: &[(&'static str, String)], folder: &Path) -> (Process, Emulator) {
    let hub = emulator().await;
    // The longest wait for a store that keeps silent.
    let mut settings = borrowed(store);
    settings.extend([("DELIVERY_DEADLINE_SECONDS", "5"), ("RUST_LOG", "trace")]);
    (Process::start(&vars(&hub, &settings), folder).await, hub)
}

/// Start, PUT, GET, DELETE, Maintenance, event and command tell the same.
async fn assert_told_everywhere(store: Vec<(&'static str, String)>, code: &str, text: &str) {
    let folder = tempfile::tempdir().unwrap();
    let (process, _hub) = start(&store, folder.path()).await;
    let put = Reply::of(process.put_request("iphone", &phone())).await;
    let delete = Reply::of(process.delete_request("iphone")).await;
    for (what, reply) in [("PUT", put.json()), ("DELETE", delete.json()), ("GET", process.get("iphone").await)] {
        assert_eq!(reply["error"]["code"], "StoreUnavailable", "{what}: {reply}");
        let message = reply["error"]["message"].as_str().unwrap();
        assert!(message.starts_with(text), "{what}: {message}");
    }
    let event = process.invoke(&sms("e1", "15551234567", "Hello")).await;
    assert!(event.status == 500 && event.text.contains(text), "{event:?}");
    let maintenance = process.maintain().await;
    assert!(maintenance.status == 500 && maintenance.text.contains(text), "{maintenance:?}");
    let (_, output) = process.terminate().await;
    let line: Value = output.lines().find(|line| line.starts_with("{\"event\"")).unwrap().parse().unwrap();
    assert_eq!((&line["code"], &line["outcome"]), (&json!(code), &json!("failed")), "{output}");
    assert!(line["reason"].as_str().unwrap().starts_with(text), "{line}");
    let errors: Vec<&str> = output.lines().filter(|line| line.contains("ERROR ")).collect();
    for error in &errors {
        assert!(error.contains(text), "another wording: {error}");
    }
    assert!(errors.len() >= 6, "start, PUT, GET, DELETE, Maintenance and event: {output}");
    for hidden in ["recipients/", "installations/", "15551234567", "a2V5", "<Code>", "<html>"] {
        assert!(!output.contains(hidden), "{hidden}: {output}");
    }
    let replay = replay(&store, folder.path()).await;
    assert!(replay.contains(text), "replay: {replay}");
}

async fn replay(store: &[(&'static str, String)], folder: &Path) -> String {
    let hub = emulator().await;
    let output = command(&vars(&hub, &borrowed(store)), folder).arg("replay").output().await.unwrap();
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

macro_rules! refused {
    ($($name:ident: $status:literal $head:literal $body:literal => $code:literal $text:literal;)*) => {$(
        #[tokio::test]
        async fn $name() {
            assert_told_everywhere(account(&answering($status, $head, $body).await), $code, $text).await;
        }
    )*};
}

refused! {
    a_role_is_missing: 403 ""
        "<?xml version=\"1.0\"?><Error><Code>AuthorizationPermissionMismatch</Code><Message>not authorized</Message></Error>"
        => "store_refused" "the store refused: 403 AuthorizationPermissionMismatch: give the identity the role Storage Blob Data Contributor";
    a_firewall: 403 "AuthorizationFailure" ""
        => "store_refused" "the store refused: 403 AuthorizationFailure: let the app through the account's firewall";
    keys_are_switched_off: 403 "KeyBasedAuthenticationNotPermitted" ""
        => "store_refused" "the store refused: 403 KeyBasedAuthenticationNotPermitted: the account takes no keys";
    a_wrong_key: 403 "AuthenticationFailed" ""
        => "store_refused" "the store refused: 403 AuthenticationFailed: the account's key or shared access signature is wrong";
    a_credential_of_another_account: 401 "InvalidAuthenticationInfo" ""
        => "store_refused" "the store refused: 401 InvalidAuthenticationInfo: the credential is not one of this account";
    a_refusal_without_a_code: 403 "" ""
        => "store_refused" "the store refused: 403: look at the account's firewall and keys";
    a_signature_for_something_else: 403 "AuthorizationResourceTypeMismatch" ""
        => "store_refused" "the store refused: 403 AuthorizationResourceTypeMismatch: the shared access signature is not for this";
    a_disabled_account: 403 "AccountIsDisabled" ""
        => "store_refused" "the store refused: 403 AccountIsDisabled: the storage account is disabled";
    a_busy_account: 503 "ServerBusy" ""
        => "store_unavailable" "the store is unavailable: 503 ServerBusy";
    a_container_that_is_being_deleted: 409 "ContainerBeingDeleted" ""
        => "store_unavailable" "the store is unavailable: 409 ContainerBeingDeleted";
    a_path_that_is_no_account: 404 "ResourceNotFound" ""
        => "store_not_blob" "what answers at the store's address is not Azure Blob: 404 ResourceNotFound: look at the account";
    a_web_server: 404 "" "<html>Not here</html>"
        => "store_not_blob" "what answers at the store's address is not Azure Blob: 404: look at the account";
    a_redirect: 302 "" "" => "store_not_blob" "what answers at the store's address is not Azure Blob: 302";
}

#[tokio::test]
async fn a_store_that_takes_a_request_and_says_nothing() {
    let (_listener, port) = listener().await;
    assert_told_everywhere(
        account(&format!("http://127.0.0.1:{port}")),
        "store_timeout",
        "the store did not answer in time",
    )
    .await;
}

#[tokio::test]
async fn a_store_that_closes_every_connection() {
    let (listener, port) = listener().await;
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            connection.readable().await.unwrap();
        }
    });
    let text = "the store closed the connection before it answered";
    assert_told_everywhere(account(&format!("http://127.0.0.1:{port}")), "store_connection_lost", text).await;
}

#[tokio::test]
async fn an_identity_that_is_not_assigned() {
    let said = r#"{"statusCode":400,"message":"No User Assigned or Delegated Managed Identity found for specified ClientId.","correlationId":"c"}"#;
    let endpoint = format!("{}/msi/token", answering(400, "", said).await);
    let settings = identity(&[("IDENTITY_ENDPOINT", endpoint), ("IDENTITY_HEADER", "h".to_owned())]);
    let text = "no access token for the store from the app's own (system-assigned) identity: IDENTITY_ENDPOINT answered 400, \
                No User Assigned or Delegated Managed Identity found";
    assert_told_everywhere(settings, "store_no_token", text).await;
}

#[tokio::test]
async fn an_identity_endpoint_that_is_not_there() {
    let (listener, port) = listener().await;
    drop(listener);
    let settings = identity(&[
        ("IDENTITY_ENDPOINT", format!("http://127.0.0.1:{port}/msi/token")),
        ("IDENTITY_HEADER", "h".to_owned()),
        ("AzureWebJobsStorage__clientId", "0b5f3bd0-4a3c-4b6b-9d6c-8f1d2a1c6a10".to_owned()),
    ]);
    let text = format!(
        "no access token for the store from the user-assigned identity of AzureWebJobsStorage__clientId: no connection to \
         IDENTITY_ENDPOINT at 127.0.0.1:{port}: connection refused"
    );
    assert_told_everywhere(settings, "store_no_token", &text).await;
}

#[tokio::test]
async fn a_laptop_without_the_azure_cli() {
    let settings = identity(&[("PATH", "/nonexistent".to_owned())]);
    let text = "no access token for the store from the Azure CLI's login: ";
    assert_told_everywhere(settings, "store_no_token", text).await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_command_opens_a_deployed_store_with_the_azure_clis_login() {
    use std::os::unix::fs::PermissionsExt;
    let (service, folder, hub) = (BlobService::start().await, tempfile::tempdir().unwrap(), emulator().await);
    let az = folder.path().join("az");
    let token = r#"{"accessToken":"the-token","expiresOn":"2099-01-01 00:00:00.000000","subscription":"s","tenant":"t","tokenType":"Bearer"}"#;
    std::fs::write(&az, format!("#!/bin/sh\necho '{token}'\n")).unwrap();
    std::fs::set_permissions(&az, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", folder.path().display());
    let uri = service.address_of_account();
    let settings = [
        ("STORE", "azure:push-store"),
        ("AzureWebJobsStorage__blobServiceUri", uri.as_str()),
        ("AzureWebJobsStorage__accountName", "account"),
        ("PATH", path.as_str()),
    ];
    let vars = vars(&hub, &settings);
    std::fs::write(folder.path().join("phone.json"), phone().to_string()).unwrap();
    for (arguments, text) in [
        (&["installations", "put", "iphone", "phone.json"][..], "\"installationId\""),
        (&["installations", "list", "15551234567"], "iphone: apns"),
        (&["forget", "15551234567"], "iphone"),
        (&["installations", "list", "15551234567"], "has no installations in the store"),
    ] {
        let output = command(&vars, folder.path()).args(arguments).output().await.unwrap();
        let told = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(output.status.success() && told.contains(text), "{arguments:?}: {told}");
    }
    assert_eq!(service.tokens(), ["Bearer the-token"].map(str::to_owned).into());
}

#[tokio::test]
async fn a_container_that_is_deleted_is_told_once_and_never_counts_as_a_store_without_devices() {
    let (service, folder) = (BlobService::start().await, tempfile::tempdir().unwrap());
    let (process, _hub) = start(&service.settings(), folder.path()).await;
    let bobs = json!({"userId": BOB, "platform": "apns", "pushChannel": IPHONE});
    process.register("iphone", bobs.clone()).await;
    service.delete_container().await;
    let reply = process.invoke(&call("e1", "c1")).await;
    let text = "the store's container was deleted: the next write creates it again";
    assert!(reply.status == 500 && reply.text.contains(text), "{reply:?}");
    // The container is there again.
    process.register("iphone", bobs).await;
    assert_eq!(process.outcome(&call("e2", "c2")).await, "delivered");
    let (_, output) = process.terminate().await;
    assert!(output.lines().any(|line| line.contains("ERROR ") && line.contains(text)), "{output}");
}

#[tokio::test]
async fn a_store_that_answers_again_is_told() {
    let (service, folder, hub) = (BlobService::start().await, tempfile::tempdir().unwrap(), emulator().await);
    let store = service.settings();
    let settings = [borrowed(&store), vec![("DELIVERY_DEADLINE_SECONDS", "20")]].concat();
    let process = Process::start(&vars(&hub, &settings), folder.path()).await;
    service.pause();
    let reply = process.invoke(&sms("e1", "15551234567", "Hello")).await;
    assert!(reply.text.contains("the store did not answer in time"), "{reply:?}");
    service.go_on();
    assert_eq!(process.outcome(&sms("e2", "15551234567", "Hello")).await, "no_device");
    let (_, output) = process.terminate().await;
    assert!(output.contains("the store answers again"), "{output}");
}

#[tokio::test]
async fn a_store_that_can_be_read_and_not_written_is_told_before_an_event_needs_it() {
    let (listener, port) = listener().await;
    let answer = warp::method().map(|method| {
        let (status, code) = match method {
            warp::http::Method::GET => (404, "ContainerNotFound"),
            _ => (403, "AuthorizationPermissionMismatch"),
        };
        Response::builder().status(status).header("x-ms-error-code", code).body("").unwrap()
    });
    tokio::spawn(warp::serve(answer).incoming(listener).run());
    let folder = tempfile::tempdir().unwrap();
    let (process, _hub) = start(&account(&format!("http://127.0.0.1:{port}")), folder.path()).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let (_, output) = process.terminate().await;
    assert!(output.contains("ERROR the store refused: 403 AuthorizationPermissionMismatch"), "{output}");
}
