//! What is said about a person: names, addresses, e-mail, phone, consent. No `Debug` here shows a value, so that none
//! reaches a log.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Country, Timestamp};

/// Implements `Debug` without values.
macro_rules! hidden {
    ($($name:ident),* $(,)?) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )*};
}
pub(crate) use hidden;

/// An e-mail address, as its owner writes it, without blanks around it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Email(String);

/// Text that is no e-mail address. The text itself is not repeated: it is about a person.
#[derive(Debug, thiserror::Error)]
#[error("is no e-mail address")]
pub struct NoEmail;

impl Email {
    /// Most bytes of an address (RFC 5321: a path of 256 with its brackets).
    pub const LONGEST: usize = 254;

    /// Reads an address: a part before the last `@` of at most 64 bytes, and a domain with a dot after it, without blanks
    /// and control characters. Whether the mailbox exists is not checked.
    pub fn parse(text: &str) -> Result<Self, NoEmail> {
        let text = text.trim();
        let (local, domain) = text.rsplit_once('@').ok_or(NoEmail)?;
        let is_unfit = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | ',' | ';');
        let labels_are_whole = domain.split('.').all(|label| !label.is_empty());
        let fits = !local.is_empty() && local.len() <= 64 && text.len() <= Self::LONGEST && domain.contains('.');
        if fits && labels_are_whole && !domain.contains('@') && !text.contains(is_unfit) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NoEmail)
        }
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form by which two addresses are the same one: lower case. Mail servers could tell upper from lower case before
    /// the `@`; none of the platforms does.
    pub fn key(&self) -> String {
        self.0.to_lowercase()
    }
}

/// A phone number in international form (E.164): `+`, then 7 to 15 digits, the first of them not 0.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Phone(String);

/// Country codes after which a 0 is a part of the number, also from abroad: Italy with the Vatican, and San Marino.
const KEEP_ZERO: [&str; 2] = ["39", "378"];

/// Country codes whose numbers never begin with 0, because that is what callers from the same country dial before them
/// (national prefix 0 of ITU-T's list). Codes of countries that have no such prefix, or another one, are not here.
const TRUNK_ZERO: [&str; 56] = [
    "20", "27", "31", "32", "33", "40", "41", "43", "44", "46", "49", "51", "54", "60", "61", "62", "63", "64", "66",
    "81", "82", "84", "86", "90", "91", "92", "93", "94", "95", "98", "212", "213", "234", "249", "251", "254", "255",
    "256", "353", "355", "358", "359", "380", "381", "382", "385", "386", "387", "389", "421", "880", "886", "966",
    "971", "972", "977",
];

/// Text that is no phone number in international form.
#[derive(Debug, thiserror::Error)]
#[error("is no phone number in international form, such as +49 30 901820")]
pub struct NoPhone;

impl Phone {
    /// Reads a number that begins with `+` or `00`; blanks, dots, dashes, slashes and brackets are left out, as is a `(0)`
    /// for callers from the same country, unless the 0 is a part of the number as in Italy. A number without its country is
    /// refused: only its owner knows where it is. So is one with a 0 that only callers from the same country dial.
    pub fn parse(text: &str) -> Result<Self, NoPhone> {
        let text = text.trim();
        let rest = text.strip_prefix('+').or_else(|| text.strip_prefix("00")).ok_or(NoPhone)?;
        let is_between = |c: char| c.is_whitespace() || matches!(c, '.' | '-' | '/' | '(' | ')');
        let compact = |text: &str| text.chars().filter(|c| !is_between(*c)).collect::<String>();
        let keeps_zero = KEEP_ZERO.iter().any(|code| compact(rest).starts_with(code));
        let digits = if keeps_zero { compact(rest) } else { compact(&rest.replace("(0)", "")) };
        let is_number = (7..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        let has_trunk =
            TRUNK_ZERO.iter().any(|code| digits.strip_prefix(code).is_some_and(|rest| rest.starts_with('0')));
        if is_number && !digits.starts_with('0') && !has_trunk { Ok(Self(format!("+{digits}"))) } else { Err(NoPhone) }
    }

    /// The number, with its `+`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A calendar date, such as a birthday. It is written as text, so that whatever hides texts hides it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Date {
    year: i16,
    month: i8,
    day: i8,
}

impl Date {
    /// Reads `1990-02-01`, also as the beginning of a date with a time. `None` for what is no day of the calendar.
    pub fn parse(text: &str) -> Option<Self> {
        let date: jiff::civil::Date = text.get(..10)?.parse().ok()?;
        let rest = text.get(10..)?;
        (rest.is_empty() || rest.starts_with(['T', ' '])).then_some(Self {
            year: date.year(),
            month: date.month(),
            day: date.day(),
        })
    }

    /// Its year.
    pub const fn year(self) -> i16 {
        self.year
    }
}

/// Text that is no day of the calendar.
#[derive(Debug, thiserror::Error)]
#[error("is no day of the calendar")]
pub struct NoDate;

impl TryFrom<String> for Date {
    type Error = NoDate;

