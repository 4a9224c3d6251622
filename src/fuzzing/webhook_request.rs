//! A request to the webhook: a line with method and path, its headers, after an empty line the body.

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use tokio::time::Instant;

use super::{NOW, block_on};
use crate::app::Handler;
use crate::client::Client;
use crate::server::{Front, Request};
use crate::settings::Config;
use crate::storage::store::Store;
use crate::webhook::Webhook;
use crate::webhook::routes::{Route, Target};

/// Stand for the keys in the inputs.
const PLACES: [&str; 2] = ["{KEY}", "{ADMIN}"];
const KEY: &str = "planted-key-of-the-webhook";
const ADMIN: &str = "planted-key-of-the-administrator";

static PARTS: LazyLock<(Config, Client)> = LazyLock::new(|| {
    let hub = "Endpoint=http://127.0.0.1:9/;SharedAccessKeyName=r;SharedAccessKey=a2V5";
    let settings = [
        ("NOTIFICATION_HUB_NAME", "hub"),
        ("NOTIFICATION_HUB_CONNECTION_STRING", hub),
        ("STORE", "memory"),
        ("WEBHOOK_KEY", KEY),
        ("ADMIN_KEY", ADMIN),
    ];
    (Config::for_webhook(settings).expect("the settings are right"), Client::without_certificates())
});

/// Nobody gets further than their key allows, and whoever asks gets an answer that can be read.
pub fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data).replace(PLACES[0], KEY).replace(PLACES[1], ADMIN);
    let (head, body) = text.split_once("\n\n").unwrap_or((&text, ""));
    let mut lines = head.lines();
    let Some((method, path)) = lines.next().and_then(|line| line.split_once(' ')) else { return };
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let headers = lines.filter_map(|line| line.split_once(": "));
    let Some(route) = Route::of_parts(method, path, query, headers) else { return };
    let (config, client) = &*PARTS;
    let handler = Handler::on(Arc::new(Store::memory()), client.clone(), config);
    let settings = config.webhook.as_ref().expect("they are for a webhook");
    let webhook = Webhook::new(handler.service, settings, client.clone());
    let needed = match &route.target {
        Target::Deliveries(_) | Target::Handshake(_) => Some(KEY),
        Target::Installation(..) | Target::Status(_) | Target::Metrics => Some(ADMIN),
        Target::Health | Target::Readiness | Target::OtherMethod(_) | Target::Unknown => None,
    };
    let is_metrics = matches!(route.target, Target::Metrics);
    let is_handshake = matches!(route.target, Target::Handshake(_));
    let response = block_on(async {
        match webhook.admit(&route).await {
            Ok(()) => {
                let body = Bytes::copy_from_slice(body.as_bytes());
                webhook.answer(Request { route, body: body.into(), began: Instant::now(), now: NOW }).await
            }
            Err(refusal) => {
                assert_eq!(refusal.status(), 401, "who has no key is unauthorized");
                refusal
            }
        }
    });
    let status = response.status().as_u16();
    assert!([200, 201, 204, 400, 401, 404, 405, 415, 503].contains(&status), "{status}");
    // The key may be written in any way that a URL allows.
    let may_have_key = |key: &str| query.contains('%') || query.contains('+') || head.contains(key);
    assert!(needed.is_none_or(may_have_key) || status == 401, "{status} without the key");
    let body = String::from_utf8_lossy(response.body());
    let is_json = serde_json::from_str::<serde_json::Value>(&body).is_ok();
    assert!(is_json || status == 204 || ((is_metrics || is_handshake) && status == 200), "{body}");
    // Only a subscription's code is repeated, and it is in the body of the request.
    let is_repeated = |key: &str| text.matches(key).count() == 1 && head.contains(key) && !path.contains(key);
    for key in [KEY, ADMIN] {
        assert!(!is_repeated(key) || !body.contains(key), "a key is told");
    }
}
