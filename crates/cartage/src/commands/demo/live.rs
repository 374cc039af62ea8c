//! `cartage demo`: a whole shop on this machine, kept in sync while it changes.

use std::{
    collections::BTreeMap,
    io::IsTerminal as _,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use contract::{Fault, FaultClass};
use engine::{
    Event, Observer,
    run::{Engine, SyncOptions},
    verify::verify,
};
use model::Timestamp;
use serde::Serialize;
use store::Scratch;
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
};

use super::{
    super::{Session, clock, control, load, run as serving, status, sync, until_interrupted_twice},
    args::{DemoArgs, Service},
    chaos,
    people::{self, Both},
    reads::Reads,
    services::FEED_PASSWORD,
    story::{Delays, Following, Heard, Shows, Story},
    words::Paint,
    world::{Listen, World},
};
use crate::{
    assemble,
    commands::status::FlowStatus,
    config::Loaded,
    measure,
    output::{Exit, Failure, Output},
    progress::{Progress, Show, brief},
    telemetry,
};

/// How often the demo looks for changes; a real shop's cadence is adaptive.
const CADENCE: Duration = Duration::from_secs(1);
/// How often it reads lanes that are read as a whole every time.
const CADENCE_OF_WHOLE_LANES: Duration = Duration::from_secs(2);
/// The same where there are more products than this: such lanes are then long.
const MANY_PRODUCTS: usize = 2_000;
const CADENCE_OF_LONG_LANES: Duration = Duration::from_secs(15);
/// Events that wait to be told; more are counted only.
const WAITING: usize = 1_000;
/// How long a pass waits for retries.
const PATIENCE: Duration = Duration::from_mins(1);

/// What the demo showed while its shop was open, and what reading everything back gave.
#[derive(Debug, Default, Serialize, schemars::JsonSchema)]
pub(crate) struct Shown {
    /// Changes of the shop.
    pub changes: u64,
    /// Those of them that had nothing to send.
    pub without_effect: u64,
    /// Those of them that came too fast, or arrived too late, to be followed.
    pub not_followed: u64,
    /// Calls to destinations.
    pub calls: u64,
    /// Those of them that failed and were made again.
    pub failed_calls: u64,
    /// Calls to shop and destinations that met a fault on purpose, by what it was.
    pub faults: BTreeMap<String, u64>,
    /// Times at which a destination acknowledged a change that was followed.
    pub acknowledged: u64,
    /// The median of the time from a change to its acknowledgement, to the next tenth of a second.
    pub median_seconds: Option<f64>,
    /// The time that 99 of 100 acknowledgements did not exceed.
    pub p99_seconds: Option<f64>,
    /// Records that reading changes had missed: found when the whole shop was read at the end.
    pub missed: u64,
    /// Items that the destinations should hold.
    pub expected: u64,
    /// Those of them that they hold as the shop says.
    pub right: u64,
    /// Items that destinations acknowledged and that they let nobody read back.
    pub unreadable: u64,
    /// The last three figures for each service, by its name.
    pub services: BTreeMap<&'static str, Verified>,
    /// How the flows stand.
    pub flows: Vec<FlowStatus>,
}

/// What reading a service back gave.
#[derive(Clone, Copy, Debug, Default, Serialize, schemars::JsonSchema)]
pub(crate) struct Verified {
    /// Items that it should hold and that it lets be read back.
    pub expected: u64,
    /// Those of them that it holds as the shop says.
    pub right: u64,
    /// Items that it acknowledged and that it lets nobody read back.
    pub unreadable: u64,
    /// Customers and orders, compared beside what the service lets be read back; none: it gets none.
    pub people: Option<Both>,
}

