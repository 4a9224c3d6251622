//! Validates the body of a PUT: one response names every fault.

use chrono::{DateTime, Utc};
use serde_json::value::RawValue;

use super::Installation;
use crate::events::fields::{FieldError, Fields, text_of};
use crate::events::recipient::{PhoneNumber, Recipient, UserId};
use crate::notifications::device::{AndroidMode, AppName, ContentMode, DeviceHandle, Os, Platform};
use crate::notifications::locale::Locale;

mod device_token;
mod members;
mod preferences;
mod user_id;

use device_token::device_token;
use user_id::user_id;

/// A valid PUT.
#[derive(Debug)]
pub struct PutRequest {
    /// What it writes.
    pub installation: Installation,
    /// The names of the members that mean nothing here.
    pub ignored: Vec<String>,
}

/// Reads the body of a PUT field by field and collects its faults.
struct Reader<'a> {
    fields: Fields<'a>,
    faults: Vec<String>,
}

/// What is wrong with the body: each fault names its field and what is expected.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct InstallationError(pub Vec<String>);

const MAX_ID_BYTES: usize = 256;
const MAX_LOCALE_BYTES: usize = 35;
/// Each name that is not known is compared with all that are.
const MAX_MEMBERS: usize = 100;
const MAX_NUMBERS: usize = 20;
const EXPECTED_NUMBER: &str = "expected numbers of 3 to 15 digits, such as +15551234567";
const TWICE: &str = "occurs twice, whatever the case of its letters: expected each member once";
const EXPECTED_ID: &str = "expected 1 to 256 bytes without control characters";

impl PutRequest {
    /// Reads the installation `id` from a request's body. `has_app` says which apps have hubs.
    pub fn parse(
        id: &str,
        body: &[u8],
        now: DateTime<Utc>,
        has_app: impl Fn(&AppName) -> bool,
    ) -> Result<Self, InstallationError> {
        let fields = Fields::from_slice(body, &[]);
        let fields = fields.map_err(|error| InstallationError(vec![format!("body: {error}")]))?;
        let mut request = Reader { fields, faults: Vec::new() };
        let ignored = request.other_members();
        request.check_id(id);
        let user_id = request.user_id();
        let phone_numbers = request.phone_numbers();
        if user_id.is_none() && phone_numbers.is_empty() && request.faults.is_empty() {
            request.fault("userId, phoneNumbers", "expected at least one of them");
        }
        let platform = request.platform();
        let handle = request.handle("pushChannel", platform);
        if request.fields.value("pushChannel").is_none() {
            request.fault("pushChannel", "is missing: expected the device's APNs or FCM token");
        }
        let voip_handle = request.voip_handle(platform);
        let app = request.app(has_app);
        let os = request.os();
        let locale = request.locale();
        let content = request.content();
        let preferences = request.preferences();
        let android = request.android();
        let expires_at = request.expiration_time(now);
        let (Some(platform), Some(_), []) = (platform, &handle, request.faults.as_slice()) else {
            return Err(InstallationError(request.faults));
        };
        let installation = Installation {
            id: id.to_owned(),
            user_id,
            phone_numbers,
            platform,
            handle,
            voip_handle,
            app,
            os,
            locale,
            content,
            preferences,
            android,
            expires_at,
        };
        Ok(Self { installation, ignored })
    }
}

impl<'a> Reader<'a> {
    /// The names of members that mean nothing here. One that is nearly a known name, or occurs twice, is a fault.
    fn other_members(&mut self) -> Vec<String> {
        let count = self.fields.members().count();
        if count > MAX_MEMBERS {
            self.fault("body", &format!("has {count} members: expected at most {MAX_MEMBERS}"));
            return Vec::new();
        }
        if let Some(name) = self.fields.repeated().map(members::shown) {
            self.fault(&name, TWICE);
        }
        let names = self.fields.members().map(|(name, _)| name).filter(|name| !members::is_known(name));
        let names: Vec<(String, Option<&str>)> =
            names.map(|name| (members::shown(name), members::nearest(name))).collect();
        let mut ignored = Vec::new();
        for (name, nearest) in names {
            match nearest {
                Some(nearest) => self.fault(&name, &format!("unknown member; did you mean {nearest}?")),
                None => ignored.push(name),
            }
        }
        ignored
    }

    fn check_id(&mut self, id: &str) {
        if !is_id(id) {
            self.fault("installationId", EXPECTED_ID);
        }
        if self.id("installationId").is_some_and(|stated| stated != id) {
            self.fault("installationId", "differs from the one in the path");
        }
    }

    fn id(&mut self, name: &'static str) -> Option<String> {
        let text = self.text(name)?;
        if is_id(&text) {
            return Some(text);
        }
        self.fault(name, EXPECTED_ID);
        None
    }

    fn user_id(&mut self) -> Option<UserId> {
        match user_id(&self.text("userId")?) {
            Ok(user_id) => Some(user_id),
            Err(error) => self.refuse("userId", &error),
        }
    }

    fn phone_numbers(&mut self) -> Vec<PhoneNumber> {
        let texts = self.texts("phoneNumbers", MAX_NUMBERS);
        let mut numbers = Vec::new();
        for text in &texts {
            match phone_number(text) {
                Some(number) if !numbers.contains(&number) => numbers.push(number),
                Some(_) => {}
                None => self.fault("phoneNumbers", EXPECTED_NUMBER),
            }
        }
        numbers
    }

