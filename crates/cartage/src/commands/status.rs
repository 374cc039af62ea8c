//! `cartage status`: how every flow stands.

use std::{collections::BTreeMap, io::IsTerminal as _, path::Path, sync::Arc, time::Duration};

use contract::{
    Fault, Lane, Store,
    store::{
        Count, Erasure, FlowId, Former, Found, Freshness, Hold, HookState, LaneState, Leftover, Retrying, States,
        Stopped, Tally, Trouble, UnreadRow,
    },
};
use engine::{Flow, prepare::OUTRANKED, run::Engine};
use model::{Kind, Notice, RecordId, SourceName, Timestamp};
use serde::Serialize;

use super::{Look, clock, erase, interrupted, listed, look};
use crate::{
    cli::StatusArgs,
    output::{self, Exit, Failure, Output, table},
    progress::brief,
};

/// How everything stands.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct Status {
    /// By flow.
    pub flows: Vec<FlowStatus>,
    /// By source.
    pub sources: Vec<SourceStatus>,
    /// What is left of flows and sources that are no longer configured, and of kinds that a flow no longer carries.
    pub leftovers: Vec<Leftover>,
    /// Erasures that have not ended.
    pub erasures: Vec<Erasure>,
    /// How many persons were erased and are kept out.
    pub erased: u64,
}

/// How a flow stands. Its states add up to `mirror`.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct FlowStatus {
    /// Its name.
    pub flow: String,
    /// Its market.
    pub market: String,
    /// How its records stand.
    #[serde(flatten)]
    pub tally: Tally,
    /// How current it is.
    #[serde(flatten)]
    pub freshness: Freshness,
    /// Lanes of its source that were never read completely or could not be read the last time.
    pub not_read: Vec<String>,
    /// Records of its source that could not be understood, of all kinds: a stock entry is part of a product.
    pub source_unread: u64,
    /// What keeps it from sending.
    #[serde(flatten)]
    pub trouble: Trouble,
    /// Every record of the source was read, and the destination agrees with it, apart from what a named rule keeps out.
    pub converged: bool,
}

/// The lanes that each source reads.
pub type Lanes = BTreeMap<SourceName, Vec<Lane>>;

/// How a source was read.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct SourceStatus {
    /// Its name.
    pub source: String,
    /// Records by kind.
    pub records: Vec<Count>,
    /// Lanes.
    pub lanes: Vec<LaneStatus>,
    /// Webhooks; none: it never had any.
    pub webhooks: Option<HookState>,
    /// Records that could not be understood, the latest.
    pub unread: Vec<UnreadRow>,
    /// Records of which details were left out, the latest.
    pub noticed: Vec<Noticed>,
}

/// A record of which details were left out; the rest of it is carried.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct Noticed {
    /// What it is.
    pub kind: Kind,
    /// Its id.
    pub id: RecordId,
    /// What was left out, and why.
    pub notices: Vec<Notice>,
}

/// How a lane was read.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct LaneStatus {
    /// Its name.
    pub lane: String,
    /// How far it was read.
    #[serde(flatten)]
    pub state: LaneState,
}

/// The lanes of an engine's sources.
pub fn lanes(engine: &Engine) -> Lanes {
    engine.origins.iter().map(|origin| (origin.pull.name.clone(), origin.pull.source.lanes())).collect()
}

/// How these flows stand.
///
/// # Errors
/// The store's.
pub async fn flows(store: &dyn Store, flows: &[Arc<Flow>], lanes: &Lanes) -> Result<Vec<FlowStatus>, Fault> {
    let mut all = Vec::with_capacity(flows.len());
    for flow in flows {
        let tally = store.tally(&flow.name).await?;
        let states = store.lanes(&flow.source).await?;
        let is_read = |lane: &Lane| {
            let state = states.get(&*lane.name);
            let ever = lane.sweeps.is_empty() || state.is_some_and(|state| state.full_at.is_some());
            ever && state.is_none_or(|state| state.fault.is_none())
        };
        let not_read = lanes.get(&flow.source).into_iter().flatten().filter(|lane| !is_read(lane));
        let not_read: Vec<String> = not_read.map(|lane| lane.name.to_string()).collect();
        let source_unread = store.counts(&flow.source).await?.iter().map(|count| count.unread).sum();
        let converged = tally.left().next().is_none() && not_read.is_empty() && source_unread == 0;
        let (freshness, trouble) = (store.freshness(&flow.name).await?, store.trouble(&flow.name).await?);
        let (flow, market) = (flow.name.to_string(), flow.market_names());
        all.push(FlowStatus { flow, market, tally, freshness, not_read, source_unread, trouble, converged });
    }
    Ok(all)
}

