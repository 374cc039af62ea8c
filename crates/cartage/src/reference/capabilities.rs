//! The page that holds every source against every destination: what each can fill, and where each sends it.

use contract::{DestinationDescriptor, SourceDescriptor};
use engine::mapping::{self, Known};
use model::Kind;

/// The page.
pub(super) fn page() -> String {
    let mut text = String::from(
        "# Capabilities\n\nWhat each source can fill, and the fields in which each destination is sent it without a setting. \
         Names are those of [expressions](expressions.md): whatever a source fills can be sent to every destination as a \
         field of your own, also where no built-in field holds it (\"-\"). What a source never fills is empty at every \
         destination. Settings of a source may switch off more; see its page.\n",
    );
    for (title, kind) in [("Products", Kind::Product), ("Categories", Kind::Category)] {
        text.extend(["\n## ", title, "\n\n", &table(kind)]);
    }
    text.push_str(
        "\n## Left out\n\nWhat platforms have beside that, and their sources do not read. \"-\": nothing is left out, or the \
         platform has no such thing.\n\n",
    );
    text.push_str(&left_out());
    text
}

/// What sources leave out, in the order in which they name it.
fn left_out() -> String {
    let sources = || sources::KINDS.iter().map(|kind| kind.descriptor);
    let mut names: Vec<&str> = Vec::new();
    for lack in sources().flat_map(|of| of.leaves_out) {
        if !names.contains(&lack.name) {
            names.push(lack.name);
        }
    }
    let titles: Vec<String> = sources().map(|of| format!(" from {} |", of.title)).collect();
    let titles = titles.concat();
    let mut text = format!("| what |{titles}\n|{}\n", " --- |".repeat(sources().count() + 1));
    for name in names {
        let why = |of: &SourceDescriptor| {
            let lack = of.leaves_out.iter().find(|lack| lack.name == name);
            lack.map_or_else(|| " - |".to_owned(), |lack| format!(" {} |", lack.why))
        };
        text.extend([format!("| {name} |"), sources().map(why).collect(), "\n".to_owned()]);
    }
    text
}

fn table(kind: Kind) -> String {
    let mut text = String::new();
    let mut row = |cells: Vec<String>| text.push_str(&format!("| {} |\n", cells.join(" | ")));
    let sources = || sources::KINDS.iter().map(|kind| kind.descriptor);
    let destinations =
        || destinations::KINDS.iter().map(|kind| kind.descriptor).filter(|of| !(of.fields)(kind).is_empty());
    let titles =
        sources().map(|of| format!("from {}", of.title)).chain(destinations().map(|of| format!("to {}", of.title)));
    let heading: Vec<String> = ["name".to_owned(), "meaning".to_owned()].into_iter().chain(titles).collect();
    let line = vec!["---".to_owned(); heading.len()];
    row(heading);
    row(line);
    for Known { path, note, .. } in known(kind) {
        let from = sources().map(|of| filled(of, &path));
        let to = destinations().map(|of| sent_as(of, kind, &path));
        row([format!("`{path}`"), note.replace('|', "\\|")].into_iter().chain(from).chain(to).collect());
    }
    text
}

/// The names that a source can fill: those of the market are the configuration's, and what stands within another is not
/// listed by itself.
pub(super) fn known(kind: Kind) -> impl Iterator<Item = Known> {
    let is_listed =
        |path: &str| path.matches('.').count() == 1 && !path.starts_with("market.") && path != "product.variants";
    mapping::shape(kind).into_iter().filter(move |known| is_listed(&known.path))
}

fn filled(of: &SourceDescriptor, path: &str) -> String {
    if let Some(lack) = of.lacks.iter().find(|lack| lack.name == path) {
        return format!("no: {}", lack.why);
    }
    let with = of.lacks_with.iter().filter(|(_, lack)| lack.name == path);
    let with = with.map(|(setting, lack)| format!("; with `{setting}` no: {}", lack.why));
    format!("yes{}", with.collect::<String>())
}

/// The fields whose built-in expression holds this name.
fn sent_as(of: &DestinationDescriptor, kind: Kind, path: &str) -> String {
    let fields = (of.fields)(kind).iter().filter(|field| holds(field.default, path));
    let names: Vec<String> = fields.map(|field| format!("`{}`", field.name)).collect();
    if names.is_empty() { "-".to_owned() } else { names.join(", ") }
}

/// Whether the value of an expression has a part of this name in it. What only chooses or sorts among variants is not.
fn holds(expression: &str, path: &str) -> bool {
    let Some((variable, member)) = path.split_once('.') else { return false };
    let value = without(&without(expression, "filter("), "sortBy(");
    let ends = |rest: &str| !rest.starts_with(|next: char| next.is_alphanumeric() || next == '_');
    let named = |name: &str| value.match_indices(name).any(|(at, _)| ends(&value[at + name.len()..]));
    if named(&format!("{variable}.{member}")) {
        return true;
    }
    // A member of the variants of a product: of each, or of one that was picked.
    let of_each = [format!("v.{member}"), format!("].{member}")];
    variable == "variant" && value.contains("product.variants") && of_each.iter().any(|name| named(name))
}

/// An expression without the arguments of these calls.
fn without(expression: &str, call: &str) -> String {
    let Some(at) = expression.find(call) else { return expression.to_owned() };
    let (before, after) = expression.split_at(at + call.len());
    let mut depth = 1_u32;
    let end = after.char_indices().find(|(_, sign)| {
        match sign {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        depth == 0
    });
    let rest = end.map_or("", |(at, _)| &after[at..]);
    format!("{before}{}", without(rest, call))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_lack_is_a_name_of_expressions() {
        let names: Vec<String> =
            [Kind::Product, Kind::Category].into_iter().flat_map(known).map(|it| it.path).collect();
        for of in sources::KINDS.iter().map(|kind| kind.descriptor) {
            for lack in of.lacks.iter().chain(of.lacks_with.iter().map(|(_, lack)| lack)) {
                assert!(names.iter().any(|name| name == lack.name), "{}: {}", of.name, lack.name);
            }
        }
    }

    #[test]
    fn the_name_that_a_value_is_made_of_is_told_from_one_that_only_chooses() {
        let lowest = "math.least(product.variants.filter(v, v.in_stock || !product.variants.exists(o, o.in_stock)).map(v, v.price))";
        assert!(holds(lowest, "variant.price") && !holds(lowest, "variant.in_stock"));
        let list = "product.variants.filter(v, v.in_stock).sortBy(v, v.price)[0].list_price";
        assert!(holds(list, "variant.list_price") && !holds(list, "variant.price"));
        let image = "size(product.images) > 0 ? product.images[0] : null";
        assert!(holds(image, "product.images") && !holds(image, "variant.images"));
        assert!(!holds("product.name_of", "product.name") && holds("variant.sku", "variant.sku"));
    }
}
