//! Figures, their ratios to the floor, and how both are shown.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::output::table;

/// What a process says of itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Cost {
    pub(super) seconds: f64,
    /// User and system.
    pub(super) cpu_seconds: f64,
    pub(super) peak_rss_bytes: u64,
    pub(super) source_calls: u64,
    #[serde(default)]
    pub(super) destination_calls: u64,
}

/// What a step cost.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Figure {
    /// Light or default.
    pub(super) shape: &'static str,
    pub(super) step: &'static str,
    /// Of the whole shop.
    pub(super) products: usize,
    pub(super) markets: usize,
    /// Records that changed, for deltas.
    pub(super) changes: Option<usize>,
    #[serde(flatten)]
    pub(super) cost: Cost,
    /// Of the emulators meanwhile.
    pub(super) sandbox_cpu_seconds: f64,
    /// Of receiving and parsing the same pages.
    pub(super) floor_cpu_seconds: f64,
}

impl Figure {
    fn ratio(&self) -> f64 {
        self.cost.cpu_seconds / self.floor_cpu_seconds.max(0.01)
    }

    fn name(&self) -> String {
        self.changes.map_or(self.step.to_owned(), |changes| format!("{} of {changes}", self.step))
    }

    pub(super) fn line(&self) -> String {
        format!(
            "{} {}: {}: {:.2} s, {:.2} CPU s, floor {:.2} CPU s",
            self.shape,
            self.products,
            self.name(),
            self.cost.seconds,
            self.cost.cpu_seconds,
            self.floor_cpu_seconds
        )
    }
}

/// What `cartage run` holds after its first pass.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Memory {
    pub(super) shape: &'static str,
    pub(super) products: usize,
    pub(super) resident_bytes: u64,
    pub(super) peak_bytes: u64,
    /// With nothing to do.
    pub(super) idle_cpu_seconds_per_minute: f64,
}

impl Memory {
    pub(super) fn line(&self) -> String {
        format!(
            "{} {}: run holds {} MiB after its first pass (peak {} MiB) and idles at {:.2} CPU s a minute",
            self.shape,
            self.products,
            self.resident_bytes >> 20,
            self.peak_bytes >> 20,
            self.idle_cpu_seconds_per_minute
        )
    }
}

/// A first pass of `cartage run` alone, and one beside hostile connections.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Pair {
    pub(super) shape: &'static str,
    pub(super) products: usize,
    pub(super) alone_seconds: f64,
    pub(super) beside_seconds: f64,
    /// Hostile connections that were tried at once.
    pub(super) connections: usize,
    /// Those that were open at once, at most; the others waited to be accepted.
    pub(super) connections_open: usize,
    /// Hostile connections that were made: those that were closed are made again.
    pub(super) connections_made: usize,
    /// Of the process that makes them.
    pub(super) hostile_cpu_seconds: f64,
}

impl Pair {
    fn ratio(&self) -> f64 {
        self.beside_seconds / self.alone_seconds.max(0.01)
    }

    pub(super) fn line(&self) -> String {
        format!(
            "{} {}: first pass of run: {:.2} s alone, {:.2} s beside {} hostile connections ({} open, {} made, {:.2} \
             CPU s)",
            self.shape,
            self.products,
            self.alone_seconds,
            self.beside_seconds,
            self.connections,
            self.connections_open,
            self.connections_made,
            self.hostile_cpu_seconds
        )
    }
}

/// How long changes take from the shop to the destination by their webhooks.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Delays {
    pub(super) platform: &'static str,
    pub(super) products: usize,
    pub(super) changes: usize,
    pub(super) median_seconds: f64,
    pub(super) p99_seconds: f64,
    pub(super) worst_seconds: f64,
}

impl Delays {
    pub(super) fn line(&self) -> String {
        format!(
            "a change of {} arrives by its webhook after {:.2} s (median), {:.2} s (p99), {:.2} s at most, of {} changes",
            self.platform, self.median_seconds, self.p99_seconds, self.worst_seconds, self.changes
        )
    }
}

/// What a first pass to one service costs.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Delivery {
    /// The service.
    pub(super) to: &'static str,
    pub(super) products: usize,
    /// The time that the quota of the service implies for these calls.
    pub(super) quota_seconds: Option<f64>,
    #[serde(flatten)]
    pub(super) cost: Cost,
}