/// The table of flows.
pub fn flows_table(flows: &[FlowStatus]) -> String {
    // States that are rare have a column only where there is something in it, so that the table fits into 80 columns.
    let is_shown = |(at, (state, _)): &(usize, (&str, u64))| {
        let rare = matches!(*state, "waiting" | "held" | "unread");
        !rare || flows.iter().any(|flow| flow.tally.states().get(*at).is_some_and(|(_, count)| *count > 0))
    };
    let shown = |states: &States| states.states().into_iter().enumerate().filter(is_shown).map(|(_, state)| state);
    let row = |name: String, market: &str, states: &States| {
        let counts = [states.mirror].into_iter().chain(shown(states).map(|(_, count)| count));
        [name, market.to_owned()].into_iter().chain(counts.map(|count| count.to_string())).collect()
    };
    let mut rows: Vec<Vec<String>> = Vec::new();
    for FlowStatus { flow, market, tally, .. } in flows {
        rows.push(row(flow.clone(), market, &tally.all));
        // Of a flow that carries the catalogue alone the sums say enough.
        if tally.kinds.keys().any(|kind| !Kind::CATALOGUE.contains(kind)) {
            rows.extend(tally.kinds.iter().map(|(kind, states)| row(format!("  {kind}"), "", states)));
        }
    }
    let states: Vec<String> = shown(&States::default()).map(|(state, _)| state.replace('_', " ")).collect();
    let heads: Vec<&str> = ["flow", "market", "mirror"].into_iter().chain(states.iter().map(String::as_str)).collect();
    let mut text = table(&heads, &rows);
    for FlowStatus { flow, tally, not_read, source_unread, trouble, .. } in flows {
        let by_name = |counts: &BTreeMap<String, u64>| {
            counts.iter().map(|(name, count)| format!("{count} {name}")).collect::<Vec<_>>().join(", ")
        };
        if let Some(since) = tally.paused_since {
            text +=
                &format!("flow {flow} is paused since {since} and sends nothing; `cartage resume {flow}` ends that\n");
        }
        if let Some(Stopped { since, fault }) = &trouble.stopped {
            text += &format!("flow {flow} has stopped since {since}: {}\n", output::fault_text(fault));
        }
        if let Some(Retrying { records, next, fault }) = &trouble.retrying {
            text += &format!("{flow} retries {records} records, the first at {next}: {fault} [{}]\n", fault.code);
        }
        if !tally.rules.is_empty() {
            text += &format!("{flow} filtered: {}\n", by_name(&tally.rules));
        }
        if let Some(others) = tally.rules.get(OUTRANKED) {
            text += &format!(
                "warning: {flow}: {others} records are not sent whole, because others have their ids, such as one SKU in two \
                 products; `cartage status --records {OUTRANKED}` lists them\n"
            );
        }
        if let Some(removals) = tally.holds.get(Hold::Removal.name()) {
            text += &format!(
                "flow {flow}: {removals} records would be removed, more than removal_guard allows, so none of them was; \
                 `cartage plan` shows which; if they are really to go, run `cartage sync --allow-deletes`\n"
            );
        }
        if let Some(unknown) = tally.holds.get(Hold::UnknownOutcome.name()) {
            text += &format!(
                "{flow} held: {unknown} of which nobody knows whether a call arrived; `cartage dead list` lists them, and \
                 `cartage dead replay` or `drop` decides\n"
            );
        }
        if tally.waiting > 0 {
            text += &format!("{flow} waiting: {} for the destination's next import\n", tally.waiting);
        }
        if *source_unread > 0 {
            text += &format!(
                "{flow} unread: {source_unread} records of its source could not be understood; what the destination holds \
                 of them is left as it is\n"
            );
        }
        if !not_read.is_empty() {
            text += &format!("{flow} not read completely: {}\n", not_read.join(", "));
        }
    }
    text
}

/// The last acknowledged call of each flow, and how long the oldest of its pending records has been pending.
fn freshness_table(flows: &[FlowStatus], now: Timestamp) -> String {
    let row = |FlowStatus { flow, freshness, .. }: &FlowStatus| {
        let acknowledged = freshness.acknowledged_at.map_or_else(|| "never".to_owned(), |at| at.to_string());
        let pending = freshness.pending_since.map_or_else(|| "none".to_owned(), |since| brief(since.until(now)));
        vec![flow.clone(), acknowledged, pending]
    };
    let rows: Vec<Vec<String>> = flows.iter().map(row).collect();
    format!("\n{}", table(&["flow", "last acknowledged call", "oldest pending record"], &rows))
}

