//! Archives of our own: what the samples lack, and what can be wrong with a file.
#![expect(clippy::format_collect, reason = "small fixtures")]

use model::{Kind, Money, Record, Value};

use super::{records, settings, unpacked};

const CATALOG: &str = "http://www.demandware.com/xml/impex/catalog/2006-10-31";
const BOOKS: &str = "http://www.demandware.com/xml/impex/pricebook/2006-10-31";
const LISTS: &str = "http://www.demandware.com/xml/impex/inventory/2007-05-31";

fn catalog(inner: &str) -> String {
    format!("<catalog xmlns='{CATALOG}' catalog-id='c'>{inner}</catalog>")
}

fn book(id: &str, header: &str, tables: &str) -> String {
    format!(
        "<pricebooks xmlns='{BOOKS}'><pricebook><header pricebook-id='{id}'><currency>EUR</currency>{header}</header>\
         <price-tables>{tables}</price-tables></pricebook></pricebooks>"
    )
}

fn read(files: &[(&str, &str)]) -> (Vec<Record>, Vec<contract::source::Unread>) {
    let settings = settings("s", "c", &["sale", "list"], "i");
    let (found, _, unread) = records(unpacked(files, &settings).all());
    (found, unread)
}

fn products(found: &[Record]) -> Vec<&model::Product> {
    found.iter().filter_map(|it| if let Record::Product(product) = it { Some(&**product) } else { None }).collect()
}

/// Ids of products, each with those of its variants.
fn families(found: &[Record]) -> Vec<(String, Vec<String>)> {
    let variants = |it: &model::Product| it.variants.iter().map(|it| it.id.to_string()).collect();
    products(found).into_iter().map(|it| (it.id.to_string(), variants(it))).collect()
}

fn master(id: &str, variants: &[&str], more: &str) -> String {
    let variants: String = variants.iter().map(|id| format!("<variant product-id='{id}'/>")).collect();
    format!("<product product-id='{id}'>{more}<variations><variants>{variants}</variants></variations></product>")
}

#[test]
fn variants_find_their_master_wherever_they_are() {
    let variants: Vec<String> = (0..3_000).map(|n| format!("<product product-id='v{n}'/>")).collect();
    let masters: String = (0..1_000)
        .map(|n| master(&format!("m{n}"), &[&format!("v{}", 3 * n + 1), &format!("v{}", 3 * n), "none"], ""))
        .collect();
    let (first, last) = variants.split_at(1_500);
    // Much of each page is other text, so that there are several pages.
    let filler =
        format!("<product product-id='x'><long-description>{}</long-description></product>", "x".repeat(3 << 20));
    let file = catalog(&format!("{}{masters}{filler}{}", first.concat(), last.concat()));
    let (found, unread) = read(&[("catalog.xml", &file)]);
    assert!(unread.is_empty());
    let families = families(&found);
    // A third of the variants belongs to no master.
    assert_eq!(families.len(), 1_000 + 1_000 + 1);
    for (id, variants) in &families {
        match id.strip_prefix('m').map(|n| n.parse::<usize>().unwrap()) {
            Some(n) => assert_eq!(*variants, [format!("v{}", 3 * n + 1), format!("v{}", 3 * n)]),
            None => assert_eq!(variants.as_slice(), std::slice::from_ref(id)),
        }
    }
    let first = products(&found).into_iter().find(|it| it.id.as_str() == "m0").unwrap();
    assert!(first.notices.iter().any(|it| it.what.contains("none") && it.what.contains("does not exist")));
}

#[test]
fn a_default_variant_is_the_first_and_groups_are_no_products() {
    let file = catalog(
        "<product product-id='m'><variations><variants><variant product-id='a'/><variant product-id='b' default='true'/>\
         </variants><variation-groups><variation-group product-id='g'/></variation-groups></variations></product>\
         <product product-id='a'/><product product-id='b'/><product product-id='g'/>\
         <category-assignment category-id='k' product-id='a'/><category-assignment category-id='l' product-id='g'/>",
    );
    let (found, _) = read(&[("catalog.xml", &file)]);
    assert_eq!(families(&found), [("m".to_owned(), vec!["b".to_owned(), "a".to_owned()])]);
    let placed: Vec<String> =
        found.iter().filter(|it| it.kind() == Kind::Placement).map(|it| it.id().to_string()).collect();
    assert_eq!(placed, ["c/k/m", "c/l/m"]);
}

