//! The words of the generated shop, in English and German; other languages are composed.
//!
//! A composed language is made of syllables in that language's script. It means nothing, but it is recognisably not
//! English, differs between languages, and is the same word for the same English word.

use std::borrow::Cow;

use crate::catalogue::{
    Localized,
    dice::{Dice, fingerprint},
};

/// The same words in English and in German.
pub(super) type Word = (&'static str, &'static str);

/// A department, its groups, and what they sell: the three levels of the category tree.
pub(super) struct Department {
    pub(super) key: &'static str,
    pub(super) name: Word,
    pub(super) groups: &'static [Group],
}

/// The second level.
pub(super) struct Group {
    pub(super) key: &'static str,
    pub(super) name: Word,
    /// Key of the product type of everything in the group.
    pub(super) product_type: &'static str,
    pub(super) lines: &'static [Line],
}

/// The third level: one line of goods.
pub(super) struct Line {
    pub(super) key: &'static str,
    /// The category's name.
    pub(super) plural: Word,
    /// What one piece is called.
    pub(super) noun: Word,
}

const fn line(key: &'static str, plural: Word, noun: Word) -> Line {
    Line { key, plural, noun }
}

const TOPS: &[Line] = &[
    line("jackets", ("Jackets", "Jacken"), ("Jacket", "Jacke")),
    line("shirts", ("Shirts", "Hemden"), ("Shirt", "Hemd")),
    line("jumpers", ("Jumpers", "Pullover"), ("Jumper", "Pullover")),
    line("trousers", ("Trousers", "Hosen"), ("Trousers", "Hose")),
    line("socks", ("Socks", "Socken"), ("Socks", "Socken")),
];
const SHOES: &[Line] = &[
    line("trainers", ("Trainers", "Turnschuhe"), ("Trainer", "Turnschuh")),
    line("boots", ("Boots", "Stiefel"), ("Boot", "Stiefel")),
    line("sandals", ("Sandals", "Sandalen"), ("Sandal", "Sandale")),
];
const CAMPING: &[Line] = &[
    line("tents", ("Tents", "Zelte"), ("Tent", "Zelt")),
    line("sleeping-bags", ("Sleeping bags", "Schlafsäcke"), ("Sleeping Bag", "Schlafsack")),
    line("stoves", ("Camping stoves", "Campingkocher"), ("Camping Stove", "Campingkocher")),
];
const HIKING: &[Line] = &[
    line("rucksacks", ("Rucksacks", "Rucksäcke"), ("Rucksack", "Rucksack")),
    line("poles", ("Walking poles", "Wanderstöcke"), ("Walking Poles", "Wanderstöcke")),
    line("bottles", ("Bottles", "Trinkflaschen"), ("Bottle", "Trinkflasche")),
];
const KITCHEN: &[Line] = &[
    line("mugs", ("Mugs", "Becher"), ("Mug", "Becher")),
    line("knives", ("Knives", "Messer"), ("Knife", "Messer")),
    line("bowls", ("Bowls", "Schüsseln"), ("Bowl", "Schüssel")),
];
const LIVING: &[Line] = &[
    line("lamps", ("Lamps", "Leuchten"), ("Lamp", "Leuchte")),
    line("blankets", ("Blankets", "Decken"), ("Blanket", "Decke")),
    line("cushions", ("Cushions", "Kissen"), ("Cushion", "Kissen")),
];

