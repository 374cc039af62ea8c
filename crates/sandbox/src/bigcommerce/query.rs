//! Query parameters, and pages by number and by cursor.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::error::ApiError;

/// The parameters of a request, decoded.
#[derive(Clone, Debug, Default)]
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads a query. A name may stand there once.
    pub(super) fn read(query: &str) -> Result<Self, ApiError> {
        let url = reqwest::Url::parse(&format!("http://localhost/?{query}"))
            .map_err(|_| ApiError::new(400, "The query can't be read."))?;
        let mut all: Vec<(String, String)> = Vec::new();
        for (name, value) in url.query_pairs() {
            if all.iter().any(|(known, _)| *known == name) {
                return Err(ApiError::invalid(&name, "is there twice; lists are separated by commas"));
            }
            all.push((name.into_owned(), value.into_owned()));
        }
        Ok(Self(all))
    }

    /// Refuses every other parameter.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), ApiError> {
        match self.0.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            Some((name, _)) => Err(ApiError::invalid(name, "is not a parameter of this endpoint")),
            None => Ok(()),
        }
    }

    pub(super) fn one(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, ApiError> {
        let number = |text: &str| text.parse().map_err(|_| ApiError::invalid(name, "is no whole number"));
        self.one(name).map(number).transpose()
    }

    pub(super) fn numbers(&self, name: &str) -> Result<Option<Vec<u64>>, ApiError> {
        let number =
            |text: &str| text.trim().parse().map_err(|_| ApiError::invalid(name, "is no list of whole numbers"));
        self.one(name).map(|list| list.split(',').map(number).collect()).transpose()
    }

    pub(super) fn words(&self, name: &str, known: &[&str]) -> Result<Vec<String>, ApiError> {
        let words: Vec<String> =
            self.one(name).into_iter().flat_map(|list| list.split(',')).map(str::to_owned).collect();
        match words.iter().find(|word| !known.contains(&word.as_str())) {
            Some(word) => Err(ApiError::invalid(name, format!("{word} is not known"))),
            None => Ok(words),
        }
    }

    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, ApiError> {
        let flag = |text: &str| match text {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            _ => Err(ApiError::invalid(name, "is neither true nor false")),
        };
        self.one(name).map(flag).transpose()
    }

    /// An instant in milliseconds. A date without a time gets the time of the request.
    pub(super) fn instant(&self, name: &str, now: i64) -> Result<Option<i64>, ApiError> {
        let Some(text) = self.one(name) else { return Ok(None) };
        let at = if let Ok(seconds) = text.parse::<i64>() {
            Some(seconds.saturating_mul(1000))
        } else if let Ok(date) = text.parse::<jiff::civil::Date>().and_then(|date| {
            let time = Timestamp::from_millisecond(now)?.to_zoned(jiff::tz::TimeZone::UTC).time();
            date.to_datetime(time).to_zoned(jiff::tz::TimeZone::UTC)
        }) && !text.contains('T')
        {
            Some(date.timestamp().as_millisecond())
        } else {
            text.parse::<Timestamp>().ok().map(Timestamp::as_millisecond)
        };
        at.map(Some).ok_or_else(|| ApiError::invalid(name, "is no date"))
    }
}

/// `page` and `limit`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paging {
    page: u64,
    limit: u64,
}

impl Paging {
    /// A larger `limit` than `most` is lowered silently.
    pub(super) fn read(parameters: &Parameters, most: u64) -> Result<Self, ApiError> {
        let at_least_one = |name: &str, otherwise: u64| match parameters.number(name)? {
            Some(0) => Err(ApiError::invalid(name, "must be at least 1")),
            number => Ok(number.unwrap_or(otherwise)),
        };
        Ok(Self { page: at_least_one("page", 1)?, limit: at_least_one("limit", 50)?.min(most) })
    }

