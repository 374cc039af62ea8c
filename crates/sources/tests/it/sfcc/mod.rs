//! The SFCC source: archives that are read, and the source against its emulator.

mod archive;
mod conforms;
mod deltas;
mod hostile;
mod instance;
mod route;
mod routes;
mod samples;

use std::{io::Write as _, path::Path};

use contract::{Change, source::Unread};
use model::{Kind, Record, RecordId};
use serde_json::{Value, json};
use sources::sfcc::{
    Config, Secrets, Sfcc,
    archive::Bounds,
    contents::{Contents, Part},
    map::{self, Mapped, Settings, Shop, SiteSettings},
    unpack::unpack,
};
use tempfile::TempDir;
use zip::{ZipWriter, write::SimpleFileOptions};

/// The source by exports from this host, with these settings besides.
#[expect(clippy::needless_pass_by_value, reason = "settings are written where they are passed")]
pub(crate) fn source(host: &str, settings: Value, folder: &Path) -> Sfcc {
    let mut all = json!({
        "host": "instance.example", "api_url": host, "token_url": format!("{host}/token"),
        "client_id": "env:ID", "client_secret": "env:SECRET", "retry_wait_milliseconds": 1, "attempts": 3,
    });
    all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    let config: Config = serde_json::from_value(all).unwrap();
    config.check().unwrap();
    let secrets = Secrets { client_id: "id".to_owned().into(), client_secret: "very-secret".to_owned().into() };
    Sfcc::new(config, &secrets, &wire::Environment::machine(), folder).unwrap()
}

/// Settings with one site that shows one catalogue, these books and one list.
fn settings(site: &str, catalog: &str, books: &[&str], list: &str) -> Settings {
    let books = books.iter().map(|id| (*id).to_owned()).collect();
    let of_site = SiteSettings {
        catalog: Some(catalog.to_owned()),
        price_books: Some(books),
        inventory_list: Some(list.to_owned()),
        list_price_books: None,
    };
    Settings {
        image_views: vec!["large".to_owned()],
        image_url: "https://shop.example/static/{catalog}/{path}".to_owned(),
        sites: [(site.to_owned(), of_site)].into(),
        list_price_books: Vec::new(),
    }
}

/// An archive of these files, taken apart.
struct Unpacked {
    contents: Contents,
    shop: Shop,
    _folder: TempDir,
}

fn zipped(path: &Path, files: &[(&str, &str)]) {
    let mut zip = ZipWriter::new(std::fs::File::create(path).unwrap());
    for (name, content) in files {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
    }
    zip.finish().unwrap();
}

fn unpacked(files: &[(&str, &str)], settings: &Settings) -> Unpacked {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("export.zip");
    zipped(&archive, files);
    let contents = unpack(&archive, Bounds::bytes(1 << 30), folder.path()).unwrap();
    let kept = Contents::open(folder.path()).expect("what was unpacked is found again");
    assert_eq!(kept.facts, contents.facts);
    let shop = Shop::new(contents.facts.clone(), settings);
    Unpacked { contents: kept, shop, _folder: folder }
}

impl Unpacked {
    /// All that it gives, in the order in which lanes are read.
    fn all(&self) -> Mapped {
        let mut all = map::site::page(&self.shop);
        let mut add = |more: Mapped| {
            all.changes.extend(more.changes);
            all.unread.extend(more.unread);
        };
        add(map::site::lists(&self.shop));
        add(map::site::trees(&self.shop));
        add(map::site::books(&self.shop));
        for part in [Part::Categories, Part::Assignments, Part::Prices, Part::Inventory, Part::Products] {
            for page in 0..self.contents.pages(part) {
                let each = &mut |rows| {
                    add(match part {
                        Part::Categories => map::category::categories(&self.shop, rows),
                        Part::Assignments => map::category::assignments(rows),
                        Part::Prices => map::price::page(&self.shop, rows),
                        Part::Inventory => map::stock::page(rows),
                        Part::Products => map::product::page(&self.shop, rows),
                    });
                    Ok(())
                };
                self.contents.each(part, page, each).unwrap();
            }
        }
        all
    }
}

/// The records, sorted, and what is gone.
fn records(mapped: Mapped) -> (Vec<Record>, Vec<(Kind, RecordId)>, Vec<Unread>) {
    let (mut records, mut gone) = (Vec::new(), Vec::new());
    for change in mapped.changes {
        match change {
            Change::Is { record, version: 0, modified_at: None } => records.push(record),
            Change::Is { .. } => panic!("an export has no versions"),
            Change::Gone { kind, id, version } => {
                assert_eq!(version, None);
                gone.push((kind, id));
            }
        }
    }
    records.sort_by_key(|record| (record.kind(), record.id()));
    gone.sort();
    (records, gone, mapped.unread)
}
