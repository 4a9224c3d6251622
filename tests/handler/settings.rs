//! Settings: all faults at once, before the port opens, and never a secret in them.

use std::collections::BTreeMap;

use acs_push::Config;

use crate::canaries::Canaries;
use crate::support::*;
use crate::watch::assert_clean;

const SECRET: &str = "c2VjcmV0LXRoYXQtbm9ib2R5LW1heS1zZWU=";

fn good() -> BTreeMap<String, String> {
    let connection_string =
        format!("Endpoint=sb://ns.servicebus.windows.net/;SharedAccessKeyName=rule;SharedAccessKey={SECRET}");
    [
        ("NOTIFICATION_HUB_CONNECTION_STRING", connection_string.as_str()),
        ("NOTIFICATION_HUB_NAME", "hub"),
        ("STORE", "memory:"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

/// Good settings, changed as `settings` says.
fn with(settings: &[(&str, &str)]) -> BTreeMap<String, String> {
    let mut vars = good();
    vars.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    vars
}

/// The warnings about these settings, which have no faults.
fn warnings(settings: &[(&str, &str)]) -> Vec<String> {
    Config::from_vars(with(settings)).unwrap().warnings
}

/// The lines that are told about these settings on top of good ones.
fn faults(settings: &[(&str, &str)]) -> Vec<String> {
    match Config::from_vars(with(settings)) {
        Ok(_) => Vec::new(),
        Err(error) => {
            let told = error.to_string();
            let mut canaries = Canaries::default();
            canaries.plant_settings(settings.iter().copied());
            canaries.plant(SECRET);
            assert_clean(&canaries, &[&told]);
            told.lines().map(str::to_owned).collect()
        }
    }
}

#[test]
fn good_settings_have_no_fault() {
    for settings in [
        &[][..],
        &[
            ("SUBJECT_PREFIXES", "phonenumber/1555"),
            ("EVENT_TYPES", "SMSReceived"),
            ("RUST_LOG", "acs_push=debug,warn"),
        ],
        &[
            ("NOTIFICATION_HUB_VOIP_NAME", "voip"),
            ("NOTIFICATION_HUB_SANDBOX_NAME", "sandbox"),
            ("NOTIFICATION_HUB_SANDBOX_VOIP_NAME", "v"),
        ],
        &[("NOTIFICATION_CONTENT", "Hidden"), ("EXPIRE_EVENTS", "0"), ("DELIVERY_DEADLINE_SECONDS", "28")],
        &[("INSTALLATIONS_PER_USER", "1000"), ("INSTALLATIONS_PER_NUMBER", "1"), ("INSTALLATION_TTL_DAYS", "1")],
        &[("NOTIFICATION_HUB_NAME", "with.dots/and-slashes_1"), ("NOTIFICATION_CONTENT", "")],
    ] {
        assert_eq!(faults(settings), Vec::<String>::new(), "{settings:?}");
    }
}

#[test]
fn each_fault_names_its_setting_and_what_is_expected() {
    for (name, value, expected) in [
        ("NOTIFICATION_HUB_CONNECTION_STRING", "", "is required: expected Endpoint="),
        ("NOTIFICATION_HUB_CONNECTION_STRING", "Endpoint=sb://ns/", "has no SharedAccessKeyName"),
        ("NOTIFICATION_HUB_SECONDARY_CONNECTION_STRING", "nonsense", "has a part without '='"),
        ("NOTIFICATION_HUB_NAME", "", "is required: expected the hub's name"),
        ("NOTIFICATION_HUB_NAME", "a hub", "expected a hub's name"),
        ("SUBJECT_PREFIXES", " , ", "expected at least one prefix"),
        ("EVENT_TYPES", ",", "expected at least one type"),
        ("STORE", "redis:", "expected azure:CONTAINER, file:PATH or memory:"),
        ("STORE", "file:", "expected azure:CONTAINER, file:PATH or memory:"),
        ("STORE", "azure:", "expected a container's name after azure:"),
        ("STORE", "azure:No_Container", "expected a container's name after azure:"),
        ("NOTIFICATION_CONTENT", "some", "expected full, sender or hidden"),
        ("INSTALLATIONS_PER_USER", "0", "expected a whole number from 1 to 1000"),
        ("INSTALLATIONS_PER_NUMBER", "1001", "expected a whole number from 1 to 1000"),
        ("INSTALLATION_TTL_DAYS", "soon", "expected a whole number from 1 to 3650"),
        ("DELIVERY_DEADLINE_SECONDS", "4", "expected a whole number from 5 to 28"),
        ("DELIVERY_DEADLINE_SECONDS", "29", "expected a whole number from 5 to 28"),
        ("HUB_MAX_IN_FLIGHT", "-1", "expected a whole number from 1 to 10000"),
        ("EXPIRE_EVENTS", "perhaps", "expected true or false"),
        ("RUST_LOG", "acs_push=loud", "expected error, warn, info, debug or trace"),
        ("FUNCTIONS_CUSTOMHANDLER_PORT", "65536", "expected a whole number from 0 to 65535"),
        ("NOTIFICATIONS_FILE", "missing.toml", "missing.toml cannot be read"),
    ] {
        let told = faults(&[(name, value)]);
        let [line] = told.as_slice() else { panic!("{name}={value}: {told:?}") };
        assert!(line.starts_with(&format!("{name}: ")) && line.contains(expected), "{line}");
    }
}

#[test]
fn a_second_way_into_the_hub_does_not_stand_for_the_first() {
    let mut vars = good();
    let string = vars.remove("NOTIFICATION_HUB_CONNECTION_STRING").unwrap();
    vars.insert("NOTIFICATION_HUB_SECONDARY_CONNECTION_STRING".to_owned(), string);
    let told = Config::from_vars(vars).unwrap_err().to_string();
    assert!(told.starts_with("NOTIFICATION_HUB_CONNECTION_STRING: is required"), "{told}");
}

#[test]
fn an_unknown_setting_is_reported_with_the_nearest_one() {
    for (name, nearest) in [
        ("NOTIFICATION_HUB_NAMES", "NOTIFICATION_HUB_NAME"),
        ("NOTIFICATION_HUB_CONECTION_STRING", "NOTIFICATION_HUB_CONNECTION_STRING"),
        ("NOTIFICATION_HUB_VIOP_NAME", "NOTIFICATION_HUB_VOIP_NAME"),
        ("NOTIFICATION_HUB_VOI_NAME", "NOTIFICATION_HUB_VOIP_NAME"),
        ("NOTIFICATION_HUB_VIOP_SECONDARY_CONNECTION_STRING", "NOTIFICATION_HUB_VOIP_SECONDARY_CONNECTION_STRING"),
        ("NOTIFICATION_HUB_VOIP_SECONDRY_CONNECTION_STRING", "NOTIFICATION_HUB_VOIP_SECONDARY_CONNECTION_STRING"),
        ("NOTIFICATION_HUB_SANDBOX_VIOP_NAME", "NOTIFICATION_HUB_SANDBOX_VOIP_NAME"),
        ("NOTIFICATION_HUB_SECONDRY_CONNECTION_STRING", "NOTIFICATION_HUB_SECONDARY_CONNECTION_STRING"),
        ("NOTIFICATION_HUB_SECONDARY_NAME", "NOTIFICATION_HUB_SANDBOX_NAME"),
        ("NOTIFICATION_HUB_MANGE_CONNECTION_STRING", "NOTIFICATION_HUB_MANAGE_CONNECTION_STRING"),
        ("NOTIFICATION_HUB_sandbox_NAME", "NOTIFICATION_HUB_SANDBOX_NAME"),
        ("NOTIFICATION_CONTENTS", "NOTIFICATION_CONTENT"),
    ] {
        let told = faults(&[(name, "x"), ("NOTIFICATION_HUB_SANDBOX_NAME", "sandbox")]);
        let [line] = told.as_slice() else { panic!("{name}: {told:?}") };
        assert!(line.starts_with(&format!("{name}: unknown setting; did you mean {nearest}?")), "{line}");
    }
}

#[test]
fn an_app_is_called_anything_that_is_two_edits_away_from_voip_and_secondary() {
    for app in ["TRIP", "VIPS", "SHIP", "V", "OVP", "SECNDRY", "SECODNRAY", "PRIMARY"] {
        assert_eq!(faults(&[(&format!("NOTIFICATION_HUB_{app}_NAME"), "hub-of-app")]), Vec::<String>::new(), "{app}");
    }
    for slip in ["VOP", "VOIPS", "TOIP", "OVIP", "SECODNARY", "SECONDARI", "SECONDRY"] {
        for ending in ["NAME", "VOIP_NAME", "CONNECTION_STRING"] {
            let told = faults(&[(&format!("NOTIFICATION_HUB_{slip}_{ending}"), "hub-of-app")]);
            assert!(matches!(told.as_slice(), [line] if line.contains("unknown setting")), "{slip} {ending}: {told:?}");
        }
    }
}

#[test]
fn the_hub_for_calls_is_another_one_than_that_for_alerts() {
    let elsewhere = format!("Endpoint=sb://other/;SharedAccessKeyName=r;SharedAccessKey={SECRET}");
    let same = "is the same hub as NOTIFICATION_HUB_NAME: expected another one, whose bundle id ends in .voip";
    assert_eq!(faults(&[("NOTIFICATION_HUB_VOIP_NAME", "Hub")]), [format!("NOTIFICATION_HUB_VOIP_NAME: {same}")]);
    let told = faults(&[("NOTIFICATION_HUB_BETA_NAME", "beta"), ("NOTIFICATION_HUB_BETA_VOIP_NAME", "beta")]);
    let of_beta = same.replace("HUB_NAME", "HUB_BETA_NAME");
    assert_eq!(told, [format!("NOTIFICATION_HUB_BETA_VOIP_NAME: {of_beta}")]);
    // A hub of another namespace may well have the same name.
    let namespaces = [("NOTIFICATION_HUB_VOIP_NAME", "hub"), ("NOTIFICATION_HUB_VOIP_CONNECTION_STRING", &elsewhere)];
    assert_eq!(faults(&namespaces), Vec::<String>::new());
    let path = format!("{elsewhere};EntityPath=voip");
    assert_eq!(warnings(&[("NOTIFICATION_HUB_VOIP_CONNECTION_STRING", &path)]), Vec::<String>::new());
}

#[test]
fn a_key_for_a_hub_that_is_not_named_is_warned_about() {
    let string = format!("Endpoint=sb://ns/;SharedAccessKeyName=r;SharedAccessKey={SECRET}");
    for (prefix, ending) in [
        ("NOTIFICATION_HUB_VOIP_", "CONNECTION_STRING"),
        ("NOTIFICATION_HUB_VOIP_", "SECONDARY_CONNECTION_STRING"),
        ("NOTIFICATION_HUB_BETA_VOIP_", "CONNECTION_STRING"),
    ] {
        let told = warnings(&[("NOTIFICATION_HUB_BETA_NAME", "beta"), (&format!("{prefix}{ending}"), &string)]);
        let expected = format!("{prefix}{ending}: is not used without {prefix}NAME; calls on iOS are sent as alerts");
        assert_eq!(told, [expected]);
    }
}

#[test]
fn azure_is_told_on_every_plan_and_a_laptop_by_what_the_core_tools_set() {
    for variable in ["WEBSITE_INSTANCE_ID", "CONTAINER_NAME", "WEBSITE_POD_NAME"] {
        // A folder is used only if STORE names it there, with a warning.
        let told = faults(&[(variable, "a-name"), ("STORE", "")]);
        assert!(matches!(told.as_slice(), [line] if line.contains("inside Azure")), "{variable}: {told:?}");
        for (store, warned) in [("file:.acs-push", "a folder inside Azure"), ("memory:", "memory is not shared")] {
            let told = warnings(&[(variable, "a-name"), ("STORE", store)]);
            assert!(matches!(told.as_slice(), [line] if line.contains(warned)), "{variable} {store}: {told:?}");
        }
        let config = Config::from_vars(with(&[(variable, "a-name")])).unwrap();
        assert_eq!((config.instance.as_str(), config.event_filter.expire), ("a-name", true), "{variable}");
    }
    for (variable, value) in [
        ("AZURE_FUNCTIONS_ENVIRONMENT", "Development"),
        ("AZURE_FUNCTIONS_ENVIRONMENT", "development"),
        ("FUNCTIONS_CORETOOLS_ENVIRONMENT", "true"),
    ] {
        let config = Config::from_vars(with(&[(variable, value), ("STORE", "")])).unwrap();
        assert!(!config.event_filter.expire && config.warnings.is_empty(), "{variable}={value}: {:?}", config.warnings);
    }
    // A laptop's container has a name, too, and no part of Azure has the Core Tools.
    let container = [("CONTAINER_NAME", "dev"), ("FUNCTIONS_CORETOOLS_ENVIRONMENT", "true"), ("STORE", "")];
    let config = Config::from_vars(with(&container)).unwrap();
    assert!(!config.event_filter.expire && config.warnings.is_empty() && config.instance != "dev", "{config:?}");
    for variable in ["AZURE_FUNCTIONS_ENVIRONMENT", "WEBSITE_HOSTNAME"] {
        let config = Config::from_vars(with(&[(variable, "Production"), ("STORE", "")])).unwrap();
        assert!(config.event_filter.expire && config.warnings.is_empty(), "{variable}: {:?}", config.warnings);
    }
}

#[test]
fn an_app_needs_a_hub_name_unless_its_connection_string_has_one() {
    let own = format!("Endpoint=sb://other/;SharedAccessKeyName=r;SharedAccessKey={SECRET}");
    let told = faults(&[("NOTIFICATION_HUB_BETA_CONNECTION_STRING", &own)]);
    assert_eq!(told, ["NOTIFICATION_HUB_BETA_NAME: is required: expected the hub's name"]);
    let with_path = format!("{own};EntityPath=beta");
    assert_eq!(faults(&[("NOTIFICATION_HUB_BETA_CONNECTION_STRING", &with_path)]), Vec::<String>::new());
}

#[test]
fn the_hubs_name_may_come_from_the_entity_path() {
    let mut vars = good();
    vars.remove("NOTIFICATION_HUB_NAME");
    vars.get_mut("NOTIFICATION_HUB_CONNECTION_STRING").unwrap().push_str(";EntityPath=hub");
    assert!(Config::from_vars(vars).is_ok());
}

#[tokio::test]
async fn events_go_to_the_hub_of_the_entity_path_unless_another_one_is_named() {
    for (name, expected) in [("", SANDBOX_HUB), (HUB, HUB)] {
        let hub = emulator().await;
        // A key opens the hub that it belongs to.
        let connection_string = hub.connection_string_of(expected).unwrap();
        let connection_string = connection_string.split(";EntityPath=").next().unwrap();
        let connection_string = format!("{connection_string};EntityPath={SANDBOX_HUB}");
        let settings =
            [("NOTIFICATION_HUB_CONNECTION_STRING", connection_string.as_str()), ("NOTIFICATION_HUB_NAME", name)];
        let app = App::beside(hub, &settings).await;
        app.register_android(BOB).await;
        assert_eq!(app.deliver(&chat("e1", "ChatMessageReceived", "m1", 1, "Hello")).await["outcome"], "delivered");
        assert_eq!(app.hub.accepted()[0].hub, expected);
    }
}

#[test]
fn all_faults_are_reported_at_once_and_none_shows_a_secret() {
    let secret_twice =
        format!("Endpoint=sb://ns/;SharedAccessKeyName=r;SharedAccessKey={SECRET};SharedAccessKey={SECRET}");
    let told = faults(&[
        ("NOTIFICATION_HUB_CONNECTION_STRING", &secret_twice),
        ("NOTIFICATION_HUB_SECONDARY_CONNECTION_STRING", SECRET),
        ("NOTIFICATION_HUB_NAME", "a hub"),
        ("NOTIFICATION_HUB_VIOP_NAME", "x"),
        ("STORE", "nowhere"),
        ("EXPIRE_EVENTS", "perhaps"),
    ]);
    assert_eq!(told.len(), 6, "{told:#?}");
    assert!(!told.concat().contains("c2VjcmV0"), "{told:#?}");
}

#[test]
fn settings_that_are_printed_show_no_secret() {
    let shown = format!("{:?}", Config::from_vars(good()).unwrap());
    assert!(shown.contains("ns.servicebus.windows.net") && !shown.contains(SECRET), "{shown}");
}

#[test]
fn the_app_folders_settings_are_good_and_hold_loopback_values_only() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/local.settings.json");
    let settings: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let values = settings["Values"].as_object().unwrap();
    let vars = values.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()));
    let vars: BTreeMap<String, String> = vars.collect();
    assert!(vars["NOTIFICATION_HUB_CONNECTION_STRING"].starts_with("Endpoint=http://127.0.0.1:"));
    assert!(vars.contains_key("STORE"));
    Config::from_vars(vars).unwrap();
}