pub(super) async fn run(args: &DemoArgs, output: Output<'static>) -> Result<Exit, Failure> {
    Scratch::delete_abandoned();
    let scratch = Scratch::new()?;
    let stop = until_stopped(scratch.path())?;
    let mut world = World::start_on(args.from, &args.shop, &args.to, Listen::default()).await?;
    // A return of which nobody knows whether a call for it arrived is held for a person, and here is none.
    world.add_people(!args.chaos)?;
    let file = scratch.path().join("cartage.toml");
    world.configure(&file, "")?;
    greet(&world, output)?;
    let mut loaded = load(&file)?;
    let parts = assemble::parts(&loaded)?;
    if !args.once {
        hurry(&mut loaded, &parts, world.products);
    }
    let (tells, heard) = mpsc::channel(WAITING);
    let show = if output.is_watched() { Show::Bars } else { Show::Nothing };
    let lanes = parts.sources.values().flat_map(|source| source.lanes()).map(|lane| lane.name.to_string());
    let watcher = Arc::new(Watcher::new(show, tells, Reads::new(lanes)));
    let observer = Arc::<Watcher>::clone(&watcher);
    let engine = assemble::engine_of(&loaded, parts, assemble::open(&loaded)?, clock(), observer, false);
    engine.register().await?;
    let (ending, end) = watch::channel(false);
    let feeds = if world.to.contains(&Service::Merchant) {
        Some(serve_feeds(&loaded, &engine, end.clone()).await?)
    } else {
        None
    };
    if !args.once {
        invite(&world, &file, feeds, output)?;
    }
    // Commands of a second terminal that need the database for writing are carried out here, as by `cartage run`. The
    // configuration stays as it is: nobody receives what asks for another.
    let session = Session::running(&Arc::new(loaded), &engine, end.clone());
    let control = control::serve(session, mpsc::channel(1).0, until(end));
    let demo = Demo { args, engine, watcher, output };
    let done = demo.carry_out(world, heard, &stop).await;
    ending.send_replace(true);
    control.await;
    done
}

/// Turns true at the first interrupt, termination or loss of the terminal; a second one ends the process at once. Either way
/// the folder is deleted.
fn until_stopped(folder: &Path) -> Result<watch::Receiver<bool>, Failure> {
    let folder: PathBuf = folder.to_owned();
    let mut stopped = until_interrupted_twice(move || drop(std::fs::remove_dir_all(folder)));
    let (stop, told) = watch::channel(false);
    #[cfg(unix)]
    let mut hangups = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup())?;
    tokio::spawn(async move {
        #[cfg(unix)]
        tokio::select! {
            _ = stopped.wait_for(|stopped| *stopped) => {}
            _ = hangups.recv() => {}
        }
        #[cfg(not(unix))]
        let _stopped = stopped.wait_for(|stopped| *stopped).await.is_ok();
        stop.send_replace(true);
    });
    Ok(told)
}

async fn until(mut end: watch::Receiver<bool>) {
    let _ended = end.wait_for(|end| *end).await.is_ok();
}

/// Which shop is sold where.
fn greet(world: &World, output: Output<'_>) -> Result<(), Failure> {
    let platform = world.on.platform().descriptor().title;
    let people = world.people.map(|(customers, orders)| format!(", {customers} customers, {orders} orders"));
    let (products, people) = (world.products, people.unwrap_or_default());
    output.line(format!("{platform:<13}  {}  ({products} products{people})", world.shop_url))?;
    for (service, address) in world.service_addresses() {
        output.line(format!("{:<13}  {address}", service.title()))?;
    }
    for skipped in world.skipped.iter().take(10) {
        output.line(format!("left out       {skipped}"))?;
    }
    Ok(())
}

/// Serves the merchant feeds, as `cartage run` does; returns where.
async fn serve_feeds(loaded: &Loaded, engine: &Engine, end: watch::Receiver<bool>) -> Result<SocketAddr, Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let edges = server::router(serving::served(loaded, engine, measure::install()?)?);
    tokio::spawn(server::serve(listener, edges, server::Limits::default(), until(end)));
    Ok(address)
}

/// The services by their names, as a sentence has them.
fn named(services: &[Service]) -> String {
    let titles: Vec<&str> = services.iter().map(|service| service.title()).collect();
    match titles.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}

/// Commands for a second terminal.
fn invite(world: &World, file: &Path, feeds: Option<SocketAddr>, output: Output<'_>) -> Result<(), Failure> {
    output.line("\nLook around in a second terminal for as long as this one runs:")?;
    let order = world.example_order.as_ref().map(|number| format!("explain {number} --reveal"));
    let commands = ["status".to_owned(), format!("explain {}", world.example), "plan".to_owned()];
    for command in commands.into_iter().chain(order) {
        output.line(format!("  {} -c {} {command}", program(), in_shell(&file.display().to_string())))?;
    }
    if let (Some(feeds), Some(market)) = (feeds, world.markets.first()) {
        let path = format!("feed/merchant-{}/products.xml", market.key);
        output.line(format!("  curl -u feed:{FEED_PASSWORD} http://{feeds}/{path}"))?;
    }
    output.line("")?;
    Ok(())
}

