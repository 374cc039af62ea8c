//! Customers and orders of a shop, in no platform's form: the emulators are filled from them.
//!
//! They come from the generator ([`generate()`]). All e-mail addresses end in `.example`, and all names, streets and phone
//! numbers come from [`words`], so that a search for these bytes finds each place where anything of a person went.
//!
//! **Invariant:** amounts add up by construction: [`Order::sums`] is what any rendering of an order must say.

mod generate;
mod living;
pub mod words;

pub use generate::{Options, generate};
pub use living::{Edit, LivingPeople};

use super::catalogue::Localized;

/// People and what they bought.
#[derive(Clone, Debug, Default)]
pub struct People {
    /// Codes of coupons.
    pub coupons: Vec<String>,
    /// Customers, oldest first.
    pub customers: Vec<Customer>,
    /// Orders, oldest first.
    pub orders: Vec<Order>,
}

/// A customer.
#[derive(Clone, Debug, Default)]
pub struct Customer {
    /// Unique key.
    pub key: String,
    /// Number shown to people.
    pub number: Option<String>,
    /// E-mail address. Unique, unless the accounts are for different stores.
    pub email: String,
    /// `Dr.` and the like.
    pub title: Option<String>,
    /// Given name.
    pub given: Option<String>,
    /// Family name.
    pub family: Option<String>,
    /// `1990-02-01`.
    pub birth_date: Option<String>,
    /// Company.
    pub company: Option<String>,
    /// Addresses, that of deliveries first.
    pub addresses: Vec<Address>,
    /// Language.
    pub locale: Option<String>,
    /// Keys of groups.
    pub groups: Vec<String>,
    /// Keys of stores that the account is for. Empty: all.
    pub stores: Vec<String>,
    /// Whether e-mails were agreed to; none: nothing was said.
    pub agrees_to_email: Option<bool>,
    /// Whether text messages were agreed to; none: nothing was said.
    pub agrees_to_sms: Option<bool>,
    /// When that was said, RFC 3339.
    pub said_at: Option<String>,
}

/// A postal address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the field's own")]
pub struct Address {
    pub given: String,
    pub family: String,
    pub street: String,
    pub number: String,
    pub postal_code: String,
    pub city: String,
    /// ISO 3166-1 alpha-2 code.
    pub country: String,
    /// A few are in national form, which no other country understands.
    pub phone: Option<String>,
    pub mobile: Option<String>,
}

/// An order.
#[derive(Clone, Debug, Default)]
pub struct Order {
    /// Unique number; a few have none.
    pub number: Option<String>,
    /// Unique key, for ids.
    pub key: String,
    /// Key of the customer; none: a guest.
    pub customer: Option<String>,
    /// E-mail address of the customer or guest; none: an anonymous one.
    pub email: Option<String>,
    /// Key of the store.
    pub store: Option<String>,
    /// ISO 3166-1 alpha-2 code.
    pub country: Option<String>,
    /// Language.
    pub locale: Option<String>,
    /// ISO 4217 code of all amounts.
    pub currency: String,
    /// What was bought.
    pub lines: Vec<Line>,
    /// Fees, and vouchers that are below zero.
    pub fees: Vec<Fee>,
    /// Minor units for shipping.
    pub shipping: Option<i64>,
    /// Codes of coupons that took effect.
    pub coupons: Vec<String>,
    /// Taken off the whole order, in minor units.
    pub off_total: i64,
    /// How it is taxed.
    pub tax: Tax,
    /// How far it is.
    pub state: State,
    /// Pieces that came back, or are to.
    pub returns: Vec<Return>,
    /// Where it goes, and who pays.
    pub address: Option<Address>,
}

/// How an order is taxed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tax {
    /// No tax is known.
    #[default]
    Unknown,
    /// Prices hold the tax; its rate in percent.
    Included(i64),
    /// The tax comes on top of prices; its rate in percent.
    OnTop(i64),
}

/// How far an order is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the field's own")]
pub enum State {
    #[default]
    Open,
    Confirmed,
    Shipped,
    Complete,
    Cancelled,
}

