//! Drafts markets, destinations and flows from what sources say of themselves.
//!
//! It decides what a market of a store, or of a currency, looks like; it knows no platform. What a source does not say is
//! named in a comment, for a person to fill in.

use std::collections::BTreeSet;

use contract::{Fault, Profile, StoreProfile};
use model::{Country, Currency, SourceName};

use super::{Loaded, starter};

/// The most markets of a source.
const MOST: usize = 50;
/// The longest name.
const LONGEST_NAME: usize = 50;
/// Countries whose first language is called otherwise than they are.
const LANGUAGES: [(&str, &str); 16] = [
    ("AT", "de"),
    ("AU", "en"),
    ("BE", "nl"),
    ("BR", "pt"),
    ("CA", "en"),
    ("CH", "de"),
    ("CN", "zh"),
    ("CZ", "cs"),
    ("DK", "da"),
    ("GB", "en"),
    ("IE", "en"),
    ("JP", "ja"),
    ("MX", "es"),
    ("NZ", "en"),
    ("SE", "sv"),
    ("US", "en"),
];

/// A market to be written.
#[derive(Debug, PartialEq, Eq)]
struct Market {
    name: String,
    languages: Vec<String>,
    currency: Currency,
    country: Option<String>,
    /// Countries that the same store or currency serves.
    other_countries: Vec<String>,
    store: Option<String>,
    price_channels: Vec<String>,
}

/// The configuration with a market, a flow and a destination for each store that these sources have, or for each currency
/// where they have no stores. Everything but its markets and flows stays; comments don't.
///
/// # Errors
/// `C0809`: a source names no currency.
pub fn text(loaded: &Loaded, profiles: &[(SourceName, Profile)]) -> Result<String, Fault> {
    let kept = loaded.kept();
    let mut text = String::from(
        "# Drafted from what the shop says of itself. Set the addresses and the keys, delete what is not sold, and run\n\
         # `cartage check`.\n\n",
    );
    text += &kept.to_string();
    let mut names = BTreeSet::new();
    for (source, profile) in profiles {
        text += &found(source, profile);
        for mut market in markets(profile)? {
            if !names.insert(market.name.clone()) {
                market.name = unused(&names, &format!("{}-{source}", market.name));
                names.insert(market.name.clone());
            }
            text += &market.text(source, &kept);
        }
    }
    Ok(text)
}

/// What the source has, as a comment.
fn found(source: &SourceName, profile: &Profile) -> String {
    let stores: Option<Vec<String>> =
        profile.stores.as_ref().map(|stores| stores.iter().map(|store| store.key.clone()).collect());
    let lists = [
        ("languages", &profile.languages),
        ("currencies", &profile.currencies),
        ("countries", &profile.countries),
        ("stores", &stores),
        ("channels", &profile.channels),
        ("customer groups", &profile.groups),
    ];
    let lists = lists.iter().filter_map(|(what, list)| {
        let list: Vec<String> = list.as_ref()?.iter().map(|word| clean(word)).collect();
        (!list.is_empty()).then(|| format!("#   {what}: {}\n", list.join(", ")))
    });
    format!("\n# {source} has\n{}", lists.collect::<String>())
}

/// The markets of a source.
fn markets(profile: &Profile) -> Result<Vec<Market>, Fault> {
    let currencies = profile.currencies.iter().flatten().filter_map(|code| code.parse().ok());
    let currencies: Vec<Currency> = currencies.collect();
    let Some(first) = currencies.first() else {
        let fault = Fault::config("C0809", "the source names no currency, so no market can be drafted");
        return Err(fault.hint("set the currencies of the shop, or write the markets by hand: `cartage init`"));
    };
    let stores = profile.stores.as_deref().unwrap_or_default();
    let mut names = BTreeSet::new();
    let mut all = Vec::new();
    for store in stores.iter().take(MOST) {
        let currency = store.countries.iter().find_map(|country| of_country(&currencies, country)).unwrap_or(*first);
        let name = unused(&names, store.name.as_deref().unwrap_or(&store.key));
        names.insert(name.clone());
        all.push(Market::of_store(name, store, currency, profile));
    }
    if !all.is_empty() {
        return Ok(all);
    }
    let countries = profile.countries.as_deref().unwrap_or_default();
    Ok(currencies.iter().take(MOST).map(|currency| Market::of_currency(*currency, countries, profile)).collect())
}

