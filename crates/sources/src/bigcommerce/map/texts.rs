//! Texts of a record in other languages than the default one.

use contract::Change;
use model::{Locale, Localized, Product, Record, Tailored};

use super::{path, some};

/// Texts in one language. What is not there is shown in the default language.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// Shown name.
    pub name: Option<String>,
    /// Description, may hold HTML.
    pub description: Option<String>,
    /// Title for search engines.
    pub page_title: Option<String>,
    /// Description for search engines.
    pub meta_description: Option<String>,
    /// Path of its page.
    pub path: Option<String>,
}

/// The texts of a record in one channel and language.
#[derive(Clone, Debug)]
pub struct Spoken {
    /// Id of the channel.
    pub channel: u64,
    /// The language.
    pub locale: Locale,
    /// The texts.
    pub words: Words,
}

/// Adds texts to a record: to a product those of each channel, to a category and a brand those of each language, of which
/// the first counts.
pub fn add(change: &mut Change, spoken: &[Spoken]) {
    let Change::Is { record, .. } = change else { return };
    match record {
        Record::Product(product) => tailor(product, spoken),
        Record::Category(category) => {
            category.name = with(&category.name, spoken, |words| &words.name);
            category.description = with(&category.description, spoken, |words| &words.description);
        }
        Record::Brand(brand) => brand.name = with(&brand.name, spoken, |words| &words.name),
        _ => {}
    }
}

fn of(spoken: &[Spoken], text: impl Fn(&Words) -> &Option<String>) -> impl Iterator<Item = (Locale, String)> {
    spoken.iter().filter_map(move |it| Some((it.locale.clone(), some(text(&it.words).clone())?)))
}

fn with(own: &Localized, spoken: &[Spoken], text: impl Fn(&Words) -> &Option<String>) -> Localized {
    let own = own.iter().map(|(locale, text)| (locale.clone(), text.to_owned()));
    own.chain(of(spoken, text)).collect()
}

fn tailor(product: &mut Product, spoken: &[Spoken]) {
    for here in spoken.chunk_by(|left, right| left.channel == right.channel) {
        let Some(first) = here.first() else { continue };
        let slug = here.iter().filter_map(|it| {
            let path = path(it.words.path.clone());
            let (_, path) = path.iter().next()?;
            Some((it.locale.clone(), path.to_owned()))
        });
        let tailored = Tailored {
            store: first.channel.to_string().into(),
            name: of(here, |words| &words.name).collect(),
            slug: slug.collect(),
            description: of(here, |words| &words.description).collect(),
            meta_title: of(here, |words| &words.page_title).collect(),
            meta_description: of(here, |words| &words.meta_description).collect(),
            attributes: Vec::new(),
        };
        let texts = [&tailored.name, &tailored.slug, &tailored.description, &tailored.meta_title, &tailored.meta_description];
        if texts.into_iter().any(|text| !text.is_empty()) {
            product.tailored.push(tailored);
        }
    }
}
