//! Mirror, ledger and cursor in plain collections: a simple model that the store must agree with.

use std::collections::{BTreeMap, BTreeSet};

use contract::{
    Change, Digests,
    source::Urgency,
    store::{Cursor, Held, Intake, Number, Revision, Settled, State, States, Sweep, Swept, Take, Taken, Tally},
};
use model::{Hub, Kind, Record, RecordId, Timestamp, Window};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Live,
    Gone,
    Ended,
}

#[derive(Clone, Debug)]
struct Row {
    kind: Kind,
    id: RecordId,
    revision: u64,
    urgency: Urgency,
    life: Life,
    version: u64,
    seen: u64,
    record: Option<Record>,
    /// Its latest form could not be understood.
    unread: bool,
}

/// A flow's entry of a record.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) state: State,
    pub(crate) revision: u64,
    pub(crate) attempts: u32,
    pub(crate) holds: Window,
    pub(crate) items: Vec<(String, Option<Digests>)>,
    /// Payloads by item, as JSON.
    pub(crate) payloads: BTreeMap<String, String>,
    /// How often claims changed what is held.
    pub(crate) turn: u32,
}

#[derive(Clone, Debug, Default)]
struct Flow {
    fingerprint: String,
    cursor: [u64; 3],
    entries: BTreeMap<u64, Entry>,
    /// Its ids are shared.
    shared: bool,
    open: BTreeMap<u64, Vec<(Number, String)>>,
    /// Ranks of the records that claim an item; [`LEFT`]: the record holds the item and does not claim it.
    claims: BTreeMap<(Kind, String), BTreeMap<u64, i64>>,
}

/// The rank of an item that is held and not claimed.
const LEFT: i64 = i64::MIN;

/// The expected row of a workload.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Seen {
    pub(crate) number: u64,
    pub(crate) revision: u64,
    pub(crate) urgency: Option<Urgency>,
    pub(crate) id: RecordId,
    pub(crate) record: Option<Record>,
    pub(crate) joined: Vec<Record>,
    pub(crate) state: Option<State>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Naive {
    pub(crate) revision: u64,
    /// The revision before the step under way.
    began: u64,
    /// By number, from 1.
    rows: BTreeMap<u64, Row>,
    flows: BTreeMap<String, Flow>,
    /// Products beyond this number are to be touched; about so many.
    spreading: Vec<(u64, u64)>,
    /// Records that could not be understood, and the last full walk that met them.
    strange: BTreeMap<(Kind, RecordId), u64>,
}

impl Naive {
    pub(crate) fn intake(&mut self, intake: &Intake) -> Taken {
        self.began = self.revision;
        let mut taken = Taken::default();
        let mut touches = BTreeMap::new();
        let live = self.live(Kind::Product);
        for change in &intake.changes {
            match change {
                Change::Is { record, version, .. } => self.is(intake, record, *version, &mut touches, &mut taken),
                Change::Gone { kind, id, version } => {
                    let found = self.rows.iter().find(|(_, row)| (row.kind, &row.id) == (*kind, id)).map(|(n, _)| *n);
                    if found.is_none() {
                        self.strange.remove(&(*kind, id.clone()));
                    }
                    self.gone(found, *version, intake.urgency, &mut touches, &mut taken);
                }
            }
        }
        for unread in &intake.unread {
            let (kind, id, pass) = (unread.kind, unread.id.clone().unwrap(), intake.pass.unwrap_or(0));
            taken.unread += 1;
            for row in self.rows.values_mut().filter(|row| (row.kind, &row.id) == (kind, &id)) {
                row.unread = true;
                row.seen = intake.pass.unwrap_or(row.seen);
            }
            let seen = self.strange.entry((kind, id)).or_default();
            *seen = pass.max(*seen);
        }
        taken.touched = self.touch_hubs(&touches, live);
        taken
    }

