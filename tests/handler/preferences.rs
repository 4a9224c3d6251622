//! What a user wants to hear of, and when: by the registration of each device, and a clock that the test sets.

use std::cell::Cell;

use chrono::{DateTime, TimeDelta, Utc};
use notification_hubs_emulator::ReceivedRequest;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::binary::documents;
use crate::support::*;

const CALL: &str = "d732db64-4803-462d-be9c-518943ea2b7a";
const LUNCH: &str = "19:lunch@thread.v2";
/// A Wednesday, and noon in London.
const NOON: &str = "2027-01-20T12:00:00Z";

/// Bob's iPhone and his number's, with these further members.
fn iphone(more: &Value) -> Value {
    let mut phone = json!({
        "userId": BOB, "phoneNumbers": ["15551234567"], "platform": "apns",
        "pushChannel": IPHONE, "voipPushChannel": IPHONE_VOIP,
    });
    phone.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    phone
}

/// Bob's Android phone.
fn android(more: &Value) -> Value {
    let mut phone = json!({"userId": BOB, "platform": "fcmv1", "pushChannel": ANDROID});
    phone.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    phone
}

/// An event that happens when the clock says so.
fn now_by(clock: &TestClock, mut event: Value) -> Value {
    event["eventTime"] = json!(clock.text());
    for time in ["composeTime", "editTime"] {
        if event["data"].get(time).is_some() {
            event["data"][time] = json!(clock.text());
        }
    }
    event
}

/// A message that mentions somebody.
fn mention(id: &str, action: &str, who: &str) -> Value {
    let mut event = chat(id, action, id, 1, &format!("<msft-mention id=\"{who}\">x</msft-mention> look"));
    event["data"]["type"] = json!("RichText/Html");
    event
}

fn added(id: &str) -> Value {
    let subject = format!("thread/{LUNCH}/createdBy/{ALICE}/recipient/{BOB}");
    event(id, "ChatThreadCreatedWithUser", &subject, json!({"threadId": LUNCH, "createdBy": ALICE, "recipientId": BOB}))
}

/// Whether an iPhone is to stay quiet about what it got.
fn is_quiet(request: &ReceivedRequest) -> bool {
    let aps = body(request)["aps"].take();
    let quiet = aps["interruption-level"] == "passive";
    assert_eq!((aps.get("sound").is_none(), request.headers["apns-priority"] == "5"), (quiet, quiet), "{aps}");
    quiet
}

fn quiet_hours(time_zone: &str, days: &[&str], from: &str, to: &str) -> Value {
    json!({"quietHours": {"timeZone": time_zone, "windows": [{"days": days, "from": from, "to": to}]}})
}

#[tokio::test]
async fn a_put_stores_what_a_user_wants_and_shows_it() {
    let app = App::start().await;
    let wanted = json!({
        "notify": "mentions", "calls": false, "mutedThreads": ["19:a", {"id": "19:b", "until": "2027-01-31T12:00:00Z"}],
        "snoozeUntil": "2020-01-31T12:00:00Z", "mutable": true,
        "quietHours": {"timeZone": "Asia/Seoul", "windows": [
            {"days": ["sun", "mon"], "from": "22:00", "to": "07:00"}, {"days": ["SAT", "sat"], "from": "00:00", "to": "00:00"},
        ]},
    });
    let mut expected = wanted.clone();
    expected["quietHours"]["windows"][0]["days"] = json!(["mon", "sun"]);
    expected["quietHours"]["windows"][1]["days"] = json!(["sat"]);
    for status in [201, 200] {
        let reply = app.put("iphone", &iphone(&wanted)).await;
        assert_eq!(reply.status, status, "{reply:?}");
        for shown in [reply.json(), app.get("/api/installations/iphone").await.json()] {
            for (name, value) in expected.as_object().unwrap() {
                assert_eq!(shown[name], *value, "{name}");
            }
            assert_eq!(shown.get("ignored"), None);
        }
    }
    // What is PUT without them has the defaults, which are not told.
    app.register("iphone", iphone(&json!({"notify": "all", "calls": true, "mutable": false}))).await;
    let shown = app.get("/api/installations/iphone").await.json();
    assert!(wanted.as_object().unwrap().keys().all(|name| shown.get(name).is_none()), "{shown}");
}

