//! Explains where each value of a listing comes from, as text. Only `explain` needs it, so it repeats decisions of the
//! projection instead of slowing the projection down.

use model::{
    Category, ChannelId, Country, GroupId, Kind, Localized, Price, PriceHistory, Product, Record, Sku, StockLevel,
    Timestamp, Variant,
    history::{Lowest, Prices, Reduction},
    listing::{PriceBasis, PriceRule},
};
use serde::Serialize;

use super::{View, parts::Parts, price::Candidate, stock::available, url};

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Origin {
    /// The market.
    pub market: String,
    /// The variant, by SKU or else by id; `None`: the record as a whole.
    pub variant: Option<String>,
    /// The name of the value: `name`, `price`, `stock` and so on.
    pub field: &'static str,
    /// The value, if there is one.
    pub value: Option<String>,
    /// Its origin, or why there is no value.
    pub from: String,
}

/// A value with its origin.
type Explained = (Option<String>, String);

impl View {
    /// Where the values of a record come from in this market at `at`, also of one that the market does not have. `joined` as
    /// in [`View::product`], `prices`: those that were seen of it.
    pub fn origins(
        &self,
        record: &Record,
        joined: &[Record],
        prices: Option<&PriceHistory>,
        at: Timestamp,
    ) -> Vec<Origin> {
        match record {
            Record::Product(product) => self.of_product(product, joined, prices, at),
            Record::Category(category) => self.of_category(category, at),
            _ => Vec::new(),
        }
    }

    fn origin(&self, field: &'static str, (value, from): Explained) -> Origin {
        Origin { market: self.market.key.clone(), variant: None, field, value, from }
    }

    fn of_category(&self, category: &Category, at: Timestamp) -> Vec<Origin> {
        let mut origins = vec![
            self.origin("name", self.explain_text(None, &category.name)),
            self.origin("slug", self.explain_text(None, &category.slug)),
            self.origin("description", self.explain_text(None, &category.description)),
            self.origin("url", explain_url(&self.category_url, &self.parts(category))),
        ];
        if let Some(id) = &category.parent {
            let parent = self.reference.category(id);
            let explained = match parent {
                None => (None, format!("the source has no category {id}")),
                Some(parent) => self.explain_category(parent, at),
            };
            origins.push(self.origin("parent", explained));
        }
        origins
    }

    fn of_product(
        &self,
        product: &Product,
        joined: &[Record],
        prices: Option<&PriceHistory>,
        at: Timestamp,
    ) -> Vec<Origin> {
        let parts = Parts::new(product, joined);
        let store = self.market.store.as_ref();
        let tailored = parts.tailored(store);
        let slug = self.text(tailored.map(|it| &it.slug), &product.slug);
        let main = parts.variants().next();
        let sku = main.and_then(|variant| variant.sku.as_ref()).map(Sku::as_str);
        let key = product.key.as_deref();
        let values = url::Parts { id: product.id.as_str(), key, slug, sku, locale: self.locale() };
        let mut origins = vec![
            self.origin("name", self.explain_text(tailored.map(|it| &it.name), &product.name)),
            self.origin("slug", self.explain_text(tailored.map(|it| &it.slug), &product.slug)),
            self.origin("description", self.explain_text(tailored.map(|it| &it.description), &product.description)),
            self.origin("url", explain_url(&self.product_url, &values)),
        ];
        let words = self.language.words(&product.keywords);
        if !product.keywords.is_empty() {
            let tag = self.language.first(|tag| Some(product.keywords.get(tag)).filter(|words| !words.is_empty()));
            let from = tag.map_or("none in a language of the market".to_owned(), |(tag, _)| self.in_language(tag));
            origins.push(self.origin("keywords", (tag.map(|_| words.join(", ")), from)));
        }
        let first = |variant| super::product::images(parts.images(variant, store)).first().copied();
        let image = parts.variants().find_map(|variant| Some((variant, first(variant)?)));
        let from = image.map_or("no variant has one".to_owned(), |(variant, _)| format!("variant {}", called(variant)));
        origins.push(self.origin("image", (image.map(|(_, url)| url.to_owned()), from)));
        for id in &product.categories {
            let explained = match self.reference.category(id) {
                None => (None, format!("the source has no category {id}")),
                Some(category) => self.explain_category(category, at),
            };
            origins.push(self.origin("categories", explained));
        }
        for variant in parts.variants() {
            let of =
                |field, (value, from)| Origin { variant: Some(called(variant)), ..self.origin(field, (value, from)) };
            let is_online = variant.online.in_store(self.market.store.as_ref()).at(at);
            if !is_online || !self.assortment.holds(variant.sku.as_ref(), joined) {
                let why = if is_online { "it is not in the store's assortment" } else { "it is not published" };
                origins.push(of("variant", (None, why.to_owned())));
                continue;
            }
            origins.push(of("price", self.explain_price(product, variant, &parts, at)));
            if let Some(prices) = prices.and_then(|prices| prices.of(&self.market.key, &variant.id)) {
                origins.push(of("lowest_price_30d", explain_lowest(prices)));
            }
            origins.push(of("stock", self.explain_stock(variant, &parts)));
        }
        origins
    }

