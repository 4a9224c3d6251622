//! Validates the body of a PUT: one response names every fault.

use chrono::{DateTime, Utc};

use super::Installation;
use crate::events::fields::{FieldError, Fields, text_of};
use crate::events::recipient::{PhoneNumber, UserId};
use crate::notifications::device::{AppName, ContentMode, DeviceHandle, Os, Platform};
use crate::notifications::locale::Locale;

/// The body of a PUT, read field by field.
#[derive(Debug)]
pub struct PutRequest<'a> {
    fields: Fields<'a>,
    faults: Vec<String>,
}

/// What is wrong with the body: each fault names its field and what is expected.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct InstallationError(pub Vec<String>);

const MAX_ID_BYTES: usize = 256;
const MAX_HANDLE_BYTES: usize = 2048;
const MAX_LOCALE_BYTES: usize = 35;
const MAX_NUMBERS: usize = 20;
const MAX_MUTED_THREADS: usize = 200;

impl<'a> PutRequest<'a> {
    /// Reads the installation `id` from a request's body. `has_app` says which apps have hubs.
    pub fn parse(
        id: &str,
        body: &'a [u8],
        has_app: impl Fn(&AppName) -> bool,
    ) -> Result<Installation, InstallationError> {
        let fields = Fields::from_slice(body, &[]);
        let fields = fields.map_err(|error| InstallationError(vec![format!("body: {error}")]))?;
        let mut request = PutRequest { fields, faults: Vec::new() };
        request.check_id(id);
        let user_id = request.id("userId").map(UserId::new);
        let phone_numbers = request.phone_numbers();
        if user_id.is_none() && phone_numbers.is_empty() && request.faults.is_empty() {
            request.fault("userId, phoneNumbers", "expected at least one of them");
        }
        let platform = request.platform();
        let handle = request.handle("pushChannel");
        if request.fields.value("pushChannel").is_none() {
            request.fault("pushChannel", "is missing: expected the device's APNs or FCM token");
        }
        let voip_handle = request.handle("voipPushChannel");
        if voip_handle.is_some() && platform == Some(Platform::FcmV1) {
            request.fault("voipPushChannel", "only the platform apns has one");
        }
        let app = request.app(has_app);
        let os = request.os();
        let locale = request.locale();
        let content = request.content();
        let muted_threads = request.texts("mutedThreads", MAX_MUTED_THREADS);
        let expires_at = request.expiration_time();
        match (platform, handle) {
            (Some(platform), Some(handle)) if request.faults.is_empty() => Ok(Installation {
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
                muted_threads,
                expires_at,
            }),
            _ => Err(InstallationError(request.faults)),
        }
    }

    fn check_id(&mut self, id: &str) {
        if !is_id(id) {
            self.fault("installationId", "expected 1 to 256 bytes without control characters");
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
        self.fault(name, "expected 1 to 256 bytes without control characters");
        None
    }

    fn phone_numbers(&mut self) -> Vec<PhoneNumber> {
        let texts = self.texts("phoneNumbers", MAX_NUMBERS);
        let mut numbers = Vec::new();
        for text in &texts {
            match phone_number(text) {
                Some(number) if !numbers.contains(&number) => numbers.push(number),
                Some(_) => {}
                None => self.fault("phoneNumbers", "expected numbers of 3 to 15 digits, such as +15551234567"),
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

    /// A handle travels in a header, so it is visible ASCII.
    fn handle(&mut self, name: &'static str) -> Option<DeviceHandle> {
        let text = self.text(name)?;
        let problem = if DeviceHandle::is_masked(&text) {
            "is masked: expected the token itself, not the answer of a GET or PUT"
        } else if text.is_empty() || text.len() > MAX_HANDLE_BYTES || !text.bytes().all(|byte| byte.is_ascii_graphic())
        {
            "expected a token of 1 to 2048 visible ASCII characters"
        } else {
            return Some(DeviceHandle::new(text));
        };
        self.fault(name, problem);
        None
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

    fn expiration_time(&mut self) -> Option<DateTime<Utc>> {
        let text = self.text("expirationTime")?;
        let time = DateTime::parse_from_rfc3339(&text).ok().map(|time| time.to_utc());
        if time.is_none() {
            self.fault("expirationTime", "expected a time such as 2027-01-31T12:00:00Z");
        }
        time
    }

    fn text(&mut self, name: &'static str) -> Option<String> {
        match self.fields.text(name) {
            Ok(text) => text.map(|text| text.into_owned()),
            Err(error) => self.wrong(&error),
        }
    }

    fn texts(&mut self, name: &'static str, most: usize) -> Vec<String> {
        let elements = match self.fields.array(name) {
            Ok(elements) => elements.unwrap_or_default(),
            Err(error) => self.wrong(&error).unwrap_or_default(),
        };
        if elements.len() > most {
            self.fault(name, &format!("has {} elements: expected at most {most}", elements.len()));
            return Vec::new();
        }
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

    fn fault(&mut self, name: &str, problem: &str) {
        self.faults.push(format!("{name}: {problem}"));
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
