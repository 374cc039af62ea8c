//! The texts of the demo: a change of the shop, and what a destination got for it, in lines of at most 80 columns.

use std::time::Duration;

use engine::{Named, plan::FieldChange};
use model::{Currency, Money, Timestamp};
use sandbox::{catalogue::Price, people, shop};
use serde_json::Value as Json;

use super::edits::Edit;

/// The most columns of a line.
const COLUMNS: usize = 80;
/// The most columns of a text that a field holds.
const TEXT: usize = 24;
/// So much of what two texts begin with alike is shown before they differ.
const ALIKE: usize = 8;
/// A name is not cut to less than this.
const SHORTEST_NAME: usize = 12;
/// Width of the first column: a time or a delay.
const MARGIN: usize = 8;

/// Colours for a terminal, or none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paint(pub(super) bool);

impl Paint {
    fn with(self, code: &str, text: &str) -> String {
        if self.0 { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    pub(super) fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    pub(super) fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    pub(super) fn red(self, text: &str) -> String {
        self.with("31", text)
    }

    pub(super) fn green(self, text: &str) -> String {
        self.with("32", text)
    }

    pub(super) fn yellow(self, text: &str) -> String {
        self.with("33", text)
    }

    pub(super) fn cyan(self, text: &str) -> String {
        self.with("36", text)
    }
}

/// The change, without what it is about.
pub(super) fn change(edit: &Edit) -> String {
    match edit {
        Edit::Goods(edit) => of_goods(edit),
        Edit::People(edit) => of_people(edit),
    }
}

fn of_people(edit: &people::Edit) -> String {
    match edit {
        people::Edit::Registered { .. } => "a guest has an account now".to_owned(),
        people::Edit::Email { email, .. } => format!("address is now {}", clean(email)),
        people::Edit::Consent { agrees: true, .. } => "agrees to e-mails".to_owned(),
        people::Edit::Consent { agrees: false, .. } => "no longer agrees to e-mails".to_owned(),
        people::Edit::Placed(_) => "a new order".to_owned(),
        people::Edit::Edited(_) => "a piece was added".to_owned(),
        people::Edit::Moved { state, .. } => match state {
            people::State::Open => "open".to_owned(),
            people::State::Confirmed => "confirmed".to_owned(),
            people::State::Shipped => "shipped".to_owned(),
            people::State::Complete => "complete".to_owned(),
            people::State::Cancelled => "cancelled".to_owned(),
        },
        people::Edit::Returned { quantity, refunded, .. } => {
            format!("{quantity} returned{}", if *refunded { " and paid back" } else { "" })
        }
    }
}

pub(super) fn of_goods(edit: &shop::Edit) -> String {
    use shop::Edit;
    match edit {
        Edit::Stock { channel, quantity, .. } => {
            let channel = channel.as_ref().map(|channel| format!(" in {channel}")).unwrap_or_default();
            format!("stock{channel} is now {quantity}")
        }
        Edit::Price { price, .. } => format!("price{} is now {}", scope(price), amount(price)),
        Edit::PriceWindow { price, opens_in, lasts, .. } => {
            format!("price{} of {} in {} s, for {} s", scope(price), amount(price), opens_in.as_secs(), lasts.as_secs())
        }
        Edit::Name { locale, text, .. } | Edit::Category { locale, text, .. } => {
            format!("name in {locale} is now “{}”", clean(text))
        }
        Edit::Published { published: true, .. } => "published".to_owned(),
        Edit::Published { published: false, .. } => "unpublished".to_owned(),
        Edit::Added(_) => "a new product".to_owned(),
        Edit::Removed { .. } => "deleted".to_owned(),
    }
}

fn scope(price: &Price) -> String {
    let scope = [&price.country, &price.customer_group, &price.channel].map(Option::as_deref);
    let scope: Vec<&str> = scope.into_iter().flatten().collect();
    if scope.is_empty() { String::new() } else { format!(" for {}", scope.join(", ")) }
}

fn amount(price: &Price) -> String {
    let money = price.currency.parse().map(|currency: Currency| Money::new(price.minor, currency).to_string());
    money.unwrap_or_else(|_| format!("{} {}", price.minor, price.currency))
}

/// A record as people know it: its name with this key behind; the key alone where the line is too short for both.
fn subject(named: Option<&Named>, key: &str, room: usize) -> String {
    let room = room.saturating_sub(key.chars().count() + 3);
    match named.and_then(|named| named.name.as_deref()) {
        Some(name) if room >= SHORTEST_NAME => format!("{} ({key})", cut(&clean(name), room)),
        Some(_) | None => key.to_owned(),
    }
}

/// The line of a change: when, of what, and which.
pub(super) fn changed(paint: Paint, at: Timestamp, named: Option<&Named>, key: &str, what: &str) -> String {
    let room = COLUMNS.saturating_sub(MARGIN + 2 + 2 + what.chars().count());
    let subject = subject(named, key, room);
    let what = cut(what, COLUMNS.saturating_sub(MARGIN + 4 + subject.chars().count()).max(SHORTEST_NAME));
    format!("{}  {}: {what}", paint.dim(&local_time(at)), paint.bold(&subject))
}

/// The line of what a flow's destination got for it.
pub(super) fn arrived(paint: Paint, delay: Duration, flow: &str, what: &str) -> String {
    let delay = format!("{:>MARGIN$}", format!("+{}", seconds(delay)));
    let room = COLUMNS.saturating_sub(MARGIN + 4 + flow.chars().count());
    format!("{}  {}  {}", paint.green(&delay), paint.cyan(flow), cut(what, room))
}

/// The line of a change for which nothing is sent.
pub(super) fn nothing(paint: Paint, why: &str) -> String {
    let text = format!("nothing to send: {why}");
    paint.dim(&format!("{:>MARGIN$}  {}", "", cut(&text, COLUMNS - MARGIN - 2)))
}

/// The line of a change that is no longer followed after this time.
pub(super) fn given_up(paint: Paint, after: Duration) -> String {
    paint.yellow(&format!("{:>MARGIN$}  under way for {} s; no longer followed", "", after.as_secs()))
}

/// The line of what went wrong.
pub(super) fn trouble(paint: Paint, at: Timestamp, what: &str) -> String {
    let what = format!("✗ {}", cut(&clean(what), COLUMNS - MARGIN - 4));
    format!("{}  {}", paint.dim(&local_time(at)), paint.yellow(&what))
}

/// What became of the fields of a record's items; `currency`: that of the flow's only market.
pub(super) fn fields(changes: &[FieldChange], currency: Option<Currency>) -> String {
    // A list beside a single value repeats it for variants.
    let is_list = |change: &&FieldChange| [&change.before, &change.after].into_iter().flatten().any(Json::is_array);
    let (lists, singles): (Vec<_>, Vec<_>) = changes.iter().partition(is_list);
    let mut shown = if singles.is_empty() { lists } else { singles };
    let rank = |field: &str| ["name", "price", "stock"].iter().position(|first| *first == field).unwrap_or(3);
    shown.sort_by_key(|change| rank(&change.field));
    let mut texts: Vec<(&str, String)> = Vec::new();
    for change in shown {
        let what = values(change, currency);
        // Two fields that changed alike are shown once, by the shorter name.
        match texts.iter_mut().find(|(_, told)| *told == what) {
            Some((field, _)) if field.len() > change.field.len() => *field = &change.field,
            Some(_) => {}
            None => texts.push((&change.field, what)),
        }
    }
    texts.iter().map(|(field, what)| format!("{field} {what}")).collect::<Vec<_>>().join(", ")
}

/// The value before and after, or of a list the first that differs.
fn values(change: &FieldChange, currency: Option<Currency>) -> String {
    let is_price = change.field.contains("price");
    let digits = currency.map_or(2, |currency| usize::from(currency.digits()));
    let shown = |value: Option<&Json>| match value {
        None | Some(Json::Null) => "none".to_owned(),
        Some(Json::String(text)) => quoted(text, 0),
        Some(Json::Number(number)) if is_price => {
            number.as_f64().map_or_else(|| number.to_string(), |number| format!("{number:.digits$}"))
        }
        Some(Json::Array(values)) => format!("{} values", values.len()),
        Some(other) => cut(&other.to_string(), TEXT),
    };
    let unit = currency.filter(|_| is_price).map(|currency| format!(" {currency}")).unwrap_or_default();
    let (before, after, place) = differing(change.before.as_ref(), change.after.as_ref());
    let place = if place.is_empty() { String::new() } else { format!(" ({})", place.join(", ")) };
    if let (Some(Json::String(before)), Some(Json::String(after))) = (before, after) {
        let alike = before.chars().zip(after.chars()).take_while(|(before, after)| before == after).count();
        let skipped = alike.saturating_sub(ALIKE);
        return format!("{} → {}{place}", quoted(before, skipped), quoted(after, skipped));
    }
    format!("{} → {}{unit}{place}", shown(before), shown(after))
}

/// The first part of two values that differs, and where it is: of a value by locale and currency, the names of both.
fn differing<'v>(
    before: Option<&'v Json>,
    after: Option<&'v Json>,
) -> (Option<&'v Json>, Option<&'v Json>, Vec<&'v str>) {
    match (before, after) {
        (Some(Json::Array(was)), Some(Json::Array(is))) if was.len() == is.len() => {
            let differs = was.iter().zip(is).find(|(was, is)| was != is);
            differs.map_or((None, None, Vec::new()), |(was, is)| differing(Some(was), Some(is)))
        }
        (Some(Json::Object(was)), Some(Json::Object(is))) => {
            let differs = |name: &&String| was.get(*name) != is.get(*name);
            let Some(name) = was.keys().chain(is.keys()).find(differs) else { return (before, after, Vec::new()) };
            let (before, after, mut place) = differing(was.get(name), is.get(name));
            place.insert(0, name);
            (before, after, place)
        }
        _ => (before, after, Vec::new()),
    }
}

/// A text of a shop in quotes, without what could end the line; where it is long, without so many characters of its beginning.
fn quoted(text: &str, skipped: usize) -> String {
    if skipped == 0 || text.chars().count() <= TEXT {
        return format!("“{}”", cut(&clean(text), TEXT));
    }
    let rest: String = ['…'].into_iter().chain(text.chars().skip(skipped)).collect();
    format!("“{}”", cut(&clean(&rest), TEXT))
}

fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The beginning of a text, with an ellipsis where it is longer.
fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// `0.8 s`.
pub(super) fn seconds(span: Duration) -> String {
    format!("{:.1} s", span.as_secs_f64())
}

/// Hours, minutes and seconds where the machine is.
pub(super) fn local_time(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.millis())
        .map(|at| at.to_zoned(jiff::tz::TimeZone::system()).strftime("%H:%M:%S").to_string())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use model::{Kind, RecordId, RemoteId};
    use serde_json::json;