#[tokio::test]
async fn each_fault_of_what_a_user_wants_names_its_place_and_what_would_be_right() {
    let app = App::start().await;
    let window = json!({"days": ["mon"], "from": "22:00", "to": "07:00"});
    let hours = |name: &str, value: Value| {
        let mut window = window.clone();
        window[name] = value;
        json!({"quietHours": {"timeZone": "Europe/Paris", "windows": [window]}})
    };
    let until = |until: Value| json!({"mutedThreads": [{"id": "19:a", "until": until}]});
    let no_days = "quietHours.windows[0].days: expected at least one of \"mon\", \"tue\"";
    let no_time = "expected a time of the day from \"00:00\" to \"23:59\"";
    for (members, expected) in [
        (json!({"notify": "some"}), "notify: expected \"all\", \"mentions\" or \"none\"".to_owned()),
        (json!({"notify": false}), "notify: must be a string".to_owned()),
        (json!({"calls": "false"}), "calls: expected true or false, without quotes".to_owned()),
        (json!({"mutable": 1}), "mutable: expected true or false, without quotes".to_owned()),
        (json!({"snoozeUntil": "tomorrow"}), "snoozeUntil: expected a time such as".to_owned()),
        (json!({"mutedThreads": [7]}), "mutedThreads: expected an array of ids of threads".to_owned()),
        (json!({"mutedThreads": [{"id": "19:a"}]}), "or of objects {\"id\": …, \"until\": a time".to_owned()),
        (until(json!("soon")), "or of objects {\"id\": …, \"until\": a time".to_owned()),
        (until(Value::Null), "or of objects {\"id\": …, \"until\": a time".to_owned()),
        (json!({"mutedThreads": vec!["19:a"; 201]}), "mutedThreads: has 201 elements: expected at most 200".to_owned()),
        (json!({"quietHours": "22:00"}), "quietHours: must be an object".to_owned()),
        (
            json!({"quietHours": {}}),
            "quietHours.timeZone: expected an IANA time zone such as \"Europe/Paris\"".to_owned(),
        ),
        (json!({"quietHours": {}}), "quietHours.windows: expected an array of {\"days\"".to_owned()),
        (json!({"quietHours": {"timeZone": "Paris", "windows": []}}), "quietHours.timeZone: expected".to_owned()),
        (
            json!({"quietHours": {"timeZone": "Europe/Paris", "windows": vec![window.clone(); 21]}}),
            "quietHours.windows: has 21 elements: expected at most 20".to_owned(),
        ),
        (
            json!({"quietHours": {"timeZone": "Europe/Paris", "windows": [7]}}),
            "quietHours.windows[0]: must be an object".to_owned(),
        ),
        (hours("days", json!([])), no_days.to_owned()),
        (hours("days", json!(["monday"])), no_days.to_owned()),
        (hours("from", json!("24:00")), format!("quietHours.windows[0].from: {no_time}")),
        (hours("to", json!("7:00")), format!("quietHours.windows[0].to: {no_time}")),
        (hours("FROM", json!("07:00")), "quietHours.windows[0].from: occurs twice".to_owned()),
        (json!({"quiethour": {}}), "quiethour: unknown member; did you mean quietHours?".to_owned()),
    ] {
        let reply = app.put("iphone", &iphone(&members)).await;
        let message = reply.json()["error"]["message"].as_str().unwrap_or_default().to_owned();
        assert!(reply.status == 400 && message.contains(&expected), "{members}: {} {message}", reply.status);
    }
    assert_eq!(app.get("/api/installations/iphone").await.status, 404);
}

