//! The server every emulator runs on: HTTP/1.1 on whatever accepts byte streams, able to drop a connection instead of answering.
//!
//! **Invariant:** a response marked [`Severed`] never reaches the wire. Its connection closes without a byte, which a
//! client sees as a reset or an incomplete message: exactly what a crashed gateway looks like from outside.

use std::future::Future;
use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

pub use axum::Router;
use axum::body::Body;
use axum::response::Response;
use axum::serve::{Listener, ListenerExt as _};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tower::ServiceExt as _;

/// Open connections at once; further ones wait in the listener's own queue.
const CONNECTIONS: usize = 1024;

/// How long a shutdown waits for calls under way.
const GRACE: Duration = Duration::from_secs(2);

/// Marks a response whose connection must close without an answer.
#[derive(Clone, Copy, Debug)]
pub struct Severed;

/// A free port of this machine, whose address is known before anything is served there.
#[derive(Debug)]
pub struct Port {
    listener: TcpListener,
    url: String,
}

impl Port {
    /// Listens on a free port of loopback.
    ///
    /// # Errors
    /// The machine's.
    pub async fn free() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        Ok(Self { listener, url })
    }

    /// Where it is, without a path: `http://127.0.0.1:40123`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Serves a router on it for as long as the runtime runs; returns where.
    pub fn serve(self, router: Router) -> String {
        tokio::spawn(serve(router, self.listener, std::future::pending()));
        self.url
    }
}

/// Serves `router` on a TCP listener; see [`serve_on`].
///
/// # Errors
/// None today: a connection that fails ends alone.
pub async fn serve(
    router: Router,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "connection keeps its delay");
        }
    });
    serve_on(router, listener, shutdown).await;
    Ok(())
}

/// Serves `router` on what `listener` accepts until `shutdown` resolves, then lets calls under way finish for up to two
/// seconds. A connection that fails ends alone.
pub async fn serve_on(
    router: Router,
    mut listener: impl Listener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) {
    // Nothing is ever sent: the sender's end is the sign.
    let (closing, closed) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(_ended) = connections.join_next() => {}
            (stream, _peer) = listener.accept(), if connections.len() < CONNECTIONS => {
                connections.spawn(converse(stream, router.clone(), closed.clone()));
            }
        }
    }
    drop(listener);
    drop(closing);
    let drained = tokio::time::timeout(GRACE, async { while connections.join_next().await.is_some() {} }).await;
    if drained.is_err() {
        connections.shutdown().await;
    }
}

async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    mut closed: watch::Receiver<()>,
) {
    let service = service_fn(move |request| answer(router.clone(), request));
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new());
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    let outcome = tokio::select! {
        outcome = &mut connection => outcome,
        _ = closed.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(%error, "connection ended");
    }
}

async fn answer(router: Router, request: http::Request<Incoming>) -> io::Result<Response> {
    let response = match router.oneshot(request.map(Body::new)).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    match response.extensions().get::<Severed>() {
        Some(Severed) => Err(io::Error::new(io::ErrorKind::ConnectionReset, "severed by the fault plan")),
        None => Ok(response),
    }
}
