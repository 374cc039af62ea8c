//! Jobs: executions that go through their states by the clock, and the site archives they leave behind.
//!
//! **Invariant:** an archive shows the instance as it was when its execution began, and is there when it has finished.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde_json::{Map, Value, json};
use tempfile::NamedTempFile;

use super::archive::{self, Units, time};
use super::error::Fault;
use super::query::{Field, Reader, Style};
use super::state::State;
use super::uptime::Moment;
use super::webdav::Files;
use super::{JobEnd, Settings};

/// The job that exports site archives.
pub(super) const EXPORT: &str = "sfcc-site-archive-export";
/// Where it writes.
const FOLDER: &str = "Impex/src/instance";
/// Executions that are kept.
const MOST: usize = 1_000;
/// Most rows of a page, and how many without `count`.
pub(super) const MOST_ROWS: u64 = 200;
pub(super) const ROWS: u64 = 25;

#[derive(Debug)]
struct Execution {
    id: u64,
    job: String,
    client: String,
    began: Moment,
    /// The uptime at which it begins to work, and at which it ends.
    runs: i64,
    ends: i64,
    end: JobEnd,
    message: String,
    parameters: Vec<(&'static str, String)>,
    /// Path and content of what it writes.
    writes: Option<(String, Arc<NamedTempFile>)>,
}

#[derive(Debug, Default)]
pub(super) struct Jobs {
    executions: BTreeMap<u64, Execution>,
    last: u64,
    /// How the next executions end.
    pub(super) ends: VecDeque<JobEnd>,
    /// What exports contain rather than what the instance has.
    pub(super) instead: Option<Instead>,
}

/// What exports contain.
#[derive(Debug)]
pub(super) enum Instead {
    Files(archive::Files),
    /// It is written already.
    Archive(Arc<NamedTempFile>),
}

/// What an export is asked to do.
struct Request {
    file: String,
    units: Value,
    overwrite: bool,
}

impl Jobs {
    /// Executions there are.
    pub(super) fn count(&self) -> usize {
        self.executions.len()
    }

    /// Whether an execution of a job is under way.
    pub(super) fn is_running(&self, job: &str, uptime: i64) -> bool {
        self.executions.values().any(|it| it.job == job && uptime < it.ends)
    }

    /// Puts what executions that have ended have written.
    pub(super) fn settle(&mut self, files: &mut Files, uptime: i64) {
        for execution in self.executions.values_mut().filter(|it| it.ends <= uptime && it.end == JobEnd::Ok) {
            let ended = Moment { now: execution.clock(execution.ends), uptime: execution.ends };
            if let Some((path, content)) = execution.writes.take()
                && let Err(error) = files.put(path, content, ended, 0)
            {
                tracing::warn!(%error, "the archive of an execution is lost");
            }
        }
    }

