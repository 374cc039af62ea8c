//! One shop with its emulators and configuration, and the processes that are measured on it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use sandbox::requests::Recorded;
use serde::{Deserialize, de::DeserializeOwned};
use tokio::{process::Command, time::sleep};

use super::{
    super::{
        args::ShopArgs,
        floor::Plan,
        world::{Listen, World},
    },
    report::{Cost, Figure, Memory},
};
use crate::output::{Output, cpu_seconds, cpu_seconds_of, resident_bytes_of};

/// The database of the job and what SQLite keeps beside it.
const DATABASE: [&str; 3] = ["sandbox.db", "sandbox.db-wal", "sandbox.db-shm"];
/// How long `run` may take for its first pass of [`BY_THE_HOUR`] products, or of fewer.
pub(super) const FIRST_PASS: Duration = Duration::from_hours(1);
/// See [`FIRST_PASS`].
const BY_THE_HOUR: usize = 100_000;
/// How often it is asked whether the first pass is through, at most.
const LOOK: Duration = Duration::from_secs(2);
/// How long `run` is watched once it has nothing to do.
const IDLE: Duration = Duration::from_mins(1);

/// What kind of shop, with how many markets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Uniform products with their stock inside, into one market.
    Light,
    /// The generated shop and its configuration, into two markets.
    Default,
}

impl Shape {
    pub(super) const ALL: [Self; 2] = [Self::Light, Self::Default];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Default => "default",
        }
    }

    /// The flows that are pushed; empty: all.
    const fn flows(self) -> &'static [&'static str] {
        match self {
            Self::Light => &["--flow", "clerk-de"],
            Self::Default => &[],
        }
    }
}

/// Emulators with a shop, and the configuration that reaches them.
pub(super) struct Job {
    pub(super) world: World,
    pub(super) folder: PathBuf,
    shape: Shape,
    pub(super) products: usize,
    pub(super) output: Output<'static>,
}

/// What `sync --json` reports.
#[derive(Deserialize)]
pub(super) struct Report {
    flows: Vec<Flow>,
    #[serde(flatten)]
    pub(super) cost: Cost,
}

/// A pass, and what the shop was asked meanwhile.
pub(super) struct Watched {
    pub(super) report: Report,
    /// CPU of the emulators.
    pub(super) sandbox_cpu_seconds: f64,
    pub(super) read: Recorded,
}

/// What `status --json` reports.
#[derive(Deserialize)]
struct Status {
    flows: Vec<Flow>,
}

#[derive(Deserialize)]
struct Flow {
    #[serde(rename = "flow")]
    name: String,
    mirror: u64,
    dead: u64,
    converged: bool,
}

