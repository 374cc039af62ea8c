//! What an archive has of sites and of the organization: descriptors, preferences, locales, metadata of attributes.
//!
//! The schemas are `site/2007-04-30`, `locales/2015-04-30` and `metadata/2006-10-31`. That of preferences is not
//! published; its form is that of public site archives.

use std::io::{self, Write};

use super::super::state::{DEFAULT_LOCALE, Kind, STOREFRONT_CATALOG, Site, State};
use super::xml::Xml;

const SITE: &str = "http://www.demandware.com/xml/impex/site/2007-04-30";
const PREFERENCES: &str = "http://www.demandware.com/xml/impex/preferences/2007-03-31";
const LOCALES: &str = "http://www.demandware.com/xml/impex/locales/2015-04-30";
const METADATA: &str = "http://www.demandware.com/xml/impex/metadata/2006-10-31";

/// A locale as Java names it: `de_DE`.
fn java(locale: &str) -> String {
    locale.replace('-', "_")
}

/// `site.xml`
pub(super) fn descriptor(out: &mut dyn Write, site: &Site) -> io::Result<()> {
    let mut xml = Xml::begin(out, "site", SITE, &[("site-id", &site.id)])?;
    xml.text("name", &site.name)?;
    xml.text("currency", &site.currency)?;
    xml.text("taxation", "gross")?;
    xml.text("custom-cartridges", "app_storefront_base")?;
    xml.text("storefront-status", "online")?;
    xml.end()
}

/// `preferences.xml` of a site. Lists are joined by colons.
pub(super) fn preferences(out: &mut dyn Write, site: &Site) -> io::Result<()> {
    let locales: Vec<String> =
        site.locales.iter().map(|locale| java(locale)).chain([DEFAULT_LOCALE.to_owned()]).collect();
    let default = locales.first().cloned().unwrap_or_default();
    let values = [
        ("SiteCatalog", STOREFRONT_CATALOG.to_owned()),
        ("SiteCurrencies", site.currencies.join(":")),
        ("SiteCustomerList", site.id.clone()),
        ("SiteDefaultLocale", default),
        ("SiteInventoryList", site.list.clone()),
        ("SiteLibrary", site.id.clone()),
        ("SiteLocales", locales.join(":")),
        ("SitePriceBooks", site.books.join(":")),
        ("SiteTimezone", "Etc/UTC".to_owned()),
    ];
    let mut xml = Xml::begin(out, "preferences", PREFERENCES, &[])?;
    xml.open("standard-preferences", &[])?;
    xml.open("all-instances", &[])?;
    for (name, value) in &values {
        xml.leaf("preference", &[("preference-id", name)], value)?;
    }
    xml.close()?;
    for instance in ["development", "staging", "production"] {
        xml.text(instance, "")?;
    }
    xml.end()
}

/// `locales.xml`. A locale of a country falls back to that of its language, and that one to the default.
pub(super) fn locales(out: &mut dyn Write, state: &State) -> io::Result<()> {
    let mut xml = Xml::begin(out, "locales", LOCALES, &[])?;
    for locale in &state.locales {
        let name = java(locale);
        xml.open("locale", &[("locale-id", &name)])?;
        match name.split_once('_') {
            Some((language, _)) => xml.text("fallback-locale", language)?,
            None if locale != DEFAULT_LOCALE => xml.text("fallback-locale", DEFAULT_LOCALE)?,
            None => {}
        }
        xml.close()?;
    }
    xml.end()
}

/// `meta/system-objecttype-extensions.xml`
pub(super) fn metadata(out: &mut dyn Write, state: &State) -> io::Result<()> {
    let mut xml = Xml::begin(out, "metadata", METADATA, &[])?;
    if !state.attributes.is_empty() {
        xml.open("type-extension", &[("type-id", "Product")])?;
        xml.open("custom-attribute-definitions", &[])?;
        for (name, it) in &state.attributes {
            xml.open("attribute-definition", &[("attribute-id", name)])?;
            xml.texts("display-name", &it.name)?;
            xml.text("type", type_name(it.kind))?;
            xml.text("localizable-flag", if it.localizable { "true" } else { "false" })?;
            xml.text("site-specific-flag", "false")?;
            xml.text("mandatory-flag", "false")?;
            xml.text("visible-flag", "false")?;
            xml.text("externally-managed-flag", "false")?;
            if matches!(it.kind, Kind::Enum | Kind::EnumSet) {
                xml.text("select-multiple-flag", if it.kind == Kind::EnumSet { "true" } else { "false" })?;
                xml.open("value-definitions", &[])?;
                for (value, shown) in &it.values {
                    xml.open("value-definition", &[])?;
                    xml.texts("display", shown)?;
                    xml.text("value", value)?;
                    xml.close()?;
                }
                xml.close()?;
            }
            xml.close()?;
        }
    }
    xml.end()
}

fn type_name(kind: Kind) -> &'static str {
    match kind {
        Kind::String => "string",
        Kind::Double => "double",
        Kind::Boolean => "boolean",
        Kind::Date => "date",
        Kind::DateTime => "datetime",
        Kind::SetOfString => "set-of-string",
        Kind::Enum | Kind::EnumSet => "enum-of-string",
    }
}
