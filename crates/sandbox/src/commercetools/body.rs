//! Rendered JSON, held compactly, and pages put together from it.
//!
//! A resource is rendered once, when it is written. A long body is kept as a raw deflate stream that ends on a byte
//! boundary and refers to nothing before it, together with its checksum. A gzip page is then the concatenation of such
//! streams with stored blocks between them: no byte is compressed again when it is read.

use std::cell::RefCell;

use bytes::Bytes;
use flate2::{Compress, Compression, Crc, Decompress, FlushCompress, FlushDecompress};

/// Shorter texts are kept as they are: deflate gains little and costs a block header.
const WORTH_PACKING: usize = 768;
/// The longest stored block of the deflate format.
const STORED_BLOCK: usize = 65_535;

thread_local! {
    static PACKER: RefCell<Compress> = RefCell::new(Compress::new(Compression::fast(), false));
    static UNPACKER: RefCell<Decompress> = RefCell::new(Decompress::new(false));
}

/// A rendered piece of JSON.
#[derive(Debug)]
pub(super) enum Body {
    /// As it is.
    Plain(Box<[u8]>),
    /// As a deflate stream without end mark.
    Packed(Box<Packed>),
}

/// A deflate stream with the checksum and length of its text.
#[derive(Debug)]
pub(super) struct Packed {
    bytes: Box<[u8]>,
    text: Crc,
}

impl Body {
    /// Packs `text` when that is worth it.
    pub(super) fn new(text: &[u8]) -> Self {
        if text.len() < WORTH_PACKING {
            return Self::Plain(text.into());
        }
        let mut crc = Crc::new();
        crc.update(text);
        Self::Packed(Box::new(Packed { bytes: deflate(text).into_boxed_slice(), text: crc }))
    }

    /// Appends the text to `out`.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Plain(text) => out.extend_from_slice(text),
            Self::Packed(packed) => inflate(&packed.bytes, packed.text.amount() as usize, out),
        }
    }

    /// Length of the text in bytes.
    pub(super) fn text_length(&self) -> usize {
        match self {
            Self::Plain(text) => text.len(),
            Self::Packed(packed) => packed.text.amount() as usize,
        }
    }

    /// Bytes held.
    pub(super) fn held(&self) -> usize {
        match self {
            Self::Plain(text) => text.len(),
            Self::Packed(packed) => packed.bytes.len() + size_of::<Packed>(),
        }
    }
}

fn deflate(text: &[u8]) -> Vec<u8> {
    PACKER.with_borrow_mut(|packer| {
        packer.reset();
        let mut out = Vec::with_capacity(text.len() / 2 + 64);
        loop {
            let from = usize::try_from(packer.total_in()).unwrap_or(usize::MAX);
            let rest = text.get(from..).unwrap_or_default();
            let room_before = out.capacity() - out.len();
            let outcome = packer.compress_vec(rest, &mut out, FlushCompress::Sync);
            // A sync flush is complete once all input is in and room is left over.
            let all_in = packer.total_in() == text.len() as u64;
            if outcome.is_err() || (all_in && out.len() < out.capacity()) {
                return out;
            }
            out.reserve(room_before.max(1024));
        }
    })
}

fn inflate(stream: &[u8], length: usize, out: &mut Vec<u8>) {
    let end = out.len() + length;
    // A little more than the text, so that the closing empty block is read too.
    out.reserve(length + 16);
    UNPACKER.with_borrow_mut(|unpacker| {
        unpacker.reset(false);
        while out.len() < end {
            let (read, written) = (unpacker.total_in(), unpacker.total_out());
            let rest = stream.get(usize::try_from(read).unwrap_or(usize::MAX)..).unwrap_or_default();
            let outcome = unpacker.decompress_vec(rest, out, FlushDecompress::Sync);
            let stuck = unpacker.total_in() == read && unpacker.total_out() == written;
            if outcome.is_err() || stuck {
                return;
            }
        }
    });
}

/// A response under construction, plain or as gzip.
pub(super) struct Page {
    out: Vec<u8>,
    gzip: Option<Gzip>,
    length: usize,
}