impl Delivery {
    pub(super) fn line(&self) -> String {
        let Cost { seconds, cpu_seconds, peak_rss_bytes, destination_calls, .. } = self.cost;
        #[expect(clippy::cast_precision_loss, reason = "a shop has fewer than 2^52 products")]
        let pace = self.products as f64 / cpu_seconds.max(0.01);
        let mut line = format!(
            "{} products to {}: {seconds:.1} s, {cpu_seconds:.2} CPU s ({pace:.0} products per CPU s), {} MiB, \
             {destination_calls} calls",
            self.products,
            self.to,
            peak_rss_bytes >> 20
        );
        if let Some(quota) = self.quota_seconds.filter(|quota| *quota > 0.0) {
            line += &format!("; its quota implies {quota:.0} s ({:.2} times that)", seconds / quota);
        }
        line
    }
}

/// What a first pass from one platform costs, into one market.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Reading {
    /// The platform, with the setting that is not as by default.
    pub(super) from: &'static str,
    pub(super) products: usize,
    /// Of all products.
    pub(super) skus: usize,
    #[serde(flatten)]
    pub(super) cost: Cost,
    /// Of the emulators meanwhile.
    pub(super) sandbox_cpu_seconds: f64,
    /// Of receiving and parsing the same pages or the same archive.
    pub(super) floor_cpu_seconds: f64,
    /// Calls of the platform by endpoint, where it is read by pages.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) calls: Vec<Calls>,
    /// The archive, where it is read by an export.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) export: Option<Export>,
}

/// Calls of one endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Calls {
    pub(super) endpoint: String,
    /// Where the least comes from, such as `ceil(200000 products / 250)`.
    pub(super) formula: String,
    /// That a walk over everything needs.
    pub(super) least: u64,
    pub(super) made: u64,
}

/// An export, and what it took on disk.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Export {
    pub(super) archive_bytes: u64,
    /// The most that the archive and its rows took beside the database at once.
    pub(super) spool_bytes: u64,
}

#[expect(clippy::cast_precision_loss, reason = "a shop has fewer than 2^52 products and calls")]
impl Reading {
    /// Name of the platform with the size of the shop.
    fn name(&self) -> String {
        format!("{}_{}", self.from, self.size())
    }

    /// SKUs of an export, products elsewhere.
    const fn size(&self) -> usize {
        if self.export.is_some() { self.skus } else { self.products }
    }

    fn ratio(&self) -> f64 {
        self.cost.cpu_seconds / self.floor_cpu_seconds.max(0.01)
    }

    /// Calls that were made over the least; `None`: it is not read by pages.
    fn calls_ratio(&self) -> Option<f64> {
        let sum = |of: fn(&Calls) -> u64| self.calls.iter().map(of).sum::<u64>();
        let least = sum(|calls| calls.least);
        (least > 0).then(|| sum(|calls| calls.made) as f64 / least as f64)
    }

    pub(super) fn line(&self) -> String {
        let Cost { seconds, cpu_seconds, peak_rss_bytes, source_calls, .. } = self.cost;
        let (size, what) = (self.size(), if self.export.is_some() { "SKUs" } else { "products" });
        let mut line = format!(
            "{} {size} {what}: {seconds:.1} s, {cpu_seconds:.2} CPU s ({:.0} {what} per CPU s), floor {:.2} CPU s ({:.1} times \
             that), {} MiB, {source_calls} reads",
            self.from,
            size as f64 / cpu_seconds.max(0.01),
            self.floor_cpu_seconds,
            self.ratio(),
            peak_rss_bytes >> 20
        );
        if let Some(ratio) = self.calls_ratio() {
            line += &format!(" ({:.1} % above the least)", (ratio - 1.0) * 100.0);
        }
        if let Some(Export { archive_bytes, spool_bytes }) = self.export {
            line += &format!(", archive of {} MiB, {} MiB on disk at most", archive_bytes >> 20, spool_bytes >> 20);
        }
        for calls in &self.calls {
            line += &format!("\n  {}", calls.line());
        }
        line
    }
}

impl Calls {
    fn line(&self) -> String {
        let Self { endpoint, formula, least, made } = self;
        format!("{endpoint}: {formula} = {least}, made {made}")
    }
}

/// A first pass to Clerk.io alone, and one beside services that fail.
#[derive(Clone, Debug, Serialize)]
pub(super) struct BesideTrouble {
    /// How they fail.
    pub(super) trouble: &'static str,
    pub(super) products: usize,
    pub(super) alone_seconds: f64,
    pub(super) beside_seconds: f64,
}