    use super::*;

    const PLAIN: Paint = Paint(false);

    fn change_of(field: &str, before: Json, after: Json) -> FieldChange {
        let some = |value: Json| (!value.is_null()).then_some(value);
        FieldChange { item: RemoteId::new("1"), field: field.to_owned(), before: some(before), after: some(after) }
    }

    fn jacket(name: &str) -> Named {
        let (key, name) = (Some("TRAIL-42-S".to_owned()), Some(name.to_owned()));
        Named { kind: Kind::Product, id: RecordId::new("1"), key, name }
    }

    #[test]
    fn a_change_and_what_came_of_it_are_told_in_plain_lines() {
        let at = Timestamp::from_millis(0);
        let line = changed(PLAIN, at, Some(&jacket("Trail Jacket 42")), "TRAIL-42-M", "price is now 199.00 EUR");
        assert!(line.ends_with("  Trail Jacket 42 (TRAIL-42-M): price is now 199.00 EUR"), "{line}");
        let eur = "EUR".parse().ok();
        let changes = [
            change_of("list_price", json!(249.0), json!(199.0)),
            change_of("on_sale", json!(false), json!(true)),
            change_of("price", json!(249.0), json!(199.0)),
            change_of("variant_prices", json!([249.0, 249.0]), json!([199.0, 249.0])),
        ];
        assert_eq!(fields(&changes, eur), "price 249.00 → 199.00 EUR, on_sale false → true");
        assert_eq!(fields(&changes[3..], eur), "variant_prices 249.00 → 199.00 EUR");
        let nested = |de: f64| json!({ "de_DE": { "EUR": de }, "en_GB": { "GBP": 219.0 } });
        assert_eq!(
            fields(&[change_of("price", nested(249.0), nested(199.0))], None),
            "price 249.00 → 199.00 (de_DE, EUR)"
        );
        let bought = |quantity: u64| json!([{ "id": "a", "quantity": 1 }, { "id": "b", "quantity": quantity }]);
        assert_eq!(fields(&[change_of("products", bought(2), bought(3))], eur), "products 2 → 3 (quantity)");
        assert_eq!(
            fields(&[change_of("description", Json::Null, json!("Warm\u{1b}[31m"))], None),
            "description none → “Warm [31m”"
        );
        assert_eq!(
            fields(
                &[change_of("name", json!("Dovre Trainer, breathable"), json!("Dovre Trainer, breathable – new"))],
                None
            ),
            "name “…eathable” → “…eathable – new”"
        );
        assert_eq!(
            arrived(PLAIN, Duration::from_millis(812), "clerk-de", "stock 9 → 8"),
            "  +0.8 s  clerk-de  stock 9 → 8"
        );
    }

