//! The projection of a record into one market at an instant. Pure; no I/O, no clock, no platform's word.
//!
//! **Invariants:** the same record, joined records, reference and instant give the same listing, whatever the order of
//! prices and joined records. A listing is complete or there is none: it has a name, at least one variant, and a price
//! of at least zero for each. Bad data never panics: the record is filtered by a named rule, or one value is left out.

pub mod assortment;
mod attribute;
mod book;
mod category;
mod coverage;
mod language;
mod many;
mod origin;
mod parts;
mod people;
pub mod price;
mod product;
mod reference;
pub mod stock;
pub mod url;

use contract::Fault;
use model::{
    ChannelId, Filtered, GroupId, Locale, Market, PricePolicy, Storefront, StorefrontKey, Window, market::Untracked,
    price::Buyer,
};

use {assortment::Assortment, book::Policy, language::Fallback, stock::Places, url::Template};
pub use {
    coverage::Coverage,
    many::{Projections, Views},
    origin::Origin,
    reference::{CachedReference, Reference},
};

/// A record as projected into a market, or the rule that filters it, and how long that holds.
#[derive(Clone, Debug)]
pub struct Projection<T> {
    /// The listing, or the rule that filters the record.
    pub listing: Result<T, Filtered>,
    /// The span around the instant in which the result does not change by time alone.
    pub holds: Window,
}

/// A market with all names in its settings looked up. It is valid as long as the reference's revision does not change.
#[derive(Clone, Debug)]
pub struct View {
    market: Market,
    reference: Reference,
    language: Fallback,
    policy: Policy,
    group: Option<GroupId>,
    channel: Option<ChannelId>,
    places: Places,
    assortment: Assortment,
    product_url: Template,
    category_url: Template,
}

impl View {
    /// Looks up all names in the market's settings. `policy`, the vendor's rule, chooses one of several prices.
    ///
    /// # Errors
    /// [`contract::FaultClass::Config`]: `C0501` unknown channel, `C0502` unknown store, `C0503` unknown customer group,
    /// `C0504` URL template, `C0505` no locale. The hint lists what is known.
    pub fn new(market: &Market, reference: &Reference, policy: PricePolicy) -> Result<Self, Fault> {
        if market.locales.is_empty() {
            return Err(Fault::config("C0505", format!("market {} names no locale", market.key))
                .hint("set its `locale`, such as de or de-AT"));
        }
        let store = find_storefront(market, reference)?;
        let channel = |key: &String, setting: &str| find_channel(market, reference, key, setting);
        let supply =
            market.supply_channels.iter().map(|key| channel(key, "supply channel")).collect::<Result<_, _>>()?;
        let template = |text: &str, setting: &str, names: &[&str]| {
            Template::parse(text, &format!("{setting} of market {}", market.key), names)
        };
        let group = find_group(market, reference)?;
        let price_channel = market.price_channel.as_ref().map(|key| channel(key, "price channel")).transpose()?;
        let policy = Policy::new(policy, reference, &buyer(market, group.as_ref(), price_channel.as_ref()));
        Ok(Self {
            group,
            channel: price_channel,
            policy,
            places: Places::new(supply, store.map_or(&[], |store| &store.supply), |id| reference.untracked_in(id)),
            assortment: Assortment::new(store, |id| reference.selection(id)),
            product_url: template(&market.product_url, "product_url", &["slug", "path", "id", "key", "sku", "locale"])?,
            category_url: template(&market.category_url, "category_url", &["slug", "path", "id", "key", "locale"])?,
            language: Fallback::new(&market.locales),
            market: market.clone(),
            reference: reference.clone(),
        })
    }

    /// The market.
    pub fn market(&self) -> &Market {
        &self.market
    }

    /// The buyer for whom prices are chosen.
    pub fn buyer(&self) -> Buyer<'_> {
        buyer(&self.market, self.group.as_ref(), self.channel.as_ref())
    }

    /// Whether a variant can be bought whose stock is not counted.
    fn sells_untracked(&self) -> bool {
        self.places.unlisted().unwrap_or(self.market.untracked) == Untracked::Available
    }

    fn locale(&self) -> &str {
        self.market.locales.first().map_or("", Locale::as_str)
    }
}

fn buyer<'m>(market: &'m Market, group: Option<&'m GroupId>, channel: Option<&'m ChannelId>) -> Buyer<'m> {
    Buyer { currency: market.currency, country: market.country, group, channel, store: market.store.as_ref() }
}

fn find_storefront<'r>(market: &Market, reference: &'r Reference) -> Result<Option<&'r Storefront>, Fault> {
    let find = |key: &StorefrontKey| {
        let unknown = || unknown("C0502", market, "store", key.as_str(), &reference.storefront_keys());
        reference.storefront(key).ok_or_else(unknown)
    };
    market.store.as_ref().map(find).transpose()
}

fn find_channel(market: &Market, reference: &Reference, key: &str, setting: &str) -> Result<ChannelId, Fault> {
    let found = reference.channel(key).map(|channel| channel.id.clone());
    found.ok_or_else(|| unknown("C0501", market, setting, key, &reference.channel_keys()))
}

fn find_group(market: &Market, reference: &Reference) -> Result<Option<GroupId>, Fault> {
    let find = |key: &String| {
        let found = reference.group(key).map(|group| group.id.clone());
        found.ok_or_else(|| unknown("C0503", market, "customer group", key, &reference.group_keys()))
    };
    market.customer_group.as_ref().map(find).transpose()
}

/// The fault of a market that names what its source does not have.
pub(crate) fn unknown(code: &'static str, market: &Market, setting: &str, key: &str, known: &[&str]) -> Fault {
    const SHOWN: usize = 20;
    let fault = Fault::config(
        code,
        format!("market {} names the {setting} {key:?}, which the source does not have", market.key),
    );
    if known.is_empty() {
        return fault.hint("the source has none, or its key may not read them");
    }
    let shown: Vec<_> = known.iter().take(SHOWN).copied().collect();
    let more = if known.len() > SHOWN { format!(" and {} more", known.len() - SHOWN) } else { String::new() };
    fault.hint(format!("known: {}{more}", shown.join(", ")))
}
