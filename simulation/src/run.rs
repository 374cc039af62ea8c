//! One run: a hub that is killed repeatedly while its shop changes, then the checks at the end.

use std::{
    convert::Infallible,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, anyhow};
use cartage::commands::run::receivers;
use model::FlowName;
use sandbox::{fault::FaultPlan, shop::Edit};
use tokio::{
    runtime::{Builder, Handle, RngSeed},
    sync::watch,
    time::Instant,
};

use crate::{
    check::Checks,
    clock::SimClock,
    end,
    executor::Inline,
    hooks::{self, Way},
    hub::{Around, Doubts, Hub},
    log::Log,
    mutant::Mutant,
    network::{Network, Watch, Weather},
    probe::Probe,
    scenario::{Plan, Scenario, Subject},
    seed::{Draws as _, child},
    shop,
    steps::Steps,
    world::{Setting, World, host_of},
};

/// Identifies a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order {
    pub(crate) seed: u64,
    pub(crate) scenario: Scenario,
    pub(crate) mutant: Option<Mutant>,
    pub(crate) trace: bool,
}

impl Order {
    /// The command that runs it again.
    pub(crate) fn replay(&self) -> String {
        let mutant = self.mutant.map(|it| format!(" --mutant {}", it.name())).unwrap_or_default();
        format!("cargo xtask simulate --seed {} --scenario {}{mutant} --trace", self.seed, self.scenario.name())
    }
}

/// Counts of a run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Done {
    pub(crate) crashes: u64,
    pub(crate) steps: u64,
    pub(crate) calls: u64,
    pub(crate) edits: u64,
    pub(crate) simulated: Duration,
}

impl Done {
    pub(crate) fn add(&mut self, other: &Self) {
        self.crashes += other.crashes;
        self.steps += other.steps;
        self.calls += other.calls;
        self.edits += other.edits;
        self.simulated += other.simulated;
    }
}

/// Runs it to its end; the error names the broken promise.
pub(crate) fn run(order: &Order) -> Result<Done, String> {
    let mut builder = Builder::new_current_thread();
    builder.enable_time().start_paused(true).rng_seed(RngSeed::from_bytes(&order.seed.to_le_bytes()));
    let runtime = builder.build().map_err(|error| format!("no runtime: {error}"))?;
    runtime.block_on(Run::begin(order)).map_err(|error| format!("{error:#}"))
}

struct Run<'a> {
    order: &'a Order,
    plan: Plan,
    world: World,
    /// The time of shop and stores.
    clock: Arc<SimClock>,
    /// The time of the hub, which may be set wrong.
    hub_clock: Arc<SimClock>,
    steps: Arc<Steps>,
    probe: Arc<Probe>,
    checks: Arc<Checks>,
    network: Arc<Network>,
    folder: PathBuf,
    done: Done,
}

/// Number of pages of a database.
fn pages(database: &Path) -> u32 {
    let bytes = fs::metadata(database).map_or(0, |metadata| metadata.len());
    u32::try_from(bytes / 4096).unwrap_or(u32::MAX / 2)
}

/// A folder that is created empty and removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(order: &Order) -> anyhow::Result<Self> {
        let mutant = order.mutant.map_or("", Mutant::name);
        let name = format!("{}-{}-{mutant}", order.seed, order.scenario.name());
        let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/simulation/runs");
        let path = target.join(name);
        let _absent = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).with_context(|| format!("{} can't be made", path.display()))?;
        Ok(Self(path.canonicalize()?))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _stays = fs::remove_dir_all(&self.0);
    }
}

