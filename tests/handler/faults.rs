//! The table of faults in docs/operate.md: each is caused, its line is found, and nothing secret or personal in what was written.

use std::path::Path;

use notification_hubs_emulator::{Action, Emulator, Fault};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::binary::{Process, command, documents};
use crate::blob::BlobService;
use crate::dead_handles::{emulator_with_feedback, manage, report};
use crate::store_faults::{account, answering, identity};
use crate::support::*;
use crate::tls::{CERTIFICATE, HubBehindTls};

/// What must be in nothing that is written: a handle, a number, a user, what was said and by whom, keys of hub and store.
const SECRETS: [&str; 9] = [
    IPHONE,
    "15551234567",
    "084822000f6d",
    "084822001724",
    "a canary sings",
    "Canary",
    "key-of-",
    "c2VjcmV0",
    "aHViIHNlY3JldA",
];

/// The rows of the table: the fault, and the line that tells it, in which `…` stands for anything.
fn rows() -> Vec<(&'static str, &'static str)> {
    let document = include_str!("../../docs/operate.md");
    let (_, rest) = document.split_once("## Faults and their lines").unwrap();
    let table = rest.split("\n## ").next().unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" | `"));
    rows.map(|(fault, line)| (fault, line.rsplit_once("` |").unwrap().0)).collect()
}

/// Fails unless a line of the output is the one that the table has for the fault.
pub fn assert_told(fault: &str, output: &str) {
    let rows = rows();
    let row = rows.iter().find(|(row, _)| *row == fault);
    let (_, pattern) = row.unwrap_or_else(|| panic!("no row for {fault:?} in docs/operate.md:\n{output}"));
    let is_it = |line: &str| {
        let mut rest = Some(line);
        for part in pattern.split('…') {
            rest = rest.and_then(|rest| rest.split_once(part)).map(|(_, rest)| rest);
        }
        rest.is_some()
    };
    assert!(output.lines().any(is_it), "{fault}: no line is {pattern:?}:\n{output}");
    for secret in SECRETS {
        assert!(!output.contains(secret), "{fault}: {secret} was written:\n{output}");
    }
    // A key of the store, whole or without its first two digits; no id that is written is as long.
    let longest = output.split(|c: char| !c.is_ascii_hexdigit()).map(str::len).max();
    assert!(longest < Some(60), "{fault}: a key of the store was written:\n{output}");
}

