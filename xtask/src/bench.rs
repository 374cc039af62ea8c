//! Builds the binary as it is shipped and runs its `bench` command.

use std::path::Path;

use anyhow::{Context as _, ensure};

use crate::cargo;

/// Builds `cartage` as it is shipped (profile `dist`) and runs `cartage bench` with these arguments.
pub(crate) fn run(root: &Path, arguments: &[String]) -> anyhow::Result<()> {
    let built = cargo()
        .args(["build", "--profile", "dist", "--package", "cartage"])
        .current_dir(root)
        .status()
        .context("cargo can't be started")?;
    ensure!(built.success(), "the build failed");
    let ended = std::process::Command::new(root.join("target/dist/cartage"))
        .arg("bench")
        .args(arguments)
        .current_dir(root)
        .status()
        .context("the binary can't be started")?;
    ensure!(ended.success(), "cartage bench failed ({ended})");
    Ok(())
}
