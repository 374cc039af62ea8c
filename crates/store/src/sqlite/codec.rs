//! Bytes at rest: postcard, then zstd with a dictionary trained on the first bodies of the same purpose.
//!
//! A packed blob begins with the number of its dictionary as a varint: [`RAW`] and [`PLAIN`] need none. Records of one
//! shop resemble each other, so a dictionary shrinks them to about a third of what zstd alone reaches, and makes it
//! faster.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use model::Kind;
use rusqlite::{Connection, OptionalExtension as _};
use serde::{Serialize, de::DeserializeOwned};
use zstd::zstd_safe::{self, CCtx, CDict, DCtx, DDict};

use super::{
    seal::Seal,
    trouble::{Outcome, Trouble},
    writer::kind_bit,
};

/// Not compressed.
const RAW: u32 = 0;
/// Compressed without a dictionary.
const PLAIN: u32 = 1;
/// Sealed: its content is a blob again.
const SEALED: u32 = u32::MAX;
/// Begins a text that is sealed.
const SEALED_TEXT: char = '\u{1}';
/// The first number that a dictionary can have.
const FIRST: u32 = 2;
/// Faster than level 1 by a third, larger by a tenth: the dictionary does most of the work.
const LEVEL: i32 = -1;
/// Shorter blobs are not compressed.
const WORTHWHILE: usize = 160;
/// The largest blob; a damaged one must not allocate more memory.
const LARGEST: u64 = 1 << 28;
/// A buffer larger than this is not kept for the next blob.
const ROOM: usize = 1 << 18;
// Training time grows with the samples, and four times as many shrink a body by two percent more.
const DICTIONARY_BYTES: usize = 16 * 1024;
const SAMPLE_BYTES: usize = 384 * 1024;
const SAMPLES: u32 = 125;

/// A purpose of blobs: those of one purpose share a dictionary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Purpose {
    /// Records of a kind.
    Body(Kind),
    /// Payloads of a flow.
    Payload(i64),
    /// Data about people: it is sealed, and has no dictionary.
    Personal,
}

impl fmt::Display for Purpose {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body(kind) => write!(out, "body/{}", kind.number()),
            Self::Payload(flow) => write!(out, "payload/{flow}"),
            Self::Personal => out.write_str("personal"),
        }
    }
}

struct Book {
    id: u32,
    pack: CDict<'static>,
    unpack: DDict<'static>,
}

/// Samples for a dictionary.
#[derive(Default)]
struct Samples {
    seen: u32,
    bytes: Vec<u8>,
    sizes: Vec<usize>,
    /// Whether no more samples are collected: the dictionary is being trained, or can't be.
    closed: bool,
}

/// Samples to train a dictionary from.
pub(super) struct Training {
    /// Its purpose.
    pub(super) purpose: Purpose,
    bytes: Vec<u8>,
    sizes: Vec<usize>,
}

impl Training {
    /// The dictionary; `None` if the samples have nothing in common.
    pub(super) fn train(&self) -> Option<Vec<u8>> {
        zstd::dict::from_continuous(&self.bytes, &self.sizes, DICTIONARY_BYTES).ok()
    }
}

/// A compressor with its buffer.
#[derive(Default)]
struct Packer {
    context: CCtx<'static>,
    room: Vec<u8>,
}

/// Packs and unpacks, from any thread.
pub(super) struct Codec {
    books: RwLock<HashMap<u32, Arc<Book>>>,
    current: RwLock<HashMap<String, Arc<Book>>>,
    samples: Mutex<BTreeMap<Purpose, Samples>>,
    packers: Mutex<Vec<Packer>>,
    unpackers: Mutex<Vec<DCtx<'static>>>,
    seal: Arc<dyn Seal>,
    /// How many blobs of a purpose are seen before a dictionary is trained; 0: never.
    after: u32,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Codec {
    pub(super) fn new(after: u32, seal: Arc<dyn Seal>) -> Self {
        Self {
            books: RwLock::default(),
            current: RwLock::default(),
            samples: Mutex::default(),
            packers: Mutex::default(),
            unpackers: Mutex::default(),
            seal,
            after,
        }
    }

    /// Loads the database's dictionaries.
    pub(super) fn load(&self, db: &Connection) -> Outcome<()> {
        let mut query = db.prepare("SELECT id, purpose, bytes FROM dictionary ORDER BY id")?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            self.adopt(row.get(0)?, row.get(1)?, row.get_ref(2)?.as_blob().unwrap_or_default());
        }
        Ok(())
    }

