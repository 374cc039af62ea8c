//! Prices in price lists and price books, compared with the vendors' rule as documented.

use engine::market::{Reference, View};
use model::{
    Book, BookId, CustomerGroup, ItemKey, Localized, Market, Money, Precise, Price, PriceEntry, PricePolicy, Product,
    Rate, Record, Storefront, Timestamp, Window,
    listing::PriceRule,
    price::{Audience, BookMatch},
};
use proptest::prelude::*;

use super::build::*;

const FIRST: PricePolicy = PricePolicy::FirstBook(&[
    BookMatch { group: true, store: true },
    BookMatch { group: true, store: false },
    BookMatch { group: false, store: true },
]);

fn buyer(store: bool, group: bool) -> Market {
    Market { store: store.then(|| "de".into()), customer_group: group.then(|| "b2b".to_owned()), ..market() }
}

fn places() -> Vec<Record> {
    vec![
        Record::Storefront(Storefront {
            key: "de".into(),
            name: Localized::empty(),
            locales: Vec::new(),
            countries: Vec::new(),
            distribution: Vec::new(),
            supply: Vec::new(),
            selections: Vec::new(),
            notices: Vec::new(),
        }),
        Record::CustomerGroup(CustomerGroup { id: "g".into(), key: Some("b2b".into()), name: "B2B".into() }),
    ]
}

fn view_of(market: &Market, books: &[Book], rates: &[Rate], policy: PricePolicy) -> View {
    let books = books.iter().cloned().map(Record::Book);
    let records = places().into_iter().chain(books).chain(rates.iter().cloned().map(Record::Rate)).collect();
    View::new(market, &Reference::new(records), policy).unwrap()
}

fn book(id: &str, assigned: Vec<Audience>) -> Book {
    Book {
        id: id.into(),
        currency: None,
        active: true,
        window: Window::OPEN,
        parent: None,
        assigned,
        lists: Vec::new(),
    }
}

fn everyone() -> Vec<Audience> {
    vec![Audience::default()]
}

fn listed(book: Option<&str>, item: ItemKey, price: Price) -> PriceEntry {
    let (id, notices) = (format!("{book:?}/{item:?}").into(), Vec::new());
    PriceEntry { id, item, book: book.map(Into::into), active: true, price, created_at: None, notices }
}

fn bare() -> Product {
    let mut shirt = variant("S");
    shirt.prices.clear();
    product(vec![shirt])
}

/// Price, list price and the book of the price.
type Told = Option<(i64, i64, Option<String>)>;

fn told(view: &View, product: &Product, entries: &[PriceEntry], at: Timestamp) -> (Told, Option<Timestamp>) {
    let joined: Vec<_> = entries.iter().cloned().map(Record::Price).collect();
    let projection = view.product(product, &joined, at);
    let offer = projection.listing.ok().map(|listing| {
        let offer = &listing.variants[0];
        let book = offer.basis.unwrap().book.map(ToString::to_string);
        (offer.price.minor, offer.list_price.minor, book)
    });
    (offer, projection.holds.until)
}

#[test]
fn lists_go_before_the_catalogue_and_the_catalogue_before_a_rate() {
    let only = |store: Option<&str>, group: Option<&str>| {
        vec![Audience { store: store.map(Into::into), group: group.map(Into::into) }]
    };
    let books = [
        book("both", only(Some("de"), Some("g"))),
        book("group", only(None, Some("g"))),
        book("store", only(Some("de"), None)),
    ];
    let dollars: Rate =
        Rate { from: "USD".parse().unwrap(), to: "EUR".parse().unwrap(), rate: Precise { units: 9, digits: 1 } };
    let view = view_of(&buyer(true, true), &books, &[dollars], FIRST);
    let mut entries = vec![
        listed(Some("both"), "S".into(), euros(1)),
        listed(Some("group"), "S".into(), euros(2)),
        listed(Some("store"), ItemKey::Product("p".into()), euros(3)),
        listed(None, "S".into(), euros(4)),
        listed(None, "S".into(), price(1999, "USD")),
    ];
    let product = bare();
    let mut rules = Vec::new();
    while !entries.is_empty() {
        let joined: Vec<_> = entries.iter().cloned().map(Record::Price).collect();
        let projection = view.product(&product, &joined, NOW);
        let listing = projection.listing.unwrap();
        let basis = listing.variants[0].basis.unwrap();
        rules.push((listing.variants[0].price.minor, basis.rule, basis.inherited));
        entries.remove(0);
    }
    let level = |group, store| PriceRule::Book(BookMatch { group, store });
    assert_eq!(
        rules,
        [
            (1, level(true, true), false),
            (2, level(true, false), false),
            (3, level(false, true), true),
            (4, PriceRule::Catalogue, false),
            (1799, PriceRule::Converted("USD".parse().unwrap()), false),
        ]
    );
    let stranger = view_of(&buyer(false, false), &books, &[], FIRST);
    assert_eq!(told(&stranger, &product, &[listed(Some("both"), "S".into(), euros(1))], NOW).0, None);
}