#[test]
fn a_variant_that_is_assigned_alone_is_sold_alone() {
    let file = |more: &str| {
        let master = master("m", &["a", "b"], "");
        let more = format!("{master}<category-assignment category-id='k' product-id='a'/>{more}");
        catalog(&more)
    };
    let members = |file: String| {
        let (found, _) = read(&[("catalog.xml", &file)]);
        let all = found.iter().filter_map(|it| if let Record::Assignment(it) = it { Some(&it.members) } else { None });
        format!("{:?}", all.collect::<Vec<_>>())
    };
    assert_eq!(members(file("")), "[Only([\"a\"])]");
    assert_eq!(members(file("<category-assignment category-id='l' product-id='m'/>")), "[All]");
}

#[test]
fn images_of_a_variant_are_those_of_the_group_that_fits_best() {
    let groups = "<images>\
        <image-group view-type='large'><image path='all.jpg'/></image-group>\
        <image-group view-type='large'><variation attribute-id='color' value='RED'/><image path='red.jpg'/></image-group>\
        <image-group view-type='large'><variation attribute-id='color' value='RED'/>\
          <variation attribute-id='size' value='1'/><image path='red 1.jpg'/></image-group>\
        <image-group view-type='small'><image path='small.jpg'/></image-group></images>";
    let of = |id: &str, color: &str, size: &str, more: &str| {
        format!(
            "<product product-id='{id}'>{more}<custom-attributes><custom-attribute attribute-id='color'>{color}\
             </custom-attribute><custom-attribute attribute-id='size'>{size}</custom-attribute></custom-attributes></product>"
        )
    };
    let own = "<images><image-group view-type='large'><image path='own.jpg'/></image-group></images>";
    let file = catalog(&format!(
        "<header><image-settings><external-location><http-url>http://i.example/x/</http-url></external-location>\
         </image-settings></header><product product-id='m'>{groups}<variations><attributes>\
         <variation-attribute attribute-id='color' variation-attribute-id='color'/>\
         <variation-attribute attribute-id='size' variation-attribute-id='size'/></attributes><variants>\
         <variant product-id='a'/><variant product-id='b'/><variant product-id='c'/><variant product-id='d'/></variants>\
         </variations></product>{}{}{}{}",
        of("a", "RED", "1", ""),
        of("b", "RED", "2", ""),
        of("c", "BLUE", "1", ""),
        of("d", "RED", "1", own)
    ));
    let (found, _) = read(&[("catalog.xml", &file)]);
    let images: Vec<&str> = products(&found)[0].variants.iter().map(|it| it.images[0].url.as_str()).collect();
    let url = |name| format!("http://i.example/x/{name}");
    assert_eq!(images, [url("red%201.jpg"), url("red.jpg"), url("all.jpg"), url("own.jpg")]);
}