    fn is(
        &mut self,
        intake: &Intake,
        record: &Record,
        version: u64,
        touches: &mut BTreeMap<Hub, Urgency>,
        taken: &mut Taken,
    ) {
        let (kind, id) = (record.kind(), record.id());
        let found = self.rows.iter().find(|(_, row)| (row.kind, &row.id) == (kind, &id)).map(|(n, _)| *n);
        let n = found.unwrap_or(self.rows.len() as u64 + 1);
        let old = self.rows.get(&n).cloned();
        let mut urgency = intake.urgency;
        if let Some(old) = &old {
            let stale = match old.life {
                Life::Ended => version <= old.version,
                _ => intake.pass.is_none() && version < old.version,
            };
            if version > 0 && stale {
                taken.stale += 1;
                return;
            }
            if old.record.as_ref() == Some(record) {
                taken.unchanged += 1;
                let row = self.rows.get_mut(&n).unwrap();
                row.version = version;
                row.seen = intake.pass.unwrap_or(row.seen);
                self.reconsider(n, intake.urgency);
                return;
            }
            urgency = self.place(old, urgency);
        }
        if old.as_ref().is_some_and(|old| old.life == Life::Live) {
            taken.changed += 1;
        } else {
            taken.new += 1;
        }
        let hubs = old.iter().filter_map(|old| old.record.as_ref()).chain([record]).flat_map(Record::provides);
        note(touches, kind, intake.urgency, hubs);
        self.revision += 1;
        let row = Row {
            kind,
            id,
            revision: self.revision,
            urgency,
            life: Life::Live,
            version,
            seen: intake.pass.unwrap_or(old.map_or(0, |old| old.seen)),
            record: Some(record.clone()),
            unread: false,
        };
        self.strange.remove(&(row.kind, row.id.clone()));
        self.rows.insert(n, row);
    }

    fn gone(
        &mut self,
        n: Option<u64>,
        version: Option<u64>,
        urgency: Urgency,
        touches: &mut BTreeMap<Hub, Urgency>,
        taken: &mut Taken,
    ) {
        let Some(n) = n else {
            taken.unchanged += 1;
            return;
        };
        let old = self.rows[&n].clone();
        if old.life != Life::Live {
            taken.unchanged += 1;
            self.reconsider(n, urgency);
            if version
                .is_some_and(|version| version > old.version || (version == old.version && old.life == Life::Gone))
            {
                let row = self.rows.get_mut(&n).unwrap();
                row.version = version.unwrap();
                row.life = Life::Ended;
            }
            return;
        }
        if version.is_some_and(|version| old.version > version) {
            taken.stale += 1;
            return;
        }
        taken.gone += 1;
        note(touches, old.kind, urgency, old.record.as_ref().unwrap().provides());
        let urgency = self.place(&old, urgency);
        self.revision += 1;
        let row = self.rows.get_mut(&n).unwrap();
        row.revision = self.revision;
        row.urgency = urgency;
        row.life = if version.is_some() { Life::Ended } else { Life::Gone };
        row.version = version.unwrap_or(row.version);
        row.record = None;
        row.unread = false;
        self.strange.remove(&(old.kind, old.id));
    }

    /// Flows skipped it while it was unread.
    fn reconsider(&mut self, n: u64, urgency: Urgency) {
        let old = self.rows[&n].clone();
        self.strange.remove(&(old.kind, old.id.clone()));
        if !old.unread {
            return;
        }
        let urgency = self.place(&old, urgency);
        self.revision += 1;
        let row = self.rows.get_mut(&n).unwrap();
        row.revision = self.revision;
        row.urgency = urgency;
        row.unread = false;
    }

    fn place(&self, old: &Row, wanted: Urgency) -> Urgency {
        let waits = self.flows.values().any(|flow| old.revision > flow.cursor[old.urgency as usize]);
        if waits { wanted.min(old.urgency) } else { wanted }
    }

    fn touch_hubs(&mut self, touches: &BTreeMap<Hub, Urgency>, live: u64) -> u64 {
        let mut numbers: BTreeMap<u64, Urgency> = BTreeMap::new();
        for (hub, urgency) in touches {
            if *hub == Hub::Offer {
                if live > 0 && !self.spreading.iter().any(|(beyond, _)| *beyond == 0) {
                    self.spreading.push((0, live));
                }
                continue;
            }
            for (n, row) in &self.rows {
                let Some(record) = &row.record else { continue };
                let own = matches!((record, hub), (Record::Product(it), Hub::Product(id)) if it.id == *id);
                if own || record.uses().contains(hub) {
                    let place = numbers.entry(*n).or_insert(*urgency);
                    *place = (*place).min(*urgency);
                }
            }
        }
        numbers.into_iter().filter(|(n, urgency)| self.touch(*n, *urgency)).count() as u64
    }