#[test]
fn a_sale_book_based_on_a_list_book_has_its_prices_and_its_list_price() {
    let list = book("list", everyone());
    let sale = Book { parent: Some("list".into()), ..book("sale", everyone()) };
    let view = view_of(&buyer(true, false), &[list, sale], &[], PricePolicy::LowestBook);
    let product = bare();
    let full = listed(Some("list"), ItemKey::Product("p".into()), euros(100));
    let reduced = listed(Some("sale"), "S".into(), euros(80));
    assert_eq!(told(&view, &product, &[full.clone(), reduced], NOW).0, Some((80, 100, Some("sale".to_owned()))));
    assert_eq!(told(&view, &product, &[full], NOW).0, Some((100, 100, Some("list".to_owned()))));
}

#[test]
fn a_list_price_may_be_in_a_book_that_no_other_is_based_on() {
    let other = Audience { store: Some("at".into()), group: None };
    let lists = |id: &str, lists: Vec<Audience>| Book { lists, ..book(id, Vec::new()) };
    let now_and_then = Window { from: None, until: Some(later(1)) };
    let books = [
        book("base", everyone()),
        Book { parent: Some("base".into()), ..book("sale", everyone()) },
        Book { window: now_and_then, ..lists("a-until-then", everyone()) },
        lists("b-advised", everyone()),
        lists("a-elsewhere", vec![other]),
    ];
    let view = view_of(&buyer(true, false), &books, &[], PricePolicy::LowestBook);
    let product = bare();
    let of = |book: &str, cents: i64| listed(Some(book), "S".into(), euros(cents));
    let sold = |entries: &[PriceEntry], at| told(&view, &product, entries, at).0.map(|(price, list, _)| (price, list));
    let all = [of("base", 100), of("sale", 80), of("a-until-then", 130), of("b-advised", 120), of("a-elsewhere", 500)];
    assert_eq!(sold(&all, NOW), Some((80, 130)));
    assert_eq!(sold(&all, later(1)), Some((80, 120)), "a book of list prices ends");
    // None of them has a price: the book that the other is based on.
    assert_eq!(sold(&all[..2], NOW), Some((80, 100)));
    // It is no price to buy at, and none that is lower than the price.
    assert_eq!(sold(&all[2..], NOW), None);
    assert_eq!(sold(&[of("base", 100), of("b-advised", 90)], NOW), Some((100, 100)));
}

#[test]
fn a_ring_of_books_ends() {
    let ring = |id: &str, parent: &str| Book { parent: Some(parent.into()), ..book(id, everyone()) };
    let view = view_of(&market(), &[ring("a", "b"), ring("b", "a")], &[], PricePolicy::LowestBook);
    assert_eq!(
        told(&view, &bare(), &[listed(Some("b"), "S".into(), euros(5))], NOW).0,
        Some((5, 5, Some("b".to_owned())))
    );
}

#[test]
fn an_amount_below_a_cent_is_compared_exactly_and_told() {
    let exact = |units| Price::new(Money::precise(0, "EUR".parse().unwrap(), Precise { units, digits: 4 }));
    let books = [book("a", everyone()), book("b", everyone())];
    let view = view_of(&market(), &books, &[], PricePolicy::LowestBook);
    let entries = [listed(Some("a"), "S".into(), exact(42)), listed(Some("b"), "S".into(), exact(41))];
    let joined: Vec<_> = entries.iter().cloned().map(Record::Price).collect();
    let product = bare();
    let listing = view.product(&product, &joined, NOW).listing.unwrap();
    assert_eq!(listing.variants[0].price.decimal().to_string(), "0.0041");
}

fn edge() -> impl Strategy<Value = Option<i64>> {
    proptest::option::of(-2_i64..=2)
}

fn window(from: Option<i64>, until: Option<i64>) -> Window {
    Window { from: from.map(later), until: until.map(later) }
}

fn any_book(at: usize) -> impl Strategy<Value = Book> {
    let audience = || (any::<bool>(), any::<bool>());
    let parent = proptest::option::of(at + 1..5);
    let active = proptest::bool::weighted(0.8);
    (active, edge(), edge(), parent, proptest::collection::vec(audience(), 0..3)).prop_map(
        move |(active, from, until, parent, assigned)| Book {
            active,
            window: window(from, until),
            parent: parent.map(|parent| format!("b{parent}").into()),
            assigned: assigned
                .into_iter()
                .map(|(store, group)| Audience { store: store.then(|| "de".into()), group: group.then(|| "g".into()) })
                .collect(),
            ..book(&format!("b{at}"), Vec::new())
        },
    )
}

fn any_entry() -> impl Strategy<Value = PriceEntry> {
    let currency = prop_oneof![6 => Just("EUR"), 1 => Just("GBP")];
    let created = proptest::option::of(0_i64..3);
    let active = proptest::bool::weighted(0.9);
    (proptest::option::weighted(0.8, 0_usize..4), any::<bool>(), 0_i64..6, edge(), edge(), created, active, currency)
        .prop_map(|(book, of_product, minor, from, until, created, active, currency)| {
            let item = if of_product { ItemKey::Product("p".into()) } else { "S".into() };
            let price = Price { window: window(from, until), ..price(minor, currency) };
            let book = book.map(|book| format!("b{book}"));
            let created_at = created.map(later);
            PriceEntry { active, created_at, ..listed(book.as_deref(), item, price) }
        })
}