#[tokio::test]
async fn a_registration_of_before_is_stored_as_before_and_hears_of_everything() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("file:{}", folder.path().display());
    let app = App::with(&[("STORE", &store)]).await;
    app.register("iphone", iphone(&json!({"mutedThreads": ["19:a"]}))).await;
    let stored = documents(&folder.path().join("recipients"));
    for (_, document) in &stored {
        let installation = document["installations"][0].as_object().unwrap();
        assert_eq!(installation["mutedThreads"], json!(["19:a"]));
        let new = ["preferences", "notify", "calls", "snoozeUntil", "quietHours", "mutable"];
        assert!(new.iter().all(|name| !installation.contains_key(*name)), "{installation:?}");
    }
    assert_eq!(stored.len(), 2, "the user's and the number's");
    for event in [chat("e1", "ChatMessageReceived", "m1", 1, "Lunch?"), call("e2", CALL)] {
        assert_eq!(app.deliver(&event).await["outcome"], "delivered");
    }
    assert!(!is_quiet(&app.hub.accepted()[0]));
}

#[tokio::test]
async fn quiet_hours_and_a_snooze_make_everything_quiet_but_calls_and_hold_nothing_back() {
    let clock = TestClock::at(NOON);
    let wednesday = |from, to| quiet_hours("Europe/London", &["wed"], from, to);
    for (wanted, quiet) in [
        (wednesday("11:00", "13:00"), true),
        (wednesday("12:00", "12:01"), true),
        (wednesday("11:00", "12:00"), false),
        (wednesday("13:00", "11:00"), false),
        (json!({"snoozeUntil": "2027-01-20T12:00:01Z"}), true),
        (json!({"snoozeUntil": NOON}), false),
        (json!({"snoozeUntil": "2027-01-20T22:00:01+10:00"}), true),
        (json!({}), false),
    ] {
        let app = App::by_clock(&clock, &[]).await;
        app.register("iphone", iphone(&wanted)).await;
        for (event, is_always_quiet) in [
            (chat("e1", "ChatMessageReceived", "m1", 1, "Lunch?"), false),
            (sms("e2", "15551234567", "Hello"), false),
            (added("e3"), true),
            // A mention does not break it.
            (mention("e4", "ChatMessageReceived", BOB), false),
        ] {
            let line = app.deliver(&now_by(&clock, event)).await;
            assert_eq!((&line["outcome"], &line["code"]), (&json!("delivered"), &json!("delivered")), "{line}");
            assert_eq!(is_quiet(app.hub.accepted().last().unwrap()), quiet || is_always_quiet, "{wanted}: {line}");
        }
        app.deliver(&now_by(&clock, call("e5", CALL))).await;
        assert_eq!(app.hub.accepted().last().unwrap().headers["apns-push-type"], "voip", "{wanted}");
        // As does what takes its place.
        app.deliver(&now_by(&clock, call("e6", "no UUID"))).await;
        let sent = app.hub.accepted();
        assert_eq!(body(sent.last().unwrap())["aps"]["interruption-level"], "time-sensitive", "{wanted}");
    }
}

