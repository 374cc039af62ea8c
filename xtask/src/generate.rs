//! Has the binary write `docs/reference` from the code, or compares it with what is committed.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail, ensure};

use crate::cargo;

/// Writes `docs/reference`, or with `check` only reports whether it is up to date.
pub(crate) fn run(root: &Path, check: bool) -> anyhow::Result<()> {
    let reference = root.join("docs/reference");
    let fresh = root.join("target/generated/reference");
    if fresh.exists() {
        fs::remove_dir_all(&fresh).context("an older result can't be removed")?;
    }
    fs::create_dir_all(&fresh)?;
    let ended = cargo()
        .args(["run", "--quiet", "--package", "cartage", "--", "generate-docs", "--out"])
        .arg(&fresh)
        .current_dir(root)
        .status()
        .context("cargo can't be started")?;
    ensure!(ended.success(), "cartage generate-docs failed ({ended})");
    fs::write(fresh.join("errors.md"), errors(&files(&root.join("docs/errors"))?))?;

    let differences = differences(&files(&fresh)?, &files(&reference)?);
    if check {
        if differences.is_empty() {
            println!("docs/reference: fresh");
            return Ok(());
        }
        for difference in &differences {
            println!("  docs/reference/{difference}");
        }
        bail!("docs/reference is not what the code says: run `cargo xtask generate` and commit the result");
    }
    if reference.exists() {
        fs::remove_dir_all(&reference)?;
    }
    for (path, bytes) in files(&fresh)? {
        let to = reference.join(path);
        fs::create_dir_all(to.parent().context("a file without a folder")?)?;
        fs::write(&to, bytes)?;
    }
    println!("docs/reference: {} files changed", differences.len());
    Ok(())
}

/// The index of error pages, from their headings.
fn errors(pages: &BTreeMap<PathBuf, Vec<u8>>) -> String {
    let mut text = String::from(
        "# Errors\n\nEvery error has a code. Each page says what happened, why, and what to do.\n\n| code | what happened \
         |\n| --- | --- |\n",
    );
    for (path, bytes) in pages {
        let page = String::from_utf8_lossy(bytes);
        let heading = page.lines().next().unwrap_or_default().trim_start_matches("# ");
        if let Some((code, what)) = heading.split_once(": ") {
            text.extend(["| [", code, "](../errors/", &path.to_string_lossy(), ") | ", what, " |\n"]);
        }
    }
    text
}

/// One line per file that is new, changed or no longer made.
fn differences(fresh: &BTreeMap<PathBuf, Vec<u8>>, kept: &BTreeMap<PathBuf, Vec<u8>>) -> Vec<String> {
    let changed = fresh.iter().filter_map(|(path, bytes)| match kept.get(path) {
        None => Some(format!("{}: missing", path.display())),
        Some(old) if old != bytes => Some(format!("{}:{}: differs", path.display(), first_difference(old, bytes))),
        Some(_) => None,
    });
    let left = kept.keys().filter(|path| !fresh.contains_key(*path));
    changed.chain(left.map(|path| format!("{}: no longer generated", path.display()))).collect()
}

/// Number of the first line that differs.
fn first_difference(old: &[u8], new: &[u8]) -> usize {
    let same =
        old.split(|byte| *byte == b'\n').zip(new.split(|byte| *byte == b'\n')).take_while(|(old, new)| old == new);
    same.count() + 1
}

/// All files below a folder, by path relative to it; empty if there is no folder.
fn files(folder: &Path) -> anyhow::Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        if !next.exists() {
            continue;
        }
        for entry in fs::read_dir(&next).with_context(|| format!("{} can't be read", next.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = fs::read(&path)?;
                found.insert(path.strip_prefix(folder)?.to_owned(), bytes);
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_of_errors_comes_from_the_headings_of_their_pages() {
        let page = |name: &str, text: &str| (PathBuf::from(name), text.as_bytes().to_vec());
        let pages = [page("C0301.md", "# C0301: no answer\n\nMore.\n"), page("README.md", "# How to read\n")].into();
        let text = errors(&pages);
        assert!(text.ends_with("| --- | --- |\n| [C0301](../errors/C0301.md) | no answer |\n"), "{text}");
    }

    #[test]
    fn says_what_is_new_changed_and_left_over() {
        let of = |files: &[(&str, &str)]| {
            files.iter().map(|(path, text)| (PathBuf::from(path), text.as_bytes().to_vec())).collect()
        };
        let kept = of(&[("a", "1\n2\n3"), ("b", "same"), ("old", "")]);
        let fresh = of(&[("a", "1\n2!\n3"), ("b", "same"), ("new", "")]);
        assert_eq!(differences(&fresh, &kept), ["a:2: differs", "new: missing", "old: no longer generated"]);
        assert!(differences(&kept, &kept).is_empty());
    }
}
