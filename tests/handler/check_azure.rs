//! `acs-push check --app`: what Azure Resource Manager shows of a deployed app; each fault alone is one line with its fix.

use std::collections::BTreeMap;
use std::time::Duration;

use notification_hubs_emulator::Emulator;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::timeout;

use crate::arm::{Arm, NAMESPACE, SECRETS, SITE, azure_cli};
use crate::binary::command;
use crate::support::*;

/// A right app in Azure, a hub that takes the keys, and an Azure CLI that is logged in.
struct Place {
    arm: Arm,
    folder: TempDir,
    vars: BTreeMap<String, String>,
    _hub: Emulator,
}

impl Place {
    async fn new(settings: &[(&str, &str)]) -> Self {
        let (arm, hub, folder) = (Arm::start().await, emulator().await, tempfile::tempdir().unwrap());
        azure_cli(folder.path());
        let path = format!("{}:/usr/bin:/bin", folder.path().display());
        let vars = vars(&hub, &[&[("PATH", path.as_str())], settings].concat());
        Self { arm, folder, vars, _hub: hub }
    }

    /// Exit code and what was printed, which has no secret.
    async fn run(&self, words: &[&str]) -> (Option<i32>, String) {
        let mut command = command(&self.vars, self.folder.path());
        let output =
            timeout(Duration::from_secs(60), command.arg("check").args(words).output()).await.unwrap().unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        for secret in SECRETS {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
        (output.status.code(), text)
    }

    async fn check(&self, more: &[&str]) -> (Option<i32>, String) {
        self.run(&[&["--app", SITE, "--arm", &self.arm.address], more].concat()).await
    }
}

/// The lines with that sign; without the one of dead tokens, for which no key is set here.
fn lines(text: &str, sign: char) -> Vec<&str> {
    text.lines().filter(|line| line.starts_with(sign) && !line.starts_with("– dead tokens: ")).collect()
}

#[tokio::test]
async fn a_right_app_has_no_fault_and_nothing_is_left_unseen() {
    let place = Place::new(&[("RUST_LOG", "trace")]).await;
    let (code, text) = place.check(&[]).await;
    assert_eq!((code, lines(&text, '✖').len(), lines(&text, '–').len()), (Some(0), 0, 0), "{text}");
    for line in [
        "✔ functions: EventGridTrigger, Status",
        "✔ references to Key Vault: 2, all resolved",
        "✔ App Service authentication: off",
        "✔ event subscription: acs-push",
        "✔ event subscription, types: all 9 that are pushed",
        "✔ event subscription, filter of subjects: lets all",
        "✔ event subscription, dead letters: kept",
        "✔ metrics of the system topic: in the last hour: MatchedEventCount 7, DeliverySuccessCount 6, ",
        "✔ link of the communication resource to a hub: there is none",
        "✔ hub alerts, credentials of the platforms: APNs by token for com.example, production; FCM v1",
        "✔ VoIP hub calls, credentials of the platforms: APNs by token for com.example.voip, production; none of FCM v1",
        "✔ hub alerts, rule ",
        "✔ hub alerts, metrics: in the last hour: incoming 5, outgoing.allpns.success 4, ",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let words = std::fs::read_to_string(place.folder.path().join("az-words")).unwrap();
    assert_eq!(words.trim(), format!("account get-access-token --output json --resource {}/", place.arm.address));
    let requests = place.arm.requests.lock().unwrap();
    assert!(requests.iter().all(|(_, _, authorization)| authorization == "Bearer the-token"), "{requests:?}");
    let hour = |query: &str| query.contains("timespan=20") && query.contains("interval=PT1H");
    assert!(requests.iter().filter(|(path, query, _)| path.ends_with("/metrics") && hour(query)).count() == 3);
}

type Body<'a> = &'a mut Value;
type Mistake = (&'static str, fn(Body<'_>), &'static str);

/// What is changed by the end of the resource's path, and the line of it.
const MISTAKES: [Mistake; 28] = [
    (
        "/alerts/authorizationRules/Send",
        |body| body["properties"]["rights"] = json!(["Listen"]),
        "hub alerts, rule Send: it may Listen → give",
    ),
    (
        "/functions",
        |body| body["value"] = json!([{"name": "app/Status"}]),
        "functions: Azure lists no EventGridTrigger, but Status → deploy",
    ),
    (
        "/functions",
        |body| body["value"][0]["properties"]["isDisabled"] = json!(true),
        "functions: EventGridTrigger is disabled → enable",
    ),
    (
        "/appsettings",
        |body| body["value"][1]["properties"]["status"] = json!("AccessToKeyVaultDenied"),
        "references to Key Vault: KEY_TWO is AccessToKeyVaultDenied → correct the reference",
    ),
    (
        "/authsettingsV2",
        |body| body["properties"]["platform"]["enabled"] = json!(true),
        "App Service authentication: it is on (\"Easy Auth\")",
    ),
    (
        "/eventSubscriptions 2",
        |body| body["value"] = json!([]),
        "event subscription: no event subscription of a system topic",
    ),
    (
        "/systemTopics",
        |body| body["value"] = json!([]),
        "event subscription: the communication resource has no system topic → deploy",
    ),
    (
        "/eventSubscriptions 2",
        |body| body["value"][0]["properties"]["provisioningState"] = json!("Failed"),
        "event subscription: acs-push is in the state Failed → create",
    ),
    (
        "/eventSubscriptions 2",
        |body| body["value"][0]["properties"]["expirationTimeUtc"] = json!("2026-01-01T00:00:00Z"),
        "event subscription: acs-push has expired → create",
    ),
    (
        "/eventSubscriptions 2",
        |body| {
            body["value"][0]["properties"]["filter"]["includedEventTypes"][8] =
                json!("Microsoft.Communication.CallEnded")
        },
        "event subscription, types: IncomingCall do not pass it → add",
    ),
    (
        "/eventSubscriptions 2",
        |body| {
            body["value"][0]["properties"]["filter"]["includedEventTypes"][5] =
                json!("Microsoft.Communication.ChatMemberAddedToThreadWithUser");
        },
        "event subscription, types: ChatParticipantAddedToThreadWithUser do not pass it; Azure sends no \
         ChatMemberAddedToThreadWithUser any more",
    ),
    (
        "/eventSubscriptions 2",
        |body| {
            body["value"][0]["properties"]["filter"]["advancedFilters"][0]["values"] =
                json!(["phonenumber/1555", "thread/", "/caller/"])
        },
        "event subscription, filter of subjects: it lets no subject through that begins with /phonenumber/ → correct",
    ),
    (
        "/eventSubscriptions 2",
        |body| body["value"][0]["properties"]["filter"]["subjectBeginsWith"] = json!("/phonenumber/"),
        "event subscription, filter of subjects: it lets no subject through that begins with /caller/, thread/ → correct",
    ),
    (
        "/eventSubscriptions 2",
        |body| body["value"][0]["properties"]["deadLetterWithResourceIdentity"] = json!(null),
        "event subscription, dead letters: acs-push keeps no events",
    ),
    (
        "/systemTopics/topic/providers/Microsoft.Insights/metrics",
        |body| body["value"][1]["timeseries"] = json!([]),
        "metrics of the system topic: in the last hour: MatchedEventCount 7, DeliverySuccessCount 0, DeliveryAttemptFailCount 1, ",
    ),
    (
        "/systemTopics/topic/providers/Microsoft.Insights/metrics",
        |body| body["value"][0]["name"]["value"] = json!("DroppedEventCount"),
        "DeliverySuccessCount 6, DeliveryAttemptFailCount 1, DroppedEventCount 7, DeadLetteredCount 0 → look",
    ),
    (
        "/systemTopics/topic/providers/Microsoft.Insights/metrics",
        |body| body["value"][0]["name"]["value"] = json!("DeadLetteredCount"),
        "DeliverySuccessCount 6, DeliveryAttemptFailCount 1, DroppedEventCount 0, DeadLetteredCount 7 → look",
    ),
    (
        "/communicationServices/acs",
        |body| body["properties"]["notificationHubId"] = json!(format!("{NAMESPACE}/notificationHubs/alerts")),
        "link of the communication resource to a hub: it is linked to the hub alerts: a phone that the SDK registered",
    ),
    (
        "/alerts/pnsCredentials",
        |body| {
            body["properties"] =
                json!({"apnsCredential": null, "gcmCredential": {"properties": {"googleApiKey": "google-canary"}}})
        },
        "hub alerts, credentials of the platforms: it has only those of legacy FCM",
    ),
    (
        "/alerts/pnsCredentials",
        |body| {
            let secrets = json!({"apnsCertificate": "apple-canary", "certificateKey": "apple-canary", "thumbprint": "00",
                "appName": "com.example", "keyId": ""});
            body["properties"]["apnsCredential"]["properties"] = secrets;
        },
        "hub alerts, credentials of the platforms: those of APNs are no token",
    ),
    (
        "/alerts/pnsCredentials",
        |body| body["properties"]["apnsCredential"]["properties"]["appName"] = json!("com.example.voip"),
        "hub alerts, credentials of the platforms: those of APNs are for the topic com.example.voip",
    ),
    (
        "/calls/pnsCredentials",
        |body| body["properties"]["apnsCredential"]["properties"]["appName"] = json!("com.example"),
        "VoIP hub calls, credentials of the platforms: those of APNs are for the topic com.example →",
    ),
    (
        "/alerts/pnsCredentials",
        |body| {
            body["properties"]["fcmV1Credential"] = json!(null);
            body["properties"]["gcmCredential"] = json!({"properties": {"googleApiKey": "google-canary"}});
        },
        "hub alerts, credentials of the platforms: for Android it has only those of legacy FCM",
    ),
    (
        "/alerts/pnsCredentials",
        |body| body["properties"] = json!({}),
        "hub alerts, credentials of the platforms: it has none of APNs or FCM v1",
    ),
    (
        "/calls/pnsCredentials",
        |body| body["properties"] = json!({}),
        "VoIP hub calls, credentials of the platforms: it has none of APNs",
    ),
    (
        "/alerts/providers/Microsoft.Insights/metrics",
        |body| body["value"][2]["name"]["value"] = json!("outgoing.apns.invalidcredentials"),
        "hub alerts, metrics: in the last hour: incoming 5, outgoing.allpns.success 4, outgoing.apns.invalidcredentials 1, ",
    ),
    (
        "/alerts/providers/Microsoft.Insights/metrics",
        |body| body["value"][2]["name"]["value"] = json!("outgoing.fcmv1.invalidcredentials"),
        "outgoing.fcmv1.invalidcredentials 1, outgoing.apns.badchannel 0, outgoing.allpns.channelerror 0 → correct",
    ),
    (
        "/alerts/providers/Microsoft.Insights/metrics",
        |body| body["value"][1]["timeseries"] = json!([]),
        "→ are the device tokens those of another app",
    ),
];

#[tokio::test]
async fn each_fault_in_azure_alone_is_the_one_line_with_a_fix() {
    let place = Place::new(&[]).await;
    let right = place.arm.resources.lock().unwrap().clone();
    for (end, mistake, told) in MISTAKES {
        place.arm.change(end, |(_, body)| mistake(body));
        let (code, text) = place.check(&[]).await;
        let [fault] = lines(&text, '✖')[..] else { panic!("{told}: {text}") };
        assert!(code == Some(1) && fault.contains(told) && fault.contains(" → "), "{told}: {fault}");
        let (code, text) = place.check(&["--json"]).await;
        let report: Value = serde_json::from_str(&text).unwrap();
        let faults = report["checks"].as_array().unwrap().iter().filter(|check| check["state"] == "fault");
        let faults: Vec<_> = faults.map(|check| &check["rests_on"]).collect();
        assert_eq!((code, faults), (Some(1), vec![&json!("Azure login")]), "{told}");
        *place.arm.resources.lock().unwrap() = right.clone();
    }
    // The rule of this hub is its namespace's.
    place.arm.change("/namespaces/hubs/authorizationRules/Send", |(status, _)| *status = 404);
    let (code, text) = place.check(&[]).await;
    let [fault] = lines(&text, '✖')[..] else { panic!("{text}") };
    assert!(
        code == Some(1) && fault.contains("VoIP hub calls, rule Send: neither the hub nor its namespace has it"),
        "{fault}"
    );
}

#[tokio::test]
async fn what_the_login_may_not_read_is_said_on_its_line_and_nothing_else_fails() {
    let place = Place::new(&[]).await;
    let right = place.arm.resources.lock().unwrap().clone();
    for path in right.keys().filter(|path| !path.ends_with("/communicationServices")) {
        place.arm.change(path, |(status, _)| *status = 403);
        let (code, text) = place.check(&[]).await;
        assert_eq!((code, lines(&text, '✖').len()), (Some(0), 0), "{path}: {text}");
        let hidden = lines(&text, '–');
        assert!(
            !hidden.is_empty() && hidden.iter().all(|line| line.contains("Azure answers 403: the login needs")),
            "{path}: {text}"
        );
        *place.arm.resources.lock().unwrap() = right.clone();
    }
    for (status, _) in place.arm.resources.lock().unwrap().values_mut() {
        *status = 403;
    }
    let (code, text) = place.check(&[]).await;
    assert_eq!((code, lines(&text, '✖').len(), lines(&text, '–').len()), (Some(0), 0, 6), "{text}");
}

#[tokio::test]
async fn what_cannot_be_a_fault_for_sure_is_not_called_one() {
    let place = Place::new(&[]).await;
    // Another link than to a hub that is used here.
    let linked = format!("{NAMESPACE}/notificationHubs/sdk");
    place.arm.change("/communicationServices/acs", |(_, body)| body["properties"]["notificationHubId"] = json!(linked));
    // Hubs of another Azure subscription.
    place.arm.change("/namespaces", |(_, body)| body["value"] = json!([]));
    // A list that leads away from ARM is not followed: it would carry the token there.
    place
        .arm
        .change("/functions", |(_, body)| body["nextLink"] = json!("http://localhost:1/functions?api-version=2025"));
    place.arm.change("/authsettingsV2", |(_, body)| {
        body["properties"] = json!({
            "platform": {"enabled": true}, "globalValidation": {"unauthenticatedClientAction": "AllowAnonymous"},
        });
    });
    let (code, text) = place.check(&[]).await;
    assert_eq!((code, lines(&text, '✖').len()), (Some(0), 0), "{text}");
    for line in [
        "– functions: Azure answers in a form that is not known here",
        "– link of the communication resource to a hub: it is linked to the hub sdk; nobody sees here",
        "– hub alerts in Azure: the Azure subscription 5ab5 has no namespace at 127.0.0.1",
        "✔ App Service authentication: on, and lets requests without a login through",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
}

#[tokio::test]
async fn only_types_and_subjects_of_the_settings_are_wanted() {
    let settings = [("SUBJECT_PREFIXES", "phonenumber/1555"), ("EVENT_TYPES", "Microsoft.Communication.SMSReceived")];
    let place = Place::new(&settings).await;
    let filter = |value: &'static str| {
        move |(_, body): &mut (u16, Value)| {
            let types = ["Microsoft.Communication.SMSReceived"];
            body["value"][0]["properties"]["filter"] = json!({"subjectBeginsWith": value, "includedEventTypes": types});
        }
    };
    place.arm.change("/eventSubscriptions 2", filter("/phonenumber/1555"));
    let (code, text) = place.check(&[]).await;
    assert_eq!(code, Some(0), "{text}");
    place.arm.change("/eventSubscriptions 2", filter("/phonenumber/1666"));
    let (code, text) = place.check(&[]).await;
    assert!(code == Some(1) && text.contains("begins with /phonenumber/1555 → "), "{text}");
}

#[tokio::test]
async fn apples_sandbox_is_told_and_calls_are_wanted_only_where_a_phone_can_ring() {
    let place = Place::new(&[("NOTIFICATION_HUB_VOIP_NAME", "")]).await;
    let sandbox = "https://api.development.push.apple.com:443/3/device";
    place.arm.change("/alerts/pnsCredentials", |(_, body)| {
        body["properties"]["apnsCredential"]["properties"]["endpoint"] = json!(sandbox);
    });
    place.arm.change("/eventSubscriptions 2", |(_, body)| {
        body["value"][0]["properties"]["filter"]["includedEventTypes"].as_array_mut().unwrap().pop();
    });
    let (code, text) = place.check(&[]).await;
    assert_eq!((code, lines(&text, '✖').len()), (Some(0), 0), "{text}");
    assert!(
        text.contains("APNs by token for com.example, Apple's sandbox, only for apps that Xcode installed"),
        "{text}"
    );
    assert!(text.contains("✔ event subscription, types: all 8 that are pushed"), "{text}");
}

#[tokio::test]
async fn without_a_login_that_is_the_one_fault_and_the_rest_stays_unseen() {
    let place = Place::new(&[]).await;
    let az = "#!/bin/sh\necho 'WARNING: old' >&2\necho 'ERROR: Please run az login to setup account.' >&2\nexit 1\n";
    std::fs::write(place.folder.path().join("az"), az).unwrap();
    let (code, text) = place.check(&[]).await;
    let [fault] = lines(&text, '✖')[..] else { panic!("{text}") };
    assert!(fault.contains("Azure login: no access token from the Azure CLI: ERROR: Please run az login"), "{fault}");
    assert_eq!((code, lines(&text, '–').len()), (Some(1), 4), "{text}");
    assert!(place.arm.requests.lock().unwrap().is_empty());

    std::fs::remove_file(place.folder.path().join("az")).unwrap();
    let (code, text) = place.check(&[]).await;
    assert!(code == Some(1) && text.contains("az cannot be run ("), "{text}");
}

#[tokio::test]
async fn an_id_that_is_no_apps_and_an_address_that_would_show_the_token_are_refused() {
    let place = Place::new(&[]).await;
    let group = "/subscriptions/5ab5/resourceGroups/push/providers/Microsoft.Web/sites/../../x";
    for (words, told) in [
        (&["--app", "app"][..], "expected /subscriptions/ID/resourceGroups/GROUP"),
        (&["--app", group], "expected /subscriptions/ID/"),
        (&["--app", SITE, "--arm", "http://management.azure.com"], "expected https:// and a host"),
        (&["--app", SITE, "--arm", "management.azure.com"], "expected https:// and a host"),
        (&["--arm", "https://management.azure.com"], "--app"),
    ] {
        let (code, text) = place.run(words).await;
        assert!(code == Some(64) && text.contains(told), "{words:?}: {text}");
    }
    // An app that is not there.
    let other = format!("{SITE}-two");
    let (code, text) = place.run(&["--app", &other, "--arm", &place.arm.address]).await;
    assert!(code == Some(1) && text.contains("✖ functions: there is no such Functions app → correct the id"), "{text}");
}