    fn try_from(text: String) -> Result<Self, NoDate> {
        Self::parse(&text).ok_or(NoDate)
    }
}

impl From<Date> for String {
    fn from(date: Date) -> Self {
        date.to_string()
    }
}

impl fmt::Display for Date {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// How a person is called. Empty fields are `None`.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonName {
    /// Such as `Dr.` or `Ms.`.
    pub title: Option<String>,
    /// Given name.
    pub given: Option<String>,
    /// Further given names.
    pub middle: Option<String>,
    /// Family name.
    pub family: Option<String>,
}

impl PersonName {
    /// Given, middle and family name with a blank between them; `None` if there is none of them.
    pub fn full(&self) -> Option<String> {
        let parts = [&self.given, &self.middle, &self.family];
        let parts: Vec<&str> = parts.into_iter().filter_map(Option::as_deref).collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    }
}

/// A postal address. Empty fields are `None`.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// Who lives there.
    pub name: PersonName,
    /// Company.
    pub company: Option<String>,
    /// Street and number, a line each with what else stands before the city.
    pub lines: Vec<String>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// City.
    pub city: Option<String>,
    /// Region or state.
    pub region: Option<String>,
    /// Country.
    pub country: Option<Country>,
    /// Phone numbers that could be read, mobile ones first.
    pub phones: Vec<Phone>,
}

/// A way by which a shop may reach a person, or what else a person may agree to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is the channel of that name")]
pub enum ConsentTo {
    Email,
    Sms,
    #[serde(rename = "whatsapp")]
    WhatsApp,
    Push,
    /// Being recognised, and having what was done kept and used.
    Profiling,
}

/// What a person has said about one channel. A channel about which nothing was said has none: unknown, which is never
/// granted.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// The channel.
    pub to: ConsentTo,
    /// Whether it was granted; otherwise it was denied or withdrawn.
    pub granted: bool,
    /// The field of the source that says so.
    pub field: String,
    /// When it was said, as far as the source knows.
    pub at: Option<Timestamp>,
    /// The text that was agreed to.
    pub text: Option<String>,
}

hidden!(Email, Phone, Date, PersonName, Address, Consent);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_e_mail_address_has_one_owner_and_a_domain() {
        for text in
            ["ann@example.com", " Ann.Lee+shop@mail.example.co.uk ", "\"a@b\"@example.com", "jörg@müller.example"]
        {
            assert_eq!(
                Email::parse(text).ok().map(|it| it.as_str().to_owned()).as_deref(),
                Some(text.trim()),
                "{text}"
            );
        }
        let long = format!("{}@example.com", "a".repeat(65));
        for text in
            ["", "ann", "ann@", "@example.com", "ann@example", "ann@example..com", "a b@example.com", "a@b.c>", &long]
        {
            assert!(Email::parse(text).is_err(), "{text}");
        }
        assert_eq!(Email::parse("Ann@Example.com").map(|it| it.key()).ok().as_deref(), Some("ann@example.com"));
    }

    #[test]
    fn a_phone_number_needs_its_country() {
        for (text, number) in [
            ("+49 30 901820", "+4930901820"),
            ("0049 (0)30 90-18.20", "+4930901820"),
            ("+1 (202) 555-0123", "+12025550123"),
            // In Italy the 0 is dialled from abroad, too.
            ("+39 (0)6 6982 1234", "+390669821234"),
            ("+39 06 6982 1234", "+390669821234"),
            ("+39 347 123 4567", "+393471234567"),
            ("00378 (0549) 88 23 45", "+3780549882345"),
            // Ivory Coast: no prefix, and numbers with a 0.
            ("+225 01 23 45 67 89", "+2250123456789"),
        ] {
            assert_eq!(Phone::parse(text).ok().map(|it| it.as_str().to_owned()).as_deref(), Some(number), "{text}");
        }
        for text in ["+49 030 901820", "0049 0 30 901820", "+44 (020) 7946 0958", "+353 01 234 5678"] {
            assert!(Phone::parse(text).is_err(), "{text}: the 0 is not dialled from abroad");
        }
        for text in ["030 901820", "+0 30 901820", "+49", "+49 30 nine", "+1234567890123456", ""] {
            assert!(Phone::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_date_is_a_day_of_the_calendar() {
        for (text, date) in [("1990-02-01", "1990-02-01"), ("1899-12-31T00:00:00.000Z", "1899-12-31")] {
            assert_eq!(Date::parse(text).map(|it| it.to_string()).as_deref(), Some(date), "{text}");
        }
        for text in ["1990-02-30", "1990-2-1", "01.02.1990", "1990-02-01x", ""] {
            assert_eq!(Date::parse(text).map(|it| it.to_string()), None, "{text}");
        }
    }

    #[test]
    fn nothing_about_a_person_is_shown_by_accident() {
        let name = PersonName { given: Some("Ann".to_owned()), ..PersonName::default() };
        let address = Address { name: name.clone(), city: Some("Berlin".to_owned()), ..Address::default() };
        let email = Email::parse("ann@example.com").ok();
        let date = Date::parse("1990-02-01");
        assert_eq!(
            format!("{name:?} {address:?} {email:?} {date:?}"),
            "PersonName { .. } Address { .. } Some(Email { .. }) Some(Date { .. })"
        );
    }
}
