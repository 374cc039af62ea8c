//! Bytes at rest: postcard, then zstd with a dictionary trained on the first bodies of the same purpose.
//!
//! A packed blob begins with the number of its dictionary as a varint: [`RAW`] and [`PLAIN`] need none. Records of one
//! shop resemble each other, so a dictionary shrinks them to about a third of what zstd alone reaches, and makes it
//! faster.
//!
//! What is about people is packed first and then sealed (seal.rs, people.rs), for its place: it opens nowhere else. It
//! trains no dictionary, which would hold its words in clear. Names by which rows are found are sealed so that the same
//! name always gives the same text; hashes take a key.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use contract::Digest;
use model::Kind;
use rusqlite::{Connection, OptionalExtension as _};
use serde::{Serialize, de::DeserializeOwned};
use zstd::zstd_safe::{self, CCtx, CDict, DCtx, DDict};

use super::{
    people::{PERSONAL, People},
    seal::{self, DataKey, OperatorKeys},
    trouble::{Outcome, Trouble},
};

/// Not compressed.
const RAW: u32 = 0;
/// Compressed without a dictionary.
const PLAIN: u32 = 1;
/// Sealed: its content is a blob again.
const SEALED: u32 = u32::MAX;
/// So many times its sealed size is what a sealed blob counts for: it is packed before it is sealed.
const PACKED_TO: usize = 8;
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
    /// Data about people: it has no dictionary.
    Personal,
}

/// Where something sealed stands: it opens there only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The body of a record, by its number.
    Body(u64),
    /// What a destination holds, by ledger key.
    Items(i64),
    /// The payloads of it, by ledger key.
    Payload(i64),
    /// The payloads of a dead letter, by ledger key.
    Refused(i64),
    /// The fault of a record, by ledger key.
    Fault(i64),
    /// The items of an open call, by flow: a call gets its number when it is written.
    Call(i64),
    /// The answer to a call, by its number.
    Answer(u64),
    /// The fault of a call, by its number.
    Failure(u64),
    /// The fault that stopped a flow.
    Stop(i64),
    /// The fault of an unread record, by source.
    Unread(i64),
    /// How far a lane was read, by source.
    Lane(i64),
}

