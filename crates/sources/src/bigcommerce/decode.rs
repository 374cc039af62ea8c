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

/// A page of v3. `id` names the member that identifies a row.
///
/// # Errors
/// `C0207` when it is no page at all · `C0217` when rows have no id to go on from.
pub fn v3<T: DeserializeOwned>(
    body: &[u8],
    kind: Kind,
    id: &str,
    map: impl FnMut(T) -> Result<Option<Change>, Unfit>,
) -> Result<Decoded, Fault> {
    let text = String::from_utf8_lossy(body);
    let page: api::Rows<'_> = serde_json::from_str(&text).map_err(|error| no_page(&error))?;
    let meta = page.meta;
    Ok(Decoded { meta, ..rows(&page.data, kind, id, map)? })
}

/// A page of v2: a list, or nothing at all where there are no rows.
///
/// # Errors
/// As [`v3`].
pub fn v2<T: DeserializeOwned>(
    body: &[u8],
    kind: Kind,
    id: &str,
    map: impl FnMut(T) -> Result<Option<Change>, Unfit>,
) -> Result<Decoded, Fault> {
    if body.is_empty() {
        return Ok(Decoded::default());
    }
    let text = String::from_utf8_lossy(body);
    let page: Vec<&RawValue> = serde_json::from_str(&text).map_err(|error| no_page(&error))?;
    rows(&page, kind, id, map)
}

/// All rows of a page of v3, none of which may be unreadable.
///
/// # Errors
/// `C0207`.
pub fn whole<T: DeserializeOwned>(body: &[u8]) -> Result<(Vec<T>, Meta), Fault> {
    let text = String::from_utf8_lossy(body);
    let page: api::Rows<'_> = serde_json::from_str(&text).map_err(|error| no_page(&error))?;
    let rows = page.data.iter().map(|row| serde_json::from_str(row.get())).collect::<Result<_, _>>();
    Ok((rows.map_err(|error| no_page(&error))?, page.meta))
}

/// One object of v2.
///
/// # Errors
/// `C0207`.
pub fn one<T: DeserializeOwned>(body: &[u8]) -> Result<T, Fault> {
    serde_json::from_slice(body).map_err(|error| no_page(&error))
}

fn rows<T: DeserializeOwned>(
    rows: &[&RawValue],
    kind: Kind,
    id: &str,
    mut map: impl FnMut(T) -> Result<Option<Change>, Unfit>,
) -> Result<Decoded, Fault> {
    let mut decoded = Decoded { count: rows.len(), changes: Vec::with_capacity(rows.len()), ..Decoded::default() };
    for row in rows {
        let number = identity(row.get(), id);
        decoded.last = decoded.last.max(number);
        let read = serde_json::from_str::<T>(row.get()).map_err(|error| Unfit::new(cut(&error.to_string())));
        match read.and_then(&mut map) {
            Ok(change) => decoded.changes.extend(change),
            Err(unfit) => {
                let name = number.map(|number| number.to_string());
                let fault = unfit.fault(kind, name.as_deref().unwrap_or("without an id"));
                decoded.unread.push(Unread { kind, id: name.map(RecordId::from), fault });
            }
        }
    }
    if !rows.is_empty() && decoded.last.is_none() {
        return Err(Fault::protocol("C0217", format!("the rows of a page have no {id}, so the walk can't go on from it")));
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
        let body = br#"{"data":[{"id":7,"name":"A"},{"id":9,"name":[]},{"id":8}],"meta":{"pagination":{"total_pages":1}}}"#;
        let read = v3(body, Kind::Brand, "id", |brand: api::Brand| Ok(Some(super::super::map::catalogue::brand(brand))));
        let read = read.unwrap();
        assert_eq!((read.changes.len(), read.count, read.last), (2, 3, Some(9)));
        assert_eq!(read.unread.iter().map(|it| it.id.clone()).collect::<Vec<_>>(), [Some("9".into())]);
        assert_eq!(v2::<api::Brand>(b"", Kind::Brand, "id", |_| Ok(None)).unwrap().count, 0);
        assert_eq!(v3::<api::Brand>(b"<html>", Kind::Brand, "id", |_| Ok(None)).unwrap_err().code, "C0207");
    }
}
