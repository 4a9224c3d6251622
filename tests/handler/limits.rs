//! What a registration and a command's file may hold: each limit is reached, and one more is refused with a sentence that names it.

use serde_json::{Value, json};

use crate::binary::command;
use crate::support::*;

fn with(member: &str, value: Value) -> Value {
    let mut phone = json!({"userId": BOB, "platform": "fcmv1", "pushChannel": ANDROID});
    phone[member] = value;
    phone
}

fn numbers(count: usize) -> Value {
    json!((0..count).map(|number| format!("1555000{number:04}")).collect::<Vec<_>>())
}

fn windows(count: usize) -> Value {
    let window = |minute| json!({"days": ["mon"], "from": format!("01:{minute:02}"), "to": format!("02:{minute:02}")});
    json!({"timeZone": "Asia/Seoul", "windows": (0..count).map(window).collect::<Vec<_>>()})
}

fn threads(count: usize) -> Value {
    json!((0..count).map(|number| format!("19:{number}@thread.v2")).collect::<Vec<_>>())
}

/// An installation of so many members, most of which mean nothing.
fn members(count: usize) -> Value {
    let mut phone = with("platform", json!("fcmv1"));
    for number in 3..count {
        phone[format!("extra{number}")] = json!(number);
    }
    phone
}

#[tokio::test]
async fn each_member_of_a_registration_may_be_as_large_as_its_limit_and_no_larger() {
    let app = App::start().await;
    let text = |length: usize| json!("x".repeat(length));
    let user = |length: usize| json!(format!("8:{}", "x".repeat(length - 2)));
    for (name, at, above) in [
        ("userId", with("userId", user(256)), with("userId", user(257))),
        ("pushChannel", with("pushChannel", text(2048)), with("pushChannel", text(2049))),
        ("phoneNumbers", with("phoneNumbers", numbers(20)), with("phoneNumbers", numbers(21))),
        ("mutedThreads", with("mutedThreads", threads(200)), with("mutedThreads", threads(201))),
        ("quietHours", with("quietHours", windows(20)), with("quietHours", windows(21))),
        ("body", members(100), members(101)),
    ] {
        let reply = app.put("phone", &at).await;
        assert!(matches!(reply.status, 200 | 201), "{name}: {reply:?}");
        let reply = app.put("phone", &above).await;
        let message = reply.json()["error"]["message"].as_str().unwrap_or_default().to_owned();
        assert!(reply.status == 400 && message.starts_with(name), "{name}: {reply:?}");
    }
    let phone = with("userId", json!(BOB));
    assert_eq!(app.put(&"i".repeat(256), &phone).await.status, 201);
    assert_eq!(app.put(&"i".repeat(257), &phone).await.status, 400);
}

#[tokio::test]
async fn a_user_and_a_number_have_as_many_devices_as_the_settings_say_and_the_oldest_goes() {
    let app = App::with(&[("INSTALLATIONS_PER_USER", "3"), ("INSTALLATIONS_PER_NUMBER", "2")]).await;
    for (member, value, limit) in [("userId", json!(BOB), 3), ("phoneNumbers", json!(["15551234567"]), 2)] {
        let owner = |number: usize| {
            let mut phone = json!({"platform": "fcmv1", "pushChannel": format!("token-{member}-{number}")});
            phone[member] = value.clone();
            phone
        };
        for number in 0..=limit {
            assert_eq!(app.put(&format!("{member}{number}"), &owner(number)).await.status, 201);
            let gone = app.get(&format!("/api/installations/{member}0")).await.status == 404;
            assert_eq!(gone, number == limit, "{member} {number}");
        }
    }
}

#[tokio::test]
async fn a_file_of_64_mib_is_read_and_a_larger_one_is_not() {
    const LIMIT: usize = 64 * 1024 * 1024;
    let (hub, folder) = (emulator().await, tempfile::tempdir().unwrap());
    let send = async || {
        let mut command = command(&vars(&hub, &[]), folder.path());
        let output = command.args(["send", "events.json", "--dry-run"]).output().await.unwrap();
        (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    };
    let mut file = sms("e1", "15551234567", "Hello").to_string().into_bytes();
    for (length, code, told) in [
        (LIMIT - 1, Some(0), "event 1: e1\n"),
        (LIMIT, Some(0), "event 1: e1\n"),
        (LIMIT + 1, Some(1), "events.json is too large: expected at most 64 MiB"),
    ] {
        file.resize(length, b' ');
        std::fs::write(folder.path().join("events.json"), &file).unwrap();
        let output = send().await;
        assert!(output.0 == code && output.1.contains(told), "{length}: {output:?}");
    }
}
