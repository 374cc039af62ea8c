//! Real data sets as catalogues.
//!
//! [`load()`] recognizes a data set by the files in its folder:
//!
//! | Data set | Recognized by | Loader |
//! |---|---|---|
//! | Luma sample shop (Magento) | `configurable/products.csv` | [`luma`] |
//! | Sunrise sample shop (commercetools) | `categories.csv` and `product-type.json` | [`sunrise`] |
//! | Commerce Layer demo store | `products.json`, `prices.json` and `taxons.json` | [`demo_store`] |
//! | Best Buy category tree | `categories.json` | [`best_buy`] |
//!
//! **Invariants:** a file of another form ends the loading with a [`LoadError`]; a row or a cell that can't be used is
//! left out and listed in [`Loaded::skipped`], never silently. No input makes a loader panic. Categories come parents
//! first, without cycles, and every key that a product names (category, channel, customer group) exists. Keys, SKUs
//! and, in each locale, slugs are unique.

pub mod best_buy;
pub mod demo_store;
mod json;
pub mod luma;
mod slugs;
pub mod sunrise;
mod table;
mod tree;

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{Catalogue, Head, Market, Product};

/// Largest file that is read: no file of a sample shop is larger.
const MOST_BYTES: u64 = 256 * 1024 * 1024;

/// A data set that was read.
#[derive(Debug)]
pub struct Loaded {
    /// The catalogue.
    pub catalogue: Catalogue,
    /// The data set that was recognized.
    pub data_set: DataSet,
    /// The markets it can be sold in. Empty if it has nothing to sell.
    pub markets: Vec<Market>,
    /// Rows and cells that were left out, in the order of the files.
    pub skipped: Vec<Skipped>,
}

/// The data sets that are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataSet {
    /// See [`luma`].
    Luma,
    /// See [`sunrise`].
    Sunrise,
    /// See [`demo_store`].
    DemoStore,
    /// See [`best_buy`].
    BestBuy,
}

/// A row or a cell that was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// File it is in.
    pub file: PathBuf,
    /// Line its row begins on, the first is 1.
    pub line: u64,
    /// The mistake, and what was left out because of it.
    pub why: String,
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file.display(), self.line, self.why)
    }
}

/// A data set that can't be read.
#[derive(Debug, PartialEq, Eq)]
pub struct LoadError {
    /// The file, or the folder that isn't a data set.
    pub file: PathBuf,
    /// Line in the file, the first is 1.
    pub line: Option<u64>,
    /// Column in the line: its number, or its name in a table.
    pub column: Option<String>,
    /// What is wrong.
    pub why: String,
    /// What to do about it.
    pub hint: String,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        if let Some(column) = &self.column {
            write!(f, ", column {column}")?;
        }
        write!(f, ": {} ({})", self.why, self.hint)
    }
}

impl std::error::Error for LoadError {}

impl LoadError {
    fn new(file: &Path, why: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line: None, column: None, why: why.into(), hint: hint.into() }
    }
}

/// Reads the data set in a folder.
///
/// # Errors
/// If the folder isn't one of the known data sets, or one of its files can't be read as what it is.
pub fn load(folder: &Path) -> Result<Loaded, LoadError> {
    let has = |names: &[&str]| names.iter().all(|name| folder.join(name).is_file());
    if has(&["configurable/products.csv"]) {
        luma::load(folder)
    } else if has(&["categories.csv", "product-type.json"]) {
        sunrise::load(folder)
    } else if has(&["products.json", "prices.json", "taxons.json"]) {
        demo_store::load(folder)
    } else if has(&["categories.json"]) {
        best_buy::load(folder)
    } else {
        Err(unknown(folder))
    }
}

fn unknown(folder: &Path) -> LoadError {
    if !folder.is_dir() {
        return LoadError::new(folder, "there is no such folder", "name the folder of a data set");
    }
    let hint = "expected configurable/products.csv, or categories.csv with product-type.json, or products.json with \
                prices.json and taxons.json, or categories.json";
    let inside = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut sets: Vec<_> = inside
        .filter(|path| {
            ["configurable/products.csv", "categories.csv", "taxons.json", "categories.json"]
                .iter()
                .any(|name| path.join(name).is_file())
        })
        .filter_map(|path| path.file_name().map(|name| name.to_string_lossy().into_owned()))
        .collect();
    sets.sort();
    let hint = if sets.is_empty() { hint.to_owned() } else { format!("name one of its folders: {}", sets.join(", ")) };
    LoadError::new(folder, "the folder isn't a data set that is known", hint)
}

/// The bytes of a file, without a byte order mark.
fn read(file: &Path) -> Result<Vec<u8>, LoadError> {
    let refuse = |why: String| LoadError::new(file, why, "see that the file is complete and may be read");
    let size = fs::metadata(file).map_err(|error| refuse(error.to_string()))?.len();
    if size > MOST_BYTES {
        return Err(refuse(format!("the file has {size} bytes, more than the {MOST_BYTES} that are read")));
    }
    let mut bytes = fs::read(file).map_err(|error| refuse(error.to_string()))?;
    if bytes.starts_with(b"\xEF\xBB\xBF") {
        bytes.drain(..3);
    }
    Ok(bytes)
}

/// The state of a loader.
struct Parts {
    data_set: DataSet,
    head: Head,
    products: Vec<Product>,
    markets: Vec<Market>,
    skipped: Vec<Skipped>,
}

impl Parts {
    fn into_loaded(self) -> Loaded {
        let products: Arc<[Product]> = self.products.into();
        let catalogue = Catalogue {
            head: self.head,
            product_count: products.len(),
            products: Box::new(move || {
                let products = Arc::clone(&products);
                Box::new((0..products.len()).filter_map(move |index| products.get(index).cloned()))
            }),
        };
        Loaded { catalogue, data_set: self.data_set, markets: self.markets, skipped: self.skipped }
    }
}

/// Adds an entry unless it is there already. For short lists.
fn add_once<T: PartialEq>(list: &mut Vec<T>, entry: T) {
    if !list.contains(&entry) {
        list.push(entry);
    }
}

/// The `position`-th of siblings as an order hint: a decimal between 0 and 1 that doesn't end in 0.
fn order_hint(position: usize) -> String {
    format!("0.{position:06}5")
}
