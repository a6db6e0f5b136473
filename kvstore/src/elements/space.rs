//! Where the elements of one store lie: a namespace for each of its element-wise collections, and one for its orphans.

use super::{ElementValue, encode_value};
use crate::catalog::{self, NamespaceRow, SecondaryRow};
use crate::engine::{Engine, Page};
use crate::error::{Error, Result};
use crate::key::hidden::KeyBuf;
use crate::key::{Shape, Span};
use crate::namespace::GrownRow;
use crate::record::{self, ReadBack, ReadBackWindow, RecordError};
use crate::schema::recorded_elements;
use crate::sequence::Sequence;
use crate::store::ElementSchema;

/// The bytes before the key of an element: the namespace of its field, and the incarnation of its entry.
pub(crate) const PREFIX_BYTES: usize = 12;

/// The namespaces of a store's elements; empty where it has none.
#[derive(Debug, Default)]
pub(crate) struct ElementSpaces {
    fields: Vec<ElementField>,
    /// Its keys are the incarnations of entries that are gone and whose elements are not deleted yet.
    orphans: u32,
    incarnations: Sequence,
    /// The version of the store's schema, which stands in the records of its entries.
    version: u32,
}

/// One element-wise collection.
#[derive(Debug)]
pub(crate) struct ElementField {
    id: u32,
    pub(crate) name: &'static str,
    shape: Shape,
    /// Whether what the type of the elements does not know is left out when they are read.
    pub(crate) ignores_unknown: bool,
    /// Which elements are read back before they are put.
    read_back: ReadBackWindow,
}

impl ElementField {
    /// The record of an element.
    pub(super) fn encode<V: ElementValue>(&self, value: &V) -> Result<Vec<u8>, RecordError> {
        let record = encode_value(value)?;
        if self.read_back.takes_one() {
            record::read_back_element::<V>(&record, value, self.ignores_unknown)?;
        }
        Ok(record)
    }

    /// An element, by its key in last form, as text.
    pub(crate) fn render(&self, key: &[u8]) -> String {
        format!("{}[{}]", self.name, self.shape.render(key))
    }

    /// The beginning of the keys of one entry's elements.
    pub(crate) fn prefix(&self, incarnation: u64) -> KeyBuf {
        let mut key = KeyBuf::in_namespace(self.id);
        key.extend(&incarnation.to_be_bytes());
        key
    }
}

impl ElementSpaces {
    /// Finds the namespaces of a store, and creates those that are missing; with them the rows that have grown, to be
    /// recorded by the first write.
    pub(crate) fn open(
        engine: &dyn Engine,
        row: &NamespaceRow,
        stored: &[(String, SecondaryRow)],
        version: u32,
        schema: &[ElementSchema],
        read_back: ReadBack,
    ) -> Result<(Self, Vec<GrownRow>)> {
        if schema.is_empty() {
            return Ok((Self::default(), Vec::new()));
        }
        let compiled = |field: &ElementSchema| SecondaryRow::new(field.kind, field.key.to_string());
        let mut wanted = vec![(ORPHANS.to_owned(), SecondaryRow::new("orphans", "u64".to_owned()))];
        wanted.extend(schema.iter().map(|field| {
            let row = recorded_elements(row, stored, field.name).cloned().unwrap_or_else(|| compiled(field));
            (field.name.to_owned(), row)
        }));
        let rows = catalog::ensure_secondaries(engine, row.id, &wanted)?;
        let (mut fields, mut grown) = (Vec::new(), Vec::new());
        for (field, old) in schema.iter().zip(rows.iter().skip(1)) {
            fields.push(ElementField {
                id: old.id,
                name: field.name,
                shape: field.key,
                ignores_unknown: field.ignores_unknown,
                read_back: ReadBackWindow::new(read_back),
            });
            let new = SecondaryRow { id: old.id, ..compiled(field) };
            if new != *old {
                grown.push(GrownRow {
                    key: catalog::secondary_key(row.id, field.name),
                    old: catalog::encode_row(old)?,
                    new: catalog::encode_row(&new)?,
                });
            }
        }
        let orphans = rows.first().map_or(0, |row| row.id);
        Ok((Self { fields, orphans, incarnations: Sequence::default(), version }, grown))
    }

    pub(crate) fn fields(&self) -> &[ElementField] {
        &self.fields
    }

    /// The incarnation of an entry, from its record.
    pub(crate) fn incarnation(&self, record: &[u8]) -> Result<Option<u64>, RecordError> {
        record::incarnation(record, self.version)
    }

    /// The collection at this place among those of the struct.
    pub(crate) fn field(&self, index: usize) -> Result<&ElementField> {
        // Paths are made by the derive, from the struct that the store was opened with.
        let missing = || Error::Unsupported { what: "a path to elements that the store was not opened with".into() };
        self.fields.get(index).ok_or_else(missing)
    }

    /// A number for an entry, never given out before; `None` where all are used up.
    pub(crate) fn next_incarnation(&self, engine: &dyn Engine) -> Result<Option<u64>> {
        self.incarnations.next(engine, self.orphans)
    }

    /// The row that tells the sweeper of the elements of an entry that is gone.
    pub(crate) fn orphan_key(&self, incarnation: u64) -> KeyBuf {
        let mut key = KeyBuf::in_namespace(self.orphans);
        key.extend(&incarnation.to_be_bytes());
        key
    }

    /// All such rows.
    pub(crate) fn orphans(&self) -> Span {
        Span::namespace(self.orphans)
    }

    /// Whether there are such rows.
    pub(crate) fn has_orphans(&self, engine: &dyn Engine) -> Result<bool> {
        if self.fields.is_empty() {
            return Ok(false);
        }
        let mut page = Page::new();
        engine.page(&self.orphans(), &mut page)?;
        Ok(page.len() > 0)
    }
}

/// The name of the orphans among the secondary structures of a namespace, the others having names of fields.
const ORPHANS: &str = "";
