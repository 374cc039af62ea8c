//! Reads texts in other languages through GraphQL Admin, beside the records that REST shows in one language.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use contract::{Change, Fault};
use model::{Locale, Record};
use serde_json::json;
use tokio::{sync::Mutex, time::Instant};
use wire::Method;

use super::{
    admin::{self, Context, Found, MOST_CONTEXTS, MOST_RECORDS, Resource},
    classify::Refusal,
    client::Api,
    config::{Config, Texts},
    map::{
        offer,
        texts::{Spoken, add},
    },
    profile,
    read::Reader,
};

/// How long the languages of the channels are trusted.
const AGE: Duration = Duration::from_mins(10);

/// A channel and one of its languages.
#[derive(Clone, Debug)]
struct Language {
    context: Context,
    locale: Locale,
    is_default: bool,
}

/// The languages of all channels, and when they were read.
#[derive(Debug, Default)]
pub(super) struct Languages(Mutex<Option<(Instant, Arc<Vec<Language>>)>>);

/// Whether a record is of a kind.
type Wanted = fn(&Record) -> bool;

/// Asks GraphQL Admin.
async fn ask(api: &Api, query: String) -> Result<Vec<u8>, Refusal> {
    let body = json!({ "query": query }).to_string();
    Ok(api.write(Method::POST, "graphql", Some(body)).await?.body.to_vec())
}

/// The languages of each channel that is a storefront, by channel, as the settings or GraphQL Admin name them.
async fn languages(reader: &Reader, config: &Config) -> Result<Vec<Language>, Refusal> {
    let mut all = Vec::new();
    let channels = profile::channels(reader).await?;
    for channel in channels.iter().filter(|channel| offer::is_storefront(channel)) {
        let named: Vec<(String, bool)> = if let Some(codes) = config.locales.get(&channel.id.to_string()) {
            codes.iter().map(|code| (code.clone(), false)).collect()
        } else {
            let body = ask(&reader.api, admin::locales(channel.id)).await?;
            let shown = admin::locales_of(&body)?.into_iter().filter(|it| it.is_default || it.status == "ACTIVE");
            shown.map(|it| (it.code, it.is_default)).collect()
        };
        for (code, is_default) in named {
            match Locale::parse(&code) {
                Ok(locale) => {
                    let context = Context { channel: channel.id, code };
                    all.push(Language { context, locale, is_default });
                }
                Err(unknown) => tracing::warn!(channel = channel.id, "texts are not read: {unknown}"),
            }
        }
    }
    all.sort_by(|left, right| (left.context.channel, &left.locale).cmp(&(right.context.channel, &right.locale)));
    Ok(all)
}

impl Reader {
    /// The languages of all channels; reads them from time to time.
    async fn languages(&self) -> Result<Arc<Vec<Language>>, Refusal> {
        let mut known = self.languages.0.lock().await;
        if let Some((at, languages)) = known.as_ref()
            && at.elapsed() <= AGE
        {
            return Ok(Arc::clone(languages));
        }
        let read = Arc::new(languages(self, &self.config).await?);
        *known = Some((Instant::now(), Arc::clone(&read)));
        Ok(read)
    }

    /// Adds texts in other languages to products, and with translations to categories and brands.
    ///
    /// # Errors
    /// Those of the calls. Nothing is added then: half of the texts would be taken for all of them.
    pub(super) async fn speak(&self, changes: &mut [Change]) -> Result<(), Refusal> {
        if self.config.texts == Texts::DefaultLanguage {
            return Ok(());
        }
        let numbers = |wanted: Wanted| -> Vec<u64> {
            let of = changes.iter().filter_map(|change| match change {
                Change::Is { record, .. } if wanted(record) => record.id().as_str().parse().ok(),
                _ => None,
            });
            of.collect()
        };
        let kinds: [(Resource, Wanted); 3] = [
            (Resource::Products, |record| matches!(record, Record::Product(_))),
            (Resource::Categories, |record| matches!(record, Record::Category(_))),
            (Resource::Brands, |record| matches!(record, Record::Brand(_))),
        ];
        for (resource, wanted) in kinds {
            let ids = numbers(wanted);
            let of_all = self.config.texts == Texts::Translations || matches!(resource, Resource::Products);
            if ids.is_empty() || !of_all {
                continue;
            }
            let mut spoken = self.spoken(resource, &ids).await?;
            for change in changes.iter_mut() {
                let Change::Is { record, .. } = &*change else { continue };
                let texts = record.id().as_str().parse().ok().and_then(|id: u64| spoken.remove(&id));
                if let Some(texts) = texts.filter(|_| wanted(record)) {
                    add(change, &texts);
                }
            }
            return Ok(());
        }
        Ok(())
    }

    /// The texts of records, by record, in the order of channel and language.
    async fn spoken(&self, of: Resource, ids: &[u64]) -> Result<BTreeMap<u64, Vec<Spoken>>, Refusal> {
        let languages = self.languages().await?;
        // What REST shows is the default language; a channel's override of it is a text of its own.
        let languages: Vec<&Language> =
            languages.iter().filter(|it| self.config.texts == Texts::Overrides || !it.is_default).collect();
        let mut all: BTreeMap<u64, Vec<Spoken>> = BTreeMap::new();
        for ids in ids.chunks(MOST_RECORDS) {
            for part in languages.chunks(MOST_CONTEXTS) {
                let contexts: Vec<Context> = part.iter().map(|it| it.context.clone()).collect();
                let mut found: Found = match self.config.texts {
                    Texts::Overrides => admin::overrides_of(&ask(&self.api, admin::overrides(ids, &contexts)).await?)?,
                    _ => admin::translations_of(&ask(&self.api, admin::translations(of, ids, &contexts)).await?)?,
                };
                found.sort_by_key(|(id, place, _)| (*id, *place));
                for (id, place, words) in found {
                    if let Some(language) = part.get(place) {
                        let (channel, locale) = (language.context.channel, language.locale.clone());
                        all.entry(id).or_default().push(Spoken { channel, locale, words });
                    }
                }
            }
        }
        Ok(all)
    }

    /// The languages of each channel that GraphQL Admin or the settings name, by the channel's id.
    ///
    /// # Errors
    /// Those of the calls; where no texts are read, that the store may have none.
    pub(super) async fn spoken_in(&self) -> Result<BTreeMap<u64, BTreeSet<String>>, Fault> {
        let languages = self.languages().await.map_err(|refusal| refusal.fault)?;
        let mut by_channel: BTreeMap<u64, BTreeSet<String>> = BTreeMap::new();
        for language in languages.iter() {
            by_channel.entry(language.context.channel).or_default().insert(language.locale.to_string());
        }
        Ok(by_channel)
    }
}
