//! The suite that any [`Destination`] must pass against its emulator.
//!
//! Each check says one thing, starts from an emulator that fails nothing, and uses ids of its own, so that checks don't
//! depend on each other. A failed check returns text; nothing here panics.

mod sample;
pub mod scripted;

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use contract::{
    Account, Call, Destination, Digests, Facet, Facets, Fault, FaultClass, Item, Op, Outcome, Parcel, Payload, Receipt,
    Removal, Subject,
    destination::{Mapped, Markets, Need, Shown, Verdict},
    payload::MOST_FACETS,
};
use model::{Kind, Market, RemoteId};
use serde_json::Value as Json;

use sample::Sample;

/// The emulator behind the destination, as the suite controls it.
#[async_trait]
pub trait Emulator: Send + Sync {
    /// Makes every call fail like this from now on; `None`: no call fails.
    async fn fail(&self, failure: Option<Failure>);

    /// Refuses calls that carry an item with this id from now on; `None`: refuses no id.
    async fn refuse(&self, id: Option<&str>);

    /// Its items of a kind that are not hidden, by id, each with the members of the payload that it was made of: for a kind
    /// that is carried as [`Markets::Many`], fields with their values by place.
    async fn objects(&self, kind: Kind) -> BTreeMap<String, Json>;

    /// Texts that must never be seen in a fault or a receipt.
    fn secrets(&self) -> Vec<String>;
}

/// How calls fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Too many calls; the answer asks to wait this long, or names no time.
    Throttled(Option<Duration>),
    /// The connection closes after the call had its effect.
    ResetAfter,
    /// The connection closes before the call had its effect.
    ResetBefore,
    /// A proxy's error page instead of an answer; the call had no effect.
    ErrorPage,
    /// An error of the server in its own words; the call had no effect.
    ServerError,
    /// The call has its effect, and half the answer arrives.
    Truncated,
    /// The keys are refused.
    KeysRefused,
}

/// A check and its result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The promise.
    pub name: &'static str,
    /// How it was broken.
    pub result: Result<(), String>,
}

/// Runs every check. The result holds all of them, in order; the suite passes when none is an error.
pub async fn destination(destination: &dyn Destination, emulator: &dyn Emulator) -> Vec<Check> {
    let market = sample::market();
    let need = Need { markets: vec![market.clone()], creates: true, ..Need::default() };
    let (account, again) = (destination.prepare(&need).await, destination.prepare(&need).await);
    let prepared = match (&account, &again) {
        (Ok(_), Ok(_)) => Ok(()),
        (Err(fault), _) => Err(format!("it can't prepare the account: {fault:?}")),
        (Ok(_), Err(fault)) => Err(format!("it can't prepare the account a second time: {fault:?}")),
    };
    let account = account.unwrap_or_default();
    let suite = Suite { destination, emulator, market, account, held: Mutex::default() };
    let mapping = [
        ("it prepares the account, and again where that is done", prepared),
        ("its fields have names of their own and defaults", suite.fields()),
        ("the same listing gives the same bytes, and another version of it does not", suite.pure()),
        ("no member is null, every required one is there, and all are of their type", suite.admitted()),
        ("members that are taken are not written", suite.taken()),
        ("members of a facet that is patched are always there", suite.patchable()),
        ("it declares once how it takes each kind", suite.carries()),
        ("its limits can be worked with", suite.limits()),
        ("its fingerprint is stable and holds no secret", suite.fingerprint()),
    ];
    let mut checks: Vec<Check> = mapping.into_iter().map(|(name, result)| Check { name, result }).collect();
    macro_rules! run {
        ($($name:literal => $check:ident),* $(,)?) => {$(
            emulator.fail(None).await;
            emulator.refuse(None).await;
            let result = suite.$check().await;
            checks.push(Check { name: $name, result });
        )*};
    }
    run! {
        "what is put is there as it was sent" => put,
        "what is put twice is there once" => twice,
        "what is put again is replaced as a whole" => replaced,
        "a patch changes its facets and nothing else" => patched,
        "what is removed is gone, twice if need be" => removed,
        "texts of any script arrive" => scripts,
        "an item that is far too large does not stay without a verdict" => oversize,
        "one bad item is rejected, and the others arrive" => one_bad,
        "a throttled call had no effect and says how long to wait" => throttled,
        "a throttled call that names no time is deferred too" => throttled_silently,
        "a connection that breaks after the effect leaves it unknown, and sending again is safe" => reset_after,
        "a connection that breaks before the effect is never taken for delivered" => reset_before,
        "a proxy's error page is never taken for delivered, nor for the item's fault" => error_page,
        "a server's error passes" => server_error,
        "half an answer leaves the effect unknown" => truncated,
        "refused keys pause, and no item is blamed" => keys_refused,
        "a send is one call" => one_call,
        "calls under way at once do not disturb each other" => at_once,
        "what is read back is what is there" => read,
        "its check passes with good keys and reports bad ones" => check,
    }
    emulator.fail(None).await;
    emulator.refuse(None).await;
    checks
}