#[tokio::test]
async fn quiet_hours_go_by_the_clocks_of_their_zone_on_the_day_they_begin_whenever_those_are_set() {
    let weekdays = ["mon", "tue", "wed", "thu", "fri"];
    let seoul = quiet_hours("Asia/Seoul", &["mon"], "22:00", "07:00");
    let new_york = quiet_hours("America/New_York", &weekdays, "22:00", "07:00");
    let berlin = quiet_hours("Europe/Berlin", &["sat"], "22:00", "07:00");
    // Clocks in Berlin go forward on 2027-03-28 at 01:00 UTC, from 02:00 to 03:00, and back on 2027-10-31, from 03:00 to 02:00.
    let skipped = quiet_hours("Europe/Berlin", &["sun"], "02:30", "06:00");
    let until_skipped = quiet_hours("Europe/Berlin", &["sun"], "01:00", "02:30");
    let all_skipped = quiet_hours("Europe/Berlin", &["sun"], "02:15", "02:45");
    let repeated = quiet_hours("Europe/Berlin", &["sun"], "01:00", "02:30");
    let from_repeated = quiet_hours("Europe/Berlin", &["sun"], "02:30", "04:00");
    let all_day = quiet_hours("Europe/Berlin", &["sun"], "00:00", "00:00");
    // Samoa had no 30 December 2011.
    let samoa = quiet_hours("Pacific/Apia", &["thu"], "22:00", "07:00");
    for (hours, changes) in [
        // Seoul is nine hours ahead: Monday from 22:00 to Tuesday at 07:00.
        (&seoul, ["2027-01-18T12:59:59Z", "2027-01-18T13:00:00Z", "2027-01-18T21:59:59Z", "2027-01-18T22:00:00Z"]),
        // New York is five hours behind: Friday's ends on Saturday, and Sunday has none.
        (&new_york, ["2027-01-23T02:59:59Z", "2027-01-23T03:00:00Z", "2027-01-23T11:59:59Z", "2027-01-23T12:00:00Z"]),
        (&new_york, ["2027-01-25T06:00:00Z", "2027-01-26T03:00:00Z", "2027-01-26T11:59:59Z", "2027-01-26T12:00:00Z"]),
        // New York's clocks go forward on Sunday 14 March: from then on it is four hours behind.
        (&new_york, ["2027-03-16T01:59:59Z", "2027-03-16T02:00:00Z", "2027-03-16T10:59:59Z", "2027-03-16T11:00:00Z"]),
        // The night is an hour shorter, and half a year later an hour longer.
        (&berlin, ["2027-03-27T20:59:59Z", "2027-03-27T21:00:00Z", "2027-03-28T04:59:59Z", "2027-03-28T05:00:00Z"]),
        (&berlin, ["2027-10-30T19:59:59Z", "2027-10-30T20:00:00Z", "2027-10-31T05:59:59Z", "2027-10-31T06:00:00Z"]),
        // A time that is skipped is when the clocks are set.
        (&skipped, ["2027-03-28T00:59:59Z", "2027-03-28T01:00:00Z", "2027-03-28T03:59:59Z", "2027-03-28T04:00:00Z"]),
        (
            &until_skipped,
            ["2027-03-27T23:59:59Z", "2027-03-28T00:00:00Z", "2027-03-28T00:59:59Z", "2027-03-28T01:00:00Z"],
        ),
        // One that comes twice begins at the first and ends at the last.
        (&repeated, ["2027-10-30T22:59:59Z", "2027-10-30T23:00:00Z", "2027-10-31T01:29:59Z", "2027-10-31T01:30:00Z"]),
        (
            &from_repeated,
            ["2027-10-31T00:29:59Z", "2027-10-31T00:30:00Z", "2027-10-31T02:59:59Z", "2027-10-31T03:00:00Z"],
        ),
        (&all_day, ["2027-10-30T21:59:59Z", "2027-10-30T22:00:00Z", "2027-10-31T22:59:59Z", "2027-10-31T23:00:00Z"]),
        (&samoa, ["2011-12-30T07:59:59Z", "2011-12-30T08:00:00Z", "2011-12-30T09:59:59Z", "2011-12-30T10:00:00Z"]),
    ] {
        // Not yet, from now on, still, and no more.
        for (time, quiet) in changes.into_iter().zip([false, true, true, false]) {
            assert_eq!(is_quiet_at(hours, time).await, quiet, "{time}: {hours}");
        }
    }
    assert!(!is_quiet_at(&all_skipped, "2027-03-28T01:00:00Z").await);
}