    #[test]
    fn amounts_have_the_decimals_of_their_currency() {
        let price = |minor, currency: &str| Price { minor, currency: currency.to_owned(), ..Price::default() };
        assert_eq!(amount(&price(24_900, "EUR")), "249.00 EUR");
        assert_eq!(amount(&price(24_900, "JPY")), "24900 JPY");
        assert_eq!(amount(&price(24_900, "KWD")), "24.900 KWD");
    }

    #[test]
    fn no_line_is_wider_than_a_terminal() {
        let at = Timestamp::from_millis(0);
        let long = "Wasserdichte Jacke ".repeat(20);
        let named = jacket(&long);
        for line in [
            changed(PLAIN, at, Some(&named), "TRAIL-42-M", "price is now 199.00 EUR"),
            changed(PLAIN, at, Some(&named), "TRAIL-42-M", &long),
            changed(PLAIN, at, None, "TRAIL-42-M", &long),
            arrived(PLAIN, Duration::from_secs(1), "clerk-de", &long),
            nothing(PLAIN, &long),
            trouble(PLAIN, at, &long),
        ] {
            let columns = line.chars().count();
            assert!(columns <= COLUMNS, "{columns} columns: {line}");
        }
    }

    #[test]
    fn colours_come_only_where_they_are_wanted() {
        let line = |paint| arrived(paint, Duration::from_secs(1), "clerk-de", "stock 9 → 8");
        assert!(!line(PLAIN).contains('\u{1b}'));
        assert!(line(Paint(true)).contains("\u{1b}[32m  +1.0 s\u{1b}[0m"));
    }
}