    /// `POST /jobs/{job}/executions`
    pub(super) fn start(
        &mut self,
        (settings, state, files): (&Settings, &State, &Files),
        job: &str,
        client: &str,
        body: &[u8],
        began: Moment,
    ) -> Result<Value, Fault> {
        let Moment { now, uptime } = began;
        if job != EXPORT {
            return Err(Fault::not_found("JobNotFoundException", "job", "jobId", job));
        }
        let request = read(settings, body)?;
        let mut units = Units::read(state, &request.units)?;
        if self.instead.is_some() {
            units.missing.clear();
        }
        if self.is_running(job, uptime) {
            let message = format!("The job '{job}' is already running.");
            return Err(Fault::new(400, "JobAlreadyRunningException", message, json!({ "jobId": job })));
        }
        let path = format!("{FOLDER}/{}", request.file);
        let failed = if let Some(missing) = units.missing.first() {
            Some(format!("The unit '{missing}' does not exist."))
        } else if files.has(&path) && !request.overwrite {
            Some(format!("The file '{path}' exists."))
        } else {
            None
        };
        let end = if failed.is_some() { JobEnd::Error } else { self.ends.pop_front().unwrap_or(JobEnd::Ok) };
        let mut writes = None;
        if end == JobEnd::Ok {
            let top = request.file.rsplit('/').next().unwrap_or_default().trim_end_matches(".zip");
            let new = || NamedTempFile::new().map(std::io::BufWriter::new);
            let written = match &self.instead {
                Some(Instead::Archive(archive)) => Ok(Arc::clone(archive)),
                Some(Instead::Files(files)) => {
                    new().and_then(|out| finished(archive::write_files(out, files, top, now)?))
                }
                None => {
                    new().and_then(|out| finished(archive::write(out, state, &|each| each(state), &units, top, now)?))
                }
            };
            let file = written.map_err(|error| {
                Fault::new(400, "JobExecutionException", format!("The archive can't be written: {error}"), json!({}))
            })?;
            writes = Some((path, file));
        }
        self.last += 1;
        let duration = i64::try_from(settings.job_duration_ms).unwrap_or(i64::MAX);
        let execution = Execution {
            id: self.last,
            job: job.to_owned(),
            client: client.to_owned(),
            began,
            runs: uptime.saturating_add(duration / 10),
            ends: uptime.saturating_add(duration),
            message: failed.unwrap_or_else(|| "The job step has failed.".to_owned()),
            end,
            parameters: vec![("ExportFile", request.file), ("DataUnits", request.units.to_string())],
            writes,
        };
        let shown = execution.show(uptime);
        self.executions.insert(self.last, execution);
        while self.executions.len() > MOST {
            self.executions.pop_first();
        }
        Ok(shown)
    }

    fn find(&self, job: &str, id: &str) -> Result<&Execution, Fault> {
        let known = id.parse().ok().and_then(|id: u64| self.executions.get(&id)).filter(|it| it.job == job);
        known.ok_or_else(|| Fault::not_found("JobExecutionNotFoundException", "job execution", "id", id))
    }

    /// `GET /jobs/{job}/executions/{id}`
    pub(super) fn show(&self, job: &str, id: &str, uptime: i64) -> Result<Value, Fault> {
        Ok(self.find(job, id)?.show(uptime))
    }

    /// `DELETE /jobs/{job}/executions/{id}`
    pub(super) fn delete(&mut self, job: &str, id: &str, uptime: i64) -> Result<(), Fault> {
        let execution = self.find(job, id)?;
        if uptime < execution.ends {
            let message = "The job execution is not finished.";
            return Err(Fault::new(403, "JobExecutionNotFinishedException", message, json!({ "id": id })));
        }
        let id = execution.id;
        self.executions.remove(&id);
        Ok(())
    }