    fn adopt(&self, id: u32, purpose: String, bytes: &[u8]) -> Arc<Book> {
        let book = Arc::new(Book { id, pack: CDict::create(bytes, LEVEL), unpack: DDict::create(bytes) });
        self.books.write().unwrap_or_else(PoisonError::into_inner).insert(id, Arc::clone(&book));
        self.current.write().unwrap_or_else(PoisonError::into_inner).insert(purpose, Arc::clone(&book));
        book
    }

    /// Stores a trained dictionary; it is used from [`Codec::load`] on.
    pub(super) fn store(db: &Connection, purpose: Purpose, bytes: &[u8]) -> Outcome<()> {
        db.execute(
            "INSERT INTO dictionary (id, purpose, bytes)
             VALUES ((SELECT coalesce(max(id) + 1, ?1) FROM dictionary), ?2, ?3)",
            (FIRST, purpose.to_string(), bytes),
        )?;
        Ok(())
    }

    /// Something as postcard bytes.
    pub(super) fn encode<T: Serialize + ?Sized>(value: &T) -> Outcome<Vec<u8>> {
        Self::encode_into(Vec::new(), value)
    }

    /// Something as postcard bytes, in the buffer `bytes`.
    pub(super) fn encode_into<T: Serialize + ?Sized>(mut bytes: Vec<u8>, value: &T) -> Outcome<Vec<u8>> {
        bytes.clear();
        postcard::to_extend(value, bytes).map_err(|error| Trouble::unreadable("a value on its way", error))
    }

    /// Something from postcard bytes.
    pub(super) fn decode<T: DeserializeOwned>(what: &str, bytes: &[u8]) -> Outcome<T> {
        postcard::from_bytes(bytes).map_err(|error| Trouble::unreadable(what, error))
    }

    /// Encodes and packs.
    pub(super) fn pack_value<T: Serialize + ?Sized>(&self, purpose: Purpose, value: &T) -> Outcome<Vec<u8>> {
        Ok(self.pack(purpose, &Self::encode(value)?))
    }

    /// Unpacks and decodes.
    pub(super) fn unpack_value<T: DeserializeOwned>(&self, db: &Connection, what: &str, blob: &[u8]) -> Outcome<T> {
        let (id, rest) = split(blob);
        if id == SEALED {
            let opened = self.seal.open(rest).ok_or_else(|| cannot_open(what))?;
            return self.unpack_value(db, what, &opened);
        }
        if id == RAW { Self::decode(what, rest) } else { Self::decode(what, &self.unpack(db, what, id, rest)?) }
    }

    /// How many bytes a packed value takes when it is unpacked, as far as that shows from outside.
    pub(super) fn unpacked_len(blob: &[u8]) -> usize {
        let (id, rest) = split(blob);
        if id == RAW || id == SEALED {
            return rest.len();
        }
        let size = zstd_safe::get_frame_content_size(rest).ok().flatten();
        size.and_then(|size| usize::try_from(size).ok()).unwrap_or(rest.len())
    }

    /// The purpose of bodies of a kind.
    pub(super) fn body(&self, kind: Kind) -> Purpose {
        if self.seal.is_personal(kind) { Purpose::Personal } else { Purpose::Body(kind) }
    }

    /// The purpose of payloads of a flow that carries these kinds, as bits.
    pub(super) fn payload(&self, flow: i64, kinds: u64) -> Purpose {
        if self.is_personal(kinds) { Purpose::Personal } else { Purpose::Payload(flow) }
    }

    /// Whether any of these kinds, as bits, is about people.
    pub(super) fn is_personal(&self, kinds: u64) -> bool {
        Kind::ALL.into_iter().any(|kind| kinds & kind_bit(kind) != 0 && self.seal.is_personal(kind))
    }

