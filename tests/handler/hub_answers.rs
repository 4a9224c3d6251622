//! The table: what each answer of a hub means, for the default hub, the one for calls, and a second app's.

use std::collections::BTreeMap;

use notification_hubs_emulator::{Action, Emulator, Fault};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::binary::documents;
use crate::support::*;

/// What became of one event whose device every request failed for.
#[derive(Debug, PartialEq)]
struct Fate {
    /// Requests that reached the hub under test; `None` where it is at least two.
    attempts: Option<usize>,
    status: u16,
    outcome: &'static str,
    /// Documents of the store that tell of it.
    stored: &'static [&'static str],
}

const fn fate(attempts: usize, status: u16, outcome: &'static str, stored: &'static [&'static str]) -> Fate {
    Fate { attempts: if attempts == 0 { None } else { Some(attempts) }, status, outcome, stored }
}

const DELIVERED: Fate = fate(1, 200, "delivered", &[]);
const REFUSED: Fate = fate(1, 200, "dead_lettered", &["dead-letters"]);
/// For the operator to mend: a repeat may come later than the mending.
const SET_UP_WRONGLY: Fate = fate(1, 500, "failed", &[]);
/// Signed anew once, with the same key.
const UNAUTHORIZED: Fate = fate(2, 500, "failed", &[]);
const TRIED_AGAIN: Fate = fate(0, 500, "failed", &[]);
/// The wait does not fit the deadline.
const PUT_OFF: Fate = fate(1, 500, "failed", &[]);

/// Every answer, and what it means from the default hub.
fn answers() -> Vec<(&'static str, Fault, Fate)> {
    let status = Fault::status;
    vec![
        ("200", status(200), DELIVERED),
        ("201", status(201), DELIVERED),
        // Not followed, wherever it leads.
        ("307", status(307).header("Location", "/alerts/messages?direct&api-version=2020-06"), REFUSED),
        ("400", status(400), REFUSED),
        ("401", status(401), UNAUTHORIZED),
        ("403", status(403), SET_UP_WRONGLY),
        ("403 with Retry-After", status(403).retry_after("0"), TRIED_AGAIN),
        ("404", status(404), SET_UP_WRONGLY),
        ("405", status(405), REFUSED),
        ("408", status(408), TRIED_AGAIN),
        ("410", status(410), REFUSED),
        ("413", status(413), REFUSED),
        ("429", status(429), TRIED_AGAIN),
        ("429 with a short Retry-After", status(429).retry_after("1"), TRIED_AGAIN),
        ("429 with a long Retry-After", status(429).retry_after("60"), PUT_OFF),
        ("500", status(500), TRIED_AGAIN),
        ("502", status(502), TRIED_AGAIN),
        ("503", status(503), TRIED_AGAIN),
        ("504", status(504), TRIED_AGAIN),
        ("reset before the body", Fault::action(Action::ResetBeforeBody), TRIED_AGAIN),
        ("reset after the body", Fault::action(Action::ResetAfterBody), TRIED_AGAIN),
        // One attempt takes longer than all the time there is in this test.
        ("stall", Fault::action(Action::Stall), PUT_OFF),
    ]
}

/// A handler on a folder, with the shortest deadline there is.
async fn app(settings: &[(&str, &str)]) -> (App, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("file:{}", folder.path().display());
    let settings = [&[("STORE", store.as_str()), ("DELIVERY_DEADLINE_SECONDS", "5")], settings].concat();
    (App::with(&settings).await, folder)
}

/// What became of the one event that the handler got.
async fn fate_of(app: &App, folder: &TempDir, event: &Value, hub: &str) -> (Option<usize>, u16, String, Vec<String>) {
    let status = app.invoke(event).await.status;
    let outcomes: BTreeMap<String, u64> = serde_json::from_value(app.status().await["outcomes"].clone()).unwrap();
    let outcome = outcomes.into_iter().find(|(_, count)| *count == 1).unwrap().0;
    let attempts = app.hub.requests().iter().filter(|request| request.hub == hub).count();
    let kinds = documents(folder.path()).into_iter().map(|(path, _)| path.split('/').next().unwrap().to_owned());
    let mut stored: Vec<String> = kinds.filter(|kind| matches!(kind.as_str(), "dead-letters" | "ledger")).collect();
    stored.sort();
    (Some(attempts), status, outcome, stored)
}

fn assert_fate(found: (Option<usize>, u16, String, Vec<String>), expected: &Fate, case: &str) {
    let (attempts, status, outcome, stored) = found;
    match expected.attempts {
        Some(exactly) => assert_eq!(attempts, Some(exactly), "{case}: attempts"),
        None => assert!(attempts >= Some(2), "{case}: {attempts:?} attempts"),
    }
    assert_eq!((status, outcome.as_str()), (expected.status, expected.outcome), "{case}");
    assert_eq!(stored, expected.stored, "{case}: stored");
}

#[tokio::test]
async fn from_the_default_hub() {
    let cases = answers().into_iter().map(|(name, fault, expected)| async move {
        let (app, folder) = app(&[]).await;
        app.register("iphone", json!({"phoneNumbers": ["15551234567"], "platform": "apns", "pushChannel": IPHONE}))
            .await;
        app.hub.add_fault(fault.always());
        let found = fate_of(&app, &folder, &sms("e1", "15551234567", "Hello"), HUB).await;
        assert_fate(found, &expected, name);
    });
    futures_util::future::join_all(cases).await;
}

#[tokio::test]
async fn from_a_second_apps_hub_nothing_fails_that_a_repeat_cannot_mend() {
    let cases = answers().into_iter().map(|(name, fault, expected)| async move {
        let (app, folder) = app(&[("NOTIFICATION_HUB_SANDBOX_NAME", SANDBOX_HUB)]).await;
        let phone =
            json!({"phoneNumbers": ["15551234567"], "platform": "apns", "pushChannel": IPHONE, "app": "sandbox"});
        app.register("iphone", phone).await;
        app.hub.add_fault(fault.on_hub(SANDBOX_HUB).always());
        let found = fate_of(&app, &folder, &sms("e1", "15551234567", "Hello"), SANDBOX_HUB).await;
        let expected = match name {
            "401" => Fate { attempts: Some(2), ..REFUSED },
            "403" | "404" => REFUSED,
            _ => expected,
        };
        assert_fate(found, &expected, name);
    });
    futures_util::future::join_all(cases).await;
}

#[tokio::test]
async fn from_the_hub_for_calls_a_wrong_set_up_makes_an_alert_of_the_call() {
    let cases = answers().into_iter().map(|(name, fault, expected)| async move {
        let (app, folder) = app(&[]).await;
        app.register_iphone(BOB).await;
        app.hub.add_fault(fault.on_hub(VOIP_HUB).always());
        let call = call("e1", "d732db64-4803-462d-be9c-518943ea2b7a");
        let found = fate_of(&app, &folder, &call, VOIP_HUB).await;
        // Whom a call rang, or was refused for, is always written down.
        let expected = match name {
            "401" => Fate { attempts: Some(2), stored: &["ledger"], ..DELIVERED },
            "403" | "404" => Fate { attempts: Some(1), stored: &["ledger"], ..DELIVERED },
            _ if expected == DELIVERED => Fate { stored: &["ledger"], ..DELIVERED },
            _ if expected == REFUSED => Fate { stored: &["dead-letters", "ledger"], ..REFUSED },
            _ => expected,
        };
        assert_fate(found, &expected, name);
        let alerts = app.hub.accepted().into_iter().filter(|request| request.hub == HUB).count();
        assert_eq!(alerts, usize::from(matches!(name, "401" | "403" | "404")), "{name}: alerts");
    });
    futures_util::future::join_all(cases).await;
}

#[tokio::test]
async fn where_no_connection_comes_about_the_event_fails() {
    let gone = Emulator::start(notification_hubs_emulator::Options::default()).await.unwrap();
    let refused = gone.connection_string();
    gone.stop().await;
    let without_tls = emulator().await;
    let tls = without_tls.connection_string().replace("http://", "https://");
    let no_uri = refused.replace("127.0.0.1", "ns}");
    for (name, connection_string) in [("refused connection", refused), ("TLS failure", tls), ("no URI", no_uri)] {
        let (app, folder) = app(&[("NOTIFICATION_HUB_CONNECTION_STRING", &connection_string)]).await;
        app.register("iphone", json!({"phoneNumbers": ["15551234567"], "platform": "apns", "pushChannel": IPHONE}))
            .await;
        let (_, status, outcome, stored) = fate_of(&app, &folder, &sms("e1", "15551234567", "Hello"), HUB).await;
        assert_eq!((status, outcome.as_str(), stored.len()), (500, "failed", 0), "{name}");
    }
}

#[tokio::test]
async fn rotating_a_key_while_events_flow_loses_none_and_fails_none() {
    let hub = emulator().await;
    let (primary, rule) = (hub.connection_string(), "alerts/Send");
    let old_key = primary.split("SharedAccessKey=").nth(1).unwrap().to_owned();
    let secondary = primary.replace(&old_key, "second-key");
    hub.set_keys(rule, &old_key, "second-key");
    let settings = [
        ("NOTIFICATION_HUB_CONNECTION_STRING", primary.as_str()),
        ("NOTIFICATION_HUB_SECONDARY_CONNECTION_STRING", secondary.as_str()),
    ];
    let app = App::beside(hub, &settings).await;
    app.register("iphone", json!({"phoneNumbers": ["15551234567"], "platform": "apns", "pushChannel": IPHONE})).await;
    for index in 0..60 {
        match index {
            // The first key is replaced; then, much later, the second one.
            20 => app.hub.set_keys(rule, "third-key", "second-key"),
            40 => app.hub.set_keys(rule, &old_key, "fourth-key"),
            _ => {}
        }
        let batch: Vec<Value> = (0..5).map(|event| sms(&format!("e{index}-{event}"), "15551234567", "Hello")).collect();
        let lines = app.invoke(&json!(batch)).await.log_lines();
        assert!(lines.iter().all(|line| line["outcome"] == "delivered"), "{lines:?}");
    }
    assert_eq!(app.hub.accepted().len(), 300);
}