impl Place {
    /// It as bytes that are sealed along.
    fn usage(self) -> [u8; 9] {
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let (tag, number) = match self {
            Self::Body(n) => (1, number(n)),
            Self::Items(key) => (2, key),
            Self::Payload(key) => (3, key),
            Self::Refused(key) => (4, key),
            Self::Fault(key) => (5, key),
            Self::Call(flow) => (6, flow),
            Self::Answer(call) => (7, number(call)),
            Self::Failure(call) => (8, number(call)),
            Self::Stop(flow) => (9, flow),
            Self::Unread(source) => (10, source),
            Self::Lane(source) => (11, source),
        };
        let mut usage = [0; 9];
        for (to, from) in usage.iter_mut().zip([tag].iter().chain(&number.to_be_bytes())) {
            *to = *from;
        }
        usage
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Body(_) => "a record",
            Self::Items(_) => "what a destination holds",
            Self::Payload(_) => "a payload",
            Self::Refused(_) => "a dead letter",
            Self::Fault(_) | Self::Failure(_) | Self::Stop(_) | Self::Unread(_) => "a fault",
            Self::Call(_) => "an open call",
            Self::Answer(_) => "an answer",
            Self::Lane(_) => "a lane's state",
        })
    }
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
    /// The keys of data about people.
    pub(super) people: People,
    /// How many blobs of a purpose are seen before a dictionary is trained; 0: never.
    after: u32,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Codec {
    pub(super) fn new(after: u32, keys: OperatorKeys) -> Self {
        Self {
            books: RwLock::default(),
            current: RwLock::default(),
            samples: Mutex::default(),
            packers: Mutex::default(),
            unpackers: Mutex::default(),
            people: People::new(keys),
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
    pub(super) fn decode<T: DeserializeOwned>(what: impl fmt::Display, bytes: &[u8]) -> Outcome<T> {
        postcard::from_bytes(bytes).map_err(|error| Trouble::unreadable(what, error))
    }

    /// Encodes and packs.
    pub(super) fn pack_value<T: Serialize + ?Sized>(&self, purpose: Purpose, value: &T) -> Outcome<Vec<u8>> {
        Ok(self.pack(purpose, &Self::encode(value)?))
    }

    /// Opens, unpacks and decodes.
    pub(super) fn unpack_value<T: DeserializeOwned>(&self, db: &Connection, place: Place, blob: &[u8]) -> Outcome<T> {
        let blob = self.opened(db, place, blob)?;
        let (id, rest) = split(&blob);
        if id == RAW { Self::decode(place, rest) } else { Self::decode(place, &self.unpack(db, place, id, rest)?) }
    }

    /// How many bytes a packed value takes when it is unpacked, as far as that shows from outside.
    pub(super) fn unpacked_len(blob: &[u8]) -> usize {
        let (id, rest) = split(blob);
        if id == RAW {
            return rest.len();
        }
        if id == SEALED {
            return rest.len().saturating_mul(PACKED_TO);
        }
        let size = zstd_safe::get_frame_content_size(rest).ok().flatten();
        size.and_then(|size| usize::try_from(size).ok()).unwrap_or(rest.len())
    }

    /// The purpose of bodies of a kind.
    pub(super) const fn body(kind: Kind) -> Purpose {
        if kind.is_personal() { Purpose::Personal } else { Purpose::Body(kind) }
    }

    /// The purpose of payloads of a flow, of a record that is about a person or not.
    pub(super) const fn payload(flow: i64, is_personal: bool) -> Purpose {
        if is_personal { Purpose::Personal } else { Purpose::Payload(flow) }
    }

    // ── data about people ───────────────────────────────────────────────────────────────────────────────────────────

    /// The stored form of something that is about the person of this key, if it is about one.
    pub(super) fn sealed<'a>(key: Option<&DataKey>, place: Place, plain: &'a [u8]) -> Outcome<Cow<'a, [u8]>> {
        let Some(key) = key else { return Ok(plain.into()) };
        Ok(joined(SEALED, &key.seal(&place.usage(), plain)?).into())
    }

    /// The content of a stored blob. No plain one begins as a sealed one does: a packed blob has a smaller number in
    /// front, and no list is as long as it would say.
    pub(super) fn opened<'a>(&self, db: &Connection, place: Place, stored: &'a [u8]) -> Outcome<Cow<'a, [u8]>> {
        let (id, sealed) = split(stored);
        if id != SEALED {
            return Ok(stored.into());
        }
        Ok(self.open(db, place, sealed)?.into())
    }

    fn open(&self, db: &Connection, place: Place, sealed: &[u8]) -> Outcome<Vec<u8>> {
        let (id, rest) = seal::key_id(sealed).ok_or_else(|| was_changed(place))?;
        let key = self.people.key(db, id)?.ok_or_else(|| Trouble::Forgotten(place.to_string()))?;
        key.open(&place.usage(), rest).ok_or_else(|| was_changed(place))
    }

    /// The key of what is about several records of these kinds, as bits; `None` if none of them is about people.
    pub(super) fn general(&self, kinds: u64) -> Outcome<Option<Arc<DataKey>>> {
        if kinds & PERSONAL == 0 { Ok(None) } else { self.people.general().map(Some) }
    }

    /// The stored form of a text.
    pub(super) fn text<'a>(key: Option<&DataKey>, place: Place, text: &'a str) -> Outcome<Cow<'a, str>> {
        let Some(key) = key else { return Ok(text.trim_start_matches(SEALED_TEXT).into()) };
        let mut stored = String::from(SEALED_TEXT);
        stored.push_str(&seal::to_text(&key.seal(&place.usage(), text.as_bytes())?));
        Ok(stored.into())
    }

    /// The text of which this is the stored form.
    pub(super) fn text_of(&self, db: &Connection, place: Place, stored: String) -> Outcome<String> {
        let Some(sealed) = stored.strip_prefix(SEALED_TEXT) else { return Ok(stored) };
        let sealed = seal::from_text(sealed).ok_or_else(|| was_changed(place))?;
        String::from_utf8(self.open(db, place, &sealed)?).map_err(|_| was_changed(place))
    }

    /// Something from the stored form of a list.
    pub(super) fn unpack_list<T: DeserializeOwned>(&self, db: &Connection, place: Place, stored: &[u8]) -> Outcome<T> {
        Self::decode(place, &self.opened(db, place, stored)?)
    }

    /// Whether there can be records of this kind.
    pub(super) fn can_hold(&self, kind: Kind) -> bool {
        !kind.is_personal() || self.people.is_ready()
    }

    /// The stored form of a record's id, or of an item's.
    pub(super) fn name<'a>(&self, kind: Kind, name: &'a str) -> Outcome<Cow<'a, str>> {
        if kind.is_personal() { Ok(self.people.names()?.seal(kind.number(), name)?.into()) } else { Ok(name.into()) }
    }

    /// As [`Codec::name`], by the stored number of a kind.
    pub(super) fn item<'a>(&self, kind: u8, name: &'a str) -> Outcome<Cow<'a, str>> {
        Kind::from_number(kind).map_or(Ok(Cow::Borrowed(name)), |kind| self.name(kind, name))
    }

    /// The id of which this is the stored form.
    pub(super) fn name_of(&self, kind: Kind, stored: String) -> Outcome<String> {
        if kind.is_personal() {
            let changed = || Trouble::unreadable("an id", "its seal does not open: it was changed");
            return self.people.names()?.open(kind.number(), &stored).ok_or_else(changed);
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

    /// The digest of a record's bytes; with a key if it is about a person, of whom others would know the rest.
    pub(super) fn digest(&self, kind: Kind, bytes: &[u8]) -> Outcome<Digest> {
        if !kind.is_personal() {
            return Ok(Digest::of(bytes));
        }
        Ok(Digest::of(self.people.names()?.hash(bytes).as_bytes()))
    }

    // ── packing ─────────────────────────────────────────────────────────────────────────────────────────────────────

    /// Packs bytes.
    pub(super) fn pack(&self, purpose: Purpose, plain: &[u8]) -> Vec<u8> {
        if plain.len() < WORTHWHILE {
            return joined(RAW, plain);
        }
        let book = {
            let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
            // Names are built only if there are dictionaries to look up.
            let has_none = current.is_empty() || purpose == Purpose::Personal;
            if has_none { None } else { current.get(&purpose.to_string()).cloned() }
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

    fn unpack(&self, db: &Connection, place: Place, id: u32, packed: &[u8]) -> Outcome<Vec<u8>> {
        let size = match zstd_safe::get_frame_content_size(packed) {
            Ok(Some(size)) if size <= LARGEST => usize::try_from(size).unwrap_or(0),
            _ => return Err(Trouble::unreadable(place, "its compressed form is damaged")),
        };
        let book = if id == PLAIN { None } else { Some(self.book(db, place, id)?) };
        let mut plain = Vec::with_capacity(size);
        let mut unpacker = locked(&self.unpackers).pop().unwrap_or_default();
        let done = match &book {
            Some(book) => unpacker.decompress_using_ddict(&mut plain, packed, &book.unpack),
            None => unpacker.decompress(&mut plain, packed),
        };
        locked(&self.unpackers).push(unpacker);
        match done {
            Ok(_) => Ok(plain),
            Err(code) => Err(Trouble::unreadable(place, zstd_safe::get_error_name(code))),
        }
    }

    /// A dictionary; another process may have made it since this one looked.
    fn book(&self, db: &Connection, place: Place, id: u32) -> Outcome<Arc<Book>> {
        if let Some(book) = self.books.read().unwrap_or_else(PoisonError::into_inner).get(&id) {
            return Ok(Arc::clone(book));
        }
        let found: Option<(String, Vec<u8>)> = db
            .query_row("SELECT purpose, bytes FROM dictionary WHERE id = ?1", [id], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        let Some((purpose, bytes)) = found else { return Err(Trouble::unreadable(place, "its dictionary is missing")) };
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

fn was_changed(place: Place) -> Trouble {
    Trouble::unreadable(place, "its seal does not open: it was changed, or stands where it was not written")
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