    fn touch(&mut self, n: u64, urgency: Urgency) -> bool {
        let Some(old) = self.rows.get(&n).filter(|row| row.life == Life::Live).cloned() else { return false };
        if old.revision > self.began && old.urgency <= urgency {
            return false;
        }
        let urgency = self.place(&old, urgency);
        self.revision += 1;
        let row = self.rows.get_mut(&n).unwrap();
        row.revision = self.revision;
        row.urgency = urgency;
        true
    }

    pub(crate) fn sweep(&mut self, sweep: &Sweep) -> Swept {
        self.began = self.revision;
        let swept = |kind| sweep.sweeps.iter().any(|(of, _)| *of == kind);
        let of = |row: &Row| swept(row.kind) && row.life == Life::Live;
        let live = self.rows.values().filter(|row| of(row)).count() as u64;
        let unseen = |kind: &Kind| {
            let kind = *kind;
            self.rows.iter().filter(move |(_, row)| row.kind == kind && of(row) && row.seen != sweep.pass)
        };
        let missing: Vec<u64> = sweep.sweeps.iter().flat_map(|(kind, _)| unseen(kind)).map(|(n, _)| *n).collect();
        let count = missing.len() as u64;
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let beyond = |kind: Kind, guard: f64| {
            let live = self.live(kind);
            let count = unseen(&kind).count() as u64;
            count > 0 && (count == live || (count > 1 && count as f64 > guard * live as f64))
        };
        let held = sweep.guard.is_some_and(|guard| sweep.sweeps.iter().any(|(kind, _)| beyond(*kind, guard)));
        if !held {
            let mut touches = BTreeMap::new();
            let live = self.live(Kind::Product);
            for n in missing {
                self.gone(Some(n), None, Urgency::Live, &mut touches, &mut Taken::default());
            }
            self.touch_hubs(&touches, live);
            let strange = self.strange.iter().filter(|(_, pass)| **pass < sweep.pass);
            let strange: Vec<_> = strange.map(|(name, _)| name.clone()).collect();
            for name in strange {
                let found = self.rows.iter().find(|(_, row)| (row.kind, &row.id) == (name.0, &name.1));
                if let Some(n) = found.map(|(n, _)| *n) {
                    self.reconsider(n, Urgency::Live);
                }
                self.strange.remove(&name);
            }
        }
        Swept { live, missing: count, held }
    }

    pub(crate) fn spread(&mut self, limit: u64) -> u64 {
        self.began = self.revision;
        let mut room = limit;
        while room > 0 && !self.spreading.is_empty() {
            let (beyond, left) = self.spreading[0];
            let products = self.rows.iter().filter(|(n, row)| row.kind == Kind::Product && **n > beyond);
            let numbers: Vec<u64> = products.map(|(n, _)| *n).take(usize::try_from(room).unwrap()).collect();
            for n in &numbers {
                self.touch(*n, Urgency::Backfill);
            }
            let done = numbers.len() as u64;
            if done == room {
                self.spreading[0] = (*numbers.last().unwrap(), left.saturating_sub(room).max(1));
            } else {
                self.spreading.remove(0);
            }
            room -= done;
        }
        self.spreading.iter().map(|(_, left)| left).sum()
    }

    pub(crate) fn wake(&mut self, now: Timestamp) -> u64 {
        self.began = self.revision;
        let mut numbers = BTreeMap::new();
        for flow in self.flows.values_mut() {
            for (n, entry) in &mut flow.entries {
                if !entry.holds.contains(now) {
                    entry.holds = Window::OPEN;
                    *numbers.entry(*n).or_insert(false) |= entry.revision >= self.rows[n].revision;
                }
            }
        }
        for (n, _) in numbers.iter().filter(|(_, is_processed)| **is_processed) {
            self.touch(*n, Urgency::Urgent);
        }
        numbers.len() as u64
    }

    pub(crate) fn live(&self, kind: Kind) -> u64 {
        self.rows.values().filter(|row| row.kind == kind && row.life == Life::Live).count() as u64
    }

