//! Made-up customers and orders of any number: the same options and catalogue give the same people.
//!
//! What is special about a customer or an order follows from its index, so that a few dozen of each already show every kind.

use super::{
    Address, Customer, Fee, Line, Order, People, Return, State, Tax,
    words::{CITIES, COMPANIES, EMAIL, FAMILY, GIVEN, NATIONAL_PHONE, PHONE, STREETS},
};
use crate::shared::catalogue::{Catalogue, Product, dice::Dice, fraction_digits, slugify};

/// Products that orders are made of, at most.
const MOST_PRODUCTS: usize = 200;

/// Options of generated people.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many customers.
    pub customers: usize,
    /// How many orders, of customers and guests.
    pub orders: usize,
    /// ISO 4217 codes of orders, in turn.
    pub currencies: Vec<String>,
    /// Another seed gives other people.
    pub seed: u64,
    /// What real shops have: an address that is none, numbers in national form, orders without lines, products that are no
    /// longer sold.
    pub oddities: bool,
    /// Whether a person may have an account in each of two stores, with one e-mail address.
    pub shared_addresses: bool,
}

impl Default for Options {
    fn default() -> Self {
        let currencies = ["EUR", "GBP", "JPY", "KWD", "EUR", "USD"].map(str::to_owned).into();
        Self { customers: 60, orders: 120, currencies, seed: 1, oddities: true, shared_addresses: true }
    }
}

/// People who shop in this catalogue.
pub fn generate(options: &Options, catalogue: &Catalogue) -> People {
    let products: Vec<Product> = (catalogue.products)().filter(|it| it.published).take(MOST_PRODUCTS).collect();
    let shop = Shop {
        options,
        products,
        stores: catalogue.head.stores.iter().map(|store| store.key.clone()).collect(),
        groups: catalogue.head.customer_groups.clone(),
        locales: catalogue.head.languages.clone(),
    };
    let customers: Vec<Customer> = (0..options.customers).map(|index| shop.customer(index)).collect();
    let orders = (0..options.orders).map(|index| shop.order(index, &customers)).collect();
    People { coupons: ["WELCOME10", "SUMMER"].map(str::to_owned).into(), customers, orders }
}

struct Shop<'a> {
    options: &'a Options,
    products: Vec<Product>,
    stores: Vec<String>,
    groups: Vec<String>,
    locales: Vec<String>,
}

