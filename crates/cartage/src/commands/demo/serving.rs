//! Serves emulators on loopback, and writes the secrets of a configuration that reaches them.

use std::{
    fs,
    io::{self, Write as _},
    net::SocketAddr,
    path::Path,
    time::Duration,
};

use anyhow::Context as _;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

/// What is served, until it is stopped.
pub(super) struct Serving {
    stop: watch::Sender<bool>,
    servers: Vec<JoinHandle<io::Result<()>>>,
}

impl Serving {
    pub(super) fn new() -> Self {
        Self { stop: watch::channel(false).0, servers: Vec::new() }
    }

    /// Serves a router on loopback; returns where.
    pub(super) async fn serve(
        &mut self,
        router: sandbox::serve::Router,
        address: SocketAddr,
    ) -> anyhow::Result<String> {
        anyhow::ensure!(address.ip().is_loopback(), "{address} is not loopback; emulators listen on loopback only");
        let listener = TcpListener::bind(address).await.with_context(|| {
            format!("{address} can't be listened on; is another sandbox running? name another port, or port 0")
        })?;
        let url = format!("http://{}", listener.local_addr()?);
        let mut stopped = self.stop.subscribe();
        let shutdown = async move {
            let _stopped = stopped.wait_for(|stopped| *stopped).await.is_ok();
        };
        self.servers.push(tokio::spawn(sandbox::serve::serve(router, listener, shutdown)));
        Ok(url)
    }

    pub(super) async fn stop(self) {
        self.stop.send_replace(true);
        for server in self.servers {
            let _ended = tokio::time::timeout(Duration::from_secs(5), server).await;
        }
    }
}

/// Writes a file that only its owner may read.
pub(super) fn private(path: &Path, text: &str) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}
