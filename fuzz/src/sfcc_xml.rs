//! Any text is read element by element to its end or to where it is no XML; no element is larger than the bound.

use std::io::BufReader;

use sources::sfcc::xml::{Bounds, Element, Piece, Reader};

const BOUNDS: Bounds = Bounds { element: 4_000, piece: 2_000 };
const BUFFER: usize = 256;

/// Bytes of an element, with all that is in it.
fn size(element: &Element) -> usize {
    let attributes: usize = element.attributes.iter().map(|(name, value)| name.len() + value.len()).sum();
    element.name.len() + element.text.len() + attributes + element.children.iter().map(size).sum::<usize>()
}

pub fn run(bytes: &[u8]) {
    let file = BufReader::with_capacity(BUFFER, bytes);
    let Ok(mut reader) = Reader::new(file, BOUNDS) else { return };
    reader.descend(&["pricebook", "price-tables"]);
    while let Ok(Some(piece)) = reader.piece() {
        match piece {
            Piece::Begins(_) => {}
            // The last piece of an element may go beyond its bound.
            Piece::Is { element, .. } | Piece::Unread(element, _) => {
                assert!(
                    size(&element)
                        <= BOUNDS.element + usize::try_from(BOUNDS.piece).unwrap_or(usize::MAX / 4) + 2 * BUFFER
                );
            }
        }
    }
}
