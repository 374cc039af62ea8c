//! `recommendations/*`, computed from products, categories and orders.
//!
//! Where Clerk learns from behaviour, this counts orders; without orders, popular is the order of arrival.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};

use super::Emulator;
use super::arguments::Arguments;
use super::crud;
use super::entry::{Entry, Moment};
use super::envelope::{Problem, Reply};
use super::json::attributes;
use super::resource::Resource;
use super::search;
use super::select::{Hit, Wish, id_list, typed_id};
use super::store::State;

/// How far back trending looks, in seconds.
const TREND: i64 = 7 * 24 * 3600;

/// A way to choose products.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Logic {
    Popular,
    Trending,
    New,
    RecentlyBought,
    Keywords,
    Substituting,
    Complementary,
    MostSoldWith,
    CategoryPopular,
    CategoryTrending,
    CategoryNew,
    CategorySubcategories,
}

impl Logic {
    fn takes_category(self) -> bool {
        matches!(self, Self::CategoryPopular | Self::CategoryTrending | Self::CategoryNew | Self::CategorySubcategories)
    }
}

impl Emulator {
    pub(super) fn recommend(&self, logic: Logic, arguments: &Arguments, moment: Option<Moment>) -> Reply {
        let store = self.public(arguments.text("key")?)?;
        let limit_required = self.inner.settings.require_limit && logic != Logic::RecentlyBought;
        let wish = Wish::read(arguments, limit_required, None)?;
        let state = store.read();
        let state = state.seen(moment);
        let branch = if logic.takes_category() { Some(branch(&state, &arguments.id("category")?)) } else { None };
        let inside = |entry: &Entry| match &branch {
            None => true,
            Some(branch) => id_list(entry, "categories").iter().any(|category| branch.contains(category)),
        };
        let by_count = |counts: HashMap<&str, i64>| {
            wish.hits(&state, &|id, entry| inside(entry).then(|| counts.get(id).copied().unwrap_or_default()))
        };
        let only_counted = |counts: HashMap<&str, i64>| wish.hits(&state, &|id, _| counts.get(id).copied());
        let products = || arguments.ids("products")?.ok_or_else(|| Problem::missing("products"));

        let hits = match logic {
            Logic::Popular | Logic::CategoryPopular => by_count(state.sales().quantities(i64::MIN)),
            Logic::Trending | Logic::CategoryTrending => by_count(state.sales().quantities(self.second() - TREND)),
            Logic::New | Logic::CategoryNew => wish.hits(&state, &|_, entry| inside(entry).then(|| created_at(entry))),
            Logic::RecentlyBought => only_counted(state.sales().last_bought()),
            Logic::Complementary | Logic::MostSoldWith => only_counted(state.sales().together(&products()?)),
            Logic::Keywords => keywords(&state, &wish, arguments)?,
            Logic::Substituting => substituting(&state, &wish, &products()?),
            Logic::CategorySubcategories => return subcategories(&state, &wish, arguments),
        };
        crud::json(&wish.answer(&state, &hits))
    }
}

fn created_at(entry: &Entry) -> i64 {
    let created = attributes(&entry.raw, &|name| name == "created_at").remove("created_at");
    created.as_ref().and_then(Value::as_i64).unwrap_or_default()
}

/// A category and everything below it.
fn branch(state: &State, category: &str) -> HashSet<String> {
    let mut branch = HashSet::from([category.to_owned()]);
    let mut open = vec![category.to_owned()];
    while let Some(next) = open.pop() {
        let children = state.entry(Resource::Categories, &next).map(|entry| id_list(entry, "subcategories"));
        for child in children.unwrap_or_default() {
            // Shops do have cycles.
            if branch.insert(child.clone()) {
                open.push(child);
            }
        }
    }
    branch
}

fn keywords<'a>(state: &'a State, wish: &Wish, arguments: &Arguments) -> Result<Vec<Hit<'a>>, Problem> {
    let wanted = match arguments.required("keywords")? {
        Value::String(text) => search::words(text),
        Value::Array(list) => list.iter().filter_map(Value::as_str).flat_map(search::words).collect(),
        _ => return Err(Problem::invalid("keywords")),
    };
    Ok(wish.hits(state, &|_, entry| search::score(entry, &wanted, true).filter(|score| *score > 0)))
}

/// Products that share categories with the given ones, those that share most and the brand first.
fn substituting<'a>(state: &'a State, wish: &Wish, products: &[String]) -> Vec<Hit<'a>> {
    let given = products.iter().filter_map(|id| state.entry(Resource::Products, id)).collect::<Vec<_>>();
    let categories = given.iter().flat_map(|entry| id_list(entry, "categories")).collect::<HashSet<_>>();
    let brand = |entry: &Entry| attributes(&entry.raw, &|name| name == "brand").remove("brand");
    let brands = given.iter().filter_map(|entry| brand(entry)).collect::<Vec<_>>();
    wish.hits(state, &|id, entry| {
        if products.iter().any(|given| given == id) {
            return None;
        }
        let shared = id_list(entry, "categories").iter().filter(|category| categories.contains(*category)).count();
        let same_brand = brand(entry).is_some_and(|brand| brands.contains(&brand));
        let shared = i64::try_from(shared).unwrap_or(i64::MAX / 4);
        (shared > 0).then_some(2 * shared + i64::from(same_brand))
    })
}

/// Immediate subcategories, those that sold most first unless `order` says `asc`.
fn subcategories(state: &State, wish: &Wish, arguments: &Arguments) -> Reply {
    let ascending = arguments.text("order")? == Some("asc");
    let sold = state.sales().quantities(i64::MIN);
    let parent = state.entry(Resource::Categories, &arguments.id("category")?);
    let children = parent.map(|entry| id_list(entry, "subcategories")).unwrap_or_default();
    let score = |child: &str| {
        let branch = branch(state, child);
        let inside = |id: &&str| {
            let entry = state.entry(Resource::Products, id);
            entry.is_some_and(|entry| id_list(entry, "categories").iter().any(|one| branch.contains(one)))
        };
        #[expect(clippy::disallowed_methods, reason = "a sum")]
        sold.iter().filter(|(id, _)| inside(id)).map(|(_, quantity)| quantity).sum::<i64>()
    };
    let mut hits = children
        .iter()
        .filter_map(|id| Some((id, state.entry(Resource::Categories, id)?)))
        .map(|(id, entry)| Hit { entry, score: score(id) })
        .collect::<Vec<_>>();
    hits.sort_by_key(|hit| (if ascending { hit.score } else { -hit.score }, hit.entry.born));
    let object = |hit: &Hit<'_>| {
        let mut object = attributes(&hit.entry.raw, &|name| matches!(name, "name" | "url"));
        object.insert("id".to_owned(), typed_id(hit.entry));
        Value::Object(object)
    };
    let result = wish.page(&hits).iter().map(object).collect::<Value>();
    crud::json(&json!({ "status": "ok", "result": result, "count": hits.len() }))
}
