//! Rules for source and text files: module docs, length, words, and the boundaries that no manifest shows.

use super::{
    Violation,
    codes::product_lines,
    tree::{File, Tree},
};

const MOST_LINES: usize = 900;

/// Names that the core must not contain: tools first, then platforms.
const FOREIGN: [&str; 9] =
    ["reqwest", "rusqlite", "sqlite", "commercetools", "salesforce", "bigcommerce", "clerk", "insider", "dotdigital"];

/// Every rule over every file.
pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for file in tree.iter() {
        if file.has_extension("rs") {
            violations.extend(module_docs(file));
            violations.extend(length(file));
            violations.extend(siblings(file, tree));
            violations.extend(foreign_words(file));
        }
        violations.extend(left_for_later(file));
        violations.extend(machine_paths(file));
    }
    violations
}

fn module_docs(file: &File) -> Option<Violation> {
    let is_module = file.path.contains("/src/") || file.path.starts_with("fuzz/fuzz_targets/");
    let documented = file.text.lines().find(|line| !line.trim().is_empty()).is_some_and(|line| line.starts_with("//!"));
    (is_module && !documented).then(|| {
        let why = "a module states what it decides and which invariants it keeps before the code";
        Violation::new(&file.path, 1, "no module documentation", why, "begin the file with `//!`")
    })
}

fn length(file: &File) -> Option<Violation> {
    let lines = file.text.lines().count();
    (lines > MOST_LINES).then(|| {
        let what = format!("{lines} lines, at most {MOST_LINES}");
        Violation::new(&file.path, MOST_LINES + 1, what, "a file has one subject", "split it by what it decides")
    })
}

/// Connectors never import a sibling.
fn siblings(file: &File, tree: &Tree) -> Vec<Violation> {
    let Some((of @ ("sources" | "destinations"), path)) = file.in_crate() else { return Vec::new() };
    let Some((own, rest)) = path.split_once('/') else { return Vec::new() };
    let mut others: Vec<&str> = tree
        .iter()
        .filter_map(|other| other.in_crate().filter(|(other, _)| *other == of)?.1.split_once('/'))
        .map(|(folder, _)| folder)
        .filter(|folder| *folder != own)
        .collect();
    others.dedup();
    // A path out of the connector's own folder has one `super` per level.
    let climb = "super::".repeat(if rest == "mod.rs" {
        1
    } else {
        rest.split('/').count() + usize::from(!rest.ends_with("mod.rs"))
    });
    let why = "a platform can be taken out by deleting its folder and its line in the registry";
    file.lines()
        .flat_map(|(number, line)| others.iter().map(move |other| (number, line, *other)))
        .filter(|(_, line, other)| {
            names_path(line, &format!("crate::{other}")) || names_path(line, &format!("{climb}{other}"))
        })
        .map(|(number, _, other)| {
            let what = format!("{own} imports its sibling {other}");
            Violation::new(&file.path, number, what, why, "move what both need into wire, or write it twice")
        })
        .collect()
}

/// Whether `line` contains `path` as a whole word.
fn names_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let after = line.get(at + path.len()..).and_then(|rest| rest.chars().next());
        let before = line.get(..at).and_then(|rest| rest.chars().next_back());
        let ends = |next: Option<char>| next.is_none_or(|next| !next.is_alphanumeric() && next != '_');
        ends(after) && ends(before) && before != Some(':')
    })
}

/// The core names no platform, no HTTP client and no database. In `model` and `contract` comments may give an example.
fn foreign_words(file: &File) -> Vec<Violation> {
    let lines: Vec<(usize, &str)> = match file.in_crate() {
        Some(("engine", _)) => file.lines().collect(),
        Some(("model" | "contract", _)) => product_lines(file).collect(),
        Some(_) | None => return Vec::new(),
    };
    let why = "the same loop serves every platform and every store; code for one of them belongs into its own folder";
    let found = |(number, line): (usize, &str)| {
        let small = line.to_lowercase();
        let word = FOREIGN.iter().find(|word| small.contains(**word))?;
        let remedy = "say it in the terms of the contract, or move it to the connector or the store";
        Some(Violation::new(&file.path, number, format!("the core names {word}"), why, remedy))
    };
    lines.into_iter().filter_map(found).collect()
}

/// Marks of unfinished work.
fn left_for_later(file: &File) -> Vec<Violation> {
    // Written in two halves, so that this file passes its own rule.
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("unimple", "mented!"), concat!("X", "XX")];
    let read = ["rs", "md", "toml", "sh", "yml"].iter().any(|extension| file.has_extension(extension));
    if !read || file.path.contains("fixtures/") {
        return Vec::new();
    }
    let why = "unfinished work is described in an issue, not in the code";
    file.lines()
        .filter_map(|(number, line)| Some((number, marks.iter().find(|mark| names_path(line, mark))?)))
        .map(|(number, mark)| {
            Violation::new(&file.path, number, format!("{mark} left in"), why, "do it, or take it out")
        })
        .collect()
}

