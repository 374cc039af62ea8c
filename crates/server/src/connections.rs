//! Connections from outside: how many there are, how long each may take, and how they end.
//!
//! Anyone who reaches the port may open connections, send half a header and never read an answer. So everything here has a
//! limit: the time for a header (which also ends connections that are idle), the time in which an answer must get on, and
//! the number of connections. Where there are too many, one without a request under way makes room for the new one.
//!
//! **Invariants:** a connection that does nothing is closed; connections never use up the process's descriptors; stopping
//! takes no longer than [`Limits::drain`].

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes, HttpBody},
    response::Response,
    serve::Listener,
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::watch,
    task::{AbortHandle, JoinSet},
    time::{Instant, Sleep},
};
use tower::ServiceExt as _;

/// What connections may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Open connections at once. Far below the 1024 descriptors that a process commonly may have: calls need some too.
    pub connections: usize,
    /// For the header of a request, counted from the end of the one before it.
    pub header: Duration,
    /// In which some of an answer must be taken.
    pub stalled: Duration,
    /// For requests under way when the process stops.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 256,
            header: Duration::from_secs(10),
            stalled: Duration::from_mins(1),
            drain: Duration::from_secs(10),
        }
    }
}

/// Serves what `listener` accepts until `stop` completes, then lets requests under way end, for as long as is allowed.
///
/// # Errors
/// None today: a connection that fails ends alone.
pub async fn serve(
    mut listener: impl Listener,
    router: Router,
    limits: Limits,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    // Nothing is ever sent: the sender's end is the sign.
    let (closing, closed) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut open: Vec<Open> = Vec::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            Some(_ended) = connections.join_next() => open.retain(|connection| !connection.handle.is_finished()),
            (stream, _peer) = listener.accept(), if has_room(&open, limits.connections) => {
                if open.len() >= limits.connections {
                    close_idle(&mut open);
                }
                let busy = Arc::new(AtomicBool::new(false));
                let stream = Stalling { stream, limit: limits.stalled, waiting: None };
                let conversation = converse(stream, router.clone(), Arc::clone(&busy), limits.header, closed.clone());
                open.push(Open { handle: connections.spawn(conversation), busy });
            }
        }
    }
    drop((listener, closing));
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(limits.drain, drained).await.is_err() {
        tracing::warn!(connections = connections.len(), "requests under way were cut off to stop in time");
        connections.shutdown().await;
    }
    Ok(())
}

/// An open connection, the oldest first.
struct Open {
    handle: AbortHandle,
    /// A request is under way on it.
    busy: Arc<AtomicBool>,
}

impl Open {
    fn is_idle(&self) -> bool {
        !self.busy.load(Ordering::Relaxed)
    }
}

/// One more connection may be accepted: there are fewer than the most, or one of them can be closed for it.
fn has_room(open: &[Open], most: usize) -> bool {
    open.len() < most || open.iter().any(Open::is_idle)
}

/// Closes the connection that has had no request under way for the longest.
fn close_idle(open: &mut Vec<Open>) {
    if let Some(at) = open.iter().position(Open::is_idle) {
        open.remove(at).handle.abort();
    }
}

async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    busy: Arc<AtomicBool>,
    header: Duration,
    mut closed: watch::Receiver<()>,
) {
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let under_way = UnderWay::begin(&busy);
        let answer = router.clone().oneshot(request.map(Body::new));
        async move { answer.await.map(|response| whole(response, under_way)) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(header);
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = &mut connection => ended,
        _ = closed.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended");
    }
}

/// The response, with its request under way until the last byte of it was taken.
fn whole(response: Response, under_way: UnderWay) -> Response {
    response.map(|body| Body::new(Answered { body, _under_way: under_way }))
}

/// A request is under way for as long as this lives.
struct UnderWay(Arc<AtomicBool>);

