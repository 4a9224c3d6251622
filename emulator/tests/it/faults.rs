//! Scripted faults as a client sees them.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::time::{Duration, Instant};

use notification_hubs_emulator::{Action, Emulator, Fault, HubOptions, Options};
use tokio::time::timeout;

use crate::client::{apple, fcm, io_kind, start};

const SOON: Duration = Duration::from_secs(5);
const A_MOMENT: Duration = Duration::from_millis(200);

async fn statuses(emulator: &Emulator, count: usize) -> Vec<u16> {
    let mut statuses = Vec::new();
    for _ in 0..count {
        statuses.push(apple(emulator).status().await);
    }
    statuses
}

async fn is_reset(emulator: &Emulator) {
    let error = apple(emulator).try_send().await.unwrap_err();
    assert_eq!(io_kind(&error), Some(ErrorKind::ConnectionReset), "{error:?}");
}

#[tokio::test]
async fn a_scripted_status_is_answered_once_with_the_error_xml_of_the_service() {
    let emulator = start().await;
    emulator.add_fault(Fault::status(503));
    assert_eq!(apple(&emulator).refusal().await, (503, "Service Unavailable".to_owned()));
    let request = &emulator.requests()[0];
    assert_eq!(request.status, Some(503));
    assert_eq!(request.reason.as_deref(), Some("fault: status 503"));
    assert!(emulator.accepted().is_empty());
    assert_eq!(apple(&emulator).status().await, 201);

    emulator.add_fault(Fault::status(500));
    assert_eq!(apple(&emulator).refusal().await.1, "50002: Provider Internal Error");
}

#[tokio::test]
async fn a_scripted_status_may_have_headers_and_a_body() {
    let emulator = start().await;
    let date = "Thu, 01 Jan 2026 00:00:00 GMT";
    emulator.add_fault(Fault::status(429).retry_after("7").header("Date", date));
    let response = apple(&emulator).send().await;
    assert_eq!(response.status(), 429);
    assert_eq!(response.headers()["retry-after"], "7");
    assert_eq!(response.headers()["date"], date);

    emulator.add_fault(Fault::action(Action::Status {
        status: 403,
        retry_after: None,
        headers: BTreeMap::from([("content-type".to_owned(), "text/plain".to_owned())]),
        body: Some("go away".to_owned()),
    }));
    let response = apple(&emulator).send().await;
    assert_eq!(
        (response.status().as_u16(), &response.headers()["content-type"]),
        (403, &"text/plain".parse().unwrap())
    );
    assert_eq!(response.text().await.unwrap(), "go away");
}

#[tokio::test]
async fn retry_after_may_be_a_date_counted_from_the_answer() {
    let emulator = start().await;
    emulator.add_fault(Fault::status(503).retry_after("date:3600"));
    let response = apple(&emulator).send().await;
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    // Both are `Sun, 06 Nov 1994 08:49:37 GMT`.
    let second_of_the_day = |date: &str| {
        let numbers: Vec<u32> = date[17..25].split(':').map(|number| number.parse().unwrap()).collect();
        numbers.iter().fold(0, |seconds, number| seconds * 60 + number)
    };
    let (date, retry_after) = (header("date"), header("retry-after"));
    assert!(retry_after.len() == 29 && retry_after.ends_with(" GMT"), "{retry_after}");
    let wait = (86_400 + second_of_the_day(&retry_after) - second_of_the_day(&date)) % 86_400;
    assert!((3598..=3602).contains(&wait), "{date} {retry_after}");
}

#[tokio::test]
async fn a_scripted_status_is_answered_before_any_check() {
    let emulator = start().await;
    emulator.add_fault(Fault::status(503).always());
    assert_eq!(apple(&emulator).without("Authorization").status().await, 503);
    assert_eq!(apple(&emulator).target("/other/messages").status().await, 503);
}

