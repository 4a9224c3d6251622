//! What people paste into settings: read where it can be read, else told by its cause; and names that are nearly right.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use acs_push::Config;
use secrecy::ExposeSecret;
use tokio::process::Command;

use crate::binary::Process;
use crate::canaries::Canaries;
use crate::support::{emulator, vars};
use crate::watch::assert_clean;

const KEY: &str = "c2VjcmV0LXRlc3Qta2V5";
const HUB: &str = "NOTIFICATION_HUB_CONNECTION_STRING";
const STORAGE: &str = "AzureWebJobsStorage";

/// A hub's connection string.
fn hub() -> String {
    let namespace = "Endpoint=sb://contoso.servicebus.windows.net/";
    format!("{namespace};SharedAccessKeyName=DefaultFullSharedAccessSignature;SharedAccessKey={KEY}")
}

/// Settings without a fault, changed so.
fn with(settings: &[(&str, &str)]) -> BTreeMap<String, String> {
    let good = hub();
    let good = [(HUB, good.as_str()), ("NOTIFICATION_HUB_NAME", "hub"), ("STORE", "memory:")];
    let vars = good.iter().chain(settings);
    vars.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The warnings about these settings, which have no faults.
fn warnings(settings: &[(&str, &str)]) -> Vec<String> {
    Config::from_vars(with(settings)).unwrap_or_else(|faults| panic!("{settings:?}: {faults}")).warnings
}

/// The lines about these settings.
fn faults(settings: &[(&str, &str)]) -> Vec<String> {
    match Config::from_vars(with(settings)) {
        Ok(_) => Vec::new(),
        Err(error) => error.to_string().lines().map(str::to_owned).collect(),
    }
}

/// Insists on one fault, of this setting and with these words, that repeats nothing of the value.
fn assert_told(settings: &[(&str, &str)], setting: &str, words: &[&str]) {
    let told = faults(settings);
    let [line] = told.as_slice() else { panic!("{settings:?}: {told:#?}") };
    assert!(line.starts_with(&format!("{setting}: ")), "{settings:?}: {line}");
    for word in words {
        assert!(line.contains(word), "{settings:?}: {word} is not in: {line}");
    }
    let mut canaries = Canaries::default();
    canaries.plant_settings(settings.iter().copied());
    ["c2VjcmV0", "hunter2", "SECRETVALUE"].iter().for_each(|secret| canaries.plant(secret));
    assert_clean(&canaries, &[line]);
}

#[test]
fn a_hubs_connection_string_that_can_be_read_is_read() {
    let good = hub();
    for (text, endpoint) in [
        (format!("{good}\n"), "https://contoso.servicebus.windows.net/"),
        (format!("{good}\u{200b}"), "https://contoso.servicebus.windows.net/"),
        (format!("\u{feff}  {good};\u{a0}"), "https://contoso.servicebus.windows.net/"),
        (good.replace(";", ";\u{200b}\r\n  "), "https://contoso.servicebus.windows.net/"),
        (good.replace("c2Vj", "c2\n\u{200d}Vj"), "https://contoso.servicebus.windows.net/"),
        (good.replace(".net/", ".net:443/"), "https://contoso.servicebus.windows.net/"),
        (good.replace("sb://", "SB://"), "https://contoso.servicebus.windows.net/"),
        (good.replace("sb://", "http://").replace(".net/", ".net:8080"), "http://contoso.servicebus.windows.net:8080/"),
        (good.replace(".windows.net", ".chinacloudapi.cn"), "https://contoso.servicebus.chinacloudapi.cn/"),
    ] {
        let config = Config::from_vars(with(&[(HUB, &text)])).unwrap_or_else(|faults| panic!("{text:?}: {faults}"));
        let read = &config.default_app.main.connection_strings[0];
        assert_eq!(read.endpoint.as_str(), endpoint, "{text:?}");
        assert_eq!(read.key.expose_secret(), KEY, "{text:?}");
    }
}

#[test]
fn a_hubs_connection_string_that_cannot_be_read_is_told_by_its_cause() {
    let good = hub();
    let key_vault = "@Microsoft.KeyVault(SecretUri=https://contoso.vault.azure.net/secrets/hub/SECRETVALUE)";
    let with_key = |key: &str| good.replace(KEY, key);
    for (text, words) in [
        (key_vault.to_owned(), &["Key Vault reference", "Key Vault Secrets User", "any change of configuration"][..]),
        ("@microsoft.keyvault(VaultName=v;SecretName=hub)".to_owned(), &["Key Vault Secrets User"]),
        (
            "@Microsoft.AppConfiguration(Endpoint=https://c.azconfig.io; Key=hub)".to_owned(),
            &["App Configuration Data Reader"],
        ),
        (with_key(key_vault), &["Key Vault reference within other text"]),
        (format!("\"{key_vault}\""), &["quotes"]),
        (format!("\"{good}\""), &["quotes"]),
        (format!("'{good}'"), &["quotes"]),
        (format!("“{good}”"), &["quotes"]),
        (format!("{good}\""), &["quotes"]),
        (with_key(&format!("\"{KEY}\"")), &["quotes"]),
        (format!("{HUB}={good}"), &["setting's own name"]),
        (format!("{HUB}: {good}"), &["setting's own name"]),
        (good.replace(";SharedAccessKey=", "SharedAccessKey="), &["no ';' before SharedAccessKey;"]),
        (good.replace(';', ","), &["no ';' before SharedAccessKeyName"]),
        (with_key("<your key>"), &["placeholder"]),
        (with_key("{key}"), &["placeholder"]),
        (with_key("YOUR_KEY_HERE"), &["placeholder"]),
        (with_key("KEY"), &["placeholder"]),
        (with_key("****"), &["placeholder"]),
        (with_key("%HUB_KEY%"), &["placeholder"]),
        (with_key("$(hubKey)"), &["placeholder"]),
        (with_key("#{HubKey}#"), &["placeholder"]),
        (with_key("xxxx"), &["placeholder"]),
        (good.replace("contoso", "NAMESPACE"), &["placeholder"]),
        (good.replace("contoso", "<namespace>"), &["placeholder"]),
        (good.replace("contoso", "your-namespace"), &["placeholder"]),
        ("Endpoint=…;SharedAccessKeyName=…;SharedAccessKey=…".to_owned(), &["placeholder"]),
        ("<connection string>".to_owned(), &["placeholder"]),
        ("changeme".to_owned(), &["placeholder"]),
        (with_key("c2VjcmV0 LXRlc3Q="), &["outside base64's letters"]),
        (with_key("c2VjcmV0%3D"), &["outside base64's letters"]),
        (with_key("c2VjcmV0\\n"), &["outside base64's letters"]),
        (with_key("ключ"), &["outside base64's letters"]),
        (
            "endpoint=https://contoso.communication.azure.com/;accesskey=c2VjcmV0".to_owned(),
            &["Communication Services", "Notification Hubs"],
        ),
        (format!("DefaultEndpointsProtocol=https;AccountName=acc;AccountKey={KEY}"), &["Azure Storage"]),
        (format!("HostName=c.azure-devices.net;SharedAccessKeyName=iothubowner;SharedAccessKey={KEY}"), &["IoT Hub"]),
        (format!("AccountEndpoint=https://c.documents.azure.com:443/;AccountKey={KEY};"), &["Cosmos DB"]),
        (format!("Endpoint=https://c.azconfig.io;Id=a;Secret={KEY}"), &["App Configuration"]),
        (format!("Endpoint=https://c.service.signalr.net;AccessKey={KEY};Version=1.0;"), &["SignalR"]),
        (format!("Endpoint=https://c.webpubsub.azure.com;AccessKey={KEY};Version=1.0;"), &["Web PubSub"]),
        (format!("c.redis.cache.windows.net:6380,password={KEY},ssl=True"), &["Redis"]),
        ("Server=tcp:c.database.windows.net;Password=hunter2".to_owned(), &["database"]),
        ("InstrumentationKey=0-0;IngestionEndpoint=https://c/".to_owned(), &["Application Insights"]),
        ("-----BEGIN PRIVATE KEY-----\nMIGT\n-----END PRIVATE KEY-----".to_owned(), &["private key"]),
        (r#"{"type":"service_account","project_id":"c"}"#.to_owned(), &["JSON"]),
        ("sb://contoso.example/".to_owned(), &["an address alone"]),
        (KEY.repeat(2) + "QUI=", &["a key without its address"]),
        ("Endpoint=sb://me:hunter2@contoso/;SharedAccessKeyName=r;SharedAccessKey=k".to_owned(), &["Endpoint"]),
    ] {
        assert_told(&[(HUB, &text)], HUB, words);
        let secondary = "NOTIFICATION_HUB_SECONDARY_CONNECTION_STRING";
        assert_told(&[(secondary, &text.replace(HUB, secondary))], secondary, words);
    }
}

#[test]
fn other_settings_have_the_same_words_for_the_same_causes() {
    for (setting, value, word) in [
        ("NOTIFICATION_HUB_NAME", "@Microsoft.KeyVault(VaultName=v;SecretName=name)", "Key Vault Secrets User"),
        ("NOTIFICATION_HUB_NAME", "\"hub\"", "quotes"),
        ("NOTIFICATION_HUB_NAME", "<your hub>", "placeholder"),
        ("NOTIFICATION_HUB_NAME", "your-hub-name", "placeholder"),
        ("NOTIFICATION_HUB_VOIP_NAME", "NOTIFICATION_HUB_VOIP_NAME=voip", "own name"),
        ("STORE", "'memory:'", "quotes"),
        ("STORE", "azure:<container>", "placeholder"),
        ("STORE", "file:https://a/b?sig=SECRETVALUE", "a key or a signature"),
        ("EVENT_TYPES", "\"SMSReceived\"", "quotes"),
        ("EXPIRE_EVENTS", "%EXPIRE%", "placeholder"),
        ("RUST_LOG", "\"info\"", "quotes"),
        ("NOTIFICATION_CONTENT", "todo", "placeholder"),
        ("NOTIFICATIONS_FILE", "https://a/texts.toml?sv=1&sig=SECRETVALUE", "a key or a signature"),
        ("SUBJECT_PREFIXES", &hub(), "a key or a signature"),
    ] {
        assert_told(&[(setting, value)], setting, &[word]);
    }
}

#[test]
fn the_storage_accounts_connection_string_is_told_by_its_cause() {
    let good =
        format!("DefaultEndpointsProtocol=https;AccountName=acc;AccountKey={KEY};EndpointSuffix=core.windows.net");
    let signed = "BlobEndpoint=https://acc.blob.core.windows.net";
    for (text, words) in [
        (
            "@Microsoft.KeyVault(VaultName=v;SecretName=s)".to_owned(),
            &["Key Vault Secrets User", "any change of configuration"][..],
        ),
        (format!("\"{good}\""), &["quotes"]),
        (good.replace(KEY, "<key>"), &["placeholder"]),
        (good.replace(KEY, "KEY"), &["placeholder"]),
        (good.replace(KEY, "c2Vj cmV0"), &["AccountKey that is not base64"]),
        (hub(), &["Notification Hubs", "Azure Storage"]),
        ("endpoint=https://c.communication.azure.com/;accesskey=c2VjcmV0".to_owned(), &["Communication Services"]),
        (format!("{signed};SharedAccessSignature=sv=2024&amp;sig=SECRETVALUE"), &["HTML-escaped", "&amp;"]),
        (format!("{signed};SharedAccessSignature=sv=2024&#38;sig=SECRETVALUE"), &["HTML-escaped"]),
        (format!("{signed};SharedAccessSignature=sv=2024"), &["SharedAccessSignature", "sig"]),
        (format!("{signed}/?sv=2024&sig=SECRETVALUE"), &["BlobEndpoint", "query", "SharedAccessSignature"]),
        (format!("{signed}/?sv=2024&sig=SECRETVALUE;AccountName=acc;AccountKey={KEY}"), &["BlobEndpoint", "query"]),
        (format!("BlobEndpoint=https://me:hunter2@acc/;AccountKey={KEY}"), &["BlobEndpoint", "user name or password"]),
        ("https://acc.blob.core.windows.net/?sv=2024&sig=SECRETVALUE".to_owned(), &["an address alone"]),
        (good.replace("EndpointSuffix", "EndpointSufix"), &["a part EndpointSufix", "no part of such"]),
        (format!("{good};Extra=1"), &["a part Extra"]),
        (format!("{good};{KEY}=="), &["a part of an unknown name in place 5"]),
        (
            "UseDevelopmentStorage=true;BlobEndpoint=http://azurite:10000/devstoreaccount1".to_owned(),
            &["BlobEndpoint beside UseDevelopmentStorage"],
        ),
        (
            "UseDevelopmentStorage=true;DevelopmentStorageProxy=http://azurite".to_owned(),
            &["a part DevelopmentStorageProxy"],
        ),
        (good.replace(";AccountKey", "AccountKey"), &["no ';' before AccountKey"]),
        (good.replace("https", "htps"), &["DefaultEndpointsProtocol"]),
        (good.replace("=acc;", "=https://acc;"), &["AccountName"]),
    ] {
        assert_told(&[("STORE", "azure:acs-push"), (STORAGE, &text)], STORAGE, words);
        // Where the store is another one, nobody reads it.
        assert_eq!(faults(&[(STORAGE, &text)]), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn the_address_of_a_storage_account_or_an_identity_shows_no_credentials() {
    const URI: &str = "AzureWebJobsStorage__blobServiceUri";
    for (uri, words) in [
        ("https://acc.blob.core.windows.net/?sv=1&sig=SECRETVALUE", &["query", "SharedAccessSignature"][..]),
        ("https://me:hunter2@acc.blob.core.windows.net/", &["user name or password"]),
        ("acc.blob.core.windows.net", &["not a valid address"]),
        ("<address>", &["placeholder"]),
    ] {
        assert_told(&[("STORE", "azure:acs-push"), (URI, uri)], URI, words);
    }
    let account = ("AzureWebJobsStorage__accountName", "acc");
    for endpoint in
        ["http://me:hunter2@127.0.0.1:1/msi", "http://127.0.0.1:1/msi?key=hunter2", "hunter2", "ftp://hunter2/"]
    {
        let settings = [("STORE", "azure:acs-push"), account, ("IDENTITY_ENDPOINT", endpoint)];
        assert_told(&settings, "IDENTITY_ENDPOINT", &["without user name, password or query"]);
    }
    let settings = [("STORE", "azure:acs-push"), account, ("IDENTITY_ENDPOINT", "http://127.0.0.1:41741/msi/token/")];
    assert_eq!(faults(&settings), Vec::<String>::new());
}

#[test]
fn azurite_on_another_host_is_found_as_azures_libraries_find_it() {
    for (proxy, endpoint) in [
        ("http://127.0.0.2", "http://127.0.0.2:10000/devstoreaccount1"),
        ("http://azurite/", "http://azurite:10000/devstoreaccount1"),
        ("https://azurite:11000/any/path", "https://azurite:10000/devstoreaccount1"),
        ("http://[::1]", "http://[::1]:10000/devstoreaccount1"),
    ] {
        let text = format!("UseDevelopmentStorage=true;DevelopmentStorageProxyUri={proxy}");
        let config = Config::from_vars(with(&[("STORE", "azure:acs-push"), (STORAGE, &text)])).unwrap();
        assert!(format!("{:?}", config.store).contains(&format!("\"{endpoint}\"")), "{proxy}: {:?}", config.store);
    }
}

#[test]
fn names_of_other_products_are_nobodys_fault() {
    let others = [
        ("NOTIFICATIONHUBCONNSTR_Legacy", hub()),
        ("NOTIFICATIONS_ENABLED", "true".to_owned()),
        ("NOTIFICATIONHUB", "x".to_owned()),
        ("NOTIFICATIONS", "x".to_owned()),
        ("notifier", "x".to_owned()),
        ("RUST_BACKTRACE", "1".to_owned()),
        ("CUSTOMCONNSTR_DB", "x".to_owned()),
        ("HOME", "/home/x".to_owned()),
        ("STORED", "x".to_owned()),
        ("RUST_LOGS", "x".to_owned()),
        ("AzureWebJobsStorage__queueServiceUri", "https://acc.queue.core.windows.net".to_owned()),
        ("AzureWebJobsStorage__tableServiceUri", "https://acc.table.core.windows.net".to_owned()),
        ("AzureWebJobsStorage__fileServiceUri", "https://acc.file.core.windows.net".to_owned()),
        ("AzureWebJobsStorage__tenantId", "x".to_owned()),
        ("AzureWebJobsStorage__clientSecret", "x".to_owned()),
        ("AzureWebJobsDashboard", "x".to_owned()),
        ("CONTAINER_NAMES", "x".to_owned()),
    ];
    let mut settings: Vec<(&str, &str)> = others.iter().map(|(name, value)| (*name, value.as_str())).collect();
    settings.extend([
        ("STORE", "azure:acs-push"),
        ("AzureWebJobsStorage__blobServiceUri", "https://acc.blob.core.windows.net"),
    ]);
    assert_eq!(warnings(&settings), Vec::<String>::new());
}

#[test]
fn a_name_that_is_nearly_ours_is_warned_about_with_what_was_meant() {
    for (name, meant) in [
        ("EXPIRE_EVENT", "EXPIRE_EVENTS"),
        ("EXPIRES_EVENT", "EXPIRE_EVENTS"),
        ("expire_events", "EXPIRE_EVENTS"),
        ("notification_content", "NOTIFICATION_CONTENT"),
        ("Notification_Contents", "NOTIFICATION_CONTENT"),
        ("INSTALLATIONS_TTL_DAYS", "INSTALLATION_TTL_DAYS"),
        ("INSTALLATION_PER_USER", "INSTALLATIONS_PER_USER"),
        ("NOTIFICATIONS_FIEL", "NOTIFICATIONS_FILE"),
        ("NOTIFICATIONHUB_NAME", "NOTIFICATION_HUB_NAME"),
        ("NOTIFICATON_HUB_SANDBOX_NAME", "NOTIFICATION_HUB_SANDBOX_NAME"),
        ("notification_hub_sandbox_name", "NOTIFICATION_HUB_SANDBOX_NAME"),
        ("EVENTTYPES", "EVENT_TYPES"),
        ("store", "STORE"),
        ("Rust_Log", "RUST_LOG"),
        ("HUB_MAX_INFLIGHT", "HUB_MAX_IN_FLIGHT"),
    ] {
        let expected = format!("{name}: is not a setting of acs-push; did you mean {meant}?");
        assert_eq!(warnings(&[(name, "x")]), [expected]);
    }
    let identity =
        [("STORE", "azure:acs-push"), ("AzureWebJobsStorage__accountName", "acc"), ("AzureWebJobStorage", "x")];
    assert!(warnings(&identity)[0].contains("did you mean AzureWebJobsStorage?"), "{:?}", warnings(&identity));
}

#[test]
fn a_missing_connection_string_is_looked_for_in_the_portals_other_list() {
    for name in [
        "NOTIFICATIONHUBCONNSTR_Legacy",
        "CUSTOMCONNSTR_NOTIFICATION_HUB_CONNECTION_STRING",
        "ConnectionStrings:NOTIFICATION_HUB_CONNECTION_STRING",
    ] {
        let words = ["is required", name, "move its value to Application settings", HUB];
        assert_told(&[(HUB, ""), (name, &hub())], HUB, &words);
    }
    assert!(!faults(&[(HUB, ""), ("SQLCONNSTR_Db", "x")])[0].contains("CONNSTR"));
    let account = [("STORE", "azure:acs-push"), ("CUSTOMCONNSTR_AzureWebJobsStorage", "x")];
    assert_told(&account, STORAGE, &["is required", "CUSTOMCONNSTR_AzureWebJobsStorage comes from"]);
}

#[test]
fn a_log_filter_that_is_none_is_a_fault() {
    for filter in [
        "inof",
        "verbose",
        "warning",
        "acs_push=loud",
        "info;hyper=warn",
        "=info",
        "info,",
        "acs_push=info=warn",
        "log level=info",
    ] {
        assert_told(&[("RUST_LOG", filter)], "RUST_LOG", &["expected error, warn, info, debug or trace"]);
    }
    for filter in
        ["info", "WARN", "off", "acs_push", "acs_push=debug", "warn, acs_push::push=trace", "hyper=debug,info"]
    {
        assert_eq!(faults(&[("RUST_LOG", filter)]), Vec::<String>::new(), "{filter}");
    }
}

#[test]
fn a_setting_that_is_not_utf8_is_a_fault_and_not_absent() {
    let not_utf8 = || OsString::from_vec(b"hid\xffden".to_vec());
    for setting in [HUB, "NOTIFICATION_CONTENT", "NOTIFICATION_HUB_NAME", "NOTIFICATIONS_FILE", "STORE", "RUST_LOG"] {
        let mut vars: BTreeMap<OsString, OsString> =
            with(&[]).into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        vars.insert(setting.into(), not_utf8());
        // Somebody else's may be what they like.
        vars.insert("LESS_TERMCAP".into(), not_utf8());
        let told = Config::from_vars(vars).unwrap_err().to_string();
        assert_eq!(told, format!("{setting}: is not UTF-8: expected text in UTF-8"));
    }
}

#[tokio::test]
async fn the_program_tells_of_what_is_not_utf8_and_of_names_that_are_nearly_right() {
    let hub = emulator().await;
    let connection_string = hub.connection_string_of(crate::support::HUB).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_acs-push"));
    command.env_clear().env(HUB, connection_string).env("notification_hub_name", "alerts").env("STORE", "memory:");
    command.env("NOTIFICATION_CONTENT", OsString::from_vec(b"hidden\xff".to_vec()));
    let output = command.output().await.unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(78), "{told}");
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(
        lines,
        [
            "warning: notification_hub_name: is not a setting of acs-push; did you mean NOTIFICATION_HUB_NAME?",
            "NOTIFICATION_HUB_NAME: is required: expected the hub's name",
            "NOTIFICATION_CONTENT: is not UTF-8: expected text in UTF-8",
        ]
    );
}

#[tokio::test]
async fn a_warning_about_a_name_is_in_the_log_at_the_start() {
    let (hub, folder) = (emulator().await, tempfile::tempdir().unwrap());
    let process = Process::start(&vars(&hub, &[("EXPIRE_EVENT", "SECRETVALUE")]), folder.path()).await;
    let (_, output) = process.terminate().await;
    let expected = "WARN EXPIRE_EVENT: is not a setting of acs-push; did you mean EXPIRE_EVENTS?";
    assert!(output.contains(expected) && !output.contains("SECRETVALUE"), "{output}");
}
