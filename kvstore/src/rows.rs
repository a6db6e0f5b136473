//! Rows of a span in order, copied out of a reader page by page: what every scan runs on.

use crate::engine::{Page, Reader};
use crate::error::Result;
use crate::key::Span;
use crate::key::hidden::KeyBuf;
use crate::sync::Arc;

/// Rows of the first page, and of the largest: a scan that ends soon reads little, at most twice what it returns, and a
/// long one reads in large pieces.
const FIRST_PAGE: usize = 16;
const LARGEST_PAGE: usize = 1024;

/// A place among the rows of a span; before the first of them when new.
pub(crate) struct Rows {
    view: Arc<dyn Reader>,
    /// What is left behind the page.
    rest: Span,
    /// No row of the view lies before this: where to begin to read, which is no bound of the rows.
    front: Option<KeyBuf>,
    /// Whether the start of `rest` is an excluded key, and its end an included one: each has a zero byte behind it then.
    start_excluded: bool,
    end_included: bool,
    page: Page,
    /// The row of the page that comes next.
    next: usize,
    /// How many rows the next page is to have.
    next_page: usize,
    /// Whether nothing is left behind the page.
    ended: bool,
}

impl Rows {
    pub(crate) fn new(view: Arc<dyn Reader>, rest: Span) -> Self {
        let ended = rest.is_empty();
        Self {
            view,
            rest,
            front: None,
            start_excluded: false,
            end_included: false,
            page: Page::new(),
            next: 0,
            next_page: FIRST_PAGE,
            ended,
        }
    }

    /// Says which ends of the span were made of an excluded start and an included end.
    pub(crate) fn with_edges(self, start_excluded: bool, end_included: bool) -> Self {
        Self { start_excluded, end_included, ..self }
    }

    /// Says that no row of the view lies in the span before this key, if one is given.
    pub(crate) fn with_front(self, front: Option<KeyBuf>) -> Self {
        Self { front, ..self }
    }

    /// Leaves out the keys before this one.
    pub(crate) fn start_at(&mut self, key: KeyBuf) {
        self.rewind();
        if key >= self.rest.start {
            self.rest.start = key;
            self.start_excluded = false;
        }
        self.ended = self.rest.is_empty();
    }

    /// Leaves out the keys up to and including this one.
    pub(crate) fn start_after(&mut self, mut key: KeyBuf) {
        self.rewind();
        key.push(0);
        if key > self.rest.start {
            self.rest.start = key;
            self.start_excluded = true;
        }
        self.ended = self.rest.is_empty();
    }

    /// Leaves out this key and those behind it.
    pub(crate) fn end_before(&mut self, key: KeyBuf) {
        self.rewind();
        if key < self.rest.end {
            self.rest.end = key;
            self.end_included = false;
        }
        self.ended = self.rest.is_empty();
    }

    /// Whether the bounds are the wrong way round. Equal keys are no mistake, included or not: nothing is left then, or
    /// one row.
    pub(crate) fn start_behind_end(&self) -> bool {
        key_of_end(&self.rest.start, self.start_excluded) > key_of_end(&self.rest.end, self.end_included)
    }

    /// Runs in the opposite order over what has not been returned.
    pub(crate) fn reverse(&mut self) {
        self.rewind();
        self.page.reversed = !self.page.reversed;
    }

    pub(crate) fn is_reversed(&self) -> bool {
        self.page.reversed
    }

    /// Leaves out the values from here on.
    pub(crate) fn keys_only(&mut self) {
        self.rewind();
        self.page.keys_only = true;
    }

    /// Gives up what is read ahead, so that `rest` is all that has not been returned.
    fn rewind(&mut self) {
        let last = self.next.checked_sub(1);
        if let Some((key, _)) = last.and_then(|last| self.page.row(last)) {
            let key = KeyBuf::from_bytes(key);
            self.shrink_rest(key);
            self.ended = self.rest.is_empty();
        } else if let Some((key, _)) = self.page.row(0) {
            // The first row of the page was put back.
            let mut key = KeyBuf::from_bytes(key);
            if self.page.reversed {
                key.push(0);
                self.rest.end = key;
            } else {
                self.rest.start = key;
            }
            self.ended = false;
        }
        self.page.clear(1);
        self.next = 0;
    }

    /// Cuts off what lies up to and including the last key returned.
    fn shrink_rest(&mut self, last: KeyBuf) {
        if self.page.reversed {
            self.rest.end = last;
            self.end_included = false;
        } else {
            self.rest.start = last;
            self.rest.start.push(0);
            self.start_excluded = true;
        }
    }

    /// Moves to the next row, reading another page where need be; `false` at the end. An error is the end, too.
    pub(crate) fn advance(&mut self) -> Result<bool> {
        if self.next >= self.page.len() {
            if self.ended {
                return Ok(false);
            }
            self.page.clear(self.next_page);
            self.next_page = (self.next_page * 2).min(LARGEST_PAGE);
            self.next = 0;
            let read = match &self.front {
                Some(front) if !self.page.reversed && *front > self.rest.start => {
                    let start = front.min(&self.rest.end).clone();
                    self.view.page(&Span { start, end: self.rest.end.clone() }, &mut self.page)
                }
                _ => self.view.page(&self.rest, &mut self.page),
            };
            if let Err(error) = read {
                self.page.clear(1);
                self.ended = true;
                return Err(error);
            }
            match self.page.len().checked_sub(1).and_then(|last| self.page.row(last)) {
                Some((last, _)) if self.page.more => {
                    let last = KeyBuf::from_bytes(last);
                    self.shrink_rest(last);
                }
                Some(_) => self.ended = true,
                None => {
                    self.ended = true;
                    return Ok(false);
                }
            }
        }
        self.next += 1;
        Ok(true)
    }

    /// Moves back before the row that `advance` moved to, once.
    pub(crate) fn put_back(&mut self) {
        self.next = self.next.saturating_sub(1);
    }

    /// The row that `advance` moved to: its database key, and its record.
    pub(crate) fn row(&self) -> (&[u8], &[u8]) {
        self.next.checked_sub(1).and_then(|index| self.page.row(index)).unwrap_or_default()
    }
}

/// The key at an end of a span, without the zero byte that excludes or includes it.
fn key_of_end(end: &KeyBuf, has_zero: bool) -> &[u8] {
    let bytes = end.as_slice();
    if has_zero { bytes.strip_suffix(&[0]).unwrap_or(bytes) } else { bytes }
}