pub(super) const DEPARTMENTS: &[Department] = &[
    Department {
        key: "women",
        name: ("Women", "Damen"),
        groups: &[
            Group { key: "clothing", name: ("Clothing", "Bekleidung"), product_type: "apparel", lines: TOPS },
            Group { key: "shoes", name: ("Shoes", "Schuhe"), product_type: "footwear", lines: SHOES },
        ],
    },
    Department {
        key: "men",
        name: ("Men", "Herren"),
        groups: &[
            Group { key: "clothing", name: ("Clothing", "Bekleidung"), product_type: "apparel", lines: TOPS },
            Group { key: "shoes", name: ("Shoes", "Schuhe"), product_type: "footwear", lines: SHOES },
        ],
    },
    Department {
        key: "outdoor",
        name: ("Outdoor & sports", "Draußen & Sport"),
        groups: &[
            Group { key: "camping", name: ("Camping", "Zelten"), product_type: "equipment", lines: CAMPING },
            Group { key: "hiking", name: ("Hiking", "Wandern"), product_type: "equipment", lines: HIKING },
        ],
    },
    Department {
        key: "home",
        name: ("Home", "Wohnen"),
        groups: &[
            Group { key: "kitchen", name: ("Kitchen", "Küche"), product_type: "homeware", lines: KITCHEN },
            Group { key: "living", name: ("Living room", "Wohnzimmer"), product_type: "homeware", lines: LIVING },
        ],
    },
];

/// Names of series. They stay as they are in every language.
pub(super) const SERIES: &[&str] = &[
    "Aurora",
    "Birka",
    "Cassia",
    "Dovre",
    "Elvan",
    "Fjordlys",
    "Garda",
    "Halden",
    "Isar",
    "Jura",
    "Kaldur",
    "Lofoten",
    "Marisol",
    "Nordkap",
    "Ostara",
    "Pirin",
    "Quarnero",
    "Rigi",
    "Säntis",
    "Tromsø",
    "Umbra",
    "Vardø",
    "Wieringen",
    "Ystad",
    "Zermatt",
];

pub(super) const TRAITS: &[Word] = &[
    ("waterproof", "wasserdicht"),
    ("lightweight", "leicht"),
    ("lined", "gefüttert"),
    ("recycled", "aus Recyclingmaterial"),
    ("handmade", "von Hand gefertigt"),
    ("quick-drying", "schnelltrocknend"),
    ("foldable", "faltbar"),
    ("hard-wearing", "strapazierfähig"),
    ("breathable", "atmungsaktiv"),
    ("classic", "klassisch"),
];

/// Keys and labels of colours.
pub(super) const COLOURS: &[(&str, Word)] = &[
    ("black", ("Black", "Schwarz")),
    ("white", ("White", "Weiß")),
    ("grey", ("Grey", "Grau")),
    ("blue", ("Blue", "Blau")),
    ("navy", ("Navy", "Marineblau")),
    ("green", ("Green", "Grün")),
    ("olive", ("Olive", "Oliv")),
    ("red", ("Red", "Rot")),
    ("orange", ("Orange", "Orange")),
    ("yellow", ("Yellow", "Gelb")),
    ("brown", ("Brown", "Braun")),
    ("beige", ("Beige", "Beige")),
    ("violet", ("Violet", "Violett")),
];

/// Keys and labels of materials.
pub(super) const MATERIALS: &[(&str, Word)] = &[
    ("cotton", ("Cotton", "Baumwolle")),
    ("wool", ("Merino wool", "Merinowolle")),
    ("linen", ("Linen", "Leinen")),
    ("polyester", ("Polyester", "Polyester")),
    ("leather", ("Leather", "Leder")),
    ("steel", ("Stainless steel", "Edelstahl")),
    ("aluminium", ("Aluminium", "Aluminium")),
    ("ceramic", ("Ceramic", "Keramik")),
    ("oak", ("Oak", "Eiche")),
];

/// Keys and names of brands.
pub(super) const BRANDS: &[(&str, &str)] = &[
    ("nordwerk", "Nordwerk"),
    ("havn", "Havn & Søn"),
    ("muehlbach", "Mühlbach"),
    ("thornfield", "Thornfield"),
    ("les-cimes", "Les Cimes"),
    ("kintaro", "金太郎 Kintaro"),
];

pub(super) const CARE: &[Word] = &[
    ("Machine wash at 30 °C", "Maschinenwäsche bei 30 °C"),
    ("Wipe with a damp cloth", "Feucht abwischen"),
    ("Do not tumble dry", "Nicht im Trockner trocknen"),
    ("Dishwasher-safe", "Spülmaschinenfest"),
];