    fn in_language(&self, tag: &str) -> String {
        match tag {
            model::Locale::UNDETERMINED => "of no particular language".to_owned(),
            tag if tag == self.locale() => format!("in {tag}"),
            tag => format!("in {tag}, because there is none in what comes before it: {}", self.language.before(tag)),
        }
    }

    fn explain_text(&self, tailored: Option<&Localized>, own: &Localized) -> Explained {
        let pick = |text: &Localized| {
            let (tag, text) = self.language.first(|tag| text.get(tag).filter(|text| !text.trim().is_empty()))?;
            Some((Some(cut(text)), self.in_language(tag)))
        };
        if let Some((value, from)) = tailored.and_then(pick) {
            return (value, format!("{from}, in the store's own words"));
        }
        let others: Vec<_> = own.iter().map(|(locale, _)| locale.as_str()).collect();
        let none = || match others.as_slice() {
            [] => "the source has none".to_owned(),
            others => format!("none in a language of the market; there is {}", others.join(", ")),
        };
        pick(own).unwrap_or_else(|| (None, none()))
    }

    fn explain_category(&self, category: &Category, at: Timestamp) -> Explained {
        match self.category(category, at).listing {
            Ok(listing) => (Some(listing.path.join(" > ")), format!("category {}", category.id)),
            Err(rule) => (None, format!("category {} is left out: {rule}", category.id)),
        }
    }

    fn explain_price(&self, product: &Product, variant: &Variant, parts: &Parts<'_>, at: Timestamp) -> Explained {
        let choice = self.price(product, variant, parts, at);
        if let Some(basis) = choice.basis {
            let Some((price, list)) = choice.amounts() else {
                return (None, format!("{} was chosen, and no amount below zero is one", self.described(basis)));
            };
            let amount =
                if price.compare(list).is_eq() { price.to_string() } else { format!("{price} instead of {list}") };
            return (Some(amount), format!("{}; {}", self.described(basis), ruled(basis.rule)));
        }
        let embedded = variant.prices.iter().chain(&product.prices).map(Candidate::from);
        let entries = parts.prices(variant).chain(parts.inherited_prices());
        let all: Vec<String> = embedded.chain(entries).map(|candidate| self.refused(candidate, at)).collect();
        let from = match all.as_slice() {
            [] => "the source has no price for it".to_owned(),
            all => format!("wanted {}; there is {}", self.wanted(), all.join("; ")),
        };
        (None, from)
    }

    fn wanted(&self) -> String {
        let buyer = self.buyer();
        let scope = self.scope(buyer.country, buyer.group, buyer.channel);
        format!("{}{scope}", buyer.currency)
    }

    fn described(&self, basis: PriceBasis<'_>) -> String {
        let home = basis.entry.map_or("price in the product".to_owned(), |id| format!("price record {id}"));
        let book = basis.book.map(|book| format!(" of book {book}")).unwrap_or_default();
        let list = basis.list_book.map(|book| format!(", list price of book {book}")).unwrap_or_default();
        let whole = if basis.inherited { ", of the product as a whole" } else { "" };
        format!("{home}{book}{list}{}{whole}", self.terms(basis.price))
    }

    /// Country, group, channel and window of a price.
    fn terms(&self, price: &Price) -> String {
        let scope = self.scope(price.scope.country, price.scope.group.as_ref(), price.scope.channel.as_ref());
        let from = price.window.from.map(|from| format!(", from {from}")).unwrap_or_default();
        let until = price.window.until.map(|until| format!(", until {until}")).unwrap_or_default();
        format!("{scope}{from}{until}")
    }

    fn scope(&self, country: Option<Country>, group: Option<&GroupId>, channel: Option<&ChannelId>) -> String {
        let country = country.map(|country| format!(" for {country}"));
        let group = group.map(|id| format!(", group {}", self.known(Kind::CustomerGroup, id.as_str())));
        let channel = channel.map(|id| format!(", channel {}", self.known(Kind::Channel, id.as_str())));
        [country, group, channel].into_iter().flatten().collect()
    }

