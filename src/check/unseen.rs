//! What no key of the program can see, and which metric shows it. `azure.rs` sees it, with a login.

use super::{Check, Source};

/// What only an Azure login shows.
const UNSEEN: [(&str, &str); 4] = [
    (
        "event subscription",
        "only Azure knows it: read the metrics of the system topic, Matched Events and Delivery Failed Events, and Dead Lettered \
         Events of the subscription",
    ),
    (
        "credentials of the platforms",
        "a key with the right Send does not show them: read the hub's metrics outgoing.apns.invalidcredentials and \
         outgoing.fcmv1.invalidcredentials",
    ),
    (
        "device tokens",
        "the hub answers 201 before it asks the push service: read its metrics outgoing.allpns.channelerror and \
         outgoing.apns.badchannel",
    ),
    (
        "link of the communication resource to a hub",
        "only Azure knows it: with a link, phones that also registered by the Calling SDK ring twice",
    ),
];

/// A line for each.
pub fn checks() -> Vec<Check> {
    UNSEEN.map(|(name, text)| Check::unseen(name, Source::AzureLogin, text)).into()
}
