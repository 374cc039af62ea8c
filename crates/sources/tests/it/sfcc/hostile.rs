//! Archives that were damaged, cut off or made to harm: whatever is in them is read or refused, and what is read of a file
//! that breaks off replaces nothing by less.

use std::{collections::BTreeMap, fs, path::Path, sync::LazyLock};

use contract::Fault;
use model::{Kind, Record, RecordId};
use proptest::{prelude::*, sample::Index, test_runner::RngSeed};
use sources::sfcc::{archive::Bounds, map::Shop, unpack::unpack};

use super::{Unpacked, records, settings, unpacked, zipped};

/// What an archive may hold here.
const BOUNDS: Bounds = Bounds::bytes(4 << 20);

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(20_261_130),
        ..ProptestConfig::default()
    }
}

/// Files with some of everything, in which products, prices and assignments refer to each other.
static FILES: LazyLock<Vec<(&str, String)>> = LazyLock::new(|| {
    let [mut catalog, mut assigned, mut list, mut sale, mut stock] = [const { Vec::<String>::new() }; 5];
    for n in 0..24 {
        let name = format!("<display-name xml:lang='x-default'>Thing {n} &amp; &#55357;&#56832;</display-name>");
        catalog.push(match n % 4 {
            0 => format!(
                "<product product-id='m{n}'>{name}<online-flag>true</online-flag><variations><variants><variant product-id='p{}'/>\
                 <variant product-id='p{}' default='true'/></variants></variations></product>",
                n + 1,
                n + 2
            ),
            3 => format!(
                "<product product-id='p{n}'>{name}<custom-attributes><custom-attribute attribute-id='a'>\
                          <value>1</value><value><![CDATA[2<]]></value></custom-attribute></custom-attributes></product>"
            ),
            _ => format!("<product product-id='p{n}'><ean>{n}</ean></product>"),
        });
        assigned.push(match n % 4 {
            0 => format!("<category-assignment category-id='k' product-id='p{}'/>", n + 1),
            3 => format!(
                "<category-assignment category-id='k' product-id='p{n}'><position>top</position></category-assignment>"
            ),
            2 => format!("<category-assignment category-id='k' product-id='p{n}'/>"),
            _ => String::new(),
        });
        list.push(format!("<price-table product-id='p{n}'><amount quantity='1'>{n}.50</amount></price-table>"));
        sale.push(format!("<price-table product-id='p{n}'><percentage quantity='1'>10</percentage></price-table>"));
        stock.push(format!("<record product-id='p{n}'><allocation>{n}</allocation><ats>{n}.0</ats></record>"));
    }
    let space = |of: &str| format!("xmlns='http://www.demandware.com/xml/impex/{of}'");
    let book = |id: &str, parent: &str, tables: &str| {
        format!(
            "<pricebooks {}><pricebook><header pricebook-id='{id}'><currency>EUR</currency>{parent}</header><price-tables>{tables}\
             </price-tables></pricebook></pricebooks>",
            space("pricebook/2006-10-31")
        )
    };
    let [catalog, assigned, list, sale, stock] = [catalog, assigned, list, sale, stock].map(|all| all.concat());
    vec![
        ("x/catalog.xml", format!("<catalog {} catalog-id='c'>{catalog}</catalog>", space("catalog/2006-10-31"))),
        (
            "x/shown.xml",
            format!(
                "<catalog {} catalog-id='d'><category category-id='k'><online-flag>true</online-flag></category>{assigned}</catalog>",
                space("catalog/2006-10-31")
            ),
        ),
        ("x/list.xml", book("list", "", &list)),
        ("x/sale.xml", book("sale", "<parent>list</parent>", &sale)),
        (
            "x/stock.xml",
            format!(
                "<inventory {}><inventory-list><header list-id='i'><default-instock>false</default-instock></header>\
                 <records>{stock}</records></inventory-list></inventory>",
                space("inventory/2007-05-31")
            ),
        ),
    ]
});

fn sold() -> sources::sfcc::map::Settings {
    settings("s", "d", &["sale", "list"], "i")
}

