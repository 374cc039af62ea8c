//! Where a project keeps its variants: inside its products (Classic), or as resources of their own (Modular).

use contract::Fault;
use serde::{Deserialize, Serialize};

use super::{
    api::Project,
    config::{Config, StockFrom},
};

/// Where a project keeps its variants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CatalogModel {
    /// Products hold their variants.
    #[default]
    Classic,
    /// Variants are resources of their own.
    Modular,
}

impl CatalogModel {
    /// That of a project. One that is under way from Classic to Modular (`InMigration`) still shows variants in its
    /// products, and is read like a Classic one.
    ///
    /// # Errors
    /// `C0203` for a model that is not known, and for settings that a Modular project can't be read with.
    pub(super) fn of(project: &Project, config: &Config) -> Result<Self, Fault> {
        let refused = |what: &str| {
            let name = project.product_catalog_model.as_deref().unwrap_or_default();
            Fault::config("C0203", format!("project {} has the {name} product catalogue model, {what}", project.key))
        };
        match project.product_catalog_model.as_deref() {
            None | Some("Classic" | "InMigration") => return Ok(Self::Classic),
            Some("Modular") => {}
            Some(_) => return Err(refused("which is not known").hint("projects of the models Classic and Modular can be read")),
        }
        if config.stock_from == StockFrom::Products {
            return Err(refused("whose products hold no stock").hint("remove stock_from, so that inventory entries are read"));
        }
        if !config.lanes.standalone_prices {
            return Err(refused("whose products hold no prices").hint("set lanes.standalone_prices = true"));
        }
        if config.needed_scopes().iter().all(|(scope, _)| *scope != "view_products") {
            let fault = refused("whose variants need the scope view_products");
            return Err(fault.hint("set detect_unpublished = true, so that the scope is asked for"));
        }
        Ok(Self::Modular)
    }

    /// The same for people.
    pub(super) fn told(self, project: &Project) -> String {
        match (self, project.product_catalog_model.as_deref()) {
            (Self::Modular, _) => "Modular: variants are records of their own".to_owned(),
            (Self::Classic, None | Some("Classic")) => "Classic".to_owned(),
            (Self::Classic, Some(other)) => format!("{other}: variants are read from products, as in a Classic project"),
        }
    }
}
