//! What the push services report as dead goes from the register: those handles, and no others.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::stream::{self, StreamExt};
use notification_hubs_emulator::{DeviceState, Emulator, Fault, HubOptions, Options, Right, Rule};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::binary::{Process, documents};
use crate::support::*;

const START: &str = "2026-11-27T10:00:00Z";

/// After the registrations, and after what is PUT later.
const REPORTED: &str = "2026-11-27T11:00:00.1234567Z";
const RENEWED: &str = "2026-11-27T12:00:00Z";
const LATER: &str = "2026-11-27T13:00:00Z";

/// The usual namespace, with a rule of each hub that may Manage, and nothing else.
pub async fn emulator_with_feedback() -> Emulator {
    let hub = |name: &str, bundle_id: Option<&str>| {
        let (primary_key, secondary_key) = ("manage-key".to_owned(), "second-manage-key".to_owned());
        let manage = Rule { name: "Manage".to_owned(), primary_key, secondary_key, rights: vec![Right::Manage] };
        HubOptions {
            rules: vec![Rule::send_only(format!("key-of-{name}"), format!("second-key-of-{name}")), manage],
            bundle_id: bundle_id.map(str::to_owned),
            ..HubOptions::new(name)
        }
    };
    let hubs = vec![hub(HUB, None), hub(VOIP_HUB, Some("com.example.app.voip")), hub(SANDBOX_HUB, None)];
    Emulator::start(Options { hubs, rules: Vec::new(), ..Options::default() }).await.unwrap()
}

/// The connection string that may Manage.
pub fn manage(hub: &Emulator) -> String {
    format!("Endpoint={}/;SharedAccessKeyName=Manage;SharedAccessKey=manage-key", hub.url())
}

async fn app(clock: &TestClock, more: &[(&str, &str)]) -> App {
    let hub = emulator_with_feedback().await;
    let manage = manage(&hub);
    let settings = [&[("NOTIFICATION_HUB_MANAGE_CONNECTION_STRING", manage.as_str())], more].concat();
    App::beside_by_clock(hub, clock, &settings).await
}

/// A line of a hub's feedback, as Microsoft documents it.
pub fn report(error: &str, handle: &str, time: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-16\"?><PnsFeedback xmlns:i=\"http://www.w3.org/2001/XMLSchema-instance\" \
         xmlns=\"http://schemas.microsoft.com/netservices/2010/10/servicebus/connect\"><FeedbackTime>{time}</FeedbackTime>\
         <NotificationSystemError>{error}</NotificationSystemError><Platform>apple</Platform>\
         <PnsHandle>{handle}</PnsHandle><NotificationId>NH-1</NotificationId></PnsFeedback>\n"
    )
}

fn token(number: usize) -> String {
    format!("{number:064x}")
}

fn voip_token(number: usize) -> String {
    format!("{number:0>64}", number = format!("c0{number:x}"))
}

/// Phones of those numbers, each of a user of its own. Those in `rings` have a handle for calls, too.
async fn register(app: &App, numbers: impl IntoIterator<Item = usize>, rings: impl Fn(usize) -> bool) {
    let puts = numbers.into_iter().map(|number| {
        let mut phone =
            json!({"userId": format!("8:acs:r_{number}"), "platform": "apns", "pushChannel": token(number)});
        if rings(number) {
            phone["voipPushChannel"] = json!(voip_token(number));
        }
        async move { app.register(&format!("phone-{number}"), phone).await }
    });
    stream::iter(puts).buffer_unordered(32).collect::<()>().await;
}

/// Of the phones of those numbers, the ones that are registered, with what GET shows.
async fn registered(app: &App, numbers: impl IntoIterator<Item = usize>) -> Vec<(usize, Value)> {
    let gets = numbers.into_iter().map(|number| async move {
        let reply = app.get(&format!("/api/installations/phone-{number}")).await;
        assert!(matches!(reply.status, 200 | 404), "{reply:?}");
        (reply.status == 200).then(|| (number, reply.json()))
    });
    let mut found: Vec<_> = stream::iter(gets).buffer_unordered(32).filter_map(async |found| found).collect().await;
    found.sort_by_key(|(number, _)| *number);
    found
}

async fn maintain(app: &App) -> Value {
    let timer = json!({"Data": {"timer": {"IsPastDue": false}}, "Metadata": {}});
    let reply = Reply::of(app.request(reqwest::Method::POST, "/Maintenance").body(timer.to_string())).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.log_lines().remove(0)["maintenance"].take()
}

async fn removed(app: &App) -> Value {
    maintain(app).await["dead_handles"].take()
}

