//! Update actions of the variants of a Modular project. Most change the staged data only, unless `staged` is false; what is
//! staged is kept only where it differs.

use serde_json::{Value, json};

use super::super::error::ApiError;
use super::super::input::{flag, given, list, need, need_text, text};
use super::super::order::Id;
use super::super::rules::attribute::{self, Level, attributes, check_level};
use super::super::rules::{modular, product};
use super::super::state::{Kind, Object};
use super::super::write::{Edit, Writer, set};
use super::product::{put_attribute, staged_only};
use super::{set_key, unknown};

pub(super) fn apply(writer: &Writer<'_>, edit: &mut Edit, name: &str, action: &Object) -> Result<(), ApiError> {
    flag(action, "staged")?;
    match name {
        "publish" => {
            modular::check_publishable(&writer.load(Kind::Product, owner(edit)?)?, true)?;
            if let Some(staged) = edit.members.remove("staged") {
                edit.set("current", Some(&staged));
            }
            edit.set("published", Some(&json!(true)));
            edit.message("VariantPublished", json!({}));
        }
        "unpublish" => {
            edit.set("published", Some(&json!(false)));
            let product = edit.members.get("product").cloned();
            edit.message("VariantUnpublished", json!({ "product": product }));
        }
        "removeStagedChanges" => {
            edit.members.remove("staged");
            edit.message("VariantStagedChangesRemoved", json!({}));
        }
        "setKey" => {
            let old = edit.key.clone();
            set_key(writer, edit, text(action, "key")?.map(str::to_owned))?;
            edit.message("VariantKeySet", json!({ "key": edit.key, "oldKey": old }));
        }
        "setSku" => set_sku(writer, edit, action)?,
        "setAttribute" => {
            let (name, fixed) = (need_text(action, "name")?, fixed(writer, edit)?);
            let value = match given(action, "value") {
                Some(value) => Some(attribute::value(writer.state, &fixed, Level::Variant, name, value)?),
                None => check_level(writer.state, &fixed, Level::Variant, name).map(|()| None)?,
            };
            each_side(edit, action, |side| put_attribute(side, name, value.as_ref()));
        }
        "setAttributes" => {
            need(action, "attributes")?;
            let given = list(action, "attributes")?;
            let all = attributes(writer.state, &fixed(writer, edit)?, Level::Variant, given)?;
            each_side(edit, action, |side| set(side, "attributes", Some(&json!(all))));
        }
        "setImages" => {
            need(action, "images")?;
            let images = product::images(list(action, "images")?)?;
            let old = images_of(edit);
            each_side(edit, action, |side| set(side, "images", Some(&json!(images))));
            let staged = staged_only(action);
            edit.message("VariantImagesSet", json!({ "images": images, "oldImages": old, "staged": staged }));
        }
        "addExternalImage" => {
            let (image, mut images) = (product::image(need(action, "image")?)?, images_of(edit));
            product::check_new_image(&images, &image)?;
            images.push(image.clone());
            each_side(edit, action, |side| set(side, "images", Some(&json!(images))));
            edit.message("VariantImageAdded", json!({ "image": image, "staged": staged_only(action) }));
        }
        _ => return Err(unknown(name)),
    }
    Ok(())
}

/// The product that a variant belongs to.
pub(in super::super) fn owner(edit: &Edit) -> Result<Id, ApiError> {
    let id = edit.members.get("product").and_then(|product| product.get("id")?.as_str()).and_then(Id::parse);
    id.ok_or_else(|| ApiError::operation("The Variant has no Product."))
}

/// What its product has on either side alike: its type decides which attributes there are.
fn fixed(writer: &Writer<'_>, edit: &Edit) -> Result<Object, ApiError> {
    let product = writer.load(Kind::Product, owner(edit)?)?.product;
    Ok(product.map(|part| part.fixed).unwrap_or_default())
}

/// The staged data, or the current ones where nothing is staged.
fn staged(edit: &Edit) -> Object {
    let side = |name: &str| edit.members.get(name).and_then(Value::as_object).cloned();
    side("staged").or_else(|| side("current")).unwrap_or_default()
}

fn images_of(edit: &Edit) -> Vec<Value> {
    staged(edit).get("images").and_then(Value::as_array).cloned().unwrap_or_default()
}

/// Changes the staged data, and the current ones too when the action says `staged: false`.
fn each_side(edit: &mut Edit, action: &Object, change: impl Fn(&mut Object)) {
    let mut staged = staged(edit);
    change(&mut staged);
    let current = edit.members.get_mut("current").and_then(Value::as_object_mut);
    let differs = current.is_some_and(|current| {
        if !staged_only(action) {
            change(current);
        }
        *current != staged
    });
    edit.set("staged", differs.then_some(Value::Object(staged)).as_ref());
}

fn set_sku(writer: &Writer<'_>, edit: &mut Edit, action: &Object) -> Result<(), ApiError> {
    let sku = text(action, "sku")?;
    if let Some(sku) = sku {
        product::check_sku(writer.state, Some(edit.id), sku)?;
    }
    let old = staged(edit).get("sku").and_then(Value::as_str).map(str::to_owned);
    if let Some(old) = old.as_deref().filter(|old| Some(*old) != sku) {
        product::check_sku_is_free(writer.state, old)?;
    }
    let new = sku.map(|sku| json!(sku));
    each_side(edit, action, |side| set(side, "sku", new.as_ref()));
    edit.message("VariantSkuSet", json!({ "sku": new, "oldSku": old, "staged": staged_only(action) }));
    Ok(())
}
