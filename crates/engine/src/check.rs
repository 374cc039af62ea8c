//! Markets and expressions held against what their shop is set up with, before any of its catalogue is read, and then against
//! its products.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use contract::{Fault, Profile, Store, destination::Use, source::Finding, store::Number};
use model::{Kind, Locale, Market, Record, StorefrontKey, Timestamp};
use serde::Serialize;

use crate::{
    compose::{Desired, Target, desired},
    flow::Flow,
    mapping::{Mapping, meant},
    market::{Coverage, Reference, Views, unknown},
};

/// Records read at once.
const PAGE: usize = 500;

/// How much of what each market of a flow needs the products in the mirror have, by market.
///
/// # Errors
/// The store's, or that the market's settings name what the source does not have.
pub async fn coverage(flow: &Flow, store: &dyn Store, at: Timestamp) -> Result<Vec<(String, Coverage)>, Fault> {
    let reference = Reference::new(store.reference(&flow.source).await?);
    let views = Views::new(&flow.markets, &reference, flow.price_policy)?;
    let mut counted: Vec<(String, Coverage)> =
        flow.markets.iter().map(|market| (market.key.clone(), Coverage::default())).collect();
    let mut after = Number(0);
    loop {
        let page = store.scan(&flow.name, Kind::Product, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(counted) };
        after = last.number;
        for work in &page {
            let Some(Record::Product(product)) = work.record() else { continue };
            for (view, (_, coverage)) in views.each().iter().zip(&mut counted) {
                coverage.count(view, product, work.joined(), at);
            }
        }
    }
}

/// Products that lack what a destination needs to use them for something beyond taking them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Lacking {
    /// What it would use them for, such as `product recommendations`.
    pub name: &'static str,
    /// Products that the flow sends.
    pub products: u64,
    /// Those of them that lack something, in some market.
    pub lacking: u64,
    /// How many products lack what; one may lack several things.
    pub reasons: BTreeMap<&'static str, u64>,
}

impl fmt::Display for Lacking {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, products, lacking, reasons } = self;
        write!(out, "{lacking} of {products} products lack what {name} need")?;
        let mut before = ": ";
        for (what, products) in reasons {
            write!(out, "{before}{products} have {what}")?;
            before = ", ";
        }
        Ok(())
    }
}

/// Counts the products of a flow that lack what its destination needs to use them in full; `None`: it needs nothing more.
///
/// # Errors
/// As [`Flow::prepared`].
pub async fn lacking(flow: &Flow, store: &dyn Store, at: Timestamp) -> Result<Option<Lacking>, Fault> {
    let Some(Use { name, lacks }) = flow.destination.use_of_items() else { return Ok(None) };
    let prepared = flow.prepared(store).await?;
    let mut counted = Lacking { name, products: 0, lacking: 0, reasons: BTreeMap::new() };
    let mut after = Number(0);
    loop {
        let page = store.scan(&flow.name, Kind::Product, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(Some(counted)) };
        after = last.number;
        for work in page.iter().filter(|work| !work.unread) {
            let Desired { target: Target::InSync, items, .. } = desired(flow, &prepared, work, at) else { continue };
            let what: BTreeSet<&str> = items.iter().flat_map(|item| lacks(&item.payload)).collect();
            counted.products += 1;
            counted.lacking += u64::from(!what.is_empty());
            for what in what {
                *counted.reasons.entry(what).or_default() += 1;
            }
        }
    }
}

/// Attributes that expressions ask for and no product has.
pub fn attributes(mapping: &Mapping, profile: &Profile) -> Vec<Finding> {
    let Some(known) = &profile.attributes else { return Vec::new() };
    let unknown = mapping.attributes().filter(|(_, name)| !known.iter().any(|known| known == name));
    let fault = |(field, name): (&str, &str)| {
        let message = format!("the field {field} asks for the attribute {name:?}, which no product type has");
        let fault = Fault::config("C0507", message);
        Finding::new(
            "attributes",
            Err(match meant(name, known.iter().map(String::as_str)) {
                Some(close) => fault.hint(format!("did you mean {close:?}?")),
                None => fault.hint("write its name as the product type has it"),
            }),
        )
    };
    unknown.map(fault).collect()
}

/// What a market sells, when the shop has all of it, or what it names that the shop does not have.
pub fn market(market: &Market, profile: &Profile) -> Vec<Finding> {
    let stores: Option<Vec<String>> =
        profile.stores.as_ref().map(|stores| stores.iter().map(|store| store.key.clone()).collect());
    let keyed = [
        ("C0502", "store", stores.as_ref(), market.store.iter().map(StorefrontKey::as_str).collect::<Vec<_>>()),
        (
            "C0503",
            "customer group",
            profile.groups.as_ref(),
            market.customer_group.iter().map(String::as_str).collect(),
        ),
        (
            "C0501",
            "price channel",
            profile.channels.as_ref(),
            market.price_channel.iter().map(String::as_str).collect(),
        ),
        (
            "C0501",
            "supply channel",
            profile.channels.as_ref(),
            market.supply_channels.iter().map(String::as_str).collect(),
        ),
    ];
    let keyed = keyed.into_iter().flat_map(|(code, setting, known, named)| {
        let known: Option<BTreeSet<&str>> = known.map(|known| known.iter().map(String::as_str).collect());
        let missing = named.into_iter().filter(|key| known.as_ref().is_some_and(|known| !known.contains(key)));
        let known: Vec<&str> = known.iter().flatten().copied().collect();
        missing.map(|key| unknown(code, market, setting, key, &known)).collect::<Vec<_>>()
    });
    let settings = [language(market, profile), currency(market, profile), country(market, profile)];
    let faults: Vec<Fault> = settings.into_iter().flatten().chain(keyed).collect();
    if faults.is_empty() {
        return vec![Finding::new("settings", Ok(summary(market, profile)))];
    }
    faults.into_iter().map(|fault| Finding::new("settings", Err(fault))).collect()
}