/// This program, as a shell finds it from any folder.
fn program() -> String {
    let named = std::env::args_os().next().map(PathBuf::from).unwrap_or_default();
    if named.parent().is_some_and(|folder| folder.as_os_str().is_empty()) && named.file_name().is_some() {
        return named.display().to_string();
    }
    let path = std::env::current_exe().unwrap_or(named);
    in_shell(&path.display().to_string())
}

/// A word for a shell, in quotes where it needs them.
fn in_shell(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '-' | '_' | '+' | ':');
    if word.chars().all(is_plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

/// Has every lane read often.
fn hurry(loaded: &mut Loaded, parts: &assemble::Parts, products: usize) {
    let whole = if products > MANY_PRODUCTS { CADENCE_OF_LONG_LANES } else { CADENCE_OF_WHOLE_LANES };
    for (name, settings) in &mut loaded.config.sources {
        for lane in parts.sources.get(name).into_iter().flat_map(|source| source.lanes()) {
            settings.cadence.insert(lane.name.to_string(), if lane.delta { CADENCE } else { whole });
        }
    }
}

struct Demo<'a> {
    args: &'a DemoArgs,
    engine: Arc<Engine>,
    watcher: Arc<Watcher>,
    output: Output<'static>,
}

impl Demo<'_> {
    async fn carry_out(
        &self,
        world: World,
        heard: mpsc::Receiver<Heard>,
        stop: &watch::Receiver<bool>,
    ) -> Result<Exit, Failure> {
        let report = self.pass(&self.watcher.progress, false, stop).await?;
        if self.args.once {
            self.output.document(&report)?;
        }
        let is_stopped = *stop.borrow();
        if self.args.once || !is_stopped {
            sync::show(&report, self.output)?;
        }
        if self.args.once || is_stopped {
            world.stop().await;
            return Ok(sync::exit(&report));
        }
        let shown = self.open(world, heard, stop).await?;
        self.output.document(&shown)?;
        let people_are_right = shown.services.values().filter_map(|it| it.people).all(|both| both.are_right());
        let is_right = shown.right == shown.expected && shown.missed == 0 && people_are_right;
        Ok(status::exit_of(&shown.flows).max(if is_right { Exit::Done } else { Exit::Left }))
    }

    async fn pass(
        &self,
        progress: &Progress,
        full: bool,
        stop: &watch::Receiver<bool>,
    ) -> Result<sync::Report, Failure> {
        let options = SyncOptions { full, flows: Vec::new(), patience: PATIENCE };
        sync::Pass { engine: &self.engine, progress }.carry_out(&options, stop).await
    }

    /// Keeps shop and stores going until it is to stop, then reads everything once more.
    async fn open(
        &self,
        mut world: World,
        heard: mpsc::Receiver<Heard>,
        stop: &watch::Receiver<bool>,
    ) -> Result<Shown, Failure> {
        let output = self.output;
        let closed = ending(stop.clone(), self.args.seconds.map(Duration::from_secs));
        let paint = Paint(telemetry::wants_colour(std::io::stdout().is_terminal()));
        let mut story = self.story(&world, paint, heard)?;
        let services = named(&world.to);
        output.line(format!(
            "\nThe shop is open. Below each change is what was sent for it, and how much later\n{services} had it.",
        ))?;
        if self.args.chaos {
            chaos::begin(&world)?;
            let told = format!("One call in four to {services} fails on purpose, and one in seven to the shop.");
            output.line(paint.yellow(&told))?;
        }
        output.line("Ctrl-C closes it.\n")?;
        self.watcher.is_open.store(true, Ordering::Relaxed);
        let (watcher, ids) = (Arc::clone(&self.watcher), world.ids());
        let living = world.live(self.args.rate, closed.clone(), move |edit| {
            watcher.changes.fetch_add(1, Ordering::Relaxed);
            watcher.tell(Heard::Edited { edit: edit.clone(), id: ids.of(edit), at: clock().now() });
        });
        let (ending, end) = watch::channel(false);
        let running = tokio::spawn({
            let engine = Arc::clone(&self.engine);
            async move { engine.run(&end).await }
        });
        story.tell(&closed).await?;
        output.line(
            "\nThe shop is closed. What is under way arrives; then the whole shop and every\n\
             item that can be read back are read once more. Ctrl-C again ends it at once.\n",
        )?;
        chaos::end(&world)?;
        if let Some(living) = living {
            living.await.context("the living shop ended")?;
        }
        story.finish().await?;
        ending.send_replace(true);
        running.await.context("the engine ended")??;
        let shown = self.shown(&world, &story).await?;
        tell(&shown, output, paint)?;
        world.stop().await;
        Ok(shown)
    }

    fn story(&self, world: &World, paint: Paint, heard: mpsc::Receiver<Heard>) -> Result<Story, Failure> {
        let pull = &self.engine.origins.first().context("the demo has a source")?.pull;
        let (source, lanes) = (pull.name.clone(), pull.source.lanes());
        let (now, mut following) = (clock().now(), Vec::new());
        let sale = world.sale.map(|sale| Timestamp::from_millis(sale.as_millisecond()));
        if let Some(sale) = sale.filter(|sale| *sale > now) {
            let what = "its sale in EUR begins, by the clock alone".to_owned();
            let about = (model::Kind::Product, world.example.as_str());
            let lanes = Shows::Price.lanes(&lanes);
            following.push(Following::new(about, None, lanes, sale, what).set_at(Timestamp::from_millis(0)));
        }
        Ok(Story {
            engine: Arc::clone(&self.engine),
            source,
            lanes,
            output: self.output,
            paint,
            heard,
            following,
            delays: Delays::default(),
            watcher: Arc::clone(&self.watcher),
            without_effect: 0,
            not_followed: 0,
        })
    }

    /// What was counted, and what the shop and the destinations say now.
    async fn shown(&self, world: &World, story: &Story) -> Result<Shown, Failure> {
        let counts = &self.watcher;
        let seconds = |percent| story.delays.percentile(percent).map(|delay| delay.as_secs_f64());
        let mut shown = Shown {
            changes: counts.changes.load(Ordering::Relaxed),
            without_effect: story.without_effect,
            not_followed: story.not_followed + counts.dropped.load(Ordering::Relaxed),
            calls: counts.calls.load(Ordering::Relaxed),
            failed_calls: counts.failed.load(Ordering::Relaxed),
            faults: chaos::met(world),
            acknowledged: story.delays.count(),
            median_seconds: seconds(50),
            p99_seconds: seconds(99),
            ..Shown::default()
        };
        // A second interrupt ends the process.
        let (_never, stop) = watch::channel(false);
        let quiet = Progress::new(Show::Nothing);
        self.pass(&quiet, false, &stop).await?;
        let whole = self.pass(&quiet, true, &stop).await?;
        shown.missed = whole.changed();
        shown.flows = whole.flows;
        for flow in &self.engine.flows {
            let verified = verify(flow, self.engine.store.as_ref(), self.engine.clock.as_ref(), false).await?;
            if let Some(fault) = verified.stopped {
                return Err(fault.into());
            }
            let of_service = shown.services.entry(flow.destination.descriptor().title).or_default();
            // People who can't be read back are compared below.
            let is_goods = verified.unreadable.iter().any(|kind| !kind.is_personal());
            let unreadable = if is_goods { verified.acknowledged } else { 0 };
            of_service.expected += verified.expected;
            of_service.right += verified.right;
            of_service.unreadable += unreadable;
            shown.expected += verified.expected;
            shown.right += verified.right;
            shown.unreadable += unreadable;
        }
        for (service, both) in people::compare(world) {
            shown.services.entry(service).or_default().people = Some(both);
        }
        Ok(shown)
    }
}

