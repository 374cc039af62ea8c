//! The first pass of `cartage run`, alone and beside connections that try to hold it up.
//!
//! The connections are made by a process of their own, which may have as many descriptors as the system allows. On a small
//! machine it takes processor time from the pass, whatever the pass does, so its CPU is shown.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, ensure};
use sandbox::clerk::{Resource, StoreView};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    process::Command,
    time::{Instant, sleep, timeout},
};

use super::{
    job::{FIRST_PASS, Job},
    report::Pair,
};
use crate::output::{Exit, Failure, Output, cpu_seconds_of};

/// Hostile connections at once.
const CONNECTIONS: usize = 2_000;
/// A connection that was closed or refused is made again after this.
const AGAIN: Duration = Duration::from_millis(500);
/// How often the other process says how far it is.
const REPORTS: Duration = Duration::from_millis(500);
/// `EMFILE` of errno(3).
const TOO_MANY_FILES: i32 = 24;
/// So many requests are sent at once by those who never take the answers.
const PIPELINED: usize = 500;

/// How many connections there are.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Made {
    /// Open now.
    open: usize,
    /// Since the start.
    all: usize,
    /// That could not be made for lack of descriptors.
    lacking: usize,
}

/// Measures a pass alone, and one beside hostile connections. The stores of the emulators are full.
pub(super) async fn pair(job: &Job) -> anyhow::Result<Pair> {
    let stores = stores(job);
    let (alone_seconds, ..) = first_pass(job, &stores, 0).await?;
    let (beside_seconds, made, hostile_cpu_seconds) = first_pass(job, &stores, CONNECTIONS).await?;
    let pair = Pair {
        shape: job.shape().name(),
        products: job.products,
        alone_seconds,
        beside_seconds,
        connections: CONNECTIONS,
        connections_open: made.open,
        connections_made: made.all,
        hostile_cpu_seconds,
    };
    job.output.line(pair.line())?;
    if made.lacking > 0 {
        job.output.line(format!("there were fewer hostile connections than {CONNECTIONS}: see `ulimit -Hn`"))?;
    }
    Ok(pair)
}

/// A store that is to be filled, with its numbers of products and categories.
pub(super) type Full = (StoreView, [usize; 2]);

pub(super) fn stores(job: &Job) -> Vec<Full> {
    let views = job.world.markets.iter().filter_map(|market| job.world.clerk.store(&market.key));
    views.map(|store| (store.clone(), counts(&store))).collect()
}

fn counts(store: &StoreView) -> [usize; 2] {
    [Resource::Products, Resource::Categories].map(|resource| store.count(resource))
}

