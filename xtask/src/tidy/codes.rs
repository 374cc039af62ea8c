//! Error codes and their pages: each code in the code has a page, each page a code.

use std::collections::BTreeMap;

use super::{
    Violation,
    tree::{File, Tree},
};

const WHY: &str = "whoever sees an error code looks it up; a page says the cause and the remedy";

/// Codes without a page, pages without a code, and pages whose heading is of another code.
pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut used: BTreeMap<&str, (&str, usize)> = BTreeMap::new();
    for file in tree.iter().filter(|file| file.has_extension("rs") && names_codes(file)) {
        for (number, line) in product_lines(file) {
            for code in codes(line) {
                used.entry(code).or_insert((&file.path, number));
            }
        }
    }
    let mut violations: Vec<_> = used
        .iter()
        .filter(|(code, _)| tree.get(&page(code)).is_none())
        .map(|(code, (file, line))| {
            let remedy = format!("write {} with the heading `# {code}: <what happened>`, cause and remedy", page(code));
            Violation::new(*file, *line, format!("error code {code} has no page"), WHY, remedy)
        })
        .collect();
    for file in tree.iter() {
        let Some(code) = file.path.strip_prefix("docs/errors/").and_then(|name| name.strip_suffix(".md")) else {
            continue;
        };
        if code == "README" {
            continue;
        }
        if !used.contains_key(code) {
            let what = format!("nothing in the code raises {code}");
            violations.push(Violation::new(&file.path, 1, what, WHY, "delete the page, or raise the error"));
        }
        if !file.text.starts_with(&format!("# {code}: ")) {
            let remedy = format!("begin with `# {code}: <what happened>`");
            violations.push(Violation::new(&file.path, 1, "the heading does not name the code", WHY, remedy));
        }
    }
    violations
}

fn page(code: &str) -> String {
    format!("docs/errors/{code}.md")
}

/// The emulators raise the platforms' errors and the suites invented ones; neither reaches a user.
fn names_codes(file: &File) -> bool {
    file.in_crate().is_some_and(|(of, path)| !matches!(of, "sandbox" | "conformance") && !path.ends_with("tests.rs"))
}

/// Lines before the unit tests, without comments.
pub(super) fn product_lines(file: &File) -> impl Iterator<Item = (usize, &str)> {
    let tests = file
        .text
        .find("#[cfg(test)]\nmod ")
        .map_or(usize::MAX, |at| file.text.get(..at).map_or(0, |text| text.lines().count()));
    file.lines()
        .take_while(move |(number, _)| *number <= tests)
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// The codes named as string literals in a line.
fn codes(line: &str) -> impl Iterator<Item = &str> {
    line.split('"').skip(1).step_by(2).filter(|text| {
        text.len() == 5 && text.starts_with('C') && text.bytes().skip(1).all(|byte| byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const RAISES: &str = "//! \"C0001\"\nfn a() { fault(\"C0301\", \"x\") }\n#[cfg(test)]\nmod tests {\n\"C0999\"\n}\n";

    #[test]
    fn a_code_with_its_page_is_fine() {
        let tree = Tree::of(&[
            ("crates/wire/src/a.rs", RAISES),
            ("docs/errors/C0301.md", "# C0301: the shop did not answer\n"),
            ("docs/errors/README.md", "How to read these pages\n"),
        ]);
        assert_eq!(check(&tree), []);
    }

    #[test]
    fn a_code_without_a_page_is_named_where_it_is_raised() {
        let found = check(&Tree::of(&[("crates/wire/src/a.rs", RAISES)]));
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].line, found[0].what.as_str()), (2, "error code C0301 has no page"));
    }

    #[test]
    fn a_page_without_a_code_or_with_another_heading_is_named() {
        let found = check(&Tree::of(&[("docs/errors/C0400.md", "# C0401: x\n")]));
        let what: Vec<_> = found.iter().map(|violation| violation.what.as_str()).collect();
        assert_eq!(what, ["nothing in the code raises C0400", "the heading does not name the code"]);
    }

    #[test]
    fn emulators_are_left_alone() {
        assert_eq!(check(&Tree::of(&[("crates/sandbox/src/a.rs", RAISES)])), []);
    }
}
