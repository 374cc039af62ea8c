//! Turns a market of the file into a market of the model.

use engine::market::url::{alternatives, placeholders};
use model::{Country, Currency, Locale, Market, market::Untracked};

use super::{
    code, file,
    problem::Problem,
    read::Reader,
    suggest::{listed, nearest},
};

const PRODUCT_PLACEHOLDERS: [&str; 6] = ["slug", "path", "id", "key", "sku", "locale"];
const CATEGORY_PLACEHOLDERS: [&str; 5] = ["slug", "path", "id", "key", "locale"];

/// The market, or `None` after at least one problem was noted.
pub(super) fn market(reader: &mut Reader<'_>, key: &str, written: file::Market) -> Option<Market> {
    let before = reader.problems.len();
    let mut check = Check { reader, market: key };
    let main = check.locale(&["locale"], &written.locale);
    let fallback: Vec<Option<Locale>> = written
        .fallback
        .iter()
        .enumerate()
        .map(|(at, tag)| check.locale(&["fallback", &at.to_string()], tag))
        .collect();
    let currency = check.currency(&written.currency);
    let country = written.country.as_deref().and_then(|code| check.country(code));
    check.time_zone(&written.time_zone);
    check.template("product_url", &written.product_url, &PRODUCT_PLACEHOLDERS);
    check.template("category_url", &written.category_url, &CATEGORY_PLACEHOLDERS);
    if check.reader.problems.len() > before {
        return None;
    }
    let mut locales: Vec<Locale> = Vec::with_capacity(fallback.len() + 1);
    for locale in std::iter::once(main).chain(fallback).flatten() {
        if !locales.contains(&locale) {
            locales.push(locale);
        }
    }
    Some(Market {
        key: key.to_owned(),
        locales,
        currency: currency?,
        country,
        customer_group: written.customer_group,
        price_channel: written.price_channel,
        supply_channels: written.supply_channels,
        store: written.store.map(Into::into),
        time_zone: written.time_zone,
        product_url: written.product_url,
        category_url: written.category_url,
        untracked: match written.untracked {
            file::Untracked::Available => Untracked::Available,
            file::Untracked::Unavailable => Untracked::Unavailable,
        },
    })
}

struct Check<'a, 'b> {
    reader: &'a mut Reader<'b>,
    market: &'a str,
}

impl Check<'_, '_> {
    fn note(&mut self, path: &[&str], code: &'static str, message: String, hint: String) {
        let path: Vec<&str> = ["markets", self.market].into_iter().chain(path.iter().copied()).collect();
        let span = self.reader.map.nearest(&path).value;
        self.reader.problems.push(Problem::new(code, span, message).hint(hint));
    }

    fn locale(&mut self, path: &[&str], tag: &str) -> Option<Locale> {
        let language = tag.split('-').next().unwrap_or_default();
        let is_language = matches!(language.len(), 2 | 3) && language.bytes().all(|byte| byte.is_ascii_alphabetic());
        if let Some(locale) = Locale::parse(tag).ok().filter(|_| is_language) {
            return Some(locale);
        }
        let with_hyphen = tag.replace('_', "-");
        let hint = match Locale::parse(&with_hyphen) {
            Ok(locale) if with_hyphen != tag => format!("did you mean \"{locale}\"?"),
            Ok(_) | Err(_) => "write the language, and the country if it matters: \"de\" or \"de-AT\"".to_owned(),
        };
        self.note(path, code::MARKET, format!("\"{tag}\" is no language tag"), hint);
        None
    }

    fn currency(&mut self, code: &str) -> Option<Currency> {
        if let Ok(currency) = code.parse() {
            return Some(currency);
        }
        let known = currencies();
        let upper = code.trim().to_uppercase();
        let found = known.iter().find(|known| **known == upper).map(String::as_str);
        let near = found.or_else(|| by_beginning(&upper, &known));
        let hint = near.map_or_else(
            || "write its ISO 4217 code, three capital letters such as \"EUR\"".to_owned(),
            |near| format!("did you mean \"{near}\"?"),
        );
        self.note(&["currency"], code::MARKET, format!("\"{code}\" is no currency"), hint);
        None
    }

    fn country(&mut self, code: &str) -> Option<Country> {
        // A common mistake: prices bound to GB would never be found.
        if code.eq_ignore_ascii_case("UK") {
            let hint = "did you mean \"GB\"? That is the ISO code of the United Kingdom".to_owned();
            self.note(&["country"], code::MARKET, "\"UK\" is no ISO country code".to_owned(), hint);
            return None;
        }
        if let Ok(country) = code.parse() {
            return Some(country);
        }
        let hint = "write its ISO 3166 code, two letters such as \"DE\"".to_owned();
        self.note(&["country"], code::MARKET, format!("\"{code}\" is no country code"), hint);
        None
    }

    fn time_zone(&mut self, name: &str) {
        if jiff::tz::TimeZone::get(name).is_ok() {
            return;
        }
        let names: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
        let hint = nearest(name, names.iter().map(String::as_str)).map_or_else(
            || "write its IANA name, such as \"Europe/Berlin\"".to_owned(),
            |near| format!("did you mean \"{near}\"?"),
        );
        self.note(&["time_zone"], code::MARKET, format!("there is no time zone \"{name}\""), hint);
    }

    fn template(&mut self, key: &str, template: &str, known: &[&str]) {
        let name = format!("markets.{}.{key}", self.market);
        let shown: Vec<String> = known.iter().map(|name| format!("{{{name}}}")).collect();
        let possible = listed(shown.iter().map(String::as_str));
        let names: Vec<_> = match placeholders(template) {
            Ok(placeholders) => placeholders.found.into_iter().flat_map(|(_, names)| alternatives(names)).collect(),
            Err(unclosed) => {
                let hint = format!("write a placeholder as {possible}");
                self.note(&[key], code::TEMPLATE, format!("{name} has a \"{unclosed}\" without its partner"), hint);
                return;
            }
        };
        if !contract::schema::is_absolute_url(template) {
            let hint = "begin it with https:// and the host, such as \"https://shop.example/p/{slug}\"".to_owned();
            self.note(&[key], code::TEMPLATE, format!("{name} is no absolute address"), hint);
        }
        for placeholder in &names {
            if !known.contains(placeholder) {
                let hint = nearest(placeholder, known.iter().copied())
                    .map_or_else(|| format!("possible: {possible}"), |near| format!("did you mean {{{near}}}?"));
                self.note(&[key], code::TEMPLATE, format!("{name} has an unknown placeholder {{{placeholder}}}"), hint);
            }
        }
        if names.iter().all(|placeholder| *placeholder == "locale") {
            let message = format!("{name} gives every record the same address");
            let hint = format!("put in what tells them apart: {possible}");
            self.note(&[key], code::TEMPLATE, message, hint);
        }
    }
}

/// Every code of three letters that is a currency. Only asked for when one was mistyped.
fn currencies() -> Vec<String> {
    let letters = || (b'A'..=b'Z').map(char::from);
    letters()
        .flat_map(|first| letters().flat_map(move |second| letters().map(move |third| [first, second, third])))
        .map(|letters| letters.into_iter().collect::<String>())
        .filter(|code| code.parse::<Currency>().is_ok())
        .collect()
}

/// `EURO` begins with `EUR`; else the nearest.
fn by_beginning<'a>(written: &str, known: &'a [String]) -> Option<&'a str> {
    let known = || known.iter().map(String::as_str);
    known().find(|code| written.starts_with(*code)).or_else(|| nearest(written, known()))
}