#[test]
fn custom_attributes_have_the_types_of_the_metadata() {
    let metadata = "<metadata xmlns='http://www.demandware.com/xml/impex/metadata/2006-10-31'>\
        <type-extension type-id='Order'><custom-attribute-definitions><attribute-definition attribute-id='n'>\
        <type>string</type></attribute-definition></custom-attribute-definitions></type-extension>\
        <type-extension type-id='Product'><custom-attribute-definitions>\
        <attribute-definition attribute-id='n'><type>int</type></attribute-definition>\
        <attribute-definition attribute-id='d'><type>double</type></attribute-definition>\
        <attribute-definition attribute-id='b'><type>boolean</type></attribute-definition>\
        <attribute-definition attribute-id='s'><type>set-of-string</type></attribute-definition>\
        <attribute-definition attribute-id='t'><type>string</type><localizable-flag>true</localizable-flag>\
        </attribute-definition>\
        <attribute-definition attribute-id='e'><type>enum-of-string</type><value-definitions><value-definition>\
        <display xml:lang='x-default'>Yes</display><display xml:lang='de'>Ja</display><value>y</value>\
        </value-definition></value-definitions></attribute-definition>\
        </custom-attribute-definitions></type-extension></metadata>";
    let custom: String = [("n", "3"), ("d", "1.5"), ("b", "true"), ("s", "x"), ("t", "T"), ("e", "y"), ("o", "7")]
        .iter()
        .map(|(id, value)| format!("<custom-attribute attribute-id='{id}'>{value}</custom-attribute>"))
        .collect();
    let file = catalog(&format!("<product product-id='p'><custom-attributes>{custom}</custom-attributes></product>"));
    let (found, _) = read(&[("x/meta/system-objecttype-extensions.xml", metadata), ("x/catalog.xml", &file)]);
    let product = products(&found)[0];
    assert_eq!(product.product_type, Some("Product".into()));
    let values: Vec<String> = product.attributes.iter().map(|it| format!("{} {:?}", it.name, it.value)).collect();
    assert_eq!(
        values,
        [
            "n Integer(3)",
            "d Number(1.5)",
            "b Boolean(true)",
            "s Set([Text(\"x\")])",
            "t Localized(Localized([(und, \"T\")]))",
            "e LocalizedEnum { key: \"y\", label: Localized([(de, \"Ja\"), (und, \"Yes\")]) }",
            "o Text(\"7\")",
        ]
    );
    assert!(product.attributes.iter().all(|it| it.value != Value::Text(String::new())));
}

#[test]
fn preferences_say_what_a_site_shows() {
    let preferences = "<preferences xmlns='http://www.demandware.com/xml/impex/preferences/2007-03-31'>\
        <standard-preferences><all-instances>\
        <preference preference-id='SiteCatalog'>c</preference>\
        <preference preference-id='SitePriceBooks'>list:sale</preference>\
        <preference preference-id='SiteInventoryList'>i</preference>\
        <preference preference-id='SiteLocales'>default:de_DE:fr</preference>\
        <preference preference-id='SiteCurrencies'>EUR:USD</preference>\
        </all-instances><staging><preference preference-id='SiteCatalog'>no</preference></staging></standard-preferences>\
        </preferences>";
    let site = "<site xmlns='http://www.demandware.com/xml/impex/site/2007-04-30' site-id='De'><name>Shop</name>\
        <currency>EUR</currency><taxation>gross</taxation></site>";
    let files = [("x/sites/De/preferences.xml", preferences), ("x/sites/De/site.xml", site)];
    let unpacked = unpacked(&files, &sources::sfcc::map::Settings::default());
    let [found] = unpacked.shop.sites.as_slice() else { panic!("{:?}", unpacked.shop.sites) };
    assert_eq!(
        (found.id.as_str(), found.catalog.as_deref(), found.inventory_list.as_deref()),
        ("De", Some("c"), Some("i"))
    );
    assert_eq!(
        (found.price_books.as_slice(), found.tax),
        (&["list".to_owned(), "sale".to_owned()][..], Some(model::TaxMode::Gross))
    );
    assert_eq!((found.locales.len(), found.currencies.len()), (3, 2));
}

/// Window and price of each entry of a book, in milliseconds and cents.
fn prices(found: &[Record], book: &str) -> Vec<(Option<i64>, Option<i64>, i64)> {
    let mut all: Vec<_> = found
        .iter()
        .filter_map(|it| if let Record::Price(it) = it { Some(it) } else { None })
        .filter(|it| it.book.as_ref().unwrap().as_str() == book && it.active)
        .map(|it| {
            let at = |it: Option<model::Timestamp>| it.map(model::Timestamp::millis);
            (at(it.price.window.from), at(it.price.window.until), it.price.value.minor)
        })
        .collect();
    all.sort_unstable();
    all
}