impl BesideTrouble {
    fn ratio(&self) -> f64 {
        self.beside_seconds / self.alone_seconds.max(0.01)
    }

    pub(super) fn line(&self) -> String {
        format!(
            "{} products to Clerk.io: {:.2} s alone, {:.2} s beside two services that are {}",
            self.products, self.alone_seconds, self.beside_seconds, self.trouble
        )
    }
}

/// Everything that was measured.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Bench {
    pub(super) figures: Vec<Figure>,
    pub(super) memory: Vec<Memory>,
    pub(super) pairs: Vec<Pair>,
    pub(super) webhooks: Vec<Delays>,
    pub(super) readings: Vec<Reading>,
    pub(super) deliveries: Vec<Delivery>,
    pub(super) troubles: Vec<BesideTrouble>,
    /// A first pass to Clerk.io beside services that fail over one alone, in seconds: the median of the pairs, by how they
    /// fail.
    pub(super) beside_trouble: BTreeMap<&'static str, f64>,
    /// A first pass beside hostile connections over one alone, in seconds: the median of the pairs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) beside_hostile: Option<f64>,
    /// CPU of a full job over CPU of its floor, medians, by `shape_products`; of platforms by `platform_products`, or
    /// `platform_skus` where an export is read.
    pub(super) ratios: BTreeMap<String, f64>,
    /// Calls of a platform over the least that a walk over everything needs, by the names of `ratios`.
    pub(super) calls: BTreeMap<String, f64>,
}

impl Bench {
    /// With the ratios of the full jobs.
    pub(super) fn with_ratios(mut self) -> Self {
        let mut jobs: BTreeMap<String, Vec<&Figure>> = BTreeMap::new();
        for figure in self.figures.iter().filter(|figure| figure.step == "full job") {
            jobs.entry(format!("{}_{}", figure.shape, figure.products)).or_default().push(figure);
        }
        let ratio = |figures: &[&Figure]| {
            let job = median(figures.iter().map(|figure| figure.cost.cpu_seconds).collect());
            let floor = median(figures.iter().map(|figure| figure.floor_cpu_seconds).collect());
            job / floor.max(0.01)
        };
        let beside: Vec<f64> = self.pairs.iter().map(Pair::ratio).collect();
        self.beside_hostile = (!beside.is_empty()).then(|| median(beside));
        let mut troubles: BTreeMap<&'static str, Vec<f64>> = BTreeMap::new();
        for pair in &self.troubles {
            troubles.entry(pair.trouble).or_default().push(pair.ratio());
        }
        self.beside_trouble = troubles.into_iter().map(|(trouble, ratios)| (trouble, median(ratios))).collect();
        self.ratios = jobs.iter().map(|(name, figures)| (name.clone(), ratio(figures))).collect();
        self.ratios.extend(self.readings.iter().map(|reading| (reading.name(), reading.ratio())));
        let calls = self.readings.iter().filter_map(|reading| Some((reading.name(), reading.calls_ratio()?)));
        self.calls = calls.collect();
        self
    }

