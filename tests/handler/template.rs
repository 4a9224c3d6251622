//! The files of `infra/` and the program agree: settings, event types, subjects, lifetimes, queries. `tests/foreign/infra` holds them
//! against Azure's types and parser.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use acs_push::{Config, Handler};
use notification_hubs_emulator::Fault;
use serde_json::{Value, json};

use crate::support::*;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The lines of the block that begins with `start` and ends with a line of the same indentation.
fn block<'a>(text: &'a str, start: &str) -> Vec<&'a str> {
    let at = text.find(start).unwrap_or_else(|| panic!("no {start}"));
    let indentation = " ".repeat(at - text[..at].rfind('\n').map_or(0, |newline| newline + 1));
    let is_end = |line: &&str| *line == format!("{indentation}}}") || *line == format!("{indentation}]");
    text[at..].lines().skip(1).take_while(|line| !is_end(line)).map(str::trim).collect()
}

fn unquoted(text: &str) -> Option<String> {
    Some(text.strip_prefix('\'')?.strip_suffix('\'')?.to_owned())
}

/// A setting's value as it arrives in the program: secrets are resolved by Azure, the rest by the template.
fn resolved(value: &str) -> String {
    let known = BTreeMap::from([
        ("storage.properties.primaryEndpoints.blob", "https://stpush.blob.core.windows.net/"),
        ("storage.properties.primaryEndpoints.queue", "https://stpush.queue.core.windows.net/"),
        ("storage.properties.primaryEndpoints.table", "https://stpush.table.core.windows.net/"),
        ("identity.properties.clientId", "c5b0e0f8-2f0f-4a3b-9a43-0d5b8e6f1c11"),
        (
            "insights.properties.ConnectionString",
            "InstrumentationKey=0;IngestionEndpoint=https://in.applicationinsights.azure.com/",
        ),
    ]);
    if let Some(secret) = value.strip_prefix("'${secret}") {
        let hub = secret.strip_suffix("-primary)'").or(secret.strip_suffix("-secondary)'")).unwrap();
        assert!(read("infra/hubs.bicep").contains(&format!("{{ name: '{hub}', bundleId: ")), "{hub}");
        let key = if secret.ends_with("-primary)'") { "Zmlyc3Q=" } else { "c2Vjb25k" };
        return format!("Endpoint=sb://ntfns.servicebus.windows.net/;SharedAccessKeyName=Send;SharedAccessKey={key}");
    }
    if let Some(value) = known.get(value) {
        return (*value).to_owned();
    }
    let text = unquoted(value).unwrap_or_else(|| panic!("what is {value}?"));
    text.replace("${identity.properties.clientId}", known["identity.properties.clientId"])
}

/// The settings of a block, and what the platform itself sets on the Flex plan.
fn settings(blocks: &[&str]) -> BTreeMap<String, String> {
    let template = read("infra/app.bicep");
    let platform = [("CONTAINER_NAME", "c"), ("IDENTITY_ENDPOINT", "http://localhost:4242/"), ("IDENTITY_HEADER", "h")];
    let mut settings: BTreeMap<_, _> = platform.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    for name in [&["hostSettings", "alertSettings"], blocks].concat() {
        for line in block(&template, &format!("var {name} = {{")) {
            let (name, value) = line.split_once(": ").unwrap();
            settings.insert(name.to_owned(), resolved(value));
        }
    }
    settings
}

#[tokio::test]
async fn its_settings_start_the_program_without_a_warning() {
    for blocks in
        [&[][..], &["voipSettings"], &["sandboxSettings"], &["voipSettings", "sandboxSettings", "sandboxVoipSettings"]]
    {
        let config = Config::from_vars(settings(blocks)).unwrap();
        assert_eq!(config.warnings, Vec::<String>::new(), "{blocks:?}");
        let summary = config.summary().to_string();
        assert!(summary.contains("container acs-push of account stpush"), "{summary}");
        Handler::new(&config).unwrap();
        // Each hub of the app is known by its name.
        assert_eq!(config.default_app.voip.is_some(), blocks.contains(&"voipSettings"));
        assert_eq!(config.apps.len(), usize::from(blocks.contains(&"sandboxSettings")));
    }
}

/// Every sample of today, with what becomes of it when nothing is configured.
async fn samples() -> Vec<(Value, Value)> {
    let app = App::with(&[("EXPIRE_EVENTS", "false")]).await;
    let mut samples = Vec::new();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/events/current")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let events: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
            let event = events.as_array().map_or(&events, |events| &events[0]).clone();
            let line = app.deliver(&event).await;
            samples.push((event, line));
        }
    }
    assert!(samples.len() > 30);
    samples
}

