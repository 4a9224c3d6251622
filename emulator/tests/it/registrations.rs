//! Registrations over the wire: new ids, create, read, change, delete, lists.

use notification_hubs_emulator::{Emulator, FrontEnd, Options, Right};
use reqwest::{Method, Response};
use serde_json::json;

use crate::client::{Send, apple, now, rule, start, token};

const TOKEN: &str = "00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0";
const ENTRY: &str = "application/atom+xml; type=entry; charset=utf-8";

pub fn call(emulator: &Emulator, method: Method, path: &str, body: &str) -> Send {
    let separator = if path.contains('?') { '&' } else { '?' };
    let target = format!("/{}/{path}{separator}api-version=2020-06", emulator.hub_name());
    apple(emulator).method(method).target(&target).header("Content-Type", ENTRY).body(body)
}

/// The entry of a registration as the SDKs send it.
pub fn entry(description: &str, elements: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?><entry xmlns=\"http://www.w3.org/2005/Atom\">\
         <updated>2023-08-03T15:53:54.398Z</updated><content type=\"application/xml\"><{description} \
         xmlns=\"http://schemas.microsoft.com/netservices/2010/10/servicebus/connect\" \
         xmlns:i=\"http://www.w3.org/2001/XMLSchema-instance\">{elements}</{description}></content></entry>"
    )
}

pub fn apple_entry(token: &str, tags: &str) -> String {
    entry("AppleRegistrationDescription", &format!("<Tags>{tags}</Tags><DeviceToken>{token}</DeviceToken>"))
}

/// The text of the first element of this name.
fn element<'x>(xml: &'x str, name: &str) -> &'x str {
    let (_, rest) = xml.split_once(&format!("<{name}>")).unwrap_or_else(|| panic!("no {name} in {xml}"));
    rest.split_once('<').unwrap().0
}

async fn create(emulator: &Emulator, body: &str) -> String {
    let response = call(emulator, Method::POST, "registrations", body).send().await;
    assert_eq!(response.status(), 200);
    element(&response.text().await.unwrap(), "RegistrationId").to_owned()
}

async fn ids(response: Response) -> Vec<String> {
    assert_eq!(response.status(), 200);
    let xml = response.text().await.unwrap();
    xml.split("<RegistrationId>").skip(1).map(|rest| rest.split_once('<').unwrap().0.to_owned()).collect()
}

#[tokio::test]
async fn a_registration_is_put_under_a_new_id_read_changed_and_deleted() {
    let emulator = start().await;
    let response = call(&emulator, Method::POST, "registrationIDs", "").send().await;
    assert_eq!((response.status().as_u16(), response.headers()["content-type"].to_str().unwrap()), (201, ENTRY));
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    let id = location.strip_prefix(&format!("{}/acs-push-dev/registrationids/", emulator.url())).unwrap();
    let numbers: Vec<_> = id.split('-').map(|part| part.parse::<u64>().unwrap()).collect();
    assert!(matches!(numbers[..], [_, _, 1..=3]), "{id}");

    let path = format!("registrations/{id}");
    let put = call(&emulator, Method::PUT, &path, &apple_entry(TOKEN, "likes_football,likes_hockey"));
    let response = put.send().await;
    assert_eq!((response.status().as_u16(), response.headers()["content-type"].to_str().unwrap()), (200, ENTRY));
    let written = response.text().await.unwrap();
    let url = format!("{}/acs-push-dev/{path}?api-version=2020-06", emulator.url());
    let description = |zone: &str, version: u32| {
        format!(
            "<content type=\"application/xml\"><AppleRegistrationDescription \
             xmlns:i=\"http://www.w3.org/2001/XMLSchema-instance\" \
             xmlns=\"http://schemas.microsoft.com/netservices/2010/10/servicebus/connect\"><ETag>{version}</ETag>\
             <ExpirationTime>9999-12-31T23:59:59.9999999{zone}</ExpirationTime><RegistrationId>{id}</RegistrationId>\
             <Tags>likes_football,likes_hockey</Tags><DeviceToken>{}</DeviceToken></AppleRegistrationDescription>\
             </content></entry>",
            TOKEN.to_uppercase(),
        )
    };
    let start = "<entry p1:etag=\"W/&quot;1&quot;\" \
                 xmlns:p1=\"http://schemas.microsoft.com/ado/2007/08/dataservices/metadata\" \
                 xmlns=\"http://www.w3.org/2005/Atom\">";
    assert!(written.starts_with(&format!("{start}<id>{url}</id><title type=\"text\">{id}</title>")), "{written}");
    assert!(written.ends_with(&format!("<link rel=\"self\" href=\"{url}\" />{}", description("", 1))), "{written}");

    let get = call(&emulator, Method::GET, &path, "");
    let response = get.send().await;
    assert_eq!(response.headers()["content-type"], "application/xml");
    assert!(response.text().await.unwrap().ends_with(&description("Z", 1)));
    assert_eq!(put.status().await, 200);
    assert!(get.send().await.text().await.unwrap().ends_with(&description("Z", 2)));

    let delete = call(&emulator, Method::DELETE, &path, "").header("If-Match", "*");
    let response = delete.send().await;
    assert_eq!((response.status().as_u16(), response.headers().contains_key("content-type")), (200, false));
    assert_eq!(response.text().await.unwrap(), "");
    for gone in [&get, &delete] {
        assert_eq!(gone.refusal().await, (404, String::new()), "as it was seen");
    }
    assert_eq!(emulator.requests().last().unwrap().reason.as_deref(), Some("there is no such registration"));
    assert!(emulator.accepted().is_empty(), "a registration is no send");
}

