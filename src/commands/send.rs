//! `acs-push send`: delivers the events of a file as if Event Grid had sent them, and prints what was decided.

use std::str::FromStr;

use chrono::Utc;

use super::{EventsFile, Output, Undone, Workplace};
use crate::delivery::explanation::Explanation;
use crate::delivery::outcome::{DeliveryResult, Outcome};
use crate::events::RawEvent;
use crate::notifications::device::{AndroidMode, ContentMode, Device, DeviceHandle, Os, Platform};
use crate::notifications::locale::Locale;
use crate::notifications::preferences::Preferences;

/// What to send, and how.
#[derive(Debug)]
pub struct SendCommand {
    /// The events.
    pub events: EventsFile,
    /// Whether nothing is sent or written.
    pub dry_run: bool,
    /// A device that stands in for those of every recipient. It is no real one, so nothing is sent.
    pub device: Option<ExampleDevice>,
}

/// A device that nobody registered.
#[derive(Debug, Clone)]
pub struct ExampleDevice(Device);

/// A locale of the command line.
#[derive(Debug, Clone)]
pub struct LocaleArgument(Locale);

impl ExampleDevice {
    /// An iPhone, which takes calls as well.
    pub fn iphone(locale: Option<LocaleArgument>, content: Option<&str>) -> Self {
        let Self(device) = Self::new("ios", Platform::Apns, Os::Ios, locale, content);
        Self(Device { voip_handle: Some(DeviceHandle::new("example")), ..device })
    }

    /// An Android phone, which gets what the type says: notification messages, or data messages.
    pub fn android(locale: Option<LocaleArgument>, content: Option<&str>) -> Self {
        Self::new("android", Platform::FcmV1, Os::Android, locale, content)
    }

    /// The same with data messages, which its app shows.
    pub fn with_data_messages(self) -> Self {
        Self(Device { android: Some(AndroidMode::Data), ..self.0 })
    }

    fn new(name: &str, platform: Platform, os: Os, locale: Option<LocaleArgument>, content: Option<&str>) -> Self {
        Self(Device {
            installation_id: name.into(),
            app: None,
            platform,
            os: Some(os),
            locale: locale.map(|LocaleArgument(locale)| locale),
            handle: Some(DeviceHandle::new("example")),
            voip_handle: None,
            content: content.and_then(ContentMode::parse),
            preferences: Preferences::default(),
            android: None,
        })
    }
}

impl FromStr for LocaleArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Locale::parse(text).map(Self).ok_or_else(|| "expected a language tag such as ko-KR".to_owned())
    }
}

/// Delivers the events of a file, and prints an explanation of each.
pub async fn send(place: Workplace<'_>, command: SendCommand, output: &mut Output) -> Undone {
    let SendCommand { events, dry_run, device } = command;
    let mut unsuccessful = 0;
    let each = async |number: usize, raw_event: RawEvent<'_>| {
        output.progress(number, "events");
        let explanation = match &device {
            Some(ExampleDevice(device)) => Explanation::for_device(device.clone()),
            None => Explanation::new(dry_run),
        };
        let delivery = place.service.delivery_service.explain(raw_event, &explanation, Utc::now()).await;
        output.print(&format!("event {number}: {}", delivery.event.as_deref().unwrap_or("(no id)").escape_debug()));
        explanation.into_lines().iter().for_each(|line| output.print(line));
        output.print(&outcome(&delivery, dry_run));
        if dry_run && device.is_none() && delivery.has_no_installation() {
            output.print("  hint       --as ios or --as android shows what such a device would get");
        }
        unsuccessful += usize::from(matches!(delivery.outcome, Outcome::Failed | Outcome::DeadLettered));
    };
    if events.for_each(each).await == 0 {
        output.print(&format!("{}: no events", events.name()));
    }
    Undone { count: unsuccessful, what: "failed or can never succeed" }
}

fn outcome(delivery: &DeliveryResult, dry_run: bool) -> String {
    let reason = delivery.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    let (name, delivered, devices) = (delivery.outcome.name(), delivery.delivered, delivery.devices);
    let dry = match (dry_run, devices) {
        (false, _) => "",
        (true, 0) => "; dry run",
        (true, _) => "; dry run: nothing was sent, acceptance is assumed",
    };
    format!("  outcome    {name}{reason}, {delivered} of {devices} devices{dry}")
}
