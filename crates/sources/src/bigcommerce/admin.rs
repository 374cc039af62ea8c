//! GraphQL Admin: the queries for texts in other languages, and their answers.
//!
//! The documents show queries and answers and no schema; what is asked for is what they show, apart from `first` on
//! `products`, which follows their other connections. Several contexts are asked for at once, each under an alias.

use std::collections::BTreeMap;

use contract::Fault;
use serde::{Deserialize, de::DeserializeOwned};

use super::{decode, map::texts::Words};

/// Records that may be asked for at once.
pub(super) const MOST_RECORDS: usize = 50;
/// Contexts that are asked for at once: how complex a query may be is published nowhere.
pub(super) const MOST_CONTEXTS: usize = 5;

/// What has a name in several languages, as GraphQL Admin calls it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Resource {
    /// Products.
    Products,
    /// Categories.
    Categories,
    /// Brands.
    Brands,
}

impl Resource {
    const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Products => ("PRODUCTS", "product"),
            Self::Categories => ("CATEGORIES", "category"),
            Self::Brands => ("BRANDS", "brand"),
        }
    }

    /// Ids as GraphQL writes them.
    fn ids(self, ids: &[u64]) -> String {
        let (_, of) = self.names();
        ids.iter().map(|id| format!("\"bc/store/{of}/{id}\"")).collect::<Vec<_>>().join(" ")
    }
}

/// A channel and one of its languages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Context {
    /// Id of the channel.
    pub(super) channel: u64,
    /// The language, as the store writes it.
    pub(super) code: String,
}

impl Context {
    fn quoted(&self, before: &str) -> String {
        serde_json::Value::from(format!("{before}{}", self.code)).to_string()
    }
}

/// The texts of a record in a context, by the place of the context in the query.
pub(super) type Found = Vec<(u64, usize, Words)>;

/// Asks for the languages of a channel.
pub(super) fn locales(channel: u64) -> String {
    format!("query {{ store {{ locales(input: {{channelId: \"bc/store/channel/{channel}\"}}) {{ edges {{ node {{ code status isDefault }} }} }} }} }}")
}

/// Asks for overrides of products.
pub(super) fn overrides(ids: &[u64], contexts: &[Context]) -> String {
    let own = |(place, context): (usize, &Context)| {
        let (channel, locale) = (context.channel, context.quoted(""));
        format!(
            "c{place}: overridesForLocale(localeContext: {{channelId: \"bc/store/channel/{channel}\", locale: {locale}}}) {{ \
             basicInformation {{ name description }} seoInformation {{ pageTitle metaDescription }} urlPath {{ path }} }}"
        )
    };
    let own: Vec<String> = contexts.iter().enumerate().map(own).collect();
    format!(
        "query {{ store {{ products(filters: {{ids: [{}]}}, first: {MOST_RECORDS}) {{ edges {{ node {{ id {} }} }} }} }} }}",
        Resource::Products.ids(ids),
        own.join(" ")
    )
}

/// Asks for translations.
pub(super) fn translations(of: Resource, ids: &[u64], contexts: &[Context]) -> String {
    let (kind, _) = of.names();
    let ids = of.ids(ids);
    let one = |(place, context): (usize, &Context)| {
        let (channel, locale) = (context.channel, context.quoted("bc/store/locale/"));
        format!(
            "c{place}: translations(filters: {{resourceType: {kind}, channelId: \"bc/store/channel/{channel}\", \
             localeId: {locale}, resourceIds: [{ids}]}}, first: {MOST_RECORDS}) {{ edges {{ node {{ resourceId fields {{ \
             fieldName original translation }} }} }} }}"
        )
    };
    let all: Vec<String> = contexts.iter().enumerate().map(one).collect();
    format!("query {{ store {{ {} }} }}", all.join(" "))
}

#[derive(Deserialize)]
struct Answer<T> {
    data: Option<Within<T>>,
    #[serde(default)]
    errors: Vec<Problem>,
}

#[derive(Deserialize)]
struct Within<T> {
    store: T,
}

#[derive(Deserialize)]
struct Problem {
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
struct Connection<T> {
    edges: Vec<Edge<T>>,
}

#[derive(Deserialize)]
struct Edge<T> {
    node: T,
}

/// A language of a channel.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Locale {
    /// Its tag.
    pub(super) code: String,
    /// `ACTIVE` or `INACTIVE`.
    pub(super) status: String,
    /// The language of what REST shows.
    pub(super) is_default: bool,
}

#[derive(Deserialize)]
struct Locales {
    locales: Connection<Locale>,
}

#[derive(Deserialize)]
struct Products {
    products: Connection<Product>,
}