#[tokio::test]
async fn an_update_needs_the_version_that_it_names() {
    let emulator = start().await;
    let id = create(&emulator, &apple_entry(TOKEN, "a")).await;
    let path = format!("registrations/{id}");
    let update = |etag: &str| call(&emulator, Method::PUT, &path, &apple_entry(TOKEN, "b")).header("If-Match", etag);
    assert_eq!(update("\"2\"").refusal().await.0, 412);
    assert_eq!(update("\"1\"").status().await, 200);
    assert_eq!(update("W/\"1\"").refusal().await.0, 412);
    assert_eq!(update("*").status().await, 200);
    let unknown = call(&emulator, Method::PUT, "registrations/1-2-3", &apple_entry(TOKEN, "b"));
    assert_eq!(unknown.clone().header("If-Match", "*").status().await, 404);
    assert_eq!(unknown.status().await, 200, "a client may choose an id");
}

#[tokio::test]
async fn every_kind_of_registration_comes_back_with_its_elements_in_the_recorded_order() {
    let emulator = start().await;
    let template = "<BodyTemplate><![CDATA[{\"a\":\"$(b) & <c>\"}]]></BodyTemplate>";
    let name = "<TemplateName>t</TemplateName>";
    let headers = |name: &str| {
        format!("<{name}Headers><{name}Header><Header>a</Header><Value>b</Value></{name}Header></{name}Headers>")
    };
    let (wns, mpns, apns) = (headers("Wns"), headers("Mpns"), headers("Apns"));
    for (kind, elements) in [
        ("Adm", "<AdmRegistrationId>a</AdmRegistrationId>".to_owned()),
        (
            "Apple",
            "<Tags>a,b</Tags><PushVariables>{\"c\":\"d\"}</PushVariables><DeviceToken>AB</DeviceToken>".to_owned(),
        ),
        ("Baidu", "<BaiduUserId>u</BaiduUserId><BaiduChannelId>c</BaiduChannelId>".to_owned()),
        ("Browser", "<Endpoint>https://x/?a&amp;b</Endpoint><P256DH>p</P256DH><Auth>a</Auth>".to_owned()),
        ("FcmV1", "<FcmV1RegistrationId>f</FcmV1RegistrationId>".to_owned()),
        ("Gcm", "<GcmRegistrationId>g</GcmRegistrationId>".to_owned()),
        ("Mpns", "<ChannelUri>https://x/</ChannelUri><SecondaryTileName>s</SecondaryTileName>".to_owned()),
        ("Windows", "<ChannelUri>https://x/</ChannelUri>".to_owned()),
        ("Xiaomi", "<XiaomiRegistrationId>x</XiaomiRegistrationId>".to_owned()),
        ("GcmTemplate", format!("<GcmRegistrationId>g</GcmRegistrationId>{template}{name}")),
        ("AppleTemplate", format!("<DeviceToken>AB</DeviceToken>{template}<Expiry>$(e)</Expiry>{name}{apns}")),
        ("WindowsTemplate", format!("<ChannelUri>https://x/</ChannelUri>{template}{wns}{name}")),
        ("MpnsTemplate", format!("<ChannelUri>https://x/</ChannelUri>{template}{mpns}{name}")),
    ] {
        let body = entry(&format!("{kind}RegistrationDescription"), &elements);
        let response = call(&emulator, Method::POST, "registrations", &body).send().await;
        let xml = response.text().await.unwrap();
        let (_, behind_id) = xml.split_once("</RegistrationId>").unwrap_or_else(|| panic!("{kind}: {xml}"));
        assert_eq!(behind_id.split_once(&format!("</{kind}RegistrationDescription>")).unwrap().0, elements, "{kind}");
    }
    let bare = entry("AppleTemplateRegistrationDescription", &format!("<DeviceToken>AB</DeviceToken>{template}"));
    let xml = call(&emulator, Method::POST, "registrations", &bare).send().await.text().await.unwrap();
    assert!(xml.contains("]]></BodyTemplate><Expiry i:nil=\"true\" /><ApnsHeaders /></Apple"), "{xml}");
}