    pub(crate) fn numbers(&self) -> Vec<u64> {
        self.rows.iter().filter(|(_, row)| Kind::CARRIED.contains(&row.kind)).map(|(n, _)| *n).collect()
    }

    // ── flows ───────────────────────────────────────────────────────────────────────────────────────────────────────

    pub(crate) fn register(&mut self, name: &str, fingerprint: &str, shared: bool) -> (bool, u64) {
        let new = !self.flows.contains_key(name);
        let flow = self.flows.entry(name.to_owned()).or_default();
        flow.shared |= shared;
        let restarted = !new && flow.fingerprint != fingerprint;
        if restarted {
            flow.cursor = [0; 3];
        }
        fingerprint.clone_into(&mut flow.fingerprint);
        let mut cut_off: BTreeMap<u64, Vec<String>> = BTreeMap::new();
        for (n, id) in std::mem::take(&mut flow.open).into_values().flatten() {
            cut_off.entry(n.0).or_default().push(id);
        }
        for (n, ids) in &cut_off {
            let kind = self.rows[n].kind;
            let owned = |id: &&String| !flow.shared || flow.owner(kind, id).is_none_or(|owner| owner == *n);
            let owned: Vec<String> = ids.iter().filter(owned).cloned().collect();
            let held = &mut flow.doubt(*n).items;
            for id in owned {
                match held.iter_mut().find(|(held, _)| *held == id) {
                    Some((_, digests)) => *digests = None,
                    None => held.push((id, None)),
                }
            }
            flow.keep_claims(kind, *n);
        }
        (restarted, cut_off.len() as u64)
    }

    pub(crate) fn opened(&mut self, flow: &str, id: u64, items: Vec<(Number, String)>) {
        let flow = self.flows.get_mut(flow).unwrap();
        flow.open.insert(id, items);
    }

    pub(crate) fn closed(&mut self, flow: &str, id: u64) {
        let flow = self.flows.get_mut(flow).unwrap();
        flow.open.remove(&id);
    }

    pub(crate) fn workload(&self, name: &str, take: &Take) -> (Vec<Seen>, Cursor) {
        let flow = &self.flows[name];
        let mut workload: Vec<Seen> = Vec::new();
        let mut cursor = flow.cursor;
        for urgency in Urgency::ALL {
            let at = urgency as usize;
            if urgency == Urgency::Backfill {
                let mut due: Vec<(i64, u64)> = flow
                    .entries
                    .iter()
                    .filter_map(|(n, entry)| match entry.state {
                        State::Retry(until) if until <= take.now && !self.rows[n].unread => Some((until.millis(), *n)),
                        _ => None,
                    })
                    .collect();
                due.sort_unstable();
                workload.extend(due.iter().take(take.retries).map(|(_, n)| self.seen(flow, *n, None)));
            }
            let mut beyond: Vec<(u64, u64)> = self
                .rows
                .iter()
                .filter(|(_, row)| Kind::CARRIED.contains(&row.kind) && row.urgency == urgency)
                .filter(|(_, row)| row.revision > flow.cursor[at])
                .map(|(n, row)| (row.revision, *n))
                .collect();
            beyond.sort_unstable();
            beyond.truncate(take.fresh[at]);
            if beyond.len() < take.fresh[at] {
                cursor[at] = self.revision.max(cursor[at]);
            } else if let Some((revision, _)) = beyond.last() {
                cursor[at] = *revision;
            }
            beyond.retain(|(_, n)| !self.rows[n].unread);
            workload.extend(beyond.iter().map(|(_, n)| self.seen(flow, *n, Some(urgency))));
        }
        let mut numbers = BTreeSet::new();
        workload.retain(|seen| numbers.insert(seen.number));
        (workload, Cursor(cursor.map(Revision)))
    }

