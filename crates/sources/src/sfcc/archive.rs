//! A site archive: a zip file on disk, whose members are read one after the other.
//!
//! Nothing is unpacked to files that the archive names. **Invariants:** no more is read than the archive announces, and no
//! archive that announces more than the bounds.

use std::{
    fs::File,
    io::{self, BufReader, Read},
    path::{Component, Path},
};

use contract::Fault;
use zip::{ZipArchive, read::ZipFile, result::ZipError};

/// What an archive may hold at most.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Members.
    pub members: usize,
    /// Bytes of all members, unpacked.
    pub bytes: u64,
    /// How many times larger a member of more than 1 MiB may become. XML of prices shrinks to a fortieth.
    pub ratio: u64,
}

impl Bounds {
    /// So many bytes, and as many members and as high a ratio as any shop's archive has.
    pub const fn bytes(bytes: u64) -> Self {
        Self { members: 100_000, bytes, ratio: 400 }
    }
}

/// Smaller members may become as much larger as they like.
const SMALL: u64 = 1 << 20;

/// A file in the archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name, with its folders.
    pub name: String,
    /// Its size, unpacked.
    pub size: u64,
    index: usize,
}

/// An archive.
#[derive(Debug)]
pub struct Archive {
    zip: ZipArchive<BufReader<File>>,
    members: Vec<Member>,
}

impl Archive {
    /// Opens an archive and looks at what it announces.
    ///
    /// # Errors
    /// `C0220`: it is cut off or no zip file, holds more than the bounds allow, or names files outside of itself.
    pub fn open(path: &Path, bounds: Bounds) -> Result<Self, Fault> {
        let file = File::open(path).map_err(|error| unreadable(&error.to_string()))?;
        let mut zip = ZipArchive::new(BufReader::new(file)).map_err(|error| unreadable(&said(&error)))?;
        if zip.len() > bounds.members {
            return Err(refused(&format!("it holds {} files, more than {}", zip.len(), bounds.members)));
        }
        let (mut members, mut sum) = (Vec::new(), 0_u64);
        for index in 0..zip.len() {
            let member = zip.by_index_raw(index).map_err(|error| unreadable(&said(&error)))?;
            let name = member.name().map_err(|error| unreadable(&said(&error)))?.into_owned();
            if !is_inside(&name) {
                return Err(refused(&format!("it names a file outside of itself, {name:?}")));
            }
            if member.is_dir() {
                continue;
            }
            if member.encrypted() || member.is_symlink() {
                return Err(refused(&format!("{name:?} is encrypted or a link")));
            }
            let (size, packed) = (member.size(), member.compressed_size());
            sum = sum.saturating_add(size);
            if sum > bounds.bytes {
                let message = format!("it holds more than {} MiB, unpacked", bounds.bytes >> 20);
                return Err(refused(&message).hint("raise export.max_unpacked_mib, or export less"));
            }
            if size > SMALL && size / packed.max(1) > bounds.ratio {
                return Err(refused(&format!("{name:?} becomes {} times larger", size / packed.max(1))));
            }
            members.push(Member { name, size, index });
        }
        Ok(Self { zip, members })
    }

    /// The files in it, in the order of the archive.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// Opens a file. Reading fails at the end where its content is not what was packed.
    ///
    /// # Errors
    /// `C0220`: it can't be unpacked.
    pub fn read(&mut self, member: &Member) -> Result<BufReader<Unpacked<'_>>, Fault> {
        let file = self.zip.by_index(member.index).map_err(|error| unreadable(&said(&error)))?;
        Ok(BufReader::with_capacity(64 << 10, Unpacked { file, left: member.size }))
    }
}

/// A file that is unpacked as it is read.
pub struct Unpacked<'a> {
    file: ZipFile<'a, BufReader<File>>,
    left: u64,
}

impl Read for Unpacked<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(into)?;
        match self.left.checked_sub(count as u64) {
            Some(left) => self.left = left,
            None => return Err(io::Error::other("it is larger than the archive announces")),
        }
        if count == 0 && !into.is_empty() && self.left > 0 {
            return Err(io::Error::other("it is smaller than the archive announces"));
        }
        Ok(count)
    }
}