    /// `POST /job_execution_search`
    pub(super) fn search(&self, body: &[u8], uptime: i64) -> Result<Value, Fault> {
        const FIELDS: [&str; 5] = ["id", "job_id", "start_time", "end_time", "status"];
        let body: Value = serde_json::from_slice(body).map_err(|_| Fault::malformed("search_request"))?;
        let members = body.as_object().ok_or_else(|| Fault::malformed("search_request"))?;
        let known = ["query", "count", "start", "sorts", "select", "expand", "db_start_record_"];
        if let Some(name) = members.keys().find(|name| !known.contains(&name.as_str())) {
            return Err(Fault::unknown_property("search_request", name));
        }
        let query = members.get("query").ok_or_else(|| Fault::search("The query is missing."))?;
        let clause = Reader { style: Style::Snake }.clause(query).map_err(Fault::search)?;
        if let Some(field) = clause.fields().into_iter().find(|field| !FIELDS.contains(field)) {
            return Err(Fault::search(format!("The field '{field}' can't be searched.")));
        }
        let number = |name: &str, otherwise: u64| members.get(name).map_or(Some(otherwise), Value::as_u64);
        let (start, count) = (number("start", 0), number("count", ROWS));
        let (Some(start), Some(count @ 1..=MOST_ROWS)) = (start, count) else {
            return Err(Fault::search(format!("'count' is a number from 1 to {MOST_ROWS}, 'start' one from 0.")));
        };
        let mut found: Vec<&Execution> =
            self.executions.values().filter(|it| clause.fits(&|name| it.field(name, uptime))).collect();
        for sort in members.get("sorts").and_then(Value::as_array).into_iter().flatten().rev() {
            let field = sort.get("field").and_then(Value::as_str).unwrap_or_default();
            if !FIELDS.contains(&field) || field == "id" {
                return Err(Fault::search(format!("The field '{field}' can't be sorted by.")));
            }
            found.sort_by_key(|it| it.order(field, uptime));
            match sort.get("sort_order").and_then(Value::as_str) {
                Some("desc") => found.reverse(),
                Some("asc") | None => {}
                Some(other) => return Err(Fault::search(format!("'{other}' is no sort order."))),
            }
        }
        let total = found.len();
        let skip = usize::try_from(start).unwrap_or(usize::MAX);
        let take = usize::try_from(count).unwrap_or(usize::MAX);
        let hits: Vec<Value> = found.into_iter().skip(skip).take(take).map(|it| it.show(uptime)).collect();
        let mut answer = json!({
            "_type": "job_execution_search_result", "count": hits.len(), "start": start, "total": total, "query": query,
        });
        if let Some(members) = answer.as_object_mut() {
            if skip.saturating_add(hits.len()) < total {
                members.insert(
                    "next".to_owned(),
                    json!({ "_type": "result_page", "start": start + count, "count": count }),
                );
            }
            members.insert("hits".to_owned(), Value::Array(hits));
        }
        Ok(answer)
    }
}

/// The file that an archive was written to.
pub(super) fn finished(out: std::io::BufWriter<NamedTempFile>) -> std::io::Result<Arc<NamedTempFile>> {
    out.into_inner().map(Arc::new).map_err(std::io::IntoInnerError::into_error)
}

/// Reads the body of an execution, in the form that the instance takes.
fn read(settings: &Settings, body: &[u8]) -> Result<Request, Fault> {
    let body: Value = serde_json::from_slice(body).map_err(|_| Fault::malformed("job_execution_request"))?;
    let members = body.as_object().ok_or_else(|| Fault::malformed("job_execution_request"))?;
    let members = if settings.jobs_take_parameters { &parameters(members)? } else { members };
    let document = "site_archive_export_configuration";
    let known = ["export_file", "overwrite_export_file", "data_units"];
    if let Some(name) = members.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(Fault::unknown_property(document, name));
    }
    let missing = |name: &str| {
        let message = format!("The property '{name}' of the document '{document}' is missing.");
        Fault::new(400, "MissingPropertyException", message, json!({ "document": document, "property": name }))
    };
    let file = members.get("export_file").ok_or_else(|| missing("export_file"))?;
    let file = file.as_str().filter(|name| is_file_name(name)).ok_or_else(|| Fault::malformed("export_file"))?;
    let file = if file.to_lowercase().ends_with(".zip") { file.to_owned() } else { format!("{file}.zip") };
    let units = members.get("data_units").ok_or_else(|| missing("data_units"))?.clone();
    let overwrite = members.get("overwrite_export_file").is_none_or(|flag| flag.as_bool() == Some(true));
    Ok(Request { file, units, overwrite })
}

/// A path below the folder of the instance, of names without any trick.
fn is_file_name(name: &str) -> bool {
    let plain = |part: &str| {
        !part.is_empty() && part != "." && part != ".." && part.chars().all(|it| it.is_ascii_graphic() && it != '\\')
    };
    name.split('/').all(plain)
}

/// The members of `{"parameters":[{"name":…,"value":…}]}` as the short form has them.
fn parameters(members: &Map<String, Value>) -> Result<Map<String, Value>, Fault> {
    if let Some(name) = members.keys().find(|name| *name != "parameters") {
        return Err(Fault::unknown_property("job_execution_request", name));
    }
    let mut all = Map::new();
    for row in members.get("parameters").and_then(Value::as_array).into_iter().flatten() {
        let text = |member: &str| row.get(member).and_then(Value::as_str).ok_or_else(|| Fault::malformed("parameters"));
        let (name, value) = (text("name")?, text("value")?);
        let json = || serde_json::from_str(value).map_err(|_| Fault::malformed(name));
        match name {
            "ExportFile" => all.insert("export_file".to_owned(), json!(value)),
            "DataUnits" => all.insert("data_units".to_owned(), json()?),
            "OverwriteExportFile" => all.insert("overwrite_export_file".to_owned(), json()?),
            "SaveOnRealm" => None,
            _ => return Err(Fault::malformed("parameters")),
        };
    }
    Ok(all)
}