type Found = Result<(), String>;

/// How often the outcome of a call is asked for at most.
const MOST_POLLS: u32 = 500;
/// Time between two polls.
const POLL_EVERY: Duration = Duration::from_millis(10);

struct Suite<'s> {
    destination: &'s dyn Destination,
    emulator: &'s dyn Emulator,
    market: Market,
    account: Account,
    /// The payloads that were acknowledged.
    held: Mutex<BTreeMap<(Kind, RemoteId), Payload>>,
}

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Found {
    if holds { Ok(()) } else { Err(what()) }
}

impl Suite<'_> {
    // ── mapping ─────────────────────────────────────────────────────────────────────────────────────────────────────

    fn items(&self, sample: &Sample) -> Result<Vec<Item>, String> {
        self.mapped(sample, &|_| false)
    }

    fn mapped(&self, sample: &Sample, taken: &dyn Fn(&str) -> bool) -> Result<Vec<Item>, String> {
        let listing = sample.listing();
        let subject = Subject::Product(Shown::in_one(&self.market, &listing));
        match self.destination.map(&subject, &self.account, taken) {
            Ok(Mapped::Items(items)) if !items.is_empty() => {
                let mut items: Vec<Item> = items.into_iter().map(|made| made.item).collect();
                let unfit = items.iter_mut().find_map(|item| self.destination.fit(item, &self.account).err());
                unfit.map_or(Ok(items), |fault| Err(format!("product {} does not fit: {fault:?}", sample.id())))
            }
            other => Err(format!("product {} gives no item: {other:?}", sample.id())),
        }
    }

    fn item(&self, sample: &Sample) -> Result<Item, String> {
        self.items(sample)?.into_iter().next().ok_or_else(|| "no item".to_owned())
    }

    fn carries(&self) -> Found {
        let carries = self.destination.carries();
        ensure(!carries.is_empty(), || "it takes nothing".to_owned())?;
        for (place, carry) in carries.iter().enumerate() {
            let twice = carries.iter().take(place).any(|other| other.kind == carry.kind);
            ensure(!twice, || format!("it declares twice how it takes a {}", carry.kind))?;
            let facets = (self.destination.descriptor().facets)(carry.kind);
            let known = !facets.is_empty() && facets.len() <= MOST_FACETS;
            ensure(known, || format!("a {} has {} facets", carry.kind, facets.len()))?;
            let fields = (self.destination.descriptor().fields)(carry.kind);
            let lost = fields.iter().find(|field| Facets::NONE.with(field.facet).among(facets).next().is_none());
            ensure(lost.is_none(), || format!("field {} is in no facet", lost.map_or("", |field| field.name)))?;
        }
        Ok(())
    }

    fn fields(&self) -> Found {
        for kind in self.destination.carries().iter().map(|carry| carry.kind) {
            let fields = (self.destination.descriptor().fields)(kind);
            for (place, field) in fields.iter().enumerate() {
                let twice = fields.iter().take(place).any(|other| other.name == field.name);
                ensure(!twice, || format!("{kind} has two fields {}", field.name))?;
                let told = !field.default.is_empty() && !field.note.is_empty();
                ensure(told, || format!("field {} of {kind} has no default or no note", field.name))?;
            }
        }
        Ok(())
    }

    fn pure(&self) -> Found {
        let sample = Sample::new("pure");
        let (first, second) = (self.items(&sample)?, self.items(&sample)?);
        ensure(first == second, || format!("{first:?} is not {second:?}"))?;
        let changed = self.items(&sample.renamed("Another name"))?;
        ensure(first != changed, || "another name gives the same items".to_owned())
    }

    fn admitted(&self) -> Found {
        let fields = (self.destination.descriptor().fields)(Kind::Product);
        for sample in [Sample::new("admitted"), Sample::new("bare").bare()] {
            for item in self.items(&sample)? {
                let object = members(&item)?;
                for (name, value) in &object {
                    ensure(!value.is_null(), || format!("{name} is null"))?;
                    if let Some(field) = fields.iter().find(|field| field.name == name) {
                        for value in self.values(value)? {
                            ensure(field.of.admits(value), || format!("{name} is not {}: {value}", field.of.name()))?;
                            let violation = field.constraint.violation(value);
                            ensure(violation.is_none(), || format!("{name} {}", violation.unwrap_or_default()))?;
                        }
                        let place = serde_json::from_str::<BTreeMap<String, Json>>(&format!(
                            "{{{}}}",
                            item.payload.members(field.facet)
                        ));
                        let there = place.is_ok_and(|place| place.contains_key(name));
                        ensure(there, || format!("{name} is not in its facet {:?}", field.facet))?;
                    }
                }
                let missing = fields.iter().find(|field| field.required && !object.contains_key(field.name));
                ensure(missing.is_none(), || format!("{} is missing", missing.map_or("", |field| field.name)))?;
            }
        }
        Ok(())
    }

    /// The values of a member: one, or one by place.
    fn values<'v>(&self, member: &'v Json) -> Result<Vec<&'v Json>, String> {
        if !self.is_of_many_markets() {
            return Ok(vec![member]);
        }
        let by_place = member.as_object().ok_or_else(|| format!("{member} has no values by place"))?;
        Ok(by_place.values().collect())
    }

    fn is_of_many_markets(&self) -> bool {
        self.destination.carry(Kind::Product).is_some_and(|carry| carry.markets == Markets::Many)
    }

    fn taken(&self) -> Found {
        let sample = Sample::new("taken");
        let all = members(&self.item(&sample)?)?;
        for name in all.keys() {
            let items = self.mapped(&sample, &|other| other == name)?;
            let without = items.iter().map(members).collect::<Result<Vec<_>, _>>()?;
            ensure(without.iter().all(|it| !it.contains_key(name)), || format!("{name} is taken and written"))?;
        }
        Ok(())
    }

    fn patchable(&self) -> Found {
        for (facet, spec) in Facet::ALL.into_iter().zip((self.destination.descriptor().facets)(Kind::Product)) {
            if !self.destination.can_patch(Kind::Product, Facets::NONE.with(facet)) {
                continue;
            }
            let names = |sample: &Sample| -> Result<Vec<String>, String> {
                let members = self.item(sample)?.payload.members(facet).to_owned();
                Ok(object(&format!("{{{members}}}"))?.into_keys().collect())
            };
            let full = names(&Sample::new("patchable"))?;
            for other in [
                Sample::new("patchable").bare(),
                Sample::new("patchable").discounted(),
                Sample::new("patchable").untracked(),
                Sample::new("patchable").sold_out(),
            ] {
                // A destination may filter products that are sold out.
                if let Ok(other) = names(&other) {
                    ensure(full == other, || {
                        format!("{} has {full:?} for one product and {other:?} for another", spec.name)
                    })?;
                }
            }
        }
        Ok(())
    }

    fn limits(&self) -> Found {
        for kind in self.destination.carries().iter().map(|carry| carry.kind) {
            for op in [Op::Put, Op::Patch(Facets::ALL), Op::Remove, Op::Hide] {
                let limits = self.destination.limits(kind, op);
                let workable = limits.items > 0 && limits.bytes > 0 && limits.concurrency > 0;
                ensure(workable, || format!("{limits:?} for {} of {kind}", op.name()))?;
            }
        }
        let none = self.destination.can_patch(Kind::Product, Facets::NONE);
        ensure(!none, || "it claims to patch nothing".to_owned())
    }

    // ── calls that succeed ──────────────────────────────────────────────────────────────────────────────────────────

    /// Sends a call, and asks for its outcome until there is one.
    async fn send(&self, kind: Kind, op: Op, items: &[Item]) -> Result<Receipt, String> {
        let mut receipt = self.call(kind, op, items).await?;
        let ids: Vec<RemoteId> = items.iter().map(|item| item.id.clone()).collect();
        for _ in 0..MOST_POLLS {
            let Verdict::Pending { ticket, .. } = &receipt.verdict else {
                self.acknowledge(kind, op, items, &receipt);
                return Ok(receipt);
            };
            tokio::time::sleep(POLL_EVERY).await;
            receipt = self.destination.poll(ticket, &ids).await;
            self.harmless(&receipt)?;
        }
        Err(format!("there is no outcome after {MOST_POLLS} polls"))
    }

    async fn call(&self, kind: Kind, op: Op, items: &[Item]) -> Result<Receipt, String> {
        let payload = |item: &Item| match op {
            Op::Put | Op::Report => item.payload.clone(),
            Op::Patch(facets) => item.payload.only(facets),
            Op::Remove | Op::Hide => Payload::default(),
        };
        let needs_before = self.destination.carry(kind).is_some_and(|carry| carry.needs_before);
        let before = |item: &Item| self.acknowledged().get(&(kind, item.id.clone())).filter(|_| needs_before).cloned();
        let parcel = |item: &Item| Parcel { id: item.id.clone(), payload: payload(item), before: before(item) };
        let parcels = items.iter().map(parcel).collect();
        let receipt = self.destination.send(&Call { account: self.account.clone(), kind, op, parcels }).await;
        self.harmless(&receipt)?;
        Ok(receipt)
    }

    fn acknowledge(&self, kind: Kind, op: Op, items: &[Item], receipt: &Receipt) {
        for (item, outcome) in items.iter().zip(outcomes(receipt, items.len()).unwrap_or_default()) {
            if outcome.is_delivered() && op.takes_away() {
                self.acknowledged().remove(&(kind, item.id.clone()));
            } else if outcome.is_delivered() {
                self.acknowledged().insert((kind, item.id.clone()), item.payload.clone());
            }
        }
    }

    fn harmless(&self, receipt: &Receipt) -> Found {
        let shown = format!("{receipt:?}");
        let secret = self.emulator.secrets().into_iter().find(|secret| shown.contains(secret));
        ensure(secret.is_none(), || "a receipt holds a secret".to_owned())?;
        ensure(receipt.response.len() <= 4 * 1100, || "a receipt holds more than the beginning of an answer".to_owned())
    }

    fn acknowledged(&self) -> std::sync::MutexGuard<'_, BTreeMap<(Kind, RemoteId), Payload>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn deliver(&self, kind: Kind, op: Op, items: &[Item]) -> Found {
        let receipt = self.send(kind, op, items).await?;
        let outcomes = outcomes(&receipt, items.len())?;
        ensure(outcomes.iter().all(|it| it.is_delivered()), || format!("{} gave {receipt:?}", op.name()))
    }

    async fn holds(&self, kind: Kind, item: &Item) -> Found {
        let objects = self.emulator.objects(kind).await;
        let held = objects.get(item.id.as_str()).ok_or_else(|| format!("{} is not there", item.id))?;
        // Members that begin with a dollar sign are notes of the destination, and not sent. Some destinations hold the id
        // beside the members, and for some it is one of them.
        let is_sent = |name: &str| !name.starts_with('$') && name != "id";
        let expected: BTreeMap<String, Json> = members(item)?.into_iter().filter(|(name, _)| is_sent(name)).collect();
        let mut held = held.as_object().cloned().ok_or_else(|| format!("{held} is no object"))?;
        held.remove("id");
        let held: BTreeMap<String, Json> = held.into_iter().collect();
        ensure(held == expected, || format!("{} is held as {held:?}, not as {expected:?}", item.id))
    }

    async fn lacks(&self, kind: Kind, id: &RemoteId) -> Found {
        let there = self.emulator.objects(kind).await.contains_key(id.as_str());
        ensure(!there, || format!("{id} is there"))
    }

    async fn put(&self) -> Found {
        let items = self.items(&Sample::new("put"))?;
        self.deliver(Kind::Product, Op::Put, &items).await?;
        for item in &items {
            self.holds(Kind::Product, item).await?;
        }
        if self.destination.carry(Kind::Category).is_none() {
            return Ok(());
        }
        let category = self.category("put-category", "Jackets")?;
        self.deliver(Kind::Category, Op::Put, std::slice::from_ref(&category)).await?;
        self.holds(Kind::Category, &category).await
    }

    fn category(&self, id: &str, name: &str) -> Result<Item, String> {
        let made = sample::category(id, name, |listing| {
            let subject = Subject::Category(Shown::in_one(&self.market, listing));
            self.destination.map(&subject, &self.account, &|_| false)
        });
        match made {
            Ok(Mapped::Items(items)) => {
                items.into_iter().next().map(|made| made.item).ok_or_else(|| "a category gives no item".to_owned())
            }
            other => Err(format!("category {id} gives no item: {other:?}")),
        }
    }

    async fn twice(&self) -> Found {
        let items = self.items(&Sample::new("twice"))?;
        self.deliver(Kind::Product, Op::Put, &items).await?;
        let before = self.emulator.objects(Kind::Product).await;
        self.deliver(Kind::Product, Op::Put, &items).await?;
        let after = self.emulator.objects(Kind::Product).await;
        ensure(before == after, || "a second put of the same items changed something".to_owned())
    }

    async fn replaced(&self) -> Found {
        let sample = Sample::new("replaced");
        self.deliver(Kind::Product, Op::Put, &self.items(&sample)?).await?;
        let bare = self.item(&sample.bare())?;
        self.deliver(Kind::Product, Op::Put, std::slice::from_ref(&bare)).await?;
        self.holds(Kind::Product, &bare).await?;
        if self.destination.carry(Kind::Category).is_none() {
            return Ok(());
        }
        let mut category = self.category("replaced-category", "Old")?;
        self.deliver(Kind::Category, Op::Put, std::slice::from_ref(&category)).await?;
        category = self.category("replaced-category", "New")?;
        self.deliver(Kind::Category, Op::Put, std::slice::from_ref(&category)).await?;
        self.holds(Kind::Category, &category).await
    }

    async fn patched(&self) -> Found {
        let sample = Sample::new("patched");
        let mut before = self.item(&sample)?;
        self.deliver(Kind::Product, Op::Put, std::slice::from_ref(&before)).await?;
        for changed in [sample.restocked(), sample.restocked().discounted(), sample.clone(), sample.sold_out()] {
            let Ok(after) = self.item(&changed) else { continue };
            let facets = Digests::differing(&after.payload.digests(), &before.payload.digests());
            if facets.is_empty() || !self.destination.can_patch(Kind::Product, facets) {
                continue;
            }
            self.deliver(Kind::Product, Op::Patch(facets), std::slice::from_ref(&after)).await?;
            self.holds(Kind::Product, &after).await?;
            before = after;
        }
        Ok(())
    }

    async fn removed(&self) -> Found {
        let items = self.items(&Sample::new("removed"))?;
        self.deliver(Kind::Product, Op::Put, &items).await?;
        let hides = self.destination.carry(Kind::Product).is_some_and(|carry| carry.removal == Removal::Hide);
        for _ in 0..2 {
            self.deliver(Kind::Product, if hides { Op::Hide } else { Op::Remove }, &items).await?;
            for item in &items {
                self.lacks(Kind::Product, &item.id).await?;
            }
        }
        if self.destination.carry(Kind::Category).is_some_and(|carry| carry.removal == Removal::Call) {
            let category = self.category("removed-category", "Jackets")?;
            self.deliver(Kind::Category, Op::Put, std::slice::from_ref(&category)).await?;
            self.deliver(Kind::Category, Op::Remove, std::slice::from_ref(&category)).await?;
            self.lacks(Kind::Category, &category.id).await?;
        }
        Ok(())
    }

    async fn scripts(&self) -> Found {
        for name in ["قميص أحمر", "חולצה \u{202e}אדומה", "👩‍👩‍👧 日本語", "\"quoted\" \\ & <b>", "a\u{0}b\n\tc\u{2028}d"]
        {
            let item = self.item(&Sample::new("scripts").renamed(name))?;
            self.deliver(Kind::Product, Op::Put, std::slice::from_ref(&item)).await?;
            self.holds(Kind::Product, &item).await?;
        }
        Ok(())
    }

    async fn oversize(&self) -> Found {
        let item = self.item(&Sample::new("oversize").described(&"word ".repeat(400_000)))?;
        let receipt = self.send(Kind::Product, Op::Put, std::slice::from_ref(&item)).await?;
        match outcomes(&receipt, 1)?.first() {
            Some(outcome) if outcome.is_delivered() => self.holds(Kind::Product, &item).await,
            Some(Outcome::Rejected(_)) => Ok(()),
            _ => Err(format!("{receipt:?}")),
        }
    }

    // ── calls that fail ─────────────────────────────────────────────────────────────────────────────────────────────

    async fn one_bad(&self) -> Found {
        let items = ["one-good", "one-bad", "other-good"]
            .into_iter()
            .map(|id| self.item(&Sample::new(id)))
            .collect::<Result<Vec<_>, _>>()?;
        let bad = items.get(1).ok_or("no item")?;
        self.emulator.refuse(Some(bad.id.as_str())).await;
        let receipt = self.send(Kind::Product, Op::Put, &items).await?;
        match &receipt.verdict {
            Verdict::Each(each) => {
                let right = matches!(each.as_slice(), [Outcome::Delivered, Outcome::Rejected(_), Outcome::Delivered]);
                ensure(right, || format!("{each:?}"))?;
            }
            Verdict::Pending { .. } => return Err(format!("{receipt:?}")),
            Verdict::Whole(outcome) => {
                ensure(matches!(outcome, Outcome::Rejected(_)), || format!("the batch was {outcome:?}"))?;
                for item in &items {
                    let alone = self.send(Kind::Product, Op::Put, std::slice::from_ref(item)).await?;
                    let rejected = matches!(outcomes(&alone, 1)?.first(), Some(Outcome::Rejected(_)));
                    ensure(rejected == (item.id == bad.id), || format!("{} alone was {alone:?}", item.id))?;
                }
            }
        }
        self.lacks(Kind::Product, &bad.id).await?;
        self.emulator.refuse(None).await;
        self.deliver(Kind::Product, Op::Put, std::slice::from_ref(bad)).await
    }

    /// Puts a new item while calls fail; returns it with its outcome.
    async fn failing(&self, id: &str, failure: Failure) -> Result<(Item, Outcome), String> {
        let item = self.item(&Sample::new(id))?;
        self.emulator.fail(Some(failure)).await;
        let receipt = self.send(Kind::Product, Op::Put, std::slice::from_ref(&item)).await;
        self.emulator.fail(None).await;
        let receipt = receipt?;
        let outcome = (*outcomes(&receipt, 1)?.first().ok_or("no outcome")?).clone();
        Ok((item, outcome))
    }

    async fn recovers(&self, item: &Item) -> Found {
        self.deliver(Kind::Product, Op::Put, std::slice::from_ref(item)).await?;
        self.holds(Kind::Product, item).await
    }

    async fn throttled(&self) -> Found {
        let wait = Duration::from_secs(7);
        let (item, outcome) = self.failing("throttled", Failure::Throttled(Some(wait))).await?;
        let right = matches!(&outcome, Outcome::Deferred(fault)
            if fault.class == FaultClass::Throttled && fault.retry_after == Some(wait));
        ensure(right, || format!("{outcome:?}"))?;
        self.lacks(Kind::Product, &item.id).await?;
        self.recovers(&item).await
    }

    async fn throttled_silently(&self) -> Found {
        let (item, outcome) = self.failing("throttled-silently", Failure::Throttled(None)).await?;
        let right = matches!(&outcome, Outcome::Deferred(fault)
            if fault.class == FaultClass::Throttled && fault.retry_after.is_none());
        ensure(right, || format!("{outcome:?}"))?;
        self.recovers(&item).await
    }

    async fn reset_after(&self) -> Found {
        let (item, outcome) = self.failing("reset-after", Failure::ResetAfter).await?;
        ensure(is_unknown(&outcome), || format!("{outcome:?}"))?;
        self.holds(Kind::Product, &item).await?;
        self.recovers(&item).await
    }

    async fn reset_before(&self) -> Found {
        let (item, outcome) = self.failing("reset-before", Failure::ResetBefore).await?;
        ensure(is_passing(&outcome), || format!("{outcome:?}"))?;
        self.lacks(Kind::Product, &item.id).await?;
        self.recovers(&item).await
    }

    async fn error_page(&self) -> Found {
        let (item, outcome) = self.failing("error-page", Failure::ErrorPage).await?;
        ensure(is_passing(&outcome), || format!("{outcome:?}"))?;
        self.recovers(&item).await
    }

    async fn server_error(&self) -> Found {
        let (item, outcome) = self.failing("server-error", Failure::ServerError).await?;
        ensure(is_passing(&outcome), || format!("{outcome:?}"))?;
        self.recovers(&item).await
    }

    async fn truncated(&self) -> Found {
        let (item, outcome) = self.failing("truncated", Failure::Truncated).await?;
        ensure(is_unknown(&outcome), || format!("{outcome:?}"))?;
        self.recovers(&item).await
    }

    async fn keys_refused(&self) -> Found {
        let (item, outcome) = self.failing("keys-refused", Failure::KeysRefused).await?;
        let right = matches!(&outcome, Outcome::Deferred(fault)
            if fault.class == FaultClass::Credentials && fault.hint.is_some());
        ensure(right, || format!("{outcome:?}"))?;
        self.lacks(Kind::Product, &item.id).await?;
        self.recovers(&item).await
    }

    // ── the rest ────────────────────────────────────────────────────────────────────────────────────────────────────

    async fn one_call(&self) -> Found {
        let item = self.item(&Sample::new("one-call"))?;
        for failure in [None, Some(Failure::ResetAfter), Some(Failure::Throttled(None)), Some(Failure::ErrorPage)] {
            self.emulator.fail(failure).await;
            let before = self.destination.calls();
            self.call(Kind::Product, Op::Put, std::slice::from_ref(&item)).await?;
            let made = self.destination.calls() - before;
            ensure(made == 1, || format!("{made} calls under {failure:?}"))?;
        }
        Ok(())
    }

    async fn at_once(&self) -> Found {
        let names = ["at-once-1", "at-once-2", "at-once-3", "at-once-4"];
        let items = names.into_iter().map(|id| self.item(&Sample::new(id))).collect::<Result<Vec<_>, _>>()?;
        let [first, second, third, fourth] = items.as_slice() else { return Err("no items".to_owned()) };
        let one = |item| self.deliver(Kind::Product, Op::Put, std::slice::from_ref(item));
        let found = tokio::join!(one(first), one(second), one(third), one(fourth));
        found.0.and(found.1).and(found.2).and(found.3)?;
        for item in &items {
            self.holds(Kind::Product, item).await?;
        }
        Ok(())
    }

    async fn read(&self) -> Found {
        let item = self.item(&Sample::new("read"))?;
        self.deliver(Kind::Product, Op::Put, std::slice::from_ref(&item)).await?;
        let ids = [item.id.clone(), RemoteId::from("never-there")];
        let Some(read) = self.destination.read(Kind::Product, &ids).await else { return Ok(()) };
        let read = read.map_err(|fault| format!("{fault:?}"))?;
        let [(id, object)] = read.as_slice() else { return Err(format!("{} objects were read", read.len())) };
        ensure(*id == item.id, || format!("{id} was read instead of {}", item.id))?;
        for (name, value) in members(&item)? {
            ensure(object.get(&name) == Some(&value), || format!("{name} was read as {:?}", object.get(&name)))?;
        }
        self.emulator.fail(Some(Failure::ErrorPage)).await;
        let failed = self.destination.read(Kind::Product, &ids).await;
        ensure(matches!(failed, Some(Err(_))), || format!("a failed read gave {failed:?}"))
    }

    async fn check(&self) -> Found {
        let findings = self.destination.check().await;
        ensure(!findings.is_empty(), || "it finds nothing".to_owned())?;
        let wrong = findings.iter().find(|finding| finding.result.is_err());
        ensure(wrong.is_none(), || format!("with good keys it finds {wrong:?}"))?;
        self.emulator.fail(Some(Failure::KeysRefused)).await;
        let findings = self.destination.check().await;
        let faults: Vec<&Fault> = findings.iter().filter_map(|finding| finding.result.as_ref().err()).collect();
        let told = faults.iter().any(|fault| fault.class == FaultClass::Credentials && fault.hint.is_some());
        ensure(told, || format!("with refused keys it finds {findings:?}"))?;
        let shown = format!("{findings:?}");
        let secret = self.emulator.secrets().into_iter().any(|secret| shown.contains(&secret));
        ensure(!secret, || "a finding holds a secret".to_owned())
    }

    fn fingerprint(&self) -> Found {
        let fingerprint = self.destination.fingerprint();
        ensure(fingerprint == self.destination.fingerprint(), || "it is another every time".to_owned())?;
        let secret = self.emulator.secrets().into_iter().any(|secret| fingerprint.contains(&secret));
        ensure(!secret && !fingerprint.is_empty(), || "it is empty or holds a secret".to_owned())
    }
}

fn object(text: &str) -> Result<BTreeMap<String, Json>, String> {
    serde_json::from_str(text).map_err(|error| format!("a payload is no JSON: {error}: {text}"))
}

fn members(item: &Item) -> Result<BTreeMap<String, Json>, String> {
    object(&item.payload.object())
}

/// One outcome per item.
fn outcomes(receipt: &Receipt, count: usize) -> Result<Vec<&Outcome>, String> {
    match &receipt.verdict {
        Verdict::Whole(outcome) => Ok(vec![outcome; count]),
        Verdict::Each(each) if each.len() == count => Ok(each.iter().collect()),
        Verdict::Each(each) => Err(format!("{} outcomes for {count} items", each.len())),
        Verdict::Pending { .. } => Err("the call is carried out later".to_owned()),
    }
}

fn is_unknown(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Unknown(fault) if fault.class.is_passing())
}

fn is_passing(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Unknown(fault) | Outcome::Deferred(fault) if fault.class.is_passing())
}