fn named<'f>(files: &'f [(&'static str, String)]) -> Vec<(&'static str, &'f str)> {
    files.iter().map(|(name, text)| (*name, text.as_str())).collect()
}

/// Reads an archive to its last record, and looks whether it wrote where it must not.
fn read(archive: &Path) -> Result<(), Fault> {
    let folder = tempfile::tempdir().unwrap();
    let rows = folder.path().join("outer").join("rows");
    fs::create_dir_all(&rows).unwrap();
    let unpacking = unpack(archive, BOUNDS, &rows);
    let mut size = 0;
    for (folder, known) in [
        (rows.as_path(), &["assignments", "categories", "contents-3", "inventory", "met", "prices", "products"][..]),
        (rows.parent().unwrap(), &["rows"]),
        (folder.path(), &["outer"]),
    ] {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name();
            assert!(known.contains(&name.to_str().unwrap()), "it wrote {}", name.display());
            size += entry.metadata().unwrap().len();
        }
    }
    assert!(size < 3 * BOUNDS.bytes, "{size} bytes were written");
    let contents = unpacking?;
    let shop = Shop::new(contents.facts.clone(), &sold());
    let unpacked = Unpacked { contents, shop, _folder: folder };
    drop(unpacked.all());
    Ok(())
}

fn written(bytes: &[u8]) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), bytes).unwrap();
    file
}

/// An archive of these files.
fn packed(files: &[(&str, &str)]) -> Vec<u8> {
    let file = tempfile::NamedTempFile::new().unwrap();
    zipped(file.path(), files);
    fs::read(file.path()).unwrap()
}

fn is_refusal(fault: &Fault) {
    assert_eq!(fault.code, "C0220", "{fault}");
}

/// From a place on, so many bytes are replaced by others.
type Splice = (Index, usize, Vec<u8>);

fn splices(put: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = Vec<Splice>> {
    let less = prop_oneof![4 => 0..6_usize, 1 => 0..4_000_usize];
    prop::collection::vec((any::<Index>(), less, put), 1..5)
}

fn spliced(bytes: &mut Vec<u8>, splices: &[Splice]) {
    for (at, less, put) in splices {
        let from = at.index(bytes.len() + 1);
        let to = (from + less).min(bytes.len());
        bytes.splice(from..to, put.iter().copied());
    }
}

/// What may harm a reader of XML.
fn words() -> impl Strategy<Value = Vec<u8>> {
    const WORDS: [&str; 24] = [
        "<",
        "</product>",
        "</catalog>",
        "<product product-id='p1'>",
        "<product product-id='m0' mode='delete'/>",
        "<variations><variants><variant product-id='m0'/><variant product-id='p3'/></variants></variations>",
        "<![CDATA[",
        "]]>",
        "<!--",
        "-->",
        "<!DOCTYPE a [<!ENTITY b 'c'>]>",
        "&b;",
        "&#55357;",
        "&#x110000;",
        "&#0;",
        "<?xml version='1.0' encoding='utf-16'?>",
        "'",
        "\"",
        " mode='delete-all'",
        "<parent>sale</parent>",
        "<online-from>2026-13-41T99:00:00Z</online-from>",
        "<amount quantity='-1'>99999999999999999999.999999999999</amount>",
        "\u{fffe}",
        "-9223372036854775808",
    ];
    prop_oneof![
        6 => prop::sample::select(&WORDS[..]).prop_map(|word| word.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..8),
        1 => (1..60_usize).prop_map(|deep| "<a>".repeat(deep).into_bytes()),
    ]
}

proptest! {
    #![proptest_config(config(100))]

    #[test]
    fn an_archive_whose_bytes_are_altered_is_read_or_refused(
        splices in splices(prop::collection::vec(any::<u8>(), 0..8)), cut in prop::option::weighted(0.2, any::<Index>()),
    ) {
        static WHOLE: LazyLock<Vec<u8>> = LazyLock::new(|| packed(&named(&FILES)));
        let mut bytes = WHOLE.clone();
        spliced(&mut bytes, &splices);
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len() + 1));
        }
        if let Err(fault) = read(written(&bytes).path()) {
            is_refusal(&fault);
        }
    }

    #[test]
    fn a_file_whose_text_is_altered_is_read(which: Index, splices in splices(words())) {
        let mut files = FILES.clone();
        let at = which.index(files.len());
        let mut text = std::mem::take(&mut files[at].1).into_bytes();
        spliced(&mut text, &splices);
        files[at].1 = String::from_utf8_lossy(&text).into_owned();
        // What no XML is breaks a file off, and no archive.
        prop_assert_eq!(read(written(&packed(&named(&files))).path()), Ok(()));
    }

    #[test]
    fn a_file_that_breaks_off_replaces_nothing_by_less(which: Index, share in 0.0..1.0_f64) {
        static WHOLE: LazyLock<BTreeMap<(Kind, RecordId), Record>> = LazyLock::new(|| {
            let (found, gone, unread) = records(unpacked(&named(&FILES), &sold()).all());
            assert!(gone.is_empty() && unread.is_empty() && found.len() > 100, "{gone:?} {unread:?} {}", found.len());
            found.into_iter().map(|record| ((record.kind(), record.id()), record)).collect()
        });
        let mut files = FILES.clone();
        let at = which.index(files.len());
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a share")]
        let length = (files[at].1.len() as f64 * share) as usize;
        let begins = files[at].1.find('>').unwrap() + 1;
        let text: String = files[at].1.chars().take(length.max(begins)).collect();
        files[at].1 = text;
        let (found, gone, unread) = records(unpacked(&named(&files), &sold()).all());
        prop_assert!(gone.is_empty());
        let found: BTreeMap<_, _> = found.into_iter().map(|record| ((record.kind(), record.id()), record)).collect();
        for (key, record) in WHOLE.iter() {
            let (kind, id) = key;
            let is_kept = unread.iter().any(|it| it.kind == *kind && it.id.as_ref().is_none_or(|it| it == id));
            match found.get(key) {
                Some(now) => prop_assert!(now == record, "{kind} {id} is {now:?}, not {record:?}"),
                None => prop_assert!(is_kept, "{kind} {id} is missing, and nothing says so"),
            }
        }
    }
}