impl Execution {
    /// What the clock showed at this uptime.
    fn clock(&self, uptime: i64) -> i64 {
        self.began.now.saturating_add(uptime - self.began.uptime)
    }

    /// `execution_status`
    fn phase(&self, uptime: i64) -> &'static str {
        if uptime < self.runs {
            "pending"
        } else if uptime < self.ends {
            "running"
        } else if self.end == JobEnd::Aborted {
            "aborted"
        } else {
            "finished"
        }
    }

    /// `status`: what it is doing, and then how it ended.
    fn status(&self, uptime: i64) -> String {
        match (self.phase(uptime), self.end) {
            ("finished", JobEnd::Ok) => "OK".to_owned(),
            ("finished", _) => "ERROR".to_owned(),
            (phase, _) => phase.to_uppercase(),
        }
    }

    fn field(&self, name: &str, uptime: i64) -> Field {
        match name {
            "id" => Field::text(self.id.to_string()),
            "job_id" => Field::text(&self.job),
            "status" => Field::text(self.status(uptime)),
            "start_time" => Field::Time(self.began.now),
            "end_time" if self.ends <= uptime => Field::Time(self.clock(self.ends)),
            _ => Field::Nothing,
        }
    }

    fn order(&self, name: &str, uptime: i64) -> (String, i64) {
        match name {
            "job_id" => (self.job.clone(), 0),
            "status" => (self.status(uptime), 0),
            "end_time" => (String::new(), self.clock(self.ends)),
            _ => (String::new(), self.began.now),
        }
    }

    fn show(&self, uptime: i64) -> Value {
        let ended = self.ends <= uptime;
        let phase = self.phase(uptime);
        let until = if ended { self.ends } else { uptime };
        let at = |uptime| time(self.clock(uptime));
        let parameters: Vec<Value> = self
            .parameters
            .iter()
            .map(|(name, value)| json!({ "_type": "job_execution_parameter", "name": name, "value": value }))
            .collect();
        let mut step = json!({
            "_type": "job_step_execution", "id": format!("{}-1", self.id), "step_id": "SiteExport",
            "step_type_id": "SiteExport", "execution_scope": "Organization", "execution_status": phase,
            "status": self.status(uptime), "start_time": at(self.runs), "modification_time": at(until),
            "is_chunk_oriented": false, "duration": (until - self.runs).max(0),
        });
        let mut shown = json!({
            "_type": "job_execution", "client_id": self.client, "creation_date": at(self.began.uptime),
            "duration": until - self.began.uptime, "effective_duration": until - self.began.uptime, "execution_status": phase,
            "execution_scopes": ["Organization"], "id": self.id.to_string(), "is_log_file_existing": false,
            "is_restart": false, "job_id": self.job,
            "log_file_path": format!("/Sites/LOGS/jobs/{0}/Job-{0}-{1}.log", self.job, self.id),
            "modification_time": at(until), "parameters": parameters, "start_time": at(self.began.uptime),
            "status": self.status(uptime),
        });
        if ended {
            let (code, status, message) = match self.end {
                JobEnd::Ok => ("OK", "ok", "Execution finished."),
                JobEnd::Error | JobEnd::Aborted => ("ERROR", "error", self.message.as_str()),
            };
            let exit = json!({ "_type": "status", "code": code, "status": status, "message": message });
            for document in [&mut step, &mut shown] {
                if let Some(members) = document.as_object_mut() {
                    members.insert("end_time".to_owned(), json!(at(self.ends)));
                    members.insert("exit_status".to_owned(), exit.clone());
                }
            }
        }
        if let Some(members) = shown.as_object_mut() {
            let steps = if phase == "pending" { json!([]) } else { json!([step]) };
            members.insert("step_executions".to_owned(), steps);
        }
        shown
    }
}
