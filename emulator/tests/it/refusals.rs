//! Refused sends, in the order of the checks: address, API version, method, headers, size.

use std::time::Duration;

use notification_hubs_emulator::{Budget, Emulator, HubOptions, Mode, Options, Right, Rule};
use reqwest::Method;

use crate::client::{apple, fcm, good_token, now, rule, start, start_hub, token};

#[tokio::test]
async fn an_unknown_hub_is_a_404_for_a_valid_token_only() {
    let rules = vec![Rule::default(), rule("listen", Right::Listen)];
    let emulator = Emulator::start(Options { rules, ..Options::default() }).await.unwrap();
    let no_service = (404, "No service is hosted at the specified address.".to_owned());
    for target in
        ["other/messages?direct&api-version=2020-06", "other/installations/1", "acs-push-dev/nothing", "nothing"]
    {
        let send = apple(&emulator).target(&format!("/{target}"));
        assert_eq!(send.refusal().await, no_service, "{target}");
        assert_eq!(send.without("Authorization").status().await, 401, "{target}");
    }
    let hubs: Vec<_> = emulator.requests().into_iter().map(|request| request.hub).collect();
    assert_eq!(hubs, ["other"; 4], "a path that is no resource of the service is not recorded");
    let listen = token(&emulator.url(), "listen", "listen-1", now() + 300);
    let send = apple(&emulator).target("/other/messages").header("Authorization", &listen);
    assert_eq!(send.status().await, 403);
}

#[tokio::test]
async fn api_version_must_be_a_known_one() {
    let emulator = start().await;
    for query in ["direct", "direct&api-version=", "direct&api-version=2099-01"] {
        let send = apple(&emulator).target(&format!("/acs-push-dev/messages?{query}"));
        let (status, detail) = send.refusal().await;
        assert!(status == 400 && detail.contains("'api-version'"), "{query}: {status} {detail}");
    }
}

#[tokio::test]
async fn messages_take_post_only() {
    let emulator = start().await;
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let send = apple(&emulator).method(method.clone()).body("");
        let response = send.send().await;
        assert_eq!((response.status().as_u16(), method), (405, send.method));
        assert_eq!(response.headers()["allow"], "POST");
    }
}

#[tokio::test]
async fn a_missing_or_unknown_format_is_refused_with_the_text_of_the_service() {
    let emulator = start().await;
    let refused = |value: &str| {
        let text = format!(
            "The HTTP header 'ServiceBusNotification-Format' has an invalid value: '{value}'. \
             Allowed values are 'windows', 'apple', 'gcm', 'fcmv1', 'template', 'adm', 'baidu', \
             'browser', 'xiaomi', or 'windowsphone'."
        );
        (400, text)
    };
    for format in ["fcm", "fcmlegacy", "apns"] {
        let send = apple(&emulator).header("ServiceBusNotification-Format", format);
        assert_eq!(send.refusal().await, refused(format));
    }
    let send = apple(&emulator).without("ServiceBusNotification-Format");
    assert_eq!(send.refusal().await, refused(""));
}

#[tokio::test]
async fn a_direct_send_needs_a_device_handle_and_is_not_a_template() {
    let emulator = start().await;
    let send = apple(&emulator).without("ServiceBusNotification-DeviceHandle");
    let (status, detail) = send.refusal().await;
    assert!(status == 400 && detail.contains("DeviceHandle"), "{detail}");
    let send = apple(&emulator).header("ServiceBusNotification-Format", "template");
    let (status, detail) = send.refusal().await;
    assert!(status == 400 && detail.contains("template"), "{detail}");
}

#[tokio::test]
async fn an_apple_handle_that_is_not_hexadecimal_is_refused_in_both_modes() {
    let text = "One or more characters in device token is not a hexadecimal digit.".to_owned();
    for mode in [Mode::Strict, Mode::Faithful] {
        let emulator = start_hub(HubOptions::new("hub"), mode).await;
        for handle in ["ag", "ab cd", "-", "<ab>"] {
            let send = apple(&emulator).header("ServiceBusNotification-DeviceHandle", handle);
            assert_eq!(send.refusal().await, (400, text.clone()), "{handle}");
        }
        let token_of_fcm = fcm(&emulator).header("ServiceBusNotification-DeviceHandle", "ag:APA91b-x");
        assert_eq!(token_of_fcm.status().await, 201);
    }
}

#[tokio::test]
async fn a_content_type_that_does_not_fit_the_format_is_refused() {
    let emulator = start().await;
    for send in [
        apple(&emulator).header("Content-Type", "text/plain"),
        apple(&emulator).header("Content-Type", "application/jsonx"),
        fcm(&emulator).header("Content-Type", "application/xml"),
        apple(&emulator).without("Content-Type"),
        apple(&emulator).header("ServiceBusNotification-Format", "windows"),
    ] {
        let (status, detail) = send.refusal().await;
        assert!(status == 400 && detail.contains("'Content-Type'"), "{status} {detail}");
    }
}