    fn platform(&mut self) -> Option<Platform> {
        const EXPECTED: &str = "expected \"apns\" or \"fcmv1\"";
        if self.fields.value("platform").is_none() {
            self.fault("platform", &format!("is missing: {EXPECTED}"));
            return None;
        }
        let text = self.text("platform")?;
        match text.to_ascii_lowercase().as_str() {
            "apns" => return Some(Platform::Apns),
            "fcmv1" => return Some(Platform::FcmV1),
            "gcm" | "fcm" => {
                self.fault("platform", "Google switched the legacy FCM API off in 2024: use \"fcmv1\"");
            }
            "apple" => self.fault("platform", "use \"apns\""),
            _ => self.fault("platform", EXPECTED),
        }
        None
    }

    fn handle(&mut self, name: &'static str, platform: Option<Platform>) -> Option<DeviceHandle> {
        match device_token(&self.text(name)?, platform) {
            Ok(handle) => Some(handle),
            Err(error) => self.refuse(name, &error),
        }
    }

    fn voip_handle(&mut self, platform: Option<Platform>) -> Option<DeviceHandle> {
        const NAME: &str = "voipPushChannel";
        if platform == Some(Platform::FcmV1) && self.fields.value(NAME).is_some() {
            self.fault(NAME, "only the platform apns has one");
            return None;
        }
        self.handle(NAME, platform)
    }

    fn app(&mut self, has_app: impl Fn(&AppName) -> bool) -> Option<AppName> {
        let text = self.text("app")?;
        let app = AppName::parse(&text).filter(has_app);
        if app.is_none() {
            self.fault("app", "expected the <APP> of a setting NOTIFICATION_HUB_<APP>_NAME, or no app at all");
        }
        app
    }

    fn os(&mut self) -> Option<Os> {
        let text = self.text("os")?;
        match text.to_ascii_lowercase().as_str() {
            "ios" => Some(Os::Ios),
            "android" => Some(Os::Android),
            _ => {
                self.fault("os", "expected \"ios\" or \"android\"");
                None
            }
        }
    }

    fn locale(&mut self) -> Option<String> {
        let text = self.text("locale")?;
        if text.len() <= MAX_LOCALE_BYTES && Locale::parse(&text).is_some() {
            return Some(text);
        }
        self.fault("locale", "expected a language tag such as \"ko-KR\"");
        None
    }

    fn content(&mut self) -> Option<ContentMode> {
        let text = self.text("content")?;
        let content = ContentMode::parse(&text);
        if content.is_none() {
            self.fault("content", "expected \"full\", \"sender\" or \"hidden\"");
        }
        content
    }

    fn android(&mut self) -> Option<AndroidMode> {
        let text = self.text("android")?;
        let mode = AndroidMode::parse(&text);
        if mode.is_none() {
            self.fault("android", "expected \"notification\" or \"data\"");
        }
        mode
    }

    fn expiration_time(&mut self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let text = self.text("expirationTime")?;
        let time = DateTime::parse_from_rfc3339(&text).ok().map(|time| time.to_utc());
        match time {
            None => self.fault("expirationTime", "expected a time such as 2027-01-31T12:00:00Z"),
            Some(time) if time <= now => {
                self.fault("expirationTime", "is in the past: expected a time to come; DELETE ends an installation");
            }
            Some(_) => {}
        }
        time
    }

    fn text(&mut self, name: &'static str) -> Option<String> {
        match self.fields.text(name) {
            Ok(text) => text.map(|text| text.into_owned()),
            Err(error) => self.wrong(&error),
        }
    }

    fn elements(&mut self, name: &'static str, most: usize) -> Vec<&'a RawValue> {
        let elements = match self.fields.array(name) {
            Ok(elements) => elements.unwrap_or_default(),
            Err(error) => self.wrong(&error).unwrap_or_default(),
        };
        if elements.len() > most {
            self.fault(name, &format!("has {} elements: expected at most {most}", elements.len()));
            return Vec::new();
        }
        elements
    }

    fn texts(&mut self, name: &'static str, most: usize) -> Vec<String> {
        let elements = self.elements(name, most);
        let text = |raw| text_of(raw).filter(|text| is_id(text)).map(|text| text.into_owned());
        let texts: Option<Vec<String>> = elements.into_iter().map(text).collect();
        if texts.is_none() {
            self.fault(name, "expected an array of strings of 1 to 256 bytes without control characters");
        }
        texts.unwrap_or_default()
    }

    fn wrong<T>(&mut self, error: &FieldError) -> Option<T> {
        self.faults.push(format!("{}: {}", error.field, error.problem));
        None
    }

    fn refuse<T>(&mut self, name: &str, error: &impl std::fmt::Display) -> Option<T> {
        self.fault(name, &error.to_string());
        None
    }

    fn fault(&mut self, name: &str, problem: &str) {
        self.faults.push(format!("{name}: {problem}"));
    }
}

/// Reads whom a command is about: a user's raw id, or a number as in `phoneNumbers`.
pub fn read_recipient(text: &str) -> Result<Recipient, String> {
    match (phone_number(text), user_id(text)) {
        (Some(number), _) => Ok(Recipient::Number(number)),
        (None, Ok(user)) => Ok(Recipient::User(user)),
        (None, Err(user_id::UserIdError::PhoneNumber)) => Err(EXPECTED_NUMBER.to_owned()),
        (None, Err(error)) => Err(error.to_string()),
    }
}

fn is_id(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_ID_BYTES && !text.chars().any(char::is_control)
}

/// Digits, with the punctuation that people put between them.
fn phone_number(text: &str) -> Option<PhoneNumber> {
    let allowed =
        |character: char| character.is_ascii_digit() || matches!(character, '+' | ' ' | '-' | '.' | '(' | ')');
    let number = text.chars().all(allowed).then(|| PhoneNumber::from_digits_of(text)).flatten()?;
    (3..=15).contains(&number.as_str().len()).then_some(number)
}