impl Job {
    pub(super) async fn start(
        scratch: &Path,
        shape: Shape,
        products: usize,
        output: Output<'static>,
    ) -> anyhow::Result<Self> {
        let folder = scratch.join(format!("{}-{products}", shape.name()));
        fs::create_dir_all(&folder)?;
        let file = folder.join("cartage.toml");
        let shop = ShopArgs { products, data: None, uniform: shape == Shape::Light };
        let world = World::start(&shop, Listen::default()).await?;
        world.configure(&file, "\n[server]\nlisten = \"127.0.0.1:0\"\n")?;
        if shape == Shape::Light {
            let text = fs::read_to_string(&file)?;
            let text =
                text.replace("kind = \"commercetools\"\n", "kind = \"commercetools\"\nstock_from = \"products\"\n");
            let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("image = ")).collect();
            fs::write(&file, lines.join("\n"))?;
        }
        Ok(Self::of(world, folder, shape, products, output))
    }

    /// A shop whose configuration is written.
    pub(super) const fn of(
        world: World,
        folder: PathBuf,
        shape: Shape,
        products: usize,
        output: Output<'static>,
    ) -> Self {
        Self { world, folder, shape, products, output }
    }

    pub(super) const fn shape(&self) -> Shape {
        self.shape
    }

    /// Starts from nothing.
    pub(super) fn empty(&self) -> anyhow::Result<()> {
        for path in DATABASE.map(|name| self.folder.join(name)) {
            if path.exists() {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    /// One pass, after which every flow has converged.
    pub(super) async fn pass(&self) -> anyhow::Result<Report> {
        let report: Report = self.cartage(&[&["sync"], self.shape.flows()].concat()).await?;
        for Flow { name, mirror, dead, converged } in &report.flows {
            ensure!(*converged && *dead == 0, "{name} has not converged: {dead} dead of {mirror} records");
        }
        Ok(report)
    }

    /// One pass, with what the shop was asked meanwhile.
    pub(super) async fn watched(&self) -> anyhow::Result<Watched> {
        self.world.requests.start();
        let before = cpu_seconds();
        let report = self.pass().await?;
        Ok(Watched { report, sandbox_cpu_seconds: cpu_seconds() - before, read: self.world.requests.take() })
    }

    /// CPU seconds of receiving and parsing these pages, which a pass read that was let in by these headers.
    pub(super) async fn floor(
        &self,
        headers: impl IntoIterator<Item = (&'static str, String)>,
        pages: Vec<String>,
    ) -> anyhow::Result<f64> {
        let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let plan = Plan { platform: self.world.on.platform(), base: self.world.shop_url.clone(), headers, pages };
        let file = self.folder.join("pages.json");
        fs::write(&file, serde_json::to_string(&plan)?)?;
        let floor: Cost = self.cartage(&["bench-floor", &file.to_string_lossy()]).await?;
        Ok(floor.cpu_seconds)
    }

    /// One pass, and the floor of the pages that it read.
    pub(super) async fn sync(&self, step: &'static str, changes: Option<usize>) -> anyhow::Result<Figure> {
        let Watched { report, sandbox_cpu_seconds, read } = self.watched().await?;
        let figure = Figure {
            shape: self.shape.name(),
            step,
            products: self.products,
            markets: report.flows.len(),
            changes,
            cost: report.cost,
            sandbox_cpu_seconds,
            floor_cpu_seconds: self.floor([("authorization", read.authorization)], read.pages).await?,
        };
        self.output.line(figure.line())?;
        Ok(figure)
    }

    /// What `cartage run` holds once its first pass is through, and what it spends when nothing changes.
    pub(super) async fn run(&self) -> anyhow::Result<Memory> {
        let known: Vec<Flow> = self.cartage::<Status>(&["status"]).await?.flows;
        self.empty()?;
        let mut child =
            self.command(&["run"]).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).spawn()?;
        let pid = child.id().context("cartage run has ended")?.to_string();
        let hours = u32::try_from(self.products.div_ceil(BY_THE_HOUR).max(1)).unwrap_or(u32::MAX);
        let mut pause = LOOK;
        let waited = tokio::time::timeout(FIRST_PASS.saturating_mul(hours), async {
            loop {
                sleep(pause).await;
                ensure!(child.try_wait()?.is_none(), "cartage run has ended");
                let asked = tokio::time::Instant::now();
                // There is no database to look at yet, at first.
                let Ok(status) = self.cartage::<Status>(&["status"]).await else { continue };
                // Looking at a large shop takes a while, and must not slow what it looks at.
                pause = LOOK.max(asked.elapsed().saturating_mul(20));
                let whole = |now: &Flow| known.iter().any(|was| was.name == now.name && was.mirror == now.mirror);
                if status.flows.iter().all(|flow| flow.converged && whole(flow)) {
                    return Ok(());
                }
            }
        });
        waited.await.context("cartage run did not get through its first pass")??;
        let before = cpu_seconds_of(&pid);
        sleep(IDLE).await;
        let idle = cpu_seconds_of(&pid) - before;
        let (resident_bytes, peak_bytes) = resident_bytes_of(&pid);
        child.kill().await?;
        let memory = Memory {
            shape: self.shape.name(),
            products: self.products,
            resident_bytes,
            peak_bytes,
            idle_cpu_seconds_per_minute: idle * 60.0 / IDLE.as_secs_f64(),
        };
        self.output.line(memory.line())?;
        Ok(memory)
    }

    /// Runs this program as a process of its own and reads the JSON that it prints.
    pub(super) async fn cartage<T: DeserializeOwned>(&self, arguments: &[&str]) -> anyhow::Result<T> {
        let command = arguments.first().copied().unwrap_or_default();
        let mut process = self.command(arguments);
        if command == "status" {
            process.stderr(Stdio::null());
        }
        let ended = process.output().await.context("cartage can't be started")?;
        let printed = String::from_utf8_lossy(&ended.stdout);
        let status = ended.status;
        ensure!(status.success() || command == "status", "cartage {arguments:?} failed ({status}): {}", printed.trim());
        serde_json::from_slice(&ended.stdout).with_context(|| format!("cartage {command} printed no report"))
    }

    /// A command on the shop's configuration.
    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap_or_else(|_| PathBuf::from("cartage")));
        command.arg("--json").arg("--config").arg(self.folder.join("cartage.toml")).args(arguments);
        command.stderr(Stdio::inherit());
        command
    }
}