#[test]
fn a_percentage_is_taken_off_whatever_price_the_parent_has_then() {
    let list = book(
        "list",
        "",
        "<price-table product-id='p'><amount>100.00</amount><amount quantity='5'>80.00</amount></price-table>\
         <price-table product-id='p'><online-from>1970-01-01T00:00:10Z</online-from>\
         <online-to>1970-01-01T00:00:20Z</online-to><amount quantity='1'>50.00</amount></price-table>",
    );
    let sale = book(
        "sale",
        "<parent>list</parent>",
        "<price-table product-id='p'><online-to>1970-01-01T00:00:30Z</online-to>\
         <percentage quantity='1'>12.5</percentage><percentage quantity='5'>20</percentage></price-table>\
         <price-table product-id='q'><percentage>20</percentage></price-table>",
    );
    for files in [[("a.xml", &*list), ("b.xml", &*sale)], [("a.xml", &*sale), ("b.xml", &*list)]] {
        let (found, unread) = read(&files);
        assert!(unread.is_empty());
        assert_eq!(
            prices(&found, "sale"),
            [(None, Some(10_000), 8750), (Some(10_000), Some(20_000), 4375), (Some(20_000), Some(30_000), 8750)]
        );
        let tiers: Vec<i64> = found
            .iter()
            .filter_map(|it| if let Record::Price(it) = it { Some(it) } else { None })
            .filter(|it| it.book.as_ref().unwrap().as_str() == "sale")
            .flat_map(|it| &it.price.tiers)
            .map(|tier| tier.value.minor)
            .collect();
        assert_eq!(tiers, [6400, 4000, 6400]);
    }
}

#[test]
fn list_prices_may_be_in_books_that_no_site_sells_from() {
    let files = [("a.xml", &*book("list", "", "")), ("b.xml", &*book("advised", "", ""))];
    let lists = |of_all: &[&str], of_site: Option<&[&str]>| {
        let owned = |books: &[&str]| books.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        let mut settings = settings("s", "c", &["sale", "list"], "i");
        settings.list_price_books = owned(of_all);
        settings.sites.get_mut("s").unwrap().list_price_books = of_site.map(owned);
        let (found, ..) = records(unpacked(&files, &settings).all());
        let books = found.into_iter().filter_map(|it| if let Record::Book(it) = it { Some(it) } else { None });
        let shown = |of: &[model::price::Audience]| of.iter().filter_map(|it| it.store.clone()).count();
        books.map(|it| (it.id.to_string(), shown(&it.assigned), shown(&it.lists))).collect::<Vec<_>>()
    };
    let told = |advised: usize, list: usize| vec![("advised".to_owned(), 0, advised), ("list".to_owned(), 1, list)];
    assert_eq!(lists(&[], None), told(0, 0));
    assert_eq!(lists(&["advised"], None), told(1, 0));
    assert_eq!(lists(&["advised"], Some(&["list"])), told(0, 1));
    assert_eq!(lists(&["advised"], Some(&[])), told(0, 0));
}

#[test]
fn quantities_become_pieces_and_exact_amounts_stay() {
    let tables = "<price-table product-id='p'><amount quantity='1.0'>0.005</amount><amount quantity='2.5'>0.004</amount>\
                  </price-table><price-table product-id='q'><amount quantity='10'>3</amount></price-table>";
    let (found, _) = read(&[("a.xml", &book("list", "", tables))]);
    let all: Vec<_> = found.iter().filter_map(|it| if let Record::Price(it) = it { Some(it) } else { None }).collect();
    assert_eq!(all[0].price.value, Money::of(model::Precise::parse("0.005").unwrap(), "EUR".parse().unwrap()).unwrap());
    assert_eq!(all[0].price.tiers[0].minimum, 3);
    assert!(!all[1].active && all[1].notices[0].what.contains("no price for one piece"));
}

