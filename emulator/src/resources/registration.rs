//! One registration: a device, its tags and, if it is a template registration, its template. An installation is one
//! registration for its device and one for each of its templates, as lists of recorded registrations show.

use super::platform::Platform;
use super::tags;
use crate::http::ServiceError;
use crate::limits::MAX_TAGS;
use crate::platforms::Format;

#[derive(Debug, Clone)]
pub(crate) struct Registration {
    pub(crate) id: String,
    /// The number in `ETag`: 1, and one more after each change.
    pub(crate) version: u64,
    pub(crate) platform: &'static Platform,
    /// The values of the platform's handle elements.
    pub(crate) handle: Vec<String>,
    pub(crate) tags: Vec<String>,
    /// As it was sent: JSON in a text.
    pub(crate) push_variables: Option<String>,
    pub(crate) secondary_tile: Option<String>,
    pub(crate) template: Option<Template>,
    /// The installation that it belongs to.
    pub(crate) installation: Option<String>,
}

/// What a template registration makes of a template notification.
#[derive(Debug, Clone, Default)]
pub(crate) struct Template {
    pub(crate) name: Option<String>,
    pub(crate) body: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) expiry: Option<String>,
}

impl Registration {
    /// The device handle as a direct send has it.
    pub(crate) fn device_handle(&self) -> String {
        match self.platform.format {
            // The endpoint; the two keys go into headers.
            Format::Browser => self.handle.first().cloned().unwrap_or_default(),
            Format::Adm
            | Format::Apple
            | Format::Baidu
            | Format::FcmV1
            | Format::Gcm
            | Format::Template
            | Format::Windows
            | Format::WindowsPhone
            | Format::Xiaomi => self.handle.join("-"),
        }
    }

    /// Checks what a client may set.
    pub(crate) fn check(&self) -> Result<(), ServiceError> {
        if self.handle.iter().any(String::is_empty) {
            let element = self.platform.handle.join(", ");
            return Err(ServiceError::InvalidRegistration(format!("{element} must not be empty")));
        }
        check_device_token(self.platform.format, &self.handle[0])?;
        if self.tags.len() > MAX_TAGS {
            let count = self.tags.len();
            let problem = format!("at most {MAX_TAGS} tags are allowed, not {count}");
            return Err(ServiceError::InvalidRegistration(problem));
        }
        for tag in &self.tags {
            if tag.starts_with('$') {
                return Err(ServiceError::TagStartsWithDollar);
            }
            if !tags::is_valid(tag) {
                return Err(ServiceError::InvalidTag(tag.clone()));
            }
        }
        if self.template.as_ref().is_some_and(|template| template.body.is_empty()) {
            return Err(ServiceError::InvalidRegistration("BodyTemplate must not be empty".to_owned()));
        }
        Ok(())
    }

    /// Its size in memory, roughly.
    pub(crate) fn size(&self) -> usize {
        let lengths = |texts: &[String]| texts.iter().map(|text| text.len() + 24).sum::<usize>();
        let template = self.template.as_ref().map_or(0, |template| {
            let headers = template.headers.iter().map(|(name, value)| name.len() + value.len() + 48);
            template.body.len() + headers.sum::<usize>()
        });
        let variables = self.push_variables.as_ref().map_or(0, String::len);
        self.id.len() + lengths(&self.handle) + lengths(&self.tags) + template + variables + 300
    }
}

/// The token of an Apple device is hexadecimal.
pub(crate) fn check_device_token(format: Format, handle: &str) -> Result<(), ServiceError> {
    let is_hexadecimal = handle.bytes().all(|byte| byte.is_ascii_hexdigit());
    if format == Format::Apple && !is_hexadecimal { Err(ServiceError::NotHexadecimal) } else { Ok(()) }
}
