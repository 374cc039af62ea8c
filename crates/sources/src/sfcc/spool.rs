//! Rows on disk, in pages: written in any order, read page by page.
//!
//! All pages share one file, in which the chunks of a page lie where they were written. **Invariant:** what is held in
//! memory while writing is a chunk for each page, and smaller ones where there are more pages.

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write},
    path::Path,
};

use contract::Fault;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// Size of the chunks of all pages together, each of which is written once it has its share.
const CHUNKS: usize = 8 << 20;
/// Largest chunk. Smaller ones make a file that is read in more pieces.
const CHUNK: usize = 16 << 10;
/// Size from which the next page begins, where pages follow each other.
const FULL: u64 = 1 << 20;

/// Where the pages of a file are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pages(Vec<Vec<(u64, u32)>>);

impl Pages {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The rows of a page; none of a page that does not exist.
    ///
    /// # Errors
    /// `C0310`: the file can't be read, or is not the one that was written.
    pub fn read<T: DeserializeOwned>(&self, path: &Path, page: usize) -> Result<Vec<T>, Fault> {
        let chunks = self.0.get(page).map(Vec::as_slice).unwrap_or_default();
        let mut bytes = Vec::new();
        let read = |bytes: &mut Vec<u8>| -> io::Result<()> {
            let mut file = BufReader::new(File::open(path)?);
            for (at, length) in chunks {
                file.seek(SeekFrom::Start(*at))?;
                let there = (&mut file).take((*length).into()).read_to_end(bytes)?;
                if there as u64 != u64::from(*length) {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            Ok(())
        };
        read(&mut bytes).map_err(|error| broken(&error))?;
        let (mut rows, mut rest) = (Vec::new(), bytes.as_slice());
        while !rest.is_empty() {
            let (row, after) = postcard::take_from_bytes(rest).map_err(|error| broken(&io::Error::other(error)))?;
            rows.push(row);
            rest = after;
        }
        Ok(rows)
    }
}

/// Writes rows.
#[derive(Debug)]
pub struct Writer {
    file: BufWriter<File>,
    at: u64,
    pages: Vec<Page>,
    /// Size from which a chunk is written.
    chunk: usize,
}

#[derive(Debug, Default)]
struct Page {
    waiting: Vec<u8>,
    chunks: Vec<(u64, u32)>,
    size: u64,
}

impl Writer {
    /// A new file for so many pages.
    ///
    /// # Errors
    /// `C0310`: it can't be created.
    pub fn new(path: &Path, pages: usize) -> Result<Self, Fault> {
        let file = File::create(path).map_err(|error| broken(&error))?;
        let count = pages.max(1);
        let pages = std::iter::repeat_with(Page::default).take(count).collect();
        Ok(Self { file: BufWriter::new(file), at: 0, pages, chunk: (CHUNKS / count).min(CHUNK) })
    }

    /// How many pages there are.
    pub fn count(&self) -> usize {
        self.pages.len()
    }

    /// Adds a row to a page.
    ///
    /// # Errors
    /// `C0310`: it can't be written.
    pub fn put(&mut self, page: usize, row: &impl Serialize) -> Result<(), Fault> {
        let count = self.pages.len();
        let Some(page) = self.pages.get_mut(page % count) else { return Ok(()) };
        let before = page.waiting.len();
        let bytes = postcard::to_extend(row, std::mem::take(&mut page.waiting));
        page.waiting = bytes.map_err(|error| broken(&io::Error::other(error)))?;
        page.size += (page.waiting.len() - before) as u64;
        if page.waiting.len() >= self.chunk {
            page.flush(&mut self.file, &mut self.at)?;
        }
        Ok(())
    }

    /// Adds a row to the last page, or to a new one if that is full.
    ///
    /// # Errors
    /// `C0310`: it can't be written.
    pub fn follow(&mut self, row: &impl Serialize) -> Result<(), Fault> {
        if self.pages.last().is_some_and(|page| page.size >= FULL) {
            if let Some(page) = self.pages.last_mut() {
                page.flush(&mut self.file, &mut self.at)?;
                page.waiting = Vec::new();
            }
            self.pages.push(Page::default());
        }
        self.put(self.pages.len() - 1, row)
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// `C0310`: it can't be written.
    pub fn finish(mut self) -> Result<Pages, Fault> {
        for page in &mut self.pages {
            page.flush(&mut self.file, &mut self.at)?;
        }
        self.file.flush().map_err(|error| broken(&error))?;
        Ok(Pages(self.pages.into_iter().map(|page| page.chunks).collect()))
    }
}

impl Page {
    fn flush(&mut self, file: &mut BufWriter<File>, at: &mut u64) -> Result<(), Fault> {
        let length = u32::try_from(self.waiting.len()).map_err(|error| broken(&io::Error::other(error)))?;
        if length == 0 {
            return Ok(());
        }
        file.write_all(&self.waiting).map_err(|error| broken(&error))?;
        self.chunks.push((*at, length));
        *at += u64::from(length);
        self.waiting.clear();
        Ok(())
    }
}

/// The page that all rows of one key are put on, among so many.
pub fn page_of(key: &str, pages: usize) -> usize {
    let hash = blake3::hash(key.as_bytes());
    let number = hash.as_bytes().iter().take(6).fold(0_usize, |sum, byte| (sum << 8) | usize::from(*byte));
    number % pages.max(1)
}

/// What is on disk can't be read or written.
pub(super) fn broken(error: &io::Error) -> Fault {
    Fault::transient("C0310", format!("an export can't be kept on disk: {error}"))
        .hint("free space where the database is, or give its folder back to the user that runs Cartage")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_by_page_in_the_order_in_which_they_were_put() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows");
        let mut writer = Writer::new(&path, 3).unwrap();
        for number in 0..30_000_usize {
            writer.put(number % 3, &(number, "text")).unwrap();
        }
        let pages = writer.finish().unwrap();
        let kept: Pages = postcard::from_bytes(&postcard::to_stdvec(&pages).unwrap()).unwrap();
        for page in 0..3 {
            let rows: Vec<(usize, String)> = kept.read(&path, page).unwrap();
            let expected: Vec<_> = (0..30_000).filter(|it| it % 3 == page).map(|it| (it, "text".to_owned())).collect();
            assert!(rows == expected, "page {page}");
        }
        assert_eq!(kept.read::<(usize, String)>(&path, 3).unwrap(), []);
    }

    #[test]
    fn pages_that_follow_each_other_are_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows");
        let mut writer = Writer::new(&path, 1).unwrap();
        let text = "x".repeat(1_000);
        for number in 0..5_000_u32 {
            writer.follow(&(number, &text)).unwrap();
        }
        let pages = writer.finish().unwrap();
        assert_eq!(pages.len(), 5);
        let all: Vec<u32> = (0..pages.len())
            .flat_map(|page| pages.read::<(u32, String)>(&path, page).unwrap())
            .map(|(number, _)| number)
            .collect();
        assert_eq!(all, (0..5_000).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_held_does_not_grow_with_the_number_of_pages() {
        const PAGES: usize = 4_096;
        let folder = tempfile::tempdir().unwrap();
        let text = "x".repeat(100);
        let held = |writer: &Writer| writer.pages.iter().map(|page| page.waiting.capacity()).sum::<usize>();
        let mut among = Writer::new(&folder.path().join("among"), PAGES).unwrap();
        let mut behind = Writer::new(&folder.path().join("behind"), 1).unwrap();
        for number in 0..50 * PAGES {
            among.put(number % PAGES, &text).unwrap();
            behind.follow(&text).unwrap();
        }
        assert!(behind.count() > 10);
        // A buffer grows to twice what is in it at most.
        assert!(held(&among) <= 2 * CHUNKS && held(&behind) <= 4 * CHUNK, "{} {}", held(&among), held(&behind));
    }

    #[test]
    fn a_file_that_is_cut_off_is_a_fault() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows");
        let mut writer = Writer::new(&path, 1).unwrap();
        writer.follow(&"0123456789").unwrap();
        let pages = writer.finish().unwrap();
        File::options().write(true).open(&path).unwrap().set_len(5).unwrap();
        assert_eq!(pages.read::<String>(&path, 0).unwrap_err().code, "C0310");
    }
}