    /// The rows of the page.
    pub(super) fn cut<'r, T>(&self, rows: &'r [T]) -> &'r [T] {
        let from = usize::try_from((self.page - 1).saturating_mul(self.limit)).unwrap_or(usize::MAX).min(rows.len());
        let rest = rows.get(from..).unwrap_or_default();
        rest.get(..usize::try_from(self.limit).unwrap_or(usize::MAX)).unwrap_or(rest)
    }

    fn block(&self, total: usize, count: usize) -> Value {
        let pages = (total as u64).div_ceil(self.limit);
        let link = |page: u64| format!("?page={page}&limit={}", self.limit);
        let mut links = json!({ "current": link(self.page) });
        if self.page > 1 {
            put(&mut links, "previous", json!(link(self.page - 1)));
        }
        if self.page < pages {
            put(&mut links, "next", json!(link(self.page + 1)));
        }
        json!({
            "total": total, "count": count, "per_page": self.limit, "current_page": self.page, "total_pages": pages,
            "links": links,
        })
    }

    /// The page of these rows in v3.
    pub(super) fn answer<T>(&self, rows: &[T], show: impl FnMut(&T) -> Value) -> Value {
        let data: Vec<Value> = self.cut(rows).iter().map(show).collect();
        let pagination = self.block(rows.len(), data.len());
        json!({ "data": data, "meta": { "pagination": pagination } })
    }
}

/// A page of rows with a key each, in its order: by `page`, or by `after` and `before`. `most` rows at most.
pub(super) fn by_cursor<T>(
    parameters: &Parameters,
    most: u64,
    rows: &[(String, T)],
    mut show: impl FnMut(&T) -> Value,
) -> Result<Value, ApiError> {
    let paging = Paging::read(parameters, most)?;
    let key = |name: &str| -> Result<Option<String>, ApiError> {
        let Some(text) = parameters.one(name) else { return Ok(None) };
        let key = STANDARD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        key.map(Some).ok_or_else(|| ApiError::invalid(name, "is no cursor"))
    };
    let (after, before) = (key("after")?, key("before")?);
    let limit = usize::try_from(paging.limit).unwrap_or(usize::MAX);
    let part = match (&after, &before) {
        (None, None) => paging.cut(rows),
        (Some(after), None) => {
            let rest = rows.get(rows.partition_point(|(key, _)| key <= after)..).unwrap_or_default();
            rest.get(..limit).unwrap_or(rest)
        }
        (None, Some(before)) => {
            let earlier = rows.get(..rows.partition_point(|(key, _)| key < before)).unwrap_or_default();
            earlier.get(earlier.len().saturating_sub(limit)..).unwrap_or_default()
        }
        (Some(_), Some(_)) => return Err(ApiError::invalid("before", "can't stand beside after")),
    };
    let mut meta = json!({});
    if after.is_none() && before.is_none() {
        put(&mut meta, "pagination", paging.block(rows.len(), part.len()));
    }
    if parameters.one("page").is_none_or(|page| page == "1") {
        let cursor = |row: Option<&(String, T)>| row.map(|(key, _)| STANDARD.encode(key));
        let (start, end) = (cursor(part.first()), cursor(part.last()));
        let mut links = json!({ "current": format!("?limit={limit}") });
        let last = rows.last().map(|(key, _)| key);
        if let (Some(end), true) = (&end, part.last().map(|(key, _)| key) != last) {
            put(&mut links, "next", json!(format!("?limit={limit}&after={end}")));
        }
        let block = json!({
            "count": part.len(), "per_page": limit, "start_cursor": start, "end_cursor": end, "links": links,
        });
        put(&mut meta, "cursor_pagination", block);
    }
    let data: Vec<Value> = part.iter().map(|(_, row)| show(row)).collect();
    Ok(json!({ "data": data, "meta": meta }))
}

/// Sets a member of an object.
pub(super) fn put(object: &mut Value, name: &str, value: Value) {
    if let Some(members) = object.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
}

/// `2026-01-05T10:00:00+00:00`, without fractions.
pub(super) fn date(milliseconds: i64) -> String {
    let at = Timestamp::from_second(milliseconds.div_euclid(1000)).unwrap_or(Timestamp::UNIX_EPOCH);
    at.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}

/// `2026-01-05T10:00:00Z`, as price lists and channels show it.
pub(super) fn date_z(milliseconds: i64) -> String {
    let at = Timestamp::from_second(milliseconds.div_euclid(1000)).unwrap_or(Timestamp::UNIX_EPOCH);
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `Tue, 05 Mar 2019 21:40:11 +0000`, as v2 shows it.
pub(super) fn date_v2(milliseconds: i64) -> String {
    let at = Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::UNIX_EPOCH);
    at.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

/// The value of a `Date` header.
pub(super) fn http_date(milliseconds: i64) -> String {
    let at = Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::UNIX_EPOCH);
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
