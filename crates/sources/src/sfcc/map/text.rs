//! Values that an export writes per language and per site.

use model::{Locale, Localized, Notice, Online, PerStorefront, StorefrontKey, Timestamp, Window};

use crate::sfcc::xml::Element;

/// The locale of a tag: `x-default` and none stand for text in no particular language, and sites write `de_DE`.
pub fn locale(tag: Option<&str>) -> Option<Locale> {
    match tag {
        None | Some("x-default" | "default") => Some(Locale::undetermined()),
        Some(tag) => Locale::parse(&tag.replace('_', "-")).ok(),
    }
}

/// The texts of elements that repeat with `xml:lang`. Empty ones are not set.
pub fn localized<'e>(elements: impl Iterator<Item = &'e Element>, notices: &mut Vec<Notice>) -> Localized {
    let text = |element: &'e Element| {
        let text = element.value()?;
        let tag = element.attribute("lang");
        let Some(locale) = locale(tag) else {
            let what = format!("a text in {:?}, which is no language", tag.unwrap_or_default());
            notices.push(Notice::new(element.name.clone(), what));
            return None;
        };
        Some((locale, text.to_owned()))
    };
    elements.filter_map(text).collect()
}

/// `true` or `false`, as XML Schema writes them.
pub fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

/// An instant. Java writes an offset without its colon, and XML Schema allows none: then it is in UTC.
pub fn instant(text: &str) -> Option<Timestamp> {
    Timestamp::parse(text).or_else(|| {
        let (at, minutes) = text.split_at_checked(text.len().checked_sub(2)?)?;
        let has_offset = at.get(at.len().checked_sub(3)?..)?.starts_with(['+', '-']);
        Timestamp::parse(&if has_offset { format!("{at}:{minutes}") } else { format!("{text}Z") })
    })
}

/// A value that is set, read; `None`: it is not set.
fn read<T>(element: &Element, parse: impl Fn(&str) -> Option<T>) -> Result<Option<T>, String> {
    match element.value() {
        None => Ok(None),
        Some(text) => parse(text).map(Some).ok_or_else(|| format!("its {} is {text:?}", element.name)),
    }
}

/// The value for all sites, and those of single sites, of elements that repeat with `site-id`.
fn per_site<T>(element: &Element, name: &str, parse: impl Fn(&str) -> Option<T>) -> Result<PerSite<T>, String> {
    let (mut default, mut own) = (None, Vec::new());
    for it in element.all(name) {
        let Some(value) = read(it, &parse)? else { continue };
        match it.attribute("site-id") {
            None => default = Some(value),
            Some(site) => own.push((StorefrontKey::new(site), value)),
        }
    }
    Ok((default, own))
}

type PerSite<T> = (Option<T>, Vec<(StorefrontKey, T)>);

/// A flag per site; `unset` where it has no value.
///
/// # Errors
/// It is neither true nor false.
pub fn flag(element: &Element, name: &str, unset: bool) -> Result<PerStorefront<bool>, String> {
    let (default, mut own) = per_site(element, name, boolean)?;
    own.sort();
    own.dedup_by(|(later, _), (earlier, _)| later == earlier);
    Ok(PerStorefront { default: default.unwrap_or(unset), own })
}

/// Whether and when each site shows a product; `unset`: what holds where its flag has no value.
///
/// # Errors
/// A flag is neither true nor false, or a time is none.
pub fn online(element: &Element, unset: bool) -> Result<PerStorefront<Online>, String> {
    let (flag, flags) = per_site(element, "online-flag", boolean)?;
    let (from, froms) = per_site(element, "online-from", instant)?;
    let (until, untils) = per_site(element, "online-to", instant)?;
    let mut sites: Vec<&StorefrontKey> = flags.iter().map(|(site, _)| site).collect();
    sites.extend(froms.iter().chain(&untils).map(|(site, _)| site));
    sites.sort();
    sites.dedup();
    let own = |site: &StorefrontKey| {
        let on = of(&flags, site).or(flag).unwrap_or(unset);
        let window = Window { from: of(&froms, site).or(from), until: of(&untils, site).or(until) };
        (site.clone(), Online { on, window })
    };
    let default = Online { on: flag.unwrap_or(unset), window: Window { from, until } };
    Ok(PerStorefront { default, own: sites.into_iter().map(own).collect() })
}

fn of<T: Copy>(own: &[(StorefrontKey, T)], site: &StorefrontKey) -> Option<T> {
    own.iter().find(|(key, _)| key == site).map(|(_, value)| *value)
}

/// The flag of elements that stand for all sites.
///
/// # Errors
/// It is neither true nor false.
pub fn truth(element: &Element, name: &str) -> Result<Option<bool>, String> {
    element.child(name).map_or(Ok(None), |it| read(it, boolean))
}

/// The window of elements that stand for all sites.
///
/// # Errors
/// A time is none.
pub fn window(element: &Element) -> Result<Window, String> {
    let at = |name| element.child(name).map_or(Ok(None), |it| read(it, instant));
    Ok(Window { from: at("online-from")?, until: at("online-to")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_java_and_xml_schema_write_them() {
        let at = instant("2026-12-05T10:00:00Z");
        assert!(at.is_some());
        for text in
            ["2026-12-05T10:00:00.000Z", "2026-12-05T10:00:00.000+0000", "2026-12-05T12:00:00.000+0200", "2026-12-05T10:00:00"]
        {
            assert_eq!(instant(text), at, "{text}");
        }
        for text in ["", "Z", "soon", "2026-12-05", "ü", "+é"] {
            assert_eq!(instant(text), None, "{text}");
        }
    }
}
