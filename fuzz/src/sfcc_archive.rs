//! Any bytes are an archive that is read within its bounds, or one that is refused; nothing is written elsewhere.

use std::fs;

use sources::sfcc::{archive::Bounds, unpack::unpack};

const BOUNDS: Bounds = Bounds::bytes(1 << 20);

pub fn run(bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    let (archive, rows) = (folder.path().join("archive"), folder.path().join("rows"));
    fs::write(&archive, bytes).expect("an archive");
    fs::create_dir(&rows).expect("a folder of rows");
    if let Err(fault) = unpack(&archive, BOUNDS, &rows) {
        assert_eq!(fault.code, "C0220", "{fault}");
    }
    let beside = fs::read_dir(folder.path()).expect("a folder").count();
    assert_eq!(beside, 2, "something was written outside of the folder of rows");
}
