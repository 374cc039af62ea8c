//! What made-up people are called and where they live: short lists of words that nothing else in a shop has.

/// Given names.
pub const GIVEN: &[&str] =
    &["Aurelindra", "Benediktus", "Cosimanda", "Dagobertus", "Esmerelde", "Florentinus", "Gwendoline"];
/// Family names.
pub const FAMILY: &[&str] = &["Zwetschgenbaum", "Ypsilander", "Quittenholz", "Xanderfels", "Wacholdertal"];
/// Streets.
pub const STREETS: &[&str] = &["Musterpfadweg", "Nirgendsallee", "Irgendwogasse"];
/// Cities, each with a postal code and a country.
pub const CITIES: &[(&str, &str, &str)] =
    &[("Kunzelstadt", "99990", "DE"), ("Mocklington", "ZZ9 9ZZ", "GB"), ("Ersatzdorf", "9999", "AT")];
/// Companies.
pub const COMPANIES: &[&str] = &["Krautundrueben", "Holzwegbau"];
/// What all phone numbers begin with, but for those in national form.
pub const PHONE: &str = "+49170555";
/// What all phone numbers in national form begin with.
pub const NATIONAL_PHONE: &str = "0170555";
/// What the e-mail addresses of customers and guests end with.
pub const EMAIL: &str = ".example";

/// Every word that is about a person, for searches.
pub fn all() -> Vec<&'static str> {
    let cities = CITIES.iter().map(|(city, ..)| city);
    let lists = [GIVEN, FAMILY, STREETS, COMPANIES].into_iter().flatten();
    lists.chain(cities).copied().chain([&PHONE[1..], NATIONAL_PHONE, EMAIL]).collect()
}