/// Whether a message that comes then is quiet.
async fn is_quiet_at(wanted: &Value, time: &str) -> bool {
    let clock = TestClock::at(time);
    let app = App::by_clock(&clock, &[]).await;
    app.register("iphone", iphone(wanted)).await;
    app.deliver(&now_by(&clock, chat("e1", "ChatMessageReceived", "m1", 1, "Lunch?"))).await;
    is_quiet(&app.hub.accepted()[0])
}

#[tokio::test]
async fn a_quiet_android_message_names_the_quiet_channel_where_there_is_one() {
    let clock = TestClock::at(NOON);
    let snoozed = json!({"snoozeUntil": "2027-01-20T13:00:00Z"});
    let both = "android_channel = 'chat'\nandroid_quiet_channel = 'chat-quiet'";
    for (options, wanted, channel, priority) in [
        (both, &snoozed, json!("chat-quiet"), "NORMAL"),
        (both, &json!({}), json!("chat"), "HIGH"),
        ("android_quiet_channel = 'quiet'", &snoozed, json!("quiet"), "NORMAL"),
        ("android_quiet_channel = 'quiet'", &json!({}), Value::Null, "HIGH"),
        ("android_channel = 'chat'", &snoozed, json!("chat"), "NORMAL"),
        ("", &snoozed, Value::Null, "NORMAL"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("texts.toml");
        std::fs::write(&path, format!("[ChatMessageReceived]\n{options}")).unwrap();
        let app = App::by_clock(&clock, &[("NOTIFICATIONS_FILE", path.to_str().unwrap())]).await;
        app.register("android", android(wanted)).await;
        app.deliver(&now_by(&clock, chat("e1", "ChatMessageReceived", "m1", 1, "Lunch?"))).await;
        let android = body(&app.hub.accepted()[0])["message"]["android"].take();
        assert_eq!(
            (&android["notification"]["channel_id"], &android["priority"]),
            (&channel, &json!(priority)),
            "{options}"
        );
    }
}

#[tokio::test]
async fn notify_and_muted_threads_leave_out_chat_and_nothing_else() {
    let clock = TestClock::at(NOON);
    let muted = |until: &str| json!({"mutedThreads": [{"id": LUNCH, "until": until}, "19:other@thread.v2"]});
    let message = || chat("e1", "ChatMessageReceived", "m1", 1, "Lunch?");
    let mentioned = || mention("e1", "ChatMessageReceived", BOB);
    let edit = || mention("e1", "ChatMessageEdited", BOB);
    let deletion = || chat("e1", "ChatMessageDeleted", "m1", 2, "");
    for (wanted, event, code) in [
        (json!({"notify": "all"}), message(), "delivered"),
        (json!({"notify": "mentions"}), message(), "not_notified"),
        (json!({"notify": "mentions"}), mention("e1", "ChatMessageReceived", ALICE), "not_notified"),
        (json!({"notify": "mentions"}), mentioned(), "delivered"),
        (json!({"notify": "mentions"}), edit(), "delivered"),
        (json!({"notify": "mentions"}), chat("e1", "ChatMessageEdited", "m1", 2, "Dinner?"), "not_notified"),
        (json!({"notify": "mentions"}), added("e1"), "not_notified"),
        (json!({"notify": "none"}), message(), "not_notified"),
        (json!({"notify": "none"}), mentioned(), "not_notified"),
        (json!({"notify": "none"}), added("e1"), "not_notified"),
        // What was shown before has to go.
        (json!({"notify": "none"}), deletion(), "delivered"),
        (json!({"notify": "none"}), sms("e1", "15551234567", "Hello"), "delivered"),
        (json!({"notify": "none"}), call("e1", CALL), "delivered"),
        (json!({"mutedThreads": [LUNCH]}), message(), "muted"),
        (json!({"mutedThreads": [LUNCH], "notify": "mentions"}), mentioned(), "muted"),
        (json!({"mutedThreads": [LUNCH]}), added("e1"), "muted"),
        (json!({"mutedThreads": [LUNCH]}), deletion(), "delivered"),
        (muted("2027-01-20T12:00:01Z"), message(), "muted"),
        (muted(NOON), message(), "delivered"),
        (json!({"mutedThreads": ["19:other@thread.v2"]}), message(), "delivered"),
        (json!({"calls": false}), call("e1", CALL), "calls_off"),
        (json!({"calls": false}), call("e1", "no UUID"), "calls_off"),
        (json!({"calls": false}), message(), "delivered"),
    ] {
        let app = App::by_clock(&clock, &[]).await;
        app.register("iphone", iphone(&wanted)).await;
        let event = now_by(&clock, event);
        let line = app.deliver(&event).await;
        let outcome = if code == "delivered" { "delivered" } else { "no_device" };
        let told = (&line["outcome"], &line["code"]);
        assert_eq!(told, (&json!(outcome), &json!(code)), "{wanted} {}", event["eventType"]);
        assert_eq!(app.hub.requests().len(), usize::from(code == "delivered"), "{wanted}");
        // Another device of the same person gets it all the same.
        app.register("android", android(&json!({}))).await;
        if event["eventType"] != "Microsoft.Communication.SMSReceived" && code != "delivered" {
            let mut again = event.clone();
            again["id"] = json!("e2");
            let line = app.deliver(&again).await;
            assert_eq!((&line["outcome"], &line["devices"]), (&json!("delivered"), &json!(1)), "{wanted}: {line}");
        }
    }
}

#[tokio::test]
async fn what_a_put_changes_counts_for_the_next_event() {
    let clock = TestClock::at(NOON);
    let app = App::by_clock(&clock, &[]).await;
    app.register("iphone", iphone(&json!({}))).await;
    for (id, wanted, outcome) in [
        ("e1", json!({"notify": "none"}), "no_device"),
        ("e2", json!({}), "delivered"),
        ("e3", json!({"mutedThreads": [{"id": LUNCH, "until": "2027-01-20T12:00:30Z"}]}), "no_device"),
    ] {
        app.register("iphone", iphone(&wanted)).await;
        let line = app.deliver(&now_by(&clock, chat(id, "ChatMessageReceived", id, 1, "Lunch?"))).await;
        assert_eq!(line["outcome"], outcome, "{wanted}");
    }
    // What ends by itself needs no PUT.
    clock.set("2027-01-20T12:00:30Z");
    let line = app.deliver(&now_by(&clock, chat("e4", "ChatMessageReceived", "e4", 1, "Lunch?"))).await;
    assert_eq!(line["outcome"], "delivered");
}

#[tokio::test]
async fn an_app_may_change_every_alert_if_it_asks_for_it_by_device_or_by_type() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("texts.toml");
    std::fs::write(&path, "[SMSReceived]\nmutable = true").unwrap();
    let app = App::with(&[("NOTIFICATIONS_FILE", path.to_str().unwrap())]).await;
    let ipad = json!({"userId": BOB, "platform": "fcmv1", "os": "ios", "pushChannel": ANDROID, "mutable": true});
    for (wanted, event, mutable) in [
        (json!({}), chat("e1", "ChatMessageReceived", "m1", 1, "Lunch?"), false),
        (json!({"mutable": false}), sms("e2", "15551234567", "Hello"), true),
        (json!({"mutable": true}), chat("e3", "ChatMessageReceived", "m3", 1, "Lunch?"), true),
        (json!({"mutable": true}), chat("e4", "ChatMessageEdited", "m3", 2, "Dinner?"), true),
        (json!({"mutable": true}), call("e5", "no UUID"), true),
        (json!({"content": "hidden"}), chat("e6", "ChatMessageReceived", "m6", 1, "Lunch?"), true),
        (json!({"mutable": true}), chat("e7", "ChatMessageDeleted", "m3", 3, ""), false),
    ] {
        app.register("iphone", iphone(&wanted)).await;
        app.deliver(&event).await;
        let aps = body(app.hub.accepted().last().unwrap())["aps"].take();
        assert_eq!(aps["mutable-content"] == 1, mutable, "{wanted}: {aps}");
        assert_eq!(aps.get("badge"), None);
    }
    app.delete("iphone").await;
    app.register("ipad", ipad).await;
    app.deliver(&chat("e8", "ChatMessageReceived", "m8", 1, "Lunch?")).await;
    let message = body(app.hub.accepted().last().unwrap())["message"].take();
    assert_eq!(message["apns"]["payload"]["aps"]["mutable-content"], 1);
}

