//! Fixtures: each has a file that names its origin.

use super::{Violation, tree::Tree};

const WHY: &str = "a test is worth what its fixture is worth: recorded, taken from a vendor's page, or composed";

/// Fixtures without an origin, and origins without a date.
pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for file in
        tree.iter().filter(|file| file.has_extension("json") && file.path.split('/').any(|part| part == "fixtures"))
    {
        let origin = format!("{}.origin", file.path);
        match tree.get(&origin) {
            None => {
                let remedy = format!("write {origin}: one line with URL, `recorded` or `composed`, and the date");
                violations.push(Violation::new(&file.path, 1, "the fixture has no origin", WHY, remedy));
            }
            Some(line) if !has_date(&line.text) => {
                let remedy = "add the date as YYYY-MM-DD";
                violations.push(Violation::new(&origin, 1, "the origin has no date", WHY, remedy));
            }
            Some(_) => {}
        }
    }
    violations
}

/// Holds something like 2026-05-01.
fn has_date(text: &str) -> bool {
    let shape = |bytes: &[u8]| {
        bytes
            .iter()
            .zip(b"dddd-dd-dd")
            .all(|(byte, like)| if *like == b'd' { byte.is_ascii_digit() } else { byte == like })
    };
    text.as_bytes().windows(10).any(shape)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixture_with_a_dated_origin_is_fine() {
        let tree = Tree::of(&[
            ("fixtures/clerk/product.json", "{}"),
            ("fixtures/clerk/product.json.origin", "composed · 2026-05-01\n"),
            ("docs/other.json", "{}"),
        ]);
        assert_eq!(check(&tree), []);
    }

    #[test]
    fn missing_and_undated_origins_are_named() {
        let tree = Tree::of(&[
            ("crates/sources/fixtures/a.json", "{}"),
            ("fixtures/b.json", "{}"),
            ("fixtures/b.json.origin", "composed\n"),
        ]);
        let found = check(&tree);
        let what: Vec<_> = found.iter().map(|violation| violation.what.as_str()).collect();
        assert_eq!(what, ["the fixture has no origin", "the origin has no date"]);
    }
}
