//! Prices that BigCommerce works out itself: what each variant costs in each channel, currency and customer group that
//! markets have.
//!
//! The prices of a channel and a group become a price book of theirs, which counts before the catalogue. So a market finds
//! its price as it does where price lists are read.

use std::{collections::BTreeMap, sync::Arc};

use contract::{Change, Demand, Fault, source::Finding};
use model::{BookId, Currency, Kind};
use tokio::task::JoinSet;
use wire::{Method, Response, Retry, retry};

use super::{
    api,
    client::Api,
    decode::{self, Decoded},
    map::{Settings, offer, price},
    read::{Reader, of_one},
};

const PATH: &str = "v3/pricing/products";

/// For whom a price is worked out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Buyer {
    channel: u64,
    /// None: whoever is in no group.
    group: Option<u64>,
    currency: Currency,
}

impl Buyer {
    /// The book with the prices of its channel and group.
    fn book(&self) -> BookId {
        format!("calculator/{}/{}", self.channel, self.group.unwrap_or(0)).into()
    }
}

/// The buyers of markets: each channel with each group and each currency.
pub(super) fn buyers(demand: &Demand) -> Vec<Buyer> {
    let groups = || std::iter::once(None).chain(demand.groups.iter().filter_map(|group| group.parse().ok()).map(Some));
    let channels = demand.stores.iter().filter_map(|store| store.parse().ok());
    let pairs = channels.flat_map(|channel| groups().map(move |group| (channel, group)));
    let buyers = pairs.flat_map(|(channel, group)| {
        demand.currencies.iter().map(move |currency| Buyer { channel, group, currency: *currency })
    });
    buyers.collect()
}

impl Reader {
    /// What these variants cost each buyer; `with_books`: the books of those prices, too.
    ///
    /// # Errors
    /// The fault that remains after all attempts.
    pub(super) async fn calculated(
        &self,
        settings: &Settings,
        items: &[api::Priced],
        with_books: bool,
    ) -> Result<Decoded, Fault> {
        let packs = || items.chunks(self.config.page_size.priced.into()).map(<[_]>::to_vec);
        let wanted = self.buyers.iter().flat_map(|buyer| packs().map(move |pack| (*buyer, pack)));
        let mut wanted = wanted.enumerate();
        let mut ask = |asked: &mut JoinSet<_>| {
            if let Some((number, (buyer, pack))) = wanted.next() {
                let (api, attempts) = (Arc::clone(&self.api), self.retry);
                asked.spawn(async move { (number, buyer, calculate(&api, attempts, buyer, &pack).await) });
            }
        };
        let (mut asked, mut answers) = (JoinSet::new(), BTreeMap::new());
        (0..self.config.max_concurrency).for_each(|_| ask(&mut asked));
        while let Some(answered) = asked.join_next().await {
            let (number, buyer, response) =
                answered.map_err(|error| Fault::protocol("C0207", format!("prices were not read: {error}")))?;
            ask(&mut asked);
            let (book, response) = (buyer.book(), response?);
            let decoded = decode::v3(&response.body, Kind::Price, |row: api::Calculated| {
                price::calculated(settings, &book, buyer.currency, &row)
            });
            let decoded = decoded.map_err(|fault| fault.response(self.api.excerpt(&response)))?;
            answers.insert(number, of_one(decoded));
        }
        let mut all = Decoded { changes: if with_books { self.books() } else { Vec::new() }, ..Decoded::default() };
        for answer in answers.into_values() {
            all.changes.extend(answer.changes);
            all.unread.extend(answer.unread);
        }
        Ok(all)
    }

    fn books(&self) -> Vec<Change> {
        let books: BTreeMap<BookId, &Buyer> = self.buyers.iter().map(|buyer| (buyer.book(), buyer)).collect();
        books.into_iter().map(|(book, buyer)| offer::calculated(book, buyer.channel, buyer.group)).collect()
    }

    /// Asks for the price of one variant for each buyer.
    pub(super) async fn check_calculator(&self) -> Vec<Finding> {
        if self.buyers.is_empty() {
            let fault = Fault::config("C0213", "prices = \"calculator\" reads none: no market names a channel")
                .hint("name the channel of each market as its store");
            return vec![Finding::new("prices", Err(fault))];
        }
        let query = [("limit", "1"), ("include", "variants"), ("include_fields", "id")];
        let Ok(response) = self.api.get("v3/catalog/products", &query).await else { return Vec::new() };
        let sold = decode::whole::<api::Sold>(&response.body).ok().and_then(|(sold, _)| sold.into_iter().next());
        let first = sold.and_then(|it| Some(api::Priced { product_id: it.id, variant_id: it.variants.first()?.id }));
        // A store without products has no prices.
        let Some(first) = first else { return Vec::new() };
        let mut found = Vec::new();
        for buyer in &self.buyers {
            let group = buyer.group.map(|group| format!(" for group {group}")).unwrap_or_default();
            let what = format!("prices of channel {} in {}{group}", buyer.channel, buyer.currency);
            let answer = calculate(&self.api, Retry::once(), *buyer, &[first]).await;
            found.push(Finding::new(what, answer.map(|_| "worked out by BigCommerce".to_owned())));
        }
        found
    }
}

/// Asks for the prices of a pack. To ask again changes nothing.
async fn calculate(api: &Api, attempts: Retry, buyer: Buyer, items: &[api::Priced]) -> Result<Response, Fault> {
    let Buyer { channel, group, currency } = buyer;
    let wanted =
        api::Calculation { channel_id: channel, currency_code: currency.code(), customer_group_id: group, items };
    let body = serde_json::to_string(&wanted)
        .map_err(|error| Fault::protocol("C0207", format!("a request can't be written: {error}")))?;
    retry(attempts, api.random(), |_| async {
        api.write(Method::POST, PATH, Some(body.clone())).await.map_err(|refusal| refusal.fault)
    })
    .await
}