/// Sentences of a description.
pub(super) const SENTENCES: &[Word] = &[
    (
        "Made for days that begin before sunrise and end by the fire.",
        "Gemacht für Tage, die vor Sonnenaufgang beginnen und am Feuer enden.",
    ),
    (
        "Every seam is checked twice before a piece leaves our workshop.",
        "Jede Naht wird zweimal geprüft, bevor ein Stück unsere Werkstatt verlässt.",
    ),
    (
        "The material is certified, durable and pleasant to the touch.",
        "Das Material ist zertifiziert, langlebig und angenehm in der Hand.",
    ),
    (
        "Small details make the difference: reinforced edges, even stitching, a clean finish.",
        "Kleinigkeiten machen den Unterschied: verstärkte Kanten, gleichmäßige Nähte, saubere Verarbeitung.",
    ),
    ("Repairs are free of charge for the first five years.", "Reparaturen sind in den ersten fünf Jahren kostenlos."),
    ("Goes well with everything else in this series.", "Passt zu allem anderen aus dieser Serie."),
    (
        "Tested on more than four hundred kilometres of trails.",
        "Auf mehr als vierhundert Kilometern Wanderwegen erprobt.",
    ),
    (
        "Please note that natural fibres may vary slightly in shade.",
        "Bitte beachten Sie, dass Naturfasern im Farbton leicht abweichen können.",
    ),
    ("Packed without any plastic.", "Ganz ohne Plastik verpackt."),
    (
        "A favourite of our customers since 1987, now in new colours.",
        "Seit 1987 ein Liebling unserer Kundschaft, jetzt in neuen Farben.",
    ),
];

/// The language of a locale: `de` of `de-AT`.
pub(super) fn language(locale: &str) -> &str {
    locale.split(['-', '_']).next().unwrap_or(locale)
}

/// The words in the language of a locale.
pub(super) fn translated(locale: &str, word: Word) -> Cow<'static, str> {
    match language(locale) {
        "en" => Cow::Borrowed(word.0),
        "de" => Cow::Borrowed(word.1),
        other => Cow::Owned(compose(other, word.0)),
    }
}

/// The words in every locale.
pub(super) fn in_all(locales: &[String], word: Word) -> Localized {
    locales.iter().map(|locale| (locale.clone(), translated(locale, word).into_owned())).collect()
}

const LATIN: &[&str] = &["ba", "ri", "no", "te", "lu", "sa", "mi", "ko", "dé", "va", "ño", "çe"];
const CYRILLIC: &[&str] = &["ба", "ри", "но", "те", "лу", "са", "ми", "ко", "де", "ва"];
const GREEK: &[&str] = &["βα", "ρι", "νο", "τε", "λυ", "σα", "μι", "κο", "δε", "φω"];
const ARABIC: &[&str] = &["با", "ري", "نو", "تي", "لو", "سا", "مي", "كو", "دي", "فا"];
const HEBREW: &[&str] = &["בא", "רי", "נו", "טה", "לו", "סא", "מי", "קו", "דה", "פא"];
const KANA: &[&str] = &["バ", "リ", "ノ", "テ", "ル", "サ", "ミ", "コ", "デ", "フ"];
const HAN: &[&str] = &["山", "川", "月", "木", "海", "光", "风", "石", "雪", "花"];

fn compose(language: &str, english: &str) -> String {
    let syllables = match language {
        "ar" | "fa" | "ur" => ARABIC,
        "he" => HEBREW,
        "ru" | "uk" | "bg" | "sr" => CYRILLIC,
        "el" => GREEK,
        "ja" => KANA,
        "zh" => HAN,
        _ => LATIN,
    };
    let mut composed = String::with_capacity(english.len() * 2);
    for word in english.split(' ') {
        if !composed.is_empty() {
            composed.push(' ');
        }
        let mut dice = Dice::new(fingerprint(language), fingerprint(word));
        let length = 2 + dice.below(3);
        for _ in 0..length {
            composed.push_str(dice.pick(syllables));
        }
    }
    composed
}