    /// Tables for people.
    pub(super) fn text(&self) -> String {
        let header = [
            "shop",
            "products",
            "markets",
            "step",
            "s",
            "CPU s",
            "floor CPU s",
            "ratio",
            "MiB",
            "reads",
            "writes",
            "emulators CPU s",
        ];
        let rows: Vec<Vec<String>> = self
            .figures
            .iter()
            .map(|figure| {
                vec![
                    figure.shape.to_owned(),
                    figure.products.to_string(),
                    figure.markets.to_string(),
                    figure.name(),
                    format!("{:.2}", figure.cost.seconds),
                    format!("{:.2}", figure.cost.cpu_seconds),
                    format!("{:.2}", figure.floor_cpu_seconds),
                    format!("{:.1}", figure.ratio()),
                    (figure.cost.peak_rss_bytes >> 20).to_string(),
                    figure.cost.source_calls.to_string(),
                    figure.cost.destination_calls.to_string(),
                    format!("{:.2}", figure.sandbox_cpu_seconds),
                ]
            })
            .collect();
        let mut text = table(&header, &rows) + "\n";
        for memory in &self.memory {
            text += &(memory.line() + "\n");
        }
        for delays in &self.webhooks {
            text += &(delays.line() + "\n");
        }
        if let Some(ratio) = self.beside_hostile {
            let pairs = self.pairs.len();
            text += &format!(
                "a first pass beside hostile connections takes {ratio:.2} times as long (median of {pairs} pairs)\n"
            );
        }
        for reading in &self.readings {
            text += &(reading.line() + "\n");
        }
        for delivery in &self.deliveries {
            text += &(delivery.line() + "\n");
        }
        for (trouble, ratio) in &self.beside_trouble {
            text += &format!(
                "a first pass to Clerk.io beside services that are {trouble} takes {ratio:.2} times as long\n"
            );
        }
        for (name, ratio) in &self.ratios {
            text += &format!("{name}: {ratio:.2} times the floor's CPU\n");
        }
        text
    }
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(cpu_seconds: f64, floor_cpu_seconds: f64) -> Figure {
        let cost = Cost { seconds: 1.0, cpu_seconds, peak_rss_bytes: 0, source_calls: 1, destination_calls: 1 };
        let (shape, step) = ("light", "full job");
        Figure {
            shape,
            step,
            products: 20,
            markets: 1,
            changes: None,
            cost,
            sandbox_cpu_seconds: 0.0,
            floor_cpu_seconds,
        }
    }

    #[test]
    fn a_ratio_is_that_of_the_medians_of_full_jobs() {
        let poll = Figure { step: "unchanged poll", ..figure(100.0, 1.0) };
        let figures = vec![figure(6.0, 1.0), figure(9.0, 2.0), figure(8.0, 4.0), poll];
        let pair = |alone_seconds, beside_seconds| Pair {
            shape: "light",
            products: 20,
            alone_seconds,
            beside_seconds,
            connections: 2,
            connections_open: 2,
            connections_made: 9,
            hostile_cpu_seconds: 0.0,
        };
        let pairs = vec![pair(1.0, 9.0), pair(2.0, 2.5), pair(4.0, 4.0)];
        let trouble =
            |trouble, beside_seconds| BesideTrouble { trouble, products: 20, alone_seconds: 2.0, beside_seconds };
        let troubles = vec![trouble("down", 3.0), trouble("slow", 2.0), trouble("slow", 2.5), trouble("slow", 9.0)];
        let bench = Bench { figures, pairs, troubles, ..Bench::default() }.with_ratios();
        assert_eq!(bench.beside_trouble, BTreeMap::from([("down", 1.5), ("slow", 1.25)]));
        assert_eq!(bench.ratios, BTreeMap::from([("light_20".to_owned(), 4.0)]));
        assert!(bench.text().contains("takes 1.25 times as long (median of 3 pairs)"));
        assert!(bench.text().contains("light_20: 4.00 times the floor's CPU"));
    }
    #[test]
    fn a_platform_has_its_ratio_and_its_calls_beside_the_least() {
        let calls = |endpoint: &str, least, made| Calls {
            endpoint: endpoint.to_owned(),
            formula: "ceil(20 products / 10)".to_owned(),
            least,
            made,
        };
        let reading = Reading {
            from: "bigcommerce",
            products: 20,
            skus: 100,
            cost: figure(3.0, 1.0).cost,
            sandbox_cpu_seconds: 0.0,
            floor_cpu_seconds: 0.5,
            calls: vec![calls("GET /a", 2, 3), calls("GET /b", 2, 2)],
            export: None,
        };
        let export = Some(Export { archive_bytes: 3 << 20, spool_bytes: 5 << 20 });
        let exported = Reading { from: "sfcc", calls: Vec::new(), export, ..reading.clone() };
        let bench = Bench { readings: vec![reading, exported], ..Bench::default() }.with_ratios();
        let named = |name: &str, of| (name.to_owned(), of);
        assert_eq!(bench.ratios, BTreeMap::from([named("bigcommerce_20", 6.0), named("sfcc_100", 6.0)]));
        assert_eq!(bench.calls, BTreeMap::from([named("bigcommerce_20", 1.25)]));
        let text = bench.text();
        assert!(text.contains("(25.0 % above the least)\n  GET /a: ceil(20 products / 10) = 2, made 3\n"), "{text}");
        assert!(text.contains("sfcc 100 SKUs") && text.contains("archive of 3 MiB, 5 MiB on disk at most"), "{text}");
    }
}
