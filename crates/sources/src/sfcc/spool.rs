//! Rows on disk, in pages: written in any order, read page by page.
//!
//! All pages share one file, in which the chunks of a page lie where they were written. **Invariants:** what is held in
//! memory while writing is a chunk for each page, and smaller ones where there are more pages; while reading, a page as it
//! lies on disk, and [`AT_ONCE`] of it as rows: rows take many times the memory of what is on disk.

use std::{
    fs::File,
    io::{self, BufWriter, Read, Seek, SeekFrom, Write},
    path::Path,
};

use contract::Fault;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// Size of what waits to be written of all pages together; a chunk is written once it has its share.
const CHUNKS: usize = 8 << 20;
/// Most of a page that waits. Smaller chunks make a file that is read in more pieces.
const CHUNK: usize = 16 << 10;
/// Size from which the next page begins, where pages follow each other: about a thousand rows.
const FULL: u64 = 256 << 10;
/// Bytes from which no further rows are read before those that were read are passed on.
const AT_ONCE: usize = 64 << 10;

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

    /// Passes over the rows of a page, some at a time: all rows of a key at once, after those without a key. Rows of one key
    /// come in the order in which they were put, and so do those without one. A page that does not exist has none.
    ///
    /// # Errors
    /// `C0310`: the file can't be read, or is not the one that was written. Those of `each`.
    pub fn each<T: DeserializeOwned>(
        &self,
        path: &Path,
        page: usize,
        each: &mut dyn FnMut(Vec<T>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let bytes = self.bytes(path, page).map_err(|error| broken(&error))?;
        let unfit = |error| broken(&io::Error::other(error));
        let mut entries = entries(&bytes).map_err(unfit)?;
        entries.sort_by_key(|(key, _)| *key);
        let (mut rows, mut size, mut before) = (Vec::new(), 0, None);
        for (key, row) in entries {
            if size >= AT_ONCE && (key.is_empty() || before != Some(key)) {
                each(std::mem::take(&mut rows))?;
                size = 0;
            }
            rows.push(postcard::from_bytes(row).map_err(unfit)?);
            (size, before) = (size + row.len(), Some(key));
        }
        if rows.is_empty() { Ok(()) } else { each(rows) }
    }

    /// A page as it lies on disk.
    fn bytes(&self, path: &Path, page: usize) -> io::Result<Vec<u8>> {
        let chunks = self.0.get(page).map(Vec::as_slice).unwrap_or_default();
        let mut bytes = Vec::with_capacity(chunks.iter().map(|(_, length)| *length as usize).sum());
        let mut file = File::open(path)?;
        for (at, length) in chunks {
            file.seek(SeekFrom::Start(*at))?;
            let there = (&mut file).take((*length).into()).read_to_end(&mut bytes)?;
            if there as u64 != u64::from(*length) {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(bytes)
    }
}

/// The entries of a page: keys and rows.
fn entries(bytes: &[u8]) -> Result<Vec<(&str, &[u8])>, postcard::Error> {
    let (mut entries, mut rest) = (Vec::new(), bytes);
    while !rest.is_empty() {
        let ((key, length), after) = postcard::take_from_bytes::<(&str, usize)>(rest)?;
        let (row, after) = after.split_at_checked(length).ok_or(postcard::Error::DeserializeUnexpectedEnd)?;
        entries.push((key, row));
        rest = after;
    }
    Ok(entries)
}

/// Writes rows.
#[derive(Debug)]
pub struct Writer {
    file: BufWriter<File>,
    at: u64,
    pages: Vec<Page>,
    /// Rows are put on the page of their key; otherwise pages follow each other.
    by_key: bool,
    /// Largest chunk of rows that wait for each other.
    chunk: usize,
    /// The row that is written, and its entry.
    row: Vec<u8>,
    entry: Vec<u8>,
}

#[derive(Debug, Default)]
struct Page {
    waiting: Vec<u8>,
    chunks: Vec<(u64, u32)>,
    size: u64,
}

impl Writer {
    /// A new file of pages that follow each other.
    ///
    /// # Errors
    /// `C0310`: it can't be created.
    pub fn new(path: &Path) -> Result<Self, Fault> {
        Self::of(path, 1, false)
    }

    /// A new file of so many pages, on which rows are put by their keys.
    ///
    /// # Errors
    /// `C0310`: it can't be created.
    pub fn by_key(path: &Path, pages: usize) -> Result<Self, Fault> {
        Self::of(path, pages.max(1), true)
    }

    fn of(path: &Path, count: usize, by_key: bool) -> Result<Self, Fault> {
        let file = BufWriter::new(File::create(path).map_err(|error| broken(&error))?);
        let pages = std::iter::repeat_with(Page::default).take(count).collect();
        Ok(Self { file, at: 0, pages, by_key, chunk: (CHUNKS / count).min(CHUNK), row: Vec::new(), entry: Vec::new() })
    }

    /// Adds a row to the page of its key; an empty key is none.
    ///
    /// # Errors
    /// `C0310`: it can't be written.
    pub fn put(&mut self, key: &str, row: &impl Serialize) -> Result<(), Fault> {
        let page = if self.by_key { page_of(key, self.pages.len()) } else { self.last()? };
        let Some(page) = self.pages.get_mut(page) else { return Ok(()) };
        let unfit = |error| broken(&io::Error::other(error));
        self.row.clear();
        self.row = postcard::to_extend(row, std::mem::take(&mut self.row)).map_err(unfit)?;
        self.entry.clear();
        self.entry = postcard::to_extend(&(key, self.row.len()), std::mem::take(&mut self.entry)).map_err(unfit)?;
        self.entry.extend_from_slice(&self.row);
        page.size += self.entry.len() as u64;
        if page.waiting.len() + self.entry.len() > self.chunk {
            page.flush(&mut self.file, &mut self.at)?;
        }
        if self.entry.len() >= self.chunk {
            return page.write(&self.entry, &mut self.file, &mut self.at);
        }
        if page.waiting.capacity() == 0 {
            page.waiting.reserve_exact(self.chunk);
        }
        page.waiting.extend_from_slice(&self.entry);
        Ok(())
    }

    /// Adds a row that has no key.
    ///
    /// # Errors
    /// `C0310`: it can't be written.
    pub fn add(&mut self, row: &impl Serialize) -> Result<(), Fault> {
        self.put("", row)
    }

    /// The last page, or a new one if that is full.
    fn last(&mut self) -> Result<usize, Fault> {
        if self.pages.last().is_some_and(|page| page.size >= FULL) {
            if let Some(page) = self.pages.last_mut() {
                page.flush(&mut self.file, &mut self.at)?;
                page.waiting = Vec::new();
            }
            self.pages.push(Page::default());
        }
        Ok(self.pages.len() - 1)
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
    /// Writes what waits.
    fn flush(&mut self, file: &mut BufWriter<File>, at: &mut u64) -> Result<(), Fault> {
        let mut waiting = std::mem::take(&mut self.waiting);
        if !waiting.is_empty() {
            self.write(&waiting, file, at)?;
            waiting.clear();
        }
        self.waiting = waiting;
        Ok(())
    }

    fn write(&mut self, chunk: &[u8], file: &mut BufWriter<File>, at: &mut u64) -> Result<(), Fault> {
        let length = u32::try_from(chunk.len()).map_err(|error| broken(&io::Error::other(error)))?;
        file.write_all(chunk).map_err(|error| broken(&error))?;
        self.chunks.push((*at, length));
        *at += u64::from(length);
        Ok(())
    }
}

/// The page that all rows of one key are put on, among so many.
fn page_of(key: &str, pages: usize) -> usize {
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

    /// The rows of a page, as they are passed on.
    fn parts<T: DeserializeOwned>(pages: &Pages, path: &Path, page: usize) -> Result<Vec<Vec<T>>, Fault> {
        let mut parts = Vec::new();
        pages.each(path, page, &mut |rows| {
            parts.push(rows);
            Ok(())
        })?;
        Ok(parts)
    }

    #[test]
    fn rows_come_back_by_page_and_key_in_the_order_in_which_they_were_put() {
        const KEYS: usize = 40;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows");
        let mut writer = Writer::by_key(&path, 3).unwrap();
        let text = "text".repeat(10);
        for number in 0..30_000_usize {
            let key = number * 7 % KEYS;
            writer.put(&key.to_string(), &(key, number, &text)).unwrap();
            if number % 10_000 == 0 {
                writer.add(&(KEYS, number, &text)).unwrap();
            }
        }
        let pages = writer.finish().unwrap();
        assert_eq!(pages.len(), 3);
        let kept: Pages = postcard::from_bytes(&postcard::to_stdvec(&pages).unwrap()).unwrap();
        let mut met = Vec::new();
        for page in 0..3 {
            let parts: Vec<Vec<(usize, usize, String)>> = parts(&kept, &path, page).unwrap();
            assert!(parts.len() > 1, "a page is passed on in parts");
            for part in &parts {
                let whole = |key: &usize| (0..30_000).filter(|it| it * 7 % KEYS == *key).collect::<Vec<_>>();
                let mut keys: Vec<usize> = part.iter().map(|(key, ..)| *key).filter(|key| *key != KEYS).collect();
                keys.dedup();
                for key in &keys {
                    let there: Vec<usize> = part.iter().filter(|it| it.0 == *key).map(|it| it.1).collect();
                    assert!(there == whole(key), "key {key} of page {page}");
                }
                met.extend(keys);
            }
            let none: Vec<usize> = parts.concat().iter().filter(|it| it.0 == KEYS).map(|it| it.1).collect();
            assert!(none.is_empty() || none == [0, 10_000, 20_000], "{none:?}");
        }
        met.sort_unstable();
        assert_eq!(met, (0..KEYS).collect::<Vec<_>>(), "each key is on one page, and passed on once");
        assert_eq!(parts::<(usize, usize, String)>(&kept, &path, 3).unwrap(), Vec::<Vec<_>>::new());
    }

    #[test]
    fn pages_that_follow_each_other_are_bounded_and_so_is_what_is_read_of_them_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows");
        let mut writer = Writer::new(&path).unwrap();
        let text = "x".repeat(1_000);
        for number in 0..2_000_u32 {
            writer.add(&(number, &text)).unwrap();
        }
        let pages = writer.finish().unwrap();
        assert_eq!(pages.len(), 8);
        let parts: Vec<Vec<(u32, String)>> =
            (0..pages.len()).flat_map(|page| parts(&pages, &path, page).unwrap()).collect();
        assert!(parts.iter().all(|part| part.len() <= AT_ONCE / 1_000 + 1), "{}", parts.len());
        let all: Vec<u32> = parts.concat().into_iter().map(|(number, _)| number).collect();
        assert_eq!(all, (0..2_000).collect::<Vec<_>>());
    }

    #[test]
    fn rows_without_a_key_add_no_page_among_those_of_keys() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows");
        let mut writer = Writer::by_key(&path, 2).unwrap();
        let text = "x".repeat(1_000);
        for _ in 0..1_000 {
            writer.add(&text).unwrap();
        }
        assert_eq!(writer.finish().unwrap().len(), 2);
    }

    #[test]
    fn what_is_held_does_not_grow_with_the_number_of_pages() {
        const PAGES: usize = 4_096;
        let folder = tempfile::tempdir().unwrap();
        let text = "x".repeat(100);
        let held = |writer: &Writer| writer.pages.iter().map(|page| page.waiting.capacity()).sum::<usize>();
        let mut among = Writer::by_key(&folder.path().join("among"), PAGES).unwrap();
        let mut behind = Writer::new(&folder.path().join("behind")).unwrap();
        for number in 0..50 * PAGES {
            among.put(&number.to_string(), &text).unwrap();
            behind.add(&text).unwrap();
        }
        assert!(behind.pages.len() > 10);
        assert!(held(&among) <= CHUNKS && held(&behind) <= CHUNK, "{} {}", held(&among), held(&behind));
        // Nor with the size of a row.
        among.put("large", &"x".repeat(4 * CHUNK)).unwrap();
        assert!(held(&among) <= CHUNKS, "{}", held(&among));
    }

    #[test]
    fn a_file_that_is_cut_off_or_another_is_a_fault() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows");
        let mut writer = Writer::new(&path).unwrap();
        writer.add(&"0123456789").unwrap();
        let pages = writer.finish().unwrap();
        let whole = std::fs::read(&path).unwrap();
        // A row that claims to be longer than the page.
        std::fs::write(&path, [&[0, 99][..], whole.get(2..).unwrap()].concat()).unwrap();
        assert_eq!(parts::<String>(&pages, &path, 0).unwrap_err().code, "C0310");
        std::fs::write(&path, whole.get(..5).unwrap()).unwrap();
        assert_eq!(parts::<String>(&pages, &path, 0).unwrap_err().code, "C0310");
    }
}