/// What is left of flows that are no longer configured as they were, a line each.
pub(super) fn leftovers_text(leftovers: &[Leftover]) -> String {
    let line = |Leftover { id: FlowId { flow, source, .. }, former, kind, items, .. }: &Leftover| match former {
        Former::Flow | Former::Source => format!(
            "flow {flow} of source {source} is no longer configured; its destination may still hold {items} items of it: \
             `cartage forget {flow}` forgets them, with --remove-items it removes them\n"
        ),
        Former::Account => format!(
            "flow {flow} goes to another account than before (other keys or another URL), and everything is sent there; the \
             account before may still hold {items} items: `cartage forget {flow}` forgets them; to remove them, name a \
             destination with the former keys as well\n"
        ),
        Former::Kind => format!(
            "{items} items of kind {} are still at the destination, because flow {flow} no longer carries them: carry them again, \
             or `cartage forget {flow}` forgets them, with --remove-items it removes them\n",
            kind.map_or("", Kind::name)
        ),
    };
    leftovers.iter().map(line).collect()
}

/// The flow's guard holds removals until a person approves them.
pub fn holds_removals(flow: &FlowStatus) -> bool {
    flow.tally.holds.contains_key(Hold::Removal.name())
}

/// The exit code that tells how the flows stand.
pub fn exit_of(flows: &[FlowStatus]) -> Exit {
    let exit = |flow: &FlowStatus| {
        let stopped = flow.trouble.stopped.as_ref().map(|stopped| output::exit_of(&stopped.fault));
        let held = holds_removals(flow).then_some(Exit::Held);
        let left = (!flow.converged).then_some(Exit::Left);
        [stopped, held, left].into_iter().flatten().max()
    };
    flows.iter().filter_map(exit).max().unwrap_or(Exit::Done)
}

/// So many records that could not be understood, or only in part, are shown.
const SHOWN: usize = 20;

pub(super) async fn run(path: &Path, args: &StatusArgs, output: Output<'_>) -> Result<Exit, Failure> {
    let looked = look(path)?;
    if let Some(rule) = &args.records {
        return listed::run(&looked, rule, output).await;
    }
    if args.watch {
        return watch(&looked, output).await;
    }
    let status = status(&looked).await?;
    output.document(&status)?;
    output.line(text(&status, clock().now()).trim_end())?;
    Ok(exit(&status))
}

/// Shows the status anew every two seconds, in its place on a terminal, until interrupted.
async fn watch(looked: &Look, output: Output<'_>) -> Result<Exit, Failure> {
    let mut interrupted = std::pin::pin!(interrupted());
    let mut screen = std::io::stdout().is_terminal().then_some(Screen::Foreign);
    loop {
        let now = clock().now();
        let text = text(&status(looked).await?, now);
        output.line(frame(&format!("{now}\n{text}"), &mut screen))?;
        tokio::select! {
            () = &mut interrupted => return Ok(Exit::Done),
            () = tokio::time::sleep(Duration::from_secs(2)) => {}
        }
    }
}

/// What a terminal shows.
#[derive(Clone, Copy)]
enum Screen {
    /// Something else.
    Foreign,
    /// The frame before.
    Ours,
}

/// A text to be shown in place of the one before it, where there is a screen; otherwise after it.
fn frame(text: &str, screen: &mut Option<Screen>) -> String {
    const CLEAR: &str = "\x1b[2J";
    const HOME: &str = "\x1b[H";
    const TO_END_OF_LINE: &str = "\x1b[K\n";
    const TO_END_OF_SCREEN: &str = "\x1b[J";
    let clear = match screen.replace(Screen::Ours) {
        None => {
            *screen = None;
            return format!("{}\n", text.trim_end());
        }
        Some(Screen::Foreign) => CLEAR,
        // Without clearing all of it, so that it does not flicker.
        Some(Screen::Ours) => "",
    };
    format!("{clear}{HOME}{}{TO_END_OF_LINE}{TO_END_OF_SCREEN}", text.trim_end().replace('\n', TO_END_OF_LINE))
}

fn exit(status: &Status) -> Exit {
    let lanes = || status.sources.iter().flat_map(|source| &source.lanes);
    let faults = lanes().filter_map(|lane| lane.state.fault.as_ref()).map(output::exit_of);
    let held = lanes().any(|lane| lane.state.held.is_some()).then_some(Exit::Held);
    let left = (!status.leftovers.is_empty() || !status.erasures.is_empty()).then_some(Exit::Left);
    faults.chain(held).chain(left).chain([exit_of(&status.flows)]).max().unwrap_or(Exit::Done)
}