/// Paths that exist on somebody's machine only.
fn machine_paths(file: &File) -> Vec<Violation> {
    let folders = [concat!("/ro", "ot/"), concat!("/wo", "rk/"), concat!("/Us", "ers/"), concat!("/ho", "me/")];
    let why = "a path of one machine means nothing on another";
    let stands_alone = |line: &str, folder: &str| {
        line.match_indices(folder).any(|(at, _)| {
            let before = line.get(..at).and_then(|rest| rest.chars().next_back());
            before.is_none_or(|before| !before.is_alphanumeric() && !"._-}/".contains(before))
        })
    };
    file.lines()
        .filter_map(|(number, line)| Some((number, folders.iter().find(|folder| stands_alone(line, folder))?)))
        .map(|(number, folder)| {
            let what = format!("a path below {folder}");
            Violation::new(&file.path, number, what, why, "make it relative to the workspace, or an option")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn what(files: &[(&str, &str)]) -> Vec<String> {
        let line = |violation: Violation| format!("{}:{}: {}", violation.file, violation.line, violation.what);
        check(&Tree::of(files)).into_iter().map(line).collect()
    }

    #[test]
    fn modules_begin_with_documentation() {
        assert!(what(&[("crates/engine/src/pull.rs", "//! Reads.\nfn a() {}\n")]).is_empty());
        assert!(what(&[("crates/engine/tests/it/main.rs", "mod a;\n")]).is_empty());
        let found = what(&[("crates/engine/src/pull.rs", "\nuse a;\n//! Late.\n")]);
        assert_eq!(found, ["crates/engine/src/pull.rs:1: no module documentation"]);
    }

    #[test]
    fn long_files_are_named() {
        let text = format!("//! Long.\n{}", "// x\n".repeat(900));
        assert_eq!(
            what(&[("crates/engine/src/pull.rs", &text)]),
            ["crates/engine/src/pull.rs:901: 901 lines, at most 900"]
        );
    }

    #[test]
    fn connectors_do_not_import_siblings() {
        let found = what(&[
            ("crates/sources/src/sfcc/mod.rs", "//! Sfcc.\nuse super::bigcommerce::map;\nuse super::map;\n"),
            (
                "crates/sources/src/sfcc/map/product.rs",
                "//! Maps.\nuse crate::bigcommerce;\nuse super::super::super::bigcommerce as b;\n",
            ),
            (
                "crates/sources/src/bigcommerce/mod.rs",
                "//! Big.\nuse crate::bigcommerce::map;\nuse crate::sfcc_like;\n",
            ),
            ("crates/sources/src/lib.rs", "//! All.\npub mod bigcommerce;\nuse crate::sfcc;\n"),
        ]);
        assert_eq!(
            found,
            [
                "crates/sources/src/sfcc/mod.rs:2: sfcc imports its sibling bigcommerce",
                "crates/sources/src/sfcc/map/product.rs:2: sfcc imports its sibling bigcommerce",
                "crates/sources/src/sfcc/map/product.rs:3: sfcc imports its sibling bigcommerce",
            ]
        );
    }

    #[test]
    fn the_core_names_no_platform_and_no_database() {
        let found = what(&[
            ("crates/engine/src/a.rs", "//! As Clerk does.\nuse reqwest::Client;\n"),
            ("crates/contract/src/a.rs", "//! Such as clerk.\nconst A: &str = \"clerk\";\n"),
            ("crates/destinations/src/clerk/mod.rs", "//! Clerk.\n"),
        ]);
        assert_eq!(
            found,
            [
                "crates/engine/src/a.rs:1: the core names clerk",
                "crates/engine/src/a.rs:2: the core names reqwest",
                "crates/contract/src/a.rs:2: the core names clerk",
            ]
        );
    }

    #[test]
    fn unfinished_work_is_named() {
        let text = format!("//! A.\n// {}: later\nlet TODOS = 1;\n", concat!("TO", "DO"));
        assert_eq!(what(&[("crates/engine/src/a.rs", &text)]).len(), 1);
    }

    #[test]
    fn machine_paths_are_named_and_addresses_are_not() {
        let own = concat!("see /wo", "rk/main\n");
        assert_eq!(what(&[("README.md", own)]).len(), 1);
        assert!(what(&[("README.md", "https://shop.example/work/shirt and {root}/work/x\n")]).is_empty());
    }
}
