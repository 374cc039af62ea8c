//! Exports: jobs of the instance whose archives several lanes read.
//!
//! A lane joins the export that is under way or was made last, unless it has read that one already; then it asks for a new
//! one. An export holds what the lane reads, and whatever else was never exported yet: so a first sync needs one job, and
//! later each kind of data has its own pace. The walk's position names the archive before its job is started, so that a
//! restart starts no second one: the job that runs is waited for, and the archive of that name is written anew. Only the
//! walks that had begun to read it read an export of an earlier process: the first read after a restart shows the shop as it
//! is then.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex as Guard, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use contract::{Digest, Fault, FaultClass};
use model::Timestamp;
use serde_json::{Map, Value, json};
use tokio::sync::Mutex;
use wire::{Progress, Retry, retry};

use super::{
    api,
    archive::Bounds,
    classify::{Refusal, Remedy},
    client::Api,
    config::{Config, Form},
    deltas::Last,
    map::{Settings, Shop},
    place::{About, Job, Unit},
    contents::Contents,
    unpack::unpack,
};

/// An export is joined while it is no older than this.
const FRESH: Duration = Duration::from_mins(30);
/// Name of the file that says that an export failed, in the folder of its rows.
const FAILED: &str = "failed";
/// What a lane began to read and did not end is kept this long.
const KEPT: Duration = Duration::from_hours(24);
/// Wait while a run of the job is under way that can't be ours.
const BUSY: Duration = Duration::from_secs(30);
/// An archive that arrives damaged this often in a row is exported anew.
const MOST_DAMAGED: usize = 3;
/// Sites asked for at once.
const SITES: &str = "200";

/// An archive that was taken apart, and the shop it describes.
#[derive(Debug)]
pub(super) struct Ready {
    /// Its rows.
    pub contents: Contents,
    /// What they are mapped with.
    pub shop: Shop,
    /// What it says of sites and metadata.
    pub about: About,
}

/// How far an export is.
pub(super) enum Step {
    /// It is not there before this time has passed.
    Wait(Job, Duration),
    /// Its rows are there.
    Ready(Arc<Ready>),
}

/// The exports of one instance.
#[derive(Debug)]
pub(super) struct Exports {
    config: Config,
    mapping: Settings,
    folder: PathBuf,
    known: Guard<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// In the order in which their jobs were started, whatever the clock said; last those that wait for that.
    exports: Vec<Arc<Export>>,
    /// Units that this process has exported or is exporting.
    units: BTreeSet<Unit>,
    /// Lanes that began to read each archive, and whether they have read it.
    read: BTreeMap<String, BTreeMap<String, bool>>,
    /// How many jobs were started.
    started: u64,
    /// What the export whose job was started last says of sites and metadata, and the number of its start.
    about: (u64, About),
}

#[derive(Debug)]
struct Export {
    job: Job,
    /// An earlier process started it.
    is_left: bool,
    /// Number of the start of its job, from 1; 0: it was not started.
    start: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    execution: Option<String>,
    /// When it was started: it may have waited for another run of the job.
    began: Option<Timestamp>,
    /// It may run already: an earlier process, or a call whose answer was lost, may have started it.
    may_run: bool,
    outcome: Outcome,
    /// While lanes read it.
    ready: Option<Arc<Ready>>,
    /// What it says of sites and metadata, once it was read.
    about: Option<About>,
    /// How often what arrived was no archive.
    damaged: usize,
    /// The job is told by parameters what to export.
    by_parameters: bool,
}

/// What became of an export.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Outcome {
    #[default]
    UnderWay,
    /// Its rows are on disk.
    There,
    Failed,
}

impl Known {
    /// The job of an export was started: what it shows is newer than what all others show that were started before.
    fn start(&mut self, export: &Arc<Export>) {
        self.exports.retain(|other| !Arc::ptr_eq(other, export));
        let last = self.exports.iter().filter(|other| other.start.load(Ordering::Relaxed) > 0).count();
        // Those of earlier processes have the first number.
        self.started = self.started.max(1) + 1;
        export.start.store(self.started, Ordering::Relaxed);
        self.exports.insert(last, Arc::clone(export));
    }

