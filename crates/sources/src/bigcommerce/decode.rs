//! Turns the text of a page into changes; rows that can't be read are kept apart from the others.

use contract::{Change, Fault, source::Unread};
use model::{Kind, RecordId};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use super::{
    api::{self, Meta},
    map::Unfit,
};

/// A page that was read.
#[derive(Debug, Default)]
pub struct Decoded {
    /// Its changes.
    pub changes: Vec<Change>,
    /// Its rows that could not be read.
    pub unread: Vec<Unread>,
    /// Number of rows.
    pub count: usize,
    /// The highest id of its rows, where the next page by id starts.
    pub last: Option<u64>,
    /// How it goes on.
    pub meta: Meta,
}

/// A row that has a number: paging goes on from the highest, and a row that can't be read is named by it.
pub trait Row: DeserializeOwned {
    /// The member that holds it.
    const ID: &'static str;

    /// The number.
    fn id(&self) -> Option<u64>;
}

macro_rules! rows {
    ($($row:ident by $id:literal: $($member:ident).+;)*) => {
        $(impl Row for api::$row {
            const ID: &'static str = $id;

            fn id(&self) -> Option<u64> {
                self.$($member).+.into()
            }
        })*
    };
}

rows! {
    Channel by "id": id;
    Currency by "id": id;
    Group by "id": id;
    Tree by "id": id;
    Category by "category_id": category_id;
    Ordered by "product_id": product_id;
    Brand by "id": id;
    Assignment by "product_id": product_id;
    PriceList by "id": id;
    PriceRecord by "variant_id": variant_id;
    Calculated by "variant_id": variant_id;
    Sold by "id": id;
    Tracked by "id": id;
    Item by "variant_id": identity.variant_id;
    Product by "id": id;
}

/// A page of v3.
///
/// # Errors
/// `C0207` when it is no page at all · `C0217` when rows have no id to go on from.
pub fn v3<T: Row>(
    body: &[u8],
    kind: Kind,
    map: impl FnMut(T) -> Result<Option<Change>, Unfit>,
) -> Result<Decoded, Fault> {
    let text = String::from_utf8_lossy(body);
    if let Ok(api::Page { data, meta }) = serde_json::from_str(&text) {
        return Ok(Decoded { meta, ..rows(data.into_iter().map(Ok), kind, map)? });
    }
    let api::Page { data, meta } = serde_json::from_str(&text).map_err(|error| no_page(&error))?;
    Ok(Decoded { meta, ..rows(each(data), kind, map)? })
}

/// A page of v2: a list, or nothing at all where there are no rows.
///
/// # Errors
/// As [`v3`].
pub fn v2<T: Row>(
    body: &[u8],
    kind: Kind,
    map: impl FnMut(T) -> Result<Option<Change>, Unfit>,
) -> Result<Decoded, Fault> {
    if body.is_empty() {
        return Ok(Decoded::default());
    }
    let text = String::from_utf8_lossy(body);
    if let Ok(page) = serde_json::from_str::<Vec<T>>(&text) {
        return rows(page.into_iter().map(Ok), kind, map);
    }
    rows(each(serde_json::from_str(&text).map_err(|error| no_page(&error))?), kind, map)
}

/// All rows of a page of v3, none of which may be unreadable.
///
/// # Errors
/// `C0207`.
pub fn whole<T: DeserializeOwned>(body: &[u8]) -> Result<(Vec<T>, Meta), Fault> {
    let text = String::from_utf8_lossy(body);
    let api::Page { data, meta } = serde_json::from_str(&text).map_err(|error| no_page(&error))?;
    Ok((data, meta))
}

/// One object of v2.
///
/// # Errors
/// `C0207`.
pub fn one<T: DeserializeOwned>(body: &[u8]) -> Result<T, Fault> {
    serde_json::from_slice(body).map_err(|error| no_page(&error))
}

/// A row that can't be read: its number, if that can be read, and why.
struct Unreadable {
    id: Option<u64>,
    why: Unfit,
}

/// The rows of a page each by itself: for pages that can't be read as a whole because of one of them.
fn each<T: Row>(page: Vec<&RawValue>) -> impl Iterator<Item = Result<T, Unreadable>> {
    page.into_iter().map(|row| {
        serde_json::from_str(row.get())
            .map_err(|error| Unreadable { id: identity(row.get(), T::ID), why: Unfit::new(cut(&error.to_string())) })
    })
}

fn rows<T: Row>(
    rows: impl Iterator<Item = Result<T, Unreadable>>,
    kind: Kind,
    mut map: impl FnMut(T) -> Result<Option<Change>, Unfit>,
) -> Result<Decoded, Fault> {
    let mut decoded = Decoded { changes: Vec::with_capacity(rows.size_hint().0), ..Decoded::default() };
    for row in rows {
        decoded.count += 1;
        let (number, mapped) = match row {
            Ok(row) => (row.id(), map(row)),
            Err(Unreadable { id, why }) => (id, Err(why)),
        };
        decoded.last = decoded.last.max(number);
        match mapped {
            Ok(change) => decoded.changes.extend(change),
            Err(unfit) => {
                let name = number.map(|number| number.to_string());
                let fault = unfit.fault(kind, name.as_deref().unwrap_or("without an id"));
                decoded.unread.push(Unread { kind, id: name.map(RecordId::from), fault });
            }
        }
    }
    if decoded.count > 0 && decoded.last.is_none() {
        let id = T::ID;
        return Err(Fault::protocol(
            "C0217",
            format!("the rows of a page have no {id}, so the walk can't go on from it"),
        ));
    }
    Ok(decoded)
}

