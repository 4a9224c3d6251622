//! The header names of responses, letter for letter as in the recordings.
//!
//! hyper writes names in lower case or with capitals after each hyphen. It writes other forms only for a response that
//! carries the names of a message which hyper has read. So hyper reads one such message, once.

use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::http::Extensions;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
use tokio::sync::OnceCell;

/// The names with capitals in other places than after hyphens.
const RECORDED: &[u8] =
    b"HTTP/1.1 204 No Content\r\nTrackingId: -\r\nx-ms-correlation-request-id: -\r\nETag: -\r\n\r\n";

/// Lets hyper write the names of `response` as they were recorded.
pub(super) async fn keep_recorded<B>(response: &mut Response<B>) {
    static NAMES: OnceCell<Extensions> = OnceCell::const_new();
    let names = NAMES.get_or_init(read).await;
    response.extensions_mut().extend(names.clone());
}

/// What hyper remembers of `RECORDED`; nothing, if it did not read it.
async fn read() -> Extensions {
    let (mut server, client) = duplex(RECORDED.len().max(1024));
    let handshake = http1::Builder::new()
        .preserve_header_case(true)
        .handshake::<_, http_body_util::Empty<Bytes>>(TokioIo::new(client));
    let Ok((mut sender, connection)) = handshake.await else { return Extensions::new() };
    // A response that comes before the request would be an error.
    let respond = async {
        server.read_u8().await?;
        server.write_all(RECORDED).await
    };
    let exchange = async { tokio::join!(sender.send_request(Request::default()), respond).0.ok() };
    let response = tokio::select! {
        response = exchange => response,
        _ = connection => None,
    };
    response.map(|response| response.into_parts().0.extensions).unwrap_or_default()
}