#[tokio::test]
async fn registrations_are_listed_in_pages_by_tag_and_by_device() {
    let emulator = start().await;
    let mut all = Vec::new();
    for number in 0..5 {
        let tags = if number < 3 { "few,all" } else { "all" };
        all.push(create(&emulator, &apple_entry(&format!("{number}a"), tags)).await);
    }
    let fcm = entry("FcmV1RegistrationDescription", "<FcmV1RegistrationId>a+b/c'd</FcmV1RegistrationId>");
    let fcm = create(&emulator, &fcm).await;
    all.push(fcm.clone());
    let list = |path: &str| call(&emulator, Method::GET, path, "");
    let sorted = |mut ids: Vec<String>| {
        ids.sort();
        ids
    };
    let response = list("registrations").send().await;
    assert_eq!(response.headers()["content-type"], "application/xml");
    assert_eq!(ids(response).await, sorted(all.clone()));
    assert_eq!(ids(list("tags/few/registrations").send().await).await, sorted(all[..3].to_vec()));
    assert!(ids(list("tags/none/registrations").send().await).await.is_empty());
    for filter in ["DeviceToken+eq+%271A%27", "ChannelUri%20eq%20%271a%27", "deviceToken+eq+'1a'"] {
        assert_eq!(ids(list(&format!("registrations?%24filter={filter}")).send().await).await, [all[1].clone()]);
    }
    let quoted = list("registrations?$filter=FcmV1RegistrationId+eq+%27a%2Bb%2Fc%27%27d%27");
    assert_eq!(ids(quoted.send().await).await, [fcm]);

    let (mut found, mut next) = (Vec::new(), String::new());
    loop {
        let response = list(&format!("tags/all/registrations?$top=2{next}")).send().await;
        let token = response.headers().get("x-ms-continuationtoken").map(|token| token.to_str().unwrap().to_owned());
        found.push(ids(response).await);
        let Some(token) = token else { break };
        next = format!("&continuationtoken={token}");
    }
    assert_eq!(found.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 1]);
    assert_eq!(found.concat(), sorted(all[..5].to_vec()));
    for wrong in ["registrations?$top=0", "registrations?$top=x", "registrations?$filter=DeviceToken"] {
        assert_eq!(list(wrong).refusal().await.0, 400, "{wrong}");
    }
}

#[tokio::test]
async fn an_installation_is_listed_as_the_registrations_of_its_device_and_templates() {
    let emulator = start().await;
    let installation = json!({
        "installationId": "phone", "platform": "apns", "pushChannel": "ab", "tags": ["t"], "userId": "ada",
        "templates": {"greeting": {"body": "{\"aps\":{\"alert\":\"$(a)\"}}", "tags": ["own"], "headers": {"b": "c"}}},
    });
    let put = call(&emulator, Method::PUT, "installations/phone", &installation.to_string());
    assert_eq!(put.header("Content-Type", "application/json").status().await, 200);
    let xml = call(&emulator, Method::GET, "registrations", "").send().await.text().await.unwrap();
    let tags = "<Tags>$InstallationId:{phone},$UserId:{ada},t";
    assert!(xml.contains(&format!("{tags}</Tags><DeviceToken>AB</DeviceToken></AppleReg")), "{xml}");
    let template = "<BodyTemplate><![CDATA[{\"aps\":{\"alert\":\"$(a)\"}}]]></BodyTemplate><Expiry i:nil=\"true\" />\
                    <TemplateName>greeting</TemplateName><ApnsHeaders>";
    assert!(xml.contains(&format!("{tags},own</Tags><DeviceToken>AB</DeviceToken>{template}")), "{xml}");

    let path = format!("registrations/{}", element(&xml, "RegistrationId"));
    assert_eq!(call(&emulator, Method::GET, &path, "").status().await, 200, "its id stays the same");
    assert_eq!(call(&emulator, Method::DELETE, &path, "").status().await, 200);
    assert!(ids(call(&emulator, Method::GET, "registrations", "").send().await).await.is_empty());
}

