//! The generated reference documentation.

use std::path::Path;

/// Writes it into a folder.
///
/// # Errors
/// The disk's.
pub fn write(dir: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(dir)?;
    Ok(())
}