/// What `Status` tells of the hub for alerts.
async fn told(app: &App) -> Value {
    app.status().await["feedback"][0].take()
}

#[tokio::test]
async fn of_ten_thousand_phones_exactly_those_go_that_were_reported_and_not_renewed_since() {
    let clock = TestClock::at(START);
    let app = app(&clock, &[]).await;
    register(&app, 0..10_000, |number| (280..400).contains(&number)).await;
    // 300 are reported, some twice, with an older report last, and in upper case as Apple's tools write them.
    for number in 0..290 {
        app.hub.add_feedback(HUB, &report("ExpiredChannel", &token(number).to_uppercase(), REPORTED));
    }
    for number in 200..220 {
        app.hub.add_feedback(HUB, &report("BadChannel", &token(number), "2026-11-20T00:00:00Z"));
    }
    for number in 290..300 {
        app.hub.add_feedback(VOIP_HUB, &report("BadChannel", &voip_token(number), REPORTED));
    }
    // Nobody's handles, other errors, a handle at the hub that does not push to it, and what is no report.
    for number in 20_000..20_400 {
        app.hub.add_feedback(HUB, &report("ExpiredChannel", &token(number), REPORTED));
    }
    for (number, error) in (450..).zip(["UnknownError", "InvalidCredentials", "ChannelThrottled", "PnsUnavailable"]) {
        app.hub.add_feedback(HUB, &report(error, &token(number), REPORTED));
    }
    app.hub.add_feedback(VOIP_HUB, &report("ExpiredChannel", &token(500), REPORTED));
    app.hub.add_feedback(HUB, "garbage\n<PnsFeedback>\n\n");
    // Since then, 50 came again as they were, and 30 with another token; 20 others were registered a moment before.
    clock.set(RENEWED);
    register(&app, 0..50, |_| false).await;
    for number in 50..80 {
        let phone =
            json!({"userId": format!("8:acs:r_{number}"), "platform": "apns", "pushChannel": token(90_000 + number)});
        app.register(&format!("phone-{number}"), phone).await;
    }
    for number in 600..620 {
        app.hub.add_feedback(HUB, &report("ExpiredChannel", &token(number), "2026-11-27T10:04:59Z"));
    }

    clock.set(LATER);
    assert_eq!(removed(&app).await, 290 - 80 + 10);
    let left: Vec<_> = registered(&app, 0..10_000).await;
    let gone: BTreeSet<usize> = (80..280).collect();
    assert_eq!(left.len(), 10_000 - gone.len());
    assert!(left.iter().all(|(number, _)| !gone.contains(number)));
    // Of two handles only the one that was reported is gone.
    for (number, phone) in left {
        let (alerts, calls) = (phone["pushChannel"].is_string(), phone["voipPushChannel"].is_string());
        let expected = match number {
            280..290 => (false, true),
            300..400 => (true, true),
            _ => (true, false),
        };
        assert_eq!((alerts, calls), expected, "{number}: {phone}");
    }
    let told = told(&app).await;
    assert_eq!((&told["hub"], &told["removed"], &told["problem"]), (&json!(HUB), &json!(210), &Value::Null), "{told}");
    // The next run reads what is new, and nothing else.
    assert_eq!(removed(&app).await, Value::Null);
    app.hub.add_feedback(HUB, &report("WrongToken", &token(700), REPORTED));
    assert_eq!(removed(&app).await, 1);
    assert!(registered(&app, [700]).await.is_empty());
    // Who comes back is there again.
    register(&app, [80, 285], |number| number == 285).await;
    assert_eq!(registered(&app, [80, 285]).await.len(), 2);
    assert!(registered(&app, [285]).await[0].1["pushChannel"].is_string());
}

