//! Authorization: SAS tokens in requests, in the order in which they are refused.

use std::time::Duration;

use notification_hubs_emulator::{Emulator, HubOptions, Options, Right, Rule};
use reqwest::Method;

use crate::client::{RULE, apple, good_token, now, primary_key, rule, start, token};

const SECONDARY_KEY: &str = "NotificationHubsEmulatorKeyForLocalUseOnly4=";

#[tokio::test]
async fn a_request_without_a_valid_token_is_refused_with_the_reason() {
    let emulator = start().await;
    let (url, key) = (emulator.url(), primary_key(&emulator));
    let good = good_token(&emulator);
    let signed = |address: &str, expiry| token(address, RULE, &key, expiry);
    for (authorization, code) in [
        ("Bearer x".to_owned(), "MalformedToken"),
        (good.replace("&skn", "&kns"), "MalformedToken"),
        (good.replace("skn=Default", "skn=Other"), "InvalidSignature"),
        (token(&url, RULE, "wrong", now() + 300), "InvalidSignature"),
        (signed(&url, now()), "ExpiredToken"),
        (signed("https://elsewhere.servicebus.windows.net/", now() + 300), "InvalidAudience"),
        (signed(&format!("{url}/acs-push"), now() + 300), "InvalidAudience"),
    ] {
        let send = apple(&emulator).header("Authorization", &authorization);
        let (status, detail) = send.refusal().await;
        assert_eq!(status, 401, "{detail}");
        assert!(detail.starts_with(&format!("{code}: ")), "{code}: {detail}");
    }
    let (status, detail) = apple(&emulator).without("Authorization").refusal().await;
    assert!(status == 401 && detail.starts_with("MissingToken: "), "{status} {detail}");
    assert!(emulator.accepted().is_empty());
}

#[tokio::test]
async fn known_error_texts_are_word_for_word() {
    let emulator = start().await;
    let expired = token(&emulator.url(), RULE, &primary_key(&emulator), now() - 1);
    let forged = token(&emulator.url(), RULE, "wrong", now() + 300);
    for (authorization, text) in [
        (forged, "InvalidSignature: The token has an invalid signature."),
        (expired, "ExpiredToken: The token is expired."),
        (
            "WRAP access_token=x".to_owned(),
            "MalformedToken: The credentials contained in the authorization header are not in \
             the WRAP format.",
        ),
    ] {
        let send = apple(&emulator).header("Authorization", &authorization);
        assert_eq!(send.refusal().await, (401, text.to_owned()));
    }
}

#[tokio::test]
async fn an_expired_token_is_valid_within_the_clock_skew() {
    let clock_skew = Duration::from_secs(300);
    let emulator = Emulator::start(Options { clock_skew, ..Options::default() }).await.unwrap();
    for (age, status) in [(290, 201), (301, 401)] {
        let authorization = token(&emulator.url(), RULE, &primary_key(&emulator), now() - age);
        assert_eq!(apple(&emulator).header("Authorization", &authorization).status().await, status, "{age}");
    }
}

#[tokio::test]
async fn the_audience_may_be_namespace_hub_or_resource_in_any_scheme() {
    let emulator = start().await;
    let (port, key) = (emulator.port(), primary_key(&emulator));
    for address in [
        format!("http://127.0.0.1:{port}"),
        format!("sb://127.0.0.1:{port}/"),
        "https://127.0.0.1/ACS-push-dev".to_owned(),
        "http://127.0.0.1/acs-push-dev/messages/".to_owned(),
        "https://localhost/acs-push-dev/messages?api-version=2020-06&direct".to_owned(),
    ] {
        let authorization = token(&address, RULE, &key, now() + 300);
        let status = apple(&emulator).header("Authorization", &authorization).status().await;
        assert_eq!(status, 201, "{address}");
    }
}

#[tokio::test]
async fn the_audience_may_be_the_host_of_the_host_header() {
    let emulator = start().await;
    let address = "https://contoso.servicebus.windows.net/acs-push-dev";
    let authorization = token(address, RULE, &primary_key(&emulator), now() + 300);
    let send = apple(&emulator).header("Authorization", &authorization);
    assert_eq!(send.refusal().await.0, 401);
    let send = send.header("Host", "Contoso.servicebus.windows.net:443");
    assert_eq!(send.status().await, 201);
}

#[tokio::test]
async fn a_rule_without_send_gets_an_empty_403_before_the_request_is_checked() {
    let rules = vec![rule("listen", Right::Listen), rule("send", Right::Send)];
    let emulator = Emulator::start(Options { rules, ..Options::default() }).await.unwrap();
    let listen = token(&emulator.url(), "listen", "listen-1", now() + 300);
    let send = apple(&emulator).header("Authorization", &listen).target("/acs-push-dev/messages");
    let response = send.send().await;
    assert_eq!(response.status(), 403);
    assert_eq!(response.headers()["content-length"], "0");
    assert!(response.headers().contains_key("trackingid"));
    assert!(response.headers().contains_key("x-ms-correlation-request-id"));
    assert!(!response.headers().contains_key("retry-after"));
    assert_eq!(emulator.requests()[0].reason.as_deref(), Some("the rule has no Send right"));
    // Only a POST needs the right.
    let get = send.method(Method::GET).target("/acs-push-dev/messages?api-version=2020-06");
    assert_eq!(get.refusal().await.0, 405);

    let send = token(&emulator.url(), "send", "send-2", now() + 300);
    assert_eq!(apple(&emulator).header("Authorization", &send).status().await, 201);
}

