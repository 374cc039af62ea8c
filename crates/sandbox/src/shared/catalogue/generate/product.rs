//! One product of the generated shop, composed from its index alone.

use super::{
    Oddity, Options, Plan, prices, product_key, size, slug,
    types::{PIECES, SHOE_SIZES, SIZES},
    words::{
        BRANDS, CARE, COLOURS, DEPARTMENTS, Group, Line, MATERIALS, SENTENCES, SERIES, TRAITS, Word, in_all, translated,
    },
};
use crate::catalogue::{Localized, Product, Stock, Value, Variant, dice::Dice};

const LONG_TEXT_BYTES: usize = 20_000;

/// The place of a product in the shop.
struct Place {
    category: String,
    group: &'static Group,
    line: &'static Line,
}

/// The product with an index.
pub(super) fn product(plan: &Plan, index: usize) -> Product {
    let options = &plan.options;
    let mut dice = Dice::new(options.seed, u64::try_from(index).unwrap_or_default());
    let oddity = if options.oddities { Oddity::of(index) } else { Oddity::None };
    let Some(place) = place(&mut dice) else { return empty(index) };
    let (series, quality) = (dice.pick(SERIES), dice.pick(TRAITS));
    let name = name(options, &place, series, quality);
    let key = product_key(index);
    let number = key.trim_start_matches("p-");
    let mut product = Product {
        product_type: place.group.product_type.to_owned(),
        slug: name.iter().map(|(locale, name)| (locale.clone(), slug(name, number))).collect(),
        name,
        description: Localized::new(),
        categories: categories(options, &place, oddity, &mut dice),
        attributes: attributes(options, &place, index, &mut dice),
        variants: variants(plan, &place, oddity, index, &mut dice),
        published: oddity != Oddity::Unpublished,
        standalone_prices: oddity == Oddity::StandalonePrices,
        key,
    };
    product.description = description(options, &product, oddity, quality, &mut dice);
    make_odd(options, &mut product, oddity, index);
    product
}

/// Used only if the tables of words were empty.
fn empty(index: usize) -> Product {
    Product {
        key: product_key(index),
        product_type: "apparel".to_owned(),
        name: Localized::new(),
        slug: Localized::new(),
        description: Localized::new(),
        categories: Vec::new(),
        attributes: Vec::new(),
        variants: Vec::new(),
        published: false,
        standalone_prices: false,
    }
}

fn place(dice: &mut Dice) -> Option<Place> {
    let department = DEPARTMENTS.get(dice.below(DEPARTMENTS.len()))?;
    let group = department.groups.get(dice.below(department.groups.len()))?;
    let line = group.lines.get(dice.below(group.lines.len()))?;
    Some(Place { category: format!("{}-{}-{}", department.key, group.key, line.key), group, line })
}

fn name(options: &Options, place: &Place, series: &str, quality: Word) -> Localized {
    let in_locale = |locale: &String| {
        let (noun, quality) = (translated(locale, place.line.noun), translated(locale, quality));
        match super::language(locale) {
            "de" => format!("{noun} „{series}“, {quality}"),
            _ => format!("{series} {noun}, {quality}"),
        }
    };
    options.locales.iter().map(|locale| (locale.clone(), in_locale(locale))).collect()
}

fn categories(options: &Options, place: &Place, oddity: Oddity, dice: &mut Dice) -> Vec<String> {
    if oddity == Oddity::NoCategory {
        return Vec::new();
    }
    let mut categories = vec![place.category.clone()];
    // Some things are also found in the home department.
    if options.oddities && dice.one_in(8) && !place.category.starts_with("home") {
        categories.push("home-living".to_owned());
    }
    categories
}

