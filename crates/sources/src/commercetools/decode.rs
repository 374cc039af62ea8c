//! Turns the text of a page into changes; records that can't be read are kept apart from the others.

use std::{borrow::Cow, cell::RefCell, collections::BTreeMap, fmt::Display};

use contract::{Change, Fault, source::Unread};
use model::{Kind, RecordId, SelectionId};
use serde::Deserialize;
use wire::Instants;

use super::{
    api::{self, Envelope, Text},
    map::{self, Unfit, catalogue, customer, offer, order, price, product},
    mend,
    place::{After, Stage},
};

/// A page that was read.
#[derive(Debug, Default)]
pub struct Decoded {
    /// Its changes.
    pub changes: Vec<Change>,
    /// Its records that could not be read.
    pub unread: Vec<Unread>,
    /// Number of records, and the limit that the server applied.
    pub envelope: Envelope,
    /// When it was asked for.
    pub(super) at: Instants,
    /// Number of records that were asked for.
    pub asked: u16,
    /// The last record in the vendor's order, where the next page starts. `None`: the page is empty.
    pub last: Option<After>,
    /// How many products each selection of the page has, by id.
    pub counts: BTreeMap<String, u64>,
    /// The server does not accept this way of paging.
    pub refused: Option<Fault>,
}

impl Decoded {
    /// The ids of its records, including those that can't be read or are not published.
    pub fn records(&self) -> impl Iterator<Item = RecordId> {
        let read = self.changes.iter().map(|change| match change {
            Change::Is { record, .. } => record.id(),
            Change::Gone { id, .. } => id.clone(),
        });
        read.chain(self.unread.iter().filter_map(|unread| unread.id.clone()))
    }

    /// Whether there may be more: the page holds as many records as were asked for, or as the server gives at most.
    pub fn is_full(&self) -> bool {
        let most = self.envelope.limit.map_or(u64::from(self.asked), |limit| limit.min(self.asked.into()));
        self.envelope.count as u64 >= most
    }
}

/// Reads a page of this stage. `selection` is the one whose members are read.
///
/// # Errors
/// `C0207` when it is no page at all · `C0217` when its last record has no id to go on from.
pub fn decode(stage: Stage, settings: &map::Settings, selection: &str, body: &[u8]) -> Result<Decoded, Fault> {
    let text = String::from_utf8_lossy(body);
    let is_whole = matches!(text, Cow::Borrowed(_));
    let decoded = read(stage, settings, selection, &text);
    if is_whole && decoded.as_ref().is_ok_and(|decoded| decoded.unread.is_empty()) {
        return decoded;
    }
    // An invalid character is replaced, and the record is kept; an invalid number makes its record unread, not the page.
    let characters = mend::mended(&text);
    let numbers = mend::with_numbers(characters.as_deref().unwrap_or(&text)).filter(|_| decoded.is_err());
    let mended = numbers.or(characters);
    if is_whole && mended.is_none() {
        return decoded;
    }
    let mended = mended.unwrap_or_else(|| text.into_owned());
    let mut decoded = read(stage, settings, selection, &mended)?;
    mend::note(&mended, &mut decoded.changes)?;
    Ok(decoded)
}

fn read(stage: Stage, settings: &map::Settings, selection: &str, body: &str) -> Result<Decoded, Fault> {
    match stage {
        Stage::ProductTypes => each(body, Kind::ProductType, catalogue::product_type),
        Stage::Channels => each(body, Kind::Channel, offer::channel),
        Stage::CustomerGroups => each(body, Kind::CustomerGroup, offer::customer_group),
        Stage::Stores => each(body, Kind::Storefront, offer::store),
        Stage::Selections => {
            let counts = RefCell::default();
            let mut decoded = each(body, Kind::Selection, |it: api::ProductSelection<'_>| {
                let count = it.product_count.map(|count| (it.id.to_string(), count));
                BTreeMap::extend(&mut counts.borrow_mut(), count);
                offer::selection(it)
            })?;
            decoded.counts = counts.into_inner();
            Ok(decoded)
        }
        Stage::Categories => each(body, Kind::Category, catalogue::category),
        Stage::StandalonePrices => each(body, Kind::Price, price::standalone),
        Stage::Inventory => each(body, Kind::Stock, offer::inventory),
        Stage::Tailorings => each(body, Kind::Tailoring, product::tailoring),
        Stage::Projections => each(body, Kind::Product, |it| product::projection(settings, it)),
        Stage::Unpublished => each(body, Kind::Product, |it| Ok(product::unpublished(&it))),
        Stage::Products => each(body, Kind::Product, product::modular),
        Stage::Variants => each(body, Kind::Variant, |it| product::variant_record(settings, it)),
        Stage::Customers => each(body, Kind::Customer, |it| customer::customer(settings, it)),
        Stage::Orders => each(body, Kind::Order, order::order),
        Stage::Messages => {
            let mut decoded = records(body, Kind::Product, |it| Ok(offer::gone(&it)))?;
            // A message that can't be read is no record: it is ignored, and the next full read finds the deletion.
            decoded.unread.clear();
            Ok(decoded)
        }
        Stage::Members => {
            let selection = SelectionId::from(selection);
            let mut decoded = records(body, Kind::Assignment, |it| offer::assignment(&selection, it).map(Some))?;
            for unread in &mut decoded.unread {
                unread.id = unread.id.take().map(|product| format!("{selection}/{product}").into());
            }
            Ok(decoded)
        }
    }
}

/// The fields by which the vendor orders records.
trait Keyed<'a> {
    /// Id, and when it last changed.
    fn key(&self) -> (Text<'a>, Option<Text<'a>>);
}

