//! A site archive of SFCC as the floor of benchmarks takes it: received into a file, and each document of XML in it unpacked
//! and parsed to its end. Nothing of it is kept.
//!
//! **Invariant:** this file does not follow the connector, for the reason that `commercetools.rs` gives.

use std::{
    fs::File,
    hint::black_box,
    io::{BufRead, BufReader},
    path::Path,
};

use anyhow::{Context as _, ensure};
use quick_xml::{Reader, events::Event};
use store::Scratch;
use wire::{Client, Progress, Request};
use zip::ZipArchive;

/// How much of a document is unpacked at once.
const PIECE: usize = 64 << 10;

/// Receives and parses an archive; returns the number of elements that are about a product.
pub(super) async fn receive_and_parse(client: &Client, request: Request) -> anyhow::Result<usize> {
    let folder = Scratch::new()?;
    let path = folder.path().join("archive.zip");
    let mut file = File::options().create_new(true).read(true).write(true).open(&path)?;
    let received = client.download(request, &mut file, &mut Progress::default(), u64::MAX).await;
    let response = received.map_err(|broken| broken.fault)?;
    ensure!(response.is_success(), "the archive was answered with {}", response.status);
    tokio::task::spawn_blocking(move || parse(&file)).await.context("the archive was not parsed")?
}

fn parse(file: &File) -> anyhow::Result<usize> {
    let mut archive = ZipArchive::new(BufReader::new(file)).context("it is no archive")?;
    let mut records = 0;
    for index in 0..archive.len() {
        let member = archive.by_index(index)?;
        let name = member.name()?.into_owned();
        if Path::new(&name).extension().is_some_and(|it| it.eq_ignore_ascii_case("xml")) {
            let document = BufReader::with_capacity(PIECE, member);
            records += elements(document).with_context(|| format!("{name} can't be parsed"))?;
        }
    }
    Ok(records)
}

/// Parses all names, attributes and texts of a document; returns the number of elements that are about a product.
fn elements(document: impl BufRead) -> anyhow::Result<usize> {
    let mut reader = Reader::from_reader(document);
    let (mut buffer, mut records) = (Vec::new(), 0);
    loop {
        buffer.clear();
        match reader.read_event_into(&mut buffer)? {
            Event::Start(tag) | Event::Empty(tag) => {
                black_box(tag.local_name());
                for attribute in tag.attributes() {
                    let attribute = attribute?;
                    records += usize::from(attribute.key.local_name().as_ref() == "product-id");
                    black_box(attribute.normalized_value(quick_xml::XmlVersion::default())?);
                }
            }
            Event::Text(text) => drop(black_box(text.xml10_content())),
            Event::CData(text) => drop(black_box(text.xml10_content())),
            Event::GeneralRef(name) => drop(black_box(name.resolve_char_ref()?)),
            Event::Eof => return Ok(records),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Seek as _, Write as _};

    use zip::{ZipWriter, write::SimpleFileOptions};

    use super::*;

    /// An archive with these files.
    fn archive(files: &[(&str, &str)]) -> File {
        let folder = Scratch::new().unwrap();
        let path = folder.path().join("archive.zip");
        let file = File::options().create_new(true).read(true).write(true).open(path).unwrap();
        let mut zip = ZipWriter::new(file);
        for (name, content) in files {
            zip.start_file(*name, SimpleFileOptions::default()).unwrap();
            zip.write_all(content.as_bytes()).unwrap();
        }
        let mut file = zip.finish().unwrap();
        file.rewind().unwrap();
        file
    }

    #[test]
    fn all_documents_of_an_archive_are_parsed_to_their_ends() {
        let book = r#"<pricebooks><price-table product-id="a &amp; b"/><price-table product-id="c">&lt;</price-table></pricebooks>"#;
        let list = r#"<inventory><record product-id="a"/></inventory>"#;
        let files = [("x/version.txt", "<"), ("x/book.xml", book), ("x/list.xml", list)];
        assert_eq!(parse(&archive(&files)).unwrap(), 3);
        assert!(parse(&archive(&[("x/book.xml", "<pricebooks><price-table></pricebooks>")])).is_err(), "it is cut off");
    }
}
