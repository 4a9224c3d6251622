//! The options of an emulator: hubs, rules and keys, mode, the page. Plain values with defaults; the command line is
//! parsed by the program.
//!
//! Tiers: <https://azure.microsoft.com/pricing/details/notification-hubs/>; access rules:
//! <https://learn.microsoft.com/azure/notification-hubs/notification-hubs-push-notification-security>.

mod page;

use std::fmt;
use std::io;
use std::time::Duration;

pub use page::{Page, Phone, Sample};
pub(crate) use page::{PostTarget, is_loopback};

/// The rule that every new namespace has.
const DEFAULT_RULE: &str = "DefaultFullSharedAccessSignature";

/// Fixed, so that a pasted connection string still works after a restart. Base64 of 32 bytes like a real key; the text
/// says that it is none.
const PRIMARY_KEY: &str = "NotificationHubsEmulatorKeyForLocalUseOnly0=";
const SECONDARY_KEY: &str = "NotificationHubsEmulatorKeyForLocalUseOnly4=";

/// The default hubs: one for alerts and one for calls on iOS.
const HUB: &str = "acs-push-dev";
const VOIP_HUB: &str = "acs-push-voip";
const VOIP_BUNDLE_ID: &str = "com.example.app.voip";

/// The primary and secondary key of the rule of each default hub.
const HUB_KEYS: [&str; 2] =
    ["EmulatorSendKeyOfTheMainHubForLocalUseOnly0=", "EmulatorSendKeyOfTheMainHubForLocalUseOnly4="];
const VOIP_HUB_KEYS: [&str; 2] =
    ["EmulatorSendKeyOfTheVoipHubForLocalUseOnly0=", "EmulatorSendKeyOfTheVoipHubForLocalUseOnly4="];

/// The options to start an emulator with.
///
/// The default is a Standard-tier hub named `acs-push-dev` and one for VoIP pushes named `acs-push-voip`, a port chosen
/// by the system, one rule with all rights on both hubs, and for each hub a rule of its own with the right to send.
#[derive(Debug, Clone)]
pub struct Options {
    /// TCP port on 127.0.0.1; 0 lets the system choose.
    pub port: u16,
    /// The hubs of the namespace; at least one.
    pub hubs: Vec<HubOptions>,
    /// The access rules of the namespace, valid on every hub. At least one rule is needed, here or at a hub.
    pub rules: Vec<Rule>,
    /// What to do with a notification that the service would accept and then fail to deliver.
    pub mode: Mode,
    /// What the web page shows from the start.
    pub page: Page,
    /// How long after its expiry a SAS token is still valid; the allowance of the service is not known.
    pub clock_skew: Duration,
    /// For how long telemetry answers 404 after a send, and then for how long it says `Processing`. Zero means
    /// `Completed` at once; the service takes seconds to half an hour.
    pub telemetry_delay: Duration,
    /// The form of the answers.
    pub front_end: FrontEnd,
    /// Whether connections may use TLS, with a certificate that is made at the start. Addresses then begin with `https`;
    /// plain HTTP on the same port still works.
    pub tls: bool,
    /// Whether the `Location` of a batch is `…/messages/$batch/{id}`, as in one recorded answer, instead of
    /// `…/messages/{id}` as documented.
    pub batch_in_location: bool,
}

impl Default for Options {
    fn default() -> Self {
        let hub = |name, [primary, secondary]: [&str; 2]| HubOptions {
            rules: vec![Rule::send_only(primary, secondary)],
            ..HubOptions::new(name)
        };
        let voip = HubOptions { bundle_id: Some(VOIP_BUNDLE_ID.to_owned()), ..hub(VOIP_HUB, VOIP_HUB_KEYS) };
        Self {
            port: 0,
            hubs: vec![hub(HUB, HUB_KEYS), voip],
            rules: vec![Rule::default()],
            mode: Mode::Strict,
            page: Page::default(),
            clock_skew: Duration::ZERO,
            telemetry_delay: Duration::ZERO,
            front_end: FrontEnd::Since2022,
            tls: false,
            batch_in_location: false,
        }
    }
}

impl Options {
    /// Refuses options with which no client could send anything.
    pub(crate) fn check(&self) -> io::Result<()> {
        let invalid = |text: String| Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        if self.hubs.is_empty() {
            return invalid("the emulator needs at least one hub".to_owned());
        }
        for hub in &self.hubs {
            if !is_hub_name(&hub.name) {
                let rule = "must be a letter and up to 264 letters, digits and -./_";
                return invalid(format!("hub name {:?} {rule}", hub.name));
            }
        }
        let rules: Vec<&Rule> = self.rules.iter().chain(self.hubs.iter().flat_map(|hub| &hub.rules)).collect();
        if rules.is_empty() {
            return invalid("the emulator needs at least one rule".to_owned());
        }
        for rule in rules {
            if rule.name.is_empty() || rule.primary_key.is_empty() || rule.secondary_key.is_empty() {
                return invalid(format!("rule {:?} needs a name and two keys", rule.name));
            }
        }
        self.page.check()
    }
}

/// The documented rule. A name begins with a letter, so it never collides with `/_emulator/`, and needs no escaping in
/// `Location`.
fn is_hub_name(name: &str) -> bool {
    let is_allowed = |character: char| character.is_ascii_alphanumeric() || "-./_".contains(character);
    name.starts_with(|first: char| first.is_ascii_alphabetic()) && name.chars().all(is_allowed) && name.len() <= 265
}

