//! Writes registrations as Atom entries and feeds, in the two forms of the service.

use std::fmt::Write as _;

use time::OffsetDateTime;

use crate::http::{dates, escape_xml};
use crate::options::FrontEnd;
use crate::platforms::Format;
use crate::resources::registration::{Registration, Template};

const ATOM: &str = "http://www.w3.org/2005/Atom";
const METADATA: &str = "http://schemas.microsoft.com/ado/2007/08/dataservices/metadata";
const SERVICE_BUS: &str = "http://schemas.microsoft.com/netservices/2010/10/servicebus/connect";
const INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// In which answer an entry stands: recorded answers differ in small ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// To the request that created or changed the registration.
    Change,
    /// To a request that reads it, alone or in a list.
    Read,
}

/// The address of a hub, and what its entries have in common.
#[derive(Debug, Clone, Copy)]
pub(super) struct Writer<'a> {
    pub(super) front_end: FrontEnd,
    /// `http://127.0.0.1:7090/hub`.
    pub(super) hub_url: &'a str,
    pub(super) version: &'a str,
    pub(super) now: OffsetDateTime,
}

impl Writer<'_> {
    pub(super) fn url(&self, answer: Answer, id: &str) -> String {
        // Since 2022 reading has `resources` in place of `registrations`.
        let folder = match (self.front_end, answer) {
            (FrontEnd::Since2022, Answer::Read) => "resources",
            (FrontEnd::Since2022, Answer::Change) | (FrontEnd::Before2022, _) => "registrations",
        };
        let separator = if id.is_empty() { "" } else { "/" };
        format!("{}/{folder}{separator}{id}?api-version={}", self.hub_url, self.version)
    }

    /// An entry that is a document of its own.
    pub(super) fn entry(&self, registration: &Registration, answer: Answer) -> String {
        let prefix = match self.front_end {
            FrontEnd::Since2022 => "p1",
            FrontEnd::Before2022 => "a",
        };
        self.entry_with(registration, answer, prefix, &format!(" xmlns=\"{ATOM}\""))
    }

    /// A page of a list.
    pub(super) fn feed<'r>(&self, registrations: impl Iterator<Item = &'r Registration>) -> String {
        let (url, now, end) = (self.url(Answer::Read, ""), dates::for_atom(self.now), self.end_of_empty());
        let prefix = match self.front_end {
            FrontEnd::Since2022 => "p2",
            FrontEnd::Before2022 => "a",
        };
        let mut xml = format!(
            "<feed xmlns=\"{ATOM}\"><title type=\"text\">Registrations</title><id>{url}</id><updated>{now}</updated>\
             <link rel=\"self\" href=\"{url}\"{end}"
        );
        for registration in registrations {
            xml += &self.entry_with(registration, Answer::Read, prefix, "");
        }
        xml + "</feed>"
    }

    fn entry_with(&self, registration: &Registration, answer: Answer, prefix: &str, xmlns: &str) -> String {
        let Registration { id, version, .. } = registration;
        let (url, now, end) = (escape_xml(&self.url(answer, id)), dates::for_atom(self.now), self.end_of_empty());
        let (id, description) = (escape_xml(id), self.description(registration, answer));
        format!(
            "<entry {prefix}:etag=\"W/&quot;{version}&quot;\" xmlns:{prefix}=\"{METADATA}\"{xmlns}><id>{url}</id>\
             <title type=\"text\">{id}</title><published>{now}</published><updated>{now}</updated>\
             <link rel=\"self\" href=\"{url}\"{end}<content type=\"application/xml\">{description}</content></entry>"
        )
    }

    fn end_of_empty(&self) -> &'static str {
        match self.front_end {
            FrontEnd::Since2022 => " />",
            FrontEnd::Before2022 => "/>",
        }
    }

    /// The element that describes the registration, its elements in the recorded order.
    fn description(&self, registration: &Registration, answer: Answer) -> String {
        let is_template = if registration.template.is_some() { "Template" } else { "" };
        let name = format!("{}{is_template}RegistrationDescription", registration.platform.kind);
        let (fraction, zone) = match (self.front_end, answer) {
            (FrontEnd::Since2022, Answer::Change) => ("9999999", ""),
            (FrontEnd::Since2022, Answer::Read) => ("9999999", "Z"),
            (FrontEnd::Before2022, Answer::Change) => ("999", ""),
            (FrontEnd::Before2022, Answer::Read) => ("999", "Z"),
        };
        let mut xml = format!("<{name} xmlns:i=\"{INSTANCE}\" xmlns=\"{SERVICE_BUS}\">");
        let element = |xml: &mut String, name: &str, text: &str| {
            // Writing to a String can't fail.
            let _ = write!(xml, "<{name}>{}</{name}>", escape_xml(text));
        };
        element(&mut xml, "ETag", &registration.version.to_string());
        element(&mut xml, "ExpirationTime", &format!("9999-12-31T23:59:59.{fraction}{zone}"));
        element(&mut xml, "RegistrationId", &registration.id);
        if !registration.tags.is_empty() {
            element(&mut xml, "Tags", &registration.tags.join(","));
        }
        if let Some(variables) = &registration.push_variables {
            element(&mut xml, "PushVariables", variables);
        }
        for (name, text) in registration.platform.handle.iter().zip(&registration.handle) {
            let is_token = registration.platform.format == Format::Apple;
            element(&mut xml, name, &if is_token { text.to_ascii_uppercase() } else { text.clone() });
        }
        if let Some(tile) = &registration.secondary_tile {
            element(&mut xml, "SecondaryTileName", tile);
        }
        if let Some(template) = &registration.template {
            self.template(&mut xml, registration, template);
        }
        let _ = write!(xml, "</{name}>");
        xml
    }

    fn template(&self, xml: &mut String, registration: &Registration, template: &Template) {
        let is_apple = registration.platform.format == Format::Apple;
        let body = template.body.replace("]]>", "]]]]><![CDATA[>");
        let _ = write!(xml, "<BodyTemplate><![CDATA[{body}]]></BodyTemplate>");
        match &template.expiry {
            Some(expiry) if is_apple => {
                let _ = write!(xml, "<Expiry>{}</Expiry>", escape_xml(expiry));
            }
            None if is_apple => *xml += &format!("<Expiry i:nil=\"true\"{}", self.end_of_empty()),
            Some(_) | None => {}
        }
        let headers = registration.platform.headers.map(|name| self.headers(name, template)).unwrap_or_default();
        let name = template.name.as_ref().map(|name| format!("<TemplateName>{}</TemplateName>", escape_xml(name)));
        let name = name.unwrap_or_default();
        *xml += &if is_apple { name + &headers } else { headers + &name };
    }

    fn headers(&self, name: &str, template: &Template) -> String {
        if template.headers.is_empty() {
            return format!("<{name}Headers{}", self.end_of_empty());
        }
        let header = |(header, value): &(String, String)| {
            let (header, value) = (escape_xml(header), escape_xml(value));
            format!("<{name}Header><Header>{header}</Header><Value>{value}</Value></{name}Header>")
        };
        let headers: String = template.headers.iter().map(header).collect();
        format!("<{name}Headers>{headers}</{name}Headers>")
    }
}