#[tokio::test]
async fn a_fault_skips_counts_and_selects_requests() {
    let emulator = start().await;
    emulator.add_fault(Fault::status(503).skip(1).times(2));
    assert_eq!(statuses(&emulator, 4).await, [201, 503, 503, 201]);
    emulator.add_fault(Fault::status(503).always().percent(50));
    assert_eq!(statuses(&emulator, 4).await, [201, 503, 201, 503]);
    emulator.clear_faults();
    emulator.add_fault(Fault::status(503).always().every_nth(3));
    assert_eq!(statuses(&emulator, 6).await, [201, 201, 503, 201, 201, 503]);
    emulator.clear_faults();
    emulator.add_fault(Fault::status(502).times(2));
    emulator.add_fault(Fault::status(504).always());
    assert_eq!(statuses(&emulator, 4).await, [502, 502, 504, 504]);
    emulator.clear();
    assert_eq!(statuses(&emulator, 1).await, [201]);
}

#[tokio::test]
async fn a_fault_may_apply_to_one_hub_or_one_device() {
    let hubs = vec![HubOptions::new("a"), HubOptions::new("b")];
    let emulator = Emulator::start(Options { hubs, ..Options::default() }).await.unwrap();
    emulator.add_fault(Fault::status(503).always().on_hub("b"));
    let to = |hub: &str| fcm(&emulator).target(&format!("/{hub}/messages?direct&api-version=2020-06"));
    assert_eq!((to("a").status().await, to("b").status().await), (201, 503));
    emulator.clear_faults();
    emulator.add_fault(Fault::status(500).always().on_device("bad"));
    let handle = |handle| to("a").header("ServiceBusNotification-DeviceHandle", handle);
    assert_eq!((handle("good").status().await, handle("bad").status().await), (201, 500));
}

#[tokio::test]
async fn a_delayed_request_is_handled_after_the_delay() {
    let emulator = start().await;
    emulator.add_fault(Fault::action(Action::Pass).delay_ms(300));
    let started = Instant::now();
    let send = apple(&emulator);
    let (status, held) = tokio::join!(send.status(), emulator.wait_for_requests(1));
    assert_eq!(held[0].status, None, "recorded on arrival");
    assert_eq!(status, 201);
    assert!(started.elapsed() >= Duration::from_millis(300));
    assert_eq!(emulator.requests()[0].status, Some(201));
}

#[tokio::test]
async fn a_client_that_gives_up_during_a_delay_is_recorded_as_such() {
    let emulator = start().await;
    emulator.add_fault(Fault::action(Action::Pass).delay_ms(60_000));
    let mut settled = emulator.subscribe();
    assert!(timeout(A_MOMENT, apple(&emulator).try_send()).await.is_err());
    let request = timeout(SOON, settled.recv()).await.unwrap().unwrap();
    assert_eq!(request.status, None);
    assert_eq!(request.reason.as_deref(), Some("the connection ended before the answer"));
}

#[tokio::test]
async fn a_reset_before_the_body_does_not_read_it() {
    let emulator = start().await;
    emulator.add_fault(Fault::action(Action::ResetBeforeBody));
    is_reset(&emulator).await;
    let request = &emulator.requests()[0];
    assert_eq!((request.status, request.body.as_str()), (None, ""));
    assert_eq!(request.reason.as_deref(), Some("fault: reset before the body"));
    assert_eq!(statuses(&emulator, 1).await, [201]);
}

#[tokio::test]
async fn a_reset_after_the_body_records_the_body() {
    let emulator = start().await;
    emulator.add_fault(Fault::action(Action::ResetAfterBody).delay_ms(50));
    is_reset(&emulator).await;
    let request = &emulator.requests()[0];
    assert_eq!(request.status, None);
    assert_eq!(request.body, apple(&emulator).body);
    assert_eq!(request.reason.as_deref(), Some("fault: reset after the body"));
    assert!(emulator.accepted().is_empty());
}