/// One notification hub.
#[derive(Debug, Clone)]
pub struct HubOptions {
    /// The hub's name, the first part of every path.
    pub name: String,
    /// The namespace tier; it decides whether there are `Location`, batches, telemetry and feedback.
    pub tier: Tier,
    /// The bundle id in the hub's APNs credential. With `None`, `apns-push-type: voip` is not checked against it.
    pub bundle_id: Option<String>,
    /// Whether the hub has an APNs credential.
    pub apns: bool,
    /// Whether the hub has an FCM v1 credential.
    pub fcm_v1: bool,
    /// How many sends it accepts before it throttles; `None` means no limit.
    pub budget: Option<Budget>,
    /// The hub's own access rules, valid on this hub only. The hub needs none when the namespace has one.
    pub rules: Vec<Rule>,
}

impl HubOptions {
    /// A Standard-tier hub with both credentials, no bundle id, no budget and no rule of its own.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            tier: Tier::Standard,
            bundle_id: None,
            apns: true,
            fcm_v1: true,
            budget: None,
            rules: Vec::new(),
        }
    }
}

/// A rate limit: so many sends, single or batch, in a time window that begins with the first of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// The number of sends.
    pub sends: u32,
    /// The length of the window.
    pub per: Duration,
}

/// The pricing tier of the namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tier {
    /// No `Location` on success, no telemetry, no feedback, no batch.
    Free,
    /// No `Location` on success, no telemetry, no feedback.
    Basic,
    /// `Location`, telemetry, feedback and batches.
    Standard,
}

/// A shared access rule: a name, two keys that are both valid, and rights.
#[derive(Clone)]
pub struct Rule {
    /// `SharedAccessKeyName`, `skn` in a token.
    pub name: String,
    /// The key in the connection string.
    pub primary_key: String,
    /// The second key, equally valid, for key rotation.
    pub secondary_key: String,
    /// What a token signed with one of the keys may do.
    pub rights: Vec<Right>,
}

/// `DefaultFullSharedAccessSignature` with the emulator's fixed keys and all rights.
impl Default for Rule {
    fn default() -> Self {
        Self {
            name: DEFAULT_RULE.to_owned(),
            primary_key: PRIMARY_KEY.to_owned(),
            secondary_key: SECONDARY_KEY.to_owned(),
            rights: vec![Right::Listen, Right::Send, Right::Manage],
        }
    }
}

impl Rule {
    /// A rule named `Send` with the right to send only, as Microsoft recommends for senders.
    pub fn send_only(primary_key: impl Into<String>, secondary_key: impl Into<String>) -> Self {
        let (primary_key, secondary_key) = (primary_key.into(), secondary_key.into());
        Self { name: "Send".to_owned(), primary_key, secondary_key, rights: vec![Right::Send] }
    }
}

/// Redacts the keys: somebody may use a real one.
impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rule")
            .field("name", &self.name)
            .field("primary_key", &"(redacted)")
            .field("secondary_key", &"(redacted)")
            .field("rights", &self.rights)
            .finish()
    }
}

/// A right of an access rule; the service also calls it a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// Create, read, update and delete single registrations and installations.
    Listen,
    /// Send notifications.
    Send,
    /// Manage hubs and read registrations by tag.
    Manage,
}

/// What happens to a notification that the service would accept and later fail to deliver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Refuse it at once with 400 and the reason.
    Strict,
    /// Answer 201 as the service does, and list the problem among the warnings of the recorded request.
    Faithful,
}

/// The generation of the service's front end. The service was seen to answer with both for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrontEnd {
    /// The form of answers that were seen since 2022.
    Since2022,
    /// The form of the recordings of 2018 to 2020: error XML without `xmlns:i`, `Content-Type` on 201, and the whole query
    /// of the request in `Location`.
    Before2022,
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[test]
    fn the_fixed_keys_have_the_form_of_real_ones() {
        for key in [[PRIMARY_KEY, SECONDARY_KEY], HUB_KEYS, VOIP_HUB_KEYS].concat() {
            assert_eq!(STANDARD.decode(key).unwrap().len(), 32, "{key}");
        }
    }

    #[test]
    fn debug_shows_no_key() {
        let shown = format!("{:?}", Options::default());
        assert!(shown.contains(DEFAULT_RULE) && !shown.contains("LocalUseOnly"), "{shown}");
    }

    #[test]
    fn options_with_which_no_client_could_send_are_refused() {
        let no_hub = Options { hubs: Vec::new(), ..Options::default() };
        let named = |name: &str| Options { hubs: vec![HubOptions::new(name)], ..Options::default() };
        assert!(["a", "hub/ios.voip", &"a".repeat(265)].iter().all(|name| named(name).check().is_ok()));
        let odd_hubs = ["", "_emulator", "h\u{fc}b", "a b", "a?b", &"a".repeat(266)].map(named);
        let no_rule = Options { rules: Vec::new(), hubs: vec![HubOptions::new("a")], ..Options::default() };
        let empty = Rule { secondary_key: String::new(), ..Rule::default() };
        let no_key = Options { rules: vec![empty.clone()], ..Options::default() };
        let hub = HubOptions { rules: vec![empty], ..HubOptions::new("a") };
        let no_key_of_a_hub = Options { hubs: vec![hub], ..Options::default() };
        for options in [no_hub, no_rule, no_key, no_key_of_a_hub].into_iter().chain(odd_hubs) {
            let error = options.check().unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{error}");
        }
    }
}
