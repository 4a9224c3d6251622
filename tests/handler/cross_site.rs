//! A page of another site, in a browser on the same computer, cannot use the handler; the Functions host can, wherever it is.

use reqwest::Method;

use crate::binary::Process;
use crate::support::*;

const LAPTOPS: [(&str, &str); 2] =
    [("AZURE_FUNCTIONS_ENVIRONMENT", "Development"), ("FUNCTIONS_CORETOOLS_ENVIRONMENT", "true")];

/// What the host sets on every request.
const INVOCATION: (&str, &str) = ("x-azure-functions-invocationid", "83a33220-a921-460a-bec0-b3f043dcf1ff");

async fn send(app: &App, method: Method, path: &str, headers: &[(&str, &str)]) -> Reply {
    let request = app.request(method, path).body(phone().to_string());
    Reply::of(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
}

/// Every path, with the method that it takes and the answer to a request from nowhere else.
fn requests() -> [(Method, &'static str, u16); 6] {
    [
        (Method::GET, "/", 200),
        (Method::PUT, "/api/installations/iphone", 201),
        (Method::GET, "/api/status", 200),
        (Method::POST, "/Maintenance", 200),
        (Method::POST, "/EventGridTrigger", 400),
        (Method::OPTIONS, "/api/installations/iphone", 405),
    ]
}

fn refused(reply: &Reply, header: &str) {
    let message = reply.json()["error"]["message"].as_str().unwrap_or_default().to_owned();
    assert!(reply.status == 403 && message.starts_with(&format!("{header}: expected ")), "{reply:?}");
    assert!(!reply.headers.keys().any(|name| name.starts_with("access-control-")), "{reply:?}");
}

#[tokio::test]
async fn on_a_laptop_host_has_to_be_a_loopback_name() {
    for laptop in LAPTOPS {
        let app = App::with(&[laptop]).await;
        for (method, path, status) in requests() {
            for host in
                ["rebound.example", "rebound.example:7071", "127.0.0.1.rebound.example", "localhost.example", "0.0.0.0"]
            {
                refused(&send(&app, method.clone(), path, &[("host", host)]).await, "Host");
                // Also if the host forwards it.
                refused(&send(&app, method.clone(), path, &[("host", host), INVOCATION]).await, "Host");
            }
            assert_eq!(send(&app, method.clone(), path, &[("host", "LocalHost:7071")]).await.status, status, "{path}");
            assert_eq!(app.delete("iphone").await.status, 204);
        }
        for host in ["localhost", "127.0.0.1", "127.0.0.1:7071", "127.9.9.9", "[::1]", "[::1]:7071"] {
            assert_eq!(send(&app, Method::GET, "/api/status", &[("host", host)]).await.status, 200, "{host}");
        }
        for host in ["", "[::2]", "a b", "localhost@rebound.example"] {
            refused(&send(&app, Method::GET, "/api/status", &[("host", host)]).await, "Host");
        }
        assert_eq!(app.get("/api/installations/iphone").await.status, 404);
    }
}

#[tokio::test]
async fn a_request_with_origin_is_refused_unless_the_functions_host_sends_it() {
    for settings in [&[][..], &LAPTOPS[..1]] {
        let app = App::with(settings).await;
        for (method, path, status) in requests() {
            // `null` is that of a page without an address of its own.
            for origin in ["https://evil.example", "null", "http://localhost:8080", ""] {
                refused(&send(&app, method.clone(), path, &[("origin", origin)]).await, "Origin");
            }
            let forwarded = send(&app, method, path, &[("origin", "https://evil.example"), INVOCATION]).await;
            assert_eq!(forwarded.status, status, "{path}: {forwarded:?}");
        }
        assert_eq!(app.get("/api/installations/iphone").await.status, 200);
    }
}

#[tokio::test]
async fn in_azure_and_in_the_functions_image_the_callers_own_host_and_origin_pass() {
    let azure = [("WEBSITE_INSTANCE_ID", "one"), LAPTOPS[0]];
    for settings in [&azure[..1], &azure, &[]] {
        let (hub, folder) = (emulator().await, tempfile::tempdir().unwrap());
        let process = Process::start(&vars(&hub, settings), folder.path()).await;
        let forwarded = process.put_request("iphone", &phone()).header("host", "push.azurewebsites.net");
        let forwarded = forwarded.header("origin", "https://app.example").header(INVOCATION.0, INVOCATION.1);
        assert_eq!(Reply::of(forwarded).await.status, 201, "{settings:?}");
    }
}
