//! Manifests: versions and features are set once, in the workspace; lints are the workspace's.

use toml::Value;

use super::{
    Violation,
    tree::{File, Tree},
};

const WHY_ONCE: &str =
    "versions and features are set once in the workspace, so that every `-p` builds a dependency the same way";

/// Every manifest of a member.
pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let is_member = |file: &&File| {
        let parts: Vec<_> = file.path.split('/').collect();
        matches!(parts.as_slice(), ["crates", _, "Cargo.toml"] | ["xtask", "Cargo.toml"])
    };
    tree.iter().filter(is_member).flat_map(manifest).collect()
}

fn manifest(file: &File) -> Vec<Violation> {
    let table: toml::Table = match file.text.parse() {
        Ok(table) => table,
        Err(error) => {
            return vec![Violation::new(&file.path, 1, error.to_string(), "cargo reads it", "mend the TOML")];
        }
    };
    let mut violations = Vec::new();
    let lints = table.get("lints").and_then(|lints| lints.get("workspace")).and_then(Value::as_bool);
    if lints != Some(true) {
        let why = "the same lints hold everywhere";
        violations.push(Violation::new(
            &file.path,
            1,
            "no workspace lints",
            why,
            "add `[lints]` with `workspace = true`",
        ));
    }
    let sections = ["dependencies", "dev-dependencies", "build-dependencies"];
    let targets = table.get("target").and_then(Value::as_table).into_iter().flat_map(toml::Table::values);
    let holders = std::iter::once(&table).chain(targets.filter_map(Value::as_table));
    for dependencies in
        holders.flat_map(|holder| sections.iter().filter_map(|section| holder.get(*section)?.as_table()))
    {
        for (name, given) in dependencies {
            if !is_inherited(given) {
                let what = format!("the dependency {name} says more than `workspace = true`");
                let remedy = format!("write `{name}.workspace = true` and put the rest into the root Cargo.toml");
                let line = file.lines().find(|(_, line)| line.starts_with(name.as_str())).map_or(1, |(line, _)| line);
                violations.push(Violation::new(&file.path, line, what, WHY_ONCE, remedy));
            }
        }
    }
    violations
}

/// Whether version and features come from the workspace. Whether a feature of the member needs the dependency is its own.
fn is_inherited(dependency: &Value) -> bool {
    let Some(table) = dependency.as_table() else { return false };
    table.get("workspace").and_then(Value::as_bool) == Some(true)
        && table.keys().all(|key| key == "workspace" || key == "optional")
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "[lints]\nworkspace = true\n[dependencies]\nserde.workspace = true\n";

    #[test]
    fn inheriting_everything_is_fine() {
        assert_eq!(check(&Tree::of(&[("crates/model/Cargo.toml", GOOD)])), []);
    }

    #[test]
    fn an_inherited_dependency_may_be_optional() {
        let text = format!("{GOOD}toml = {{ workspace = true, optional = true }}\n");
        assert_eq!(check(&Tree::of(&[("crates/model/Cargo.toml", &text)])), []);
    }

    #[test]
    fn own_versions_and_features_are_named() {
        let text = format!("{GOOD}toml = \"1\"\nclap = {{ workspace = true, features = [\"derive\"] }}\n");
        let found = check(&Tree::of(&[("crates/model/Cargo.toml", &text)]));
        let lines: Vec<_> = found.iter().map(|violation| (violation.line, violation.what.as_str())).collect();
        assert_eq!(
            lines,
            [
                (6, "the dependency clap says more than `workspace = true`"),
                (5, "the dependency toml says more than `workspace = true`"),
            ]
        );
    }

    #[test]
    fn dependencies_of_one_target_are_seen_too() {
        let text = format!("{GOOD}[target.'cfg(unix)'.dependencies]\nlibc = \"0.2\"\n");
        assert_eq!(check(&Tree::of(&[("crates/model/Cargo.toml", &text)])).len(), 1);
    }

    #[test]
    fn missing_lints_are_named() {
        let found = check(&Tree::of(&[("xtask/Cargo.toml", "[package]\nname = \"xtask\"\n")]));
        assert_eq!(found[0].what, "no workspace lints");
    }
}
