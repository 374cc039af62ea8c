//! Images: which of a product's groups a variant shows, and where they are.

use model::Image;
use wire::Url;

use super::text::localized;
use crate::sfcc::{contents::Catalog, xml::Element};

/// Where the images of a catalogue are, and which are shown.
#[derive(Clone, Debug)]
pub struct Images {
    /// Address before the path of an image.
    base: String,
    /// The attribute that the old form of a group names the value of.
    axis: Option<String>,
}

impl Images {
    /// Images of a catalogue. `internal` is the address of those that the instance keeps, with `{catalog}` and `{path}`.
    pub fn new(id: &str, catalog: &Catalog, internal: &str) -> Self {
        let settings = catalog.header.as_ref().and_then(|header| header.child("image-settings"));
        let external = settings.and_then(|it| it.child("external-location"));
        let external = external.and_then(|it| it.value_of("https-url").or_else(|| it.value_of("http-url")));
        let base = if let Some(url) = external {
            format!("{}/", url.trim_end_matches('/'))
        } else {
            let path = settings.and_then(|it| it.child("internal-location")?.attribute("base-path"));
            let path = path.unwrap_or_default().trim_matches('/');
            let path = if path.is_empty() { String::new() } else { format!("{path}/") };
            internal.replace("{catalog}", id).replace("{path}", &path)
        };
        let axis = settings.and_then(|it| it.value_of("variation-attribute-id")).map(str::to_owned);
        Self { base, axis }
    }

    /// The absolute address of an image.
    pub fn url(&self, path: &str) -> String {
        let is_absolute = path.starts_with("https://") || path.starts_with("http://");
        let text =
            if is_absolute { path.to_owned() } else { format!("{}{}", self.base, path.trim_start_matches('/')) };
        Url::parse(&text).map_or(text, String::from)
    }

    /// Images of a product as a whole.
    pub fn of_product(&self, element: &Element, views: &[String]) -> Vec<Image> {
        self.matching(element, views, &[])
    }

    /// Images of a variant with these values of its axes: its own, or else those of its master that name most of them.
    pub fn of_variant(
        &self,
        variant: &Element,
        master: &Element,
        views: &[String],
        values: &[(String, String)],
    ) -> Vec<Image> {
        let own = self.matching(variant, views, &[]);
        if own.is_empty() { self.matching(master, views, values) } else { own }
    }

    /// The images of the first view that there is one of, of the group that names most of these values and no others.
    fn matching(&self, element: &Element, views: &[String], values: &[(String, String)]) -> Vec<Image> {
        let groups: Vec<&Element> = element.list("images", "image-group").collect();
        let of_view = |view: &str| {
            let fitting = groups.iter().filter(|group| group.attribute("view-type") == Some(view));
            let fitting = fitting.filter_map(|group| Some((self.fit(group, values)?, *group)));
            // Of equals the first.
            fitting.filter(|(_, group)| group.child("image").is_some()).fold(None, |best: Option<(usize, &Element)>, it| {
                if best.is_none_or(|(count, _)| it.0 > count) { Some(it) } else { best }
            })
        };
        let others = groups.iter().filter_map(|group| group.attribute("view-type"));
        let found = views.iter().map(String::as_str).chain(others).find_map(of_view);
        if let Some((_, group)) = found {
            return group.all("image").filter_map(|image| self.image(image)).collect();
        }
        // The old form.
        let path = element.value_of("image").or_else(|| element.value_of("thumbnail"));
        path.map(|path| Image { url: self.url(path), label: None }).into_iter().collect()
    }

    /// How many of the values a group names; `None` if it names another one.
    fn fit(&self, group: &Element, values: &[(String, String)]) -> Option<usize> {
        let has = |name: &str, value: &str| values.iter().any(|(of, it)| of == name && it == value);
        let mut count = 0;
        if let (Some(value), Some(axis)) = (group.attribute("variation-value"), &self.axis) {
            count += has(axis, value).then_some(1)?;
        }
        for variation in group.all("variation") {
            let (name, value) = (variation.attribute("attribute-id")?, variation.attribute("value")?);
            count += has(name, value).then_some(1)?;
        }
        Some(count)
    }

    fn image(&self, image: &Element) -> Option<Image> {
        let alt = localized(image.all("alt"), &mut Vec::new());
        let label = alt.get(model::Locale::UNDETERMINED).or_else(|| alt.iter().next().map(|(_, text)| text));
        Some(Image { url: self.url(image.attribute("path")?), label: label.map(str::to_owned) })
    }
}