#[test]
fn a_key_that_may_manage_does_not_stand_for_one_that_sends_and_is_for_its_own_hub() {
    let mut vars = good();
    let string = vars.remove("NOTIFICATION_HUB_CONNECTION_STRING").unwrap();
    vars.insert("NOTIFICATION_HUB_MANAGE_CONNECTION_STRING".to_owned(), string);
    let told = Config::from_vars(vars).unwrap_err().to_string();
    assert!(told.starts_with("NOTIFICATION_HUB_CONNECTION_STRING: is required"), "{told}");

    let namespace =
        |name: &str| format!("Endpoint=sb://{name}.servicebus.windows.net/;SharedAccessKeyName=r;SharedAccessKey=a2V5");
    let (own, other) = (namespace("one"), namespace("two"));
    let hubs = [
        ("NOTIFICATION_HUB_CONNECTION_STRING", own.as_str()),
        ("NOTIFICATION_HUB_NAME", "alerts"),
        ("NOTIFICATION_HUB_VOIP_NAME", "calls"),
    ];
    let with = |more: &[(&str, &str)]| faults(&[&hubs[..], more].concat());
    let manage = "NOTIFICATION_HUB_MANAGE_CONNECTION_STRING";
    let voip = "NOTIFICATION_HUB_VOIP_MANAGE_CONNECTION_STRING";
    let path = |hub: &str| format!("{own};EntityPath={hub}");
    assert_eq!(with(&[(manage, &own)]), Vec::<String>::new());
    assert_eq!(with(&[(manage, &path("Alerts")), (voip, &path("calls"))]), Vec::<String>::new());
    assert_eq!(
        with(&[(manage, &other)]),
        [format!("{manage}: is for another namespace than the hub: expected a rule of the hub's namespace")]
    );
    let told = "has the EntityPath of another hub: expected a rule of this hub, or of its namespace";
    assert_eq!(with(&[(voip, &path("alerts"))]), [format!("{voip}: {told}")]);
    let [fault] = &with(&[(manage, "Endpoint=sb://one.servicebus.windows.net/")])[..] else { panic!() };
    assert!(fault.starts_with(&format!("{manage}: has no SharedAccessKeyName")), "{fault}");
}