    fn seen(&self, flow: &Flow, n: u64, urgency: Option<Urgency>) -> Seen {
        let row = &self.rows[&n];
        let mut joined = Vec::new();
        let mut hubs = row.record.as_ref().map(Record::joins).unwrap_or_default();
        let mut at = 0;
        while let Some(hub) = hubs.get(at).cloned() {
            at += 1;
            if hubs.iter().take(at - 1).any(|before| *before == hub) {
                continue;
            }
            for record in self.rows.values().filter_map(|row| row.record.clone()) {
                let is_part = Kind::PARTS.contains(&record.kind()) && record.provides().contains(&hub);
                if is_part && !joined.contains(&record) {
                    hubs.extend(record.joins());
                    joined.push(record);
                }
            }
        }
        Seen {
            number: n,
            revision: row.revision,
            urgency,
            id: row.id.clone(),
            record: row.record.clone(),
            joined,
            state: flow.entries.get(&n).map(|entry| entry.state.clone()),
        }
    }

    pub(crate) fn settle(&mut self, name: &str, settled: &Settled) {
        let flow = self.flows.get_mut(name).unwrap();
        let kind = self.rows[&settled.number.0].kind;
        let old = flow.entries.get(&settled.number.0).cloned();
        if old.as_ref().is_some_and(|old| old.revision > settled.revision.0) {
            return;
        }
        if flow.shared && flow.settle_outdated(kind, settled) {
            return;
        }
        let turn = old.as_ref().map_or(0, |old| old.turn);
        let attempts = match settled.state {
            State::Retry(_) => old.as_ref().map_or(0, |old| old.attempts) + 1,
            _ => 0,
        };
        let (items, payloads) = match (&settled.items, old) {
            (Held::Same, Some(old)) => (old.items, old.payloads),
            (Held::Same, None) => Default::default(),
            (Held::Items(items), old) => {
                let mut stored = old.map(|old| old.payloads).unwrap_or_default();
                let kept = items.iter().filter_map(|item| {
                    let id = item.id.as_str().to_owned();
                    let payload = match &item.payload {
                        Some(payload) => Some(payload.object()),
                        None => stored.remove(&id),
                    };
                    Some((id, payload?))
                });
                let kept = kept.collect();
                (items.iter().map(|item| (item.id.as_str().to_owned(), item.digests)).collect(), kept)
            }
        };
        let state = settled.state.clone();
        let entry =
            Entry { state, revision: settled.revision.0, attempts, holds: settled.holds, items, payloads, turn };
        flow.entries.insert(settled.number.0, entry);
        flow.keep_claims(kind, settled.number.0);
    }

    /// Sets the claims of records, with their ranks.
    pub(crate) fn claim(&mut self, name: &str, claims: &[(u64, i64, Vec<String>)]) {
        let mut claims = claims.to_vec();
        claims.sort_by_key(|(n, rank, _)| std::cmp::Reverse((*rank, *n)));
        let flow = self.flows.get_mut(name).unwrap();
        for (n, rank, items) in claims.iter().filter(|_| flow.shared).collect::<Vec<_>>() {
            flow.set_claims(self.rows[n].kind, *n, *rank, items);
        }
    }

    /// The owner of an item.
    pub(crate) fn owner(&self, name: &str, kind: Kind, id: &str) -> Option<u64> {
        if self.flows[name].shared {
            return self.flows[name].owner(kind, id);
        }
        self.rows.iter().find(|(_, row)| row.kind == kind && row.id.as_str() == id).map(|(n, _)| *n)
    }

    pub(crate) fn advance(&mut self, name: &str, cursor: Cursor) {
        let flow = self.flows.get_mut(name).unwrap();
        for (stands, to) in flow.cursor.iter_mut().zip(cursor.0) {
            *stands = to.0.max(*stands);
        }
    }

    pub(crate) fn release(&mut self, name: &str, kind: Kind, up_to: Revision) -> u64 {
        let mut released = Vec::new();
        let flow = self.flows.get_mut(name).unwrap();
        for (n, entry) in &mut flow.entries {
            let row = &self.rows[n];
            if entry.state == State::AwaitsFeed && row.kind == kind && entry.revision <= up_to.0 {
                entry.state =
                    if row.life == Life::Live { State::Retry(Timestamp::from_millis(0)) } else { State::Gone };
                entry.items.clear();
                entry.payloads.clear();
                entry.attempts = 0;
                released.push(*n);
            }
        }
        for n in &released {
            flow.keep_claims(kind, *n);
        }
        released.len() as u64
    }

