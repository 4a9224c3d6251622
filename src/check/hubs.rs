//! Whether each hub can be reached and takes each of its keys.

use std::collections::BTreeSet;

use futures_util::future::join_all;

use super::{Check, Source};
use crate::client::root_certificates;
use crate::delivery::sending::Hubs;
use crate::push::hub::{Hub, KeyAnswer, SendError};

/// A check for each hub and key, and before them one of the certificates.
pub async fn checks(hubs: &Hubs) -> Vec<Check> {
    let named = hubs.named();
    let checks = named.iter().flat_map(|(whose, hub)| (0..hub.keys()).map(move |key| check(whose, hub, key)));
    let checked: Vec<_> = join_all(checks).await.into_iter().flatten().collect();
    let mut seen = BTreeSet::new();
    let checked = checked.into_iter().filter(|check| seen.insert((check.name.clone(), check.text.clone())));
    std::iter::once(certificates()).chain(checked).collect()
}

fn certificates() -> Check {
    match root_certificates() {
        0 => Check::fault(
            "certificates",
            Source::SendKey,
            "no certificate authorities were found: no https:// address can be reached",
            "install ca-certificates, or name a file of them in SSL_CERT_FILE",
        ),
        count => Check::ok("certificates", Source::SendKey, format!("{count} certificate authorities")),
    }
}

async fn check(whose: &str, hub: &Hub, index: usize) -> Vec<Check> {
    let key = if index == 0 { "first key" } else { "second key" };
    let name = format!("{whose} {}, {key}", hub.name());
    let checked = hub.check_key(index).await;
    let host = checked.host;
    let mut checks = Vec::new();
    if let Some(seconds) = checked.hub_ahead {
        let (apart, direction) = (seconds.abs(), if seconds < 0 { "ahead of" } else { "behind" });
        checks.push(Check::fault(
            "clock",
            Source::SendKey,
            format!("this computer's clock is {apart} s {direction} the hub's"),
            "set it, or events expire too early or too late",
        ));
    }
    checks.push(match checked.result {
        Ok(KeyAnswer::Takes) => Check::ok(name, Source::SendKey, format!("{host} takes it")),
        Ok(KeyAnswer::Silent(status)) => Check::unseen(
            name,
            Source::SendKey,
            format!(
                "{host} answers {status} to a wrong signature, so it tells nothing of the right one: read its metric \
                 incoming.all.failedrequests"
            ),
        ),
        Err(error) => Check::fault(name, Source::SendKey, format!("{error} ({host})"), fix(&error)),
    });
    checks
}

fn fix(error: &SendError) -> &'static str {
    match error {
        SendError::Unauthorized => "copy the connection string of one of the hub's access policies again",
        SendError::Forbidden => "give the access policy the right Send",
        SendError::NotFound => "correct the hub's name, or the connection string of another namespace",
        SendError::NoConnection(_) => "correct the address, or let the app's network reach it",
        SendError::Throttled { .. }
        | SendError::Unavailable { .. }
        | SendError::Timeout
        | SendError::ConnectionLost => "wait and check again; if it stays, look at the status of Azure",
        SendError::BatchNotSupported
        | SendError::BadRequest
        | SendError::NoPlatformCredentials(_)
        | SendError::TooLarge
        | SendError::Refused(_)
        | SendError::Paused
        | SendError::DeadlineReached
        | SendError::Expired => "is the address that of a hub? docs/settings.md has the form of a connection string",
    }
}
