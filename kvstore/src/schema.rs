//! Schemas: the program's against the catalog's.

use crate::catalog::{NamespaceRow, SecondaryRow};
use crate::error::{Error, Result};
use crate::key::Shape;
use crate::store::{ElementSchema, Schema};

/// Refuses what can't be the name of a namespace. The derive refuses the same at compile time.
pub(crate) fn check_name(name: &str) -> Result<()> {
    let refuse = |reason| Err(Error::InvalidNamespace { name: name.to_owned(), reason });
    match name.len() {
        0 => refuse("it is empty"),
        129.. => refuse("it has more than 128 bytes"),
        _ if name.chars().any(char::is_control) => refuse("it has a control character"),
        _ => Ok(()),
    }
}

/// The catalog row of a compiled schema; its number is not known yet.
pub(crate) fn row(key: &Shape, schema: &Schema) -> NamespaceRow {
    let fields = schema.fields.map(|fields| {
        let owned = fields.iter().map(|field| (field.name.to_owned(), field.type_name.to_owned()));
        owned.collect()
    });
    NamespaceRow { id: 0, version: schema.version, key: key.to_string(), fields }
}

/// Whether a row has become another, with which the old program would no longer open. The order of the fields has no
/// say.
pub(crate) fn has_grown(stored: &NamespaceRow, wanted: &NamespaceRow) -> bool {
    let fields = |row: &NamespaceRow| row.fields.as_ref().map_or(0, Vec::len);
    stored.key != wanted.key || fields(stored) != fields(wanted)
}

/// Why stored records are not records of the compiled schema; empty where they are.
pub(crate) fn differences(stored: &NamespaceRow, key: &Shape, schema: &Schema) -> Vec<String> {
    let mut found = Vec::new();
    if stored.version != schema.version {
        found.push(format!("version {} is stored, the program has version {}", stored.version, schema.version));
    }
    if !key.accepts(&stored.key) {
        let hint = if key.differs_in_names(&stored.key) {
            ": its fields have other names, or another order; for a renamed one write `#[key(alias = \"old\")]`"
        } else {
            ""
        };
        found.push(format!("keys are stored as `{}`, the program has `{key}`{hint}", stored.key));
    }
    match (&stored.fields, schema.fields) {
        (None, None) => {}
        (Some(_), None) => found.push("structs are stored, the program has bare values".to_owned()),
        (None, Some(_)) => found.push("bare values are stored, the program has a struct".to_owned()),
        (Some(stored), Some(compiled)) => {
            for (name, stored_type) in stored {
                match compiled.iter().find(|field| field.name == name) {
                    None => found.push(format!("field `{name}: {stored_type}` is stored, the program has none")),
                    Some(field) if field.type_name != stored_type => found.push(format!(
                        "field `{name}` is stored as `{stored_type}`, the program has `{}`",
                        field.type_name
                    )),
                    Some(_) => {}
                }
            }
            let is_new = |name: &str| !stored.iter().any(|(other, _)| other == name);
            found.extend(compiled.iter().filter(|field| !field.has_initial && is_new(field.name)).map(|field| {
                format!(
                    "field `{}: {}` is new and required: records without it have no value for it, so it needs `#[store(default)]`",
                    field.name, field.type_name
                )
            }));
        }
    }
    found
}

/// Why stored elements are not those of the compiled schema; empty where they are. What was made for a field that no write
/// has recorded yet has no elements, and nothing to say.
pub(crate) fn element_differences(
    row: &NamespaceRow,
    stored: &[(String, SecondaryRow)],
    schema: &[ElementSchema],
) -> Vec<String> {
    let mut found = Vec::new();
    for field in schema {
        let Some(stored) = recorded_elements(row, stored, field.name) else { continue };
        if stored.kind != field.kind {
            found.push(format!(
                "the elements of field `{}` are stored as a {}, the program has a {}",
                field.name, stored.kind, field.kind
            ));
        } else if !field.key.accepts(&stored.key) {
            found.push(format!(
                "the keys of the elements of field `{}` are stored as `{}`, the program has `{}`",
                field.name, stored.key, field.key
            ));
        }
    }
    found
}

/// The row of a field that has been part of the stored schema.
pub(crate) fn recorded_elements<'a>(
    row: &NamespaceRow,
    stored: &'a [(String, SecondaryRow)],
    field: &str,
) -> Option<&'a SecondaryRow> {
    let is_recorded = row.fields.iter().flatten().any(|(name, _)| name == field);
    stored.iter().find(|(name, _)| is_recorded && name == field).map(|(_, row)| row)
}