fn attributes(options: &Options, place: &Place, index: usize, dice: &mut Dice) -> Vec<(String, Value)> {
    let brand = dice.pick(BRANDS).0;
    let first = dice.below(MATERIALS.len());
    let second = first + 1 + dice.below(MATERIALS.len() - 1);
    let materials = [first, second % MATERIALS.len()].into_iter().filter_map(|at| MATERIALS.get(at));
    let mut set = vec![
        ("brand", Value::Key(brand.to_owned())),
        ("materials", Value::Set(materials.map(|(key, _)| Value::Key((*key).to_owned())).collect())),
        ("care", Value::Localized(in_all(&options.locales, dice.pick(CARE)))),
        ("sustainable", Value::Boolean(dice.one_in(3))),
    ];
    if options.oddities {
        more_attributes(options, place, index, dice, &mut set);
    }
    set.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn more_attributes(
    options: &Options,
    place: &Place,
    index: usize,
    dice: &mut Dice,
    set: &mut Vec<(&'static str, Value)>,
) {
    let date = format!("20{:02}-{:02}-{:02}", dice.between(18, 25), dice.between(1, 12), dice.between(1, 28));
    set.push(("launched", Value::Date(date)));
    if options.products > 1 && dice.one_in(3) {
        set.push(("goes_with", Value::Product(product_key((index + 7) % options.products))));
    }
    let kind = place.group.product_type;
    if kind != "homeware" {
        set.push(("weight", Value::Number(hundredths(dice.between(5_000, 400_000)))));
    }
    if kind == "apparel" || kind == "footwear" {
        let tags = ["new", "année 2025", "#sale"].into_iter().filter(|_| dice.one_in(2));
        set.push(("tags", Value::Set(tags.map(|tag| Value::Text(tag.to_owned())).collect())));
    } else {
        let currency = options.currencies.first().cloned().unwrap_or_else(|| "EUR".to_owned());
        set.push(("deposit", Value::Money { minor: dice.between(100, 2_500), currency }));
        let mut measure = |name: &str| (name.to_owned(), Value::Number(whole(dice.between(10, 2_000))));
        set.push(("dimensions", Value::Nested(["width_mm", "height_mm", "depth_mm"].map(&mut measure).to_vec())));
    }
    if kind == "equipment" {
        set.push(("pickup_from", Value::Time(format!("{:02}:30:00.000", dice.between(7, 12)))));
    }
}

fn variants(plan: &Plan, place: &Place, oddity: Oddity, index: usize, dice: &mut Dice) -> Vec<Variant> {
    let options = &plan.options;
    let most = options.variants_per_product;
    let count = if options.oddities { 1 + dice.below(most) } else { most };
    let minor = dice.between(5, 250) * 100 - dice.pick(&[1, 5, 10, 50]);
    let colours = dice.below(COLOURS.len());
    let steps = steps(place.group.product_type);
    let mut variants = Vec::with_capacity(count);
    for position in 0..count {
        // One colour after the other, each in all its sizes; small products have two sizes less for more colours.
        let per_colour = if count < steps { count.div_ceil(2) } else { steps };
        let (colour, step) = (colours + position / per_colour, position % per_colour);
        let (colour, _) = COLOURS.get(colour % COLOURS.len()).copied().unwrap_or_default();
        let (name, size, label) = size_of(place.group.product_type, step);
        let sku = format!("{index:06}-{}-{}", colour.to_uppercase(), label.to_uppercase());
        let mut attributes = vec![
            ("colour".to_owned(), Value::Key(colour.to_owned())),
            (name.to_owned(), size),
            ("gtin".to_owned(), Value::Text(gtin(index, position))),
        ];
        let restocks = matches!(place.group.product_type, "apparel" | "homeware");
        if options.oddities && restocks && dice.one_in(4) {
            let day = dice.between(1, 28);
            attributes.push(("restocked".to_owned(), Value::DateTime(format!("2025-06-{day:02}T08:15:00.000Z"))));
        }
        let larger = i64::try_from(step).unwrap_or_default() * 100;
        variants.push(Variant {
            sku: Some(sku),
            attributes,
            prices: prices::prices(plan, oddity, minor + larger, dice),
            images: images(options, oddity, index, colour),
            stock: stock(options, oddity, dice),
        });
    }
    if oddity == Oddity::NoSku {
        let last = variants.len().saturating_sub(1);
        for (position, variant) in variants.iter_mut().enumerate() {
            if position == last || !Oddity::second_form(index) {
                variant.sku = None;
                variant.stock.clear();
            }
        }
    }
    variants
}

/// How many sizes things of a type come in.
fn steps(product_type: &str) -> usize {
    match product_type {
        "footwear" => SHOE_SIZES.len(),
        "homeware" => PIECES.len(),
        _ => SIZES.len(),
    }
}

/// Attribute, value and label of the option besides the colour.
fn size_of(product_type: &str, step: usize) -> (&'static str, Value, String) {
    let key = |sizes: &[&str]| sizes.get(step).copied().unwrap_or_default().to_owned();
    match product_type {
        "footwear" => ("shoe_size", Value::Key(key(SHOE_SIZES)), key(SHOE_SIZES)),
        "homeware" => {
            let pieces = PIECES.get(step).copied().unwrap_or(1);
            ("pieces", Value::Number(f64::from(pieces)), format!("{pieces}PC"))
        }
        _ => ("size", Value::Key(key(SIZES)), key(SIZES)),
    }
}

/// A valid EAN-13 from the range that is reserved for shops.
fn gtin(index: usize, position: usize) -> String {
    let digits = format!("20{:010}", (index * 128 + position) % 10_000_000_000);
    let weighted = digits.bytes().zip([1_u32, 3].into_iter().cycle());
    let sum: u32 = weighted.map(|(digit, weight)| u32::from(digit.wrapping_sub(b'0')) * weight).sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}

fn images(options: &Options, oddity: Oddity, index: usize, colour: &str) -> Vec<String> {
    let count =
        if oddity == Oddity::NoImage { 0 } else { 1 + usize::from(options.oddities && index.is_multiple_of(3)) };
    (1..=count).map(|number| format!("https://images.shop.example/{index:06}/{colour}-{number}.jpg")).collect()
}

fn stock(options: &Options, oddity: Oddity, dice: &mut Dice) -> Vec<Stock> {
    if oddity == Oddity::Untracked {
        return Vec::new();
    }
    if !options.oddities {
        return vec![Stock { channel: None, quantity: dice.between(1, 500) }];
    }
    let mut level = |channel: Option<&str>| {
        let empty = oddity == Oddity::SoldOut || dice.one_in(6);
        let quantity = if empty { 0 } else { dice.between(1, 120) };
        Stock { channel: channel.map(str::to_owned), quantity }
    };
    let mut levels = vec![level(None), level(Some("warehouse-de"))];
    if oddity != Oddity::OneWarehouse {
        levels.push(level(Some("warehouse-uk")));
    }
    levels
}

fn description(options: &Options, product: &Product, oddity: Oddity, quality: Word, dice: &mut Dice) -> Localized {
    if oddity == Oddity::NoDescription {
        return Localized::new();
    }
    let locales = options.locales.len().max(1);
    let room = options.json_bytes.saturating_sub(size::without_description(product)) / locales;
    let bytes = match oddity {
        Oddity::LongText => LONG_TEXT_BYTES,
        _ if options.oddities => room * dice.below(150) / 100,
        _ => room,
    };
    // The same sentences in every locale, so that translations say the same.
    let start = dice.below(SENTENCES.len());
    options.locales.iter().map(|locale| (locale.clone(), text(locale, quality, start, bytes))).collect()
}

/// HTML of about so many bytes, of whole sentences, at least one.
fn text(locale: &str, quality: Word, start: usize, bytes: usize) -> String {
    let end = format!("</p><ul><li>{}</li></ul>", translated(locale, quality));
    let mut text = String::with_capacity(bytes + 128);
    text.push_str("<p>");
    for sentence in SENTENCES.iter().cycle().skip(start) {
        let sentence = translated(locale, *sentence);
        let first = text.len() == 3;
        if !first && text.len() + end.len() + sentence.len() / 2 > bytes {
            break;
        }
        if !first {
            text.push(' ');
        }
        text.push_str(&sentence);
    }
    text.push_str(&end);
    text
}

fn make_odd(options: &Options, product: &mut Product, oddity: Oddity, index: usize) {
    match oddity {
        Oddity::MissingLocale if options.locales.len() > 1 => {
            let first = options.locales.first().cloned().unwrap_or_default();
            let keep = |locale: &String| (*locale == first) != Oddity::second_form(index);
            product.name.retain(|locale, _| keep(locale));
            product.slug.retain(|locale, _| keep(locale));
            product.description.retain(|locale, _| keep(locale));
        }
        Oddity::Scripts => {
            for name in product.name.values_mut() {
                name.push_str(" – חורף ‏شتاء‎ 🧥👩🏽‍🚒 e\u{301}");
            }
            for text in product.description.values_mut() {
                text.push_str("<p class=\"note\">5 < 6 &amp; \"quotes\", \\ and\ta tab\nand a new line</p>");
            }
        }
        _ => {}
    }
}

fn whole(number: i64) -> f64 {
    i32::try_from(number).map(f64::from).unwrap_or_default()
}

fn hundredths(number: i64) -> f64 {
    whole(number) / 100.0
}
