//! What a server needs of the system before connections come: a place for those that wait, and a file for each.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket};

/// Connections that may wait to be accepted, as a burst of events opens them at once; Linux cuts it to `net.core.somaxconn`. What
/// the system drops instead comes again a second later, a call too.
const BACKLOG: u32 = 4096;

/// Listens at that address.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    raise_limit_of_files();
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // As `TcpListener::bind` does: a restart does not wait for the connections of before.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Each connection is an open file, and many systems have a soft limit of 1024 for the sake of programs that use `select`.
#[cfg(unix)]
pub fn raise_limit_of_files() {
    use rustix::process::{Resource, getrlimit, setrlimit};

    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Where it fails, a connection too many is told when it comes.
    let _ = setrlimit(Resource::Nofile, limit);
}

/// Windows has no such limit.
#[cfg(not(unix))]
pub fn raise_limit_of_files() {}