#[tokio::test]
async fn an_invalid_registration_is_refused_with_the_text_of_the_service_where_it_is_known() {
    let emulator = start().await;
    let many: Vec<_> = (0..61).map(|number| format!("t{number}")).collect();
    for (body, wanted) in [
        (apple_entry("x", "a"), "One or more characters in device token is not a hexadecimal digit."),
        (
            apple_entry("ab", "a,+1425"),
            "An invalid tag(s) '+1425' was supplied. Valid tag characters are alphanumeric, _, @, -, ., : and #",
        ),
        (apple_entry("ab", "$InstallationId:{a}"), "Tags can not start with $"),
        (apple_entry("ab", &many.join(",")), "at most 60 tags are allowed, not 61"),
        (apple_entry("", "a"), "the element DeviceToken is missing or empty"),
        ("{}".to_owned(), "no element like AppleRegistrationDescription"),
    ] {
        for (method, path) in [(Method::POST, "registrations"), (Method::PUT, "registrations/1-2-3")] {
            let (status, detail) = call(&emulator, method, path, &body).refusal().await;
            assert!(status == 400 && detail.contains(wanted), "{wanted}: {status} {detail}");
        }
    }
    let large = apple_entry("ab", &"x".repeat(65_536));
    assert_eq!(call(&emulator, Method::POST, "registrations", &large).refusal().await.0, 413);
    for (method, path, allowed) in [
        (Method::GET, "registrationids", "POST"),
        (Method::PATCH, "registrations/1", "GET, PUT, DELETE"),
        (Method::DELETE, "registrations", "GET, POST"),
        (Method::POST, "tags/a/registrations", "GET"),
    ] {
        let response = call(&emulator, method, path, "").send().await;
        assert_eq!((response.status().as_u16(), response.headers()["allow"].to_str().unwrap()), (405, allowed));
    }
}

#[tokio::test]
async fn an_app_with_listen_manages_its_registration_and_only_manage_reads_all() {
    let rules = vec![rule("listen", Right::Listen), rule("send", Right::Send), rule("manage", Right::Manage)];
    let emulator = Emulator::start(Options { rules, ..Options::default() }).await.unwrap();
    let body = apple_entry(TOKEN, "a");
    for (method, path, allowed) in [
        (Method::POST, "registrations", "listen manage"),
        (Method::POST, "registrationids", "listen manage"),
        (Method::PUT, "registrations/1-2-3", "listen manage"),
        (Method::GET, "registrations/1-2-3", "listen manage"),
        (Method::GET, "registrations?$filter=DeviceToken+eq+'a'", "listen manage"),
        (Method::GET, "registrations", "manage"),
        (Method::GET, "tags/a/registrations", "manage"),
    ] {
        for name in ["listen", "send", "manage"] {
            let token = token(&emulator.url(), name, &format!("{name}-1"), now() + 300);
            let send = call(&emulator, method.clone(), path, &body).header("Authorization", &token);
            let status = send.status().await;
            let is_allowed = allowed.split(' ').any(|one| one == name);
            assert_eq!(status == 403, !is_allowed, "{method} {path} with {name}: {status}");
        }
    }
}

#[tokio::test]
async fn the_front_end_before_2022_writes_entries_as_in_the_older_recordings() {
    let front_end = FrontEnd::Before2022;
    let emulator = Emulator::start(Options { front_end, ..Options::default() }).await.unwrap();
    let response = call(&emulator, Method::POST, "registrations", &apple_entry(TOKEN, "a")).send().await;
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    assert_eq!((header("content-type").as_str(), header("etag").as_str()), (ENTRY, "W/\"1\""));
    let location = header("content-location");
    let xml = response.text().await.unwrap();
    assert_eq!(element(&xml, "id"), location);
    assert!(xml.starts_with("<entry a:etag=") && xml.contains("<ExpirationTime>9999-12-31T23:59:59.999</"), "{xml}");
    let list = call(&emulator, Method::GET, "registrations", "").send().await;
    assert_eq!(list.headers()["content-type"], "application/atom+xml; type=feed; charset=utf-8");
    let xml = list.text().await.unwrap();
    assert!(xml.contains(&format!("<id>{location}</id>")) && xml.contains("59.999Z</ExpirationTime>"), "{xml}");
}