/// What a gzip page needs besides its bytes: text not yet written and the checksum so far.
struct Gzip {
    pending: Vec<u8>,
    text: Crc,
}

impl Page {
    /// An empty page.
    pub(super) fn new(gzip: bool) -> Self {
        let mut out = Vec::with_capacity(4096);
        if gzip {
            out.extend_from_slice(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
        }
        Self { out, gzip: gzip.then(|| Gzip { pending: Vec::new(), text: Crc::new() }), length: 0 }
    }

    /// Appends text.
    pub(super) fn text(&mut self, text: &str) {
        self.plain(text.as_bytes());
    }

    /// Appends bytes of text.
    pub(super) fn plain(&mut self, text: &[u8]) {
        self.length += text.len();
        match &mut self.gzip {
            None => self.out.extend_from_slice(text),
            Some(gzip) => gzip.pending.extend_from_slice(text),
        }
    }

    /// Appends a rendered body.
    pub(super) fn body(&mut self, body: &Body) {
        match (body, &mut self.gzip) {
            (Body::Packed(packed), Some(gzip)) => {
                gzip.flush(&mut self.out);
                self.out.extend_from_slice(&packed.bytes);
                gzip.text.combine(&packed.text);
                self.length += packed.text.amount() as usize;
            }
            (Body::Plain(text), _) => self.plain(text),
            (Body::Packed(_), None) => {
                body.write(&mut self.out);
                self.length += body.text_length();
            }
        }
    }

    /// Length of the text so far, before any compression.
    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// The bytes to send.
    pub(super) fn finish(mut self) -> Bytes {
        if let Some(gzip) = &mut self.gzip {
            gzip.flush(&mut self.out);
            // An empty stored block that is marked as the last one.
            self.out.extend_from_slice(&[1, 0, 0, 0xff, 0xff]);
            self.out.extend_from_slice(&gzip.text.sum().to_le_bytes());
            self.out.extend_from_slice(&gzip.text.amount().to_le_bytes());
        }
        Bytes::from(self.out)
    }
}

impl Gzip {
    fn flush(&mut self, out: &mut Vec<u8>) {
        if self.pending.is_empty() {
            return;
        }
        self.text.update(&self.pending);
        if self.pending.len() >= WORTH_PACKING {
            out.extend_from_slice(&deflate(&self.pending));
        } else {
            for block in self.pending.chunks(STORED_BLOCK) {
                let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
                out.push(0);
                out.extend_from_slice(&length.to_le_bytes());
                out.extend_from_slice(&(!length).to_le_bytes());
                out.extend_from_slice(block);
            }
        }
        self.pending.clear();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

    use std::io::Read;

    use super::*;

    fn texts() -> Vec<Vec<u8>> {
        let noise: Vec<u8> =
            (0_u64..300_000).map(|place| (super::super::order::scramble(place) & 0xff) as u8).collect();
        vec![
            b"short".to_vec(),
            "\"name\":\"long\",".repeat(400).into_bytes(),
            noise,
            Vec::new(),
            "é漢".repeat(2000).into_bytes(),
        ]
    }

    #[test]
    fn a_body_gives_back_its_text() {
        for text in texts() {
            let body = Body::new(&text);
            let mut out = b"before".to_vec();
            body.write(&mut out);
            assert_eq!(&out[6..], text.as_slice());
            assert_eq!(body.text_length(), text.len());
        }
    }

    #[test]
    fn a_gzip_page_is_one_valid_stream_with_the_same_text_as_the_plain_page() {
        let (mut plain, mut gzip) = (Page::new(false), Page::new(true));
        for page in [&mut plain, &mut gzip] {
            page.text("[");
            for text in texts() {
                page.body(&Body::new(&text));
                page.text(",");
                page.plain(&text);
            }
            page.text("]");
        }
        assert_eq!(plain.length(), gzip.length());
        let mut read = Vec::new();
        flate2::read::GzDecoder::new(gzip.finish().as_ref()).read_to_end(&mut read).unwrap();
        assert_eq!(read, plain.finish());
    }
}