/// The price of one book: of the valid prices the one whose window began last.
fn says(entries: &[PriceEntry], book: Option<&BookId>, own: bool, at: Timestamp) -> Option<i64> {
    let mut holding: Vec<_> = entries
        .iter()
        .filter(|it| it.active && it.book.as_ref() == book && matches!(it.item, ItemKey::Sku(_)) == own)
        .filter(|it| it.price.value.currency.code() == "EUR" && it.price.window.contains(at))
        .collect();
    holding.sort_by_key(|it| {
        let window = it.price.window;
        let until = window.until.map_or(i64::MAX, Timestamp::millis);
        let last = |at: Option<Timestamp>| std::cmp::Reverse(at);
        (window.is_open(), last(window.from), until, last(it.created_at), it.price.value.minor)
    });
    holding.first().map(|it| it.price.value.minor)
}

/// Price and list price.
fn lowest_of_all(books: &[Book], entries: &[PriceEntry], market: &Market, at: Timestamp) -> Option<(i64, i64)> {
    let find = |id: &BookId| books.iter().find(|it| it.id == *id && it.active);
    for own in [true, false] {
        let mut best: Option<(i64, &Book)> = None;
        for book in books.iter().filter(|it| it.active && it.window.contains(at)) {
            let is_for = book.assigned.iter().any(|it| {
                (it.store.is_none() || it.store == market.store)
                    && (it.group.is_none() || market.customer_group.is_some())
            });
            let parent = book.parent.as_ref().and_then(find).filter(|it| it.window.contains(at));
            let said = says(entries, Some(&book.id), own, at).or_else(|| says(entries, Some(&parent?.id), own, at));
            if let Some(minor) = said.filter(|_| is_for)
                && best.is_none_or(|(lowest, _)| minor < lowest)
            {
                best = Some((minor, book));
            }
        }
        let Some((minor, book)) = best else { continue };
        let mut top = book;
        while let Some(above) = top.parent.as_ref().and_then(find) {
            top = above;
        }
        let is_other = top.id != book.id && top.window.contains(at);
        let list = [true, false].into_iter().find_map(|own| says(entries, Some(&top.id), own, at));
        return Some((minor, list.filter(|_| is_other).unwrap_or(minor).max(minor)));
    }
    None
}

fn first_of_all(books: &[Book], entries: &[PriceEntry], market: &Market, at: Timestamp) -> Option<i64> {
    let (store, group) = (market.store.is_some(), market.customer_group.is_some());
    let says = |book| [true, false].into_iter().find_map(|own| says(entries, book, own, at));
    for (by_group, by_store) in [(true, true), (true, false), (false, true)] {
        let is_reached = (!by_group || group) && (!by_store || store);
        for book in books.iter().filter(|it| is_reached && it.active && it.window.contains(at)) {
            let is_for =
                book.assigned.iter().any(|it| it.group.is_some() == by_group && it.store.is_some() == by_store);
            if let Some(minor) = says(Some(&book.id)).filter(|_| is_for) {
                return Some(minor);
            }
        }
    }
    says(None)
}

proptest! {
    #[test]
    fn both_policies_choose_what_the_vendors_say(
        books in (any_book(0), any_book(1), any_book(2), any_book(3)),
        entries in proptest::collection::vec(any_entry(), 0..12),
        store: bool, group: bool,
    ) {
        let books = [books.0, books.1, books.2, books.3];
        let market = buyer(store, group);
        let product = bare();
        let first = view_of(&market, &books, &[], FIRST);
        let lowest = view_of(&market, &books, &[], PricePolicy::LowestBook);
        let backwards: Vec<_> = entries.iter().rev().cloned().collect();
        let mut announced = [Some(later(-3)); 2];
        let mut before: [Told; 2] = [None, None];
        for millis in -3..=3 {
            let at = later(millis);
            let now = [told(&first, &product, &entries, at), told(&lowest, &product, &entries, at)];
            let [(by_first, _), (by_lowest, _)] = &now;
            let amounts = |told: &Told| told.as_ref().map(|(price, list, _)| (*price, *list));
            prop_assert_eq!(amounts(by_first).map(|it| it.0), first_of_all(&books, &entries, &market, at));
            prop_assert_eq!(amounts(by_lowest), lowest_of_all(&books, &entries, &market, at));
            prop_assert_eq!(&told(&lowest, &product, &backwards, at).0, by_lowest);
            for ((told, next), (before, announced)) in now.into_iter().zip(before.iter_mut().zip(&mut announced)) {
                if millis > -3 && *before != told {
                    prop_assert_eq!(*announced, Some(at), "every change is announced");
                }
                *before = told;
                *announced = next;
            }
        }
    }
}
