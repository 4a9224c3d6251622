//! What the hub and the network do wrong, and what becomes of the event then.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use notification_hubs_emulator::{Action, Emulator, Fault, Options, Right, Rule};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::*;

/// The least deadline there is, so that tests of failures end soon.
const SHORT: (&str, &str) = ("DELIVERY_DEADLINE_SECONDS", "5");

async fn app_with_phone(settings: &[(&str, &str)]) -> App {
    let app = App::with(settings).await;
    app.register("iphone", json!({"phoneNumbers": ["15551234567"], "platform": "apns", "pushChannel": IPHONE})).await;
    app
}

#[tokio::test]
async fn a_temporary_failure_is_retried_until_it_passes() {
    for fault in [
        Fault::status(408),
        Fault::status(429),
        Fault::status(429).retry_after("1"),
        Fault::status(403).retry_after("1"),
        Fault::status(500),
        Fault::status(502),
        Fault::status(503).retry_after("1"),
        Fault::status(504),
        Fault::action(Action::ResetBeforeBody),
        Fault::action(Action::ResetAfterBody),
    ] {
        let app = app_with_phone(&[]).await;
        app.hub.add_fault(fault.clone().times(2));
        let line = app.deliver(&sms("e1", "15551234567", "Hello")).await;
        assert_eq!(line["outcome"], "delivered", "{fault:?}");
        assert_eq!(app.hub.accepted().len(), 1, "{fault:?}");
        assert_eq!(app.hub.requests().len(), 3, "{fault:?}");
    }
}

#[tokio::test]
async fn a_lasting_failure_fails_the_event_within_the_deadline() {
    for fault in
        [Fault::status(503), Fault::status(429), Fault::action(Action::ResetAfterBody), Fault::action(Action::Stall)]
    {
        let app = app_with_phone(&[SHORT]).await;
        app.hub.add_fault(fault.clone().always());
        let started = Instant::now();
        let reply = app.invoke(&sms("e1", "15551234567", "Hello")).await;
        assert_eq!((reply.status, app.count("failed").await), (500, 1), "{fault:?}");
        assert!(started.elapsed() < Duration::from_secs(10), "{fault:?} took {:?}", started.elapsed());
    }
}

#[tokio::test]
async fn a_wait_that_does_not_fit_the_deadline_fails_at_once_and_pauses_the_hub_for_all() {
    let app = app_with_phone(&[SHORT]).await;
    app.hub.add_fault(Fault::status(429).retry_after("30"));
    let started = Instant::now();
    assert_eq!(app.invoke(&sms("e1", "15551234567", "Hello")).await.status, 500);
    assert_eq!(app.invoke(&sms("e2", "15551234567", "Hello")).await.status, 500);
    assert!(started.elapsed() < Duration::from_secs(2));
    assert_eq!(app.hub.requests().len(), 1, "the second event asked a hub that wanted silence");
}

#[tokio::test]
async fn a_retry_after_is_obeyed_as_a_number_and_as_a_date() {
    let in_four_seconds =
        || (chrono::Utc::now() + TimeDelta::seconds(4)).format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    // A date has whole seconds, so up to one of the four is lost.
    for (value, least) in [(None, 1900), (Some(in_four_seconds), 2900)] {
        let app = app_with_phone(&[]).await;
        let value = value.map_or("2".to_owned(), |date| date());
        app.hub.add_fault(Fault::status(503).retry_after(&value));
        app.deliver(&sms("e1", "15551234567", "Hello")).await;
        let requests = app.hub.requests();
        let waited = requests[1].at_ms - requests[0].at_ms;
        assert!(waited >= least, "{value}: {waited} ms");
    }
}