    /// What an export holds that is started for this data: that, and what was never exported.
    fn wanted(&self, unit: Unit) -> Vec<Unit> {
        Unit::ALL.into_iter().filter(|it| *it == unit || !self.units.contains(it)).collect()
    }

    /// An export says this of sites and metadata.
    fn tell(&mut self, start: u64, about: &About) {
        let (newest, known) = &mut self.about;
        if start >= *newest {
            *newest = start;
            *known = About { sites: about.sites, metadata: about.metadata.or(known.metadata) };
        }
    }
}

fn digest(said: &impl serde::Serialize) -> Result<Digest, Fault> {
    let written = serde_json::to_vec(said);
    let written = written.map_err(|error| Fault::protocol("C0207", format!("a digest can't be made: {error}")))?;
    Ok(Digest::of(&written))
}

impl Exports {
    /// Exports that are kept in this folder.
    pub(super) fn new(config: Config, folder: &Path) -> Self {
        Self { mapping: config.mapping(), config, folder: folder.to_owned(), known: Guard::default() }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The export that a lane reads from its beginning.
    ///
    /// `beside` are the sites, and the delta exports as they are before it is started: those of what [`Self::wanted`] names.
    pub(super) fn join(&self, api: &Api, lane: &str, unit: Unit, beside: (Vec<String>, Last)) -> Job {
        let now = api.environment().now();
        let (sites, last) = beside;
        let mut known = self.known();
        let is_met = |export: &Arc<Export>| {
            known.read.get(&export.job.archive).is_some_and(|lanes| lanes.contains_key(lane))
        };
        let is_fit = |export: &&Arc<Export>| {
            let is_of_no_use = export.state.try_lock().is_ok_and(|state| {
                let is_behind = state.about.is_some_and(|about| about.is_behind(unit, &known.about.1));
                is_behind || state.outcome == Outcome::Failed
            });
            // A delta export that has written another archive since tells of what is not in it.
            let is_told = last.get(&unit).is_none_or(|last| export.job.deltas.get(&unit) == last.as_ref());
            let is_fresh = export.job.began.until(now) <= FRESH;
            !export.is_left && export.job.units.contains(&unit) && !is_of_no_use && is_told && is_fresh
        };
        // A lane never goes back to what is older than what it has read.
        let met = known.exports.iter().rposition(is_met).map_or(0, |last| last + 1);
        let fit = known.exports.iter().skip(met).rev().find(is_fit).map(|export| export.job.clone());
        let job = fit.unwrap_or_else(|| {
            let name = format!("cartage-{}-{:08x}", now.millis(), api.random().draw() >> 32);
            let deltas = last.iter().filter_map(|(unit, last)| Some((*unit, (*last)?))).collect();
            Job { archive: name, execution: None, began: now, units: known.wanted(unit), sites, deltas }
        });
        known.read.entry(job.archive.clone()).or_default().insert(lane.to_owned(), false);
        self.adopt(&mut known, &job, false);
        drop(known);
        self.clear(&job);
        job
    }

    /// What an export holds that is started for this data.
    pub(super) fn wanted(&self, unit: Unit) -> Vec<Unit> {
        self.known().wanted(unit)
    }

    /// Whether sites or metadata, with which this data is mapped, were read otherwise since.
    pub(super) fn is_behind(&self, unit: Unit, about: &About) -> bool {
        about.is_behind(unit, &self.known().about.1)
    }

    /// The export of this job. One that is not known and was started was so by an earlier process.
    fn adopt(&self, known: &mut Known, job: &Job, may_run: bool) -> Arc<Export> {
        if let Some(export) = known.exports.iter().find(|export| export.job.archive == job.archive) {
            return Arc::clone(export);
        }
        let by_parameters = self.config.export.request == Form::Parameters;
        let state = State { execution: job.execution.clone(), may_run, by_parameters, ..State::default() };
        let is_left = job.execution.is_some();
        let start = AtomicU64::new(u64::from(is_left));
        let export = Arc::new(Export { job: job.clone(), is_left, start, state: Mutex::new(state) });
        if is_left {
            known.exports.insert(0, Arc::clone(&export));
        } else {
            known.units.extend(&job.units);
            known.exports.push(Arc::clone(&export));
        }
        export
    }

    /// Whether another export of ours is under way: it ends soon, and its looks show when.
    fn is_running_another(&self, job: &Job) -> bool {
        let is_under_way = |export: &Arc<Export>| {
            // Whoever holds it looks at it or fetches it just now.
            export.state.try_lock().map_or(true, |it| it.execution.is_some() && it.outcome == Outcome::UnderWay)
        };
        self.known().exports.iter().any(|export| export.job.archive != job.archive && is_under_way(export))
    }

    /// A lane has read all of an archive. Where its rows are is kept in memory while lanes read them; afterwards a lane that
    /// joins finds it on disk.
    pub(super) fn done(&self, lane: &str, job: &Job) {
        let mut known = self.known();
        let lanes = known.read.entry(job.archive.clone()).or_default();
        lanes.insert(lane.to_owned(), true);
        if lanes.values().all(|ended| *ended)
            && let Some(export) = known.exports.iter().find(|export| export.job.archive == job.archive)
            && let Ok(mut state) = export.state.try_lock()
        {
            state.ready = None;
        }
    }

    /// Deletes what no lane reads any longer.
    fn clear(&self, current: &Job) {
        let mut known = self.known();
        let is_read = |known: &Known, export: &Export| {
            let lanes = known.read.get(&export.job.archive);
            let all = lanes.is_some_and(|lanes| lanes.values().all(|ended| *ended));
            // Others may still join it.
            (all && export.job.began.until(current.began) > FRESH) || export.job.began.until(current.began) > KEPT
        };
        let done: BTreeSet<String> = known
            .exports
            .iter()
            .filter(|export| export.job.archive != current.archive && is_read(&known, export))
            .map(|export| export.job.archive.clone())
            .collect();
        known.exports.retain(|export| !done.contains(&export.job.archive));
        known.read.retain(|archive, _| !done.contains(archive));
        let mut gone: Vec<PathBuf> = done.iter().map(|archive| self.folder.join(archive)).collect();
        // Of an earlier run, and never asked for since.
        let listed = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        gone.extend(listed.map(|entry| entry.path()).filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let began = name.strip_prefix("cartage-").and_then(|it| it.split('-').next()?.parse::<i64>().ok());
            let is_known = known.exports.iter().any(|export| export.job.archive == name);
            let kept = i64::try_from(KEPT.as_millis()).unwrap_or(i64::MAX);
            !is_known && began.is_some_and(|began| current.began.millis().saturating_sub(began) > kept)
        }));
        drop(known);
        for folder in gone {
            if let Err(error) = fs::remove_dir_all(&folder)
                && error.kind() != std::io::ErrorKind::NotFound
            {
                tracing::warn!(folder = %folder.display(), %error, "an export that was read can't be deleted");
            }
        }
    }

    /// Moves an export on by one step: starts its job, looks at it, or fetches its archive.
    ///
    /// # Errors
    /// The fault that remains after all attempts; `C0222`: the job failed; `C0216`: it failed before, so the walk has to
    /// begin anew.
    pub(super) async fn advance(&self, api: &Api, attempts: Retry, job: &Job) -> Result<Step, Fault> {
        // One that this process does not know may have been started by an earlier one.
        let export = self.adopt(&mut self.known(), job, true);
        let mut state = export.state.lock().await;
        if let Some(ready) = &state.ready {
            return Ok(Step::Ready(Arc::clone(ready)));
        }
        let folder = self.folder.join(&job.archive);
        if state.outcome == Outcome::Failed || folder.join(FAILED).exists() {
            state.outcome = Outcome::Failed;
            return Err(Fault::config("C0216", format!("the export {} failed", job.archive)));
        }
        if let Some(contents) = Contents::open(&folder) {
            let ready = self.ready(&export, &mut state, contents)?;
            // The process that took it apart ended before it could delete the archive.
            if folder.join(PROGRESS).exists() {
                discard(api, job, &folder).await;
            }
            return Ok(Step::Ready(ready));
        }
        let poll = Duration::from_secs(self.config.export.poll_seconds.into());
        // A page that is read again is the same: a place that knows of no execution is told of it.
        let Some(execution) = job.execution.clone() else {
            if state.execution.is_none() {
                let now = api.environment().now();
                state.execution = self.start(api, attempts, job, &mut state).await?;
                state.began = state.execution.as_ref().map(|_| now);
                if state.execution.is_some() {
                    self.known().start(&export);
                }
            }
            let began = state.began.unwrap_or(job.began);
            let job = Job { execution: state.execution.clone(), began, ..job.clone() };
            let is_soon = job.execution.is_some() || state.may_run || self.is_running_another(&job);
            let wait = if is_soon { poll } else { BUSY };
            return Ok(Step::Wait(job, wait));
        };
        state.execution.get_or_insert_with(|| execution.clone());
        match self.look(api, attempts, &execution).await {
            Ok(true) => {}
            Ok(false) => {
                let longest = Duration::from_secs(60 * u64::from(self.config.export.longest_minutes));
                if job.began.until(api.environment().now()) <= longest {
                    return Ok(Step::Wait(job.clone(), poll));
                }
                self.fail(&mut state, job);
                let message = format!("the export {} did not end within {} minutes", job.archive, longest.as_secs() / 60);
                return Err(Fault::transient("C0222", message).hint(HINT));
            }
            Err(fault) => {
                if fault.code == "C0222" || fault.code == "C0204" {
                    self.fail(&mut state, job);
                }
                return Err(fault);
            }
        }
        match self.fetch(api, attempts, job, &folder).await {
            Ok(contents) => {
                let ready = self.ready(&export, &mut state, contents)?;
                discard(api, job, &folder).await;
                Ok(Step::Ready(ready))
            }
            Err(fault) => {
                // One that arrives damaged may have been so on its way only; one that is gone or too large stays so.
                state.damaged += usize::from(fault.code == "C0220");
                if fault.code == "C0222" || fault.class == FaultClass::Config || state.damaged >= MOST_DAMAGED {
                    self.fail(&mut state, job);
                }
                Err(fault)
            }
        }
    }

    /// An export that can't be read. A later process that goes on at its place has to know that, or it would look at the
    /// same job for ever.
    fn fail(&self, state: &mut State, job: &Job) {
        state.outcome = Outcome::Failed;
        let folder = self.folder.join(&job.archive);
        let noted = fs::create_dir_all(&folder).and_then(|()| fs::write(folder.join(FAILED), []));
        if let Err(error) = noted {
            tracing::warn!(folder = %folder.display(), %error, "a failed export can't be noted on disk");
        }
    }

    fn ready(&self, export: &Export, state: &mut State, contents: Contents) -> Result<Arc<Ready>, Fault> {
        let facts = &contents.facts;
        let is_with_metadata = export.job.units.contains(&Unit::Catalogs);
        let about = About {
            sites: Some(digest(&(&facts.sites, &self.mapping))?),
            metadata: is_with_metadata.then(|| digest(&facts.attributes)).transpose()?,
        };
        self.known().tell(export.start.load(Ordering::Relaxed), &about);
        let shop = Shop::new(facts.clone(), &self.mapping);
        let ready = Arc::new(Ready { contents, shop, about });
        (state.outcome, state.ready, state.about) = (Outcome::There, Some(Arc::clone(&ready)), Some(about));
        Ok(ready)
    }

    /// Starts the job; `None`: another run of it is under way.
    async fn start(&self, api: &Api, attempts: Retry, job: &Job, state: &mut State) -> Result<Option<String>, Fault> {
        let units = self.units(job);
        let name = file(job);
        let path = ["jobs", self.config.export.job.as_str(), "executions"];
        loop {
            let body = if state.by_parameters {
                let units = units.to_string();
                let value = |name, value| api::Parameter { name, value };
                let parameters = [value("ExportFile", name.as_str()), value("DataUnits", units.as_str())];
                serde_json::to_string(&api::Parameters { parameters })
            } else {
                serde_json::to_string(&api::Properties { export_file: &name, data_units: &units })
            };
            let body = body.map_err(|error| Fault::protocol("C0207", format!("a request can't be written: {error}")))?;
            // Starting twice is refused while the first run is under way, and writes the same archive after that.
            let refused = Guard::new((Remedy::None, false));
            let started = retry(attempts, api.random(), |_| async {
                let answer = api.post::<api::Execution>(&path, body.clone(), JOBS).await;
                answer.map_err(|refusal| {
                    let mut refused = refused.lock().unwrap_or_else(PoisonError::into_inner);
                    let may_run = refusal.remedy == Remedy::None && refusal.fault.class.is_passing();
                    *refused = (refusal.remedy, refused.1 || may_run);
                    drop(refused);
                    waiting(refusal)
                })
            });
            let started = started.await;
            let (remedy, may_run) = *refused.lock().unwrap_or_else(PoisonError::into_inner);
            state.may_run |= may_run;
            match started {
                Ok(execution) => {
                    state.execution = Some(execution.id.clone());
                    return Ok(Some(execution.id));
                }
                Err(_) if remedy == Remedy::Running => return Ok(None),
                Err(_) if remedy == Remedy::Parameters && self.config.export.request == Form::Auto && !state.by_parameters => {
                    state.by_parameters = true;
                }
                Err(fault) if remedy == Remedy::Missing => {
                    let hint = format!("check export.job: there is no job {} here; {JOBS}", self.config.export.job);
                    return Err(fault.hint(hint));
                }
                Err(fault) => return Err(fault),
            }
        }
    }

    /// What the job exports.
    fn units(&self, job: &Job) -> Value {
        let all = |names: Option<&Vec<String>>| match names {
            None => json!({ "all": true }),
            Some(names) => Value::Object(names.iter().map(|name| (name.clone(), Value::Bool(true))).collect()),
        };
        let of_site = json!({ "site_descriptor": true, "site_preferences": true });
        let sites = job.sites.iter().map(|id| (id.clone(), of_site.clone())).collect();
        let mut wanted = Map::new();
        wanted.insert("sites".to_owned(), Value::Object(sites));
        for unit in &job.units {
            match unit {
                Unit::Catalogs => {
                    wanted.insert("catalogs".to_owned(), all(self.config.catalogs.as_ref()));
                    wanted.insert("global_data".to_owned(), json!({ "meta_data": true }));
                }
                Unit::PriceBooks => {
                    wanted.insert("price_books".to_owned(), all(self.config.price_books.as_ref()));
                }
                Unit::InventoryLists => {
                    wanted.insert("inventory_lists".to_owned(), all(self.config.inventory_lists.as_ref()));
                }
            }
        }
        Value::Object(wanted)
    }

    /// Ids of the sites that are exported.
    pub(super) async fn sites(&self, api: &Api) -> Result<Vec<String>, Fault> {
        if !self.config.sites.is_empty() {
            return Ok(self.config.sites.keys().cloned().collect());
        }
        let sites: Result<api::Rows<api::Named>, Refusal> = api.get(&["sites"], &[("count", SITES)], SITES_RIGHT).await;
        Ok(sites.map_err(|refusal| refusal.fault)?.data.into_iter().map(|site| site.id).collect())
    }

    /// Whether the job has ended well.
    async fn look(&self, api: &Api, attempts: Retry, execution: &str) -> Result<bool, Fault> {
        let path = ["jobs", self.config.export.job.as_str(), "executions", execution];
        let run = retry(attempts, api.random(), |_| async {
            api.get::<api::Execution>(&path, &[], JOBS).await.map_err(|refusal| refusal.fault)
        });
        let run = run.await?;
        match run.execution_status.as_deref() {
            Some("finished") => {}
            Some("aborted") => return Err(failed(&run, "was aborted")),
            // `unknown` and what later releases add may still end.
            _ => return Ok(false),
        }
        let exit = run.exit_status.clone().unwrap_or_default();
        let said = [exit.code, exit.status].into_iter().flatten().any(|it| it.eq_ignore_ascii_case("error"));
        if said { Err(failed(&run, "failed")) } else { Ok(true) }
    }

    /// Downloads an archive and takes it apart.
    async fn fetch(&self, api: &Api, attempts: Retry, job: &Job, folder: &Path) -> Result<Contents, Fault> {
        let kept = |error: std::io::Error| Fault::transient("C0310", format!("an export can't be kept on disk: {error}"));
        fs::create_dir_all(folder).map_err(kept)?;
        let (path, noted) = (folder.join("archive"), folder.join(PROGRESS));
        let mut file_on_disk = fs::File::options().create(true).truncate(false).read(true).write(true).open(&path).map_err(kept)?;
        let mut progress: Progress =
            fs::read(&noted).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        let export = &self.config.export;
        let bound = u64::from(export.max_archive_mib) << 20;
        let mut wait = Duration::from_millis(self.config.retry_wait_milliseconds.into());
        // What goes on is not given up, unless it is asked to wait for long.
        let goes_on = |fault: &Fault, attempt: usize, went_on: bool| {
            fault.class.is_passing()
                && (went_on || attempt < attempts.attempts)
                && fault.retry_after.is_none_or(|asked| asked <= attempts.longest)
        };
        for attempt in 1.. {
            let before = progress.length;
            let result = api.download(&file(job), &mut file_on_disk, &mut progress, bound).await;
            if let Ok(bytes) = serde_json::to_vec(&progress) {
                fs::write(&noted, bytes).map_err(kept)?;
            }
            match result {
                Ok(()) => break,
                Err(refusal) if refusal.fault.code == "C0304" => {
                    let message = format!("the export's archive has more than {} MiB", export.max_archive_mib);
                    return Err(Fault::config("C0220", message).hint("raise export.max_archive_mib, or export less"));
                }
                Err(refusal) if refusal.remedy == Remedy::Missing => {
                    let message = format!("the archive of the export {} is not there", job.archive);
                    return Err(Fault::transient("C0222", message).hint("somebody deleted it; it is exported again"));
                }
                Err(refusal) if goes_on(&refusal.fault, attempt, progress.length > before) => {
                    tokio::time::sleep(refusal.fault.retry_after.unwrap_or(wait)).await;
                    wait = (wait * 2).min(attempts.longest);
                }
                Err(refusal) => return Err(refusal.fault),
            }
        }
        drop(file_on_disk);
        let (bounds, into) = (Bounds::bytes(u64::from(export.max_unpacked_mib) << 20), folder.to_owned());
        let unpacked = api.environment().blocking(move || {
            let contents = unpack(&path, bounds, &into);
            // It is either taken apart now, or damaged.
            if let Err(error) = fs::remove_file(&path) {
                tracing::warn!(%error, "an archive that was taken apart can't be deleted");
            }
            contents
        });
        unpacked.await.unwrap_or_else(|| Err(Fault::transient("C0310", "an archive was not taken apart: a defect ended that")))
    }
}