/// Whose products the destination of a market holds, by some of their addresses; `others`: all markets there are. None: it
/// holds none that says so.
pub fn addresses(market: &Market, others: &[&Market], there: &[String]) -> Option<Finding> {
    let (first, home) = (there.first()?, home(market));
    let result = if there.iter().any(|address| address.starts_with(home)) {
        Ok(format!("it holds products of this market ({home}…)"))
    } else {
        let is_of = |other: &&&Market| there.iter().all(|address| address.starts_with(self::home(other)));
        let others = || others.iter().filter(|other| other.key != market.key);
        let whose = match others().find(is_of) {
            Some(other) => format!("those of market {}", other.key),
            // Another path of the same site may be what wrote there before.
            None if there.iter().any(|address| site(address) == site(home)) => return None,
            None => "of another site".to_owned(),
        };
        let message = format!("the products it holds are {whose}: {first}; market {} sells at {home}…", market.key);
        Err(Fault::config("C0509", message).hint(
            "compare the keys: they seem to be another store's. If the shop has moved to this address, the next sync mends it",
        ))
    };
    Some(Finding::new("products there", result))
}

/// What all addresses of a market's products begin with.
fn home(market: &Market) -> &str {
    market.product_url.split('{').next().unwrap_or_default()
}

/// The scheme and the host of an address.
fn site(address: &str) -> &str {
    let end = address.match_indices('/').nth(2).map_or(address.len(), |(at, _)| at);
    address.get(..end).unwrap_or(address)
}

/// The languages of the shop as locales; one that is none can't be any market's.
fn languages(profile: &Profile) -> Option<Vec<Locale>> {
    let languages = profile.languages.as_ref()?;
    Some(languages.iter().filter_map(|language| Locale::parse(language).ok()).collect())
}

/// Whether texts are found for a locale: in itself or in a shorter form of it.
fn is_spoken(locale: &Locale, languages: &[Locale]) -> bool {
    locale.truncations().any(|tag| languages.iter().any(|language| language.as_str() == tag))
}

fn language(market: &Market, profile: &Profile) -> Option<Fault> {
    let languages = languages(profile)?;
    if languages.is_empty() || market.locales.iter().any(|locale| is_spoken(locale, &languages)) {
        return None;
    }
    let list = |locales: &[Locale]| locales.iter().map(Locale::as_str).collect::<Vec<_>>().join(", ");
    let message =
        format!("market {} shows texts in {}; the source has {}", market.key, list(&market.locales), list(&languages));
    let alike = market.locales.first().and_then(|locale| {
        let language = locale.truncations().last().unwrap_or_default();
        languages.iter().find(|known| known.truncations().last() == Some(language))
    });
    let hint = match alike {
        Some(alike) => format!("did you mean {:?}? texts of {alike} are not those of a shorter locale", alike.as_str()),
        None => "set `locale` to one that the source has, or add such a one to `fallback`".to_owned(),
    };
    Some(Fault::config("C0506", message).hint(hint))
}

fn currency(market: &Market, profile: &Profile) -> Option<Fault> {
    let known = profile.currencies.as_ref().filter(|known| !known.is_empty())?;
    if known.iter().any(|known| known == market.currency.code()) {
        return None;
    }
    let message = format!("market {} sells in {}; the source has {}", market.key, market.currency, known.join(", "));
    Some(Fault::config("C0506", message).hint("set `currency` to one that the source has, or add this one there"))
}

fn country(market: &Market, profile: &Profile) -> Option<Fault> {
    let known = profile.countries.as_ref().filter(|known| !known.is_empty())?;
    let country = market.country?.to_string();
    if known.contains(&country) {
        return None;
    }
    let message = format!("market {} sells to {country}; the source sells to {}", market.key, known.join(", "));
    Some(Fault::config("C0506", message).hint("set `country` to one that the source has, or add this one there"))
}

/// What a market sells, in a line.
fn summary(market: &Market, profile: &Profile) -> String {
    let languages = languages(profile).unwrap_or_default();
    let texts = market.locales.iter().map(|locale| {
        if is_spoken(locale, &languages) || languages.is_empty() {
            locale.to_string()
        } else {
            format!("{locale} (the source does not have it)")
        }
    });
    let mut parts = vec![format!("texts in {}", texts.collect::<Vec<_>>().join(", "))];
    parts.push(match market.country {
        Some(country) => format!("prices in {} for {country}", market.currency),
        None => format!("prices in {}", market.currency),
    });
    parts.extend(market.store.as_ref().map(|store| format!("store {store}")));
    if !market.supply_channels.is_empty() {
        parts.push(format!("stock of {}", market.supply_channels.join(", ")));
    }
    parts.join(" · ")
}