/// Seconds until empty stores are full, with the largest number of hostile connections and their CPU.
pub(super) async fn first_pass(job: &Job, stores: &[Full], connections: usize) -> anyhow::Result<(f64, Made, f64)> {
    for (store, _) in stores {
        store.clear();
    }
    job.empty()?;
    let (file, address) = configuration(&job.folder)?;
    let mut hostile = if connections > 0 { Some(Hostile::start(address, connections)?) } else { None };
    let began = Instant::now();
    let mut run = Command::new(std::env::current_exe()?)
        .arg("--config")
        .arg(file)
        .arg("run")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .context("cartage run can't be started")?;
    let filled = timeout(FIRST_PASS, async {
        while stores.iter().any(|(store, full)| counts(store) != *full) {
            ensure!(run.try_wait()?.is_none(), "cartage run has ended");
            sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    });
    filled.await.context("cartage run did not get through its first pass")??;
    let seconds = began.elapsed().as_secs_f64();
    let (made, cpu) = match &mut hostile {
        Some(hostile) => hostile.end().await?,
        None => (Made::default(), 0.0),
    };
    run.kill().await?;
    Ok((seconds, made, cpu))
}

/// The job's configuration with a fixed port, and its address.
fn configuration(folder: &Path) -> anyhow::Result<(PathBuf, SocketAddr)> {
    const FREE: &str = "127.0.0.1:0";
    let address = TcpListener::bind(FREE)?.local_addr()?;
    let text = fs::read_to_string(folder.join("cartage.toml"))?;
    ensure!(text.contains(FREE), "the configuration takes no free port");
    let file = folder.join("hostile.toml");
    fs::write(&file, text.replace(FREE, &address.to_string()))?;
    Ok((file, address))
}

/// The process that makes hostile connections.
struct Hostile {
    child: tokio::process::Child,
    most: tokio::task::JoinHandle<Made>,
}

impl Hostile {
    fn start(address: SocketAddr, connections: usize) -> anyhow::Result<Self> {
        // A shell can raise the limit of descriptors.
        let mut child = Command::new("sh")
            .args(["-c", "ulimit -n \"$(ulimit -Hn)\" 2>/dev/null; exec \"$0\" \"$@\""])
            .arg(std::env::current_exe()?)
            .args(["bench-hostile", &address.to_string(), &connections.to_string()])
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("the hostile connections can't be started")?;
        let out = child.stdout.take().context("the hostile connections say nothing")?;
        let most = tokio::spawn(async move {
            let (mut lines, mut most) = (BufReader::new(out).lines(), Made::default());
            while let Ok(Some(line)) = lines.next_line().await {
                let now: Made = serde_json::from_str(&line).unwrap_or_default();
                most = Made { open: most.open.max(now.open), ..now };
            }
            most
        });
        Ok(Self { child, most })
    }

    /// Ends it: the most connections at once and all of them, and its CPU.
    async fn end(&mut self) -> anyhow::Result<(Made, f64)> {
        let cpu = self.child.id().map_or(0.0, |pid| cpu_seconds_of(&pid.to_string()));
        self.child.kill().await?;
        Ok(((&mut self.most).await?, cpu))
    }
}

/// Makes so many hostile connections, again and again, and says how many there are, until the process is ended.
pub(in super::super) async fn run(address: SocketAddr, connections: usize) -> Result<Exit, Failure> {
    let counter = || Arc::new(AtomicUsize::new(0));
    let (open, all, lacking) = (counter(), counter(), counter());
    for number in 0..connections {
        let (open, all, lacking) = (Arc::clone(&open), Arc::clone(&all), Arc::clone(&lacking));
        tokio::spawn(async move {
            let mut round = 0;
            loop {
                match TcpStream::connect(address).await {
                    Ok(stream) => {
                        open.fetch_add(1, Ordering::Relaxed);
                        all.fetch_add(1, Ordering::Relaxed);
                        // However it ends, it is made again.
                        let _ended = bother(stream, number, round).await;
                        open.fetch_sub(1, Ordering::Relaxed);
                    }
                    Err(error) if error.raw_os_error() == Some(TOO_MANY_FILES) => {
                        lacking.fetch_add(1, Ordering::Relaxed);
                    }
                    Err(_) => {}
                }
                round += 1;
                sleep(AGAIN).await;
            }
        });
    }
    let output = Output::new(false);
    loop {
        sleep(REPORTS).await;
        let [open, all, lacking] = [&open, &all, &lacking].map(|counter| counter.load(Ordering::Relaxed));
        let made = Made { open, all, lacking };
        output.line(serde_json::to_string(&made).context("numbers are JSON")?)?;
    }
}

/// A third each sends half a request, asks for a feed with a token of its own making, or takes no answers.
async fn bother(mut stream: TcpStream, number: usize, round: usize) -> std::io::Result<()> {
    let mut sink = [0; 1024];
    match number % 3 {
        0 => {
            stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\nx-half: ").await?;
            while stream.read(&mut sink).await? > 0 {}
        }
        1 => {
            let token = format!("eyJhbGciOiJIUzI1NiJ9.{number}x{round}.c2lnbmF0dXJl");
            let request = format!(
                "GET /feed/clerk-de/products HTTP/1.1\r\nhost: x\r\nx-clerk-authorization: Bearer {token}\r\nconnection: \
                 close\r\n\r\n"
            );
            stream.write_all(request.as_bytes()).await?;
            while stream.read(&mut sink).await? > 0 {}
        }
        _ => {
            stream.write_all("GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n".repeat(PIPELINED).as_bytes()).await?;
            while stream.read(&mut sink[..1]).await? > 0 {
                sleep(Duration::from_secs(1)).await;
            }
        }
    }
    Ok(())
}