/// How much of an archive was downloaded; it lies beside the rows until the archive is deleted on the instance.
const PROGRESS: &str = "progress";

/// Deletes an archive that was unpacked: it takes room on the instance, and holds data that should not stay there.
async fn discard(api: &Api, job: &Job, folder: &Path) {
    match api.delete(&file(job)).await {
        Err(refusal) if refusal.remedy != Remedy::Missing => {
            tracing::warn!(archive = %job.archive, "an archive can't be deleted: {}", refusal.fault.message);
        }
        _ => {
            if let Err(error) = fs::remove_file(folder.join(PROGRESS)) {
                tracing::warn!(%error, "what was noted of an archive can't be deleted");
            }
        }
    }
}

/// Name of the archive's file.
fn file(job: &Job) -> String {
    format!("{}.zip", job.archive)
}

/// A job that runs is no fault to be repeated at once.
fn waiting(refusal: Refusal) -> Fault {
    match refusal.remedy {
        Remedy::Running => refusal.fault.after(Some(Fault::LONGEST_WAIT)),
        _ => refusal.fault,
    }
}

fn failed(run: &api::Execution, how: &str) -> Fault {
    let said = run.exit_status.as_ref().and_then(|exit| exit.message.as_deref()).unwrap_or_default();
    let said = if said.is_empty() { String::new() } else { format!(": {said}") };
    let log = run.log_file_path.as_deref().map(|path| format!(" (its log is {path})")).unwrap_or_default();
    Fault::transient("C0222", format!("the export job's run {} {how}{said}{log}", run.id)).hint(HINT)
}

const HINT: &str = "look at the job in Business Manager (Administration, Operations, Job History); it is started again";
/// What permits jobs.
pub(super) const JOBS: &str = "give the client post on /jobs/*/executions and get on /jobs/*/executions/* in the OCAPI Data \
                               settings of Business Manager (Open Commerce API Settings, type Data, global)";
/// What permits the list of sites.
pub(super) const SITES_RIGHT: &str = "give the client get on /sites in the OCAPI Data settings, or name the sites in the \
                                      configuration";
