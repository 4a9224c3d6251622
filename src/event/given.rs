//! What is handed over as an event, whatever it is.

use crate::fields::{Fields, Path, Raw};

/// Something that was handed over as an event.
#[derive(Debug, Clone, Copy)]
pub enum Given<'a> {
    /// An object whose members were read together with what it stands in.
    Object(&'a GivenObject<'a>),
    /// A JSON value, an object if all is well.
    Json(Raw<'a>),
    /// A string that holds no JSON.
    Text(&'a str),
}

/// An object that should be an event, read in one pass over the document that it stands in.
#[derive(Debug)]
pub struct GivenObject<'a> {
    pub(super) fields: Fields<'a>,
    pub(super) data: Fields<'a>,
    raw: Raw<'a>,
}

impl<'a> GivenObject<'a> {
    /// Reads the object at the end of `path`. `None` where it, its data or the document are not of the usual form.
    pub fn read(document: &'a str, path: Path) -> Option<Self> {
        let (raw, fields, data) = Fields::both_at(document, path, "data")?;
        Some(Self { fields, data, raw })
    }

    /// The text of the object.
    pub fn raw(&self) -> Raw<'a> {
        self.raw
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, EventGridEvent, EventType};

    const WHOLE: &str = r#""id":"1","type":"T","time":"2020-09-18T00:48:48Z""#;

    /// What is said of an event, up to the first error.
    fn told(given: Given<'_>) -> String {
        let read = EventGridEvent::parse(given).map(|envelope| {
            let event = Event::read(&envelope, EventType::SmsReceived).map(|event| format!("{event:?}"));
            format!("{} {:?} {}", envelope.id, envelope.time, event.unwrap_or_else(|error| error.to_string()))
        });
        read.unwrap_or_else(|error| error.to_string())
    }

    #[test]
    fn an_object_read_in_one_pass_says_what_it_says_otherwise() {
        let sms = r#"{"messageId":"m","from":"1","message":"x"}"#;
        for members in [
            format!(r#"{WHOLE},"data":{sms}"#),
            format!(r#"{WHOLE},"data":{sms},"data":null,"Data":7"#),
            format!(r#"{WHOLE},"Data":7,"data":{sms}"#),
            format!(r#"{WHOLE},"data":{{}}"#),
            format!(r#"{WHOLE},"data":{{"messageId":"m","from":7}}"#),
            format!(r#"{WHOLE},"data":{{"messageId":"\ud800"}}"#),
            format!(r#"{WHOLE},"ID":"2","data":{sms}"#),
            format!(r#""ID":"2",{WHOLE},"data":{sms}"#),
            r#""id":7,"type":"T","data":{}"#.to_owned(),
            r#""id":"","type":"T","data":{}"#.to_owned(),
            r#""id":"1","type":[],"data":{}"#.to_owned(),
            r#""data":{}"#.to_owned(),
        ] {
            let text = format!("{{{members}}}");
            let document = format!(r#"{{"Metadata":[[]],"Data":{{"event":{text}}}}}"#);
            let object = GivenObject::read(&document, &["Data", "event"]).unwrap();
            assert_eq!(object.raw().get(), text);
            assert_eq!(told(Given::Object(&object)), told(Given::Json(object.raw())), "{text}");
        }
    }

    #[test]
    fn what_is_of_another_form_is_left_to_be_read_otherwise() {
        for (data, told_of_it) in [
            (r#""Data":{"messageId":"m","from":"1","message":"x"}"#, "Sms"),
            (r#""data":null,"Data":{}"#, "data is missing"),
            (r#""data":"text","Data":{}"#, "data must be an object"),
            (r#""data":{"\ud800":1}"#, "data must be an object"),
            (r#""\ud800":1,"data":{}"#, "Data.event must be an object"),
        ] {
            let text = format!("{{{WHOLE},{data}}}");
            assert!(GivenObject::read(&text, &[]).is_none(), "{text}");
            let told = told(Given::Json(serde_json::from_str(&text).unwrap()));
            assert!(told.contains(told_of_it), "{told}");
        }
    }
}