#[tokio::test]
async fn an_acceptance_whose_body_never_comes_is_an_acceptance() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint =
        format!("Endpoint=http://{}/;SharedAccessKeyName=n;SharedAccessKey=k", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    tokio::spawn(async move {
        loop {
            let (mut connection, _) = listener.accept().await.unwrap();
            counter.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(async move {
                let mut request = [0; 4096];
                let _ = connection.read(&mut request).await;
                let _ = connection.write_all(b"HTTP/1.1 201 Created\r\nContent-Length: 10\r\n\r\n").await;
                std::future::pending::<()>().await;
            });
        }
    });
    let app = app_with_phone(&[SHORT, ("NOTIFICATION_HUB_CONNECTION_STRING", &endpoint)]).await;
    assert_eq!(app.deliver(&sms("e1", "15551234567", "Hello")).await["outcome"], "delivered");
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn an_invocation_is_finished_when_the_host_closes_its_connection() {
    let body = envelope(&sms("e1", "15551234567", "Hello")).to_string();
    let request = format!("POST /EventGridTrigger HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    for is_reset in [false, true] {
        let app = app_with_phone(&[]).await;
        app.hub.add_fault(Fault::status(503).retry_after("1"));
        let mut connection = TcpStream::connect(app.url("").trim_start_matches("http://")).await.unwrap();
        connection.write_all(request.as_bytes()).await.unwrap();
        app.hub.wait_for_requests(1).await;
        if is_reset {
            connection.set_zero_linger().unwrap();
        }
        drop(connection);
        // Not even to stop is a reason to leave it.
        let hub = app.stop().await;
        assert_eq!(hub.accepted().len(), 1, "reset: {is_reset}");
    }
}

#[tokio::test]
async fn a_retry_after_in_milliseconds_goes_before_one_in_seconds() {
    let app = app_with_phone(&[SHORT]).await;
    app.hub.add_fault(Fault::status(503).retry_after("60").header("retry-after-ms", "1200"));
    assert_eq!(app.deliver(&sms("e1", "15551234567", "Hello")).await["outcome"], "delivered");
    let requests = app.hub.requests();
    assert!(requests[1].at_ms - requests[0].at_ms >= 1190, "{requests:?}");
}

#[tokio::test]
async fn a_call_overtakes_the_messages_that_wait_for_the_hub() {
    let app = App::with(&[("HUB_MAX_IN_FLIGHT", "2"), ("NOTIFICATION_HUB_VOIP_NAME", "")]).await;
    app.register_android(BOB).await;
    app.hub.add_fault(Fault::action(Action::Pass).delay_ms(100).always());
    let batch: Vec<_> = (0..20)
        .map(|index| chat(&format!("e{index}"), "ChatMessageReceived", &format!("m{index}"), 1, "Hello"))
        .collect();
    let call = async {
        app.hub.wait_for_requests(2).await;
        app.deliver(&call("call", "d732db64-4803-462d-be9c-518943ea2b7a")).await
    };
    let batch = json!(batch);
    let (reply, line) = tokio::join!(app.invoke(&batch), call);
    assert_eq!((reply.status, &line["outcome"]), (200, &json!("delivered")));
    let place = app.hub.requests().iter().position(|request| request.body.contains("eventId")).unwrap();
    assert!(place <= 4, "the call was request number {place} of 20");
}

#[tokio::test]
async fn an_event_that_grows_old_between_attempts_expires() {
    let app = App::start().await;
    app.register_android(BOB).await;
    app.hub.add_fault(Fault::status(503).retry_after("5").always());
    let mut event = call("e1", "d732db64-4803-462d-be9c-518943ea2b7a");
    event["eventTime"] = json!(ago(TimeDelta::seconds(26)));
    assert_eq!(app.deliver(&event).await["outcome"], "expired");
    assert_eq!(app.hub.requests().len(), 1);
}

#[tokio::test]
async fn a_hub_without_credentials_for_the_platform_fails_the_event() {
    let app = app_with_phone(&[]).await;
    app.hub.add_fault(Fault::action(Action::Status {
        status: 400,
        retry_after: None,
        headers: [].into(),
        body: Some("<Error><Code>400</Code><Detail>The hub has no credentials for apple</Detail></Error>".to_owned()),
    }));
    let event = sms("e1", "15551234567", "Hello");
    assert_eq!(app.invoke(&event).await.status, 500);
    assert_eq!(app.deliver(&event).await["outcome"], "delivered");
}

#[tokio::test]
async fn a_second_apps_hub_never_fails_the_event() {
    for status in [401, 403, 404, 400] {
        let app = App::with(&[("NOTIFICATION_HUB_SANDBOX_NAME", SANDBOX_HUB)]).await;
        app.register_android(BOB).await;
        app.register("iphone", json!({"userId": BOB, "platform": "apns", "pushChannel": IPHONE, "app": "sandbox"}))
            .await;
        app.hub.add_fault(Fault::status(status).on_hub(SANDBOX_HUB).always());
        let line = app.deliver(&chat("e1", "ChatMessageReceived", "m1", 1, "Hello")).await;
        assert_eq!(
            (&line["outcome"], &line["delivered"], &line["refused"]),
            (&json!("delivered"), &json!(1), &json!(1))
        );
    }
}

#[tokio::test]
async fn the_secondary_connection_string_serves_when_the_first_is_refused() {
    let hub = emulator().await;
    let secondary = hub.connection_string();
    let first = secondary.replace("SharedAccessKey=", "SharedAccessKey=0");
    let settings = [
        ("NOTIFICATION_HUB_CONNECTION_STRING", first.as_str()),
        ("NOTIFICATION_HUB_SECONDARY_CONNECTION_STRING", secondary.as_str()),
    ];
    let app = App::beside(hub, &settings).await;
    app.register("iphone", json!({"phoneNumbers": ["15551234567"], "platform": "apns", "pushChannel": IPHONE})).await;
    assert_eq!(app.deliver(&sms("e1", "15551234567", "Hello")).await["outcome"], "delivered");
    let asked = app.hub.requests().len();
    assert_eq!(app.deliver(&sms("e2", "15551234567", "Hello")).await["outcome"], "delivered");
    assert_eq!(app.hub.requests().len(), asked + 1, "the key that works goes first from now on");
}

#[tokio::test]
async fn sas_tokens_follow_the_hubs_clock_when_ours_differs() {
    let app = app_with_phone(&[]).await;
    let fault = Fault::status(401).header("Date", "Sun, 22 Nov 2037 10:00:00 GMT");
    app.hub.add_fault(fault);
    assert_eq!(app.deliver(&sms("e1", "15551234567", "Hello")).await["outcome"], "delivered");
    let authorization = app.hub.accepted()[0].headers["authorization"].clone();
    let expires_at: i64 = authorization.split("se=").nth(1).unwrap().split('&').next().unwrap().parse().unwrap();
    let hubs_time = chrono::DateTime::parse_from_rfc3339("2037-11-22T10:00:00Z").unwrap().timestamp();
    assert!((hubs_time + 3500..hubs_time + 3700).contains(&expires_at), "{expires_at}");
}

#[tokio::test]
async fn a_rule_that_may_not_send_fails_the_event() {
    let rule = Rule { rights: vec![Right::Listen], ..Rule::default() };
    let hub = Emulator::start(Options { rules: vec![rule], ..Options::default() }).await.unwrap();
    let name = hub.hub_name();
    let app = App::beside(hub, &[("NOTIFICATION_HUB_NAME", &name)]).await;
    app.register("iphone", json!({"phoneNumbers": ["15551234567"], "platform": "apns", "pushChannel": IPHONE})).await;
    assert_eq!(app.invoke(&sms("e1", "15551234567", "Hello")).await.status, 500);
}

#[tokio::test]
async fn a_hub_that_is_not_there_fails_the_event_and_a_repeat_finds_it_again() {
    let gone = Emulator::start(Options::default()).await.unwrap();
    let (port, name, connection_string) = (gone.port(), gone.hub_name(), gone.connection_string());
    gone.stop().await;
    let app = app_with_phone(&[
        SHORT,
        ("NOTIFICATION_HUB_CONNECTION_STRING", &connection_string),
        ("NOTIFICATION_HUB_NAME", &name),
    ])
    .await;
    assert_eq!(app.invoke(&sms("e1", "15551234567", "Hello")).await.status, 500);
    let back = Emulator::start(Options { port, ..Options::default() }).await.unwrap();
    assert_eq!(app.deliver(&sms("e1", "15551234567", "Hello")).await["outcome"], "delivered");
    assert_eq!(back.accepted().len(), 1);
}

#[tokio::test]
async fn no_more_requests_are_under_way_than_the_setting_allows() {
    let app = app_with_phone(&[("HUB_MAX_IN_FLIGHT", "3")]).await;
    app.hub.add_fault(Fault::action(Action::Pass).delay_ms(50).always());
    let batch: Vec<_> = (0..12).map(|index| sms(&format!("e{index}"), "15551234567", "Hello")).collect();
    let started = Instant::now();
    assert_eq!(app.invoke(&json!(batch)).await.status, 200);
    assert!(
        started.elapsed() >= Duration::from_millis(200),
        "twelve requests, three at a time: {:?}",
        started.elapsed()
    );
    let arrivals: Vec<u64> = app.hub.requests().iter().map(|request| request.at_ms).collect();
    for window in arrivals.windows(4) {
        assert!(window[3] - window[0] >= 45, "four within 50 ms: {arrivals:?}");
    }
}
