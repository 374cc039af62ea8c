//! Which crate may use which. The table repeats the drawing in `ARCHITECTURE.md`: change both together.

use std::path::Path;

use anyhow::{Context as _, ensure};
use serde::Deserialize;

use super::{Violation, tree::Tree};
use crate::cargo;

/// A crate, what its code may use, and what its tests may use on top.
type Allowed = (&'static str, &'static [&'static str], &'static [&'static str]);

const ARROWS: [Allowed; 12] = [
    ("model", &[], &[]),
    ("contract", &["model"], &[]),
    ("wire", &["model", "contract"], &[]),
    ("store", &["model", "contract"], &["sandbox", "conformance"]),
    ("engine", &["model", "contract"], &["sandbox", "conformance", "store"]),
    ("sources", &["model", "contract", "wire"], &["sandbox", "conformance"]),
    ("destinations", &["model", "contract", "wire"], &["sandbox", "conformance"]),
    ("server", &["model", "contract", "wire", "store", "engine"], &[]),
    ("sandbox", &[], &[]),
    ("conformance", &["model", "contract"], &[]),
    (
        "cartage",
        &["model", "contract", "wire", "store", "engine", "sources", "destinations", "server", "sandbox"],
        &["conformance"],
    ),
    ("xtask", &[], &[]),
];

const WHY: &str = "arrows run one way, so that a part can be read, tested and replaced without those that use it";

/// A crate of the workspace and the crates of the workspace that it uses.
#[derive(Debug)]
pub(super) struct Crate {
    name: String,
    /// Path of its manifest, relative to the workspace.
    manifest: String,
    uses: Vec<Use>,
}

#[derive(Debug)]
struct Use {
    name: String,
    only_tests: bool,
}

/// The part of the output of `cargo metadata` that is needed here.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
    path: Option<String>,
}

/// The crates of the workspace.
pub(super) fn crates(root: &Path) -> anyhow::Result<Vec<Crate>> {
    let answer = cargo()
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .current_dir(root)
        .output()
        .context("cargo metadata can't be started")?;
    ensure!(answer.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&answer.stderr).trim());
    let metadata: Metadata =
        serde_json::from_slice(&answer.stdout).context("the output of cargo metadata has an unknown form")?;
    let root = root.to_string_lossy();
    Ok(metadata
        .packages
        .into_iter()
        .map(|package| Crate {
            manifest: package.manifest_path.strip_prefix(&*root).unwrap_or(&package.manifest_path).replace('\\', "/"),
            name: package.name,
            uses: package
                .dependencies
                .into_iter()
                .filter(|dependency| dependency.path.is_some())
                .map(|dependency| Use { only_tests: dependency.kind.as_deref() == Some("dev"), name: dependency.name })
                .collect(),
        })
        .map(|found| Crate { manifest: found.manifest.trim_start_matches('/').to_owned(), ..found })
        .collect())
}

/// Every arrow that the table does not allow.
pub(super) fn check(crates: &[Crate], tree: &Tree) -> Vec<Violation> {
    crates.iter().flat_map(|found| arrows_of(found, tree)).collect()
}

fn arrows_of(found: &Crate, tree: &Tree) -> Vec<Violation> {
    let Some((_, code, tests)) = ARROWS.iter().find(|(name, ..)| *name == found.name) else {
        let remedy = "draw it in ARCHITECTURE.md and add it to ARROWS in xtask/src/tidy/arrows.rs, or make it a module";
        return vec![Violation::new(&found.manifest, 1, format!("unknown crate {}", found.name), WHY, remedy)];
    };
    let allowed =
        |used: &Use| code.contains(&used.name.as_str()) || used.only_tests && tests.contains(&used.name.as_str());
    found
        .uses
        .iter()
        .filter(|used| used.name != found.name && !allowed(used))
        .map(|used| {
            let line = tree.get(&found.manifest).map_or(1, |manifest| manifest.line_of(&format!("{}.", used.name)));
            let what =
                format!("{} uses {}{}", found.name, used.name, if used.only_tests { " in its tests" } else { "" });
            let remedy = if code.is_empty() {
                format!("{} uses no other crate of the workspace; take the dependency out", found.name)
            } else {
                format!("{} may use {}; move the code to where the arrow allows it", found.name, code.join(", "))
            };
            Violation::new(&found.manifest, line, what, WHY, remedy)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn using(name: &str, uses: &[(&str, bool)]) -> Crate {
        let found = |(name, only_tests): &(&str, bool)| Use { name: (*name).to_owned(), only_tests: *only_tests };
        Crate {
            name: name.to_owned(),
            manifest: format!("crates/{name}/Cargo.toml"),
            uses: uses.iter().map(found).collect(),
        }
    }

    #[test]
    fn arrows_of_the_drawing_are_allowed() {
        let crates = [
            using("contract", &[("model", false)]),
            using("sources", &[("wire", false), ("sandbox", true), ("conformance", true)]),
            using("sandbox", &[]),
        ];
        assert_eq!(check(&crates, &Tree::default()), []);
    }

    #[test]
    fn arrows_against_the_drawing_are_named_with_their_line() {
        let tree = Tree::of(&[(
            "crates/engine/Cargo.toml",
            "[dependencies]\nmodel.workspace = true\nwire.workspace = true\n",
        )]);
        let found = check(&[using("engine", &[("model", false), ("wire", false)])], &tree);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].line, found[0].what.as_str()), (3, "engine uses wire"));
        assert_eq!(found[0].remedy, "engine may use model, contract; move the code to where the arrow allows it");
    }

    #[test]
    fn what_tests_may_use_code_may_not() {
        let found =
            check(&[using("store", &[("sandbox", false)]), using("sandbox", &[("model", true)])], &Tree::default());
        let what: Vec<_> = found.iter().map(|violation| violation.what.as_str()).collect();
        assert_eq!(what, ["store uses sandbox", "sandbox uses model in its tests"]);
    }

    #[test]
    fn a_crate_nobody_drew_is_named() {
        let found = check(&[using("helpers", &[])], &Tree::default());
        assert_eq!(found[0].what, "unknown crate helpers");
    }
}