macro_rules! keyed {
    ($($name:ident),*) => {$(
        impl<'a> Keyed<'a> for api::$name<'a> {
            fn key(&self) -> (Text<'a>, Option<Text<'a>>) {
                (self.id.clone(), self.last_modified_at.clone())
            }
        }
    )*};
}

keyed!(
    ProductType,
    Channel,
    CustomerGroup,
    Store,
    ProductSelection,
    Category,
    StandalonePrice,
    InventoryEntry,
    ProductProjection,
    ProductTailoring,
    UnpublishedProduct,
    Product,
    Variant,
    Customer,
    Order
);

impl<'a> Keyed<'a> for api::Message<'a> {
    fn key(&self) -> (Text<'a>, Option<Text<'a>>) {
        (self.id.clone(), self.created_at.clone())
    }
}

impl<'a> Keyed<'a> for api::AssignedProductReference<'a> {
    fn key(&self) -> (Text<'a>, Option<Text<'a>>) {
        (self.product.id.clone(), None)
    }
}

/// Records each of which is a change.
fn each<'a, T: Deserialize<'a> + Keyed<'a>>(
    body: &'a str,
    kind: Kind,
    map: impl Fn(T) -> Result<Change, Unfit>,
) -> Result<Decoded, Fault> {
    records(body, kind, |record| map(record).map(Some))
}

fn records<'a, T: Deserialize<'a> + Keyed<'a>>(
    body: &'a str,
    kind: Kind,
    map: impl Fn(T) -> Result<Option<Change>, Unfit>,
) -> Result<Decoded, Fault> {
    let mut page = Building::new(kind, body);
    match api::page(body, |record: T| page.take(record, &map)) {
        Ok(envelope) => Ok(page.finish(envelope)),
        Err(_) => one_by_one(body, kind, map),
    }
}

/// The same for a page with a record that can't be parsed: the others are read.
fn one_by_one<'a, T: Deserialize<'a> + Keyed<'a>>(
    body: &'a str,
    kind: Kind,
    map: impl Fn(T) -> Result<Option<Change>, Unfit>,
) -> Result<Decoded, Fault> {
    let (envelope, texts) = api::raw_page(body).map_err(|error| no_page(&told(kind, &error)))?;
    let mut page = Building::new(kind, body);
    for text in texts {
        match serde_json::from_str::<T>(text.get()) {
            Ok(record) => page.take(record, &map),
            Err(error) => page.unparsed(text.get(), &error),
        }
    }
    if envelope.count > 0 && page.last.is_none() {
        let fault = Fault::protocol("C0217", "the last record of a page has no id, so the walk can't go on from it");
        return Err(fault);
    }
    Ok(page.finish(envelope))
}

struct Building<'a> {
    kind: Kind,
    decoded: Decoded,
    last: Option<(Text<'a>, Option<Text<'a>>)>,
}

/// The fields that identify any record.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Identity<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    product: Option<api::Reference<'a>>,
    last_modified_at: Option<Text<'a>>,
    created_at: Option<Text<'a>>,
}

impl<'a> Building<'a> {
    /// Capacity for as many changes as the page may hold, so that a long list is not reallocated.
    fn new(kind: Kind, body: &str) -> Self {
        const SMALLEST_RECORD: usize = 1024;
        const MOST: usize = 500;
        let changes = Vec::with_capacity((body.len() / SMALLEST_RECORD).min(MOST));
        Self { kind, decoded: Decoded { changes, ..Decoded::default() }, last: None }
    }

    fn take<T: Keyed<'a>>(&mut self, record: T, map: impl Fn(T) -> Result<Option<Change>, Unfit>) {
        let key = record.key();
        match map(record) {
            Ok(change) => self.decoded.changes.extend(change),
            Err(unfit) => self.unread(Some(&key.0), unfit),
        }
        self.last = Some(key);
    }

    fn unparsed(&mut self, text: &'a str, error: &serde_json::Error) {
        let identity: Option<Identity<'a>> = serde_json::from_str(text).ok();
        let key = identity.and_then(|it| {
            let at = if self.kind == Kind::Assignment { None } else { it.last_modified_at.or(it.created_at) };
            Some((it.id.or(it.product.map(|product| product.id))?, at))
        });
        self.unread(key.as_ref().map(|(id, _)| id), Unfit::new(told(self.kind, error)));
        self.last = key;
    }

    fn unread(&mut self, id: Option<&Text<'a>>, unfit: Unfit) {
        let kind = self.kind;
        let fault = unfit.fault(kind, id.map_or("without an id", |id| id));
        self.decoded.unread.push(Unread { kind, id: id.map(|id| RecordId::from(&**id)), fault });
    }

    fn finish(self, envelope: Envelope) -> Decoded {
        let last = self.last.map(|(id, at)| After { id: id.into(), at: at.map(String::from) });
        Decoded { envelope, last, ..self.decoded }
    }
}

/// The parser's message. It quotes what it did not expect, which may be long, and about a person: of records about people it
/// says only what was expected, and where.
fn told(kind: Kind, error: &serde_json::Error) -> String {
    let message = error.to_string();
    match message.rsplit_once(", expected ") {
        Some((_, expected)) if kind.is_personal() => format!("it holds something else than {expected}"),
        _ => cut(&message),
    }
}

fn cut(message: &str) -> String {
    const MOST: usize = 300;
    match message.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", message.get(..end).unwrap_or_default()),
        None => message.to_owned(),
    }
}

pub(super) fn no_page(error: &dyn Display) -> Fault {
    Fault::protocol("C0207", format!("the answer is no page of records: {error}")).hint(
        "it was cut short, or something between here and the API answered in its place; check api_url if it stays",
    )
}