async fn status(looked: &Look) -> Result<Status, Fault> {
    let Look { store, flows: all, lanes, .. } = looked;
    let mut sources = Vec::new();
    for name in lanes.keys() {
        let lanes = store.lanes(name).await?.into_iter().map(|(lane, state)| LaneStatus { lane, state }).collect();
        let (records, unread) = (store.counts(name).await?, store.unread(name, SHOWN).await?);
        let noticed = store.noticed(name, SHOWN).await?.into_iter().map(|Found { kind, id, record, .. }| {
            let notices = record.map(|record| record.notices().to_vec()).unwrap_or_default();
            Noticed { kind, id, notices }
        });
        let (source, noticed, webhooks) = (name.to_string(), noticed.collect(), store.hook(name).await?);
        sources.push(SourceStatus { source, records, lanes, webhooks, unread, noticed });
    }
    let leftovers = looked.leftovers().await?;
    let (erasures, erased) = (store.open_erasures().await?, store.ended_erasures().await?);
    Ok(Status { flows: flows(store.as_ref(), all, lanes).await?, sources, leftovers, erasures, erased })
}

/// How the webhooks of a source stand, in one line.
fn webhooks_text(HookState { delivered_at, gap_at, registration }: &HookState) -> String {
    let at = |at: Option<Timestamp>| at.map_or("never".to_owned(), |at| at.to_string());
    let state = match &registration.fault {
        Some(fault) => format!("{fault} [{}]", fault.code),
        None if registration.state.is_empty() => "not registered by this database".to_owned(),
        None => registration.state.clone(),
    };
    let gap = at((*gap_at).max(registration.missed_at));
    format!("webhooks: {state}; last delivery {}, last gap {gap}\n", at(*delivered_at))
}

fn text(status: &Status, now: Timestamp) -> String {
    let mut text = flows_table(&status.flows);
    text += &freshness_table(&status.flows, now);
    text += &leftovers_text(&status.leftovers);
    for erasure in &status.erasures {
        text += &erase::text(erasure);
    }
    if status.erased > 0 {
        text += &format!("{} erased persons are kept out by the rule `erased`\n", status.erased);
    }
    for source in &status.sources {
        let counts = source.records.iter().map(|count| format!("{} {}", count.kind, count.live));
        text += &format!("\nsource {}: {}\n", source.source, counts.collect::<Vec<_>>().join(", "));
        let rows: Vec<Vec<String>> = source
            .lanes
            .iter()
            .map(|LaneStatus { lane, state }| {
                let at = |at: Option<Timestamp>| at.map_or("never".to_owned(), |at| at.to_string());
                let note = match (&state.fault, state.held) {
                    (Some(fault), _) => fault.to_string(),
                    (None, Some((missing, live))) => {
                        format!("{missing} of {live} are missing: deletions held (sync --full --allow-deletes)")
                    }
                    (None, None) if state.walk.is_some() => "being read".to_owned(),
                    (None, None) => String::new(),
                };
                vec![lane.clone(), at(state.read_at), at(state.full_at), note]
            })
            .collect();
        text += &table(&["lane", "last read", "last read in full", ""], &rows);
        text += &source.webhooks.as_ref().map(webhooks_text).unwrap_or_default();
        for row in &source.unread {
            let id = row.id.as_ref().map_or("?", |id| id.as_str());
            text += &format!("not understood: {} {id}: {} [{}]\n", row.kind, row.fault, row.fault.code);
        }
        let unread: u64 = source.records.iter().map(|count| count.unread).sum();
        let shown = source.unread.len() as u64;
        if unread > shown {
            text += &format!("not understood: {} more\n", unread - shown);
        }
        for Noticed { kind, id, notices } in &source.noticed {
            let more = if notices.len() > 1 { format!(" (and {} more)", notices.len() - 1) } else { String::new() };
            let first = notices.first().map(|notice| format!("{}: {}", notice.field, notice.what)).unwrap_or_default();
            text += &format!("left out of {kind} {id}: {first}{more}\n");
        }
        let noticed: u64 = source.records.iter().map(|count| count.noticed).sum();
        let shown = source.noticed.len() as u64;
        if noticed > shown {
            text += &format!("left out: details of {} more records\n", noticed - shown);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watched_status_is_drawn_in_its_place_on_a_terminal_and_below_the_last_one_elsewhere() {
        let mut screen = Some(Screen::Foreign);
        assert_eq!(frame("a\nb\n", &mut screen), "\x1b[2J\x1b[Ha\x1b[K\nb\x1b[K\n\x1b[J");
        assert_eq!(frame("c\n", &mut screen), "\x1b[Hc\x1b[K\n\x1b[J");
        let mut none = None;
        assert_eq!([frame("a\n", &mut none), frame("b\n", &mut none)], ["a\n", "b\n"]);
    }
}