#[tokio::test]
async fn it_subscribes_to_the_types_that_are_pushed_and_to_no_others() {
    let template = read("infra/events.bicep");
    let messages = block(&template, "param messageTypes array = [");
    let mut subscribed: BTreeSet<_> = messages.iter().filter_map(|line| unquoted(line)).collect();
    assert!(!subscribed.contains("Microsoft.Communication.IncomingCall"), "only where calls are wanted");
    assert!(template.contains("concat(messageTypes, calls ? ['Microsoft.Communication.IncomingCall'] : [])"));
    subscribed.insert("Microsoft.Communication.IncomingCall".to_owned());

    let is_pushed =
        |line: &Value| !["subject", "unpushed_type", "switched_off"].map(Value::from).contains(&line["code"]);
    let samples = samples().await;
    let pushed = samples.iter().filter(|(_, line)| is_pushed(line));
    let pushed: BTreeSet<_> = pushed.map(|(event, _)| event["eventType"].as_str().unwrap().to_owned()).collect();
    assert_eq!(subscribed, pushed, "left: infra/events.bicep, right: the program");
}

#[tokio::test]
async fn it_lets_those_subjects_through_that_the_program_handles_in_both_spellings() {
    let prefixes: BTreeSet<_> =
        block(&read("infra/events.bicep"), "values: [").iter().filter_map(|line| unquoted(line)).collect();
    let table = read("docs/settings.md");
    let row = table.split("| `SUBJECT_PREFIXES` | `").nth(1).and_then(|rest| rest.split('`').next()).unwrap();
    let both = row.split(',').flat_map(|prefix| [prefix.to_owned(), format!("/{prefix}")]).collect();
    assert_eq!(prefixes, both, "left: infra/events.bicep, right: docs/settings.md");

    let app = App::start().await;
    for prefix in &prefixes {
        let line = app.deliver(&event(&format!("e{prefix}"), "SMSReceived", &format!("{prefix}1"), json!({}))).await;
        assert_ne!(line["code"], "subject", "{prefix}");
    }
    for (event, line) in samples().await {
        let subject = event["subject"].as_str().unwrap().to_lowercase();
        let passes = prefixes.iter().any(|prefix| subject.starts_with(prefix));
        assert_eq!(passes, line["code"] != "subject", "{subject}");
    }
}

#[test]
fn event_grid_repeats_as_long_as_a_notification_lives() {
    let texts = read("src/notifications/texts/defaults.toml");
    let minutes = |time: &str| {
        let (number, unit) = time.split_at(time.len() - 1);
        let seconds = BTreeMap::from([("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)])[unit];
        number.parse::<u32>().unwrap() * seconds / 60
    };
    let lives = texts.lines().filter_map(|line| line.strip_prefix("time_to_live = \"")?.strip_suffix('"'));
    let longest = lives.map(minutes).max().unwrap();
    assert!(
        read("infra/events.bicep").contains(&format!("\nparam timeToLiveInMinutes int = {longest}\n")),
        "{longest}"
    );
}

#[tokio::test]
async fn the_queries_read_only_members_of_a_line_and_the_document_has_them_all() {
    let app = App::start().await;
    app.register_iphone(BOB).await;
    app.register_android(BOB).await;
    // A refusal has a reason, and a traceparent a trace: no other line has more members.
    app.hub.add_fault(Fault::status(400).on_device(ANDROID));
    let mut event = chat("e1", "ChatMessageReceived", "m1", 1, "Hello");
    event["traceparent"] = json!("00-bb2bd5eef54cb15a1506d0326d2489e7-d3f54c84c7034d76-00");
    let line = app.deliver(&event).await;
    let written: BTreeSet<_> = line.as_object().unwrap().keys().cloned().collect();

    let document = read("docs/operate.md");
    let table = document.split("\n## An event's line\n").nth(1).and_then(|rest| rest.split("\n## ").next()).unwrap();
    let rows = table.lines().filter_map(|row| row.strip_prefix("| `")?.split(" |").next());
    let described: BTreeSet<_> = rows.flat_map(|row| row.split("`, `")).map(|name| name.replace('`', "")).collect();
    assert_eq!(written, described, "left: the program, right: docs/operate.md");

    let mut read_members = BTreeSet::new();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("infra/queries")).unwrap() {
        let query = fs::read_to_string(entry.unwrap().path()).unwrap();
        let members =
            query.split("line.").skip(1).map(|rest| rest.split(|c: char| c != '_' && !c.is_ascii_lowercase()));
        read_members.extend(members.filter_map(|mut words| words.next().map(str::to_owned)));
    }
    assert_eq!(read_members.difference(&written).collect::<Vec<_>>(), Vec::<&String>::new(), "in infra/queries");
    assert_eq!(read_members, written, "events.kql shows all members");
}