/// Whether a name stays inside of the archive.
fn is_inside(name: &str) -> bool {
    let has_trick = name.contains(['\\', '\0', ':']) || name.is_empty();
    !has_trick && Path::new(name).components().all(|it| matches!(it, Component::Normal(_) | Component::CurDir))
}

fn said(error: &ZipError) -> String {
    error.to_string()
}

/// An archive that is damaged.
pub(super) fn unreadable(why: &str) -> Fault {
    Fault::transient("C0220", format!("the export's archive can't be read: {why}"))
        .hint("it was cut off or damaged on its way; the next read exports again")
}

fn refused(why: &str) -> Fault {
    Fault::config("C0220", format!("the export's archive is refused: {why}"))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

    use super::*;

    fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut zip = ZipWriter::new(io::Cursor::new(Vec::new()));
        for (name, content) in files {
            let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
            zip.start_file(*name, options).unwrap();
            zip.write_all(content).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    fn opened(bytes: &[u8], bounds: Bounds) -> Result<Archive, Fault> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        Archive::open(file.path(), bounds)
    }

    const BOUNDS: Bounds = Bounds { members: 3, bytes: 4 << 20, ratio: 400 };

    #[test]
    fn members_are_read_whole() {
        let mut archive = opened(&zipped(&[("x/a.xml", b"<a/>"), ("x/b.xml", b"<b/>")]), BOUNDS).unwrap();
        let members = archive.members().to_vec();
        assert_eq!(members.iter().map(|it| (it.name.as_str(), it.size)).collect::<Vec<_>>(), [("x/a.xml", 4), ("x/b.xml", 4)]);
        for (member, content) in members.iter().zip(["<a/>", "<b/>"]) {
            let mut read = String::new();
            archive.read(member).unwrap().read_to_string(&mut read).unwrap();
            assert_eq!(read, content);
        }
    }

    #[test]
    fn an_archive_that_is_cut_off_or_no_zip_is_a_fault_that_may_pass() {
        let whole = zipped(&[("a.xml", &b"<a>1</a>".repeat(1000))]);
        for bytes in [&b""[..], b"<html>", whole.get(..whole.len() - 30).unwrap(), whole.get(..20).unwrap()] {
            let fault = opened(bytes, BOUNDS).unwrap_err();
            assert_eq!((fault.code.as_ref(), fault.class.is_passing()), ("C0220", true), "{fault}");
        }
    }

    #[test]
    fn names_outside_of_the_archive_are_refused() {
        for name in ["../a.xml", "/etc/a.xml", "x/../../a.xml", "c:\\a.xml", "x\\a.xml"] {
            let fault = opened(&zipped(&[(name, b"<a/>")]), BOUNDS).unwrap_err();
            assert!(fault.message.contains("outside of itself"), "{name}: {fault}");
        }
    }

    #[test]
    fn archives_that_hold_too_much_are_refused() {
        let many: Vec<_> = ["a", "b", "c", "d"].iter().map(|name| (*name, &b"x"[..])).collect();
        assert!(opened(&zipped(&many), BOUNDS).unwrap_err().message.contains("4 files"));
        let large = vec![7_u8; 3 << 20];
        let fault = opened(&zipped(&[("a", &large)]), BOUNDS).unwrap_err();
        assert!(fault.message.contains("times larger"), "{fault}");
        let noise: Vec<u8> = (0..5_u32 << 18).flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()).collect();
        let fault = opened(&zipped(&[("a", &noise)]), BOUNDS).unwrap_err();
        assert!(fault.message.contains("more than 4 MiB"), "{fault}");
    }

    #[test]
    fn content_that_is_not_what_was_packed_is_not_read_to_its_end() {
        let mut bytes = zipped(&[("a.xml", b"0123456789")]);
        // The content begins after the 30 bytes of a header and its name.
        let at = 30 + "a.xml".len();
        bytes[at + 3] ^= 0xff;
        let Ok(mut archive) = opened(&bytes, BOUNDS) else { return };
        let member = archive.members()[0].clone();
        let mut read = Vec::new();
        assert!(archive.read(&member).unwrap().read_to_end(&mut read).is_err());
    }
}