/// The currency of a country among these.
fn of_country(currencies: &[Currency], country: &str) -> Option<Currency> {
    let country: Country = country.parse().ok()?;
    currencies.iter().copied().find(|currency| currency.is_of(country))
}

impl Market {
    fn of_store(name: String, store: &StoreProfile, currency: Currency, profile: &Profile) -> Self {
        let is_its = |code: &&String| of_country(&[currency], code).is_some();
        let country = store.countries.iter().find(is_its).or_else(|| store.countries.first());
        let languages = if store.languages.is_empty() {
            profile.languages.as_deref().unwrap_or_default()
        } else {
            &store.languages
        };
        Self {
            name,
            languages: preferred(languages, country.map(String::as_str)),
            currency,
            country: country.cloned(),
            other_countries: store.countries.iter().filter(|code| Some(*code) != country).cloned().collect(),
            store: Some(store.key.clone()),
            price_channels: store.price_channels.clone(),
        }
    }

    fn of_currency(currency: Currency, countries: &[String], profile: &Profile) -> Self {
        let mut its = countries.iter().filter(|code| of_country(&[currency], code).is_some()).cloned();
        let country = its.next();
        Self {
            name: currency.code().to_lowercase(),
            languages: preferred(profile.languages.as_deref().unwrap_or_default(), country.as_deref()),
            currency,
            other_countries: its.collect(),
            country,
            store: None,
            price_channels: Vec::new(),
        }
    }

    /// Its sections.
    fn text(&self, source: &SourceName, kept: &toml::Table) -> String {
        let Self { name, currency, .. } = self;
        let destination = format!("clerk-{name}");
        let mut text = String::new();
        let is_there = kept.get("destinations").and_then(|all| all.get(&destination)).is_some();
        if !is_there {
            text += &of_starter("destinations", name);
        }
        text += &format!("\n[markets.{name}]\n");
        let mut line = |key: &str, value: toml::Value| text += &format!("{key} = {value}\n");
        let (locale, fallback) = match self.languages.split_first() {
            Some((locale, fallback)) => (locale.as_str(), fallback),
            None => ("en", &[][..]),
        };
        line("locale", locale.into());
        if !fallback.is_empty() {
            line("fallback", fallback.to_vec().into());
        }
        line("currency", currency.code().into());
        for (key, value) in [("country", &self.country), ("store", &self.store)] {
            if let Some(value) = value {
                line(key, value.as_str().into());
            }
        }
        if let [channel] = self.price_channels.as_slice() {
            line("price_channel", channel.as_str().into());
        }
        line("product_url", format!("https://shop.example/{name}/p/{{path}}").into());
        line("category_url", format!("https://shop.example/{name}/c/{{path}}").into());
        if self.languages.is_empty() {
            text += "# The shop does not say its language.\n";
        }
        if !self.other_countries.is_empty() {
            let others: Vec<String> = self.other_countries.iter().map(|code| clean(code)).collect();
            text += &format!("# Prices of other countries need markets of their own: {}\n", others.join(", "));
        }
        if self.price_channels.len() > 1 {
            let channels: Vec<String> = self.price_channels.iter().map(|key| clean(key)).collect();
            text += &format!(
                "# The store shows prices of several channels; price_channel is one of {}\n",
                channels.join(", ")
            );
        }
        text += &format!("\n[flows.{destination}]\nsource = \"{source}\"\n");
        text += &format!("destination = \"{destination}\"\nmarket = \"{name}\"\n");
        text
    }
}

/// Languages with that of the country first.
fn preferred(languages: &[String], country: Option<&str>) -> Vec<String> {
    let mut languages = languages.to_vec();
    let Some(country) = country else { return languages };
    let spoken = LANGUAGES.iter().find(|(code, _)| code.eq_ignore_ascii_case(country)).map(|(_, language)| *language);
    let spoken = spoken.unwrap_or(country).to_lowercase();
    languages.sort_by_key(|tag| {
        let mut parts = tag.split(['-', '_']);
        let language = parts.next().unwrap_or_default().to_lowercase();
        let is_here = parts.any(|part| part.eq_ignore_ascii_case(country));
        // Ties stay in the order of the shop.
        match (language == spoken, is_here) {
            (true, true) => 0,
            (_, true) => 1,
            (true, false) => 2,
            (false, false) => 3,
        }
    });
    languages
}

