//! The record, and waiting for requests.

use std::time::Duration;

use notification_hubs_emulator::{Emulator, Fault};
use tokio::time::timeout;

use crate::client::{apple, fcm, start};

const SOON: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_request_is_recorded_complete() {
    let emulator = start().await;
    let mut send =
        fcm(&emulator).header("X-Mixed-Case", "1").target("/ACS-push-dev/messages/?direct&api-version=2020-06");
    send.headers.push(("X-Mixed-Case".to_owned(), "2".to_owned()));
    assert_eq!(send.status().await, 201);
    let request = emulator.requests().remove(0);
    assert_eq!(request.method, "POST");
    assert_eq!(request.path, "/ACS-push-dev/messages/");
    assert_eq!(request.query, "direct&api-version=2020-06");
    assert_eq!(request.hub, "acs-push-dev");
    assert_eq!(request.body, send.body);
    assert_eq!(request.format.as_deref(), Some("fcmv1"));
    assert_eq!(request.device_handle.as_deref(), Some("abcdef0123456789"));
    assert_eq!((request.status, request.reason), (Some(201), None));
    let mut names: Vec<_> = request.headers.keys().map(String::as_str).collect();
    names.retain(|name| *name != "authorization");
    assert_eq!(
        names,
        [
            "accept",
            "content-length",
            "content-type",
            "host",
            "servicebusnotification-devicehandle",
            "servicebusnotification-format",
            "x-mixed-case"
        ]
    );
    assert_eq!(request.headers["x-mixed-case"], "1, 2");
    assert!(request.headers["authorization"].starts_with("SharedAccessSignature sr="));
}

#[tokio::test]
async fn refused_and_accepted_requests_are_kept_in_order_of_arrival() {
    let emulator = start().await;
    emulator.add_fault(Fault::status(503).skip(1));
    for send in [apple(&emulator), apple(&emulator), apple(&emulator).body("no json")] {
        send.send().await;
    }
    let statuses: Vec<_> = emulator.requests().iter().map(|request| request.status).collect();
    assert_eq!(statuses, [Some(201), Some(503), Some(400)]);
    assert!(emulator.requests().is_sorted_by_key(|request| request.at_ms));
    assert_eq!(emulator.accepted().len(), 1);
}

async fn waits(emulator: &Emulator) -> (bool, bool) {
    let moment = Duration::from_millis(50);
    (
        timeout(moment, emulator.wait_for_requests(2)).await.is_err(),
        timeout(moment, emulator.wait_for_accepted(2)).await.is_err(),
    )
}

#[tokio::test]
async fn waiting_ends_with_enough_requests() {
    let emulator = start().await;
    apple(&emulator).send().await;
    assert_eq!(waits(&emulator).await, (true, true));
    apple(&emulator).body("no json").send().await;
    assert_eq!(waits(&emulator).await, (false, true));
    let last = apple(&emulator);
    let (accepted, _) = tokio::join!(emulator.wait_for_accepted(2), last.send());
    assert_eq!(accepted.len(), 2);
    assert_eq!(timeout(SOON, emulator.wait_for_requests(3)).await.unwrap().len(), 3);

    emulator.clear();
    assert!(emulator.requests().is_empty());
    assert_eq!(waits(&emulator).await, (true, true));
}

#[tokio::test]
async fn a_request_that_was_cleared_while_held_back_does_not_come_back() {
    let emulator = start().await;
    emulator.add_fault(Fault::default().delay_ms(200));
    let held = apple(&emulator);
    let ((), status) = tokio::join!(
        async {
            emulator.wait_for_requests(1).await;
            emulator.clear();
            apple(&emulator).body("no json").send().await;
        },
        held.status()
    );
    assert_eq!(status, 201);
    // Its answer does not count for the request that was recorded after the clearing.
    let statuses: Vec<_> = emulator.requests().iter().map(|request| request.status).collect();
    assert_eq!(statuses, [Some(400)]);
    apple(&emulator).send().await;
    assert_eq!(timeout(SOON, emulator.wait_for_accepted(1)).await.unwrap().len(), 1);
}