    /// A price that was not chosen, and why not.
    fn refused(&self, candidate: Candidate<'_>, at: Timestamp) -> String {
        let (price, buyer) = (candidate.price, self.buyer());
        let scope = &price.scope;
        let why = if price.value.currency != buyer.currency {
            "another currency"
        } else if price.recurring {
            "for recurring orders"
        } else if candidate.entry.is_some_and(|entry| !entry.active) {
            "switched off"
        } else if scope.country.is_some() && scope.country != buyer.country {
            "another country"
        } else if scope.group.is_some() && scope.group.as_ref() != buyer.group {
            "another group"
        } else if scope.channel.is_some() && scope.channel.as_ref() != buyer.channel {
            "another channel"
        } else if !price.window.contains(at) {
            "not now"
        } else {
            "not for this market"
        };
        format!("{}{} ({why})", price.value, self.terms(price))
    }

    fn explain_stock(&self, variant: &Variant, parts: &Parts<'_>) -> Explained {
        let (levels, is_shared) = parts.levels(variant);
        let levels: Vec<&StockLevel> = levels.collect();
        let available = available(levels.iter().copied(), &self.places);
        let list = |counted: bool| {
            let of = levels.iter().filter(|level| self.places.has(level) == counted);
            of.map(|level| format!("{} in {}", level.available, self.place(level.channel.as_ref()))).collect::<Vec<_>>()
        };
        let (counted, others) = (list(true), list(false));
        let from = match (levels.is_empty(), counted.is_empty()) {
            (_, true) if self.places.unlisted().is_some() => {
                let takes = if self.sells_untracked() { "in stock" } else { "not in stock" };
                format!("the places that this market sells from do not list it, and take it as {takes}")
            }
            (true, _) => "the source does not count it".to_owned(),
            (false, true) => "none of it where this market sells from".to_owned(),
            (false, false) => counted.join(", "),
        };
        let others = match others.as_slice() {
            [] => String::new(),
            others => format!("; not of this market: {}", others.join(", ")),
        };
        let shared = if is_shared { "; counted for the product as a whole" } else { "" };
        let from = format!("{from}{others}{shared}");
        (available.pieces().map(|pieces| pieces.to_string()), from)
    }

    fn place(&self, channel: Option<&ChannelId>) -> String {
        channel.map_or("no channel".to_owned(), |id| self.known(Kind::Channel, id.as_str()))
    }

    /// The key by which settings name it, or else the id.
    fn known(&self, kind: Kind, id: &str) -> String {
        self.reference.key(kind, &id.into()).unwrap_or(id).to_owned()
    }
}

fn explain_lowest(prices: &Prices) -> Explained {
    let since = prices.since;
    let none = |why: &str| (None, format!("{why}; its prices are known since {since}"));
    match prices.reduction() {
        None => none("the price is not reduced"),
        Some(Reduction { lowest: None, .. }) => none("no price was seen before the reduction"),
        Some(Reduction { since: began, lowest: Some(Lowest { price, from }) }) => {
            let from = format!(
                "the lowest of the 30 days before the reduction of {began}: valid from {from}; its prices are known since {since}"
            );
            (Some(price.to_string()), from)
        }
    }
}

fn explain_url(template: &url::Template, parts: &url::Parts<'_>) -> Explained {
    match template.fill(parts) {
        Some(url) => (Some(url), "the market's template".to_owned()),
        None => (None, format!("the market's template needs {}, which has no value", template.lacking(parts))),
    }
}

fn called(variant: &Variant) -> String {
    variant.sku.as_ref().map_or_else(|| variant.id.to_string(), ToString::to_string)
}

fn ruled(rule: PriceRule) -> String {
    match rule {
        PriceRule::Scope(level) => {
            let parts = [(level.group, "group"), (level.channel, "channel"), (level.country, "country")];
            let named: Vec<_> = parts.iter().filter(|(is_named, _)| *is_named).map(|(_, name)| *name).collect();
            match named.as_slice() {
                [] => "no price for a narrower scope holds now".to_owned(),
                named => format!("the narrowest scope with a price that holds now: {}", named.join(" and ")),
            }
        }
        PriceRule::Book(_) => "the first book that has a price".to_owned(),
        PriceRule::Lowest => "the lowest of all books".to_owned(),
        PriceRule::Catalogue => "no book has one".to_owned(),
        PriceRule::Converted(from) => format!("no book has one; converted from {from}"),
    }
}

/// A long text is cut.
fn cut(text: &str) -> String {
    const MOST: usize = 60;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
