//! The sockets: accepts connections and serves each of them until it ends.

mod connection;
mod header_names;
mod routes;
mod socket;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::service::Namespace;

pub(crate) use tls::Tls;

/// Serves until the task is aborted, which closes all connections: their tasks are in its `JoinSet`.
pub(crate) async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, namespace: Arc<Namespace>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection::serve(stream, tls.clone(), Arc::clone(&namespace)));
                }
                // Most likely no file descriptor is free: wait until some connections have ended.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
            // Removes ended connections from the set.
            Some(_) = connections.join_next() => {}
        }
    }
}