impl Run<'_> {
    async fn begin(order: &Order) -> anyhow::Result<Done> {
        let folder = Folder::new(order)?;
        let began = Instant::now();
        let (clock, hub_clock) = (SimClock::new(began), SimClock::new(began));
        let plan = Plan::draw(order.seed, order.scenario);
        let world = World::new(order.seed, order.scenario.platform, &plan, &clock)?;
        let log = Log::new(world.secrets(), Arc::clone(&clock), order.trace);
        let _logged = tracing::dispatcher::set_default(&log.dispatch());
        tracing::info!(seed = order.seed, ?plan, "a run begins");
        let steps = Steps::new();
        let probe = Arc::new(Probe::default());
        let flows = world.markets.iter().map(|market| FlowName::new(format!("clerk-{}", market.key))).collect();
        let checks = Checks::new(Arc::clone(&steps), Arc::clone(&clock), flows, plan.jump);
        let watch = Watch { steps: Arc::clone(&steps), probe: Arc::clone(&probe) };
        let network = Network::new(world.hosts(), child(order.seed, "network"), Some(watch), order.mutant);
        let mut run = Run {
            order,
            plan,
            world,
            clock,
            hub_clock,
            steps,
            probe,
            checks,
            network,
            folder: folder.0.clone(),
            done: Done::default(),
        };
        run.register_hooks().await?;
        run.live().await?;
        run.end().await?;
        if let Some(line) = log.leaked() {
            anyhow::bail!("a secret is logged: {line}");
        }
        let mut done = run.done;
        done.steps = run.steps.taken();
        done.calls = run.network.calls();
        done.simulated = began.elapsed();
        tracing::info!(?done, "the run has ended");
        Ok(done)
    }

    fn database(&self) -> PathBuf {
        self.folder.join("hub.db")
    }

    /// Pages that the database of this life may still grow by.
    fn room_on_disk(&self) -> Option<u32> {
        let (_, room) = self.plan.full_disk.filter(|(crashes, _)| *crashes == self.done.crashes)?;
        u32::try_from(room).ok()
    }

    async fn start(&self, setting: Setting, allow_deletes: bool) -> anyhow::Result<(Hub, PathBuf)> {
        let config = self.world.configure(&self.folder, &self.plan, setting, self.order.mutant)?;
        let executor = Inline {
            random: child(self.order.seed, &format!("store/{}", self.done.crashes)),
            steps: Arc::clone(&self.steps),
            checks: Arc::clone(&self.checks),
        };
        let random = child(self.order.seed, &format!("jitter/{}", self.done.crashes));
        let database = self.database();
        let most_pages = self.room_on_disk().map(|room| pages(&database) + room);
        let around = Around {
            executor: Arc::new(executor),
            clock: self.hub_clock.clone(),
            transport: self.network.clone(),
            random,
            allow_deletes,
            observer: Arc::new(Doubts { probe: Arc::clone(&self.probe) }),
            most_pages,
        };
        let hub = Hub::start(&config, &database, around).await?;
        if self.order.mutant == Some(Mutant::StrayTask) {
            drop(tokio::spawn(std::future::pending::<()>()));
        }
        Ok((hub, config))
    }

    /// A person registers webhooks before the first start.
    async fn register_hooks(&self) -> anyhow::Result<()> {
        if self.plan.hooks.is_none() {
            return Ok(());
        }
        let config = self.world.configure(&self.folder, &self.plan, Setting::Usual, None)?;
        let network = Network::new(self.world.hosts(), child(self.order.seed, "registration"), None, None);
        let around = Around::calm(self.hub_clock.clone(), network);
        Hub::start(&config, &self.folder.join("registration.db"), around).await?.register_hooks().await
    }

    /// Carries the shop's webhooks to a hub for as long as it lives.
    async fn carry_hooks(&self, hub: &Hub, way: Way) -> Infallible {
        let Some((_, receiver)) = receivers(&hub.engine).pop_first() else { return std::future::pending().await };
        let random = child(self.order.seed, &format!("post/{}", self.done.crashes));
        hooks::carry(self.world.shop.as_ref(), &receiver, (way, random), &self.hub_clock).await
    }

    /// The disturbed part: edits, faults and crashes.
    async fn live(&mut self) -> anyhow::Result<()> {
        self.network.set(self.plan.weather.clone());
        self.world.shop_faults.set(self.plan.shop_faults.clone())?;
        self.world.clerk_faults.set(self.plan.clerk_faults.clone())?;
        let random = child(self.order.seed, "crashes");
        let ends = Instant::now() + self.plan.live_for;
        let mut events = Events::new(self, ends);
        loop {
            let (now, all) = (self.done.crashes, self.plan.crashes);
            let setting = match self.order.scenario.subject {
                Subject::Mapping if now >= all / 2 => Setting::OtherMapping,
                Subject::Mistake if now == all / 2 + 1 => Setting::WrongCurrency,
                _ => Setting::Usual,
            };
            // Before and during the wrong setting the hub is not killed: an event ends these lives.
            let long = self.order.scenario.subject == Subject::Mistake && (all / 2..all / 2 + 2).contains(&now);
            // Half of the lives may be killed from their beginning, the others some time later.
            let wait =
                if random.hits(500) { Duration::ZERO } else { self.plan.live_for.mul_f64(1.5) / all.max(1) as u32 };
            let wait = Duration::from_millis(random.below(1 + wait.as_millis() as u64));
            let steps = 1 + random.below(self.plan.steps_between * 2);
            let doom = (now < all && !long).then(|| (Instant::now() + wait, steps));
            self.steps.revive();
            let lived = self.one_life(setting, doom, &mut events, ends).await?;
            if let Some(broken) = self.steps.broken() {
                anyhow::bail!("{broken}");
            }
            if !lived {
                self.done.crashes += 1;
                continue;
            }
            return Ok(());
        }
    }

    /// One life of the hub; false where it was killed.
    async fn one_life(
        &self,
        setting: Setting,
        mut doom: Option<(Instant, u64)>,
        events: &mut Events,
        ends: Instant,
    ) -> anyhow::Result<bool> {
        let before = Handle::current().metrics().num_alive_tasks();
        let backup = self.folder.join("backup.db");
        if self.order.mutant == Some(Mutant::LostCommits) && self.database().exists() {
            fs::copy(self.database(), &backup)?;
        }
        if let Some(mutant) = self.order.mutant.filter(|_| self.done.crashes > 0) {
            mutant.damages(&self.database())?;
        }
        self.checks.look_at(None)?;
        let (stop, stopped) = watch::channel(false);
        let lived = {
            let life = async {
                let (hub, _) = self.start(setting, self.order.mutant == Some(Mutant::NoGuard)).await?;
                self.checks.look_at(Some(&self.database()))?;
                self.checks.after_restart(&self.probe, &self.world).await?;
                let ran = tokio::select! {
                    biased;
                    ran = hub.engine.run(&stopped) => ran,
                    never = self.carry_hooks(&hub, self.plan.hooks.unwrap_or_default()) => match never {},
                };
                ran.map_err(|fault| anyhow!("the hub gives up: {}: {fault}", fault.code))
            };
            tokio::pin!(life);
            loop {
                if let Some((_, steps)) = doom.take_if(|(from, _)| *from <= Instant::now()) {
                    self.steps.doom(steps, self.plan.dies_at);
                }
                let doomed = doom.map_or(ends, |(from, _)| from);
                let next = events.next_at().unwrap_or(ends).min(ends).min(doomed);
                tokio::select! {
                    biased;
                    () = self.steps.died() => break false,
                    ended = &mut life => match ended {
                        Ok(()) => break true,
                        // As an operator restarts it, once there is room on the disk again.
                        Err(error) if self.room_on_disk().is_some() && error.to_string().contains("C0104") => break false,
                        Err(error) => return Err(error),
                    },
                    () = tokio::time::sleep_until(next), if !*stop.borrow() => {
                        if Instant::now() >= ends {
                            // The last life ends as an operator ends it.
                            stop.send_replace(true);
                        } else if events.next_at().is_some_and(|at| at <= Instant::now()) {
                            events.carry_out(self);
                        }
                    }
                }
            }
        };
        self.checks.look_at(None)?;
        // Nothing of the hub remains once its tasks are dropped.
        for _ in 0..1000 {
            if Handle::current().metrics().num_alive_tasks() <= before {
                break;
            }
            tokio::task::yield_now().await;
        }
        let left = Handle::current().metrics().num_alive_tasks();
        anyhow::ensure!(left <= before, "{} tasks outlive their hub", left - before);
        if !lived && self.order.mutant == Some(Mutant::LostCommits) && backup.exists() {
            fs::copy(&backup, self.database())?;
        }
        Ok(lived)
    }

    /// The end: all disturbances are over, and everything must converge.
    async fn end(&mut self) -> anyhow::Result<()> {
        self.network.set(Weather { latency: (1, 5), ..Weather::default() });
        self.world.shop_faults.set(FaultPlan::default())?;
        self.world.clerk_faults.set(FaultPlan::default())?;
        self.world.shop.calm();
        for market in &self.world.markets {
            if let Some(store) = self.world.clerk.store(&market.key) {
                store.disable(false);
            }
        }
        self.steps.revive();
        let other = self.order.scenario.subject == Subject::Mapping;
        let setting = if other { Setting::OtherMapping } else { Setting::Usual };
        // An operator approves the held removals.
        self.probe.approve_removals();
        self.plan.full_disk = None;
        let (hub, config) = self.start(setting, true).await?;
        self.checks.look_at(Some(&self.database()))?;
        self.checks.after_restart(&self.probe, &self.world).await?;
        let checked = async {
            // What the shop's clock shows for the last edits must be behind the lag.
            tokio::time::sleep(Duration::from_mins(5)).await;
            let of = (&self.plan, self.order.mutant);
            end::check(&self.world, &hub, &config, &self.folder, &self.clock, of).await
        };
        tokio::select! {
            biased;
            () = self.steps.died() => {}
            checked = checked => checked?,
            never = self.carry_hooks(&hub, Way::default()) => match never {},
        }
        match self.steps.broken() {
            Some(broken) => Err(anyhow!("{broken}")),
            None => Ok(()),
        }
    }
}