/// What a user may want, but for calls.
fn anything_wanted() -> impl Strategy<Value = Value> {
    let time = || (0..4000_i64).prop_map(|hours| (at(NOON) + TimeDelta::hours(hours - 2000)).to_rfc3339());
    let day = prop::sample::subsequence(vec!["mon", "tue", "wed", "thu", "fri", "sat", "sun"], 1..=7);
    let clock = || (0..24_u8, 0..60_u8).prop_map(|(hour, minute)| format!("{hour:02}:{minute:02}"));
    let window = (day, clock(), clock()).prop_map(|(days, from, to)| json!({"days": days, "from": from, "to": to}));
    let zone =
        prop::sample::select(&["UTC", "Asia/Seoul", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"][..]);
    let hours = (zone, prop::collection::vec(window, 0..5))
        .prop_map(|(zone, windows)| json!({"timeZone": zone, "windows": windows}));
    let muted = prop_oneof![Just(json!([LUNCH])), time().prop_map(|until| json!([{"id": LUNCH, "until": until}]))];
    (
        prop::option::of(prop::sample::select(&["all", "mentions", "none"][..])),
        prop::option::of(muted),
        prop::option::of(time()),
        prop::option::of(hours),
        any::<bool>(),
    )
        .prop_map(|(notify, muted, snooze, hours, mutable)| {
            json!({"notify": notify, "mutedThreads": muted, "snoozeUntil": snooze, "quietHours": hours, "mutable": mutable})
        })
}

fn at(time: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(time).unwrap().to_utc()
}

#[test]
fn nothing_that_a_user_wants_loses_or_quiets_a_call_but_the_switch_for_calls() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let clock = TestClock::at(NOON);
    let app = runtime.block_on(App::by_clock(&clock, &[]));
    let config = ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() };
    let case = (anything_wanted(), prop::option::of(any::<bool>()), 0..40_000_i64);
    let number = Cell::new(0);
    let tried = TestRunner::new(config).run(&case, |(mut wanted, calls, minutes)| {
        number.set(number.get() + 1);
        wanted["calls"] = json!(calls);
        clock.set(&(at(NOON) + TimeDelta::minutes(minutes)).to_rfc3339());
        runtime.block_on(async {
            app.hub.clear();
            app.register("iphone", iphone(&wanted)).await;
            app.register("android", android(&wanted)).await;
            let line = app.deliver(&now_by(&clock, call(&format!("e{}", number.get()), CALL))).await;
            let rings = calls != Some(false);
            prop_assert_eq!(&line["code"], if rings { "delivered" } else { "calls_off" });
            let mut kinds: Vec<_> = app
                .hub
                .accepted()
                .iter()
                .map(|request| match request.headers.get("apns-push-type") {
                    Some(push_type) => push_type.clone(),
                    None => body(request)["message"]["android"]["priority"].to_string(),
                })
                .collect();
            kinds.sort();
            let expected: &[&str] = if rings { &["\"HIGH\"", "voip"] } else { &[] };
            prop_assert_eq!(kinds, expected);
            Ok(())
        })
    });
    tried.unwrap();
}
