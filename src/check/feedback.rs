//! Whether the hubs tell which device tokens are dead: each key that may Manage is asked.

use futures_util::future::join_all;

use super::{Check, Source};
use crate::delivery::sending::Hubs;
use crate::push::hub::feedback::{FeedbackError, FeedbackSource};

/// What nobody does where there is no key.
const NOT_REMOVED: &str = "dead tokens stay until their installations expire";

/// A check for each hub; one line for all where no key is set.
pub async fn checks(hubs: &Hubs) -> Vec<Check> {
    let named = hubs.named();
    if named.iter().all(|(_, hub)| hub.feedback().is_none()) {
        let text = format!(
            "NOTIFICATION_HUB_MANAGE_CONNECTION_STRING is not set: {NOT_REMOVED}. A rule that may Manage, on the tier Standard, \
             lets Maintenance remove them"
        );
        return vec![Check::unseen("dead tokens", Source::Settings, text)];
    }
    let checks = named.iter().map(|(whose, hub)| async move {
        let name = format!("{whose} {}, dead tokens", hub.name());
        match hub.feedback() {
            Some(source) => check(name, source).await,
            None => {
                Check::unseen(name, Source::Settings, format!("no key that may Manage is for this hub: {NOT_REMOVED}"))
            }
        }
    });
    join_all(checks).await
}

async fn check(name: String, source: &FeedbackSource) -> Check {
    let host = source.host();
    match source.container().await {
        Ok(_) => Check::ok(name, Source::ManageKey, format!("{host} tells its feedback")),
        Err(error) => Check::fault(name, Source::ManageKey, format!("{error} ({host})"), fix(&error)),
    }
}

fn fix(error: &FeedbackError) -> &'static str {
    match error {
        FeedbackError::Unauthorized => {
            "copy the connection string of a policy of the namespace, or set NOTIFICATION_HUB_VOIP_MANAGE_CONNECTION_STRING for the \
             VoIP hub"
        }
        FeedbackError::Forbidden => "give the access policy the right Manage, or raise the tier to Standard",
        FeedbackError::NotFound => "correct the hub's name",
        FeedbackError::NoConnection(_) => "correct the address, or let the app's network reach it",
        FeedbackError::Unavailable(_) | FeedbackError::Lost | FeedbackError::Timeout | FeedbackError::Container(_) => {
            "wait and check again; if it stays, look at the status of Azure"
        }
        FeedbackError::NoAddress | FeedbackError::Form => {
            "is the address that of a hub? docs/settings.md has the form of a connection string"
        }
    }
}
