//! Which part of the emulator answers a path: page and controls, a feedback container, or a hub.

use std::sync::Arc;

use hyper::Request;
use hyper::body::Incoming;

use crate::control;
use crate::http::ConnectionAction;
use crate::resources::feedback;
use crate::service::{self, Namespace};

pub(super) async fn handle(namespace: &Arc<Namespace>, request: Request<Incoming>) -> ConnectionAction {
    let path = request.uri().path();
    if path == "/" || path.starts_with(control::PREFIX) {
        return ConnectionAction::Respond(control::handle(namespace, request).await);
    }
    if path.starts_with(feedback::PREFIX) {
        let (head, _body) = request.into_parts();
        return ConnectionAction::Respond(feedback::answer(&namespace.feedback, &namespace.url(), &head));
    }
    service::handle(namespace, request).await
}
