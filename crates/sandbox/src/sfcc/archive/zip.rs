//! A zip archive as the platform's Java writes it: entries are deflated, and their sizes stand behind them.
//!
//! A reader that goes from the front finds the end of an entry by inflating it; the central directory has the sizes too.

use std::io::{self, Write};

use flate2::{Compression, Crc, write::DeflateEncoder};

/// Sizes and checksum follow the data, and names are UTF-8.
const FLAGS: u16 = 0x0808;
const VERSION: u16 = 20;
const DEFLATED: u16 = 8;

/// Writes an archive front to back.
pub(super) struct Zip<W: Write> {
    out: Counted<W>,
    entries: Vec<Entry>,
    /// Time and date of every entry, as MS-DOS has them.
    stamp: (u16, u16),
}

struct Entry {
    name: String,
    crc: u32,
    packed: u32,
    size: u32,
    at: u32,
}

/// Counts what is written.
struct Counted<W> {
    out: W,
    count: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.count += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The data of an entry, before it is deflated.
struct Data<'z, W: Write> {
    deflate: DeflateEncoder<&'z mut Counted<W>>,
    crc: Crc,
    size: u64,
}

impl<W: Write> Write for Data<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.deflate.write(bytes)?;
        self.crc.update(bytes.get(..written).unwrap_or(bytes));
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.deflate.flush()
    }
}

fn short(length: u64) -> io::Result<u32> {
    u32::try_from(length).map_err(|_| io::Error::other("an archive of 4 GiB or more"))
}

/// Writes what `write` writes, deflated; returns its checksum and size.
fn deflate<W: Write>(
    out: &mut Counted<W>,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<(u32, u32)> {
    let mut data = Data { deflate: DeflateEncoder::new(out, Compression::fast()), crc: Crc::new(), size: 0 };
    write(&mut data)?;
    let (crc, size) = (data.crc.sum(), short(data.size)?);
    data.deflate.finish()?;
    Ok((crc, size))
}

impl<W: Write> Zip<W> {
    /// An empty archive whose entries are of the instant `now`, in milliseconds.
    pub(super) fn new(out: W, now: i64) -> Self {
        let at = jiff::Timestamp::from_millisecond(now).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        let at = at.to_zoned(jiff::tz::TimeZone::UTC);
        let part = |number: i8| u16::try_from(number).unwrap_or_default();
        let year = u16::try_from(i32::from(at.year()) - 1980).unwrap_or_default();
        let time = (part(at.hour()) << 11) | (part(at.minute()) << 5) | (part(at.second()) / 2);
        let date = (year << 9) | (part(at.month()) << 5) | part(at.day());
        Self { out: Counted { out, count: 0 }, entries: Vec::new(), stamp: (time, date) }
    }

    /// Adds an entry whose data `write` writes.
    pub(super) fn add(&mut self, name: &str, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        let at = short(self.out.count)?;
        let length = u16::try_from(name.len()).map_err(|_| io::Error::other("a name of 64 KiB or more"))?;
        let mut header = Vec::with_capacity(30 + name.len());
        header.extend(0x0403_4b50_u32.to_le_bytes());
        for part in [VERSION, FLAGS, DEFLATED, self.stamp.0, self.stamp.1] {
            header.extend(part.to_le_bytes());
        }
        // Checksum and sizes, which are not known yet.
        header.extend([0; 12]);
        header.extend(length.to_le_bytes());
        header.extend(0_u16.to_le_bytes());
        header.extend(name.as_bytes());
        self.out.write_all(&header)?;
        let begin = self.out.count;
        let (crc, size) = deflate(&mut self.out, write)?;
        let packed = short(self.out.count - begin)?;
        for part in [0x0807_4b50, crc, packed, size] {
            self.out.write_all(&u32::to_le_bytes(part))?;
        }
        self.entries.push(Entry { name: name.to_owned(), crc, packed, size, at });
        Ok(())
    }

    /// Writes the central directory.
    pub(super) fn finish(mut self) -> io::Result<W> {
        let begin = self.out.count;
        for entry in &self.entries {
            let mut row = Vec::with_capacity(46 + entry.name.len());
            row.extend(0x0201_4b50_u32.to_le_bytes());
            for part in [VERSION, VERSION, FLAGS, DEFLATED, self.stamp.0, self.stamp.1] {
                row.extend(part.to_le_bytes());
            }
            for part in [entry.crc, entry.packed, entry.size] {
                row.extend(part.to_le_bytes());
            }
            row.extend(u16::try_from(entry.name.len()).unwrap_or_default().to_le_bytes());
            // No extra field, no comment, first disk, no attributes.
            row.extend([0; 12]);
            row.extend(entry.at.to_le_bytes());
            row.extend(entry.name.as_bytes());
            self.out.write_all(&row)?;
        }
        let size = short(self.out.count - begin)?;
        let count = u16::try_from(self.entries.len()).map_err(|_| io::Error::other("64 Ki entries or more"))?;
        self.out.write_all(&0x0605_4b50_u32.to_le_bytes())?;
        for part in [0, 0, count, count] {
            self.out.write_all(&u16::to_le_bytes(part))?;
        }
        self.out.write_all(&size.to_le_bytes())?;
        self.out.write_all(&short(begin)?.to_le_bytes())?;
        self.out.write_all(&[0; 2])?;
        self.out.flush()?;
        Ok(self.out.out)
    }
}