impl Shop<'_> {
    fn customer(&self, index: usize) -> Customer {
        let mut dice = Dice::new(self.options.seed, 0xC057 ^ index as u64);
        // One person with an account in each of two stores.
        let is_second_account = self.options.shared_addresses && index % 10 == 6 && self.stores.len() > 1;
        let of = if is_second_account { index - 1 } else { index };
        let mut naming = Dice::new(self.options.seed, 0xE3A1 ^ of as u64);
        let address = Self::address(&mut naming, index % 10 == 8 && self.options.oddities);
        let is_nameless = index % 10 == 4;
        let said = |agrees: bool| Some(agrees);
        let (agrees_to_email, agrees_to_sms) = match index % 5 {
            0 => (said(true), None),
            1 => (said(false), None),
            3 => (said(true), said(true)),
            4 => (None, said(false)),
            _ => (None, None),
        };
        let email = match index % 50 {
            49 if self.options.oddities => "nobody knows it".to_owned(),
            _ => email(&address, of),
        };
        Customer {
            key: format!("customer-{index:06}"),
            number: Some(format!("{}", 100_000 + index)),
            email,
            title: index.is_multiple_of(7).then(|| "Dr.".to_owned()),
            given: (!is_nameless).then(|| address.given.clone()),
            family: (!is_nameless).then(|| address.family.clone()),
            birth_date: index
                .is_multiple_of(3)
                .then(|| format!("19{:02}-0{}-1{}", 50 + dice.below(50), 1 + dice.below(9), dice.below(10))),
            company: (index % 10 == 7).then(|| dice.pick(COMPANIES).to_owned()),
            addresses: if is_nameless { Vec::new() } else { vec![address] },
            locale: self.locales.get(index % self.locales.len().max(1)).cloned(),
            groups: if index % 10 == 7 { self.groups.iter().take(2).cloned().collect() } else { Vec::new() },
            stores: match index % 10 {
                5 => self.stores.first().cloned().into_iter().collect(),
                6 => self.stores.get(1).cloned().into_iter().collect(),
                _ => Vec::new(),
            },
            agrees_to_email,
            agrees_to_sms,
            said_at: index.is_multiple_of(2).then(|| format!("2025-0{}-01T08:00:00.000Z", 1 + dice.below(9))),
        }
    }

    fn address(dice: &mut Dice, is_national: bool) -> Address {
        let (city, postal_code, country) = dice.pick(CITIES);
        let number = |dice: &mut Dice| {
            let begin = if is_national { NATIONAL_PHONE } else { PHONE };
            format!("{begin}{:05}", dice.below(100_000))
        };
        Address {
            given: dice.pick(GIVEN).to_owned(),
            family: dice.pick(FAMILY).to_owned(),
            street: dice.pick(STREETS).to_owned(),
            number: format!("{}", 1 + dice.below(99)),
            postal_code: postal_code.to_owned(),
            city: city.to_owned(),
            country: country.to_owned(),
            phone: (is_national || dice.one_in(3)).then(|| number(dice)),
            mobile: (!is_national && dice.one_in(2)).then(|| number(dice)),
        }
    }

    fn order(&self, index: usize, customers: &[Customer]) -> Order {
        let mut dice = Dice::new(self.options.seed, 0x04DE ^ (index as u64) << 8);
        let odd = |every: usize, at: usize| self.options.oddities && index % every == at;
        let currencies = &self.options.currencies;
        let currency = currencies.get(index % currencies.len().max(1)).cloned().unwrap_or_else(|| "EUR".to_owned());
        let is_guest = index % 6 == 2 || customers.is_empty();
        let customer = customers.get(index % customers.len().max(1)).filter(|_| !is_guest);
        let address = Self::address(&mut dice, false);
        let guest = (index % 18 != 2).then(|| email(&address, 900_000 + index));
        let count = if odd(40, 11) { 0 } else { 1 + dice.below(4) };
        let mut lines: Vec<Line> = (0..count).filter_map(|_| self.line(&mut dice, &currency)).collect();
        if odd(20, 9)
            && let Some(line) = lines.first_mut()
        {
            "product-of-last-year".clone_into(&mut line.product);
        }
        let has_coupon = index % 4 == 1;
        for line in lines.iter_mut().filter(|_| has_coupon) {
            line.off_each = line.unit / 10;
        }
        let state = match index % 8 {
            0 | 4 => State::Open,
            1 => State::Confirmed,
            2 | 5 => State::Shipped,
            7 => State::Cancelled,
            _ => State::Complete,
        };
        let scale = 10_i64.pow(fraction_digits(&currency));
        let fee = |name: &str, amount| Fee { name: name.to_owned(), amount };
        let returned = lines.first().filter(|_| index % 6 == 3).map(|line| line.quantity);
        let off_total = if index % 5 == 4 { lines.iter().map(Line::total).sum::<i64>() / 20 } else { 0 };
        Order {
            number: (index % 25 != 24).then(|| format!("{}", 5_000_000 + index)),
            key: format!("order-{index:06}"),
            customer: customer.map(|it| it.key.clone()),
            email: customer.map(|it| it.email.clone()).or(guest),
            store: self.stores.get(index % 3).cloned(),
            country: (index % 9 != 5).then(|| address.country.clone()),
            locale: self.locales.first().cloned(),
            currency,
            lines,
            fees: match index % 7 {
                3 => vec![fee("Gift wrap", 2 * scale)],
                5 => vec![fee("Voucher", -scale)],
                _ => Vec::new(),
            },
            shipping: (index % 3 != 1).then_some(4 * scale + scale / 2),
            coupons: if has_coupon { vec!["WELCOME10".to_owned()] } else { Vec::new() },
            off_total,
            tax: match index % 4 {
                0 | 1 => Tax::Included(19),
                2 => Tax::OnTop(8),
                _ => Tax::Unknown,
            },
            state,
            returns: returned.map_or_else(Vec::new, |pieces| {
                let part =
                    |quantity, is_back| Return { line: 0, quantity, is_back, is_refunded: is_back && index % 4 == 1 };
                if pieces > 1 { vec![part(1, true), part(pieces - 1, false)] } else { vec![part(1, index % 4 == 1)] }
            }),
            address: (index % 13 != 12).then_some(address),
        }
    }

    fn line(&self, dice: &mut Dice, currency: &str) -> Option<Line> {
        let product = self.products.get(dice.below(self.products.len()))?;
        let place = dice.below(product.variants.len());
        let digits = fraction_digits(currency);
        // About the same worth in each currency, to the last unit of it.
        let unit = dice.between(199, 19_999) * 10_i64.pow(digits) / 100;
        Some(Line {
            product: product.key.clone(),
            variant: place + 1,
            sku: product.variants.get(place)?.sku.clone().unwrap_or_default(),
            name: product.name.clone(),
            quantity: 1 + i64::try_from(dice.below(4)).unwrap_or_default(),
            unit: if digits == 0 { unit * 100 } else { unit },
            off_each: 0,
        })
    }
}

/// Unique to each number.
fn email(address: &Address, number: usize) -> String {
    format!("{}.{}.{number}@shop{EMAIL}", slugify(&address.given), slugify(&address.family))
}