#[tokio::test]
async fn each_resource_needs_its_own_right() {
    let rules = vec![rule("listen", Right::Listen), rule("send", Right::Send), rule("manage", Right::Manage)];
    let emulator = Emulator::start(Options { rules, ..Options::default() }).await.unwrap();
    for (method, resource, allowed) in [
        (Method::POST, "messages/$batch", ["send"].as_slice()),
        (Method::GET, "messages/1", &["manage"]),
        (Method::GET, "feedbackcontainer", &["manage"]),
        (Method::GET, "installations/1", &["listen", "manage"]),
        (Method::PUT, "installations/1", &["listen", "manage"]),
        (Method::PATCH, "installations/1", &["listen", "manage"]),
        (Method::DELETE, "installations/1", &["listen", "manage"]),
    ] {
        for name in ["listen", "send", "manage"] {
            let token = token(&emulator.url(), name, &format!("{name}-1"), now() + 300);
            let target = format!("/acs-push-dev/{resource}?direct&api-version=2020-06");
            let send = apple(&emulator).header("Authorization", &token).method(method.clone()).target(&target);
            let response = send.send().await;
            let is_refused = response.status() == 403 && response.headers()["content-length"] == "0";
            assert_eq!(is_refused, !allowed.contains(&name), "{name} {method} {resource}: {response:?}");
        }
    }
}

#[tokio::test]
async fn a_rule_of_one_hub_is_not_valid_on_another_and_does_not_reveal_which_hubs_exist() {
    let hub = |name: &str, key: &str| HubOptions {
        rules: vec![Rule::send_only(format!("{key}-1"), format!("{key}-2"))],
        ..HubOptions::new(name)
    };
    let (hubs, rules) = (vec![hub("alerts", "a"), hub("calls", "c")], vec![rule("all", Right::Send)]);
    let emulator = Emulator::start(Options { hubs, rules, ..Options::default() }).await.unwrap();
    for (rule, key, hub, expected) in [
        ("Send", "a-1", "alerts", 201),
        ("Send", "a-2", "Alerts", 201),
        ("Send", "c-1", "calls", 201),
        ("Send", "a-1", "calls", 401),
        ("Send", "c-2", "alerts", 401),
        ("Send", "a-1", "nothing", 401),
        ("all", "all-1", "alerts", 201),
        ("all", "all-1", "calls", 201),
        ("all", "all-1", "nothing", 404),
    ] {
        // The token is for the whole namespace, as the JavaScript SDK signs it.
        let authorization = token(&emulator.url(), rule, key, now() + 300);
        let send = apple(&emulator).header("Authorization", &authorization);
        let send = send.target(&format!("/{hub}/messages?direct&api-version=2020-06"));
        assert_eq!(send.status().await, expected, "{rule} {key} at {hub}");
    }
}

#[tokio::test]
async fn the_keys_of_one_hub_rotate_independently() {
    let hub = |name: &str| HubOptions { rules: vec![Rule::send_only("1", "2")], ..HubOptions::new(name) };
    let (hubs, rules) = (vec![hub("alerts"), hub("calls")], Vec::new());
    let emulator = Emulator::start(Options { hubs, rules, ..Options::default() }).await.unwrap();
    emulator.set_keys("calls/Send", "new", "newer");
    for (hub, key) in [("alerts", "1"), ("calls", "new")] {
        let connection_string = emulator.connection_string_of(hub).unwrap();
        assert!(connection_string.ends_with(&format!(";SharedAccessKeyName=Send;SharedAccessKey={key}")));
    }
    assert_eq!(emulator.connection_string(), emulator.connection_string_of("alerts").unwrap());
    assert_eq!(emulator.connection_string_of("nothing"), None);
}

#[tokio::test]
async fn keys_rotate_while_the_emulator_runs() {
    let emulator = start().await;
    let with = |key: &str| {
        let authorization = token(&emulator.url(), RULE, key, now() + 300);
        apple(&emulator).header("Authorization", &authorization)
    };
    let primary = primary_key(&emulator);
    assert_eq!(with(&primary).status().await, 201);
    assert_eq!(with(SECONDARY_KEY).status().await, 201);

    emulator.set_keys(RULE, "new", &primary);
    assert_eq!(primary_key(&emulator), "new");
    assert_eq!(with("new").status().await, 201);
    assert_eq!(with(&primary).status().await, 201);
    assert_eq!(with(SECONDARY_KEY).refusal().await.0, 401);
}

#[tokio::test]
#[should_panic(expected = "no rule named")]
async fn setting_the_keys_of_an_unknown_rule_panics() {
    start().await.set_keys("nobody", "a", "b");
}

#[tokio::test]
async fn the_connection_string_has_the_configured_rule() {
    let rules = vec![Rule { primary_key: "k=".to_owned(), ..rule("mine", Right::Send) }];
    let emulator = Emulator::start(Options { rules, ..Options::default() }).await.unwrap();
    let port = emulator.port();
    assert_eq!(
        emulator.connection_string(),
        format!("Endpoint=http://127.0.0.1:{port}/;SharedAccessKeyName=mine;SharedAccessKey=k=")
    );
}
