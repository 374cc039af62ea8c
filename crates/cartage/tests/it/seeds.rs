//! The seeds of the fuzz targets, and what is left of them where they break off, through the functions that the targets call.

use std::{collections::BTreeSet, fs, path::Path};

#[expect(unreachable_pub, reason = "the targets are in another crate")]
#[path = "../../../../fuzz/src/lib.rs"]
mod fuzz;

/// Names in a folder, without what follows a dot.
fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap().split('.').next().unwrap().to_owned();
    entries.map(|entry| name(entry.unwrap())).collect()
}

#[test]
fn every_seed_passes_its_target() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
    let targets: BTreeSet<String> = fuzz::TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names(&folder.join("fuzz_targets")), targets);
    // Beside the folders of seeds lies the set of keys for `token`.
    assert_eq!(names(&folder.join("seeds")), targets);
    for (name, run) in fuzz::TARGETS {
        for seed in fs::read_dir(folder.join("seeds").join(name)).unwrap() {
            let bytes = fs::read(seed.unwrap().path()).unwrap();
            for eighths in 0..=8 {
                run(&bytes[..bytes.len() * eighths / 8]);
            }
        }
    }
}
