//! The interface for tests and for the program: start, read the record, script faults and devices, stop.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;

use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio::sync::broadcast;
use tokio::task::JoinHandle;

use crate::faults::Fault;
use crate::options::Options;
use crate::platforms::DeviceState;
use crate::record::ReceivedRequest;
use crate::server::{self, Tls};
use crate::service::Namespace;

/// A running emulator. Dropping it stops it.
#[derive(Debug)]
pub struct Emulator {
    namespace: Arc<Namespace>,
    ca_certificate: Option<String>,
    server: JoinHandle<()>,
}

impl Emulator {
    /// Binds 127.0.0.1 and serves in a task of the current Tokio runtime.
    ///
    /// # Errors
    ///
    /// When the port can't be bound, when no certificate can be made, or [`io::ErrorKind::InvalidInput`] when the options have no hub, no rule, or an
    /// invalid one.
    pub async fn start(options: Options) -> io::Result<Self> {
        options.check()?;
        let with_port = |error: io::Error| io::Error::new(error.kind(), format!("port {}: {error}", options.port));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await.map_err(with_port)?;
        let port = listener.local_addr()?.port();
        let tls = if options.tls { Some(Tls::new()?) } else { None };
        let namespace = Arc::new(Namespace::new(options, port));
        let (acceptor, ca_certificate) = tls.map(|tls| (tls.acceptor, tls.ca_certificate)).unzip();
        let server = tokio::spawn(server::serve(listener, acceptor, Arc::clone(&namespace)));
        Ok(Self { namespace, ca_certificate, server })
    }

    /// Stops the emulator and waits until its port is free again. Dropping stops it without waiting.
    pub async fn stop(mut self) {
        self.server.abort();
        // The error is the cancellation.
        let _ = (&mut self.server).await;
    }

    /// The TCP port.
    pub fn port(&self) -> u16 {
        self.namespace.port
    }

    /// The certificate that a client must trust, as PEM; `None` without [`Options::tls`]. It is another one after each
    /// start.
    pub fn ca_certificate(&self) -> Option<&str> {
        self.ca_certificate.as_deref()
    }

    /// `http://127.0.0.1:PORT`, without a final slash; with TLS `https://…`.
    pub fn url(&self) -> String {
        self.namespace.url()
    }

    /// `Endpoint=http://127.0.0.1:PORT/;SharedAccessKeyName=…;SharedAccessKey=…` for the first rule, with its current
    /// primary key. Rules of the namespace come before those of the hubs.
    pub fn connection_string(&self) -> String {
        self.namespace.connection_string()
    }

    /// The same for the first rule that is valid on `hub`; `None` when there is none.
    pub fn connection_string_of(&self, hub: &str) -> Option<String> {
        self.namespace.connection_string_of(hub)
    }

    /// The name of the first hub.
    pub fn hub_name(&self) -> String {
        self.namespace.hubs.first().map(|hub| hub.name.clone()).unwrap_or_default()
    }

    /// The requests to hubs, accepted and refused, in order of arrival: the last 10,000, or as many as fit into 64 MiB.
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        self.namespace.record.requests()
    }

    /// The POST requests that were answered with 200 or 201.
    pub fn accepted(&self) -> Vec<ReceivedRequest> {
        self.namespace.record.accepted()
    }

    /// Waits until at least `count` requests were accepted since the start or the last [`clear`](Self::clear), and
    /// returns them. There is no timeout.
    pub async fn wait_for_accepted(&self, count: usize) -> Vec<ReceivedRequest> {
        self.namespace.record.wait_for_accepted(count).await
    }

    /// The same for all requests, including those whose answer is still held back by a fault.
    pub async fn wait_for_requests(&self, count: usize) -> Vec<ReceivedRequest> {
        self.namespace.record.wait_for_received(count).await
    }

    /// Receives every later request when its result is known: answered, reset, stalled, or given up by the client.
    pub fn subscribe(&self) -> broadcast::Receiver<ReceivedRequest> {
        self.namespace.record.subscribe()
    }

    /// Clears the record, the faults and the states of devices.
    pub fn clear(&self) {
        self.namespace.record.clear();
        self.namespace.faults.clear();
        self.namespace.devices.clear();
    }

    /// Adds a fault after those that are already scripted.
    pub fn add_fault(&self, fault: Fault) {
        self.namespace.faults.add(fault);
    }

    /// Removes all faults.
    pub fn clear_faults(&self) {
        self.namespace.faults.clear();
    }

    /// Sets the state of the device `handle`. A hub accepts notifications in every state; telemetry and feedback have the
    /// outcome.
    ///
    /// # Panics
    ///
    /// When 10,000 other devices are not healthy.
    pub fn set_device(&self, handle: &str, state: DeviceState) {
        let set = self.namespace.devices.set(handle, state);
        assert!(set.is_ok(), "at most 10,000 devices may be other than healthy");
    }

    /// Appends text to the blob of the day in the feedback container of `hub`, as it is: reports of another time, or what
    /// is none. [`set_device`](Self::set_device) makes reports of the sends to a device.
    ///
    /// # Panics
    ///
    /// When there is no such hub.
    pub fn add_feedback(&self, hub: &str, text: &str) {
        let known = self.namespace.hubs.iter().find(|options| options.name == hub);
        let known = known.unwrap_or_else(|| panic!("the emulator has no hub named {hub:?}"));
        self.namespace.feedback.add_text(&known.name, text, OffsetDateTime::now_utc());
    }

    /// Replaces the keys of a rule, named `NAME`, or `HUB/NAME` for a rule of one hub. The next request needs the new
    /// keys.
    ///
    /// # Panics
    ///
    /// When there is no such rule: a test with a misspelt name would prove nothing.
    pub fn set_keys(&self, rule: &str, primary: &str, secondary: &str) {
        let known = self.namespace.set_keys(rule, primary, secondary);
        assert!(known, "the emulator has no rule named {rule:?}");
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.server.abort();
    }
}