/// The member of this name, if it is a number.
fn identity(row: &str, name: &str) -> Option<u64> {
    #[derive(Deserialize)]
    struct Members {
        id: Option<u64>,
        category_id: Option<u64>,
        product_id: Option<u64>,
        variant_id: Option<u64>,
        identity: Option<api::Identity>,
    }
    let members: Members = serde_json::from_str(row).ok()?;
    match name {
        "category_id" => members.category_id,
        "product_id" => members.product_id,
        "variant_id" => members.variant_id.or(members.identity.map(|it| it.variant_id)),
        _ => members.id,
    }
}

/// The parser's messages may quote unexpected text, so they are cut.
fn cut(message: &str) -> String {
    const MOST: usize = 300;
    match message.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", message.get(..end).unwrap_or_default()),
        None => message.to_owned(),
    }
}

fn no_page(error: &serde_json::Error) -> Fault {
    Fault::protocol("C0207", format!("the answer is not what the API gives: {error}")).hint(
        "it was cut short, or something between here and the API answered in its place; check api_url if it stays",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_cant_be_read_is_named_and_the_others_arrive() {
        let body =
            br#"{"data":[{"id":7,"name":"A"},{"id":9,"name":[]},{"id":8}],"meta":{"pagination":{"total_pages":1}}}"#;
        let read = v3(body, Kind::Brand, |brand: api::Brand| Ok(Some(super::super::map::catalogue::brand(brand))));
        let read = read.unwrap();
        assert_eq!((read.changes.len(), read.count, read.last), (2, 3, Some(9)));
        assert_eq!(read.unread.iter().map(|it| it.id.clone()).collect::<Vec<_>>(), [Some("9".into())]);
        assert_eq!(v2::<api::Group>(b"", Kind::CustomerGroup, |_| Ok(None)).unwrap().count, 0);
        assert_eq!(v3::<api::Brand>(b"<html>", Kind::Brand, |_| Ok(None)).unwrap_err().code, "C0207");
    }

    /// The id and the code of each row that could not be read.
    type Told = Vec<(Option<RecordId>, String)>;

    /// The highest number of a page's rows, how many they are, and which of them could not be read.
    fn read(page: Result<Decoded, Fault>) -> (Option<u64>, usize, Told) {
        let Decoded { count, last, unread, .. } = page.unwrap();
        (last, count, unread.into_iter().map(|it| (it.id, it.fault.code.into_owned())).collect())
    }

    #[test]
    fn rows_of_a_page_with_a_bad_one_are_mapped_once_and_named_as_those_of_a_good_one() {
        let good = r#"{"identity":{"variant_id":5,"product_id":1}},{"identity":{"variant_id":3,"product_id":1}}"#;
        for (bad, told) in [
            (r#"{"identity":{"variant_id":9,"product_id":2},"locations":7}"#, Some("9")),
            (r#"{"identity":{"variant_id":"9","product_id":2}}"#, None),
            (r#"{"variant_id":9,"identity":null}"#, Some("9")),
            ("7", None),
        ] {
            let mut mapped = Vec::new();
            let body = format!(r#"{{"meta":null,"data":[{good},{bad}]}}"#);
            let page = v3(body.as_bytes(), Kind::Stock, |item: api::Item| {
                mapped.push(item.identity.variant_id);
                Ok(None)
            });
            let unread = vec![(told.map(RecordId::from), "C0206".to_owned())];
            assert_eq!(read(page), (told.map_or(Some(5), |_| Some(9)), 3, unread), "{bad}");
            assert_eq!(mapped, [5, 3], "{bad}");
        }
        let page = v3(format!(r#"{{"data":[{good}]}}"#).as_bytes(), Kind::Stock, |_: api::Item| Ok(None));
        assert_eq!(read(page), (Some(5), 2, Vec::new()));
        let page = v2(br#"[{"id":2,"currency_code":"EUR"},{"id":4}]"#, Kind::Rate, |_: api::Currency| Ok(None));
        assert_eq!(read(page), (Some(4), 2, vec![(Some("4".into()), "C0206".to_owned())]));
    }

    #[test]
    fn rows_that_have_no_number_are_no_page_to_go_on_from() {
        let none = v2(br#"[{"currency_code":"EUR"}]"#, Kind::Rate, |_: api::Currency| Ok(None));
        assert_eq!(none.unwrap_err().code, "C0217");
        let none = v3(br#"{"data":[{"name":"A"}]}"#, Kind::Brand, |_: api::Brand| Ok(None));
        assert_eq!(none.unwrap_err().code, "C0217");
        for cut_short in [&br#"{"data":[{"id":7}]"#[..], br#"{"meta":{}}"#, b"\xff"] {
            assert_eq!(v3(cut_short, Kind::Brand, |_: api::Brand| Ok(None)).unwrap_err().code, "C0207");
        }
    }
}