#[tokio::test]
async fn of_too_many_nothing_is_removed_until_enough_are_renewed() {
    let clock = TestClock::at(START);
    let app = app(&clock, &[("NOTIFICATION_HUB_VOIP_NAME", "")]).await;
    register(&app, 0..500, |_| false).await;
    for number in 0..300 {
        app.hub.add_feedback(HUB, &report("BadChannel", &token(number), REPORTED));
    }
    clock.set(LATER);
    assert_eq!(removed(&app).await, Value::Null);
    assert_eq!(registered(&app, 0..500).await.len(), 500);
    let problem = told(&app).await["problem"].take();
    assert_eq!(problem["code"], "too_many_dead");
    let reason = problem["reason"].as_str().unwrap();
    assert!(reason.contains("300 device tokens") && reason.contains("of 500 installations"), "{reason}");

    // The hub has the right credentials again, and the apps were started. It is asked again in an hour.
    register(&app, 0..200, |_| false).await;
    clock.set("2026-11-27T13:50:00Z");
    let asked = app.hub.requests().len();
    assert_eq!(removed(&app).await, Value::Null);
    assert_eq!(app.hub.requests().len(), asked);
    clock.set("2026-11-27T14:00:00Z");
    assert_eq!(removed(&app).await, 100);
    assert_eq!(registered(&app, 0..500).await.len(), 400);
    assert_eq!(told(&app).await["problem"], Value::Null);

    // What was removed within a day counts together, whatever the number of runs.
    app.hub.add_feedback(HUB, &report("BadChannel", &token(300), REPORTED));
    clock.set("2026-11-27T15:00:00Z");
    assert_eq!(removed(&app).await, Value::Null);
    assert_eq!(told(&app).await["problem"]["code"], "too_many_dead");
    clock.set("2026-11-28T14:00:01Z");
    assert_eq!(removed(&app).await, 1);
}

#[tokio::test]
async fn a_share_is_one_of_those_that_the_hub_reaches() {
    let clock = TestClock::at(START);
    let app = app(&clock, &[]).await;
    register(&app, 0..100, |number| number < 10).await;
    for number in 0..10 {
        app.hub.add_feedback(VOIP_HUB, &report("BadChannel", &voip_token(number), REPORTED));
    }
    clock.set(LATER);
    assert_eq!(removed(&app).await, Value::Null);
    let feedback = app.status().await["feedback"].take();
    assert_eq!((&feedback[0]["problem"], &feedback[1]["problem"]["code"]), (&Value::Null, &json!("too_many_dead")));
    assert!(registered(&app, 0..10).await.iter().all(|(_, phone)| phone["voipPushChannel"].is_string()));
}

#[tokio::test]
async fn a_push_to_a_dead_token_is_delivered_and_maintenance_takes_the_phone_out() {
    let clock = TestClock::at(&ago(TimeDelta::hours(2)));
    let app = app(&clock, &[]).await;
    app.register_iphone(BOB).await;
    clock.set(&ago(TimeDelta::zero()));
    app.hub.set_device(IPHONE, DeviceState::Unregistered);
    assert_eq!(app.deliver(&chat("e1", "ChatMessageReceived", "m1", 1, "Hello")).await["outcome"], "delivered");
    assert_eq!(removed(&app).await, 1);
    // It rings, and shows nothing.
    let line = app.deliver(&chat("e2", "ChatMessageReceived", "m2", 1, "Hello")).await;
    assert_eq!((&line["outcome"], &line["code"]), (&json!("no_device"), &json!("no_push_channel")), "{line}");
    let line = app.deliver(&call("e3", "d732db64-4803-462d-be9c-518943ea2b7a")).await;
    assert_eq!((&line["outcome"], &line["code"]), (&json!("delivered"), &json!("delivered")), "{line}");
    // Where it cannot ring, there is no alert in its place either.
    app.hub.add_fault(Fault::status(401).on_hub(VOIP_HUB).times(2));
    let line = app.deliver(&call("e4", "e732db64-4803-462d-be9c-518943ea2b7a")).await;
    assert_eq!(line["outcome"], "dead_lettered", "{line}");
    // Then the handle for calls is dead, too.
    app.hub.set_device(IPHONE_VOIP, DeviceState::Expired);
    app.deliver(&call("e5", "f732db64-4803-462d-be9c-518943ea2b7a")).await;
    assert_eq!(removed(&app).await, 1);
    assert_eq!(app.get("/api/installations/iphone").await.status, 404);
    let line = app.deliver(&chat("e6", "ChatMessageReceived", "m3", 1, "Hello")).await;
    assert_eq!(line["code"], "no_installation", "{line}");
}

#[tokio::test]
async fn each_hub_reports_of_its_own_apps_handles_only() {
    let clock = TestClock::at(START);
    let app = app(&clock, &[("NOTIFICATION_HUB_SANDBOX_NAME", SANDBOX_HUB)]).await;
    let phone = |user: &str, handle: usize| json!({"userId": format!("8:acs:{user}"), "platform": "apns", "pushChannel": token(handle)});
    app.register("one", phone("a", 1)).await;
    let mut sandbox = phone("b", 2);
    sandbox["app"] = json!("sandbox");
    app.register("two", sandbox).await;
    app.hub.add_feedback(
        SANDBOX_HUB,
        &(report("BadChannel", &token(1), REPORTED) + &report("BadChannel", &token(2), REPORTED)),
    );
    clock.set(LATER);
    assert_eq!(removed(&app).await, 1);
    let status = async |id: &str| app.get(&format!("/api/installations/{id}")).await.status;
    assert_eq!((status("one").await, status("two").await), (200, 404));
}

