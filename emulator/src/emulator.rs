//! The handle that tests and the binary hold: start, ask, script, stop. It decides nothing about
//! requests; it owns the task that does.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::broadcast;
use tokio::task::JoinHandle;

use crate::devices::DeviceState;
use crate::fault::Fault;
use crate::namespace::Namespace;
use crate::options::Options;
use crate::record::ReceivedRequest;
use crate::server;

/// A running emulator. Dropping it stops it.
#[derive(Debug)]
pub struct Emulator {
    namespace: Arc<Namespace>,
    server: JoinHandle<()>,
}

impl Emulator {
    /// Binds 127.0.0.1 and serves in the background of the current Tokio runtime.
    ///
    /// # Errors
    ///
    /// When the port can't be bound, or with [`io::ErrorKind::InvalidInput`] for options without
    /// a hub, a rule or a key.
    pub async fn start(options: Options) -> io::Result<Self> {
        options.check()?;
        let named = |error: io::Error| io::Error::new(error.kind(), format!("port {}: {error}", options.port));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await.map_err(named)?;
        let port = listener.local_addr()?.port();
        let namespace = Arc::new(Namespace::new(options, port));
        let server = tokio::spawn(server::serve(listener, Arc::clone(&namespace)));
        Ok(Self { namespace, server })
    }

    /// Stops the emulator and waits until its port is free again; dropping does not wait.
    pub async fn stop(mut self) {
        self.server.abort();
        // The only error is the cancellation just asked for.
        let _ = (&mut self.server).await;
    }

    /// The TCP port.
    pub fn port(&self) -> u16 {
        self.namespace.port
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn url(&self) -> String {
        self.namespace.url()
    }

    /// `Endpoint=http://127.0.0.1:PORT/;SharedAccessKeyName=…;SharedAccessKey=…` of the first
    /// rule, with its present primary key. Rules of the namespace come before those of its hubs.
    pub fn connection_string(&self) -> String {
        self.namespace.connection_string()
    }

    /// The same for the first rule that opens the hub `hub`. `None` when there is none.
    pub fn connection_string_of(&self, hub: &str) -> Option<String> {
        self.namespace.connection_string_of(hub)
    }

    /// The name of the first hub.
    pub fn hub_name(&self) -> String {
        self.namespace.hubs.first().map(|hub| hub.name.clone()).unwrap_or_default()
    }

    /// Everything received for a hub, accepted and refused, in order of arrival: the last 10,000, or
    /// as many as 64 MiB hold.
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        self.namespace.record.requests()
    }

    /// The sends that were answered with 200 or 201.
    pub fn accepted(&self) -> Vec<ReceivedRequest> {
        self.namespace.record.accepted()
    }

    /// Resolves with the accepted requests as soon as at least `count` were accepted since the
    /// start or the last [`clear`](Self::clear). Waits for ever: the caller adds a timeout.
    pub async fn wait_for_accepted(&self, count: usize) -> Vec<ReceivedRequest> {
        self.namespace.record.wait_for_accepted(count).await
    }

    /// The same for all requests received, also one whose answer a fault still holds back.
    pub async fn wait_for_requests(&self, count: usize) -> Vec<ReceivedRequest> {
        self.namespace.record.wait_for_received(count).await
    }

    /// Every request from now on, at the moment its fate is known: answered, reset, stalled, or
    /// given up by its client.
    pub fn subscribe(&self) -> broadcast::Receiver<ReceivedRequest> {
        self.namespace.record.subscribe()
    }

    /// Forgets the record, the faults and the states of devices.
    pub fn clear(&self) {
        self.namespace.record.clear();
        self.namespace.script.clear();
        self.namespace.devices.clear();
    }

    /// Adds a fault behind those already scripted.
    pub fn add_fault(&self, fault: Fault) {
        self.namespace.script.add(fault);
    }

    /// Forgets the faults.
    pub fn clear_faults(&self) {
        self.namespace.script.clear();
    }

    /// Says how the push service finds the device `handle` from now on. What is sent to it is
    /// accepted all the same; telemetry and feedback tell what became of it.
    ///
    /// # Panics
    ///
    /// When there are 10,000 devices that are not healthy already.
    pub fn set_device(&self, handle: &str, state: DeviceState) {
        let set = self.namespace.devices.set(handle, state);
        assert!(set.is_ok(), "at most 10,000 devices may be other than healthy");
    }

    /// Rotates the keys of `rule`, `HUB/NAME` for one of a hub; the next request is judged by the
    /// new ones.
    ///
    /// # Panics
    ///
    /// When there is no such rule: a test that rotates nothing would prove nothing.
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
