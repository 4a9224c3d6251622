//! Bearer tokens of Microsoft Entra, with the keys of a tenant that the test plays.
//!
//! The two private keys beside this file sign nothing else.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::Utc;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair, RsaPublicKeyComponents};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::PATH;
use crate::support::*;

const TENANT: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";
const AUDIENCE: &str = "api://acs-push";
const ROLE: &str = "AzureEventGridSecureWebhookSubscriber";

/// A private key and its id.
struct Signer {
    id: &'static str,
    key: RsaKeyPair,
}

impl Signer {
    fn first() -> Self {
        Self { id: "first", key: RsaKeyPair::from_der(include_bytes!("first.der")).unwrap() }
    }

    fn second() -> Self {
        Self { id: "second", key: RsaKeyPair::from_der(include_bytes!("second.der")).unwrap() }
    }

    fn jwk(&self) -> Value {
        let RsaPublicKeyComponents::<Vec<u8>> { n, e } = self.key.public().into();
        let text = |number: &[u8]| URL_SAFE_NO_PAD.encode(number);
        json!({"kty": "RSA", "use": "sig", "kid": self.id, "n": text(&n), "e": text(&e)})
    }

    fn sign(&self, claims: &Value) -> String {
        self.sign_with(&json!({"typ": "JWT", "alg": "RS256", "kid": self.id}), claims)
    }

