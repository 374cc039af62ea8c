//! Products of selections, seen from the selection, the product, or the store.

use serde_json::{Value, json};

use super::answer::Answer;
use super::error::ApiError;
use super::fields;
use super::order::Id;
use super::query::{self, Parameters};
use super::show::Show;
use super::state::{Kind, Member, State, View, reference};
use super::{Emulator, time};

/// Whose assignments.
#[derive(Clone, Copy)]
pub(super) enum Of {
    /// The products of a selection.
    Selection(Id),
    /// The selections of a product.
    Product(Id),
    /// The products of a store's active selections; a product stands there once for each of them.
    Store(Id),
}

/// Answers a list of assignments. Those of a store can't be sorted; without `sort` the order is that of the stored ids.
pub(super) fn answer(
    state: &State,
    of: Of,
    emulator: &Emulator,
    parameters: &Parameters,
    now: i64,
) -> Result<Answer, ApiError> {
    let limits = &emulator.settings().limits;
    let filter = query::filter(parameters, &fields::ASSIGNMENT)?;
    let limit = parameters.number("limit", limits.default_limit, limits.max_limit)?;
    let offset = parameters.number("offset", 0, limits.max_offset)?;
    let with_total = parameters.flag("withTotal", !matches!(of, Of::Store(_)))?;
    let sort = match of {
        Of::Store(_) => Vec::new(),
        Of::Selection(_) | Of::Product(_) => query::sorts(parameters, &fields::ASSIGNMENT)?,
    };
    let show = Show::read(state, parameters, View::Resource(Kind::ProductSelection))?;
    let all = all(state, of).filter(|assignment| filter.as_ref().is_none_or(|filter| filter.holds(assignment)));
    let all: Box<dyn Iterator<Item = Value>> = if sort.is_empty() {
        Box::new(all)
    } else {
        Box::new(query::sorted(&sort, &fields::ASSIGNMENT, all.collect()).into_iter())
    };
    let mut results = Vec::new();
    let mut seen = 0;
    for mut assignment in all {
        if (offset..offset + limit).contains(&seen) {
            show.apply(state, &mut assignment, now);
            results.push(assignment);
        }
        seen += 1;
        if seen >= offset + limit && !with_total {
            break;
        }
    }
    let mut body = json!({ "limit": limit, "offset": offset, "count": results.len(), "results": results });
    if with_total && let Some(body) = body.as_object_mut() {
        body.insert("total".to_owned(), json!(seen));
    }
    Ok(Answer::json(200, &body))
}

fn all<'a>(state: &'a State, of: Of) -> Box<dyn Iterator<Item = Value> + 'a> {
    match of {
        Of::Selection(selection) => {
            let members = state.members.get(&selection).into_iter().flatten();
            Box::new(members.map(|(product, member)| {
                with_variants(json!({ "product": reference(Kind::Product, *product) }), member)
            }))
        }
        Of::Product(product) => Box::new(state.members.iter().filter_map(move |(selection, members)| {
            let member = members.get(&product)?;
            let created = time::print(member.created);
            let selection = reference(Kind::ProductSelection, *selection);
            Some(with_variants(json!({ "productSelection": selection, "createdAt": created }), member))
        })),
        Of::Store(store) => {
            let active = active_selections(state, store).into_iter();
            Box::new(active.flat_map(move |selection| {
                state.members.get(&selection).into_iter().flatten().map(move |(product, member)| {
                    with_variants(
                        json!({
                            "product": reference(Kind::Product, *product),
                            "productSelection": reference(Kind::ProductSelection, selection),
                        }),
                        member,
                    )
                })
            }))
        }
    }
}

fn with_variants(mut assignment: Value, member: &Member) -> Value {
    if let (Some(assignment), Some((name, variants))) = (assignment.as_object_mut(), &member.variants) {
        assignment.insert((*name).to_owned(), variants.clone());
    }
    assignment
}

fn active_selections(state: &State, store: Id) -> Vec<Id> {
    let members = state.table(Kind::Store).find(store).map(|row| State::members_of(&row.body)).unwrap_or_default();
    let settings = members.get("productSelections").and_then(Value::as_array).into_iter().flatten();
    settings
        .filter(|setting| setting.get("active") == Some(&Value::Bool(true)))
        .filter_map(|setting| Id::parse(setting.pointer("/productSelection/id")?.as_str()?))
        .collect()
}