#[tokio::test]
async fn a_body_over_64_kib_is_too_large_in_both_modes() {
    let limit = 65_536;
    for mode in [Mode::Strict, Mode::Faithful] {
        let emulator = start_hub(HubOptions::new("hub"), mode).await;
        let json = |size: usize| format!("{{\"aps\":{{}},\"x\":\"{}\"}}", "x".repeat(size - 17));
        let sized = |size| apple(&emulator).body(json(size));
        let too_large = (413, "The message size cannot be over 64 KB.".to_owned());
        assert_eq!(sized(limit + 1).refusal().await, too_large);
        // The whole body is read, so that a client that writes it first gets the answer.
        assert_eq!(sized(limit * 100).refusal().await, too_large);
        assert_eq!(emulator.requests()[0].body.len(), limit);
        let at_the_limit = sized(limit).status().await;
        assert_eq!(at_the_limit, if mode == Mode::Strict { 400 } else { 201 });
    }
}

#[tokio::test]
async fn a_body_that_is_not_json_is_refused_in_both_modes() {
    for mode in [Mode::Strict, Mode::Faithful] {
        let emulator = start_hub(HubOptions::new("hub"), mode).await;
        for body in ["", "hello", r#"{"message": "notification":{}}"#] {
            let text = "The supplied notification payload is invalid".to_owned();
            assert_eq!(fcm(&emulator).body(body).refusal().await, (400, text.clone()));
            assert_eq!(apple(&emulator).body(body).refusal().await, (400, text));
        }
    }
}

#[tokio::test]
async fn a_browser_send_needs_both_keys() {
    let emulator = start().await;
    let send = apple(&emulator).header("ServiceBusNotification-Format", "browser");
    for header in ["P256DH", "Auth"] {
        let (status, detail) = send.clone().header(header, "x").refusal().await;
        assert!(status == 400 && detail.contains("'P256DH' and 'Auth'"), "{status} {detail}");
    }
}

#[tokio::test]
async fn what_is_not_emulated_is_a_501() {
    let emulator = start().await;
    for (target, what) in [
        ("messages/$batch?api-version=2020-06", "a batch without 'direct'"),
        ("installations?api-version=2020-06", "installations"),
        ("schedulednotifications?api-version=2020-06", "schedulednotifications"),
        ("jobs?api-version=2020-06", "jobs"),
        ("?api-version=2020-06", "management of hubs"),
        ("../$Resources/NotificationHubs?api-version=2020-06", "management of hubs"),
    ] {
        let send = apple(&emulator).target(&format!("/acs-push-dev/{target}"));
        let (status, detail) = send.refusal().await;
        assert!(status == 501 && detail.contains(what), "{target}: {status} {detail}");
        assert!(detail.contains("not emulated yet"), "{detail}");
        // Without a token the answer is a 401.
        assert_eq!(send.without("Authorization").refusal().await.0, 401);
    }
}

#[tokio::test]
async fn a_throttled_send_gets_the_status_of_its_api_version_and_retry_after() {
    let budget = Some(Budget { sends: 2, per: Duration::from_secs(600) });
    let emulator = start_hub(HubOptions { budget, ..HubOptions::new("hub") }, Mode::Strict).await;
    // A send that is refused for another reason does not count.
    assert_eq!(apple(&emulator).body("no json").status().await, 400);
    assert_eq!([apple(&emulator).status().await, fcm(&emulator).status().await], [201, 201]);
    for (version, status) in [("2020-06", 429), ("2017-04", 403)] {
        let send = apple(&emulator).target(&format!("/hub/messages?direct&api-version={version}"));
        let response = send.send().await;
        assert_eq!(response.status(), status, "{version}");
        let seconds: u64 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((500..=600).contains(&seconds), "{seconds}");
    }
}

#[tokio::test]
async fn the_first_mistake_is_the_one_that_is_answered() {
    let emulator = start().await;
    let mut send = apple(&emulator)
        .target("/acs-push-dev/messages")
        .method(Method::PUT)
        .header("ServiceBusNotification-Format", "fcm")
        .header("Content-Type", "text/plain")
        .without("ServiceBusNotification-DeviceHandle")
        .without("Authorization")
        .body("x".repeat(70_000));
    let mut told = Vec::new();
    told.push(send.refusal().await.0);
    send = send.header("Authorization", &good_token(&emulator));
    told.push(send.refusal().await.0);
    send = send.target("/acs-push-dev/messages?direct&api-version=2020-06");
    told.push(send.refusal().await.0);
    send = send.method(Method::POST);
    assert!(send.refusal().await.1.contains("-Format"));
    send = send.header("ServiceBusNotification-Format", "apple");
    assert!(send.refusal().await.1.contains("-DeviceHandle"));
    send = send.header("ServiceBusNotification-DeviceHandle", "a");
    assert!(send.refusal().await.1.contains("Content-Type"));
    send = send.header("Content-Type", "application/json");
    told.push(send.refusal().await.0);
    send = send.body("no json");
    told.push(send.refusal().await.0);
    assert_eq!(told, [401, 400, 405, 413, 400]);
}