#[tokio::test]
async fn what_the_hub_refuses_is_told_and_the_rest_of_maintenance_goes_on() {
    for (status, code) in
        [(401, "hub_unauthorized"), (403, "feedback_forbidden"), (404, "hub_not_found"), (503, "hub_unavailable")]
    {
        let clock = TestClock::at(START);
        let app = app(&clock, &[("NOTIFICATION_HUB_VOIP_NAME", "")]).await;
        register(&app, [1], |_| false).await;
        app.hub.add_feedback(HUB, &report("BadChannel", &token(1), REPORTED));
        app.hub.add_fault(Fault::status(status));
        clock.set(LATER);
        let done = maintain(&app).await;
        assert_eq!((&done["dead_handles"], &done["installations"]), (&Value::Null, &json!(0)), "{done}");
        assert_eq!(told(&app).await["problem"]["code"], code);
        assert_eq!(removed(&app).await, 1);
        assert_eq!(told(&app).await["problem"], Value::Null);
    }
}

#[tokio::test]
async fn without_the_setting_no_feedback_is_asked_for() {
    let app = App::beside(emulator_with_feedback().await, &[]).await;
    app.register_iphone(BOB).await;
    app.hub.add_feedback(HUB, &report("BadChannel", IPHONE, &ago(TimeDelta::hours(-1))));
    assert_eq!(removed(&app).await, Value::Null);
    assert_eq!(app.status().await["feedback"], json!([]));
    assert!(app.hub.requests().is_empty());
    assert_eq!(app.get("/api/installations/iphone").await.status, 200);
}

#[tokio::test]
async fn a_process_that_is_killed_within_it_leaves_the_rest_to_the_next() {
    let (hub, folder) = (emulator_with_feedback().await, tempfile::tempdir().unwrap());
    let manage = manage(&hub);
    let settings = [("STORE", "file:store"), ("NOTIFICATION_HUB_MANAGE_CONNECTION_STRING", manage.as_str())];
    let vars = vars(&hub, &settings);
    let mut process = Process::start(&vars, folder.path()).await;
    for number in 0..300 {
        let phone = json!({"userId": format!("8:acs:r_{number}"), "platform": "apns", "pushChannel": token(number)});
        process.register(&format!("phone-{number}"), phone).await;
    }
    for number in 0..60 {
        app_feedback(&hub, number);
    }
    let handles = || documents(&folder.path().join("store").join("handles")).len();
    assert_eq!(handles(), 300);
    let body = json!({"Data": {"timer": {}}, "Metadata": {}}).to_string();
    let running = tokio::spawn(process.request(reqwest::Method::POST, "/Maintenance").body(body).send());
    timeout(Duration::from_secs(20), async {
        while handles() == 300 {
            sleep(Duration::from_millis(1)).await;
        }
    })
    .await
    .unwrap();
    process.kill().await;
    assert!(running.await.unwrap().is_err(), "it was killed before its end");
    let after_kill = handles();
    assert!(after_kill > 240, "{after_kill}: it was over already");

    let process = Process::start(&vars, folder.path()).await;
    process.maintain().await;
    for number in 0..300 {
        let is_there = process.get(&format!("phone-{number}")).await["installationId"].is_string();
        assert_eq!(is_there, number >= 60, "{number}");
    }
}

#[tokio::test]
async fn what_was_read_is_not_read_again() {
    let (hub, folder) = (emulator_with_feedback().await, tempfile::tempdir().unwrap());
    let manage = manage(&hub);
    let settings = [
        ("STORE", "file:store"),
        ("NOTIFICATION_HUB_VOIP_NAME", ""),
        ("NOTIFICATION_HUB_MANAGE_CONNECTION_STRING", manage.as_str()),
    ];
    let vars = vars(&hub, &settings);
    let passed_over = "lines of the hub's feedback that are no reports were passed over hub=\"alerts\" lines=1";
    for _ in 0..2 {
        hub.add_feedback(HUB, "garbage\n");
        let process = Process::start(&vars, folder.path()).await;
        process.maintain().await;
        process.maintain().await;
        let output = process.terminate().await.1;
        assert_eq!(output.matches(passed_over).count(), 1, "{output}");
        assert_eq!(output.matches("lines=").count(), 1, "{output}");
    }
}

fn app_feedback(hub: &Emulator, number: usize) {
    hub.add_feedback(HUB, &report("BadChannel", &token(number), &ago(TimeDelta::hours(-1))));
}
