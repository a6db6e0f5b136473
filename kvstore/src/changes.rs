//! Changes of one entry in one call that return something of it: the old value, or the result of a function that may
//! fail.

use std::panic::Location;

use crate::error::{Error, Result};
use crate::guard::{Guard, replace_value};
use crate::key::KeyArg;
use crate::map_store::{MapStore, create_in, value_of};
use crate::namespace::{Change, Write, apply};
use crate::store::{Initialize, Store};

/// An error type of [`MapStore::try_update`]: any that can be made of an [`Error`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be the error of `try_update`",
    label = "no `From<kvstore::Error>` for `{Self}`",
    note = "`try_update` fails with the function's error or one of the store's: give `{Self}` an `impl From<kvstore::Error>`, as thiserror's `#[from] kvstore::Error` does"
)]
pub trait FailedUpdate: From<Error> {}

#[diagnostic::do_not_recommend]
impl<E: From<Error>> FailedUpdate for E {}

impl<T: Store> MapStore<T> {
    /// Changes an entry by a function that may fail: commits if the function returns `Ok`, and writes nothing if it
    /// returns `Err`. Returns what the function returned; `None` if there is no entry.
    ///
    /// ```
    /// # use kvstore::{Database, Error};
    /// #[derive(Debug, PartialEq)]
    /// enum Refused { Overdrawn, Store }
    /// # impl From<Error> for Refused { fn from(_: Error) -> Self { Self::Store } }
    ///
    /// # let accounts = Database::in_memory()?.map::<String, u64>("accounts")?;
    /// # accounts.put("me", 10)?;
    /// let withdraw = |sum| accounts.try_update("me", |balance| {
    ///     *balance = balance.checked_sub(sum).ok_or(Refused::Overdrawn)?;
    ///     Ok::<_, Refused>(*balance)
    /// });
    /// assert_eq!(withdraw(7), Ok(Some(3)));
    /// assert_eq!(withdraw(7), Err(Refused::Overdrawn));
    /// assert_eq!(accounts.get("me")?, Some(3));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// The function's own, and those of [`Guard::commit`] made into one of them.
    ///
    /// # Locking
    /// Waits for the entry's lock, and holds it while the function runs: see [`MapStore`].
    #[track_caller]
    pub fn try_update<R, E: FailedUpdate>(
        &self,
        key: impl KeyArg<T::Key>,
        change: impl FnOnce(&mut T::Value) -> Result<R, E>,
    ) -> Result<Option<R>, E> {
        let Some(mut guard) = self.lock_existing(&key, self.timeout(), Location::caller())? else {
            return Ok(None);
        };
        match change(&mut guard) {
            Ok(result) => {
                guard.commit()?;
                Ok(Some(result))
            }
            Err(error) => {
                guard.release();
                Err(error)
            }
        }
    }

    /// Creates or replaces an entry, and returns the value that it had before; `None` if there was none. Its elements are
    /// gone, as after [`insert`](Self::insert), which does not read the old value.
    ///
    /// ```
    /// # use kvstore::Database;
    /// # let names = Database::in_memory()?.map::<u64, String>("names")?;
    /// assert_eq!(names.replace(1, "Ada".to_owned())?, None);
    /// assert_eq!(names.replace(1, "Grace".to_owned())?.as_deref(), Some("Ada"));
    /// # Ok::<(), kvstore::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`insert`](Self::insert), and [`Error::Decode`] for the old value; nothing is written then.
    ///
    /// # Locking
    /// Waits for the entry's lock: see [`MapStore`].
    #[track_caller]
    pub fn replace(&self, key: impl KeyArg<T::Key>, init: impl Initialize<T>) -> Result<Option<T::Value>> {
        let mut entry = self.lock_entry(&key, self.timeout(), Location::caller())?;
        let value = value_of(self.namespace(), entry.key(), init)?;
        let old = entry.read::<T>()?;
        replace_value::<T>(&entry, &value).map_err(Error::of_commit)?;
        Ok(old)
    }

    /// Removes an entry with its elements, and returns the value that it had; `None` if there was none.
    ///
    /// ```
    /// # use kvstore::Database;
    /// # let names = Database::in_memory()?.map::<u64, String>("names")?;
    /// names.put(1, "Ada".into())?;
    /// assert_eq!(names.take(1)?.as_deref(), Some("Ada"));
    /// assert_eq!(names.take(1)?, None);
    /// # Ok::<(), kvstore::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`remove`](Self::remove), and [`Error::Decode`] for the value; nothing is removed then.
    ///
    /// # Locking
    /// Waits for the entry's lock: see [`MapStore`].
    #[track_caller]
    pub fn take(&self, key: impl KeyArg<T::Key>) -> Result<Option<T::Value>> {
        let mut entry = self.lock_entry(&key, self.timeout(), Location::caller())?;
        let value = entry.read::<T>()?;
        if value.is_some() {
            apply(&[Write { entry: &entry, change: Change::Delete }]).map_err(Error::of_commit)?;
        }
        Ok(value)
    }

    /// Locks an entry, or creates it with what the function returns: for initializers that cost something to make.
    /// The function runs only if there is no entry, and under its lock. [`Guard::is_new`] says whether it was created.
    ///
    /// ```
    /// # use kvstore::Database;
    /// # let pages = Database::in_memory()?.map::<String, String>("pages")?;
    /// # fn fetch(_: &str) -> String { "text".to_owned() }
    /// let page = pages.lock_or_create_with("/a", || fetch("/a"))?;
    /// assert!(page.is_new());
    /// page.commit()?;
    /// # let page = pages.lock_or_create_with("/a", || -> String { unreachable!() })?;
    /// # assert!(!page.is_new());
    /// # Ok::<(), kvstore::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`lock_or_create`](Self::lock_or_create).
    ///
    /// # Locking
    /// Waits for the entry's lock, and holds it while the function runs: see [`MapStore`].
    #[track_caller]
    pub fn lock_or_create_with<I: Initialize<T>>(
        &self,
        key: impl KeyArg<T::Key>,
        init: impl FnOnce() -> I,
    ) -> Result<Guard<T>> {
        let mut entry = self.lock_entry(&key, self.timeout(), Location::caller())?;
        match entry.read::<T>()? {
            Some(value) => entry.into_guard(value),
            None => create_in(entry, init()),
        }
    }
}
