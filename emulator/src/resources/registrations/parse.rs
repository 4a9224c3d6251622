//! Reads a registration from the Atom entry of a request.

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::Event;

use crate::http::ServiceError;
use crate::resources::platform::Platform;
use crate::resources::registration::{Registration, Template};

/// The end of the name of the element that describes a registration.
const DESCRIPTION: &str = "RegistrationDescription";

/// The element of a registration: the beginning of its name, and the texts in it with their path, as
/// `("WnsHeaders/WnsHeader/Header", "X-WNS-Type")`.
#[derive(Debug, Default)]
struct Description {
    kind: String,
    texts: Vec<(String, String)>,
}

impl Description {
    fn get(&self, path: &str) -> Option<String> {
        let text = |(known, text): &(String, String)| (known == path).then(|| text.trim().to_owned());
        self.texts.iter().find_map(text).filter(|text| !text.is_empty())
    }

    fn all<'d>(&'d self, path: &'d str) -> impl Iterator<Item = String> + 'd {
        self.texts.iter().filter(move |(known, _)| known == path).map(|(_, text)| text.trim().to_owned())
    }
}

/// The registration in `body`, without an id. What only the service writes is ignored.
pub(super) fn registration(body: &[u8]) -> Result<Registration, ServiceError> {
    let invalid = |problem: String| ServiceError::InvalidRegistration(problem);
    let description = description(body).map_err(|error| invalid(format!("the body is not an Atom entry: {error}")))?;
    let (kind, is_template) = match description.kind.strip_suffix("Template") {
        Some(kind) => (kind, true),
        None => (description.kind.as_str(), false),
    };
    if kind.is_empty() {
        return Err(invalid("the body has no element like AppleRegistrationDescription".to_owned()));
    }
    let platform = Platform::of_kind(kind).ok_or_else(|| invalid(format!("the platform '{kind}' does not exist")))?;
    let handle = platform.handle.iter().map(|element| {
        description.get(element).ok_or_else(|| invalid(format!("the element {element} is missing or empty")))
    });
    let handle = handle.collect::<Result<_, _>>()?;
    let template = if is_template {
        let body = description.get("BodyTemplate");
        let body = body.ok_or_else(|| invalid("the element BodyTemplate is missing or empty".to_owned()))?;
        let headers = platform.headers.map_or_else(Vec::new, |name| {
            let [header, value] = ["Header", "Value"].map(|part| format!("{name}Headers/{name}Header/{part}"));
            description.all(&header).zip(description.all(&value)).collect()
        });
        Some(Template { name: description.get("TemplateName"), body, headers, expiry: description.get("Expiry") })
    } else {
        None
    };
    let tags = description.get("Tags").unwrap_or_default();
    Ok(Registration {
        id: String::new(),
        version: 0,
        platform,
        handle,
        tags: tags.split(',').map(|tag| tag.trim().to_owned()).filter(|tag| !tag.is_empty()).collect(),
        push_variables: description.get("PushVariables"),
        secondary_tile: description.get("SecondaryTileName"),
        template,
        installation: None,
    })
}