/// A section of the starter's market, for a market of this name.
fn of_starter(section: &str, name: &str) -> String {
    let starter = starter();
    let begins = format!("[{section}.clerk-de]\n");
    let block = starter.split_once(&begins).map(|(_, rest)| rest.split("\n\n").next().unwrap_or_default());
    let variable = name.to_uppercase().replace('-', "_");
    let block = block.unwrap_or_default().replace("_DE_", &format!("_{variable}_"));
    format!("\n[{section}.clerk-{name}]\n{}\n", block.trim_end())
}

/// A name of a market that is not used yet, made from a text.
fn unused(names: &BTreeSet<String>, text: &str) -> String {
    let fits = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let name: String = text.chars().map(fits).take(LONGEST_NAME).collect();
    let name = name.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-");
    let name = if name.is_empty() { "market".to_owned() } else { name };
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    std::iter::once(name.clone()).chain(numbered).find(|name| !names.contains(name)).unwrap_or_default()
}

/// A text of a shop without what could end a comment.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    const SOURCE: &str = "[sources.shop]\nkind = \"commercetools\"\nproject_key = \"p\"\nregion = \"europe-west1.gcp\"\n\
                          client_id = \"env:A\"\nclient_secret = \"env:B\"\n\n[markets.old]\nlocale = \"de\"\n\
                          currency = \"EUR\"\nproduct_url = \"https://x.example/{slug}\"\n\
                          category_url = \"https://x.example/{slug}\"\n";

    fn list(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    fn drafted(profile: Profile) -> (String, Config) {
        let loaded = Config::parse(SOURCE, "cartage.toml").unwrap();
        let text = text(&loaded, &[("shop".into(), profile)]).unwrap();
        let config = Config::parse(&text, "draft").unwrap_or_else(|errors| panic!("{errors:#?}\n{text}")).config;
        (text, config)
    }

    #[test]
    fn each_store_becomes_a_market_with_the_currency_and_language_of_its_country() {
        let store = |key: &str, countries: &[&str], channels: &[&str]| StoreProfile {
            key: key.to_owned(),
            countries: list(countries),
            price_channels: list(channels),
            ..StoreProfile::default()
        };
        let (text, config) = drafted(Profile {
            languages: Some(list(&["de", "fr-CH", "en"])),
            currencies: Some(list(&["EUR", "CHF", "GBP"])),
            stores: Some(vec![
                store("Großbritannien", &["GB"], &["a", "b"]),
                store("schweiz", &["CH", "LI"], &["shop-ch"]),
                store("schweiz!", &[], &[]),
            ]),
            ..Profile::default()
        });
        let names: Vec<&String> = config.markets.keys().collect();
        assert_eq!(names, ["gro-britannien", "schweiz", "schweiz-2"]);
        let market = |name: &str| {
            let market = &config.markets[name];
            let country = market.country.map(|country| country.to_string()).unwrap_or_default();
            (market.locales[0].to_string(), market.currency.code(), country, market.price_channel.clone())
        };
        assert_eq!(market("gro-britannien"), ("en".into(), "GBP", "GB".into(), None));
        assert_eq!(market("schweiz"), ("fr-CH".into(), "CHF", "CH".into(), Some("shop-ch".into())));
        assert_eq!(market("schweiz-2"), ("de".into(), "EUR", String::new(), None));
        assert_eq!(config.flows.len(), 3);
        assert!(text.contains("env:CLERK_GRO_BRITANNIEN_PUBLIC_KEY") && text.contains("one of a, b"), "{text}");
        assert!(text.contains("of their own: LI"), "{text}");
    }

    #[test]
    fn without_stores_each_currency_becomes_a_market() {
        let (_, config) = drafted(Profile {
            languages: Some(list(&["de", "en"])),
            currencies: Some(list(&["EUR", "GBP", "not one"])),
            countries: Some(list(&["DE", "AT", "GB"])),
            ..Profile::default()
        });
        let found: Vec<_> = config
            .markets
            .values()
            .map(|market| (market.key.as_str(), market.locales[0].as_str(), market.country.map(|it| it.to_string())))
            .collect();
        assert_eq!(found, [("eur", "de", Some("DE".to_owned())), ("gbp", "en", Some("GB".to_owned()))]);
    }

    #[test]
    fn a_shop_that_names_no_currency_is_told_so() {
        let loaded = Config::parse(SOURCE, "cartage.toml").unwrap();
        assert_eq!(text(&loaded, &[("shop".into(), Profile::default())]).unwrap_err().code, "C0809");
    }
}
