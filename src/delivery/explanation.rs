//! The lines that `acs-push send` prints: what was decided about an event, and what was sent to which device.
//!
//! The delivery itself adds these lines, so they cannot differ from it. Handles and recipients are masked; payloads are shown,
//! because the event is the operator's own.

use std::sync::Mutex;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use tokio::time::Instant;

use super::alert_cause::AlertCause;
use super::code::code_and_sentence;
use super::deadlines::Deadlines;
use super::outcome::{DeliveryResult, Outcome};
use super::{DeliveryAttempt, DeliveryService};
use crate::events::recipient::Recipient;
use crate::events::{Event, EventGridEvent, RawEvent};
use crate::notifications::device::{Device, DeviceHandle};
use crate::notifications::{Audience, Effect, LocalizableText, Notification, Wording};
use crate::push::hub::{DirectSend, SendFailure, SendSuccess};
use crate::push::payload::MAX_PAYLOAD_BYTES;

/// The lines so far.
#[derive(Debug)]
pub struct Explanation {
    dry_run: bool,
    /// The device that stands in for those of the recipient.
    device: Option<Device>,
    lines: Mutex<Vec<String>>,
}

impl DeliveryService {
    /// Delivers one event and explains it. In a dry run no hub is asked and nothing is written.
    pub async fn explain(
        &self,
        raw_event: RawEvent<'_>,
        explanation: &Explanation,
        now: DateTime<Utc>,
    ) -> DeliveryResult {
        let deadlines = Deadlines::of_invocation(Instant::now(), self.deadline);
        let attempt = DeliveryAttempt {
            raw_event,
            deadlines,
            now,
            id: None,
            trace: None,
            replay: None,
            explanation: Some(explanation),
        };
        let (delivery, processed) = self.deliver(attempt).await;
        // When it is run again, only the other devices get it.
        if delivery.outcome == Outcome::Failed
            && let Some((key, entry)) = &processed.remembered
        {
            self.write_ledger_entry(attempt, key, entry).await;
        }
        delivery
    }
}

impl DeliveryAttempt<'_> {
    /// Adds lines, if an explanation was asked for.
    pub(super) fn explain(&self, add: impl FnOnce(&Explanation)) {
        if let Some(explanation) = self.explanation {
            add(explanation);
        }
    }

    /// Whether nothing is to be sent or written.
    pub(super) fn is_dry_run(&self) -> bool {
        self.explanation.is_some_and(Explanation::is_dry_run)
    }

    /// When the notification is made. A dry run shows an event that is too old as it was when it happened.
    pub(super) fn notified_at(&self, event: &Event<'_>, lifetime: TimeDelta) -> DateTime<Utc> {
        let time = event.time.filter(|time| self.is_dry_run() && self.now - *time >= lifetime);
        time.unwrap_or(self.now)
    }
}

impl Explanation {
    /// An explanation without lines.
    pub fn new(dry_run: bool) -> Self {
        Self { dry_run, device: None, lines: Mutex::default() }
    }

    /// One of a dry run in which the recipient has this device, and no other.
    pub fn for_device(device: Device) -> Self {
        Self { dry_run: true, device: Some(device), lines: Mutex::default() }
    }

    /// The device that stands in for those of the recipient.
    pub fn device_in_place(&self) -> Option<&Device> {
        self.device.as_ref()
    }

    /// Whether nothing is to be sent or written.
    pub fn is_dry_run(&self) -> bool {
        self.dry_run
    }

    /// The lines.
    pub fn into_lines(self) -> Vec<String> {
        self.lines.into_inner().expect("nothing panics while it is held")
    }

    /// The envelope was read.
    pub fn envelope(&self, envelope: &EventGridEvent<'_>, now: DateTime<Utc>) {
        let subject = envelope.subject.trim_start_matches('/').split('/').next().unwrap_or_default();
        let time = envelope.time.map_or_else(
            || "unreadable; the event does not expire".to_owned(),
            |time| format!("{}, {} ago", time.to_rfc3339_opts(SecondsFormat::Secs, true), span(now - time)),
        );
        // Control characters of a file must not reach the terminal.
        self.add_line(format!("  type       {}", envelope.type_name.escape_debug()));
        self.add_line(format!("  subject    {}/...", subject.escape_debug()));
        self.add_line(format!("  time       {time}"));
    }

    /// The event was read; `left` is the rest of its `lifetime`, unless it does not expire.
    pub fn event(&self, event: &Event<'_>, lifetime: TimeDelta, left: Option<TimeDelta>) {
        let left = left.map_or_else(|| "old events do not expire".to_owned(), |left| format!("{} left", span(left)));
        self.add_line(format!("  lifetime   {}; {left}", span(lifetime)));
        let recipient = event.recipient.as_ref().map_or_else(|| "none".to_owned(), masked);
        self.add_line(format!("  recipient  {recipient}"));
    }