/// Turns true when interrupted, or when the time is up.
fn ending(mut interrupted: watch::Receiver<bool>, after: Option<Duration>) -> watch::Receiver<bool> {
    let Some(after) = after else { return interrupted };
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        tokio::select! {
            () = tokio::time::sleep(after) => {}
            _ = interrupted.wait_for(|stop| *stop) => {}
        }
        stop.send_replace(true);
    });
    stopped
}

/// The end of the story.
fn tell(shown: &Shown, output: Output<'_>, paint: Paint) -> Result<(), Failure> {
    output.line(status::flows_table(&shown.flows).trim_end())?;
    let Shown { changes, without_effect, not_followed, calls, failed_calls, .. } = shown;
    output.line(format!("\nchanges    {changes} in the shop, {without_effect} of them with nothing to send"))?;
    if *not_followed > 0 {
        output.line(format!("           {not_followed} of them came too fast or too late to be shown"))?;
    }
    let failed = if *failed_calls > 0 { format!(", {failed_calls} of them failed") } else { String::new() };
    let services: Vec<&str> = shown.services.keys().copied().collect();
    output.line(format!("calls      {calls} to {}{failed}", services.join(", ")))?;
    if !shown.faults.is_empty() {
        let faults: Vec<String> = shown.faults.iter().map(|(what, count)| format!("{count} {what}")).collect();
        output.line(format!("faults     {} on purpose:", shown.faults.values().sum::<u64>()))?;
        for faults in faults.chunks(3) {
            output.line(format!("           {}", faults.join(", ")))?;
        }
    }
    if let (Some(median), Some(p99)) = (shown.median_seconds, shown.p99_seconds) {
        output.line(format!("delay      {median:.1} s at the median, {p99:.1} s for 99 of 100"))?;
    }
    if shown.missed > 0 {
        output.line(paint.red(&format!("missed     {} records changed unnoticed", shown.missed)))?;
    }
    let mut head = "verified";
    for (service, Verified { expected, right, unreadable, people }) in &shown.services {
        if *expected > 0 || *unreadable == 0 {
            let verified = format!("{head:<9}  {right} of {expected} items at {service} are as the shop says");
            output.line(if right == expected { paint.green(&verified) } else { paint.red(&verified) })?;
            head = "";
        }
        if *unreadable > 0 {
            output.line(format!(
                "{head:<9}  {unreadable} items acknowledged by {service}, which lets none be read back"
            ))?;
            head = "";
        }
        if let Some(both) = people {
            let Both { customers, orders } = both;
            let compared = format!(
                "{head:<9}  {} of {} customers and {} of {} orders there, too",
                customers.right, customers.expected, orders.right, orders.expected
            );
            output.line(if both.are_right() { paint.green(&compared) } else { paint.red(&compared) })?;
            head = "";
        }
    }
    Ok(())
}