#[tokio::test]
async fn an_accepted_request_may_lose_its_answer() {
    let emulator = start().await;
    emulator.add_fault(Fault::action(Action::AcceptThenReset).times(2));
    is_reset(&emulator).await;
    let request = &emulator.accepted()[0];
    assert_eq!(request.status, Some(201));
    assert!(request.notification_id.is_some());
    assert_eq!(request.reason.as_deref(), Some("fault: reset before the answer"));

    // An invalid send is refused, with or without an answer.
    let bad = apple(&emulator).body("no json");
    assert_eq!(io_kind(&bad.try_send().await.unwrap_err()), Some(ErrorKind::ConnectionReset));
    assert_eq!(emulator.requests()[1].status, Some(400));
}

#[tokio::test]
async fn an_accepted_request_may_be_answered_late_or_never() {
    let emulator = start().await;
    emulator.add_fault(Fault::action(Action::AcceptThenDelay).delay_ms(300));
    emulator.add_fault(Fault::action(Action::AcceptThenStall));
    let started = Instant::now();
    let send = apple(&emulator);
    let (status, accepted) = tokio::join!(send.status(), emulator.wait_for_accepted(1));
    assert_eq!(status, 201);
    assert!(started.elapsed() >= Duration::from_millis(300));
    assert_eq!(accepted[0].reason.as_deref(), Some("fault: late answer"));
    // Accepted on arrival, not with the answer.
    assert!(accepted[0].settled_at_ms.unwrap() < accepted[0].at_ms + 300, "{accepted:?}");

    let waiting = tokio::spawn(async move { send.try_send().await });
    let accepted = timeout(SOON, emulator.wait_for_accepted(2)).await.unwrap();
    assert_eq!(accepted[1].reason.as_deref(), Some("fault: stall before the answer"));
    assert!(accepted[1].notification_id.is_some() && !waiting.is_finished());
    emulator.stop().await;
    assert!(timeout(SOON, waiting).await.unwrap().unwrap().is_err());
}

#[tokio::test]
async fn a_connection_may_be_reset_after_its_answer() {
    let emulator = start().await;
    emulator.add_fault(Fault::action(Action::ResetAfterAnswer).times(50));
    // Each on its own connection: the reset never destroys the answer.
    assert_eq!(statuses(&emulator, 50).await, [201; 50]);
    assert_eq!(emulator.accepted()[0].reason.as_deref(), Some("fault: reset after the answer"));
}

#[tokio::test]
async fn a_body_may_be_sent_slowly_after_its_headers() {
    let emulator = start().await;
    emulator.add_fault(Fault::action(Action::SlowBody { bytes: 1, interval_ms: 60_000 }));
    emulator.add_fault(Fault::action(Action::SlowBody { bytes: 4, interval_ms: 100 }));
    emulator.add_fault(Fault::action(Action::SlowBody { bytes: 1, interval_ms: 0 }));
    let response = timeout(SOON, apple(&emulator).send()).await.unwrap();
    assert_eq!((response.status().as_u16(), &response.headers()["content-length"]), (201, &"1".parse().unwrap()));
    assert!(timeout(A_MOMENT, response.text()).await.is_err(), "a minute per byte");
    let started = Instant::now();
    assert_eq!(apple(&emulator).send().await.text().await.unwrap(), "    ");
    assert!(started.elapsed() >= Duration::from_millis(400));
    assert_eq!(emulator.accepted()[0].reason.as_deref(), Some("fault: slow body"));
    // A refusal is sent slowly, too, with its own text.
    let (status, detail) = apple(&emulator).body("no json").refusal().await;
    assert!(status == 400 && detail.contains("payload is invalid"), "{detail}");
}

#[tokio::test]
async fn a_stalled_request_is_never_answered_until_the_emulator_stops() {
    let emulator = start().await;
    emulator.add_fault(Fault::action(Action::Stall));
    let send = apple(&emulator);
    let waiting = tokio::spawn(async move { send.try_send().await });
    let mut settled = emulator.subscribe();
    let request = timeout(SOON, settled.recv()).await.unwrap().unwrap();
    assert_eq!((request.status, request.reason.as_deref()), (None, Some("fault: stall")));
    assert_eq!(statuses(&emulator, 1).await, [201]);
    assert!(!waiting.is_finished());
    emulator.stop().await;
    assert!(timeout(SOON, waiting).await.unwrap().unwrap().is_err());
}