    pub(crate) fn replay(&mut self, name: &str, numbers: &[Number]) -> u64 {
        self.end_letters(name, numbers, numbers.is_empty(), &State::Retry(Timestamp::from_millis(0)))
    }

    pub(crate) fn discard(&mut self, name: &str, numbers: &[Number]) -> u64 {
        self.end_letters(name, numbers, false, &State::Filtered("dropped".to_owned()))
    }

    fn end_letters(&mut self, name: &str, numbers: &[Number], all: bool, state: &State) -> u64 {
        let flow = self.flows.get_mut(name).unwrap();
        let dead = |(n, entry): &(&u64, &Entry)| entry.state == State::Dead && (all || numbers.contains(&Number(**n)));
        let mut chosen: Vec<u64> = flow.entries.iter().filter(dead).map(|(n, _)| *n).collect();
        // Who is made due by what another one claims no more is not dead by then.
        chosen.retain(|n| {
            if flow.entries[n].state != State::Dead {
                return false;
            }
            if flow.shared && matches!(state, State::Filtered(_)) {
                flow.set_claims(self.rows[n].kind, *n, 0, &[]);
            }
            let entry = flow.entries.get_mut(n).unwrap();
            entry.state = state.clone();
            entry.attempts = 0;
            true
        });
        chosen.len() as u64
    }

    pub(crate) fn doubt(&mut self, name: &str, numbers: &[Number]) -> u64 {
        let flow = self.flows.get_mut(name).unwrap();
        let mut count = 0;
        for n in numbers {
            if flow.entries.get(&n.0).is_some_and(|entry| !entry.items.is_empty()) {
                for (_, digests) in &mut flow.doubt(n.0).items {
                    *digests = None;
                }
                count += 1;
            }
        }
        count
    }

    pub(crate) fn entry(&self, name: &str, n: u64) -> Option<&Entry> {
        self.flows[name].entries.get(&n)
    }

    pub(crate) fn tally(&self, name: &str) -> Tally {
        let flow = &self.flows[name];
        let known = |kind: Kind, id: &RecordId| self.rows.values().any(|row| (row.kind, &row.id) == (kind, id));
        let kinds = Kind::CARRIED.into_iter().map(|kind| {
            let mut states = States::default();
            for (n, row) in self.rows.iter().filter(|(_, row)| row.kind == kind) {
                let beyond = row.revision > flow.cursor[row.urgency as usize];
                match flow.entries.get(n).map(|entry| &entry.state) {
                    _ if row.unread => states.unread += 1,
                    None | Some(State::Retry(_)) => states.pending += 1,
                    _ if beyond => states.pending += 1,
                    Some(State::AwaitsFeed | State::AwaitsImport) => states.waiting += 1,
                    Some(State::Held(hold)) => {
                        states.held += 1;
                        *states.holds.entry(hold.name().to_owned()).or_default() += 1;
                    }
                    Some(State::InSync) => states.in_sync += 1,
                    Some(State::Dead) => states.dead += 1,
                    Some(State::Gone) => states.gone += 1,
                    Some(State::Filtered(rule)) => {
                        states.filtered += 1;
                        *states.rules.entry(rule.clone()).or_default() += 1;
                    }
                }
            }
            let strange = self.strange.keys().filter(|(of, id)| *of == kind && !known(kind, id));
            states.unread += strange.count() as u64;
            states.mirror = states.sum();
            (kind, states)
        });
        let spreading = self.spreading.iter().map(|(_, left)| left).sum();
        Tally { spreading, ..Tally::of(kinds.collect()) }
    }
}

impl Flow {
    fn owner(&self, kind: Kind, id: &str) -> Option<u64> {
        let claims = self.claims.get(&(kind, id.to_owned()))?;
        claims.iter().max_by_key(|(n, rank)| (**rank, **n)).map(|(n, _)| *n)
    }

    /// Makes the record due; returns its entry.
    fn doubt(&mut self, n: u64) -> &mut Entry {
        let entry = self.entries.entry(n).or_insert_with(|| Entry {
            state: State::Gone,
            revision: 0,
            attempts: 0,
            holds: Window::OPEN,
            items: Vec::new(),
            payloads: BTreeMap::new(),
            turn: 0,
        });
        entry.state = State::Retry(Timestamp::from_millis(0));
        entry.turn += 1;
        entry
    }