    fn sign_with(&self, header: &Value, claims: &Value) -> String {
        let message = message(header, claims);
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature).unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

fn message(header: &Value, claims: &Value) -> String {
    [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".")
}

/// What answers in place of `login.microsoftonline.com`.
#[derive(Clone)]
struct Authority {
    address: String,
    /// The status and the body of its answers.
    answer: Arc<Mutex<(u16, String)>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Authority {
    async fn start(keys: &[&Signer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let authority = Self { address, answer: Arc::default(), asked: Arc::default() };
        authority.publish(keys);
        let answering = authority.clone();
        tokio::spawn(async move {
            loop {
                let (mut connection, _) = listener.accept().await.unwrap();
                let mut request = vec![0; 4096];
                let length = connection.read(&mut request).await.unwrap();
                let request = String::from_utf8_lossy(&request[..length]).into_owned();
                answering.asked.lock().unwrap().push(request.lines().next().unwrap_or_default().to_owned());
                let (status, body) = answering.answer.lock().unwrap().clone();
                let head =
                    format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
                connection.write_all((head + &body).as_bytes()).await.unwrap();
            }
        });
        authority
    }

    /// Publishes these keys, and one that is not RSA.
    fn publish(&self, keys: &[&Signer]) {
        let mut all: Vec<Value> = keys.iter().map(|signer| signer.jwk()).collect();
        all.push(json!({"kty": "EC", "kid": "curve", "crv": "P-256", "x": "AA", "y": "AA"}));
        self.answer_with(200, &json!({ "keys": all }).to_string());
    }

    fn answer_with(&self, status: u16, body: &str) {
        *self.answer.lock().unwrap() = (status, body.to_owned());
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    fn issuer(&self) -> String {
        format!("{}/{TENANT}/v2.0", self.address)
    }

    /// What a right token claims, changed as `change` says; a null takes a claim away.
    fn claims(&self, change: &Value) -> Value {
        let now = Utc::now().timestamp();
        let mut claims = json!({"iss": self.issuer(), "aud": AUDIENCE, "nbf": now - 60, "iat": now - 60, "exp": now + 3600,
            "appid": "4962773b-9cdb-44cf-a8bf-237846a00ab7", "roles": ["Other", ROLE], "tid": TENANT});
        for (name, value) in change.as_object().unwrap() {
            if value.is_null() {
                claims.as_object_mut().unwrap().remove(name);
            } else {
                claims[name] = value.clone();
            }
        }
        claims
    }

    async fn app(&self, more: &[(&str, &str)]) -> App {
        let tenant = format!("{}/{TENANT}", self.address);
        let settings = [("WEBHOOK_ENTRA_TENANT", tenant.as_str()), ("WEBHOOK_ENTRA_AUDIENCE", AUDIENCE)];
        App::webhook(&[&settings[..], more].concat()).await
    }
}

async fn post(app: &App, token: &str) -> Reply {
    let request = app.request(Method::POST, PATH).header("authorization", format!("Bearer {token}"));
    Reply::of(request.body("[]")).await
}

#[tokio::test]
async fn a_right_token_may_post_whichever_version_of_the_platform_issued_it() {
    let signer = Signer::first();
    let authority = Authority::start(&[&signer]).await;
    let app = authority.app(&[]).await;
    let now = Utc::now().timestamp();
    for change in [
        json!({}),
        json!({"iss": format!("https://sts.windows.net/{TENANT}/"), "ver": "1.0"}),
        json!({"aud": [AUDIENCE, "other"]}),
        json!({"roles": [ROLE]}),
        // Clocks may differ by some minutes.
        json!({"exp": now - 240}),
        json!({"nbf": now + 240}),
    ] {
        let reply = post(&app, &signer.sign(&authority.claims(&change))).await;
        assert_eq!(reply.status, 200, "{change}: {reply:?}");
    }
    let asked = format!("GET /{TENANT}/discovery/v2.0/keys HTTP/1.1");
    assert_eq!(authority.asked(), [asked], "the keys are kept");
}

#[tokio::test]
async fn a_wrong_token_is_401_or_403_and_says_why() {
    let signer = Signer::first();
    let authority = Authority::start(&[&signer]).await;
    let app = authority.app(&[]).await;
    let now = Utc::now().timestamp();
    for (change, status, told) in [
        (json!({"exp": now - 400}), 401, "has expired"),
        (json!({"nbf": now + 400}), 401, "is not valid yet"),
        (json!({"aud": "api://other"}), 401, "another audience than WEBHOOK_ENTRA_AUDIENCE"),
        (json!({"iss": format!("https://sts.windows.net/{}/", TENANT.replace('7', "8"))}), 401, "of another tenant"),
        (json!({"iss": format!("{}/v2.0", authority.address)}), 401, "of another tenant"),
        (json!({"exp": null}), 401, "lacks one of the claims"),
        (json!({"nbf": "tomorrow"}), 401, "lacks one of the claims"),
        (json!({"aud": null}), 401, "lacks one of the claims"),
        (json!({"iss": null}), 401, "lacks one of the claims"),
        (json!({"roles": ["Other"]}), 403, "lacks the app role"),
        (json!({"roles": null}), 403, "lacks the app role"),
        (json!({"roles": ROLE}), 401, "cannot be read"),
    ] {
        let reply = post(&app, &signer.sign(&authority.claims(&change))).await;
        assert_eq!(reply.status, status, "{change}: {reply:?}");
        assert!(reply.text.contains(told), "{change}: {reply:?}");
    }
    let other = authority.app(&[("WEBHOOK_ENTRA_ROLE", "Other")]).await;
    assert_eq!(post(&other, &signer.sign(&authority.claims(&json!({"roles": ["Other"]})))).await.status, 200);
}

#[tokio::test]
async fn a_token_that_the_tenant_did_not_sign_is_401() {
    let (signer, stranger) = (Signer::first(), Signer::second());
    let authority = Authority::start(&[&signer]).await;
    let app = authority.app(&[]).await;
    let claims = authority.claims(&json!({}));
    let public = URL_SAFE_NO_PAD.decode(signer.jwk()["n"].as_str().unwrap()).unwrap();
    let with_public_key = |algorithm: &str| {
        let message = message(&json!({"alg": algorithm, "kid": "first"}), &claims);
        let mut mac = Hmac::<Sha256>::new_from_slice(&public).unwrap();
        mac.update(message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    };
    let right = signer.sign(&claims);
    let (head, signature) = right.rsplit_once('.').unwrap();
    let elsewhere = signer.sign(&authority.claims(&json!({"roles": ["Other"]})));
    let (_, signature_of_another) = elsewhere.rsplit_once('.').unwrap();
    for (what, token) in [
        ("alg none", format!("{}.", message(&json!({"alg": "none", "kid": "first"}), &claims))),
        ("alg None with a signature", signer.sign_with(&json!({"alg": "None", "kid": "first"}), &claims)),
        ("HS256 with the public key", with_public_key("HS256")),
        ("RS256 with an HMAC", with_public_key("RS256")),
        ("RS512 in the header", signer.sign_with(&json!({"alg": "RS512", "kid": "first"}), &claims)),
        ("no key id", signer.sign_with(&json!({"alg": "RS256"}), &claims)),
        ("an unknown key id", stranger.sign(&claims)),
        ("a stranger's signature", stranger.sign_with(&json!({"alg": "RS256", "kid": "first"}), &claims)),
        ("the signature of another token", format!("{head}.{signature_of_another}")),
        ("a cut signature", format!("{head}.{}", &signature[..20])),
        ("no signature", format!("{head}.")),
        ("no token", "token".to_owned()),
        ("nothing", String::new()),
    ] {
        let reply = post(&app, &token).await;
        assert_eq!(reply.status, 401, "{what}: {reply:?}");
    }
    assert_eq!(Reply::of(app.request(Method::POST, PATH).body("[]")).await.status, 401, "no token at all");
    assert_eq!(post(&app, &right).await.status, 200);
}

#[tokio::test]
async fn new_keys_are_fetched_when_a_token_names_one_and_invented_ones_cause_few_requests() {
    let (first, second) = (Signer::first(), Signer::second());
    let authority = Authority::start(&[&first]).await;
    let app = authority.app(&[]).await;
    let claims = authority.claims(&json!({}));
    assert_eq!(post(&app, &first.sign(&claims)).await.status, 200);
    assert_eq!(post(&app, &second.sign(&claims)).await.status, 401, "the tenant has no such key yet");
    authority.publish(&[&second]);
    assert_eq!(post(&app, &second.sign(&claims)).await.status, 200, "the key was rolled");
    assert_eq!(post(&app, &first.sign(&claims)).await.status, 401, "the old one was withdrawn");
    let invented = |n: usize| first.sign_with(&json!({"alg": "RS256", "kid": format!("invented-{n}")}), &claims);
    let mut answers = Vec::new();
    for n in 0..20 {
        answers.push(post(&app, &invented(n)).await.status);
    }
    // Not 401: the tenant may have rolled its keys since, and Event Grid would not send the events again.
    assert_eq!(answers.last(), Some(&503));
    assert_eq!(authority.asked().len(), 10, "{answers:?}");
    assert_eq!(post(&app, &second.sign(&claims)).await.status, 200, "known keys are not held up");
}

#[tokio::test]
async fn what_cannot_be_verified_now_is_503_until_the_keys_can_be_fetched() {
    let (first, second) = (Signer::first(), Signer::second());
    let authority = Authority::start(&[&first]).await;
    let app = authority.app(&[]).await;
    let token = first.sign(&authority.claims(&json!({})));
    for (status, body) in [(500, "down"), (302, ""), (200, "no JSON"), (200, "{}")] {
        authority.answer_with(status, body);
        let reply = post(&app, &token).await;
        assert_eq!((reply.status, reply.headers["retry-after"].as_str()), (503, "30"), "{status}: {reply:?}");
        assert!(reply.text.contains("cannot be verified now: the tenant's authority answered"), "{reply:?}");
    }
    authority.publish(&[&first]);
    assert_eq!(post(&app, &token).await.status, 200);
    authority.answer_with(500, "down");
    assert_eq!(post(&app, &token).await.status, 200, "the keys that are known are used");
    let unknown = second.sign(&authority.claims(&json!({})));
    assert_eq!(post(&app, &unknown).await.status, 503, "nobody can say whose key that is");
}

/// Lets that time pass for the program at once. Times in tokens go by the computer's own clock.
async fn pass(hours: u64, minutes: u64) {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs((hours * 60 + minutes) * 60)).await;
    tokio::time::resume();
}

#[tokio::test]
async fn keys_are_fetched_again_after_an_hour_and_used_for_a_day_while_they_cannot_be_fetched() {
    let signer = Signer::first();
    let authority = Authority::start(&[&signer]).await;
    let app = authority.app(&[]).await;
    let token = signer.sign(&authority.claims(&json!({})));
    let status = || async { post(&app, &token).await.status };
    assert_eq!((status().await, authority.asked().len()), (200, 1));
    pass(0, 59).await;
    assert_eq!((status().await, authority.asked().len()), (200, 1));
    pass(0, 1).await;
    assert_eq!((status().await, authority.asked().len()), (200, 2));
    authority.answer_with(500, "down");
    pass(23, 59).await;
    assert_eq!((status().await, authority.asked().len()), (200, 3));
    pass(0, 1).await;
    assert_eq!((status().await, authority.asked().len()), (503, 4), "they are as old as a day");
    authority.publish(&[&Signer::second()]);
    assert_eq!(status().await, 401, "the key was withdrawn meanwhile");
}

#[tokio::test]
async fn a_key_is_enough_where_both_are_set_and_the_handshake_needs_no_token() {
    let signer = Signer::first();
    let authority = Authority::start(&[&signer]).await;
    let app = authority.app(&[("WEBHOOK_KEY", "a-key-of-the-webhook")]).await;
    let by_key = |key: &str| app.request(Method::POST, PATH).header("x-functions-key", key).body("[]");
    assert_eq!(Reply::of(by_key("a-key-of-the-webhook")).await.status, 200);
    assert_eq!(Reply::of(by_key("another")).await.status, 401);
    let right = signer.sign(&authority.claims(&json!({})));
    assert_eq!(Reply::of(by_key("another").header("authorization", format!("Bearer {right}"))).await.status, 200);
    let handshake = app.request(Method::OPTIONS, PATH).header("webhook-request-origin", "eventgrid.azure.net");
    assert_eq!(Reply::of(handshake).await.status, 200);
    let handshake = app.request(Method::OPTIONS, PATH).header("webhook-request-origin", "eventgrid.azure.net");
    assert_eq!(Reply::of(handshake.header("authorization", "Bearer wrong")).await.status, 401);
}

#[tokio::test]
async fn a_handshake_with_a_wrong_key_is_refused_where_there_are_keys_and_a_tenant() {
    let authority = Authority::start(&[&Signer::first()]).await;
    let handshake = |app: &App| {
        let handshake = app.request(Method::OPTIONS, PATH).header("webhook-request-origin", "eventgrid.azure.net");
        Reply::of(handshake.header("x-functions-key", "another"))
    };
    let app = authority.app(&[("WEBHOOK_KEY", "a-key-of-the-webhook")]).await;
    let refused = handshake(&app).await;
    assert_eq!(refused.status, 401);
    assert!(refused.text.contains("the key is none of WEBHOOK_KEY"), "{}", refused.text);
    // Without keys there is none that it could be.
    assert_eq!(handshake(&authority.app(&[]).await).await.status, 200);
}