    /// How a device gets the event.
    pub fn device(&self, device: &Device, audience: Audience) {
        let platform = device.platform.name();
        let content = audience.mode.name();
        let locale = device.locale.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string);
        self.add_line(format!(
            "  device     {}: {platform}, content {content}, locale {locale}",
            device.installation_id
        ));
    }

    /// What an audience gets to see, before it is cut to fit.
    pub fn notification(&self, notification: &Notification<'_>, audience: Audience) {
        let effect = if matches!(notification.effect, Effect::Ring(_)) { "ring" } else { notification.effect.op() };
        let alert = notification.effect.alert();
        let quiet = if alert.is_some_and(|alert| alert.quiet) { ", quiet" } else { "" };
        self.add_line(format!("  effect     {effect}, content {}{quiet}", audience.mode.name()));
        if alert.is_none() {
            return;
        }
        let Wording { title, body, .. } = &notification.wording;
        for (label, text) in [("title", title), ("body", body)] {
            let text = match text {
                LocalizableText::Text(text) => without_controls(text),
                LocalizableText::Localized { key, args } => format!("{key} of the app's own texts, with {args:?}"),
            };
            if !text.is_empty() {
                self.add_line(format!("  {label:<9}  {text}"));
            }
        }
    }

    /// The device gets an alert instead of the call.
    pub fn alert_in_place_of_call(&self, device: &Device, cause: &AlertCause) {
        self.add_line(format!("  alert      {}: {}", device.installation_id, code_and_sentence(cause)));
    }

    /// A request was sent to a hub, or would have been, for one or several devices.
    pub fn request_sent(
        &self,
        devices: &[&Device],
        hub: &str,
        direct_send: &DirectSend<'_>,
        result: &Result<SendSuccess, SendFailure>,
    ) {
        let DirectSend { handles, payload, .. } = direct_send;
        let to = devices.iter().zip(*handles);
        let mut to = to.map(|(device, handle)| format!("{} at {}", device.installation_id, handle.masked()));
        let length = payload.body.len();
        let about = |to: &str| format!("  payload    {to}: hub {hub}, {length} of {MAX_PAYLOAD_BYTES} bytes");
        let mut told = if devices.len() == 1 {
            vec![about(&to.next().unwrap_or_default())]
        } else {
            let batch = about(&format!("{} devices in one batch", devices.len()));
            std::iter::once(batch).chain(to.map(|to| format!("             {to}"))).collect()
        };
        told.extend(payload.headers.iter().map(|(name, value)| format!("             {name}: {value}")));
        told.extend(self.body(&payload.body).lines().map(|line| format!("             {}", without_controls(line))));
        let (said, tracking_id) = match result {
            Ok(_) if self.dry_run => ("not sent: dry run".to_owned(), None),
            Ok(sent) => ("accepted".to_owned(), sent.tracking_id.as_ref()),
            Err(failure) => (failure.error.to_string(), failure.tracking_id.as_ref()),
        };
        let tracking_id = tracking_id.map(|id| format!(", tracking id {id}")).unwrap_or_default();
        let detail = result.as_ref().err().and_then(|failure| failure.detail.as_ref());
        let detail = detail.map(|detail| format!("; the hub says: {detail}")).unwrap_or_default();
        told.push(format!("  answer     {said}{detail}{tracking_id}"));
        // All at once, because devices are handled concurrently.
        self.add_line(told.join("\n"));
    }

    /// As it is sent; in a dry run, for people to read.
    fn body(&self, body: &[u8]) -> String {
        let pretty = if self.dry_run { pretty_json(body) } else { None };
        pretty.unwrap_or_else(|| String::from_utf8_lossy(body).into_owned())
    }

    fn add_line(&self, line: String) {
        self.lines.lock().expect("nothing panics while it is held").push(line);
    }
}

/// Who it is, as far as may be shown. A user id of an event may have control characters, which are escaped.
pub fn masked(recipient: &Recipient) -> String {
    match recipient {
        Recipient::User(user) => format!("the user {}", DeviceHandle::new(user.as_str()).masked().escape_debug()),
        Recipient::Number(number) => format!("the number {}", last_two(number.as_str())),
    }
}

/// The same JSON on lines of its own, its members in the same order.
pub fn pretty_json(json: &[u8]) -> Option<String> {
    let mut pretty = Vec::with_capacity(2 * json.len());
    let mut reader = serde_json::Deserializer::from_slice(json);
    serde_transcode::transcode(&mut reader, &mut serde_json::Serializer::pretty(&mut pretty)).ok()?;
    String::from_utf8(pretty).ok()
}

fn last_two(digits: &str) -> String {
    format!("****{}", digits.get(digits.len().saturating_sub(2)..).filter(|_| digits.len() > 6).unwrap_or_default())
}

/// The same JSON with all control characters escaped: `serde_json` escapes only some of them.
pub fn without_controls(json: &str) -> String {
    if !json.contains(char::is_control) {
        return json.to_owned();
    }
    let escaped = |character: char| match character.is_control() {
        true => format!("\\u{:04x}", u32::from(character)),
        false => character.to_string(),
    };
    json.chars().map(escaped).collect()
}

/// A duration in one unit.
fn span(time: TimeDelta) -> String {
    let seconds = time.num_seconds();
    match seconds {
        ..0 => format!("-{}", span(-time)),
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}
