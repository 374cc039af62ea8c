//! The projection: what one market makes of a record at an instant. Pure; no I/O, no clock, no platform's word.
//!
//! **Invariants:** the same record, joined records, reference and instant give the same listing, whatever the order of
//! prices and joined records. A listing is whole or it is not given: a name, at least one variant, a price of at least
//! zero for each. Bad data never panics: it filters, with the rule's name, or leaves one value out.

pub mod assortment;
mod attribute;
mod category;
pub mod price;
mod product;
mod reference;
pub mod stock;
pub mod url;

use contract::Fault;
use model::{
    ChannelId, Filtered, GroupId, Locale, Localized, Market, Store, Timestamp,
    price::{Buyer, ScopeOrder},
};

pub use reference::Reference;
use {assortment::Assortment, stock::Places, url::Template};

/// A record as a market sees it, or why it does not, and until when that holds.
#[derive(Clone, Debug)]
pub struct Projection<T> {
    /// What the market makes of it, or the rule that keeps it out.
    pub listing: Result<T, Filtered>,
    /// The next instant at which the result may differ by time alone.
    pub next: Option<Timestamp>,
}

/// The locales of a market with their truncations, in the order they are tried: `de-AT`, `de`, `en`.
#[derive(Clone, Debug)]
struct Tongue(Vec<String>);

impl Tongue {
    fn new(locales: &[Locale]) -> Self {
        let mut tags: Vec<String> = Vec::new();
        for tag in locales.iter().flat_map(Locale::truncations) {
            if !tags.iter().any(|known| known == tag) {
                tags.push(tag.to_owned());
            }
        }
        Self(tags)
    }

    /// The first text that is not blank.
    fn say<'t>(&self, text: &'t Localized) -> Option<&'t str> {
        if text.is_empty() {
            return None;
        }
        self.0.iter().find_map(|tag| text.get(tag).filter(|text| !text.trim_start().is_empty()))
    }
}

/// A market with everything that its settings name looked up. Owns what it needs: keep it as long as the reference's
/// revision stands.
#[derive(Clone, Debug)]
pub struct View {
    market: Market,
    reference: Reference,
    tongue: Tongue,
    order: ScopeOrder,
    group: Option<GroupId>,
    channel: Option<ChannelId>,
    places: Places,
    assortment: Assortment,
    product_url: Template,
    category_url: Template,
}

impl View {
    /// Looks up what the market's settings name. Prices of different scopes are tried in `order`, the vendor's rule.
    ///
    /// # Errors
    /// [`contract::FaultClass::Config`]: `C0501` unknown channel, `C0502` unknown store, `C0503` unknown customer group,
    /// `C0504` URL template, `C0505` no locale. The hint lists what is known.
    pub fn new(market: &Market, reference: &Reference, order: ScopeOrder) -> Result<Self, Fault> {
        if market.locales.is_empty() {
            return Err(Fault::config("C0505", format!("market {} names no locale", market.key))
                .hint("set its `locale`, such as de or de-AT"));
        }
        let store = find_store(market, reference)?;
        let channel = |key: &String, setting: &str| find_channel(market, reference, key, setting);
        let supply =
            market.supply_channels.iter().map(|key| channel(key, "supply channel")).collect::<Result<_, _>>()?;
        let template = |text: &str, setting: &str, names: &[&str]| {
            Template::parse(text, &format!("{setting} of market {}", market.key), names)
        };
        Ok(Self {
            group: find_group(market, reference)?,
            channel: market.price_channel.as_ref().map(|key| channel(key, "price channel")).transpose()?,
            places: Places::new(supply, store.map_or(&[], |store| &store.supply)),
            assortment: Assortment::new(store, |id| reference.selection(id)),
            product_url: template(&market.product_url, "product_url", &["slug", "id", "key", "sku", "locale"])?,
            category_url: template(&market.category_url, "category_url", &["slug", "id", "key", "locale"])?,
            tongue: Tongue::new(&market.locales),
            market: market.clone(),
            reference: reference.clone(),
            order,
        })
    }

    /// The market.
    pub fn market(&self) -> &Market {
        &self.market
    }

    /// Whom prices are chosen for.
    pub fn buyer(&self) -> Buyer<'_> {
        Buyer {
            currency: self.market.currency,
            country: self.market.country,
            group: self.group.as_ref(),
            channel: self.channel.as_ref(),
        }
    }

    fn locale(&self) -> &str {
        self.market.locales.first().map_or("", Locale::as_str)
    }
}

fn find_store<'r>(market: &Market, reference: &'r Reference) -> Result<Option<&'r Store>, Fault> {
    let find = |key| {
        reference.store(key).ok_or_else(|| unknown("C0502", market, "store", key.as_str(), &reference.store_keys()))
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

fn unknown(code: &'static str, market: &Market, setting: &str, key: &str, known: &[&str]) -> Fault {
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