/// An event in the emulated world.
#[derive(Debug)]
enum Event {
    Edit(Edit),
    /// This host can't be reached, or takes calls and never answers; `None`: all are there again.
    Hosts {
        away: bool,
        host: Option<String>,
    },
    Keys {
        market: String,
        refused: bool,
    },
    Tokens,
    /// The hub is killed.
    Kill,
    Jump(i64),
}

/// Events in order of time.
struct Events {
    next: Vec<(Instant, Event)>,
}

impl Events {
    fn new(run: &mut Run<'_>, ends: Instant) -> Self {
        let random = child(run.order.seed, "events");
        let span = u64::try_from(ends.saturating_duration_since(Instant::now()).as_millis()).unwrap_or(1);
        let at = |random: &contract::Random, from: u64, to: u64| {
            Instant::now() + Duration::from_millis(random.between(span * from / 100, span * to / 100))
        };
        let mut next: Vec<(Instant, Event)> = Vec::new();
        for _ in 0..run.plan.edits {
            if let Some(edit) = run.world.living.next() {
                next.push((at(&random, 2, 95), Event::Edit(edit)));
            }
        }
        let market = run.world.markets.get(usize::try_from(random.below(2)).unwrap_or_default());
        let market = market.map(|market| market.key.clone()).unwrap_or_default();
        match run.order.scenario.subject {
            subject @ (Subject::Outage | Subject::SourceOutage) => {
                let away = random.hits(500);
                let host = if subject == Subject::Outage { host_of(&market) } else { shop::HOST.to_owned() };
                next.push((at(&random, 0, 30), Event::Hosts { away, host: Some(host) }));
                next.push((at(&random, 60, 90), Event::Hosts { away, host: None }));
            }
            Subject::Credentials => {
                next.push((at(&random, 0, 30), Event::Keys { market: market.clone(), refused: true }));
                next.push((at(&random, 60, 90), Event::Keys { market, refused: false }));
                next.push((at(&random, 10, 90), Event::Tokens));
            }
            Subject::Deletes => {
                let keys = run.world.shop.product_keys();
                for key in keys.iter().step_by(7) {
                    next.push((at(&random, 5, 60), Event::Edit(Edit::Removed { product: key.clone() })));
                }
            }
            Subject::Mistake => {
                next.push((at(&random, 30, 45), Event::Kill));
                next.push((at(&random, 60, 75), Event::Kill));
            }
            _ => {}
        }
        if let Some(jump) = run.plan.jump {
            next.push((at(&random, 20, 80), Event::Jump(jump)));
        }
        next.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        run.done.edits = run.plan.edits;
        Self { next }
    }

    fn next_at(&self) -> Option<Instant> {
        self.next.last().map(|(at, _)| *at)
    }

    fn carry_out(&mut self, run: &Run<'_>) {
        let Some((_, event)) = self.next.pop() else { return };
        tracing::info!(?event, "something happens");
        match event {
            Event::Edit(edit) => {
                if let Err(error) = run.world.shop.edit(edit) {
                    tracing::debug!(error, "the shop refuses an edit");
                }
            }
            Event::Hosts { away, host } => {
                let mut weather = run.network.weather();
                weather.away.clear();
                weather.silent.clear();
                let hosts = if away { &mut weather.away } else { &mut weather.silent };
                hosts.extend(host);
                run.network.set(weather);
            }
            Event::Keys { market, refused } => {
                if let Some(store) = run.world.clerk.store(&market) {
                    store.disable(refused);
                }
            }
            Event::Kill => run.steps.kill(),
            Event::Tokens => run.world.shop.revoke_tokens(),
            Event::Jump(milliseconds) => {
                run.probe.forget_quiet();
                run.hub_clock.jump(milliseconds);
            }
        }
        if run.order.mutant == Some(Mutant::RealTime) {
            tracing::info!(now = ?std::time::SystemTime::now(), "the machine's time");
        }
    }
}
