//! Which room a request goes to: the emulator's own page and controls, or a hub. Requests
//! for messages go through `messages`; everything else of a hub needs a valid token and is then
//! not emulated.

use std::sync::Arc;

use hyper::Request;
use hyper::body::Incoming;

use crate::address::{Address, Resource};
use crate::answer;
use crate::control;
use crate::messages;
use crate::namespace::Namespace;
use crate::page;
use crate::sas::Claim;
use crate::server::Fate;
use crate::wording::Refusal;

pub(crate) async fn handle(namespace: &Arc<Namespace>, request: Request<Incoming>) -> Fate {
    let path = request.uri().path();
    if path == "/" || path.starts_with(control::PREFIX) {
        return page::handle(namespace, request).await;
    }
    let address = Address::of(path, &namespace.hubs);
    if address.resource.is_recorded() {
        return messages::receive(namespace, &address, request).await;
    }
    let refusal = if address.hub.is_none() {
        Refusal::NoSuchHub
    } else {
        let (head, _body) = request.into_parts();
        match (namespace.authorize(Claim::of(&head)), address.resource) {
            (Err(refusal), _) => refusal,
            (Ok(_), Resource::NotEmulated(name)) => Refusal::NotEmulated(name),
            (Ok(_), _) => Refusal::NoSuchHub,
        }
    };
    Fate::Answer(answer::refused(&refusal))
}