#[test]
fn what_can_be_sold_is_worked_out_where_the_export_does_not_say() {
    let record = |id: &str, inner: &str| format!("<record product-id='{id}'>{inner}</record>");
    let file = format!(
        "<inventory xmlns='{LISTS}'><inventory-list><header list-id='i'><default-instock>false</default-instock></header>\
         <records>{}{}{}{}</records></inventory-list></inventory>",
        record("a", "<allocation>10.0</allocation><on-order>2</on-order><turnover>3.5</turnover>"),
        record(
            "b",
            "<allocation>0</allocation><preorder-backorder-handling>preorder</preorder-backorder-handling>\
             <preorder-backorder-allocation>5</preorder-backorder-allocation><in-stock-date>2026-12-05Z</in-stock-date>"
        ),
        record("c", "<perpetual>true</perpetual>"),
        record("d", "<allocation>much</allocation>"),
    );
    let (found, unread) = read(&[("i.xml", &file)]);
    let levels: Vec<(i64, model::Supply, bool)> = found
        .iter()
        .filter_map(|it| if let Record::Stock(it) = it { Some(&it.level) } else { None })
        .map(|it| (it.available, it.supply, it.expected.is_some()))
        .collect();
    let (limited, perpetual) = (model::Supply::Limited, model::Supply::Perpetual);
    assert_eq!(levels, [(5, limited, false), (5, limited, true), (0, perpetual, false)]);
    assert_eq!(unread.len(), 1);
    assert_eq!(unread[0].id, Some("i/d".into()));
}

#[test]
fn a_file_that_breaks_off_loses_what_is_in_it_and_nothing_else() {
    let whole = catalog(&format!("{}<product product-id='v'/>", master("m", &["v"], "")));
    // The master of `w` is in the part that is missing.
    let cut = "<catalog xmlns='http://www.demandware.com/xml/impex/catalog/2006-10-31' catalog-id='d'>\
               <product product-id='w'/><product product-id='n'><variations/></product><product product-id='z";
    let table = "<price-table product-id='v'><amount>1</amount></price-table>";
    let (found, unread) = read(&[("c.xml", &whole), ("d.xml", cut), ("b.xml", &book("list", "", table))]);
    assert_eq!(families(&found), [("m".to_owned(), vec!["v".to_owned()]), ("n".to_owned(), vec![])]);
    assert_eq!(prices(&found, "list").len(), 1);
    let named: Vec<_> = unread.iter().map(|it| (it.kind, it.id.as_ref().map(ToString::to_string))).collect();
    assert!(named.contains(&(Kind::Product, Some("w".to_owned()))), "{named:?}");
    for kind in [Kind::Product, Kind::Category, Kind::Placement, Kind::Assignment, Kind::Tree] {
        assert!(named.contains(&(kind, None)), "{kind} is not held back: {named:?}");
    }
    assert!(!named.iter().any(|(kind, _)| *kind == Kind::Price), "{named:?}");
}

#[test]
fn a_bad_row_is_unread_and_the_others_arrive() {
    let tables = "<price-table product-id='p'><amount>much</amount></price-table>\
                  <price-table product-id='q'><amount>2</amount></price-table>";
    let (found, unread) = read(&[("a.xml", &book("list", "", tables))]);
    assert_eq!(prices(&found, "list"), [(None, None, 200)]);
    assert_eq!(unread.iter().map(|it| it.id.clone()).collect::<Vec<_>>(), [Some("list/p".into())]);
}

#[test]
fn an_archive_that_is_damaged_is_refused_as_a_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.zip");
    let products: String = (0..2_000).map(|n| format!("<product product-id='p{n}'/>")).collect();
    super::zipped(&path, &[("a.xml", &catalog(&products))]);
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    std::fs::write(&path, bytes).unwrap();
    let bounds = sources::sfcc::archive::Bounds::bytes(1 << 30);
    let fault = sources::sfcc::unpack::unpack(&path, bounds, folder.path()).unwrap_err();
    assert_eq!((fault.code.as_ref(), fault.class.is_passing()), ("C0220", true), "{fault}");
    assert!(sources::sfcc::contents::Contents::open(folder.path()).is_none());
}
