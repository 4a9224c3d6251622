//! Which room a request goes to: the emulator's own page and controls, a feedback container, or a hub.

use std::sync::Arc;

use hyper::Request;
use hyper::body::Incoming;

use crate::address::Address;
use crate::control;
use crate::feedback;
use crate::hub;
use crate::namespace::Namespace;
use crate::page;
use crate::reception;
use crate::server::Fate;

pub(crate) async fn handle(namespace: &Arc<Namespace>, request: Request<Incoming>) -> Fate {
    let path = request.uri().path();
    if path == "/" || path.starts_with(control::PREFIX) {
        return page::handle(namespace, request).await;
    }
    if path.starts_with(feedback::PREFIX) {
        let (head, _body) = request.into_parts();
        return Fate::Answer(feedback::serve(&namespace.feedback, &namespace.url(), &head));
    }
    let address = Address::of(path, &namespace.hubs);
    if address.resource.exists() {
        return reception::receive(namespace, &address, request).await;
    }
    let (head, _body) = request.into_parts();
    let (response, _settlement) = hub::answer(namespace, &address, &head, &[]);
    Fate::Answer(response)
}