/// Shows the first pass as progress; while the shop is open, counts calls and passes on what fails.
pub(super) struct Watcher {
    progress: Progress,
    /// What was read of the shop.
    pub(super) reads: Reads,
    /// The shop is open, or was.
    is_open: AtomicBool,
    tells: mpsc::Sender<Heard>,
    changes: AtomicU64,
    /// Changes that found no place in the queue.
    dropped: AtomicU64,
    calls: AtomicU64,
    failed: AtomicU64,
}

impl Watcher {
    fn new(show: Show, tells: mpsc::Sender<Heard>, reads: Reads) -> Self {
        Self {
            progress: Progress::new(show),
            reads,
            is_open: AtomicBool::new(false),
            tells,
            changes: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            calls: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        }
    }

    fn tell(&self, heard: Heard) {
        if let Err(full) = self.tells.try_send(heard)
            && matches!(full.into_inner(), Heard::Edited { .. })
        {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn failed(&self, what: String) {
        self.tell(Heard::Failed { what, at: clock().now() });
    }
}

impl Observer for Watcher {
    fn notify(&self, event: &Event<'_>) {
        self.reads.note(event);
        if !self.is_open.load(Ordering::Relaxed) {
            self.progress.notify(event);
            return;
        }
        match event {
            Event::Call { flow, kind, op, items, status, took, fault } => {
                self.calls.fetch_add(1, Ordering::Relaxed);
                let Some(fault) = fault else { return };
                self.failed.fetch_add(1, Ordering::Relaxed);
                let answer = if *status == 0 { "no answer".to_owned() } else { format!("HTTP {status}") };
                let next = if fault.class == FaultClass::Record { "" } else { "; it is sent again" };
                self.failed(format!("{flow} {op} {items} {kind}: {answer} after {}{next}", brief(*took)));
            }
            Event::ReadFailed { source, lane, fault } => {
                self.failed(format!("{source} {lane}: {}; it is read again", short(fault)));
            }
            Event::Paused { flow, fault } => self.failed(format!("{flow} has stopped: {}", short(fault))),
            Event::Resumed { flow } => self.failed(format!("{flow} works again")),
            Event::StoreFailed { task, fault, .. } => self.failed(format!("{task}: {}", short(fault))),
            Event::WalkBegan { .. }
            | Event::Page { .. }
            | Event::WalkEnded { .. }
            | Event::SweepHeld { .. }
            | Event::Settled { .. }
            | Event::Dead { .. }
            | Event::Pushed { .. } => {}
        }
    }
}

/// Code and message of a fault.
fn short(fault: &Fault) -> String {
    format!("{} [{}]", fault.message, fault.code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_blanks_is_one_word_for_a_shell() {
        assert_eq!(in_shell("/tmp/cartage-1-0/cartage.toml"), "/tmp/cartage-1-0/cartage.toml");
        assert_eq!(in_shell("/tmp/my folder/it's"), r"'/tmp/my folder/it'\''s'");
    }
}