impl UnderWay {
    fn begin(busy: &Arc<AtomicBool>) -> Self {
        busy.store(true, Ordering::Relaxed);
        Self(Arc::clone(busy))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

struct Answered {
    body: Body,
    _under_way: UnderWay,
}

impl HttpBody for Answered {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.body.size_hint()
    }
}

/// A stream that fails where nobody takes what is written for longer than `limit`.
struct Stalling<S> {
    stream: S,
    limit: Duration,
    /// Since when writing waits, as the end of its time.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl<S> Stalling<S> {
    fn watch<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.waiting = None;
            return written;
        }
        let end = Instant::now() + self.limit;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(end)));
        waiting.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Stalling<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Stalling<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.watch(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.watch(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(context);
        self.watch(context, shut)
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use futures::stream;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::{TcpListener, TcpStream},
        sync::oneshot,
        time::timeout,
    };

    use super::*;

    const QUICK: Limits = Limits {
        connections: 8,
        header: Duration::from_millis(300),
        stalled: Duration::from_millis(300),
        drain: Duration::from_millis(300),
    };
    const PATIENCE: Duration = Duration::from_secs(20);

    struct Edge {
        address: std::net::SocketAddr,
        stop: oneshot::Sender<()>,
        ended: tokio::task::JoinHandle<io::Result<()>>,
        /// Turns true once nobody is left who takes the endless answer.
        dropped: watch::Receiver<bool>,
    }

    async fn edge(limits: Limits) -> Edge {
        let (gone, dropped) = watch::channel(false);
        let endless = move || {
            let noted = Noted(gone.clone());
            let chunks = stream::repeat_with(move || {
                let _noted = &noted;
                Ok::<_, io::Error>(Bytes::from(vec![b'x'; 64 * 1024]))
            });
            async { Body::from_stream(chunks) }
        };
        let router = Router::new().route("/healthz", get(|| async { "ok" })).route("/endless", get(endless));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let ended = tokio::spawn(serve(listener, router, limits, async { drop(stopped.await) }));
        Edge { address, stop, ended, dropped }
    }

    struct Noted(watch::Sender<bool>);

    impl Drop for Noted {
        fn drop(&mut self) {
            self.0.send_replace(true);
        }
    }

    impl Edge {
        /// A connection on which this was sent.
        async fn sent(&self, text: &str) -> TcpStream {
            let mut stream = TcpStream::connect(self.address).await.unwrap();
            stream.write_all(text.as_bytes()).await.unwrap();
            stream
        }
    }

    const HALF: &str = "GET /healthz HTTP/1.1\r\nHost: a\r\nX-";
    const WHOLE: &str = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";

    /// What comes until the other side closes.
    async fn rest(mut stream: TcpStream) -> String {
        let mut text = Vec::new();
        // A reset closes as well as an end does.
        let _end = timeout(PATIENCE, stream.read_to_end(&mut text)).await.expect("it is never closed");
        String::from_utf8_lossy(&text).into_owned()
    }

    #[tokio::test]
    async fn half_a_header_and_an_idle_connection_are_closed() {
        let edge = edge(QUICK).await;
        assert_eq!(rest(edge.sent(HALF).await).await, "");
        assert_eq!(rest(edge.sent("").await).await, "");
        let answer = rest(edge.sent(WHOLE).await).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("ok"), "{answer}");
    }

    #[tokio::test]
    async fn any_number_of_half_requests_leaves_room_for_a_whole_one() {
        let patient = Limits { header: PATIENCE * 10, ..QUICK };
        let edge = edge(patient).await;
        let mut hostile = Vec::new();
        for _ in 0..100 {
            hostile.push(edge.sent(HALF).await);
        }
        let mut stream = edge.sent(WHOLE).await;
        let mut answer = [0; 15];
        timeout(PATIENCE, stream.read_exact(&mut answer)).await.expect("there is no room").unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200 OK");
    }

    #[tokio::test]
    async fn an_answer_that_nobody_takes_is_given_up_and_others_are_answered_meanwhile() {
        let mut edge = edge(QUICK).await;
        let stalled = edge.sent("GET /endless HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert!(rest(edge.sent(WHOLE).await).await.ends_with("ok"));
        timeout(PATIENCE, edge.dropped.wait_for(|dropped| *dropped)).await.expect("it waits for ever").unwrap();
        drop(stalled);
    }

    #[tokio::test]
    async fn a_request_under_way_is_not_closed_to_make_room() {
        let edge = edge(Limits { connections: 2, stalled: PATIENCE, ..QUICK }).await;
        let mut taken = edge.sent("GET /endless HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let mut some = vec![0; 256 * 1024];
        taken.read_exact(&mut some).await.unwrap();
        for _ in 0..20 {
            drop(rest(edge.sent("").await).await);
        }
        taken.read_exact(&mut vec![0; 8 << 20]).await.unwrap();
    }

    #[tokio::test]
    async fn stopping_waits_no_longer_than_is_allowed() {
        let edge = edge(Limits { header: PATIENCE * 10, stalled: PATIENCE * 10, ..QUICK }).await;
        let half = edge.sent(HALF).await;
        let stalled = edge.sent("GET /endless HTTP/1.1\r\nHost: a\r\n\r\n").await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        edge.stop.send(()).unwrap();
        timeout(PATIENCE, edge.ended).await.expect("it never stops").unwrap().unwrap();
        drop((half, stalled));
    }
}