    fn set_claims(&mut self, kind: Kind, n: u64, rank: i64, wanted: &[String]) {
        let held = self.entries.get(&n).into_iter().flat_map(|entry| &entry.items).map(|(id, _)| (id.clone(), LEFT));
        let mut now: BTreeMap<String, i64> = held.collect();
        now.extend(wanted.iter().map(|id| (id.clone(), rank)));
        let of = |(item, ranks): (&(Kind, String), &BTreeMap<u64, i64>)| {
            (item.0 == kind).then(|| Some((item.1.clone(), *ranks.get(&n)?))).flatten()
        };
        let before: Vec<(String, i64)> = self.claims.iter().filter_map(of).collect();
        for (id, before) in before {
            let rank = now.remove(&id);
            if rank != Some(before) {
                self.set_claim(kind, n, &id, rank);
            }
        }
        for (id, rank) in now {
            self.set_claim(kind, n, &id, Some(rank));
        }
    }

    /// An item that gets another owner is in doubt there.
    fn set_claim(&mut self, kind: Kind, n: u64, id: &str, rank: Option<i64>) {
        let before = self.owner(kind, id);
        let ranks = self.claims.entry((kind, id.to_owned())).or_default();
        match rank {
            Some(rank) => drop(ranks.insert(n, rank)),
            None => drop(ranks.remove(&n)),
        }
        let (Some(from), Some(to)) = (before, self.owner(kind, id)) else { return };
        if from != to {
            let loses = self.doubt(from);
            loses.items.retain(|(held, _)| held != id);
            loses.payloads.remove(id);
            let ranks = self.claims.get_mut(&(kind, id.to_owned())).unwrap();
            if ranks.get(&from) == Some(&LEFT) {
                ranks.remove(&from);
            }
            self.doubt(to).items.push((id.to_owned(), None));
        }
    }

    /// A record claims the items that it holds, at least with the rank [`LEFT`].
    fn keep_claims(&mut self, kind: Kind, n: u64) {
        let held: Vec<String> = self.entries[&n].items.iter().map(|(id, _)| id.clone()).collect();
        let gone = |((of, id), ranks): (&(Kind, String), &BTreeMap<u64, i64>)| {
            (*of == kind && ranks.get(&n) == Some(&LEFT) && !held.contains(id)).then(|| id.clone())
        };
        let gone: Vec<String> = self.claims.iter().filter_map(gone).collect();
        for id in gone {
            self.set_claim(kind, n, &id, None);
        }
        for id in &held {
            if self.shared && self.owner(kind, id).is_none() {
                self.set_claim(kind, n, id, Some(LEFT));
            }
        }
    }

    /// Whether an item got another owner since the record was processed; then all its items are in doubt.
    fn settle_outdated(&mut self, kind: Kind, settled: &Settled) -> bool {
        let n = settled.number.0;
        let now = match &settled.items {
            Held::Same => Vec::new(),
            Held::Items(items) => items.iter().map(|item| item.id.to_string()).collect(),
        };
        let own = |id: &&String| self.owner(kind, id).is_none_or(|owner| owner == n);
        let own: Vec<String> = now.iter().filter(own).cloned().collect();
        let turn = self.entries.get(&n).map_or(0, |entry| entry.turn);
        if turn == settled.turn && own == now {
            return false;
        }
        let entry = self.doubt(n);
        for id in own {
            if !entry.items.iter().any(|(held, _)| *held == id) {
                entry.items.push((id, None));
            }
        }
        for (_, digests) in &mut entry.items {
            *digests = None;
        }
        self.keep_claims(kind, n);
        true
    }
}

fn note(touches: &mut BTreeMap<Hub, Urgency>, kind: Kind, urgency: Urgency, hubs: impl IntoIterator<Item = Hub>) {
    let urgent = matches!(kind, Kind::Stock | Kind::Price) && urgency != Urgency::Backfill;
    let urgency = if urgent { Urgency::Urgent } else { urgency };
    for hub in hubs {
        let place = touches.entry(hub).or_insert(urgency);
        *place = urgency.min(*place);
    }
}
