//! The boundaries between crates and the rules for files, checked on the files themselves.
//!
//! **Invariants:** every rule is a pure function from files to violations; a violation says where, what, why and what to
//! do about it.

mod arrows;
mod codes;
mod fixtures;
mod manifests;
mod sources;
mod tree;

use std::{fmt, path::Path};

use anyhow::bail;

use tree::Tree;

/// A broken rule.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Violation {
    /// Relative to the workspace.
    file: String,
    /// From 1.
    line: usize,
    what: String,
    why: &'static str,
    remedy: String,
}

impl Violation {
    fn new(
        file: impl Into<String>,
        line: usize,
        what: impl Into<String>,
        why: &'static str,
        remedy: impl Into<String>,
    ) -> Self {
        Self { file: file.into(), line, what: what.into(), why, remedy: remedy.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{}:{}: {}", self.file, self.line, self.what)?;
        writeln!(out, "    why: {}", self.why)?;
        writeln!(out, "    do:  {}", self.remedy)
    }
}

/// Checks everything; an error where something is to be done.
pub(crate) fn run(root: &Path) -> anyhow::Result<()> {
    let tree = Tree::read(root)?;
    let crates = arrows::crates(root)?;
    let mut violations = arrows::check(&crates, &tree);
    violations.extend(manifests::check(&tree));
    violations.extend(sources::check(&tree));
    violations.extend(codes::check(&tree));
    violations.extend(fixtures::check(&tree));
    if violations.is_empty() {
        println!("tidy: {} files, {} crates, nothing to do", tree.len(), crates.len());
        return Ok(());
    }
    violations.sort();
    for violation in &violations {
        println!("{violation}");
    }
    bail!("{} things to tidy, listed above", violations.len())
}