/// The first element whose name ends with [`DESCRIPTION`].
fn description(body: &[u8]) -> Result<Description, quick_xml::Error> {
    let mut reader = Reader::from_reader(body);
    let mut description = Description::default();
    // The open elements inside of the description; `None` outside of it.
    let mut open: Option<Vec<String>> = None;
    loop {
        match reader.read_event()? {
            Event::Start(start) => {
                let name = String::from_utf8_lossy(start.local_name().as_ref()).into_owned();
                if let Some(open) = &mut open {
                    open.push(name);
                    description.texts.push((open.join("/"), String::new()));
                } else if let Some(kind) = name.strip_suffix(DESCRIPTION).filter(|_| description.kind.is_empty()) {
                    kind.clone_into(&mut description.kind);
                    open = Some(Vec::new());
                }
            }
            Event::End(_) => {
                if open.as_mut().is_some_and(|open| open.pop().is_none()) {
                    open = None;
                }
            }
            Event::Text(text) => add(&mut description, open.as_deref(), &text.xml10_content()?),
            Event::CData(text) => add(&mut description, open.as_deref(), &text.xml10_content()?),
            Event::GeneralRef(reference) => {
                let text = match reference.resolve_char_ref()? {
                    Some(character) => character.to_string(),
                    // An entity of a DTD stays as it is written: none is ever expanded.
                    None => {
                        let name = reference.decode()?;
                        resolve_predefined_entity(&name).map_or_else(|| format!("&{name};"), str::to_owned)
                    }
                };
                add(&mut description, open.as_deref(), &text);
            }
            Event::Eof => return Ok(description),
            Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
}

/// Adds a text to that of the innermost open element.
fn add(description: &mut Description, open: Option<&[String]>, text: &str) {
    let path = open.unwrap_or_default().join("/");
    if let Some((_, known)) = description.texts.iter_mut().rev().find(|(known, _)| *known == path) {
        *known += text;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(description: &str) -> Result<Registration, String> {
        let entry = format!(
            "<?xml version=\"1.0\"?><entry xmlns=\"http://www.w3.org/2005/Atom\"><updated>x</updated>\
             <content type=\"application/xml\">{description}</content></entry>"
        );
        registration(entry.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_template_registration_is_read_with_headers_references_and_prefixes() {
        let registration = read(
            "<c:WindowsTemplateRegistrationDescription xmlns:c=\"x\"><ETag>9</ETag><c:Tags>a, b,</c:Tags>\
             <PushVariables>{\"v\":1}</PushVariables><ChannelUri>https://x/?a=1&amp;b&#x3D;2</ChannelUri>\
             <BodyTemplate><![CDATA[<toast a=\"1\">&amp;</toast>]]></BodyTemplate>\
             <WnsHeaders><WnsHeader><Header>X-WNS-Type</Header><Value>wns/toast</Value></WnsHeader>\
             <WnsHeader><Header>b</Header><Value>c</Value></WnsHeader></WnsHeaders>\
             <TemplateName> greeting </TemplateName></c:WindowsTemplateRegistrationDescription>",
        )
        .unwrap();
        assert_eq!((registration.platform.kind, registration.tags), ("Windows", vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(registration.handle, ["https://x/?a=1&b=2"]);
        assert_eq!(registration.push_variables.as_deref(), Some("{\"v\":1}"));
        let template = registration.template.unwrap();
        assert_eq!(template.body, "<toast a=\"1\">&amp;</toast>");
        assert_eq!(template.name.as_deref(), Some("greeting"));
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(template.headers, [header("X-WNS-Type", "wns/toast"), header("b", "c")]);
    }

    #[test]
    fn what_is_missing_or_unknown_is_named() {
        for (description, wanted) in [
            ("", "no element like AppleRegistrationDescription"),
            ("<NokiaRegistrationDescription/>", "no element like AppleRegistrationDescription"),
            ("<NokiaRegistrationDescription></NokiaRegistrationDescription>", "the platform 'Nokia' does not exist"),
            ("<AppleRegistrationDescription><DeviceToken/></AppleRegistrationDescription>", "the element DeviceToken"),
            ("<AppleRegistrationDescription><DeviceToken>a", "not an Atom entry"),
            (
                "<FcmV1TemplateRegistrationDescription><FcmV1RegistrationId>a</FcmV1RegistrationId>\
                 </FcmV1TemplateRegistrationDescription>",
                "the element BodyTemplate",
            ),
        ] {
            let error = read(description).unwrap_err();
            assert!(error.contains(wanted), "{description}: {error}");
        }
        let dtd = "<!DOCTYPE a [<!ENTITY e \"x\">]><GcmRegistrationDescription><GcmRegistrationId>&e;</GcmRegistrationId>\
                   </GcmRegistrationDescription>";
        assert_eq!(registration(dtd.as_bytes()).unwrap().handle, ["&e;"], "entities are not expanded");
    }
}