/// The folder, the hub and the settings of a program with a fault.
struct Scene {
    hub: Emulator,
    folder: tempfile::TempDir,
    settings: Vec<(&'static str, String)>,
}

impl Scene {
    async fn new(settings: &[(&'static str, String)]) -> Self {
        let usual = [("RUST_LOG", "trace"), ("DELIVERY_DEADLINE_SECONDS", "5"), ("STORE", "file:store")];
        let usual = usual.map(|(name, value)| (name, value.to_owned()));
        let settings = [&usual[..], settings].concat();
        Self { hub: emulator().await, folder: tempfile::tempdir().unwrap(), settings }
    }

    async fn start(&self) -> Process {
        Process::start(&vars(&self.hub, &borrowed(&self.settings)), self.folder.path()).await
    }

    fn store(&self) -> std::path::PathBuf {
        self.folder.path().join("store")
    }

    /// Everything that a process writes that does not stay up.
    async fn refused(&self) -> String {
        let output = command(&vars(&self.hub, &borrowed(&self.settings)), self.folder.path()).output().await.unwrap();
        assert_eq!(output.status.code(), Some(78));
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    }

    /// Registers Bob's iPhone, gives it a message and a call, and returns everything that was written.
    async fn events(&self) -> String {
        let process = self.start().await;
        process.put("iphone", bobs_iphone()).await;
        self.after(process).await
    }

    async fn after(&self, process: Process) -> String {
        let mut message = sms("e1", "15551234567", "a canary sings");
        message["data"]["from"] = json!("15550009999");
        let mut call = call("e2", "d732db64-4803-462d-be9c-518943ea2b7a");
        call["data"]["callerDisplayName"] = json!("Canary");
        let replies = [process.invoke(&message).await.text, process.invoke(&call).await.text];
        // One line of JSON for each event, wherever the host would show it.
        let replies = replies.join("\n").replace("\\\"", "\"");
        format!("{replies}\n{}", process.terminate().await.1)
    }
}

fn bobs_iphone() -> Value {
    json!({
        "userId": BOB, "phoneNumbers": ["15551234567"], "platform": "apns", "pushChannel": IPHONE, "voipPushChannel": IPHONE_VOIP,
    })
}

async fn hub_answers(fault: Fault) -> String {
    let scene = Scene::new(&[]).await;
    scene.hub.add_fault(fault.always());
    scene.events().await
}

fn says(status: u16, detail: &str) -> Fault {
    let body = Some(format!("<Error><Code>{status}</Code><Detail>{detail}</Detail></Error>"));
    Fault::action(Action::Status { status, retry_after: None, headers: Default::default(), body })
}

async fn hub_at(endpoint: String) -> String {
    let connection_string = format!("Endpoint={endpoint}/;SharedAccessKeyName=rule;SharedAccessKey=aHViIHNlY3JldA==");
    let trust = [("SSL_CERT_FILE", CERTIFICATE), ("SSL_CERT_DIR", "/nonexistent")];
    let trust = trust.map(|(name, value)| (name, value.to_owned()));
    let hub = [("NOTIFICATION_HUB_CONNECTION_STRING", connection_string)];
    Scene::new(&[&trust[..], &hub[..]].concat()).await.events().await
}

async fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

async fn store_answers(status: u16, code: &'static str) -> String {
    Scene::new(&account(&answering(status, code, "").await)).await.events().await
}

/// A program whose settings have a fault.
async fn set(name: &'static str, value: &str) -> String {
    Scene::new(&[(name, value.to_owned())]).await.refused().await
}

/// The answer to a PUT, as its sender sees it.
async fn put(installation: &str) -> String {
    let scene = Scene::new(&[]).await;
    let process = scene.start().await;
    let request = process.put_request("iphone", &json!(null)).body(installation.to_owned());
    let reply = Reply::of(request).await;
    assert_eq!(reply.status, 400, "{reply:?}");
    format!("{}\n{}", reply.json()["error"]["message"].as_str().unwrap(), process.terminate().await.1)
}

/// A delivery that a webhook with these settings refuses.
async fn webhook(settings: &[(&str, &str)], query: &str, token: Option<&str>) -> String {
    let (hub, folder) = (emulator().await, tempfile::tempdir().unwrap());
    let process = Process::start_webhook(&vars(&hub, settings), folder.path()).await;
    // What a sender offers for a key may be the key of something else.
    let offered = [query.strip_prefix("?code="), token.and_then(|token| token.strip_prefix("Bearer "))];
    offered.into_iter().flatten().for_each(|key| process.plant(key));
    let request = process.request(Method::POST, &format!("/webhooks/eventgrid{query}")).body("[]");
    let request = token.into_iter().fold(request, |request, token| request.header("authorization", token));
    assert_ne!(Reply::of(request).await.status, 200);
    process.terminate().await.1
}

fn damage(store: &Path, kind: &str, text: &str) {
    for (path, _) in documents(&store.join(kind)) {
        std::fs::write(store.join(kind).join(path), text).unwrap();
    }
}

/// Everything that a process writes whose hub for alerts has this feedback about three phones. The key for it is the one that may
/// Manage, or the one that may send.
async fn feedback(may_manage: bool, about: impl Fn(&[String]) -> String) -> String {
    let hub = emulator_with_feedback().await;
    let key = if may_manage { manage(&hub) } else { hub.connection_string_of(HUB).unwrap() };
    let settings = [("NOTIFICATION_HUB_MANAGE_CONNECTION_STRING", key), ("NOTIFICATION_HUB_VOIP_NAME", String::new())];
    let scene = Scene { hub, ..Scene::new(&settings).await };
    let process = scene.start().await;
    let handles = ["0", "1", "2"].map(|last| format!("{}{last}", &IPHONE[..63]));
    for (number, handle) in handles.iter().enumerate() {
        let phone = json!({"userId": format!("{BOB}{number}"), "platform": "apns", "pushChannel": handle});
        process.register(&format!("phone-{number}"), phone).await;
    }
    scene.hub.add_feedback(HUB, &about(&handles));
    process.maintain().await;
    let output = process.terminate().await.1;
    assert!(!output.contains(&IPHONE[..63]) && !output.contains("sig="), "{output}");
    output
}

fn all_dead(handles: &[String]) -> String {
    handles.iter().map(|handle| report("BadChannel", handle, &later())).collect()
}

/// After anything that is PUT now.
fn later() -> String {
    ago(chrono::TimeDelta::hours(-1))
}

macro_rules! faults {
    ($($name:ident: $fault:literal => $output:expr;)*) => {
        const CAUSED: &[&str] = &[$($fault),*];
        $(#[tokio::test]
        async fn $name() {
            let output = $output.await;
            assert_told($fault, &output);
        })*
    };
}

faults! {
    hub_key: "the hub's key is wrong" => hub_answers(Fault::status(401));
    hub_right: "the policy lacks the right Send" => hub_answers(Fault::status(403));
    hub_name: "the hub's name is wrong" => hub_answers(Fault::status(404));
    hub_first_key: "only the first of two keys is wrong" => async {
        let scene = Scene::new(&[]).await;
        let good = scene.hub.connection_string_of(HUB).unwrap();
        let (start, _) = good.split_once("SharedAccessKey=").unwrap();
        let keys = [("NOTIFICATION_HUB_CONNECTION_STRING", format!("{start}SharedAccessKey=d3Jvbmc=")), ("NOTIFICATION_HUB_SECONDARY_CONNECTION_STRING", good)];
        Scene { settings: [scene.settings.clone(), keys.to_vec()].concat(), ..scene }.events().await
    };
    hub_credentials: "the hub has no credentials for the platform" => hub_answers(says(400, "The hub has no credentials for apple"));
    hub_payload: "the hub refuses the payload or the token" => hub_answers(says(400, "Bad Request"));
    hub_throttled: "the hub throttles" => hub_answers(Fault::status(429).retry_after("2"));
    hub_long_pause: "the hub asks for a long pause" => hub_answers(Fault::status(429).retry_after("600"));
    hub_down: "the hub is down" => hub_answers(Fault::status(503));
    hub_silent: "the hub takes a request and says nothing" => hub_answers(Fault::action(Action::Pass).delay_ms(20_000));
    hub_dns: "the hub's host name does not exist" => hub_at("https://no-such-hub.invalid:443".to_owned());
    hub_refused: "nothing listens at the hub's address" => async { hub_at(format!("http://127.0.0.1:{}", free_port().await)).await };
    hub_tls_silent: "a firewall swallows connections to the hub" => async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        hub_at(format!("https://127.0.0.1:{}", listener.local_addr().unwrap().port())).await
    };
    hub_certificate: "the hub's certificate is for another name" => async {
        let tls = HubBehindTls::start().await;
        hub_at(format!("https://localhost:{}", tls.port)).await
    };
    hub_clock: "this computer's clock differs from the hub's" => async {
        let scene = Scene::new(&[]).await;
        scene.hub.add_fault(Fault::status(401).header("Date", "Fri, 27 Nov 2065 10:00:00 GMT"));
        scene.events().await
    };
    voip_hub: "the VoIP hub's key is wrong" => hub_answers(Fault::status(401).on_hub(VOIP_HUB));
    no_voip_hub: "there is no VoIP hub" => async {
        Scene::new(&[("NOTIFICATION_HUB_VOIP_NAME", String::new())]).await.events().await
    };
    role: "the app's identity lacks its role at the store" => store_answers(403, "AuthorizationPermissionMismatch");
    firewall: "the storage account's firewall shuts the app out" => store_answers(403, "AuthorizationFailure");
    store_key: "the storage account's key is wrong" => store_answers(403, "AuthenticationFailed");
    keys_off: "the storage account takes no keys" => store_answers(403, "KeyBasedAuthenticationNotPermitted");
    store_busy: "the storage account is busy" => store_answers(503, "ServerBusy");
    not_blob: "the store's address is another service's" => store_answers(404, "");
    store_down: "nothing listens at the store's address" => async {
        Scene::new(&account(&format!("http://127.0.0.1:{}", free_port().await))).await.events().await
    };
    no_token: "the app has no identity" => async {
        let endpoint = answering(400, "", r#"{"statusCode":400,"message":"No managed identity found."}"#).await;
        let settings = [("IDENTITY_ENDPOINT", format!("{endpoint}/msi/token")), ("IDENTITY_HEADER", "h".to_owned())];
        Scene::new(&identity(&settings)).await.events().await
    };
    container: "the store's container was deleted" => async {
        let service = BlobService::start().await;
        let scene = Scene::new(&service.settings()).await;
        let process = scene.start().await;
        process.register("iphone", bobs_iphone()).await;
        service.delete_container().await;
        scene.after(process).await
    };
    folder: "the store's folder was moved" => async {
        let scene = Scene::new(&[]).await;
        let process = scene.start().await;
        std::fs::rename(scene.store(), scene.folder.path().join("away")).unwrap();
        scene.after(process).await
    };
    layout: "the store is another version's" => async {
        let scene = Scene::new(&[]).await;
        std::fs::create_dir_all(scene.store()).unwrap();
        std::fs::write(scene.store().join("layout"), r#"{"v":1,"layout":99}"#).unwrap();
        scene.refused().await
    };
    damaged: "a stored document is damaged" => async {
        let scene = Scene::new(&[]).await;
        let process = scene.start().await;
        process.register("iphone", bobs_iphone()).await;
        // Both of what it could be rebuilt from, too.
        damage(&scene.store(), "installations", "{");
        damage(&scene.store(), "recipients", "{");
        scene.after(process).await
    };
    newer: "a newer version wrote a document" => async {
        let scene = Scene::new(&[]).await;
        let process = scene.start().await;
        process.register("iphone", bobs_iphone()).await;
        damage(&scene.store(), "recipients", r#"{"v":99,"w":"1"}"#);
        scene.after(process).await
    };
    too_many_dead: "too many device tokens are reported as dead" => feedback(true, all_dead);
    not_manage: "the key for feedback may not Manage" => feedback(false, all_dead);
    no_reports: "a hub's feedback has lines that are no reports" => feedback(true, |_| "garbage\n<PnsFeedback>\n".to_owned());
    key_vault: "a Key Vault reference is not resolved" => set("NOTIFICATION_HUB_CONNECTION_STRING", "@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/hub/)");
    placeholder: "a placeholder was left in a setting" => set("NOTIFICATION_HUB_CONNECTION_STRING", "<your connection string>");
    quoted: "a connection string has quotes around it" => set("NOTIFICATION_HUB_CONNECTION_STRING", "\"Endpoint=sb://n.servicebus.windows.net/;SharedAccessKeyName=r;SharedAccessKey=aHViIHNlY3JldA==\"");
    texts: "the notifications file has a mistake" => async {
        let scene = Scene::new(&[("NOTIFICATIONS_FILE", "texts.toml".to_owned())]).await;
        std::fs::write(scene.folder.path().join("texts.toml"), "[SMSReceived]\nbody = '{{ nobody }}'").unwrap();
        scene.refused().await
    };
    misspelt: "a setting's name is misspelt" => async {
        Scene::new(&[("NOTIFICATION_CONTNET", "sender".to_owned())]).await.refused().await
    };
    host_clock: "this computer's clock differs from the host's" => async {
        let scene = Scene::new(&[]).await;
        let process = scene.start().await;
        let mut body = envelope(&sms("e0", "15550000000", "a canary sings"));
        body["Metadata"]["sys"]["UtcNow"] = ago(chrono::TimeDelta::minutes(9)).into();
        process.post(&body.to_string()).await;
        process.terminate().await.1
    };
    path: "a function was renamed, or the route prefix changed" => async {
        let scene = Scene::new(&[]).await;
        let process = scene.start().await;
        let url = format!("{}/events", process.address);
        assert_eq!(Reply::of(client().post(url).body("{}")).await.status, 404);
        process.terminate().await.1
    };
    bare: "somebody posts events to the trigger's own path" => async {
        let scene = Scene::new(&[]).await;
        let process = scene.start().await;
        assert_eq!(process.post(&json!([sms("e1", "15551234567", "a canary sings")]).to_string()).await.status, 400);
        process.terminate().await.1
    };
    webhook_key: "Event Grid has an old `WEBHOOK_KEY`" => async {
        webhook(&[("WEBHOOK_KEY", "the-new-key-of-today")], "?code=the-old-key-of-last-year", None).await
    };
    entra_keys: "the keys of Entra's tokens cannot be fetched" => async {
        let tenant = format!("http://127.0.0.1:{}/72f988bf-86f1-41af-91ab-2d7cd011db47", free_port().await);
        let settings = [("WEBHOOK_ENTRA_TENANT", tenant.as_str()), ("WEBHOOK_ENTRA_AUDIENCE", "api://push")];
        // {"alg":"RS256","kid":"k"}
        webhook(&settings, "", Some("Bearer eyJhbGciOiJSUzI1NiIsImtpZCI6ImsifQ.e30.canary")).await
    };
    repeated: "a member of a PUT occurs twice" => put(r#"{"userId":"8:acs:a","UserId":"8:acs:b","platform":"apns","pushChannel":"f0fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0"}"#);
    token: "a device token cannot be one" => put(r#"{"userId":"8:acs:a","platform":"apns","pushChannel":"undefined"}"#);
    misspelt_member: "a member of a PUT is misspelt" => put(r#"{"userId":"8:acs:a","platform":"apns","pushChannel":"f0fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0","voipPushChanel":"00"}"#);
    expired: "a PUT ends in the past" => put(r#"{"userId":"8:acs:a","platform":"apns","pushChannel":"f0fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0","expirationTime":"2020-01-01T00:00:00Z"}"#);
}

/// Those that need root are caused by `store_faults::disk`.
const CAUSED_ON_A_DISK: [&str; 3] = [
    "the disk of the store's folder is full",
    "the store's file system is read-only",
    "the store's folder is another user's",
];

#[test]
fn each_row_is_caused_by_a_test() {
    let caused: std::collections::BTreeSet<&str> = CAUSED.iter().copied().chain(CAUSED_ON_A_DISK).collect();
    let rows: std::collections::BTreeSet<&str> = rows().into_iter().map(|(fault, _)| fault).collect();
    assert_eq!(rows, caused, "left: docs/operate.md, right: these tests");
}