/// Sets 4 bytes at `offset` in each row of the central directory: the unpacked size is at 24, the place of the content at 42.
fn announced(archive: &mut [u8], offset: usize, number: u32) {
    let rows: Vec<usize> = (0..archive.len() - 4).filter(|at| archive[*at..].starts_with(b"PK\x01\x02")).collect();
    assert!(!rows.is_empty());
    for at in rows {
        archive[at + offset..at + offset + 4].copy_from_slice(&number.to_le_bytes());
    }
}

#[test]
fn an_archive_that_announces_other_sizes_than_it_has_is_refused() {
    let text = format!(
        "<catalog xmlns='http://www.demandware.com/xml/impex/catalog/2006-10-31'>{}</catalog>",
        " ".repeat(90_000)
    );
    for size in [0, 10, 89_999, 200_000, 1 << 30, u32::MAX] {
        let mut bytes = packed(&[("a.xml", &text)]);
        announced(&mut bytes, 24, size);
        let fault = read(written(&bytes).path()).expect_err("it is not what it says");
        is_refusal(&fault);
    }
    read(written(&packed(&[("a.xml", &text)])).path()).unwrap();
}

#[test]
fn files_that_lie_in_each_other_can_t_become_more_than_the_bound() {
    // Each row of the directory names the same content.
    let text = " ".repeat(900_000);
    let names: Vec<String> = (0..40).map(|n| format!("{n:02}.xml")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), text.as_str())).collect();
    let mut bytes = packed(&files);
    announced(&mut bytes, 42, 0);
    is_refusal(&read(written(&bytes).path()).expect_err("it holds 36 MB"));
}

#[test]
fn a_text_that_is_another_than_was_packed_is_refused_though_it_is_xml() {
    let text = "<catalog xmlns='http://www.demandware.com/xml/impex/catalog/2006-10-31' catalog-id='c'><product product-id='p'/>\
                </catalog>";
    let mut bytes = Vec::new();
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(&mut bytes));
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    zip.start_file("a.xml", stored).unwrap();
    std::io::Write::write_all(&mut zip, text.as_bytes()).unwrap();
    zip.finish().unwrap();
    read(written(&bytes).path()).unwrap();
    let at = bytes.windows(3).position(|it| it == b"'p'").unwrap();
    bytes[at + 1] = b'q';
    is_refusal(&read(written(&bytes).path()).expect_err("it is another product"));
}

#[test]
fn what_is_packed_once_more_is_not_unpacked() {
    let inner = packed(&named(&FILES));
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut zip = zip::ZipWriter::new(fs::File::create(file.path()).unwrap());
    for name in ["inner.zip", "inner.xml", "deep/inner.xml"] {
        zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        std::io::Write::write_all(&mut zip, &inner).unwrap();
    }
    zip.finish().unwrap();
    read(file.path()).unwrap();
}