#[derive(Deserialize)]
struct Product {
    id: String,
    #[serde(flatten)]
    contexts: BTreeMap<String, Option<Overrides>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Overrides {
    basic_information: Option<BasicInformation>,
    seo_information: Option<SeoInformation>,
    url_path: Option<UrlPath>,
}

#[derive(Deserialize)]
struct BasicInformation {
    name: Option<String>,
    description: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SeoInformation {
    page_title: Option<String>,
    meta_description: Option<String>,
}

#[derive(Deserialize)]
struct UrlPath {
    path: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Translation {
    resource_id: String,
    #[serde(default)]
    fields: Vec<TranslatedField>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TranslatedField {
    field_name: String,
    original: Option<String>,
    translation: Option<String>,
}

/// The part of an answer that is asked for.
///
/// # Errors
/// `C0205` for a query that is refused, which has the status 200 too · `C0207`.
fn answered<T: DeserializeOwned>(body: &[u8]) -> Result<T, Fault> {
    let answer: Answer<T> = decode::one(body)?;
    match (answer.errors.first(), answer.data) {
        (None, Some(data)) => Ok(data.store),
        (problem, _) => {
            let message = problem.map_or("it gave no data", |problem| problem.message.as_str());
            let fault = Fault::config("C0205", format!("GraphQL Admin refused a query for texts: {message}"));
            Err(fault.hint(
                "the plan of the store or the API account may lack texts in other languages: write texts = \
                 \"default_language\", or name the languages of each channel under locales",
            ))
        }
    }
}

/// The languages of a channel.
///
/// # Errors
/// Those of a refused query.
pub(super) fn locales_of(body: &[u8]) -> Result<Vec<Locale>, Fault> {
    Ok(answered::<Locales>(body)?.locales.edges.into_iter().map(|edge| edge.node).collect())
}

/// The answer to [`overrides`].
///
/// # Errors
/// Those of a refused query.
pub(super) fn overrides_of(body: &[u8]) -> Result<Found, Fault> {
    let mut found = Vec::new();
    for Edge { node } in answered::<Products>(body)?.products.edges {
        let Some(id) = number(&node.id) else { continue };
        for (alias, overrides) in node.contexts {
            let (Some(place), Some(own)) = (place(&alias), overrides) else { continue };
            let (basic, seo) = (own.basic_information, own.seo_information);
            let (name, description) = basic.map_or((None, None), |it| (it.name, it.description));
            let (page_title, meta_description) = seo.map_or((None, None), |it| (it.page_title, it.meta_description));
            let path = own.url_path.and_then(|it| it.path);
            found.push((id, place, Words { name, description, page_title, meta_description, path }));
        }
    }
    Ok(found)
}

/// The answer to [`translations`]. What is the same as the original is no translation.
///
/// # Errors
/// Those of a refused query.
pub(super) fn translations_of(body: &[u8]) -> Result<Found, Fault> {
    let mut found = Vec::new();
    for (alias, rows) in answered::<BTreeMap<String, Connection<Translation>>>(body)? {
        let Some(place) = place(&alias) else { continue };
        for Edge { node } in rows.edges {
            let Some(id) = number(&node.resource_id) else { continue };
            let mut words = Words::default();
            for field in node.fields.into_iter().filter(|field| field.translation != field.original) {
                match field.field_name.as_str() {
                    "name" => words.name = field.translation,
                    "description" => words.description = field.translation,
                    // The documents spell them in both ways.
                    "pageTitle" | "page_title" => words.page_title = field.translation,
                    "metaDescription" | "meta_description" => words.meta_description = field.translation,
                    _ => {}
                }
            }
            found.push((id, place, words));
        }
    }
    Ok(found)
}

/// The number at the end of `bc/store/product/111`.
fn number(id: &str) -> Option<u64> {
    id.rsplit('/').next()?.parse().ok()
}

fn place(alias: &str) -> Option<usize> {
    alias.strip_prefix('c')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_as_the_documents_show_them() {
        let body = br#"{"data":{"store":{"products":{"edges":[{"node":{"id":"bc/store/product/111","c0":{"basicInformation":
            {"name":"name override","description":null}},"c1":null}}]}}}}"#;
        let name = Some("name override".to_owned());
        assert_eq!(overrides_of(body).unwrap(), [(111, 0, Words { name, ..Words::default() })]);
        let body = br#"{"data":{"store":{"c3":{"edges":[{"node":{"resourceId":"bc/store/product/123","fields":[
            {"fieldName":"name","original":"Widget","translation":"Gadget (FR)"},
            {"fieldName":"description","original":"A widget.","translation":"A widget."},
            {"fieldName":"page_title","original":"Page","translation":"Page Produit"}]},"cursor":"eyJpZCI6MTIzfQ"}]}}}}"#;
        let words = Words { name: Some("Gadget (FR)".to_owned()), page_title: Some("Page Produit".to_owned()), ..Words::default() };
        assert_eq!(translations_of(body).unwrap(), [(123, 3, words)]);
        let refused = locales_of(br#"{"data":null,"errors":[{"message":"no such field"}]}"#).unwrap_err();
        assert!(refused.code == "C0205" && refused.message.contains("no such field"), "{refused:?}");
    }
}