/// A line of an order.
#[derive(Clone, Debug, Default)]
pub struct Line {
    /// Key of the product. It need not be in the catalogue any more.
    pub product: String,
    /// Place of the variant in the product, from 1.
    pub variant: usize,
    /// SKU.
    pub sku: String,
    /// Name at that time.
    pub name: Localized,
    /// Pieces.
    pub quantity: i64,
    /// Minor units for one piece, before what is taken off.
    pub unit: i64,
    /// Taken off each piece by discounts of the order, in minor units.
    pub off_each: i64,
}

/// A fee or voucher.
#[derive(Clone, Debug)]
pub struct Fee {
    /// Name.
    pub name: String,
    /// Minor units, below zero for a voucher.
    pub amount: i64,
}

/// Pieces of a line that came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Return {
    /// Index of the line.
    pub line: usize,
    /// Pieces.
    pub quantity: i64,
    /// Whether they are back.
    pub is_back: bool,
    /// Whether they were paid back.
    pub is_refunded: bool,
}

/// An amount with its tax, in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taxed {
    /// Without tax.
    pub net: i64,
    /// With tax.
    pub gross: i64,
}

/// Amounts of an order, in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sums {
    /// Lines, fees and shipping less what was taken off, in the prices' own terms.
    pub total: i64,
    /// The same without and with tax, where that is known.
    pub taxed: Option<Taxed>,
    /// What discounts of the order took off, in the prices' own terms.
    pub off: i64,
}

impl Tax {
    /// An amount in the prices' own terms with its tax; none where that is not known. Rounded half to even, line by line.
    pub fn of(self, amount: i64) -> Option<Taxed> {
        match self {
            Self::Unknown => None,
            Self::Included(percent) => Some(Taxed { net: divided(amount * 100, 100 + percent), gross: amount }),
            Self::OnTop(percent) => Some(Taxed { net: amount, gross: amount + divided(amount * percent, 100) }),
        }
    }
}

/// The quotient, rounded half to even.
fn divided(amount: i64, by: i64) -> i64 {
    let (whole, rest) = (amount.div_euclid(by), amount.rem_euclid(by));
    match (rest * 2).cmp(&by) {
        std::cmp::Ordering::Less => whole,
        std::cmp::Ordering::Greater => whole + 1,
        std::cmp::Ordering::Equal => whole + whole.rem_euclid(2),
    }
}

impl Line {
    /// What the line costs, in minor units.
    pub fn total(&self) -> i64 {
        (self.unit - self.off_each) * self.quantity
    }
}

impl Order {
    /// What the order costs.
    pub fn sums(&self) -> Sums {
        let lines = self.lines.iter().map(Line::total);
        let parts = lines.chain(self.fees.iter().map(|fee| fee.amount)).chain(self.shipping).chain([-self.off_total]);
        let parts: Vec<i64> = parts.collect();
        let add = |sum: Taxed, part: Taxed| Taxed { net: sum.net + part.net, gross: sum.gross + part.gross };
        let taxed: Option<Vec<Taxed>> = parts.iter().map(|part| self.tax.of(*part)).collect();
        Sums {
            total: parts.iter().sum(),
            taxed: taxed.map(|parts| parts.into_iter().fold(Taxed::default(), add)),
            off: self.off_total + self.lines.iter().map(|line| line.off_each * line.quantity).sum::<i64>(),
        }
    }

    /// The same order after a piece was added to its first line.
    #[must_use]
    pub fn edited(mut self) -> Self {
        if let Some(line) = self.lines.first_mut() {
            line.quantity += 1;
        }
        self
    }
}

impl Customer {
    /// The guest of an order as a customer, with the same e-mail address.
    pub fn of_guest(order: &Order) -> Option<Self> {
        let address = order.address.clone().unwrap_or_default();
        Some(Self {
            key: format!("{}-registered", order.key),
            email: order.email.clone().filter(|_| order.customer.is_none())?,
            given: Some(address.given.clone()),
            family: Some(address.family.clone()),
            locale: order.locale.clone(),
            addresses: order.address.iter().cloned().collect(),
            ..Self::default()
        })
    }

    /// Another address of the same person.
    pub fn another_email(&self) -> String {
        format!("new.{}", self.email)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_rounded_to_even() {
        for (amount, by, expected) in
            [(5, 10, 0), (15, 10, 2), (25, 10, 2), (-5, 10, 0), (-15, 10, -2), (14, 10, 1), (-14, 10, -1)]
        {
            assert_eq!(divided(amount, by), expected, "{amount} / {by}");
        }
    }
}