    /// The stored form of a record's id.
    pub(super) fn name<'a>(&self, kind: Kind, name: &'a str) -> Cow<'a, str> {
        if self.seal.is_personal(kind) { self.seal.seal_name(name).into() } else { name.into() }
    }

    /// As [`Codec::name`], by the stored number of a kind.
    pub(super) fn item<'a>(&self, kind: u8, name: &'a str) -> Cow<'a, str> {
        Kind::from_number(kind).map_or(Cow::Borrowed(name), |kind| self.name(kind, name))
    }

    /// The id of which this is the stored form.
    pub(super) fn name_of(&self, kind: Kind, stored: String) -> Outcome<String> {
        if self.seal.is_personal(kind) {
            return self.seal.open_name(&stored).ok_or_else(|| cannot_open("an id"));
        }
        Ok(stored)
    }

    /// As [`Codec::name_of`], by the stored number of a kind.
    pub(super) fn item_of(&self, kind: u8, stored: String) -> Outcome<String> {
        match Kind::from_number(kind) {
            Some(kind) => self.name_of(kind, stored),
            None => Ok(stored),
        }
    }

    /// The stored form of a text about records of these kinds, as bits: an answer, or a fault.
    pub(super) fn text(&self, kinds: u64, text: &str) -> String {
        if self.is_personal(kinds) {
            let sealed = self.seal.seal(text.as_bytes());
            return std::iter::once(SEALED_TEXT.into())
                .chain(sealed.iter().map(|byte| format!("{byte:02x}")))
                .collect();
        }
        text.trim_start_matches(SEALED_TEXT).to_owned()
    }

    /// The text of which this is the stored form.
    pub(super) fn text_of(&self, what: &str, stored: String) -> Outcome<String> {
        let Some(sealed) = stored.strip_prefix(SEALED_TEXT) else { return Ok(stored) };
        let bytes = sealed.as_bytes().chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok());
        let opened = bytes.collect::<Option<Vec<u8>>>().and_then(|bytes| self.seal.open(&bytes));
        opened.and_then(|text| String::from_utf8(text).ok()).ok_or_else(|| cannot_open(what))
    }

    /// Packs the items of a ledger row or an open call, about records of these kinds, as bits.
    pub(super) fn pack_list<T: Serialize + ?Sized>(&self, kinds: u64, list: &T) -> Outcome<Vec<u8>> {
        let plain = Self::encode(list)?;
        Ok(if self.is_personal(kinds) { joined(SEALED, &self.seal.seal(&plain)) } else { plain })
    }

    /// Unpacks a list of [`Codec::pack_list`]. No list is as long as the first bytes of a sealed one would say.
    pub(super) fn unpack_list<T: DeserializeOwned>(&self, what: &str, blob: &[u8]) -> Outcome<T> {
        let (id, rest) = split(blob);
        if id != SEALED {
            return Self::decode(what, blob);
        }
        Self::decode(what, &self.seal.open(rest).ok_or_else(|| cannot_open(what))?)
    }

    /// A hash that links records; with a key if it names records of a personal kind.
    pub(super) fn hash(&self, kind: Kind, text: &[u8]) -> blake3::Hash {
        if self.seal.is_personal(kind) { blake3::keyed_hash(&self.seal.hash_key(), text) } else { blake3::hash(text) }
    }

    /// Packs bytes.
    pub(super) fn pack(&self, purpose: Purpose, plain: &[u8]) -> Vec<u8> {
        let blob = self.pack_plain(purpose, plain);
        if purpose == Purpose::Personal { joined(SEALED, &self.seal.seal(&blob)) } else { blob }
    }

    fn pack_plain(&self, purpose: Purpose, plain: &[u8]) -> Vec<u8> {
        if plain.len() < WORTHWHILE {
            return joined(RAW, plain);
        }
        let book = {
            let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
            // Names are built only if there are dictionaries to look up.
            if current.is_empty() { None } else { current.get(&purpose.to_string()).cloned() }
        };
        if book.is_none() {
            self.sample(purpose, plain);
        }
        let id = book.as_ref().map_or(PLAIN, |book| book.id);
        let mut packer = locked(&self.packers).pop().unwrap_or_default();
        packer.room.clear();
        packer.room.reserve(zstd_safe::compress_bound(plain.len()));
        let written = match &book {
            Some(book) => packer.context.compress_using_cdict(&mut packer.room, plain, &book.pack),
            None => packer.context.compress(&mut packer.room, plain, LEVEL),
        };
        let blob = match written {
            Ok(written) if written < plain.len() => joined(id, &packer.room),
            _ => joined(RAW, plain),
        };
        if packer.room.capacity() > ROOM {
            packer.room = Vec::new();
        }
        locked(&self.packers).push(packer);
        blob
    }

    fn unpack(&self, db: &Connection, what: &str, id: u32, packed: &[u8]) -> Outcome<Vec<u8>> {
        let size = match zstd_safe::get_frame_content_size(packed) {
            Ok(Some(size)) if size <= LARGEST => usize::try_from(size).unwrap_or(0),
            _ => return Err(Trouble::unreadable(what, "its compressed form is damaged")),
        };
        let book = if id == PLAIN { None } else { Some(self.book(db, what, id)?) };
        let mut plain = Vec::with_capacity(size);
        let mut unpacker = locked(&self.unpackers).pop().unwrap_or_default();
        let done = match &book {
            Some(book) => unpacker.decompress_using_ddict(&mut plain, packed, &book.unpack),
            None => unpacker.decompress(&mut plain, packed),
        };
        locked(&self.unpackers).push(unpacker);
        match done {
            Ok(_) => Ok(plain),
            Err(code) => Err(Trouble::unreadable(what, zstd_safe::get_error_name(code))),
        }
    }

    /// A dictionary; another process may have made it since this one looked.
    fn book(&self, db: &Connection, what: &str, id: u32) -> Outcome<Arc<Book>> {
        if let Some(book) = self.books.read().unwrap_or_else(PoisonError::into_inner).get(&id) {
            return Ok(Arc::clone(book));
        }
        let found: Option<(String, Vec<u8>)> = db
            .query_row("SELECT purpose, bytes FROM dictionary WHERE id = ?1", [id], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        let Some((purpose, bytes)) = found else { return Err(Trouble::unreadable(what, "its dictionary is missing")) };
        Ok(self.adopt(id, purpose, &bytes))
    }

    fn sample(&self, purpose: Purpose, plain: &[u8]) {
        if self.after == 0 || purpose == Purpose::Personal {
            return;
        }
        let mut samples = locked(&self.samples);
        let samples = samples.entry(purpose).or_default();
        if samples.closed {
            return;
        }
        let every = (self.after / SAMPLES).max(1);
        if samples.seen.is_multiple_of(every) && samples.bytes.len() < SAMPLE_BYTES && plain.len() < SAMPLE_BYTES {
            samples.bytes.extend_from_slice(plain);
            samples.sizes.push(plain.len());
        }
        samples.seen += 1;
    }

    /// Samples that are enough for a dictionary, each once.
    pub(super) fn training(&self) -> Option<Training> {
        let mut samples = locked(&self.samples);
        let (purpose, ripe) =
            samples.iter_mut().find(|(_, samples)| !samples.closed && samples.seen >= self.after.max(1))?;
        ripe.closed = true;
        let (bytes, sizes) = (std::mem::take(&mut ripe.bytes), std::mem::take(&mut ripe.sizes));
        Some(Training { purpose: *purpose, bytes, sizes })
    }
}

fn cannot_open(what: &str) -> Trouble {
    Trouble::unreadable(what, "its seal does not open with this key")
}

fn joined(mut id: u32, rest: &[u8]) -> Vec<u8> {
    let mut blob = Vec::with_capacity(rest.len() + 5);
    while id >= 0x80 {
        blob.push((id & 0x7f) as u8 | 0x80);
        id >>= 7;
    }
    blob.push((id & 0x7f) as u8);
    blob.extend_from_slice(rest);
    blob
}

fn split(blob: &[u8]) -> (u32, &[u8]) {
    let mut id = 0;
    for (at, byte) in blob.iter().enumerate().take(5) {
        id |= u32::from(byte & 0x7f).wrapping_shl(u32::try_from(at).unwrap_or(0) * 7);
        if byte & 0x80 == 0 {
            return (id, blob.get(at + 1..).unwrap_or_default());
        }
    }
    (RAW, &[])
}
