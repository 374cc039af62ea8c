//! The server every emulator runs on: HTTP/1.1 on a listener, able to drop a connection instead of answering.
//!
//! **Invariant:** a response marked [`Severed`] never reaches the wire. Its connection closes without a byte, which a
//! client sees as a reset or an incomplete message: exactly what a crashed gateway looks like from outside.

use std::future::Future;
use std::io;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
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

/// Serves `router` on `listener` until `shutdown` resolves, then lets calls under way finish for up to two seconds.
///
/// # Errors
/// Only what makes the listener useless; a failed connection ends alone.
pub async fn serve(
    router: Router,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    // Nothing is ever sent: the sender's end is the sign.
    let (closing, closed) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(_ended) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < CONNECTIONS => match accepted {
                Ok((stream, _peer)) => {
                    connections.spawn(converse(stream, router.clone(), closed.clone()));
                }
                Err(error) if fatal(&error) => return Err(error),
                // Out of file descriptors or a peer that left early: the next one may be fine.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            },
        }
    }
    drop(listener);
    drop(closing);
    let drained = tokio::time::timeout(GRACE, async { while connections.join_next().await.is_some() {} }).await;
    if drained.is_err() {
        connections.shutdown().await;
    }
    Ok(())
}

fn fatal(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::NotConnected | io::ErrorKind::Unsupported)
}

async fn converse(stream: TcpStream, router: Router, mut closed: watch::Receiver<()>) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "connection keeps its delay");
    }
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
