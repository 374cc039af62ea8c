//! Measuring: builds the release binary and hands over to its own `bench` command.

use std::path::Path;

use anyhow::{Context as _, ensure};

use crate::cargo;

/// Builds `cartage` in release mode and runs `cartage bench` with these arguments.
pub(crate) fn run(root: &Path, arguments: &[String]) -> anyhow::Result<()> {
    let built = cargo()
        .args(["build", "--release", "--package", "cartage"])
        .current_dir(root)
        .status()
        .context("cargo can't be started")?;
    ensure!(built.success(), "the release build failed");
    let ended = std::process::Command::new(root.join("target/release/cartage"))
        .arg("bench")
        .args(arguments)
        .current_dir(root)
        .status()
        .context("the release binary can't be started")?;
    ensure!(ended.success(), "cartage bench failed ({ended})");
    Ok(())
}
